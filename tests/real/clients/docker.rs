//! dockerd with its classic image store, and the docker command.

use super::{Login, Outcome, Pulled, Pushed, Reference, attempt};
use crate::common::process::{self, Process};
use crate::image::Image;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The daemon. Images are removed after each push and pull, so a pull always transfers.
pub struct Dockerd {
    _process: Process,
    home: PathBuf,
    socket: PathBuf,
}

impl Dockerd {
    pub fn start(world: &World) -> Dockerd {
        let home = world.directory("dockerd");
        let socket = home.join("docker.sock");
        let mut command = world.command("dockerd", &home);
        command.arg("--host").arg(format!("unix://{}", socket.display()));
        command.arg("--data-root").arg(home.join("data")).arg("--exec-root").arg(home.join("exec"));
        command.arg("--pidfile").arg(home.join("pid"));
        command.arg("--config-file").arg(write(&home.join("daemon.json"), "{}"));
        command.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
        command.args(["--storage-driver=vfs"]);
        let mut process = Process::start("dockerd", command);
        process.wait_for("that it listens", Duration::from_secs(60), |_, stderr| {
            stderr.contains("API listen on").then_some(())
        });
        Dockerd { _process: process, home, socket }
    }

    fn docker(&self, world: &World, configuration: &PathBuf, arguments: &[&str]) -> Command {
        let mut command = world.command("docker", &self.home);
        command.arg("--config").arg(configuration);
        command.arg("--host").arg(format!("unix://{}", self.socket.display()));
        command.args(arguments);
        command
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
    let name = to.to_string();
    let directory = world.directory("docker");
    let configuration = configuration(&directory, to, login);
    let archive = directory.join("image.tar");
    image.docker_archive(&archive, &name);
    process::must(dockerd.docker(
        world,
        &configuration,
        &["image", "load", "--input", &archive.to_string_lossy()],
    ));
    let command = dockerd.docker(world, &configuration, &["image", "push", &name]);
    let outcome = attempt(command, patience).map(|said| Pushed { manifest: digest_in(&said) });
    process::must(dockerd.docker(world, &configuration, &["image", "rm", &name]));
    outcome
}

pub fn pull(world: &World, from: &Reference, login: &Login, patience: Duration) -> Outcome<Pulled> {
    let dockerd = world.dockerd();
    let name = from.to_string();
    let configuration = configuration(&world.directory("docker"), from, login);
    let command = dockerd.docker(world, &configuration, &["image", "pull", &name]);
    attempt(command, patience).map(|said| {
        let id = ["image", "inspect", "--format", "{{.Id}}", &name];
        let config = process::must(dockerd.docker(world, &configuration, &id));
        process::must(dockerd.docker(world, &configuration, &["image", "rm", &name]));
        Pulled { manifest: digest_in(&said), config: config.trim().to_owned() }
    })
}

/// What `docker login` would have written.
fn configuration(directory: &std::path::Path, to: &Reference, login: &Login) -> PathBuf {
    let auth = STANDARD.encode(format!("{}:{}", login.user, login.password));
    let mut auths = serde_json::Map::new();
    auths.insert(to.host.clone(), json!({ "auth": auth }));
    write(&directory.join("config.json"), &json!({ "auths": auths }).to_string());
    directory.to_owned()
}

fn write(file: &std::path::Path, text: &str) -> PathBuf {
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
