//! Control groups of the run's own, so that nothing in the machine's is moved or left behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TOP: &str = "/sys/fs/cgroup";

/// A name in the control groups' tree. What is below it in any hierarchy goes when it is dropped.
pub struct Group {
    pub name: String,
}

impl Group {
    pub fn new() -> Group {
        Group {
            name: format!("harbormouth-tests-{}", uuid::Uuid::new_v4()),
        }
    }

    /// Makes the group in the hierarchies that systemd uses: the only one of version 2, or the two
    /// that stand for it beside version 1.
    pub fn make_for_systemd(&self) -> Vec<PathBuf> {
        let top = Path::new(TOP);
        let hierarchies = if is_second_version() {
            vec![top.to_owned()]
        } else {
            vec![top.join("systemd"), top.join("unified")]
        };
        let groups: Vec<PathBuf> = hierarchies
            .iter()
            .map(|hierarchy| hierarchy.join(&self.name))
            .collect();
        for group in &groups {
            fs::create_dir(group).unwrap_or_else(|e| panic!("{}: {e}", group.display()));
        }
        groups
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let hierarchies = if is_second_version() {
            vec![PathBuf::from(TOP)]
        } else {
            folders(Path::new(TOP))
        };
        // Processes that were killed are gone in a moment.
        let deadline = Instant::now() + Duration::from_secs(5);
        for hierarchy in hierarchies {
            remove(&hierarchy.join(&self.name), deadline);
        }
    }
}

fn is_second_version() -> bool {
    Path::new(TOP).join("cgroup.procs").exists()
}

fn remove(group: &Path, deadline: Instant) {
    for inner in folders(group) {
        remove(&inner, deadline);
    }
    while group.exists() && fs::remove_dir(group).is_err() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn folders(place: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(place).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    // Hierarchies may have second names, which are links.
    paths
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect()
}
