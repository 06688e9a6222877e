//! From a document to the configuration: reads the document, applies the rules between its values, and
//! loads the files that it names. Returns a configuration or every problem.

use super::consistency;
use super::document::Node;
use super::files::{Machine, Making};
use super::networks;
use super::problem::{Key, Keyed, Problem, Problems, Written};
use super::reattach::Reattach;
use super::references::{self, registry_names};
use super::root::{ACCEPTED, Config};
use super::setting::Setting;
use super::yaml::Value;
use std::collections::HashSet;

/// Reads a document into a configuration.
pub(super) fn validate(
    document: &Value,
    written: Written,
    around: &Machine<'_>,
) -> Result<Config, Vec<Problem>> {
    let mut problems = Problems::default();
    let root = Node::root(Key::root(written), document);
    let Some(value) = Config::read(&ACCEPTED, &root, &mut problems) else {
        return Err(problems.0);
    };
    let mut draft = Keyed {
        key: root.key,
        value,
    };
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
    let problems = each_once(making.problems.0);
    match config {
        Some(config) if problems.is_empty() => {
            let mut warnings = consistency::warnings(&draft.value, &config.listeners);
            warnings.extend(references::identity_warnings(
                &draft.value,
                &config.identities,
            ));
            warnings.extend(making.warnings);
            let warnings = each_once(warnings);
            Ok(Config { warnings, ..config })
        }
        Some(_) | None => Err(problems),
    }
}

/// Those that are told in the same words are one.
pub(super) fn each_once<T: ToString>(mut told: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    told.retain(|it| seen.insert(it.to_string()));
    told
}
