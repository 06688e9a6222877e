//! dockerd with its classic image store, and the docker command.

use super::{Login, Outcome, Prepared, Pulled, Pushed, Reference, attempt};
use crate::common::process::{self, Process};
use crate::image::Image;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The daemon. Images are removed after each push and pull, so a pull always transfers.
pub struct Dockerd {
    process: Process,
    home: TempDir,
    socket: PathBuf,
}

impl Dockerd {
    pub fn start(world: &World) -> Dockerd {
        let home = world.directory("dockerd");
        let socket = home.path().join("docker.sock");
        let mut command = world.command("dockerd", home.path());
        command
            .arg("--host")
            .arg(format!("unix://{}", socket.display()));
        command
            .arg("--data-root")
            .arg(home.path().join("data"))
            .arg("--exec-root")
            .arg(home.path().join("exec"));
        command.arg("--pidfile").arg(home.path().join("pid"));
        command
            .arg("--config-file")
            .arg(write(&home.path().join("daemon.json"), "{}"));
        command.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
        command.args(["--storage-driver=vfs"]);
        let mut process = Process::start("dockerd", command);
        process.wait_for("that it listens", Duration::from_secs(60), |_, stderr| {
            stderr.contains("API listen on").then_some(())
        });
        Dockerd {
            process,
            home,
            socket,
        }
    }

    fn docker(&self, world: &World, configuration: &Path, arguments: &[&str]) -> Command {
        let mut command = world.command("docker", self.home.path());
        command.arg("--config").arg(configuration);
        command
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()));
        command.args(arguments);
        command
    }

    /// The daemon's log from an offset on: while docker only counts the seconds to the next try,
    /// the daemon says why.
    fn said_since(&self, offset: usize) -> String {
        self.process
            .stderr()
            .get(offset..)
            .unwrap_or_default()
            .to_owned()
    }
}

pub fn push(
    world: &World,
    image: &Image,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let dockerd = world.dockerd();
    let Prepared { command, kept } = prepare(world, image, to, login);
    let before = dockerd.process.stderr().len();
    let outcome = attempt(command, patience)
        .explain(|said| said + &dockerd.said_since(before))
        .map(|said| Pushed {
            manifest: digest_in(&said),
        });
    let configuration = kept[0].path();
    let name = to.to_string();
    process::must(dockerd.docker(world, configuration, &["image", "rm", &name]));
    outcome
}

pub fn prepare(world: &World, image: &Image, to: &Reference, login: &Login) -> Prepared {
    let dockerd = world.dockerd();
    let name = to.to_string();
    let directory = world.directory("docker");
    let configuration = configuration(directory.path(), to, login);
    let archive = directory.path().join("image.tar");
    image.docker_archive(&archive, &name);
    process::must(dockerd.docker(
        world,
        &configuration,
        &["image", "load", "--input", &archive.to_string_lossy()],
    ));
    Prepared {
        command: dockerd.docker(world, &configuration, &["image", "push", &name]),
        kept: vec![directory],
    }
}

pub fn pull(world: &World, from: &Reference, login: &Login, patience: Duration) -> Outcome<Pulled> {
    let dockerd = world.dockerd();
    let name = from.to_string();
    let directory = world.directory("docker");
    let configuration = configuration(directory.path(), from, login);
    let command = dockerd.docker(world, &configuration, &["image", "pull", &name]);
    attempt(command, patience).map(|said| {
        let id = ["image", "inspect", "--format", "{{.Id}}", &name];
        let config = process::must(dockerd.docker(world, &configuration, &id));
        process::must(dockerd.docker(world, &configuration, &["image", "rm", &name]));
        Pulled {
            manifest: digest_in(&said),
            config: config.trim().to_owned(),
        }
    })
}

/// `docker login`; what it says.
pub fn login(world: &World, host: &str, login: &Login, patience: Duration) -> Outcome<String> {
    let dockerd = world.dockerd();
    let directory = world.directory("docker");
    let arguments = [
        "login",
        "--username",
        &login.user,
        "--password",
        &login.password,
        host,
    ];
    attempt(
        dockerd.docker(world, directory.path(), &arguments),
        patience,
    )
}

/// What `docker login` would have written.
fn configuration(directory: &Path, to: &Reference, login: &Login) -> PathBuf {
    let auth = STANDARD.encode(format!("{}:{}", login.user, login.password));
    let mut auths = serde_json::Map::new();
    auths.insert(to.host.clone(), json!({ "auth": auth }));
    write(
        &directory.join("config.json"),
        &json!({ "auths": auths }).to_string(),
    );
    directory.to_owned()
}

fn write(file: &Path, text: &str) -> PathBuf {
    std::fs::write(file, text).expect("write a file for docker");
    file.to_owned()
}

/// The digest in `… digest: sha256:… size: …` or `Digest: sha256:…`.
fn digest_in(said: &str) -> String {
    said.split_whitespace()
        .skip_while(|word| !word.eq_ignore_ascii_case("digest:"))
        .nth(1)
        .unwrap_or_else(|| panic!("no digest in:\n{said}"))
        .to_owned()
}
