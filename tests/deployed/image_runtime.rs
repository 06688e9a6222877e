//! The image in use: built from the binary under test, run as a restricted pod runs it, and pushed
//! to and pulled from by real clients, towards a Harbor that only the image's own authorities and
//! name resolution lead to.

use crate::built::{Built, REVISION, open_to_all};
use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::ca::CertFiles;
use crate::common::{process, wait};
use crate::contained::Contained;
use crate::harbor::Harbor;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// Where nobody needs a privilege to listen.
const PORT: u16 = 8443;
/// Where Harbor is, on the same address.
const INNER_PORT: u16 = 8444;
/// The image's user and group, as a number because Kubernetes knows no other.
const USER: u32 = 65532;

/// Mounted files are looked at every second, and read when they have stood still for one.
const RELOADED: Duration = Duration::from_secs(20);

/// Nothing is in flight when it is asked to end.
const AT_ONCE: Duration = Duration::from_secs(5);

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(
        world,
        "image_runtime::a_restricted_container_is_pushed_to_and_pulled_from",
        restricted_container,
    )]
}

fn restricted_container(world: &World) {
    let built = Built::get(world);
    is_described(built);
    adds_the_binary_and_no_more(built);

    let site = world.site();
    let host = format!("{}:{PORT}", site.name());
    let harbor = Harbor::start(world, &format!("https://{host}"));
    let _hop = tls_before(world, site, &harbor);
    let pod = Pod::new(world, site);
    let container = pod.start(built);
    has_no_privileges(&container);
    writes_nowhere(&container);
    let is_used = |client, host: &str| {
        let trip = Trip {
            client,
            harbor: &harbor,
            login: harbor.login(),
            push_to: reference(host),
            pull_from: reference(host),
        };
        check::works(world, &trip);
    };
    is_used(Client::Ctr, &host);
    is_used(Client::Skopeo, &host);

    pod.change(world, site);
    wait::until("the changed configuration", RELOADED, || {
        let log = container.stderr();
        log.contains("registry hq has changed").then_some(())
    });
    is_used(Client::Ctr, &format!("{}:{PORT}", site.second_name()));
    let log = container.stderr();
    let ended = container.terminate(AT_ONCE);
    assert_eq!(ended.code(), Some(0), "it ended with {ended}:\n{log}");
}

/// What a registry, Kubernetes and an operator read of an image.
fn is_described(built: &Built) {
    let config = &built.config["config"];
    let configuration = "/etc/harbormouth/harbormouth.yaml";
    for (key, expected) in [
        ("User", json!(format!("{USER}:{USER}"))),
        ("Entrypoint", json!(["/usr/local/bin/harbormouth"])),
        ("Cmd", json!(["serve", "--config", configuration])),
        ("WorkingDir", json!("/etc/harbormouth")),
        (
            "ExposedPorts",
            json!({ "8080/tcp": {}, "8443/tcp": {}, "9090/tcp": {} }),
        ),
        ("Healthcheck", Value::Null),
        ("Volumes", Value::Null),
    ] {
        assert_eq!(config[key], expected, "{key}");
    }
    for (label, expected) in [
        ("title", "Harbormouth"),
        ("description", env!("CARGO_PKG_DESCRIPTION")),
        ("licenses", env!("CARGO_PKG_LICENSE")),
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", REVISION),
        ("source", "unknown"),
    ] {
        let label = format!("org.opencontainers.image.{label}");
        assert_eq!(config["Labels"][&label], expected, "{label}");
    }
}

fn adds_the_binary_and_no_more(built: &Built) {
    let mut files: Vec<&str> = built
        .added
        .iter()
        .map(|path| path.trim_start_matches("./"))
        .filter(|path| !path.ends_with('/'))
        .collect();
    files.sort_unstable();
    assert_eq!(
        files,
        [
            "usr/local/bin/harbormouth",
            "usr/share/doc/harbormouth/LICENSE",
        ]
    );
    let binary = built.root().join("usr/local/bin/harbormouth");
    let binary = fs::metadata(binary).expect("the binary");
    assert_eq!(binary.permissions().mode() & 0o7777, 0o755);
    eprintln!(
        "image of the test's binary ({} bytes): layers of {:?} bytes, the base's first",
        binary.len(),
        built.layer_sizes
    );
}

