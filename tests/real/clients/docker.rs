//! dockerd and the docker command: the installed one with the classic image store, the newer one with
//! containerd's.

use super::{Login, Outcome, Prepared, Pulled, Pushed, Reference, Release, attempt, config_in};
use crate::common::process::{self, Process};
use crate::image::Image;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// The daemon. Images are removed after each push and pull, so a pull always transfers.
pub struct Dockerd {
    process: Process,
    release: Release,
    home: TempDir,
    socket: PathBuf,
}

impl Dockerd {
    pub fn start(world: &World, release: Release) -> Dockerd {
        Dockerd::start_with(world, release, json!({}))
    }

    /// With these settings in `daemon.json`, beside those of its store.
    pub fn start_with(world: &World, release: Release, mut settings: Value) -> Dockerd {
        let home = world.directory("dockerd");
        let socket = home.path().join("docker.sock");
        let mut command = release.command(world, "dockerd", home.path());
        command
            .arg("--host")
            .arg(format!("unix://{}", socket.display()));
        command
            .arg("--data-root")
            .arg(home.path().join("data"))
            .arg("--exec-root")
            .arg(home.path().join("exec"));
        command.arg("--pidfile").arg(home.path().join("pid"));
        let (features, driver) = store(release);
        settings["features"] = features;
        command.arg("--config-file").arg(write(
            &home.path().join("daemon.json"),
            &settings.to_string(),
        ));
        command.args(["--iptables=false", "--ip6tables=false", "--bridge=none"]);
        command.arg(format!("--storage-driver={driver}"));
        let mut process = Process::start("dockerd", command);
        process.wait_for("that it listens", Duration::from_secs(60), |_, stderr| {
            stderr.contains("API listen on").then_some(())
        });
        Dockerd {
            process,
            release,
            home,
            socket,
        }
    }

    fn docker(&self, world: &World, configuration: &Path, arguments: &[&str]) -> Command {
        let mut command = self.release.command(world, "docker", self.home.path());
        command.arg("--config").arg(configuration);
        command
            .arg("--host")
            .arg(format!("unix://{}", self.socket.display()));
        command.args(arguments);
        command
    }

    /// A shell that runs these lines as a job does: with this daemon and docker's configuration in this
    /// directory.
    pub fn job(&self, world: &World, configuration: &Path, lines: &str) -> Command {
        let (socket, configuration) = (self.socket.display(), configuration.display());
        let docker = format!("export DOCKER_HOST=unix://{socket} DOCKER_CONFIG={configuration}");
        let mut shell = world.command("sh", self.home.path());
        shell.args(["-eu", "-c"]).arg(format!("{docker}\n{lines}"));
        shell
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

    /// The digest of a pulled image's configuration.
    fn config_of(
        &self,
        world: &World,
        pulled: &str,
        manifest: &str,
        configuration: &Path,
    ) -> String {
        match self.release {
            Release::Installed => {
                let id = ["image", "inspect", "--format", "{{.Id}}", pulled];
                let id = process::must(self.docker(world, configuration, &id));
                id.trim().to_owned()
            }
            // There an image's id is its manifest's digest.
            Release::Sid => {
                let mut content = self.release.command(world, "ctr", self.home.path());
                let socket = self.home.path().join("exec/containerd/containerd.sock");
                content.arg("--address").arg(socket);
                content.args(["--namespace", "moby", "content", "get", manifest]);
                config_in(&process::must(content))
            }
        }
    }
}

/// The daemon's features, and the driver of its images' files: one that needs nothing of the kernel.
fn store(release: Release) -> (Value, &'static str) {
    match release {
        Release::Installed => (json!({}), "vfs"),
        Release::Sid => (json!({ "containerd-snapshotter": true }), "native"),
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
    let dockerd = world.dockerd(release);
    let Prepared { command, kept } = prepare(world, release, image, to, login);
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

pub fn prepare(
    world: &World,
    release: Release,
    image: &Image,
    to: &Reference,
    login: &Login,
) -> Prepared {
    let dockerd = world.dockerd(release);
    let name = to.to_string();
    let directory = world.directory("docker");
    let configuration = configuration(directory.path(), to, login);
    let archive = directory.path().join("image.tar");
    match release {
        Release::Installed => image.docker_archive(&archive, &name),
        // Compressed layers stay as they are.
        Release::Sid => image.oci_archive(&archive, &name),
    }
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

pub fn pull(
    world: &World,
    release: Release,
    from: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pulled> {
    let directory = world.directory("docker");
    let configuration = configuration(directory.path(), from, login);
    let (dockerd, name) = (world.dockerd(release), from.to_string());
    pull_with(world, dockerd, &name, &configuration, patience)
}

/// By a name as a person types it, with docker's own configuration in this directory.
pub fn pull_with(
    world: &World,
    dockerd: &Dockerd,
    name: &str,
    configuration: &Path,
    patience: Duration,
) -> Outcome<Pulled> {
    let command = dockerd.docker(world, configuration, &["image", "pull", name]);
    let before = dockerd.process.stderr().len();
    attempt(command, patience)
        .explain(|said| said + &dockerd.said_since(before))
        .map(|said| {
            let manifest = digest_in(&said);
            let config = dockerd.config_of(world, name, &manifest, configuration);
            process::must(dockerd.docker(world, configuration, &["image", "rm", name]));
            Pulled { manifest, config }
        })
}

/// An image in the installed daemon's store, by this name.
pub fn load(world: &World, image: &Image, name: &Reference) {
    let nobody = Login {
        user: String::new(),
        password: String::new(),
    };
    // It loads the image; its command would push.
    prepare(world, Release::Installed, image, name, &nobody);
}

/// Runs lines of a job; what it says.
pub fn run_job(world: &World, lines: &str, patience: Duration) -> Outcome<String> {
    let directory = world.directory("docker");
    let dockerd = world.dockerd(Release::Installed);
    attempt(dockerd.job(world, directory.path(), lines), patience)
}

/// `docker login`; what it says.
pub fn login(world: &World, host: &str, login: &Login, patience: Duration) -> Outcome<String> {
    let dockerd = world.dockerd(Release::Installed);
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
pub fn configuration(directory: &Path, to: &Reference, login: &Login) -> PathBuf {
    let auth = STANDARD.encode(login.pair());
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
pub(super) fn digest_in(said: &str) -> String {
    said.split_whitespace()
        .skip_while(|word| !word.eq_ignore_ascii_case("digest:"))
        .nth(1)
        .unwrap_or_else(|| panic!("no digest in:\n{said}"))
        .to_owned()
}
