//! What `kubectl kustomize` makes of the folders, and how one object or value of it is found.

use crate::common::process;
use crate::packages;
use serde::Deserialize;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Taken in by overlays; alone it would demand PROXY headers of a Service without balancer.
const ONLY_IN_OVERLAYS: &str = "proxy-protocol";

/// All objects that one folder renders to.
#[derive(Clone)]
pub struct Rendering {
    pub name: String,
    pub objects: Vec<Value>,
}

impl Rendering {
    pub fn of_kind<'a>(&'a self, kind: &str) -> impl Iterator<Item = &'a Value> {
        self.objects
            .iter()
            .filter(move |object| object["kind"] == *kind)
    }

    pub fn has(&self, kind: &str, name: &str) -> bool {
        self.of_kind(kind)
            .any(|object| object["metadata"]["name"] == *name)
    }

    /// The only object of its kind.
    pub fn only(&self, kind: &str) -> &Value {
        let mut found = self.of_kind(kind);
        let first = found.next();
        assert!(
            found.next().is_none(),
            "{}: more than one {kind}",
            self.name
        );
        first.unwrap_or_else(|| panic!("{}: no {kind}", self.name))
    }

    /// As YAML in JSON's clothes: "on" keeps its quotes, which older readers of YAML need.
    pub fn yaml(&self) -> String {
        let documents = self.objects.iter();
        documents
            .map(|object| format!("---\n{object:#}\n"))
            .collect()
    }
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes")
}

/// Base, every overlay, the example, and the base with each component alone; rendered once.
pub fn all() -> &'static [Rendering] {
    static ALL: OnceLock<Vec<Rendering>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = vec![of_folder("base", &folder().join("base"))];
        for overlay in folders("overlays") {
            all.push(of_folder(
                &overlay,
                &folder().join("overlays").join(&overlay),
            ));
        }
        all.push(of_folder("example", &folder().join("example")));
        for component in folders("components") {
            if component != ONLY_IN_OVERLAYS {
                all.push(base_with(&component));
            }
        }
        all
    })
}

pub fn named(name: &str) -> &'static Rendering {
    let found = all().iter().find(|rendering| rendering.name == name);
    found.unwrap_or_else(|| panic!("nothing is rendered as {name}"))
}

/// The names of the folders in a folder, in order.
pub fn folders(inner: &str) -> Vec<String> {
    let entries = fs::read_dir(folder().join(inner)).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().expect("a name").to_string_lossy().into())
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{inner} is empty");
    names
}

fn base_with(component: &str) -> Rendering {
    let mut rendering = with("base", &[component], "");
    rendering.name = format!("base + {component}");
    rendering
}

/// An overlay with components, in a folder of its own as an operator has it, and what else stands in
/// that folder's kustomization.
pub fn of(overlay: &str, components: &[&str], more: &str) -> Rendering {
    with(&format!("overlays/{overlay}"), components, more)
}

fn with(folder: &str, components: &[&str], more: &str) -> Rendering {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(place).expect("a folder");
    let place = tempfile::tempdir_in(place).expect("a folder");
    // kustomize wants relative names.
    let up = "../".repeat(place.path().components().count() - 1);
    let kubernetes = self::folder();
    let root = kubernetes.strip_prefix("/").expect("an absolute folder");
    let at = |inner: &str| format!("{up}{}/{inner}", root.display());
    let components: Vec<String> = components
        .iter()
        .map(|component| at(&format!("components/{component}")))
        .collect();
    let (resource, components) = (at(folder), components.join(", "));
    let text = format!("resources: [{resource}]\ncomponents: [{components}]\n{more}");
    fs::write(place.path().join("kustomization.yaml"), text).expect("write");
    of_folder(folder, place.path())
}

pub fn of_folder(name: &str, folder: &Path) -> Rendering {
    let mut kubectl = packages::program("kubectl");
    kubectl.arg("kustomize").arg(folder);
    let objects = objects(&process::must(kubectl));
    assert!(!objects.is_empty(), "{name} is empty");
    Rendering {
        name: name.to_owned(),
        objects,
    }
}

/// The documents of a text, without the empty ones.
pub fn objects(text: &str) -> Vec<Value> {
    let documents = serde_yaml::Deserializer::from_str(text);
    let objects = documents.map(|document| Value::deserialize(document).expect("YAML"));
    objects.filter(|object| !object.is_null()).collect()
}

/// `Kind name`, as messages call an object.
pub fn title(object: &Value) -> String {
    format!(
        "{} {}",
        text(&object["kind"]),
        text(&object["metadata"]["name"])
    )
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The elements of a list; none where there is no list.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The keys and values of an object; none where there is none.
pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
