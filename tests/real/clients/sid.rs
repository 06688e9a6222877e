//! The clients of today: Debian's unstable distribution has them, the installed one doesn't. Its
//! packages are fetched with a configuration, lists and a state of their own, so the machine's apt
//! knows nothing of them, and unpacked into a folder below `target`. They stay there; whoever
//! removes the folder gets newer ones.
//!
//! A program of theirs sees that folder in the place of `/usr`, with its own loader and libraries, in
//! a mount namespace of its own: several of these programs run themselves once more, which a loader
//! called by hand would not survive.

use crate::common::{process, tools};
use crate::world::World;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What the clients are in. apt adds the libraries and helpers that they need.
const PACKAGES: [&str; 7] = [
    "containerd",
    "crane",
    "docker-cli",
    "docker.io",
    "oras",
    "podman",
    "skopeo",
];

/// Where Debian is, for a machine that doesn't say where it has its own packages from.
const DEBIAN: &str = "http://deb.debian.org/debian/";

/// A slow line has to carry 150 MB.
const FETCHING: Duration = Duration::from_secs(900);

/// Fetches and unpacks what isn't there yet.
///
/// # Panics
/// With apt's words, when that fails.
pub fn install() {
    let place = place();
    let done = place.join("installed");
    let wanted = PACKAGES.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return;
    }
    tools::require(&["apt-get", "dpkg"]);
    if place.exists() {
        std::fs::remove_dir_all(&place).expect("remove an old folder");
    }
    let apt = Apt::new(&place.join("apt"));
    apt.run(&["update"]);
    let mut install = vec!["install", "--yes", "--download-only"];
    install.push("--no-install-recommends");
    install.extend(PACKAGES);
    apt.run(&install);
    unpack(&apt.archives(), &place.join("root"));
    std::fs::remove_dir_all(&apt.folder).expect("remove apt's folder");
    std::fs::write(done, wanted).expect("write");
}

/// A program of these packages. The machine's own files are where they are, but for `/usr`.
pub fn command(world: &World, program: &str, home: &Path) -> Command {
    let mut command = world.command("unshare", home);
    command.args(["--mount", "--propagation", "private"]);
    command.args(["sh", "-c", INSTEAD_OF_USR]);
    command.arg(place().join("root/usr")).arg(program);
    command
}

const INSTEAD_OF_USR: &str = r#"mount --bind "$0" /usr && exec "$@""#;

fn place() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("sid")
}

/// An apt that shares nothing with the machine's but its proxy and the keys of Debian.
struct Apt {
    folder: PathBuf,
}

impl Apt {
    fn new(folder: &Path) -> Apt {
        for below in ["lists/partial", "cache/archives/partial", "sources"] {
            std::fs::create_dir_all(folder.join(below)).expect("apt's folders");
        }
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).expect("write apt's file");
        };
        let uri = debian(&uris_of_machine());
        write("sources/sid.sources", &sources(&uri));
        // Nothing is installed there: everything that is needed comes along.
        write("status", "");
        write("apt.conf", &configuration(folder));
        Apt {
            folder: folder.to_owned(),
        }
    }

    fn run(&self, arguments: &[&str]) {
        let mut command = Command::new(tools::path("apt-get"));
        command.env("APT_CONFIG", self.folder.join("apt.conf"));
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command.arg("--quiet=2").args(arguments);
        let finished = process::run(command, FETCHING);
        assert!(
            finished.succeeded(),
            "the clients of today can't be fetched: apt-get {}: {}",
            arguments.join(" "),
            finished.output()
        );
    }

    fn archives(&self) -> PathBuf {
        self.folder.join("cache/archives")
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{folder}/sources\";\n\
         Dir::State \"{folder}\";\nDir::State::Lists \"{folder}/lists\";\n\
         Dir::State::Status \"{folder}/status\";\nDir::Cache \"{folder}/cache\";\n\
         Acquire::Languages \"none\";\nAcquire::Retries \"3\";\nAPT::Sandbox::User \"root\";\n\
         // What the machine does after its own updates.\n\
         #clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
    )
}

fn sources(uri: &str) -> String {
    format!(
        "Types: deb\nURIs: {uri}\nSuites: sid\nComponents: main\nTargets: Packages\n\
         Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
    )
}

/// Where the machine has its own packages from, one URI a line.
fn uris_of_machine() -> String {
    let mut targets = Command::new(tools::path("apt-get"));
    targets.args(["indextargets", "--format", "$(REPO_URI)"]);
    targets.arg("Identifier: Packages");
    process::run(targets, Duration::from_secs(60)).stdout
}

/// The one of them that has all of Debian: beside it stand its security updates, and strangers.
fn debian(uris: &str) -> String {
    let is_debian = |uri: &&str| uri.trim_end_matches('/').ends_with("/debian");
    uris.lines().find(is_debian).unwrap_or(DEBIAN).to_owned()
}

fn unpack(archives: &Path, root: &Path) {
    let entries = std::fs::read_dir(archives).expect("what was fetched");
    for entry in entries {
        let file = entry.expect("an entry").path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            let mut unpack = Command::new(tools::path("dpkg"));
            unpack.arg("--extract").arg(file).arg(root);
            process::must(unpack);
        }
    }
}
