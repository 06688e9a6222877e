//! Clients that are watched, stopped or killed while they work.

use super::{Client, Outcome, Pushed, Tool as _, attempt, ctr};
use crate::common::process::Process;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tempfile::TempDir;

/// A client's command, and the directories that must be there while it runs.
pub struct Prepared {
    pub command: Command,
    pub kept: Vec<TempDir>,
}

/// A running client. Dropping it kills it.
pub struct Running {
    pub client: Client,
    process: Process,
    _kept: Vec<TempDir>,
}

impl Prepared {
    /// Where a client that can writes the digest of what it pushed.
    pub fn digest_file(home: &TempDir) -> PathBuf {
        home.path().join("digest")
    }

    /// Pushes with a command that writes it.
    pub fn push_with_digest_file(self, patience: Duration) -> Outcome<Pushed> {
        let file = Prepared::digest_file(&self.kept[0]);
        attempt(self.command, patience).map(|_| Pushed {
            manifest: std::fs::read_to_string(file).expect("the digest file"),
        })
    }

    pub fn start(self, client: Client) -> Running {
        Running {
            client,
            process: Process::start(client.name(), self.command),
            _kept: self.kept,
        }
    }
}

impl Running {
    /// What the person at the terminal has seen so far.
    pub fn said(&self) -> String {
        let said = format!("{}{}", self.process.stdout(), self.process.stderr());
        match self.client {
            Client::Ctr => ctr::without_progress(said),
            Client::Docker | Client::Skopeo | Client::Podman => said,
        }
    }

    /// Sends a signal, as `kill` names it.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}
