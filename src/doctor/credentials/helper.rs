//! Credential helpers: `docker-credential-<name> get`, the registry on standard input, JSON on
//! standard output.

use super::config::DockerLogin;
use super::error::{HelperTrouble, MOST_PASSWORD};
use serde::Deserialize;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// A helper that asks the person for something may take this long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
/// Of a helper's own words.
const MOST_WORDS: usize = 200;
/// What helpers say on standard output, with an exit status, when there is nothing.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user that stands beside an identity token.
const TOKEN: &str = "<token>";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    #[serde(default)]
    username: String,
    #[serde(default)]
    secret: String,
}

/// Asks the helper of that name, found in the search path, for a registry.
pub(super) async fn ask(
    name: &str,
    registry: &str,
    path: Option<&OsStr>,
    patience: Duration,
) -> Result<DockerLogin, HelperTrouble> {
    let program = find(&format!("docker-credential-{name}"), path).ok_or(HelperTrouble::Missing)?;
    let asked = timeout(patience, run(&program, registry)).await;
    asked.unwrap_or(Err(HelperTrouble::TimedOut(patience)))
}

/// Only absolute directories count: what lies in the directory one happens to be in is not run.
fn find(program: &str, path: Option<&OsStr>) -> Option<PathBuf> {
    std::env::split_paths(path?)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(program))
        .find(|candidate| can_run(candidate))
}

fn can_run(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

async fn run(program: &Path, registry: &str) -> Result<DockerLogin, HelperTrouble> {
    let mut child = Command::new(program)
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(HelperTrouble::Run)?;
    if let Some(mut input) = child.stdin.take() {
        // One that doesn't read has its reasons; its answer tells.
        let _ = input.write_all(registry.as_bytes()).await;
    }
    // With room from the start: growing would leave copies behind.
    let mut said = Zeroizing::new(Vec::with_capacity(MOST_PASSWORD as usize + 1));
    if let Some(output) = child.stdout.take() {
        let read = output.take(MOST_PASSWORD + 1).read_to_end(&mut said).await;
        read.map_err(HelperTrouble::Run)?;
    }
    if said.len() as u64 > MOST_PASSWORD {
        return Err(HelperTrouble::Long);
    }
    let status = child.wait().await.map_err(HelperTrouble::Run)?;
    if status.success() {
        understand(&said)
    } else {
        understand_failure(&said)
    }
}

fn understand(said: &[u8]) -> Result<DockerLogin, HelperTrouble> {
    let answer: HelperAnswer = serde_json::from_slice(said).map_err(|_| HelperTrouble::Answer)?;
    let secret = Zeroizing::new(answer.secret);
    if secret.is_empty() || answer.username.is_empty() {
        return Ok(DockerLogin::None);
    }
    if answer.username == TOKEN {
        return Ok(DockerLogin::Token);
    }
    Ok(DockerLogin::Password {
        user: answer.username,
        password: secret,
    })
}

fn understand_failure(said: &[u8]) -> Result<DockerLogin, HelperTrouble> {
    match String::from_utf8_lossy(said).trim() {
        NOT_FOUND => Ok(DockerLogin::None),
        text => Err(HelperTrouble::Failed(words(text))),
    }
}

/// The first line of what a helper said when it failed; not where that may be credentials.
fn words(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || text.contains('{') {
        return "it gives no reason".to_owned();
    }
    line.chars()
        .take(MOST_WORDS)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
