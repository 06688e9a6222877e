//! What the user asks the doctor to examine. Unknown here: how the doctor does it, and the results.

use super::credentials::Credentials;
use crate::net::origin::{Host, Origin};
use crate::oci::repository::RepositoryName;
use std::path::PathBuf;
use std::time::Duration;

/// What is to be examined, and how far.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients type.
    pub target: Origin,
    /// What uploads are tried on.
    pub repository: Option<RepositoryName>,
    pub credentials: Option<Credentials>,
    /// Hosts beside the target's own that the password may be sent to, where a realm names them.
    pub realm_hosts: Vec<Host>,
    /// Commit a tiny artifact, pull it back, remove it.
    pub push: bool,
    /// How large a body is tried, in bytes.
    pub body: u64,
    /// How long a body pauses; not tried without.
    pub idle: Option<Duration>,
    /// How long a body is sent, and a layer is read where `push` is asked for; not tried without.
    pub duration: Option<Duration>,
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
    /// Whether a chain in which no upload was seen is not called healthy.
    pub requires_uploads: bool,
}

/// How much of the public walk is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every step that the other options ask for.
    Whole,
    /// What a client does to push and to pull, and nothing that is made to be refused: of a canary's
    /// walk every request is counted like a client's. The steps are resolve, connect, tls, ping,
    /// token_post, token_get, authorized, and those of [`Options::push`], whose layer goes as docker
    /// sends it (upload_start, upload_chunk, blob_commit), and whose configuration as containerd does.
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

impl Artifact {
    /// Under a tag that a random seed makes its own: people may examine one repository at once.
    pub fn from_seed(seed: u64) -> Artifact {
        Artifact {
            tag: format!("harbormouth-doctor-{seed:016x}"),
            seed,
        }
    }
}
