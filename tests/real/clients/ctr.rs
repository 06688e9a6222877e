//! containerd and its `ctr`.

use super::{Login, Outcome, Prepared, Pulled, Pushed, Reference, Release, attempt, config_in};
use crate::common::process::{self, Process};
use crate::image::Image;
use crate::world::World;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// The daemon. Each push and each pull has a containerd namespace of its own, and namespaces don't
/// share content, so a pull always transfers.
pub struct Containerd {
    _process: Process,
    release: Release,
    home: TempDir,
    socket: PathBuf,
    namespaces: AtomicU32,
}

impl Containerd {
    pub fn start(world: &World, release: Release) -> Containerd {
        Containerd::start_with(world, release, "")
    }

    /// With further lines at the end of its configuration.
    pub fn start_with(world: &World, release: Release, settings: &str) -> Containerd {
        let home = world.directory("containerd");
        let config = home.path().join("config.toml");
        std::fs::write(&config, configuration(release, settings))
            .expect("write containerd's configuration");
        let socket = home.path().join("containerd.sock");
        let mut command = release.command(world, "containerd", home.path());
        command
            .arg("--config")
            .arg(&config)
            .arg("--address")
            .arg(&socket);
        command
            .arg("--root")
            .arg(home.path().join("root"))
            .arg("--state")
            .arg(home.path().join("state"));
        let mut process = Process::start("containerd", command);
        process.wait_for("that it booted", Duration::from_secs(60), |_, stderr| {
            stderr
                .contains("containerd successfully booted")
                .then_some(())
        });
        Containerd {
            _process: process,
            release,
            home,
            socket,
            namespaces: AtomicU32::new(1),
        }
    }

    fn namespace(&self) -> String {
        format!("n{}", self.namespaces.fetch_add(1, Ordering::Relaxed))
    }

    fn ctr(&self, world: &World, namespace: &str, arguments: &[&str]) -> Command {
        let mut command = self.release.command(world, "ctr", self.home.path());
        // --debug: the only trace of a dropped authorizer is "upload changed destination".
        command
            .arg("--debug")
            .arg("--address")
            .arg(&self.socket)
            .args(["--namespace", namespace]);
        command.args(arguments);
        command
    }
}

const CONFIG: &str = r#"
version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.metadata.v1.bolt"]
  content_sharing_policy = "isolated"
"#;

/// containerd 2 pulls by itself, and has to know beforehand which snapshotter unpacks.
const UNPACKING: &str = r#"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
  platform = "linux/amd64"
  snapshotter = "native"
"#;

fn configuration(release: Release, settings: &str) -> String {
    match release {
        Release::Installed => format!("{CONFIG}{settings}"),
        Release::Sid => format!("{CONFIG}{UNPACKING}{settings}"),
    }
}

pub fn push(
    world: &World,
    release: Release,
    image: &Image,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let containerd = world.containerd(release);
    let namespace = import(world, containerd, image, to);
    push_imported(world, containerd, &namespace, to, login, patience)
}

/// With further arguments.
pub fn push_with(
    world: &World,
    release: Release,
    image: &Image,
    to: &Reference,
    arguments: &[&str],
    patience: Duration,
) -> Outcome<Pushed> {
    let containerd = world.containerd(release);
    let namespace = import(world, containerd, image, to);
    let name = to.to_string();
    let command = || {
        let mut command = containerd.ctr(world, &namespace, &["images", "push"]);
        command.args(arguments).arg(&name);
        command
    };
    attempt_push(command, patience).map(|_| Pushed {
        manifest: target(world, containerd, &namespace, &name),
    })
}

pub fn prepare(world: &World, image: &Image, to: &Reference, login: &Login) -> Prepared {
    let containerd = world.containerd(Release::Installed);
    let namespace = import(world, containerd, image, to);
    Prepared {
        command: push_command(world, containerd, &namespace, to, login),
        kept: Vec::new(),
    }
}

/// Pushes an image whose layers containerd has pulled from another repository of the same
/// registry, as it believes: it asks for them to be mounted from there.
pub fn push_with_mounts(
    world: &World,
    image: &Image,
    to: &Reference,
    source: &str,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let containerd = world.containerd(Release::Installed);
    let namespace = import(world, containerd, image, to);
    let label = format!("containerd.io/distribution.source.{}={source}", to.host);
    for layer in &image.layers {
        let arguments = ["content", "label", layer, &label];
        process::must(containerd.ctr(world, &namespace, &arguments));
    }
    push_imported(world, containerd, &namespace, to, login, patience)
}

