//! What one run has once: its directory, its authority, its sites, and its daemons, which start
//! when the first test asks for them.

use crate::clients::{Containerd, Dockerd, Release};
use crate::common::ca::Ca;
use crate::common::tools;
use crate::namespace;
use libtest_mimic::Trial;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub struct World {
    directory: PathBuf,
    pub ca: Ca,
    sites: AtomicU16,
    /// Where fake Harbors live.
    pub runtime: Runtime,
    containerd: OfRelease<Containerd>,
    dockerd: OfRelease<Dockerd>,
}

/// A daemon for each release.
struct OfRelease<T> {
    installed: OnceLock<T>,
    sid: OnceLock<T>,
}

impl<T> Default for OfRelease<T> {
    fn default() -> OfRelease<T> {
        OfRelease {
            installed: OnceLock::new(),
            sid: OnceLock::new(),
        }
    }
}

impl<T> OfRelease<T> {
    fn of(&self, release: Release) -> &OnceLock<T> {
        match release {
            Release::Installed => &self.installed,
            Release::Sid => &self.sid,
        }
    }
}

/// A place in the network of the run: one public address with two names, and one inner address.
#[derive(Clone, Copy)]
pub struct Site(u16);

impl Site {
    pub fn name(self) -> String {
        namespace::public_name(self.0)
    }

    pub fn second_name(self) -> String {
        namespace::second_name(self.0)
    }

    /// A name for the public address and the inner one.
    pub fn double_name(self) -> String {
        namespace::double_name(self.0)
    }

    pub fn public_address(self) -> std::net::Ipv4Addr {
        namespace::public_address(self.0)
    }

    pub fn inner_address(self) -> std::net::Ipv4Addr {
        namespace::inner_address(self.0)
    }
}

/// Sites that are given out by their number.
const LAST_SITES: u16 = 20;

impl World {
    pub fn new(directory: PathBuf) -> World {
        World {
            ca: Ca::new(&directory.join("ca")),
            directory,
            sites: AtomicU16::new(1),
            runtime: Runtime::new().expect("start a runtime"),
            containerd: OfRelease::default(),
            dockerd: OfRelease::default(),
        }
    }

    /// A site that nobody else in this run has.
    pub fn site(&self) -> Site {
        let number = self.sites.fetch_add(1, Ordering::Relaxed);
        let all = namespace::SITES - LAST_SITES;
        assert!(number < all, "the run has used up its sites");
        Site(number)
    }

    /// The site with this number from the end: the same in every run, for who asks for it by itself.
    pub fn last_site(&self, number: u16) -> Site {
        assert!(number < LAST_SITES, "there are {LAST_SITES} of these");
        Site(namespace::SITES - 1 - number)
    }

    /// A new, empty directory, which goes when it is dropped.
    pub fn directory(&self, purpose: &str) -> TempDir {
        tempfile::Builder::new()
            .prefix(&format!("{purpose}-"))
            .tempdir_in(&self.directory)
            .expect("create a directory")
    }

    /// A program with nothing of the caller's environment, which trusts the run's authority.
    pub fn command(&self, program: &str, home: &Path) -> Command {
        let mut command = Command::new("env");
        command
            .arg("-i")
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .arg(format!("HOME={}", home.display()))
            .arg(format!("TMPDIR={}", home.display()))
            .arg(format!("SSL_CERT_FILE={}", self.ca.bundle().display()))
            .arg("SSL_CERT_DIR=/nowhere")
            .arg(tools::path(program));
        command
    }

    pub fn containerd(&self, release: Release) -> &Containerd {
        let cell = self.containerd.of(release);
        cell.get_or_init(|| Containerd::start(self, release))
    }

    pub fn dockerd(&self, release: Release) -> &Dockerd {
        let cell = self.dockerd.of(release);
        cell.get_or_init(|| Dockerd::start(self, release))
    }
}

/// A trial in this world. It fails by a panic.
pub fn trial(
    world: &Arc<World>,
    name: impl Into<String>,
    run: impl FnOnce(&World) + Send + 'static,
) -> Trial {
    let world = Arc::clone(world);
    Trial::test(name, move || {
        run(&world);
        Ok(())
    })
}