fn has_no_privileges(container: &Contained) {
    let user = format!("{USER}\t{USER}\t{USER}\t{USER}");
    for (field, expected) in [
        ("Name", "harbormouth"),
        ("Uid", user.as_str()),
        ("Gid", user.as_str()),
        ("Groups", ""),
        ("CapInh", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ] {
        assert_eq!(container.status(field), expected, "{field}");
    }
    let pids = container.status("NSpid");
    assert!(pids.ends_with("\t1"), "not the first process: {pids}");
}

/// Every mount is read-only, but for the kernel's own /proc.
fn writes_nowhere(container: &Contained) {
    let mounts = container.mounts();
    assert!(mounts.iter().any(|(place, _)| place == "/"), "{mounts:?}");
    for (place, options) in mounts.iter().filter(|(place, _)| place != "/proc") {
        let options: Vec<&str> = options.split(',').collect();
        assert!(options.contains(&"ro"), "{place}: {options:?}");
    }
}

/// Harbor as many have it, in TLS of its own, under a name that must be resolved and with a
/// certificate that the image's authorities have to vouch for.
fn tls_before(world: &World, site: Site, harbor: &Harbor) -> Hop {
    let files = world.ca.issue(&[&site.second_name()]);
    let routes = [Route {
        prefix: "/",
        upstream: Upstream::Http(harbor.address()),
    }];
    let listen = SocketAddr::from((site.public_address(), INNER_PORT));
    Hop::start(world, listen, &Face::InnerTls(&files), GOOD, &routes)
}

/// What Kubernetes mounts: a ConfigMap, and Secrets that the container's group may read, each with
/// its files behind the link `..data`.
struct Pod {
    place: TempDir,
}

impl Pod {
    fn new(world: &World, site: Site) -> Pod {
        let place = world.directory("pod");
        open_to_all(&place);
        let pod = Pod { place };
        let sealing = pod.place.path().join("made.key");
        let mut keygen = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        keygen.arg("keygen").arg(&sealing);
        process::must(keygen);
        let sealing = fs::read_to_string(sealing).expect("a key");
        pod.mount("keys", "..1", 0o440, &[("current", sealing)]);
        pod.write(world, site, "..1", &[site.name()]);
        pod
    }

    /// What `kubectl apply` comes to at last: another name, and a certificate that bears it.
    fn change(&self, world: &World, site: Site) {
        self.write(world, site, "..2", &[site.name(), site.second_name()]);
    }

    fn write(&self, world: &World, site: Site, version: &str, names: &[String]) {
        let bare: Vec<&str> = names.iter().map(String::as_str).collect();
        let CertFiles { cert, key } = world.ca.issue(&bare);
        let read = |file: &Path| fs::read_to_string(file).expect("a file");
        let files = [("tls.crt", read(&cert)), ("tls.key", read(&key))];
        self.mount("tls", version, 0o440, &files);
        let files = [("harbormouth.yaml", configuration(site, names))];
        self.mount("config", version, 0o444, &files);
    }

    fn directory(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// Writes a version of a mounted directory, and puts it into force as kubelet does: by renaming
    /// a link.
    fn mount(&self, name: &str, version: &str, mode: u32, files: &[(&str, String)]) {
        let directory = self.directory(name);
        let place = directory.join(version);
        fs::create_dir_all(&place).expect("a version");
        for (file, text) in files {
            let path = place.join(file);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("its mode");
            chown(&path, Some(0), Some(USER)).expect("its group");
            let link = directory.join(file);
            if !link.exists() {
                symlink(Path::new("..data").join(file), link).expect("a link");
            }
        }
        let link = directory.join("..data_tmp");
        symlink(version, &link).expect("a link");
        fs::rename(link, directory.join("..data")).expect("the link's name");
    }

    fn start(&self, built: &Built) -> Contained {
        let names = ["config", "tls", "keys"];
        let mounts = names.map(|name| (self.directory(name), format!("/etc/harbormouth/{name}")));
        for (_, place) in &mounts {
            // As container runtimes do before they make the root read-only.
            let place = built.root().join(place.trim_start_matches('/'));
            fs::create_dir_all(place).expect("a mount point");
        }
        let mut all: Vec<(&Path, &str)> = vec![
            (Path::new("/etc/hosts"), "/etc/hosts"),
            (Path::new("/etc/resolv.conf"), "/etc/resolv.conf"),
        ];
        all.extend(
            mounts
                .iter()
                .map(|(from, to)| (from.as_path(), to.as_str())),
        );
        let file = "/etc/harbormouth/config/harbormouth.yaml";
        Contained::start(built, &all, &["serve", "--config", file])
    }
}

/// Without `upstream.tls`: only the system's authorities can vouch for Harbor.
fn configuration(site: Site, names: &[String]) -> String {
    let public: Vec<String> = names
        .iter()
        .map(|name| format!("'https://{name}:{PORT}'"))
        .collect();
    let (public, inner) = (public.join(", "), site.second_name());
    let address = site.public_address();
    format!(
        "listeners:\n  \
           - address: {address}:{PORT}\n    \
             tls: {{ certificates: [ {{ cert: ../tls/tls.crt, key: ../tls/tls.key }} ] }}\n\
         admin: {{ address: {address}:9090 }}\n\
         reattach: {{ keys: {{ current: ../keys/current }} }}\n\
         registries:\n  \
           - name: hq\n    \
             public: [ {public} ]\n    \
             upstream: {{ endpoints: [ https://{inner}:{INNER_PORT} ] }}\n"
    )
}
