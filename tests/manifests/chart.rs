//! The chart, by Helm itself, against what kustomize makes of the overlays.

use crate::common::process;
use crate::effective;
use crate::rendered::{self, Rendering, entries, items, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// What Helm's releases have beside what kustomize's objects have, wherever they have it.
const LABELS: [&str; 3] = [
    "app.kubernetes.io/instance",
    "app.kubernetes.io/managed-by",
    "helm.sh/chart",
];

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/helm")
}

pub fn helm() -> Command {
    let tool = || {
        let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/tool");
        let mut command = Command::new(tool);
        command.arg("helm");
        command
    };
    // Installs it, once for all threads.
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let mut version = tool();
        version.arg("version");
        process::must(version);
    });
    tool()
}

/// `-f` for each file: of this folder, or with its whole name.
pub fn with_values(mut helm: Command, files: &[&str]) -> Command {
    for file in files {
        helm.arg("-f").arg(folder().join(file));
    }
    helm
}

pub fn template(release: &str, namespace: &str, files: &[&str]) -> Command {
    let mut helm = helm();
    helm.args(["template", release]).arg(folder());
    helm.args(["--namespace", namespace]);
    with_values(helm, files)
}

fn released(name: &str, release: &str, namespace: &str, files: &[&str]) -> Rendering {
    let text = process::must(template(release, namespace, files));
    Rendering {
        name: name.to_owned(),
        objects: rendered::objects(&text),
    }
}

/// The files of values for what kustomize renders under this name.
pub fn values_for(name: &str) -> Vec<String> {
    let own = format!("values-{name}.yaml");
    match name {
        "base" => Vec::new(),
        // The example stands on an overlay, too.
        "example" => vec!["values-aws-nlb.yaml".to_owned(), own],
        _ => vec![own],
    }
}

/// What both make, by the same names.
pub fn both() -> Vec<String> {
    let others = ["base", "example"].map(str::to_owned);
    others
        .into_iter()
        .chain(rendered::folders("overlays"))
        .collect()
}

fn of_chart(name: &str) -> Rendering {
    let files = values_for(name);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    released(name, "harbormouth", "harbormouth", &files)
}

fn without_labels(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|key, _| !LABELS.contains(&key.as_str()));
            fields.values_mut().for_each(without_labels);
        }
        Value::Array(items) => items.iter_mut().for_each(without_labels),
        _ => {}
    }
}

/// The objects by their titles; the ConfigMap of the configuration apart, whose text Helm writes anew.
fn comparable(rendering: &Rendering) -> BTreeMap<String, Value> {
    let mut objects = rendering.objects.clone();
    objects.retain(|object| object["kind"] != "Namespace");
    for object in &mut objects {
        without_labels(object);
        if let Some(text) = object.pointer_mut("/data/harbormouth.yaml") {
            *text = Value::Null;
            // kustomize's generator gives it no labels.
            object["metadata"]["labels"] = Value::Null;
        }
    }
    let title = |object: Value| (rendered::title(&object), object);
    objects.into_iter().map(title).collect()
}

/// Object by object, and the configuration as the gateway reads it. Left out is what a chart can't
/// have: the namespace of its release, which Helm makes before it looks into the chart. No name has a
/// hash: kustomize is told to add none, or a changed configuration would replace all pods.
#[test]
fn the_chart_makes_what_kustomize_makes() {
    for name in both() {
        let (ours, theirs) = (of_chart(&name), rendered::named(&name));
        let (made, wanted) = (comparable(&ours), comparable(theirs));
        let titles =
            |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(titles(&made), titles(&wanted), "{name}");
        for (title, object) in &wanted {
            assert_eq!(made[title], *object, "{name}: {title}");
        }
        let config = |rendering| effective::read(rendering).expect("a configuration").values;
        assert_eq!(config(&ours), config(theirs), "{name}");
    }
}

#[test]
fn every_overlay_has_its_values_and_no_values_are_without_an_overlay() {
    let files = fs::read_dir(folder()).expect("the chart");
    let names = files.map(|file| file.expect("a file").file_name());
    let mut clouds: Vec<String> = names
        .filter_map(|name| {
            let name = name.to_string_lossy().into_owned();
            Some(
                name.strip_prefix("values-")?
                    .strip_suffix(".yaml")?
                    .to_owned(),
            )
        })
        .filter(|cloud| cloud != "example")
        .collect();
    clouds.sort();
    assert_eq!(clouds, rendered::folders("overlays"));
}