/// Puts an image into a new namespace, and returns its name.
fn import(world: &World, containerd: &Containerd, image: &Image, to: &Reference) -> String {
    let namespace = containerd.namespace();
    let name = to.to_string();
    let directory = world.directory("ctr");
    let archive = directory.path().join("image.tar");
    image.oci_archive(&archive, &name);
    let file = archive.to_string_lossy();
    process::must(containerd.ctr(
        world,
        &namespace,
        &[
            "images",
            "import",
            "--no-unpack",
            "--snapshotter",
            "native",
            &file,
        ],
    ));
    namespace
}

fn push_imported(
    world: &World,
    containerd: &Containerd,
    namespace: &str,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let command = || push_command(world, containerd, namespace, to, login);
    attempt_push(command, patience).map(|_| Pushed {
        manifest: target(world, containerd, namespace, &to.to_string()),
    })
}

/// What ctr says when its reading of a layer from its own daemon broke off, which no registry has a
/// part in: gRPC runs between these two only (containerd#5734, nerdctl#984).
const LOST_ITS_DAEMON: &str = "rpc error: code = Internal desc = unexpected EOF";

/// Pushes, and once more where ctr lost its own daemon.
fn attempt_push(command: impl Fn() -> Command, patience: Duration) -> Outcome<String> {
    let mut outcome = attempt(command(), patience).explain(without_progress);
    if let Outcome::Failed(said) = &outcome
        && said.contains(LOST_ITS_DAEMON)
    {
        println!("ctr lost its own daemon, and pushes again");
        outcome = attempt(command(), patience).explain(without_progress);
    }
    outcome
}

fn push_command(
    world: &World,
    containerd: &Containerd,
    namespace: &str,
    to: &Reference,
    login: &Login,
) -> Command {
    let (name, user) = (to.to_string(), login.pair());
    let arguments = ["images", "push", "--user", &user, &name];
    containerd.ctr(world, namespace, &arguments)
}

pub fn pull(
    world: &World,
    release: Release,
    from: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pulled> {
    let user = login.pair();
    let (containerd, name) = (world.containerd(release), from.to_string());
    pull_with(world, containerd, &name, &["--user", &user], patience)
}

/// By a name as a person types it, with further arguments.
pub fn pull_with(
    world: &World,
    containerd: &Containerd,
    name: &str,
    arguments: &[&str],
    patience: Duration,
) -> Outcome<Pulled> {
    let namespace = containerd.namespace();
    let mut command = containerd.ctr(world, &namespace, &["images", "pull"]);
    command.args(["--snapshotter", "native"]);
    command.args(arguments).arg(name);
    attempt(command, patience)
        .explain(without_progress)
        .map(|_| {
            let manifest = target(world, containerd, &namespace, name);
            let text =
                process::must(containerd.ctr(world, &namespace, &["content", "get", &manifest]));
            Pulled {
                config: config_in(&text),
                manifest,
            }
        })
}

/// A pull's command, into a namespace that has nothing.
pub fn prepare_pull(world: &World, from: &Reference, login: &Login) -> Prepared {
    let containerd = world.containerd(Release::Installed);
    let namespace = containerd.namespace();
    let (name, user) = (from.to_string(), login.pair());
    let arguments = ["--snapshotter", "native", "--user", &user, &name];
    let mut command = containerd.ctr(world, &namespace, &["images", "pull"]);
    command.args(arguments);
    Prepared {
        command,
        kept: Vec::new(),
    }
}

/// ctr redraws its progress ten times a second, terminal or not.
pub(super) fn without_progress(said: String) -> String {
    let told = |line: &&str| !line.contains('\u{1b}') && !line.contains("elapsed:");
    said.lines()
        .filter(told)
        .map(|line| format!("{line}\n"))
        .collect()
}

/// The digest that containerd keeps under `name`.
fn target(world: &World, containerd: &Containerd, namespace: &str, name: &str) -> String {
    let list = process::must(containerd.ctr(world, namespace, &["images", "list"]));
    list.lines()
        .find(|line| line.starts_with(name))
        .and_then(|line| {
            line.split_whitespace()
                .find(|word| word.starts_with("sha256:"))
        })
        .unwrap_or_else(|| panic!("{name} isn't in:\n{list}"))
        .to_owned()
}
