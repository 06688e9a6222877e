//! The doctor: walks through a chain as registry clients do, and says what is wrong in it, whom it
//! breaks, which hop did it and what to change. It works against any OCI registry.
//!
//! The modules stand in the order of the data's way. Only `wire`, `walk` and `credentials` touch
//! the world; from what they saw (`trace`) all else follows by pure functions.

pub mod credentials;
mod display;
mod options;
mod placeholders;
pub mod step;
mod topic;
pub(crate) mod wire;

pub mod trace;
pub mod walk;

pub(crate) mod clients;
pub(crate) mod finding;
pub mod judge;
pub mod kind;

pub(crate) mod attribution;
mod explain;
pub mod fixes;
pub mod product;
pub mod report;

pub mod catalogue;

pub mod canary;

pub use clients::Client;
pub use options::{Afterwards, Artifact, Extent, Layer, Options};

use judge::Judged;
use report::{Format, Report};
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use trace::Entry;
use walk::Walker;

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
        walks.push(Judged::of(walker.walk(&entry, &mut report).await));
    }
    report.conclude(&walks)?;
    Ok(report::exit_status(&walks))
}

/// What brings an error about, for people who have nothing but its text: the findings whose clients
/// say so, each with the address that explains it. None where no client is known to say it.
pub fn explain(text: &str) -> Option<String> {
    report::explained(&explain::explain(text))
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

#[cfg(test)]
mod tests;
