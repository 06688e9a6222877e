//! What a Prometheus had before a fault and what it had after it, stretched over the time that the rules want
//! to see: promtool then evaluates the shipped rules, unchanged, at once.

use crate::common::{process, tools};
use crate::files;
use crate::promql::{self, Selector};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// Minutes of the state before: more than what is recorded of it takes.
const BEFORE: u32 = 20;
/// Minutes of the state after. A certificate's ticket takes an hour.
const AFTER: u32 = 75;

pub type Labels = BTreeMap<String, String>;
/// Each series with its value.
pub type Snapshot = BTreeMap<Labels, f64>;

/// One change of a fleet's state.
pub struct Change {
    pub name: &'static str,
    pub before: Snapshot,
    pub after: Snapshot,
    /// Which alerts fire in which minute after it, by those of their labels that tell them apart. Minute 0
    /// is the last one before it.
    pub firing: Vec<(u32, Vec<Labels>)>,
}

/// Labels that tell alerts apart here.
const TELLING: &str = "alertname, registry, instance, certificate, long";

/// # Panics
/// With promtool's words, where another set of alerts fires.
pub fn hold(changes: &[Change]) {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join("fleet.yaml");
    let cases: Vec<Value> = changes.iter().map(case).collect();
    let rules = ["rules.yaml", "alerts.yaml"].map(|name| files::folder().join(name));
    let document = json!({
        "rule_files": rules,
        "evaluation_interval": "1m",
        "group_eval_order": files::groups(),
        "tests": cases,
    });
    std::fs::write(&file, document.to_string()).expect("write the cases");
    let mut promtool = Command::new(tools::path("promtool"));
    promtool.args(["test", "rules"]).arg(&file);
    let tested = process::run(promtool, Duration::from_secs(300));
    assert!(tested.succeeded(), "{}", tested.output());
}

fn case(change: &Change) -> Value {
    let selectors: Vec<Selector> = files::recorded()
        .into_iter()
        .chain(files::alerts())
        .flat_map(|rule| promql::names(&rule.expr).selectors)
        .collect();
    let all = change.before.keys().chain(change.after.keys());
    let mut inputs = BTreeMap::new();
    for labels in all {
        let series = written(labels);
        let one = Selector::series(&series);
        // promtool takes few samples for a query: only what is read.
        let is_read = selectors
            .iter()
            .any(|selector| selector.takes(&one, |_| true));
        if is_read || one.metric == "harbormouth_registry_owner_info" {
            inputs.insert(series, values(labels, change));
        }
    }
    let inputs: Vec<Value> = inputs
        .into_iter()
        .map(|(series, values)| json!({ "series": series, "values": values }))
        .collect();
    let checks = change.firing.iter().map(|(minute, firing)| {
        let samples = firing
            .iter()
            .map(|labels| json!({ "labels": written(labels), "value": 1 }));
        json!({
            "expr": format!("count by ({TELLING}) (ALERTS{{alertstate=\"firing\"}})"),
            "eval_time": format!("{}m", BEFORE - 1 + minute),
            "exp_samples": samples.collect::<Vec<Value>>(),
        })
    });
    json!({
        "name": change.name,
        "interval": "1m",
        "input_series": inputs,
        "promql_expr_test": checks.collect::<Vec<Value>>(),
    })
}

/// A series as expressions write it.
fn written(labels: &Labels) -> String {
    let name = labels.get("__name__").map_or("", String::as_str);
    let others = labels.iter().filter(|(label, _)| *label != "__name__");
    let others: Vec<String> = others
        .map(|(label, value)| {
            format!(
                "{label}=\"{}\"",
                value.replace('\\', "\\\\").replace('"', "\\\"")
            )
        })
        .collect();
    format!("{name}{{{}}}", others.join(","))
}

/// promtool's samples of one series: as before, as after; missing where it isn't there.
fn values(labels: &Labels, change: &Change) -> String {
    let name = &labels["__name__"];
    // promtool's clock begins at 0.
    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = epoch.expect("after 1970").as_secs_f64();
    let is_time = name.ends_with("_timestamp_seconds") && name.starts_with("harbormouth_");
    let shift = if is_time { now } else { 0.0 };
    let mut text = String::new();
    match change.before.get(labels) {
        Some(value) => write!(text, "{}x{}", value - shift, BEFORE - 1),
        None => write!(text, "_x{BEFORE}"),
    }
    .expect("a text");
    match change.after.get(labels) {
        Some(value) => write!(text, " {}x{AFTER}", value - shift),
        None => write!(text, " stale"),
    }
    .expect("a text");
    text
}
