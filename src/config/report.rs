//! What is wrong with a configuration, for programs: `check --json`, which `docs/check.schema.json`
//! describes.

use super::problem::{Key, Problem};
use super::warning::Warning;
use super::{Config, ConfigError, schema};
use crate::oci::docs;
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A configuration's errors and warnings.
#[derive(Serialize)]
pub struct Report {
    /// Of this format: within one number fields are added, never renamed and never taken away.
    schema: u32,
    /// Whether it can be served; there are no errors then.
    valid: bool,
    /// None where flags say everything.
    file: Option<PathBuf>,
    included: Vec<PathBuf>,
    errors: Vec<Remark>,
    warnings: Vec<Remark>,
    /// What a reload would do, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload: Option<Value>,
}

/// Something that is said of a configuration, and where.
#[derive(Serialize)]
struct Remark {
    file: Option<PathBuf>,
    line: Option<usize>,
    column: Option<usize>,
    /// `registries[0].public[0]`, or a flag; none where it is about no one key.
    key: Option<String>,
    message: String,
    /// Where the setting is explained.
    page: String,
}

impl Report {
    /// Of a configuration, with what else it is warned of.
    pub fn of(config: &Config, others: impl IntoIterator<Item = String>) -> Report {
        let file = config.file.as_deref();
        let warnings = config.warnings.iter();
        let others = others.into_iter().map(|text| Remark::about_all(None, text));
        Report {
            included: config.included_files().to_vec(),
            warnings: warnings
                .map(|warning| Remark::of_warning(warning, file))
                .chain(others)
                .collect(),
            ..Report::without_errors(file)
        }
    }

    /// Of what is none.
    pub fn of_error(error: &ConfigError) -> Report {
        let (file, errors) = match error {
            ConfigError::Unreadable { file, source } => {
                let message = format!("can't be read: {source}");
                let remark = Remark::about_all(Some(file), message);
                (Some(file.as_path()), vec![remark])
            }
            ConfigError::Syntax { file, at, flaw } => {
                let remark = Remark {
                    line: at.map(|at| at.line),
                    column: at.map(|at| at.column),
                    ..Remark::about_all(Some(file), flaw.clone())
                };
                (Some(file.as_path()), vec![remark])
            }
            ConfigError::Problems { file, problems } => {
                let file = file.as_deref();
                let remark = |problem| Remark::of_problem(problem, file);
                (file, problems.iter().map(remark).collect())
            }
        };
        Report {
            valid: false,
            errors,
            ..Report::without_errors(file)
        }
    }

    fn without_errors(file: Option<&Path>) -> Report {
        Report {
            schema: 1,
            valid: true,
            file: file.map(Path::to_owned),
            included: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            reload: None,
        }
    }
}

impl Remark {
    fn of_problem(problem: &Problem, file: Option<&Path>) -> Remark {
        Remark::at(&problem.key, file, problem.complaint.to_string())
    }

    fn of_warning(warning: &Warning, file: Option<&Path>) -> Remark {
        match &warning.key {
            Some(key) => Remark::at(key, file, warning.message().to_owned()),
            None => Remark::about_all(file, warning.message().to_owned()),
        }
    }

    fn at(key: &Key, file: Option<&Path>, message: String) -> Remark {
        Remark {
            file: key.file().or(file).map(Path::to_owned),
            line: key.at.map(|at| at.line),
            column: key.at.map(|at| at.column),
            key: Some(key.bare().to_owned()),
            message,
            page: page_of(key.bare()),
        }
    }

    fn about_all(file: Option<&Path>, message: String) -> Remark {
        Remark {
            file: file.map(Path::to_owned),
            line: None,
            column: None,
            key: None,
            message,
            page: docs::page("configuration"),
        }
    }
}

/// Where a key is explained: a key that there isn't with the table that it stands in.
pub(super) fn page_of(key: &str) -> String {
    let mut known: Vec<&str> = Vec::new();
    let mut table = schema();
    for name in key.split('.') {
        let name = name.split('[').next().unwrap_or_default();
        let Some(below) = below(&table, name) else {
            break;
        };
        table = below;
        known.push(name);
    }
    match known.as_slice() {
        [] => docs::page("configuration"),
        known => docs::address("configuration", &known.join(".")),
    }
}

/// A key of a table, of the tables of a list, or of one of several forms.
fn below(schema: &Value, name: &str) -> Option<Value> {
    let found = schema["properties"].get(name).cloned();
    let forms = schema["anyOf"].as_array().into_iter().flatten();
    let mut inner = forms.chain(schema.get("items"));
    found.or_else(|| inner.find_map(|inner| below(inner, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_explained_at_its_address() {
        for (key, word) in [
            ("registries[1].public[0]", "#registries.public"),
            ("canary.interval", "#canary.interval"),
            ("canary[0].interval", "#canary.interval"),
            ("registries[0].upstream.proxy_pass", "#registries.upstream"),
            ("networks.lan[2]", "#networks"),
            ("the document", "configuration.md"),
            ("--public", "configuration.md"),
        ] {
            assert!(page_of(key).ends_with(word), "{key}: {}", page_of(key));
        }
    }
}
