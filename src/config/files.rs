//! The one place where configuration touches the machine: its files, its working directory, the
//! number of its cores and its memory.

use super::memory_limit;
use super::problem::{Complaint, Key, Keyed, PemFlaw, Problems, Shown};
use super::warning::Warning;
use crate::condition::{Condition, Flaw};
use crate::system::small_file;
use ipnet::IpNet;
use std::ffi::OsString;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// No Kubernetes ConfigMap or Secret can be larger, and a bundle of every public authority is a
/// quarter of it.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Permission to read for those who are neither the owner nor of the group. The group's is left
/// out: it is how Kubernetes lets a process that isn't root read a Secret.
const OTHERS_READ: u32 = 0o004;

/// What a configuration needs from its surroundings.
pub(super) struct Machine<'a> {
    /// Where relative names of files start.
    pub(crate) directory: PathBuf,
    pub(crate) read: &'a dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// The names of what a directory holds.
    pub(crate) list: &'a dyn Fn(&Path) -> io::Result<Vec<OsString>>,
    /// A file's permission bits.
    pub(crate) mode: &'a dyn Fn(&Path) -> io::Result<u32>,
    pub(crate) cores: usize,
    /// Bytes that this process may use.
    pub(crate) memory: u64,
}

impl Machine<'_> {
    pub(crate) fn of_machine(directory: PathBuf) -> Machine<'static> {
        Machine {
            directory,
            read: &read,
            list: &list,
            mode: &mode,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: memory_limit::of_process(&read),
        }
    }
}

/// What a configuration is made with, and what comes to light meanwhile.
pub(super) struct Making<'a, 'b> {
    pub(super) around: &'a Machine<'b>,
    pub(super) problems: Problems,
    pub(super) warnings: Vec<Warning>,
    /// What conditions may name.
    pub(super) networks: Vec<(String, Vec<IpNet>)>,
    pub(super) registries: Vec<String>,
}

impl Making<'_, '_> {
    /// Reads a file that the configuration names; returns it with its absolute name.
    pub(super) fn contents(&mut self, file: &Keyed<String>) -> Option<(PathBuf, Vec<u8>)> {
        let directory = file.key.directory().unwrap_or(&self.around.directory);
        let path = directory.join(Path::new(&file.value));
        match (self.around.read)(&path) {
            Ok(bytes) => Some((path, bytes)),
            Err(error) => {
                let complaint = Complaint::Unreadable {
                    file: Shown::new(&file.value),
                    error: error.to_string(),
                };
                self.problems.add(&file.key, complaint);
                None
            }
        }
    }

    /// Reads and parses a PEM file; returns it with the file's absolute name.
    pub(super) fn pem<T>(
        &mut self,
        file: &Keyed<String>,
        parse: impl FnOnce(&[u8]) -> Result<T, PemFlaw>,
    ) -> Option<(PathBuf, T)> {
        let (path, bytes) = self.contents(file)?;
        match parse(&bytes) {
            Ok(parsed) => Some((path, parsed)),
            Err(flaw) => {
                let shown = Shown::new(&file.value);
                self.problems
                    .add(&file.key, Complaint::Pem { file: shown, flaw });
                None
            }
        }
    }

    /// A condition that was compiled; each of its flaws is a problem of its own.
    pub(super) fn condition(
        &mut self,
        key: &Key,
        compiled: Result<Condition, Vec<Flaw>>,
    ) -> Option<Condition> {
        let flaws = compiled.map_err(|flaws| {
            for flaw in flaws {
                self.problems.add(key, Complaint::Condition(flaw));
            }
        });
        flaws.ok()
    }

    /// Warns of a file with a secret that others may read.
    pub(super) fn warn_of_readers(&mut self, file: &Keyed<String>, path: &Path) {
        // A file that was read and now has no permissions to show has none to warn of.
        if (self.around.mode)(path).is_ok_and(|mode| mode & OTHERS_READ != 0) {
            let shown = Shown::new(&file.value);
            self.warnings.push(Warning::new(&file.key, format_args!(
                "{shown} can be read by every user of this machine; set its mode to 0600, in Kubernetes the Secret's defaultMode to 0440"
            )));
        }
    }
}

/// A file's name as a configuration says it.
pub(super) fn name(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

/// Reads a whole text file of at most 1 MiB.
pub(super) fn read(file: &Path) -> io::Result<Vec<u8>> {
    small_file::read(file, MAX_BYTES).map(small_file::without_mark)
}

fn list(directory: &Path) -> io::Result<Vec<OsString>> {
    let entries = std::fs::read_dir(directory)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

/// Of what a link leads to: Kubernetes mounts the files of a Secret as links.
fn mode(file: &Path) -> io::Result<u32> {
    Ok(std::fs::metadata(file)?.permissions().mode())
}

/// The absolute directory that a file stands in.
pub(super) fn directory_of(file: &Path) -> io::Result<PathBuf> {
    let absolute = std::path::absolute(file)?;
    Ok(absolute
        .parent()
        .map_or_else(|| absolute.clone(), Path::to_path_buf))
}
