//! The files of `deploy/monitoring`, read.

use serde_yaml::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/monitoring")
}

pub fn read(file: impl AsRef<Path>) -> String {
    let path = folder().join(file);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files of a folder with this ending, in the order of their names.
pub fn list(inner: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder().join(inner)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = paths
        .filter(|path| path.to_string_lossy().ends_with(ending))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "nothing in {inner}");
    files
}

/// A recording rule or an alert.
#[derive(Clone, Debug)]
pub struct Rule {
    pub name: String,
    pub expr: String,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

pub fn recorded() -> Vec<Rule> {
    rules("rules.yaml", "record")
}

pub fn alerts() -> Vec<Rule> {
    rules("alerts.yaml", "alert")
}

/// The names of all groups of rules, in the order in which they need each other.
pub fn groups() -> Vec<String> {
    let of_file = |file: &str| -> Vec<String> {
        let document: Value = serde_yaml::from_str(&read(file)).expect("YAML");
        let groups = document["groups"].as_sequence().expect("groups").iter();
        groups
            .map(|group| group["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    [of_file("rules.yaml"), of_file("alerts.yaml")].concat()
}

fn rules(file: &str, kind: &str) -> Vec<Rule> {
    let document: Value = serde_yaml::from_str(&read(file)).expect("YAML");
    let groups = document["groups"].as_sequence().expect("groups");
    let of_group = |group: &Value| group["rules"].as_sequence().expect("rules").clone();
    let rules: Vec<Rule> = groups
        .iter()
        .flat_map(of_group)
        .map(|rule| Rule {
            name: rule[kind]
                .as_str()
                .unwrap_or_else(|| panic!("{file} has another rule than {kind}: {rule:?}"))
                .to_owned(),
            expr: rule["expr"].as_str().expect("an expression").to_owned(),
            labels: strings(&rule["labels"]),
            annotations: strings(&rule["annotations"]),
        })
        .collect();
    assert!(!rules.is_empty(), "{file} is empty");
    rules
}

/// A mapping from strings to scalars; empty where there is none.
pub fn strings(value: &Value) -> BTreeMap<String, String> {
    let Some(mapping) = value.as_mapping() else {
        return BTreeMap::new();
    };
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => serde_yaml::to_string(other)
            .expect("a scalar")
            .trim()
            .to_owned(),
    };
    mapping.iter().map(|(k, v)| (text(k), text(v))).collect()
}

pub fn dashboard() -> serde_json::Value {
    serde_json::from_str(&read("grafana/harbormouth.json")).expect("JSON")
}

/// The panels in the order of the page: each row, and behind it those that are in it.
pub fn panels() -> Vec<serde_json::Value> {
    let dashboard = dashboard();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().expect("panels") {
        all.push(panel.clone());
        all.extend(panel["panels"].as_array().into_iter().flatten().cloned());
    }
    all
}

/// Every query of the dashboard, with the title of its panel or annotation.
pub fn queries() -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let mut queries = Vec::new();
    for panel in panels() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            queries.push((text(&panel["title"]), text(&target["expr"])));
        }
    }
    let dashboard = dashboard();
    for annotation in dashboard["annotations"]["list"].as_array().expect("a list") {
        queries.push((text(&annotation["name"]), text(&annotation["expr"])));
    }
    assert!(!queries.is_empty(), "no queries");
    queries
}

/// The queries of the dashboard's variables: `label_values(SELECTOR, LABEL)`.
pub fn variables() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let list = dashboard["templating"]["list"].as_array().expect("a list");
    let query = |variable: &serde_json::Value| {
        let text = variable["query"]["query"].as_str()?;
        let inner = text.strip_prefix("label_values(")?.strip_suffix(')')?;
        let (selector, label) = inner.rsplit_once(", ").expect("a selector and a label");
        Some((selector.to_owned(), label.to_owned()))
    };
    list.iter().filter_map(query).collect()
}

/// The runbook pages: name of the alert, text.
pub fn runbooks() -> BTreeMap<String, String> {
    let pages = list("runbooks", ".md").into_iter().map(|path| {
        let name = path.file_stem().expect("a name").to_string_lossy();
        (name.into_owned(), read(&path))
    });
    pages.collect()
}

/// The `promql` blocks of a page.
pub fn blocks(page: &str) -> Vec<String> {
    let after_fences = page.split("```promql\n").skip(1);
    after_fences
        .map(|rest| {
            rest.split("```")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        })
        .collect()
}
