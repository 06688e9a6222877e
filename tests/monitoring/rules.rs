//! The rules and alerts: well formed, and each alert fires when it should and not otherwise.

use crate::common::{process, tools};
use crate::files::{self, Rule};
use crate::promql;
use serde_yaml::Value;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

fn promtool(arguments: &[&str], file: &std::path::Path) -> process::Finished {
    let mut command = Command::new(tools::path("promtool"));
    command.args(arguments).arg(file);
    process::run(command, Duration::from_secs(300))
}

#[test]
fn promtool_takes_the_rules() {
    for file in ["rules.yaml", "alerts.yaml"] {
        let checked = promtool(
            &["check", "rules", "--lint=all", "--lint-fatal"],
            &files::folder().join(file),
        );
        assert!(checked.succeeded(), "{file}: {}", checked.output());
        assert!(checked.output().contains("SUCCESS"), "{}", checked.output());
    }
}

#[test]
fn alerts_fire_when_they_should_and_not_otherwise() {
    for file in files::list("tests", ".yaml") {
        let tested = promtool(&["test", "rules"], &file);
        assert!(tested.succeeded(), "{}", tested.output());
    }
}

/// What one case expects of one alert: the labels of those that fire.
struct Expected {
    alert: String,
    firing: Vec<BTreeMap<String, String>>,
}

fn expectations() -> Vec<Expected> {
    let mut all = Vec::new();
    for file in files::list("tests", ".yaml") {
        let text = files::read(&file);
        let document: Value = serde_yaml::from_str(&text).expect("YAML");
        for case in document["tests"].as_sequence().expect("tests") {
            assert!(
                case["name"].is_string(),
                "{}: a case without name",
                file.display()
            );
            for check in case["alert_rule_test"].as_sequence().into_iter().flatten() {
                let firing = check["exp_alerts"].as_sequence().expect("exp_alerts");
                all.push(Expected {
                    alert: check["alertname"].as_str().expect("a name").to_owned(),
                    firing: firing
                        .iter()
                        .map(|alert| files::strings(&alert["exp_labels"]))
                        .collect(),
                });
            }
        }
    }
    all
}

/// Several rules of one name are told apart by the labels that they add; what a template adds is different
/// each time.
fn is_of(rule: &Rule, labels: &BTreeMap<String, String>) -> bool {
    let mut added = rule.labels.iter().filter(|(_, v)| !v.contains("{{"));
    added.all(|(k, v)| labels.get(k) == Some(v))
}

#[test]
fn every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() {
    let expectations = expectations();
    for rule in files::alerts() {
        let about = || expectations.iter().filter(|e| e.alert == rule.name);
        let fires = |e: &Expected| e.firing.iter().any(|labels| is_of(&rule, labels));
        let name = format!("{} {:?}", rule.name, rule.labels);
        assert!(about().any(fires), "{name} never fires");
        assert!(about().any(|e| !fires(e)), "{name} is never silent");
    }
    for expected in &expectations {
        let known = files::alerts()
            .iter()
            .any(|rule| rule.name == expected.alert);
        assert!(known, "no alert {}", expected.alert);
    }
}

#[test]
fn alerts_tell_what_it_is_how_bad_and_where_to_read_on() {
    for rule in files::alerts() {
        let name = &rule.name;
        let annotation = |key: &str| rule.annotations.get(key).cloned().unwrap_or_default();
        assert!(name.starts_with("Harbormouth"), "{name}");
        let severity = rule.labels.get("severity").map(String::as_str);
        assert!(
            matches!(severity, Some("page" | "ticket" | "info")),
            "{name}"
        );
        assert!(annotation("summary").ends_with('.'), "{name}");
        assert!(annotation("description").contains("{{"), "{name}: no value");
        assert_eq!(annotation("runbook_url"), format!("runbooks/{name}.md"));
        assert_eq!(rule.annotations.len(), 3, "{name}");
    }
}

/// The factors and windows for an objective over 30 days.
#[test]
fn the_error_budget_is_watched_in_four_pairs_of_windows() {
    let burn = files::alerts();
    let burn: Vec<&Rule> = burn
        .iter()
        .filter(|r| r.labels.contains_key("long"))
        .collect();
    let wanted = [
        ("14.4", "1h", "5m", "page"),
        ("6", "6h", "30m", "page"),
        ("3", "1d", "2h", "ticket"),
        ("1", "3d", "6h", "ticket"),
    ];
    assert_eq!(burn.len(), wanted.len());
    for (rule, (factor, long, short, severity)) in burn.iter().zip(wanted) {
        let label = |key: &str| rule.labels.get(key).map(String::as_str);
        assert_eq!(label("long"), Some(long));
        assert_eq!(label("short"), Some(short));
        assert_eq!(label("severity"), Some(severity));
        let allowed =
            format!("({factor} * (1 - cluster_job_registry:harbormouth_objective_ratio:max))");
        assert_eq!(rule.expr.matches(&allowed).count(), 2, "{}", rule.expr);
        for window in [long, short] {
            let ratio = format!("ratio_increase{window}\n");
            assert_eq!(rule.expr.matches(&ratio).count(), 1, "{}", rule.expr);
        }
        let count = format!("increase{long}{{quality=\"bad\"}} >= 10");
        assert!(rule.expr.contains(&count), "{}", rule.expr);
    }
}

/// A fleet has tens of thousands of these series: one page reads an hour of them, all else five minutes.
#[test]
fn long_windows_are_made_from_what_the_shortest_recorded() {
    let shortest = "cluster_job_registry_quality:harbormouth_push_requests:increase5m";
    let mut windows = Vec::new();
    for rule in files::recorded() {
        let names = promql::names(&rule.expr);
        for (function, window) in names.windows {
            let of = names.selectors[0].metric.as_str();
            let made = match function.as_str() {
                "increase" => of == "harbormouth_push_requests_total",
                "sum_over_time" => of == shortest && rule.expr.ends_with(":1m]) / 5"),
                _ => false,
            };
            assert!(made, "{}: {}", rule.name, rule.expr);
            windows.push(format!("{function} {window}"));
        }
    }
    let wanted = [
        "increase 5m",
        "increase 1h",
        "sum_over_time 30m:1m",
        "sum_over_time 2h:1m",
        "sum_over_time 6h:1m",
        "sum_over_time 1d:1m",
        "sum_over_time 3d:1m",
    ];
    assert_eq!(windows, wanted);
}
