//! The manifests where somebody else decided on names: another namespace, a suffix to every name.

use crate::complaints::complaints;
use crate::rendered::{self, Rendering, items, text};

/// Two of one kind in one cluster, and neither of them is the one that the files speak of.
const ELSEWHERE: &str = "namespace: edge\nnameSuffix: \"-2\"\n";

/// Whatever names something still finds it, which the checks of references and selectors say; and the
/// operators look for their objects where these are.
#[test]
fn another_namespace_and_other_names_change_no_more_than_that() {
    for overlay in ["aws-nlb", "azure-lb"] {
        let components = [
            "priority-class",
            "cert-manager",
            "prometheus-operator",
            "gateway-api",
        ];
        let mut elsewhere = rendered::of(overlay, &components, ELSEWHERE);
        suffixed(
            &mut elsewhere,
            "http://harbormouth-admin:9090",
            "http://harbormouth-admin-2:9090",
        );
        let complaints = complaints(&elsewhere);
        assert!(complaints.is_empty(), "{overlay}: {complaints:#?}");
        assert_eq!(elsewhere.only("Namespace")["metadata"]["name"], "edge");
        for object in &elsewhere.objects {
            let name = text(&object["metadata"]["name"]);
            let own = object["kind"] != "Namespace";
            assert!(!own || name.ends_with("-2"), "{}", rendered::title(object));
        }
        let monitor = elsewhere.only("PodMonitor");
        let looks_in = &monitor["spec"]["namespaceSelector"];
        let named = items(&looks_in["matchNames"]).any(|name| *name == "edge");
        let own = looks_in.is_null() && monitor["metadata"]["namespace"] == "edge";
        assert!(own || named, "nothing is scraped: it looks in {looks_in}");
    }
}

/// What deploy/README.md leaves to whoever wants other names: no tool knows names within the configuration.
fn suffixed(rendering: &mut Rendering, from: &str, to: &str) {
    let mut objects = rendering.objects.iter_mut();
    let text = objects.find_map(|object| object.pointer_mut("/data/harbormouth.yaml"));
    let text = text.expect("a configuration");
    let changed = text.as_str().expect("a text").replace(from, to);
    assert_ne!(text.as_str(), Some(&*changed), "{from} isn't there");
    *text = changed.into();
}

/// As somebody has them who copies nothing: by git, at a version. Of what is committed here.
#[test]
fn the_folders_are_taken_out_of_a_repository() {
    let repository = concat!("file://", env!("CARGO_MANIFEST_DIR"), "//deploy/kubernetes");
    let place = tempfile::tempdir().expect("a folder");
    let text = format!(
        "resources: ['{repository}/overlays/azure-lb?ref=HEAD']\n\
         components: ['{repository}/components/grafana?ref=HEAD']\n"
    );
    std::fs::write(place.path().join("kustomization.yaml"), text).expect("write");
    let remote = rendered::of_folder("remote", place.path());
    for kind in ["Deployment", "NetworkPolicy", "HorizontalPodAutoscaler"] {
        remote.only(kind);
    }
    // From outside its own folder, and still within the repository.
    assert!(remote.has("ConfigMap", "harbormouth-dashboard"));
}
