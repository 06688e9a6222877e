//! The doctor: walks through a chain as registry clients do, and says what is wrong in it, whom it
//! breaks, which hop did it and what to change. It works against any OCI registry.
//!
//! The modules stand in the order of the data's way. Only `wire`, `walk` and `credentials` touch
//! the world; from what they saw (`seen`) all else follows by pure functions.

pub mod credentials;
pub mod step;
pub mod wire;

pub mod seen;
pub mod walk;

pub mod clients;
pub mod finding;
pub mod judge;
pub mod kind;

pub mod blame;
pub mod remedy;
pub mod report;

use crate::edge::origin::Origin;
use credentials::Credentials;
use std::path::PathBuf;
use std::time::Duration;

/// What is to be examined, and how far.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients type.
    pub target: Origin,
    /// What uploads are tried on.
    pub repository: Option<String>,
    pub credentials: Option<Credentials>,
    /// Commit a tiny artifact, pull it back, remove it.
    pub push: bool,
    /// How large a body is tried, in bytes.
    pub body: u64,
    /// How long a body pauses; not tried without.
    pub idle: Option<Duration>,
    /// Commit a blob of `body` bytes, and see how long that is silent.
    pub commit_wait: bool,
    /// Inner hops, the outermost first.
    pub via: Vec<Origin>,
    /// Authorities (PEM) that are trusted beside this machine's.
    pub authorities: Option<PathBuf>,
    /// What requests call themselves: `harbormouth-doctor/0.1.0`.
    pub user_agent: String,
    pub artifact: Artifact,
    pub extent: Extent,
}

/// How much of the public walk is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every step that the other options ask for.
    Whole,
    /// What a client does to push and to pull, and nothing that is made to be refused: of a canary's
    /// walk every request is counted like a client's. The steps are resolve, connect, tls, ping,
    /// token_post, token_get, authorized, upload_start, upload_status, upload_chunk, upload_cancel
    /// and those of [`Options::push`].
    Push(Afterwards),
}

/// What becomes of the artifact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It is removed, by its digest.
    Remove,
    /// It stays and is no leftover: who pushes the same again and again leaves no garbage.
    Keep,
}

/// What `push` pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub tag: String,
    /// What its content is made from: the same seed makes the same artifact.
    pub seed: u64,
}

/// 2 MiB: over the 1 MiB that nginx and its ingress allow where nobody says otherwise.
pub const DEFAULT_BODY: u64 = 2 << 20;
