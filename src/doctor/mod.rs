//! The doctor: walks through a chain as registry clients do, and says what is wrong in it, whom it
//! breaks, which hop did it and what to change. It works against any OCI registry.
//!
//! The modules stand in the order of the data's way. Only `wire`, `walk` and `credentials` touch
//! the world; from what they saw (`trace`) all else follows by pure functions. `offline` judges a
//! proxy's file in place of a walk, with the same tables.

pub mod credentials;
mod display;
pub mod language;
mod options;
mod placeholders;
pub mod proxies;
pub mod step;
mod topic;
mod typed_origin;
pub(crate) mod wire;
mod words;

pub mod trace;
pub mod walk;

pub(crate) mod clients;
pub(crate) mod finding;
pub mod judge;
pub mod kind;

pub(crate) mod attribution;
mod explain;
pub mod fixes;
pub(crate) mod offline;
pub mod product;
pub mod report;

pub mod catalogue;

pub mod canary;

pub use clients::Client;
pub use options::{Afterwards, Artifact, Extent, Layer, Options};

use crate::system::terminal::Style;
use judge::Judged;
use language::Language;
use report::{FileReport, Format, Report};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
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
    let options = Options {
        language: format.language(options.language),
        ..options
    };
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
pub fn explain(text: &str, language: Language) -> Option<String> {
    report::explained(&explain::explain(text), language)
}

/// What is said where no client is known to say it.
pub fn unexplained(language: Language) -> &'static str {
    words::Word::NobodySaysIt.told(language)
}

/// Why a file can't be judged.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{file} can't be read: {error}")]
    Io { file: String, error: io::Error },
    #[error("{0} is longer than 1 MiB")]
    TooLong(String),
    #[error("{0} is no text (UTF-8)")]
    NoText(String),
    #[error("a file has no report as {0}; text, all and json are accepted")]
    NoSuchReport(Format),
    #[error("{file} can't be judged: {why}")]
    Unreadable { file: String, why: String },
    #[error("standard output can't be written: {0}")]
    Output(#[from] io::Error),
}

/// Judges a proxy's configuration file, and says which of its lines break which client. Nothing is
/// contacted, and no file that it includes is read. Returns the exit status: 0 where nothing in it breaks
/// a client, 1 where something does, 2 where nothing in it passes requests for a registry on.
///
/// # Errors
/// When the file can't be read or is of no known kind, or the report can't be written.
pub fn run_on_file(path: &Path, format: Format, language: Language) -> Result<u8, FileError> {
    let name = path.display().to_string();
    let text = read(path, &name)?;
    let language = format.language(language);
    let examined =
        offline::examine(&name, &text, language).map_err(|why| FileError::Unreadable {
            file: name.clone(),
            why: why.to_string(),
        })?;
    let report = FileReport {
        name: &name,
        examined: &examined,
    };
    let drawn = report.drawn(format, Style::of_stdout());
    let drawn = drawn.map_err(io::Error::from)?;
    let drawn = drawn.ok_or(FileError::NoSuchReport(format))?;
    io::stdout().lock().write_all(drawn.as_bytes())?;
    Ok(report.exit_status())
}

/// The text of a file that may be anything.
pub(crate) fn read(path: &Path, name: &str) -> Result<String, FileError> {
    let failed = |error| FileError::Io {
        file: name.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let most = offline::MOST_BYTES + 1;
    file.take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 == most {
        return Err(FileError::TooLong(name.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| FileError::NoText(name.to_owned()))
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
