//! Other people's checks: Kubernetes' schemas at three versions, those of the operators, checkov.

use crate::common::process;
use crate::packages;
use crate::rendered::{self, Rendering, items, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

/// The oldest that has preStop's sleep without a feature gate, one between, the newest with a schema.
const VERSIONS: &str = "1.30,1.34,1.37";

/// Each takes some ten seconds of one core; other tests run beside them.
const LIMIT: Duration = Duration::from_secs(300);

/// What checkov says and we don't follow, with the reason.
const NOT_FOLLOWED: &[(&str, &str)] = &[
    (
        "CKV_K8S_15",
        "imagePullPolicy Always: the tag is a version, which never means another image; and a node \
         that can't reach the registry, which may be the one behind this gateway, must still be \
         able to start it",
    ),
    (
        "CKV_K8S_43",
        "a digest instead of a tag: the image is built by the operator, so its digest isn't known \
         here; `images` in the operator's folder takes one",
    ),
];

/// The renderings as files, called by their names.
fn written(renderings: &[Rendering]) -> TempDir {
    // checkov passes over hidden folders, which temporary ones are by default.
    let place = tempfile::Builder::new().prefix("manifests").tempdir();
    let place = place.expect("a folder");
    for rendering in renderings {
        let file = place.path().join(format!("{}.yaml", rendering.name));
        fs::write(file, rendering.yaml()).expect("write");
    }
    place
}

/// What the schemas have against these.
pub fn validated(renderings: &[Rendering]) -> Vec<String> {
    let place = written(renderings);
    let mut python = packages::python("validate.py");
    let files = renderings.iter();
    let files = files.map(|rendering| format!("{}.yaml", rendering.name));
    python.arg(VERSIONS).args(files).current_dir(place.path());
    let validated = process::run(python, LIMIT);
    assert!(validated.succeeded(), "{}", validated.output());
    validated.stdout.lines().map(str::to_owned).collect()
}

/// What is broken, in which kind of object and where, by which value, and what is said to it.
const WITHOUT_SCHEMA: &[(&str, &str, &str, &str, &str)] = &[
    (
        "an unknown field",
        "Deployment",
        "/spec/template/spec/containers/0/probe",
        "{}",
        "1.37: ",
    ),
    (
        "a number as text",
        "Service",
        "/spec/ports/0/port",
        "\"443\"",
        "1.30: spec.ports.0.port",
    ),
    (
        "a field that came later",
        "Deployment",
        "/spec/template/spec/resources",
        "{}",
        "1.30: ",
    ),
    (
        "an unknown field of an operator",
        "PodMonitor",
        "/spec/selektor",
        "{}",
        "selektor",
    ),
    (
        "a rule without its expression",
        "PrometheusRule",
        "/spec/groups/0/rules/0/expr",
        "null",
        "expr",
    ),
    (
        "a word that cert-manager doesn't know",
        "Certificate",
        "/spec/usages",
        "[\"serving\"]",
        "usages",
    ),
    (
        "a route to no port",
        "TLSRoute",
        "/spec/rules/0/backendRefs",
        "[{ \"name\": \"harbormouth\" }]",
        "'port' is a required property",
    ),
    (
        "an unknown kind",
        "PodDisruptionBudget",
        "/kind",
        "\"Budget\"",
        "no schema",
    ),
];

/// What has the kind, the example for most, broken there.
fn broken(what: &str, kind: &str, pointer: &str, value: &str) -> Rendering {
    let holds = |name: &&str| rendered::named(name).of_kind(kind).next().is_some();
    let name = ["example", "base + gateway-api"].into_iter().find(holds);
    let mut broken = rendered::named(name.expect("a rendering")).clone();
    what.clone_into(&mut broken.name);
    let object = broken
        .objects
        .iter_mut()
        .find(|object| object["kind"] == *kind);
    let object = object.unwrap_or_else(|| panic!("no {kind}"));
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = object.pointer_mut(parent).expect("its parent");
    parent[key] = serde_json::from_str(value).expect("JSON");
    broken
}

/// Right ones and wrong ones in one run: most of its time goes into loading the schemas.
#[test]
fn every_object_has_its_schema_at_three_versions_and_what_has_not_is_found() {
    let mut all = rendered::all().to_vec();
    let wrong = WITHOUT_SCHEMA.iter();
    all.extend(wrong.map(|(what, kind, pointer, value, _)| broken(what, kind, pointer, value)));
    let validated = validated(&all);
    let about = |name: &str| -> Vec<&str> {
        let prefix = format!("{name}.yaml: ");
        let lines = validated.iter();
        lines
            .filter_map(|line| line.strip_prefix(&prefix))
            .collect()
    };
    for rendering in rendered::all() {
        let complaints = about(&rendering.name);
        assert!(complaints.is_empty(), "{}: {complaints:#?}", rendering.name);
    }
    for (what, _, _, _, said) in WITHOUT_SCHEMA {
        let complaints = about(what);
        let found = complaints.iter().any(|line| line.contains(said));
        assert!(found, "{what} passes: {complaints:#?}");
    }
}

/// Equal, not at most: what nothing fails any more is to be followed again.
#[test]
fn checkov_complains_only_of_what_we_decided_otherwise() {
    let decided: BTreeSet<&str> = NOT_FOLLOWED.iter().map(|(id, _)| *id).collect();
    for (id, reason) in NOT_FOLLOWED {
        assert!(reason.len() > 20, "{id} without a reason");
    }
    let root = "/spec/template/spec/containers/0/securityContext/readOnlyRootFilesystem";
    let mut all = rendered::all().to_vec();
    all.push(broken("writable", "Deployment", root, "false"));
    let place = written(&all);
    let mut checkov = packages::program("checkov");
    checkov
        .args([
            "--framework",
            "kubernetes",
            "--compact",
            "--quiet",
            "--soft-fail",
        ])
        // Nothing is asked of the vendor.
        .args(["--skip-download", "--output", "json", "--directory"])
        .arg(place.path());
    let checked = process::run(checkov, LIMIT);
    assert!(checked.succeeded(), "{}", checked.output());
    let report: Value = serde_json::from_str(&checked.stdout)
        .unwrap_or_else(|e| panic!("checkov: {e}: {}", checked.output()));
    assert_eq!(report["summary"]["parsing_errors"], 0, "{report}");
    let failed = |wanted: &dyn Fn(&str) -> bool| -> BTreeSet<&str> {
        items(&report["results"]["failed_checks"])
            .filter(|check| wanted(text(&check["file_path"])))
            .map(|check| text(&check["check_id"]))
            .collect()
    };
    for rendering in rendered::all() {
        let file = format!("/{}.yaml", rendering.name);
        assert_eq!(
            failed(&|path| path.ends_with(&file)),
            decided,
            "{}",
            rendering.name
        );
    }
    let found = failed(&|path| path.ends_with("/writable.yaml"));
    assert!(
        found.contains("CKV_K8S_22"),
        "a writable root passes: {found:?}"
    );
}
