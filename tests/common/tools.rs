//! The programs that tests need from the machine.

use std::path::PathBuf;

/// Checks that every program is on the machine.
///
/// # Panics
/// With the missing names and the command that installs them. A test never passes over a missing
/// part in silence.
pub fn require(programs: &[&str]) {
    let missing: Vec<&str> = programs
        .iter()
        .copied()
        .filter(|p| find(p).is_none())
        .collect();
    assert!(
        missing.is_empty(),
        "these tests need {}, which this machine doesn't have: install with `tests/install.sh` \
         (Debian; as root or with sudo)",
        missing.join(", ")
    );
}

/// Where a program is: in `PATH`, or where Debian puts programs for root.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin"])
        .map(|directory| PathBuf::from(directory).join(program))
        .find(|file| file.is_file())
}

/// The program's path.
///
/// # Panics
/// As [`require`].
pub fn path(program: &str) -> PathBuf {
    require(&[program]);
    find(program).unwrap_or_default()
}
