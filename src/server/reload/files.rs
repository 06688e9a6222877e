//! Whether the files of the configuration have changed since they were read.

use crate::config::Config;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What tells one content of a file from another without reading it. Kubernetes swaps a link to the
/// directory, editors and certbot the file: both change the inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Files with what they were when they were read.
#[derive(Clone, Debug, Default)]
pub(super) struct WatchedFiles {
    paths: Vec<PathBuf>,
    read: Vec<Option<Stamp>>,
    last: Vec<Option<Stamp>>,
}

impl WatchedFiles {
    /// All files of a configuration that was just read.
    pub(crate) fn of(config: &Config) -> WatchedFiles {
        WatchedFiles::default().and(config)
    }

    /// True if a file is another one than when it was read, and all are what they were at the last
    /// look: nobody is writing them.
    pub(crate) fn look(&mut self) -> bool {
        let now: Vec<_> = self.paths.iter().map(|path| stamp(path)).collect();
        let is_still = now == self.last;
        self.last = now;
        is_still && self.last != self.read
    }

    /// The same files, as they are now; to be called before they are read.
    pub(crate) fn again(mut self) -> WatchedFiles {
        self.look();
        self.read.clone_from(&self.last);
        self
    }

    /// Those that this configuration names; what was known of them stays.
    pub(crate) fn and(self, config: &Config) -> WatchedFiles {
        let paths = config.files();
        let known = |path: &PathBuf| {
            let place = self.paths.iter().position(|other| other == path);
            place.map_or_else(|| stamp(path), |place| self.read[place])
        };
        let read: Vec<_> = paths.iter().map(known).collect();
        WatchedFiles {
            last: read.clone(),
            read,
            paths,
        }
    }
}

/// None where there is no such file.
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(paths: &[&Path]) -> WatchedFiles {
        WatchedFiles {
            paths: paths.iter().map(|path| path.to_path_buf()).collect(),
            ..WatchedFiles::default()
        }
        .again()
    }

    #[test]
    fn a_change_counts_once_it_stands_still() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("harbormouth.yaml");
        std::fs::write(&file, "a").unwrap();
        let mut files = files(&[&file]);
        assert!(!files.look());
        std::fs::write(&file, "ab").unwrap();
        assert!(!files.look(), "somebody may be writing");
        std::fs::write(&file, "abc").unwrap();
        assert!(!files.look(), "somebody is writing");
        assert!(files.look());
        assert!(files.look(), "until it is read");
        let mut files = files.again();
        assert!(!files.look());
        std::fs::remove_file(&file).unwrap();
        assert!(!files.look());
        assert!(files.look());
    }

    /// As kubelet does: `..data` is a link to a directory of the time, and the files are links
    /// through it.
    #[test]
    fn a_swapped_directory_is_a_change() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for version in ["..1", "..2"] {
            std::fs::create_dir(root.join(version)).unwrap();
            std::fs::write(root.join(version).join("tls.crt"), "the same").unwrap();
        }
        let link = std::os::unix::fs::symlink::<&str, PathBuf>;
        link("..1", root.join("..data")).unwrap();
        link("..data/tls.crt", root.join("tls.crt")).unwrap();
        let mut files = files(&[&root.join("tls.crt")]);
        assert!(!files.look());
        link("..2", root.join("..data_tmp")).unwrap();
        std::fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
        assert!(!files.look());
        assert!(files.look());
    }
}
