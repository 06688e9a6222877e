//! A gateway with `metrics: { detail: lean }` has from its start whatever the rules and alerts name.

use crate::files;
use crate::promql::{self, Selector};
use crate::{push, traffic};
use serde_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The series of a gateway to which nothing has come but its canaries' runs.
async fn exposed(detail: &str) -> Vec<Selector> {
    let harbor = push::fake_harbor().await;
    let quiet = push::fake_harbor().await;
    let world = traffic::gateway(&harbor, &quiet, detail).await;
    traffic::canaries_run(&world).await;
    let metrics = world.gateway.metrics();
    let lines = metrics.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| line.rsplit_once(' '));
    series.map(|(series, _)| Selector::series(series)).collect()
}

/// What Prometheus adds, and what configuration or chance decides.
fn is_own(label: &str) -> bool {
    let others = [
        "cluster",
        "job",
        "instance",
        "registry",
        "endpoint",
        "listener",
        "certificate",
        "key_id",
        "version",
    ];
    !others.contains(&label)
}

/// Every selector of the gateway's own series in rules and alerts, with the place where it stands.
fn selectors() -> BTreeMap<String, Selector> {
    let rules = files::recorded().into_iter().chain(files::alerts());
    let mut selectors = BTreeMap::new();
    for rule in rules {
        for selector in promql::names(&rule.expr).selectors {
            if selector.metric.starts_with("harbormouth_") {
                selectors.insert(format!("{}: {selector:?}", rule.name), selector);
            }
        }
    }
    assert!(selectors.len() > 30, "only {}", selectors.len());
    selectors
}

/// The series that the cases of promtool are made of.
fn of_cases() -> BTreeMap<String, Selector> {
    let mut all = BTreeMap::new();
    for file in files::list("tests", ".yaml") {
        let document: Value = serde_yaml::from_str(&files::read(&file)).expect("YAML");
        let cases = document["tests"].as_sequence().expect("tests").iter();
        let inputs = cases.flat_map(|case| case["input_series"].as_sequence().expect("series"));
        for input in inputs {
            let text = input["series"].as_str().expect("a series");
            // Prometheus 3 writes this bucket so.
            let series = Selector::series(&text.replace("le=\"20.0\"", "le=\"20\""));
            all.insert(format!("{}: {text}", file.display()), series);
        }
    }
    all
}

/// Both select the same, as far as the gateway's own labels go.
fn are_one(one: &Selector, other: &Selector) -> bool {
    one.takes(other, is_own) && other.takes(one, is_own)
}

/// Nobody has come yet, so what is there began at zero: Prometheus sees the first of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lean_metrics_have_all_that_rules_alerts_and_their_cases_name() {
    let (full, lean) = tokio::join!(exposed("full"), exposed("lean"));
    assert!(
        lean.len() * 2 < full.len(),
        "{} of {}",
        lean.len(),
        full.len()
    );
    let mut lacking = BTreeSet::new();
    for (place, selector) in selectors() {
        let mut selected = full
            .iter()
            .filter(|one| selector.takes(one, is_own))
            .peekable();
        assert!(
            selected.peek().is_some(),
            "{place}: not even in full detail"
        );
        for series in selected {
            if !lean.iter().any(|one| are_one(one, series)) {
                lacking.insert(format!("{place}: {series:?}"));
            }
        }
    }
    for (place, series) in of_cases() {
        // Others are there to be passed over.
        let is_read = selectors().values().any(|one| one.takes(&series, is_own));
        if is_read && !lean.iter().any(|one| are_one(one, &series)) {
            lacking.insert(place);
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
}
