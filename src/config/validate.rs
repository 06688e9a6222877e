//! From a document to the configuration: reads the document, applies the rules between its values, and
//! loads the files that it names. Returns a configuration or every problem.

use super::admin;
use super::consistency;
use super::document::Node;
use super::files::{Machine, Making};
use super::included;
use super::networks;
use super::problem::{Complaint, Key, Keyed, Problem, Problems};
use super::reattach::Reattach;
use super::references::{self, registry_names};
use super::registry;
use super::root::{ACCEPTED, Config, DraftConfig, REGISTRIES};
use super::setting::Setting;
use super::warning::Warning;
use super::yaml::{Value, ValuesLeft};
use std::collections::HashSet;

/// Reads a document into a configuration.
pub(super) fn validate(
    document: &Value,
    key: Key,
    values: &ValuesLeft,
    around: &Machine<'_>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems::default();
    let root = Node::root(key, document);
    let Some(value) = Config::read(&ACCEPTED, &root, &mut problems) else {
        return Err(problems.0);
    };
    let mut draft = Keyed {
        key: root.key,
        value,
    };
    let included = included::add(&mut draft, values, around, &mut problems);
    if draft.value.registries.is_none() {
        needs_registries(&draft.key, &mut problems);
    }
    consistency::apply(&draft, &mut problems);
    let mut making = Making {
        around,
        problems,
        warnings: Vec::new(),
        networks: draft
            .value
            .networks
            .as_ref()
            .map_or_else(Vec::new, |networks| networks::named(&networks.value)),
        registries: registry_names(&draft.value)
            .map(|name| name.value.clone())
            .collect(),
    };
    if let Some(inherited) = &draft.value.reattach {
        // For those that nobody inherits, too.
        Reattach::finish(inherited, &mut making);
    }
    draft.value.inherit();
    let config = Config::finish(&draft, &mut making);
    // What is inherited is made for each.
    let problems = each_once(making.problems.0, |problem| problem.placed(None));
    match config {
        Some(config) if problems.is_empty() => {
            let mut warnings = warnings(&draft.value, &config);
            warnings.extend(making.warnings);
            warnings.extend_from_slice(&included.warnings);
            let warnings = each_once(warnings, |warning| warning.placed(None));
            Ok(Config {
                warnings,
                included,
                ..config
            })
        }
        Some(_) | None => Err(problems),
    }
}

/// What is allowed but probably not meant, of what was read together.
fn warnings(draft: &DraftConfig, config: &Config) -> Vec<Warning> {
    let mut warnings = consistency::warnings(draft, &config.listeners);
    warnings.extend(references::identity_warnings(draft, &config.identities));
    if let Some(admin) = &draft.admin {
        warnings.extend(admin::warnings(&admin.value, &config.admin));
    }
    warnings
}

/// No file has any, and none was wrong.
fn needs_registries(root: &Key, problems: &mut Problems) {
    let key = root.child(REGISTRIES);
    let is_told = |problem: &Problem| problem.key.bare() == key.bare();
    if !problems.0.iter().any(is_told) {
        let accepted = registry::REGISTRIES.accepted.into();
        problems.add(&key, Complaint::Missing { accepted });
    }
}

/// Those that are told in the same words at the same place are one.
fn each_once<T>(mut told: Vec<T>, line: impl Fn(&T) -> String) -> Vec<T> {
    let mut seen = HashSet::new();
    told.retain(|it| seen.insert(line(it)));
    told
}
