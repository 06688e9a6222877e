//! A pod's files, laid out below a folder as the kubelet mounts them, with certificates and keys made
//! as `deploy/README.md` says.

use crate::common::{ca::Ca, process};
use crate::references::holder;
use crate::rendered::{Rendering, entries, items, text};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The files of one pod.
pub struct Pod {
    root: TempDir,
    arguments: Vec<String>,
}

impl Pod {
    pub fn mounted(rendering: &Rendering) -> Pod {
        let root = tempfile::tempdir().expect("a folder");
        let pod = &rendering.only("Deployment")["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        let arguments = items(&container["args"]).map(|argument| text(argument).to_owned());
        let mounted = Pod {
            root,
            arguments: arguments.collect(),
        };
        for mount in items(&container["volumeMounts"]) {
            let volume = items(&pod["volumes"]).find(|volume| volume["name"] == mount["name"]);
            let volume = volume.unwrap_or(&Value::Null);
            let files = files(rendering, volume);
            let modes = [&volume["secret"], &volume["projected"]];
            let mode = modes
                .iter()
                .find_map(|holder| holder["defaultMode"].as_u64());
            let mode = mode.unwrap_or(0o644);
            let mode = u32::try_from(mode).expect("a mode");
            mounted.put(text(&mount["mountPath"]), &files, mode);
        }
        mounted
    }

    /// Where the file is that the container is told to read.
    ///
    /// # Errors
    /// Where it is told something else.
    pub fn config(&self) -> Result<PathBuf, String> {
        match &self.arguments[..] {
            [serve, option, file] if serve == "serve" && option == "--config" => {
                Ok(self.below(file))
            }
            other => Err(format!("the arguments are {other:?}")),
        }
    }

    pub fn below(&self, path: &str) -> PathBuf {
        self.root.path().join(path.trim_start_matches('/'))
    }

    /// Puts files into a mounted folder as the kubelet does: into a folder of their own, to which the
    /// link `..data` is then swung, by which each of the files is reached.
    pub fn put(&self, folder: &str, files: &[(String, Vec<u8>)], mode: u32) {
        let folder = self.below(folder);
        fs::create_dir_all(&folder).expect("a folder");
        let fresh = tempfile::Builder::new()
            .prefix("..2026_")
            .tempdir_in(&folder);
        let fresh = fresh.expect("a folder").keep();
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o755)).expect("chmod");
        for (name, content) in files {
            let file = fresh.join(name);
            fs::write(&file, content).expect("write");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("chmod");
            if fs::symlink_metadata(folder.join(name)).is_err() {
                symlink(Path::new("..data").join(name), folder.join(name)).expect("a link");
            }
        }
        let link = folder.join("..data_tmp");
        symlink(fresh.file_name().expect("a name"), &link).expect("a link");
        fs::rename(link, folder.join("..data")).expect("swing the link");
    }
}

/// What a volume holds.
fn files(rendering: &Rendering, volume: &Value) -> Vec<(String, Vec<u8>)> {
    let sources = items(&volume["projected"]["sources"]);
    let all = std::iter::once(volume).chain(sources);
    all.flat_map(|source| of_source(rendering, source))
        .collect()
}

/// What a Secret or a ConfigMap puts into a volume, under the names that `items` gives its keys.
fn of_source(rendering: &Rendering, source: &Value) -> Vec<(String, Vec<u8>)> {
    let Some((kind, name)) = holder(source) else {
        return Vec::new();
    };
    let held = match (kind, name) {
        ("Secret", "harbormouth-keys") => {
            let file = |name: &str| (name.to_owned(), key().1);
            ["current.key", "previous.key"].map(file).into()
        }
        ("Secret", _) => certificate(),
        _ => of_map(rendering, name),
    };
    let chosen = [&source["secret"]["items"], &source["configMap"]["items"]];
    let chosen: Vec<&Value> = chosen.into_iter().flat_map(items).collect();
    let called = |(key, content): (String, Vec<u8>)| match &chosen[..] {
        [] => Some((key, content)),
        chosen => {
            let item = chosen.iter().find(|item| item["key"] == *key)?;
            Some((text(&item["path"]).to_owned(), content))
        }
    };
    held.into_iter().filter_map(called).collect()
}

fn of_map(rendering: &Rendering, name: &str) -> Vec<(String, Vec<u8>)> {
    let maps = rendering.of_kind("ConfigMap");
    let map = maps.filter(|map| map["metadata"]["name"] == *name);
    map.flat_map(|map| entries(&map["data"]))
        .map(|(file, content)| (file.clone(), text(content).into()))
        .collect()
}

/// As `kubectl create secret tls` and cert-manager name the files.
fn certificate() -> Vec<(String, Vec<u8>)> {
    let place = tempfile::tempdir().expect("a folder");
    let files = Ca::new(place.path()).issue(&["hub.example.com", "hub.example.net"]);
    let read = |file| fs::read(file).expect("what was written");
    vec![
        // As cert-manager adds the authority; here the certificate does for one.
        ("ca.crt".to_owned(), read(files.cert.clone())),
        ("tls.crt".to_owned(), read(files.cert)),
        ("tls.key".to_owned(), read(files.key)),
    ]
}

/// A sealing key: its id as `keygen` prints it, and the file.
pub fn key() -> (String, Vec<u8>) {
    let place = tempfile::tempdir().expect("a folder");
    let file = place.path().join("sealing.key");
    let mut keygen = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    keygen.arg("keygen").arg(&file);
    let printed = process::must(keygen);
    let id = printed
        .strip_prefix("sealing key ")
        .and_then(|rest| rest.split(' ').next());
    let id = id.unwrap_or_else(|| panic!("keygen prints {printed}"));
    (id.to_owned(), fs::read(&file).expect("the key"))
}