/// Two in one namespace, neither of them called harbormouth: nobody selects the other's pods, every
/// reference is found, and alerts find the job.
#[test]
fn a_release_of_another_name_is_whole_and_alone() {
    let more = values(
        "extraSecrets: [canary]\nmonitoring: { scrape: PodMonitor, rules: true }\npriorityClass: { create: true }\n\
         certificate: { enabled: true }\ngatewayAPI: { enabled: true }\npod: { labels: { team: registry }, spec: { nodeSelector: { edge: \"yes\" } } }\n",
    );
    let more = more.path().to_str().expect("a path");
    let of = |release| released(release, release, "edge", &["values-azure-lb.yaml", more]);
    let (one, other) = (of("one"), of("other"));
    let pod = |rendering: &Rendering| rendering.only("Deployment")["spec"]["template"].clone();
    let labels = |rendering: &Rendering| pod(rendering)["metadata"]["labels"].clone();
    assert_eq!(labels(&one)["team"], "registry");
    assert_eq!(pod(&one)["spec"]["nodeSelector"]["edge"], "yes");
    for (own, strange) in [(&one, &other), (&other, &one)] {
        for object in &own.objects {
            let name = text(&object["metadata"]["name"]);
            assert!(
                name.starts_with(&format!("{}-harbormouth", own.name)),
                "{name}"
            );
            for selector in selectors(object) {
                let fits = |labels: &Value| {
                    let mut wanted = entries(selector);
                    wanted.all(|(key, value)| labels[key] == *value)
                };
                assert!(fits(&labels(own)), "{}", rendered::title(object));
                assert!(!fits(&labels(strange)), "{}", rendered::title(object));
            }
        }
    }
    let volumes = crate::references::pod(&one);
    let held: Vec<_> = items(&volumes["spec"]["volumes"])
        .flat_map(crate::references::held)
        .collect();
    assert!(held.contains(&("Secret", "canary")));
    assert!(held.contains(&("ConfigMap", "one-harbormouth")));
    let route = &one.only("TLSRoute")["spec"];
    assert_eq!(
        route["hostnames"],
        one.only("Certificate")["spec"]["dnsNames"]
    );
    let backend = text(&route["rules"][0]["backendRefs"][0]["name"]);
    assert!(one.has("Service", backend), "{backend}");
    let class = &pod(&one)["spec"]["priorityClassName"];
    assert!(one.has("PriorityClass", text(class)), "{class}");
    effective::read(&one).expect("a configuration");
}

/// All that select pods in an object.
fn selectors(object: &Value) -> Vec<&Value> {
    let pointers: &[&str] = match text(&object["kind"]) {
        "Service" => &["/spec/selector"],
        "Deployment" => &[
            "/spec/selector/matchLabels",
            "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels",
            "/spec/template/spec/topologySpreadConstraints/1/labelSelector/matchLabels",
        ],
        "NetworkPolicy" => &["/spec/podSelector/matchLabels"],
        "PodDisruptionBudget" | "PodMonitor" => &["/spec/selector/matchLabels"],
        _ => &[],
    };
    let found = pointers.iter().map(|pointer| object.pointer(pointer));
    found
        .map(|selector| selector.expect("a selector"))
        .collect()
}

/// A ServiceMonitor selects Services: the one with the admin port has it, the public one doesn't.
#[test]
fn a_service_monitor_scrapes_the_admin_service() {
    let more = values("monitoring: { scrape: ServiceMonitor, labels: { release: prometheus } }\n");
    let more = more.path().to_str().expect("a path");
    let rendering = released("scraped", "harbormouth", "edge", &[more]);
    assert_eq!(rendering.of_kind("PodMonitor").count(), 0);
    let monitor = rendering.only("ServiceMonitor");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let endpoint = &monitor["spec"]["endpoints"][0];
    let scraped: Vec<&Value> = rendering
        .of_kind("Service")
        .filter(|service| {
            let labels = &service["metadata"]["labels"];
            entries(&monitor["spec"]["selector"]["matchLabels"]).all(|(k, v)| labels[k] == *v)
        })
        .filter(|service| {
            items(&service["spec"]["ports"]).any(|port| port["name"] == endpoint["port"])
        })
        .map(|service| &service["metadata"]["name"])
        .collect();
    assert_eq!(scraped, ["harbormouth-admin"]);
    let complaints = crate::theirs::validated(&[rendering]);
    assert_eq!(complaints, Vec::<String>::new());
}

/// Values of a test's own.
pub fn values(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    fs::write(&file, text).expect("write");
    file
}
