//! The programs that tests need from the machine.

use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

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

/// Where this package's examples are, built from what is there now: `cargo test` with a target named
/// builds none.
///
/// # Panics
/// When they can't be built.
pub fn examples() -> PathBuf {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let this = std::env::current_exe().expect("this program's path");
        // target/PROFILE/deps/PROGRAM
        let folder = this.ancestors().nth(2).expect("the profile's folder");
        let named = folder.file_name().and_then(|name| name.to_str());
        let profile = match named.expect("a profile") {
            "debug" => "dev",
            other => other,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command
            .args([
                "build",
                "--locked",
                "--quiet",
                "--examples",
                "--profile",
                profile,
            ])
            .arg("--target-dir")
            .arg(folder.parent().expect("the target's folder"))
            .current_dir(env!("CARGO_MANIFEST_DIR"));
        // What cargo says of the package under test; build scripts that look at it would run again.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("CARGO_") && name != "CARGO_HOME" {
                command.env_remove(name);
            }
        }
        let built = command.output().expect("run cargo");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success(), "the examples: {said}");
        folder.join("examples")
    });
    BUILT.clone()
}
