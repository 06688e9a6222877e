//! Real registry clients, and what came of their pushes and pulls.

pub mod crane;
pub mod ctr;
pub mod docker;
mod layout;
mod oras;
pub mod podman;
mod running;
pub mod sid;
pub mod skopeo;
mod today;

pub use ctr::Containerd;
pub use docker::Dockerd;
pub use running::{Prepared, Running};
pub use today::Today;

use crate::common::process::{self, Finished};
use crate::image::Image;
use crate::world::World;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A push or pull of these small images takes a second or two. One that isn't done by now hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Whose programs are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The machine's.
    Installed,
    /// Those of Debian's unstable distribution.
    Sid,
}

impl Release {
    fn command(self, world: &World, program: &str, home: &Path) -> Command {
        match self {
            Release::Installed => world.command(program, home),
            Release::Sid => sid::command(world, program, home),
        }
    }
}

/// What pushes and pulls.
pub trait Tool: Copy {
    /// Its word in the names of trials and repositories.
    fn name(self) -> &'static str;

    /// Its word in the doctor's table of clients.
    fn modelled(self) -> &'static str;

    fn release(self) -> Release;

    fn program(self) -> Program;

    fn push(
        self,
        world: &World,
        image: &Image,
        to: &Reference,
        login: &Login,
        patience: Duration,
    ) -> Outcome<Pushed> {
        let release = self.release();
        match self.program() {
            Program::Ctr => ctr::push(world, release, image, to, login, patience),
            Program::Docker => docker::push(world, release, image, to, login, patience),
            Program::Skopeo => skopeo::push(world, release, image, to, login, patience),
            Program::Podman => podman::push(world, release, image, to, login, patience),
            Program::Crane => crane::push(world, image, to, login, patience),
            Program::Oras => oras::push(world, image, to, login, patience),
        }
    }

    /// Pulls into a store that has nothing of the image.
    fn pull(
        self,
        world: &World,
        from: &Reference,
        login: &Login,
        patience: Duration,
    ) -> Outcome<Pulled> {
        let release = self.release();
        match self.program() {
            Program::Ctr => ctr::pull(world, release, from, login, patience),
            Program::Docker => docker::pull(world, release, from, login, patience),
            Program::Skopeo => skopeo::pull(world, release, from, login, patience),
            Program::Podman => podman::pull(world, release, from, login, patience),
            Program::Crane => crane::pull(world, from, login, patience),
            Program::Oras => oras::pull(world, from, login, patience),
        }
    }
}

/// What is run for it. Only Debian's unstable distribution has crane and oras.
#[derive(Clone, Copy, Debug)]
pub enum Program {
    Ctr,
    Docker,
    Skopeo,
    Podman,
    Crane,
    Oras,
}

/// The clients that Debian 12 has, of 2022.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// containerd's own client, which carries the pusher of docker's containerd store, BuildKit
    /// and nerdctl.
    Ctr,
    /// `docker push` with the classic image store.
    Docker,
    Skopeo,
    Podman,
}

/// A registry's host (with a port unless it is the default), a repository, and a tag or a digest.
#[derive(Clone, Debug)]
pub struct Reference {
    pub host: String,
    pub repository: String,
    pub tag: String,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mark = match self.tag.starts_with("sha256:") {
            true => '@',
            false => ':',
        };
        write!(f, "{}/{}{mark}{}", self.host, self.repository, self.tag)
    }
}

#[derive(Clone, Debug)]
pub struct Login {
    pub user: String,
    pub password: String,
}

impl Login {
    /// `user:password`, as most clients take it.
    pub fn pair(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }
}

/// How an attempt ended. The words are the client's own and those of its daemon about it.
#[derive(Debug)]
pub enum Outcome<T> {
    Done(T),
    /// The client gave up by itself, with these words.
    Failed(String),
    /// The client had neither succeeded nor given up when its time was over.
    Hanging(String),
}

/// What a client says it pushed: the digest of the manifest.
#[derive(Debug)]
pub struct Pushed {
    pub manifest: String,
}

/// What a client holds after a pull.
#[derive(Debug, PartialEq, Eq)]
pub struct Pulled {
    pub manifest: String,
    /// The digest of the image's configuration, which names every layer's content.
    pub config: String,
}

impl Client {
    pub const ALL: [Client; 4] = [Client::Ctr, Client::Docker, Client::Skopeo, Client::Podman];

    /// The word for it in Harbormouth's metrics.
    pub fn family(self) -> &'static str {
        match self {
            Client::Ctr => "containerd",
            Client::Docker => "docker_classic",
            Client::Skopeo => "skopeo",
            Client::Podman => "containers",
        }
    }

    /// Makes all ready for a push, up to its command.
    pub fn prepare(self, world: &World, image: &Image, to: &Reference, login: &Login) -> Prepared {
        match self {
            Client::Ctr => ctr::prepare(world, image, to, login),
            Client::Docker => docker::prepare(world, Release::Installed, image, to, login),
            Client::Skopeo => skopeo::prepare(world, Release::Installed, image, to, login),
            Client::Podman => podman::prepare(world, Release::Installed, image, to, login),
        }
    }
}

impl Tool for Client {
    fn name(self) -> &'static str {
        match self {
            Client::Ctr => "ctr",
            Client::Docker => "docker",
            Client::Skopeo => "skopeo",
            Client::Podman => "podman",
        }
    }

    fn modelled(self) -> &'static str {
        match self {
            Client::Ctr => "containerd",
            Client::Docker => "docker_classic",
            Client::Skopeo | Client::Podman => "containers",
        }
    }

    fn release(self) -> Release {
        Release::Installed
    }

    fn program(self) -> Program {
        match self {
            Client::Ctr => Program::Ctr,
            Client::Docker => Program::Docker,
            Client::Skopeo => Program::Skopeo,
            Client::Podman => Program::Podman,
        }
    }
}

/// Runs a client's command; what it printed on success.
fn attempt(command: Command, patience: Duration) -> Outcome<String> {
    let Finished {
        status,
        stdout,
        stderr,
    } = process::run(command, patience);
    match status {
        Some(status) if status.success() => Outcome::Done(stdout),
        Some(_) => Outcome::Failed(format!("{stdout}{stderr}")),
        None => Outcome::Hanging(format!("{stdout}{stderr}")),
    }
}

impl<T> Outcome<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Outcome::Done(value) => Outcome::Done(change(value)),
            Outcome::Failed(said) => Outcome::Failed(said),
            Outcome::Hanging(said) => Outcome::Hanging(said),
        }
    }

    /// Changes the words of an attempt that didn't succeed.
    fn explain(self, change: impl FnOnce(String) -> String) -> Outcome<T> {
        match self {
            Outcome::Done(value) => Outcome::Done(value),
            Outcome::Failed(said) => Outcome::Failed(change(said)),
            Outcome::Hanging(said) => Outcome::Hanging(change(said)),
        }
    }

    /// The value.
    ///
    /// # Panics
    /// When the attempt didn't succeed, with the client's words.
    pub fn expect(self, what: &str) -> T {
        match self {
            Outcome::Done(value) => value,
            Outcome::Failed(said) => panic!("{what} failed:\n{said}"),
            Outcome::Hanging(said) => panic!("{what} hangs:\n{said}"),
        }
    }
}

/// The configuration's digest in a manifest's text.
fn config_in(manifest: &str) -> String {
    let manifest: serde_json::Value = serde_json::from_str(manifest).expect("parse a manifest");
    let digest = manifest["config"]["digest"]
        .as_str()
        .expect("a manifest with a config");
    digest.to_owned()
}
