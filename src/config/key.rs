//! Where a value stands: its key, its place in a text, and the file, where there are several.

use super::yaml::Position;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a value stands: `registries[1].upstream.endpoints[0]`, or the flag that set it. Shown, it names
/// its file where there are several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    path: String,
    written: Written,
    source: Option<Arc<Source>>,
    /// Its line, or that of the table where it is missing.
    pub(super) at: Option<Position>,
}

/// What a document was written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    File,
    Flags,
}

/// One of the files of a configuration that has several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// As it is shown to people.
    pub(super) file: PathBuf,
    /// Where relative names in it start.
    pub(super) directory: PathBuf,
}

impl Key {
    /// The document itself.
    pub(super) fn root(written: Written) -> Key {
        Key {
            path: String::new(),
            written,
            source: None,
            at: None,
        }
    }

    /// The document of one file of several.
    pub(super) fn of_source(source: Source) -> Key {
        Key {
            source: Some(Arc::new(source)),
            ..Key::root(Written::File)
        }
    }

    pub(super) fn child(&self, name: &str) -> Key {
        let dot = if self.path.is_empty() { "" } else { "." };
        self.with(format!("{}{dot}{name}", self.path))
    }

    pub(super) fn item(&self, index: usize) -> Key {
        self.with(format!("{}[{index}]", self.path))
    }

    fn with(&self, path: String) -> Key {
        Key {
            path,
            source: self.source.clone(),
            ..*self
        }
    }

    /// The same key, where it stands: as before where nothing is known of that.
    pub(super) fn placed(mut self, at: Option<Position>) -> Key {
        self.at = at.or(self.at);
        self
    }

    /// The file, where there are several.
    pub(super) fn file(&self) -> Option<&Path> {
        self.source.as_ref().map(|source| source.file.as_path())
    }

    /// Where relative names in its file start, where there are several.
    pub(super) fn directory(&self) -> Option<&Path> {
        let source = self.source.as_ref();
        source.map(|source| source.directory.as_path())
    }

    /// The key alone, without its file.
    pub(super) fn bare(&self) -> &str {
        match self.written {
            Written::Flags => flag_of(&self.path),
            Written::File if self.path.is_empty() => "the document",
            Written::File => &self.path,
        }
    }
}

/// The flag that a key of the document came from.
fn flag_of(path: &str) -> &str {
    match path {
        _ if path.starts_with("listeners") && path.ends_with(".cert") => "--tls-cert",
        _ if path.starts_with("listeners") && path.ends_with(".key") => "--tls-key",
        _ if path.starts_with("listeners") && path.ends_with(".cache") => "--acme-cache",
        _ if path.starts_with("listeners") && path.contains(".domains") => "--public",
        _ if path.starts_with("listeners") && path.contains(".acme") => "--acme",
        _ if path.starts_with("listeners") => "--listen",
        _ if path.starts_with("admin") => "--admin",
        _ if path.contains(".public") => "--public",
        _ if path.contains(".upstream") => "--upstream",
        // Nothing else of the document comes from a flag.
        _ => path,
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bare())?;
        match self.file() {
            Some(file) => write!(f, " in {}", FilePosition(file, self.at)),
            None => Ok(()),
        }
    }
}

/// A file, with line and column where they are known: what editors and terminals make a link of.
pub(super) struct FilePosition<'a>(pub(super) &'a Path, pub(super) Option<Position>);

impl fmt::Display for FilePosition<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilePosition(file, at) = self;
        write!(f, "{}", file.display())?;
        at.map_or(Ok(()), |at| write!(f, ":{at}"))
    }
}

/// A value with the place it stands at.
#[derive(Clone, Debug)]
pub(super) struct Keyed<T> {
    pub(crate) key: Key,
    pub(crate) value: T,
}
