//! Why credentials that the user asked for can't be had. The errors contain no secret.

use std::io;
use std::time::Duration;

/// Robots' passwords are of some 32 bytes, cloud registries' of some KiB.
pub(super) const MOST_PASSWORD: u64 = 64 * 1024;

/// Why there are no credentials where some were meant.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    #[error("--user is empty; it is the name that `docker login` asks for")]
    NoUser,
    #[error("--user has a colon in it, which HTTP's Basic authentication can't carry")]
    UserWithColon,
    #[error("standard input contains no password; give it as one line, as for docker login")]
    NoPassword,
    #[error("the password on standard input is longer than {MOST_PASSWORD} bytes")]
    LongPassword,
    #[error("the password can't be read from standard input: {0}")]
    Input(io::Error),
    #[error("{file} can't be read: {reason}")]
    Unreadable { file: String, reason: String },
    /// What stands there isn't quoted: it may be a secret.
    #[error("{file} is not JSON: line {line}, column {column}")]
    NotJson {
        file: String,
        line: usize,
        column: usize,
    },
    #[error("{file}: {entry} must be {accepted}")]
    Malformed {
        file: String,
        entry: String,
        accepted: &'static str,
    },
    #[error("{helper} ({entry} in {file}): {trouble}")]
    Helper {
        helper: String,
        entry: String,
        file: String,
        trouble: HelperTrouble,
    },
}

/// Why a helper didn't tell.
#[derive(Debug, thiserror::Error)]
pub enum HelperTrouble {
    #[error("there is no such program in PATH")]
    Missing,
    #[error("it can't be run: {0}")]
    Run(io::Error),
    #[error("it took more than {} s", .0.as_secs())]
    TimedOut(Duration),
    #[error("it failed: {0}")]
    Failed(String),
    /// What it said isn't quoted: it may be a secret.
    #[error("its output is not a JSON object with Username and Secret")]
    Answer,
    #[error("its output is longer than {MOST_PASSWORD} bytes")]
    Long,
}
