//! A directory of files that change as operators change them: by renaming a new file over the old
//! one, or as Kubernetes does it in a mounted ConfigMap or Secret, by turning `..data`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// How files change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each by a rename of its own.
    Renamed,
    /// All at once, as in a pod: `name` → `..data/name`, `..data` → the newest directory.
    Mounted,
}

pub struct Volume {
    kind: Kind,
    home: TempDir,
    generation: AtomicU32,
}

impl Volume {
    /// With these files.
    pub fn new(kind: Kind, home: TempDir, files: &[(&str, &str)]) -> Volume {
        let volume = Volume {
            kind,
            home,
            generation: AtomicU32::new(0),
        };
        volume.put(files);
        volume
    }

    /// Where it is.
    pub fn directory(&self) -> String {
        self.home.path().display().to_string()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Changes these files; a mounted volume has no others then.
    pub fn put(&self, files: &[(&str, &str)]) {
        match self.kind {
            Kind::Renamed => self.rename(files),
            Kind::Mounted => self.turn(files),
        }
    }

    fn rename(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let new = self.path(&format!(".{name}.new"));
            std::fs::write(&new, text).expect("write a new file");
            std::fs::rename(&new, self.path(name)).expect("rename it over the old one");
        }
    }

    fn turn(&self, files: &[(&str, &str)]) {
        let number = self.generation.fetch_add(1, Ordering::Relaxed);
        let name = format!("..2026_11_21.{number}");
        let directory = self.path(&name);
        std::fs::create_dir(&directory).expect("a new directory");
        for (file, text) in files {
            std::fs::write(directory.join(file), text).expect("write a file");
        }
        let data = self.path("..data");
        let old = std::fs::read_link(&data).ok();
        let new = self.path("..data_tmp");
        symlink(&name, &new).expect("a link to it");
        std::fs::rename(&new, &data).expect("turn ..data");
        for (file, _) in files {
            let link = self.path(file);
            if !link.is_symlink() {
                symlink(Path::new("..data").join(file), link).expect("a link to a file");
            }
        }
        if let Some(old) = old {
            std::fs::remove_dir_all(self.path(&old.to_string_lossy())).expect("the old directory");
        }
    }
}
