//! Generated files agree with the files that they are made from.

use crate::common::process;
use crate::rendered::{folder, named, text};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

fn monitoring(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy/monitoring")
        .join(file);
    fs::read_to_string(path).expect("a file of deploy/monitoring")
}

#[test]
fn the_prometheus_rule_is_what_generate_makes() {
    let mut generate = Command::new(folder().join("generate"));
    generate.arg("--print");
    let file = folder().join("components/prometheus-operator/prometheusrule.yaml");
    let committed = fs::read_to_string(file).expect("the rule");
    assert!(
        committed == process::must(generate),
        "run deploy/kubernetes/generate"
    );
}

/// Also against the sources themselves: `generate` works on lines and could lose some.
#[test]
fn the_prometheus_rule_has_every_group_of_rules_and_alerts() {
    let mut groups = Vec::new();
    for file in ["rules.yaml", "alerts.yaml"] {
        let source: Value = serde_yaml::from_str(&monitoring(file)).expect("YAML");
        groups.extend(source["groups"].as_array().expect("groups").clone());
    }
    assert!(groups.len() > 3);
    let rendered = named("base + prometheus-operator").only("PrometheusRule");
    assert_eq!(rendered["spec"]["groups"], Value::Array(groups));
}

#[test]
fn the_dashboard_is_the_one_of_monitoring_under_the_label_that_the_sidecar_wants() {
    let rendering = named("base + grafana");
    let dashboard = rendering
        .of_kind("ConfigMap")
        .find(|map| map["metadata"]["name"] == "harbormouth-dashboard")
        .expect("the dashboard");
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    let shipped = text(&dashboard["data"]["harbormouth.json"]);
    assert_eq!(shipped, monitoring("grafana/harbormouth.json"));
    // A client-side apply keeps a copy in an annotation, which may have 256 KiB.
    assert!(shipped.len() < 200 * 1024);
}

/// Alerts look for a job with "harbormouth" in its name; a PodMonitor's is namespace/name.
#[test]
fn the_pod_monitor_makes_a_job_that_the_alerts_look_for() {
    let rendering = named("base + prometheus-operator");
    let monitor = &rendering.only("PodMonitor")["metadata"];
    let job = format!("{}/{}", text(&monitor["namespace"]), text(&monitor["name"]));
    assert!(job.contains("harbormouth"), "{job}");
}
