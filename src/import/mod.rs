//! From another proxy's configuration to ours: nginx, an Ingress of ingress-nginx, the values of Harbor's
//! chart. Whatever the file says is answered: with our key, with the reason why nothing has to be said, or
//! with what to do instead (`config::foreign_words`).
//!
//! The result is a start that `check` accepts and people finish. Deliberately unknown here: whether
//! anything answers at the addresses, and files that the file names.

mod chart;
mod edge;
mod error;
mod ingress;
mod nginx;
mod timeouts;
mod told;

pub use error::ImportError;

use crate::doctor::offline::FileKind;
use std::path::Path;
use told::Told;

/// What was made of a file.
#[derive(Debug)]
pub struct Imported {
    /// A configuration file of ours.
    pub yaml: String,
    told: Vec<Told>,
}

impl Imported {
    /// What became of each thing that the file says, a line for each, behind the file's name and line.
    pub fn told(&self, file: &str) -> impl Iterator<Item = String> {
        self.told.iter().map(move |told| format!("{file}:{told}"))
    }
}

/// Imports a file. Nothing is contacted, and no file that it includes is read.
///
/// # Errors
/// Where it can't be read, is none of the files that can be imported, or has no registry in it.
pub fn import_file(path: &Path) -> Result<Imported, ImportError> {
    let name = path.display().to_string();
    let text = crate::doctor::read(path, &name)?;
    import(&name, &text)
}

/// Imports a file by its text; its name helps to tell what it is.
///
/// # Errors
/// The same, but for reading.
fn import(name: &str, text: &str) -> Result<Imported, ImportError> {
    let (edge, mut told) = match FileKind::of(name, text)? {
        FileKind::Nginx => nginx::import(text)?,
        FileKind::Ingress => ingress::import(text)?,
        FileKind::Harbor => chart::import(text)?,
        kind @ (FileKind::Haproxy
        | FileKind::Caddy
        | FileKind::Traefik
        | FileKind::Envoy
        | FileKind::Apache) => return Err(ImportError::OtherKind(kind.name())),
    };
    if edge.registries.is_empty() {
        return Err(ImportError::NoRegistry);
    }
    told.sort_by_key(Told::line);
    let yaml = edge.yaml(name)?;
    Ok(Imported { yaml, told })
}

#[cfg(test)]
mod tests;
