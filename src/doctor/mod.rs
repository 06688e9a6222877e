//! The doctor: walks through a chain as registry clients do, and says what is wrong in it, whom it
//! breaks, which hop did it and what to change. It works against any OCI registry.
//!
//! The modules stand in the order of the data's way. Only `wire`, `walk` and `credentials` touch
//! the world; from what they saw (`seen`) all else follows by pure functions.

pub mod credentials;
pub mod step;
pub(crate) mod wire;

pub mod seen;
pub mod walk;

pub(crate) mod clients;
pub(crate) mod finding;
pub mod judge;
pub mod kind;

pub(crate) mod blame;
pub mod remedy;
pub mod report;

use crate::edge::origin::{Host, Origin};
use blame::Judged;
use credentials::Credentials;
use report::{Format, Report};
use seen::Entry;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use walk::Walker;

/// What is to be examined, and how far.
#[derive(Clone, Debug)]
pub struct Options {
    /// What clients type.
    pub target: Origin,
    /// What uploads are tried on.
    pub repository: Option<String>,
    pub credentials: Option<Credentials>,
    /// Hosts beside the target's own that the password may be sent to, where a realm names them.
    pub realm_hosts: Vec<Host>,
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
    /// One that nobody else has: people may examine one repository at once.
    pub fn of_its_own() -> Artifact {
        let seed = uuid::Uuid::new_v4().as_u64_pair().0;
        Artifact {
            tag: format!("harbormouth-doctor-{seed:016x}"),
            seed,
        }
    }
}

/// Why nothing could be examined.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    #[error(transparent)]
    Wire(#[from] wire::WireError),
    #[error("standard output can't be written: {0}")]
    Output(#[from] io::Error),
}

/// Walks from every entry, shows what happens, and concludes. Returns the exit status: 0 healthy, 1
/// with findings that break a client, 2 where the chain could not be examined.
///
/// # Errors
/// When no walk could begin, or its report not be written.
pub async fn run(options: Options, format: Format) -> Result<u8, DoctorError> {
    let mut walker = Walker::new(&options)?.interrupted_by(interrupted());
    let mut report = Report::to_stdout(format);
    let inner = options.via.iter().cloned().map(Entry::Via);
    let mut walks = Vec::new();
    for entry in std::iter::once(Entry::Public).chain(inner) {
        let walk = walker.walk(&entry, &mut report).await;
        let findings = judge::judge(&walk);
        walks.push(Judged { walk, findings });
    }
    report.conclude(&walks)?;
    Ok(report::exit_status(&walks))
}

/// Ctrl-C, or being told to go.
async fn interrupted() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        // Without a handler the default holds, and that ends the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
