//! What the user asks the doctor to examine. Unknown here: how the doctor does it, and the results.

use super::clients::Client;
use super::credentials::Credentials;
use super::display::size;
use super::language::Language;
use super::proxies::Proxies;
use super::typed_origin::TypedOrigin;
use crate::net::origin::{Host, Origin};
use crate::oci::repository::RepositoryName;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// What is to be examined, and how far.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients type.
    pub target: Origin,
    /// Whether they type the port even where it is the scheme's own: some compare it as text.
    pub port_is_typed: bool,
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
    /// What public requests go through.
    pub proxies: Proxies,
    /// Authorities (PEM) that are trusted beside this machine's.
    pub authorities: Option<PathBuf>,
    /// Where docker and podman keep the authorities of each registry, in a directory of its name:
    /// `/etc/docker/certs.d` and the like.
    pub certificate_directories: Vec<PathBuf>,
    /// What requests call themselves: `harbormouth-doctor/0.1.0`.
    pub user_agent: String,
    pub artifact: Artifact,
    pub extent: Extent,
    /// Whether a chain in which no upload was seen is not called healthy.
    pub requires_uploads: bool,
    /// Whose view alone is reported; every client's without.
    pub client: Option<Client>,
    /// Whether the password is sent to whom no authority vouches for.
    pub insecure: bool,
    /// Whether this one would get through is said.
    pub layer: Option<Layer>,
    /// What findings are told in.
    pub language: Language,
}

impl Options {
    /// The host and port as clients type them, and send them as Host.
    pub(super) fn typed(&self) -> String {
        let typed = TypedOrigin {
            origin: &self.target,
            port_is_typed: self.port_is_typed,
        };
        typed.authority()
    }
}

/// A layer that is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Layer {
    pub bytes: u64,
    /// Above 0.
    pub bits_per_second: u64,
}

impl Layer {
    /// How long sending it takes.
    pub(crate) fn takes(self) -> Duration {
        let milliseconds = u128::from(self.bytes) * 8000 / u128::from(self.bits_per_second.max(1));
        Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const GIGA: u64 = 1_000_000_000;
        const MEGA: u64 = 1_000_000;
        let size = match self.bytes {
            bytes if bytes % GIGA == 0 => format!("{} GB", bytes / GIGA),
            bytes => size(bytes),
        };
        let rate = match self.bits_per_second {
            rate if rate % MEGA == 0 => format!("{} Mbit/s", rate / MEGA),
            rate if rate % 1000 == 0 => format!("{} kbit/s", rate / 1000),
            rate => format!("{rate} bit/s"),
        };
        write!(f, "A layer of {size} at {rate}")
    }
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
