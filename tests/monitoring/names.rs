//! Every metric that a rule or a panel names exists, and every metric is used.

use crate::files;
use crate::known;
use crate::promql::{self, Names};
use harbormouth::observe::metrics::FAMILIES;
use std::collections::BTreeSet;

/// Families that no panel, rule or alert shows, and why.
const UNUSED: &[(&str, &str)] = &[
    (
        "harbormouth_accept_pauses_total",
        "The log has a line when it begins and one when it ends, and what comes of it is in no_socket.",
    ),
    (
        "harbormouth_registry_owner_info",
        "The alerts' label owner is read from it.",
    ),
    (
        "harbormouth_thread_responsive",
        "The supervisor acts on /livez before anybody could look.",
    ),
    (
        "harbormouth_log_lines_dropped_total",
        "The log itself says how many lines are missing, where they are missing.",
    ),
    (
        "harbormouth_spans_total",
        "Who misses a trace looks here; no client notices.",
    ),
    (
        "harbormouth_upgrade_failures_total",
        "Who upgrades looks whether it went well, and the process before it serves on.",
    ),
    (
        "harbormouth_filter_decisions_total",
        "What a filter should say, only who wrote it knows; denials and breaks are in the panels of reasons.",
    ),
];

/// Every expression that is written down, with the place where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for rule in files::recorded() {
        all.push((format!("rules.yaml {}", rule.name), rule.expr));
    }
    for alert in files::alerts() {
        all.push((format!("alerts.yaml {}", alert.name), alert.expr));
    }
    for (title, expr) in files::queries() {
        all.push((format!("dashboard {title}"), expr));
    }
    for (selector, label) in files::variables() {
        all.push((
            format!("dashboard variable {label}"),
            format!("count by ({label}) ({selector})"),
        ));
    }
    for (alert, page) in files::runbooks() {
        for block in files::blocks(&page) {
            all.push((format!("runbooks/{alert}.md"), block));
        }
    }
    for block in files::blocks(&files::read("README.md")) {
        all.push(("README.md".to_owned(), block));
    }
    all
}

/// What an expression names that isn't there.
fn unknown(names: &Names) -> Vec<String> {
    let known = known::metrics();
    let mut labels_here: BTreeSet<&str> = BTreeSet::new();
    let mut missing = Vec::new();
    for selector in &names.selectors {
        let metric = selector.metric.as_str();
        let Some(labels) = known.get(metric) else {
            missing.push(format!("no metric {metric}"));
            continue;
        };
        labels_here.extend(labels.iter().map(String::as_str));
        for matcher in &selector.matchers {
            if !labels.contains(&matcher.label) {
                missing.push(format!("{metric} has no label {}", matcher.label));
            }
            let allowed = known::values(metric, &matcher.label);
            for value in matcher.values.iter().flatten() {
                if allowed.as_ref().is_some_and(|list| !list.contains(value)) {
                    let label = &matcher.label;
                    missing.push(format!("{metric} has no {label}=\"{value}\""));
                }
            }
        }
    }
    for label in &names.labels {
        if !labels_here.contains(label.as_str()) {
            missing.push(format!("nothing here has a label {label} to group by"));
        }
    }
    missing
}

#[test]
fn every_metric_label_and_value_that_is_named_exists() {
    let mut missing = Vec::new();
    for (place, expr) in expressions() {
        for what in unknown(&promql::names(&expr)) {
            missing.push(format!("{place}: {what}: {expr}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn a_name_that_does_not_exist_is_found() {
    for (expr, wanted) in [
        ("harbormouth_nothing_total", "no metric"),
        ("harbormouth_commit_wait_seconds", "no metric"),
        ("up{registry=\"hq\"}", "no label registry"),
        ("sum by (operation) (harbormouth_uploads_open)", "no label"),
        (
            "harbormouth_request_failures_total{reason=~\"reset|rest\"}",
            "\"rest\"",
        ),
        (
            "harbormouth_tickets_refused_total{reason=\"reset\"}",
            "\"reset\"",
        ),
        (
            "harbormouth_requests_total{operation=~\"upload_(start|stop)\"}",
            "\"upload_stop\"",
        ),
    ] {
        let missing = unknown(&promql::names(expr)).join(" ");
        let wanted = wanted.replace("no label", "label");
        assert!(missing.contains(&wanted), "{expr}: {missing:?}");
    }
}

/// In prose, too.
#[test]
fn every_metric_that_a_page_mentions_exists() {
    let mut pages: Vec<(String, String)> = files::runbooks().into_iter().collect();
    pages.push(("README".to_owned(), files::read("README.md")));
    let known = known::metrics();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for (name, text) in pages {
        for word in text.split(|c| !is_part(c)) {
            let is_metric = word.starts_with("harbormouth_") || word.starts_with("process_");
            let is_known = known.contains_key(word)
                || FAMILIES.iter().any(|family| family.name == word)
                // A part of a recorded name.
                || known.keys().any(|k| k.split(':').any(|part| part == word));
            assert!(!is_metric || is_known, "{name}: {word}");
        }
    }
}

#[test]
fn every_family_is_used_or_its_absence_justified() {
    let used: BTreeSet<&str> = expressions()
        .iter()
        .filter(|(place, _)| !place.contains(".md"))
        .flat_map(|(_, expr)| promql::names(expr).selectors)
        .filter_map(|selector| known::family(&selector.metric))
        .collect();
    for family in FAMILIES {
        let reason = UNUSED.iter().find(|(name, _)| *name == family.name);
        match (used.contains(family.name), reason) {
            (true, None) => {}
            (true, Some(_)) => panic!("{} is used: take it off the list", family.name),
            (false, Some((_, why))) => assert!(why.ends_with('.'), "{}: why?", family.name),
            (false, None) => panic!("{} is in no panel, rule or alert", family.name),
        }
    }
}

#[test]
fn recorded_names_say_level_metric_and_operations() {
    let known = known::metrics();
    for rule in files::recorded() {
        let parts: Vec<&str> = rule.name.split(':').collect();
        assert_eq!(parts.len(), 3, "{}", rule.name);
        let names = promql::names(&rule.expr);
        let mut left: BTreeSet<String> = names.labels.iter().cloned().collect();
        if left.is_empty() {
            // All that the series has that it is made of.
            left.clone_from(&known[&names.selectors[0].metric]);
        }
        let named: BTreeSet<String> = parts[0].split('_').map(str::to_owned).collect();
        assert_eq!(left, named, "{}: what is left", rule.name);
        assert!(parts[1].starts_with("harbormouth_"), "{}", rule.name);
        for (_, window) in names.windows {
            let (window, _) = window.split_once(':').unwrap_or((&window, ""));
            assert!(parts[2].ends_with(window), "{}", rule.name);
        }
    }
}
