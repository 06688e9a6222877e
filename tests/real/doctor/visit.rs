//! The doctor's own process, and what it said.

use super::backend::{ALICE, PASSWORD};
use crate::common::process;
use crate::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use harbormouth::doctor::kind::Kind;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// The longest of these walks waits for a hop that buffers, for a pause and for a slow commit.
const LIMIT: Duration = Duration::from_secs(120);

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Alice,
    /// With somebody else's password.
    Impostor,
    /// Who may pull, and not push.
    Bob,
    /// Nothing is known: no user, no repository.
    Nobody,
    /// No user, and a repository: for a registry that is open.
    Anonymous,
}

/// How it ended, and what it printed.
pub struct Said {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs `harbormouth doctor` to its end.
pub fn run(world: &World, url: &str, who: Who, arguments: &[&str]) -> Said {
    let home = world.directory("doctor");
    let password = home.path().join("password");
    let login = match who {
        Who::Alice => Some((ALICE, PASSWORD)),
        Who::Impostor => Some((ALICE, BOBS_PASSWORD)),
        Who::Bob => Some((BOB, BOBS_PASSWORD)),
        Who::Anonymous | Who::Nobody => None,
    };
    let (user, typed) = login.unwrap_or_default();
    std::fs::write(&password, format!("{typed}\n")).expect("the password's file");
    let mut command = world.command("sh", home.path());
    command.args(["-c", "exec \"$@\" < \"$0\""]).arg(&password);
    command.arg(Path::new(env!("CARGO_BIN_EXE_harbormouth")));
    command.args(["doctor", url]);
    match who {
        Who::Alice | Who::Impostor | Who::Bob => {
            command.args(["--user", user, "--password-stdin"]);
            command.args(["--repository", REPOSITORY]);
        }
        Who::Anonymous => {
            command.args(["--repository", REPOSITORY]);
        }
        Who::Nobody => {}
    }
    command.args(arguments);
    let finished = process::run(command, LIMIT);
    let said = Said {
        status: finished
            .status
            .and_then(|status| status.code())
            .unwrap_or_else(|| panic!("the doctor didn't end:\n{}", finished.output())),
        stdout: finished.stdout,
        stderr: finished.stderr,
    };
    said.keeps_secrets();
    said
}

/// A guest of the project.
const BOB: &str = "bob";
const BOBS_PASSWORD: &str = "Bob123456";

/// What uploads are tried on.
pub const REPOSITORY: &str = "lab/app";

impl Said {
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("no JSON ({e}):\n{}", self.output()))
    }

    /// What anybody may read: no password in any form, no token, no upload's state.
    fn keeps_secrets(&self) {
        let output = self.output();
        let pair = STANDARD.encode(format!("{ALICE}:{PASSWORD}"));
        // Every token of these registries is a JSON Web Token, and begins so.
        for secret in [PASSWORD, BOBS_PASSWORD, pair.as_str(), "eyJ"] {
            assert!(!output.contains(secret), "{secret} is in:\n{output}");
        }
        for state in output.split("_state=").skip(1) {
            assert!(state.starts_with("***"), "a state is in:\n{output}");
        }
    }
}

/// The findings of the walk that clients take, in the doctor's order.
pub fn kinds(json: &Value) -> Vec<Kind> {
    let findings = findings(json);
    findings.iter().map(kind).collect()
}

pub fn findings(json: &Value) -> &[Value] {
    json["findings"].as_array().map_or_else(
        || panic!("no findings in:\n{json:#}"),
        |findings| findings.as_slice(),
    )
}

fn kind(finding: &Value) -> Kind {
    let word = finding["kind"].as_str().unwrap_or_default();
    let known = Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    known.unwrap_or_else(|| panic!("no kind in:\n{finding:#}"))
}
