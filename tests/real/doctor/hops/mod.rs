//! Real hops beside nginx and HAProxy: each as a registry needs it, and as its vendor ships it.
//!
//! Each module knows one program: its configuration, and how it is started. What is behind a hop and
//! what the doctor says of it they don't know.

pub mod apache;
pub mod caddy;
pub mod envoy;
pub mod haproxy;
pub mod lighttpd;
pub mod nghttpx;
pub mod packages;
pub mod squid;
pub mod traefik;
pub mod varnish;

use super::chain::{Next, Stand};
use crate::common::ca::CertFiles;
use crate::common::process::{self, Process};
use crate::common::wait;
use crate::world::World;
use harbormouth::doctor::fixes::fixes;
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::language::Language;
use harbormouth::net::origin::Origin;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// The programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Make {
    Apache,
    Caddy,
    Envoy,
    Lighttpd,
    Nghttpx,
    Squid,
    Traefik,
    /// hitch ends TLS in front of it where it is the outermost.
    Varnish,
}

/// How one is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As a registry needs it, and of Apache and Envoy as the doctor says: it streams, it waits, it doesn't limit bodies, and it says what
    /// clients typed.
    Sound,
    /// Only what it can't do without: where it listens, and where it sends requests.
    Defaults,
}

/// A running hop.
pub struct Hop {
    _processes: Vec<Process>,
    _home: TempDir,
}

/// What a configuration is written from.
pub struct Setting<'a> {
    pub home: &'a Path,
    /// Whose name it serves, without a port.
    pub name: &'a str,
    pub stand: &'a Stand,
    pub next: Next,
}

impl Make {
    pub fn name(self) -> &'static str {
        match self {
            Make::Apache => "apache",
            Make::Caddy => "caddy",
            Make::Envoy => "envoy",
            Make::Lighttpd => "lighttpd",
            Make::Nghttpx => "nghttpx",
            Make::Squid => "squid",
            Make::Traefik => "traefik",
            Make::Varnish => "varnish",
        }
    }

    pub fn start(
        self,
        world: &World,
        manner: Manner,
        name: &str,
        stand: &Stand,
        next: Next,
    ) -> Hop {
        Hop::start(world, name, stand, next, |setting| match self {
            Make::Apache => vec![apache::start(
                world,
                setting,
                &apache::lines(setting, manner),
            )],
            Make::Caddy => vec![caddy::start(world, setting, &caddy::blocks(manner))],
            Make::Envoy => vec![envoy::start(world, setting, &envoy::parts(setting, manner))],
            Make::Lighttpd => vec![lighttpd::start(world, setting, manner)],
            Make::Nghttpx => vec![nghttpx::start(world, setting, manner)],
            Make::Squid => vec![squid::start(world, setting, manner)],
            Make::Traefik => {
                let parts = traefik::parts(setting, manner);
                vec![traefik::start(world, setting, &parts)]
            }
            Make::Varnish => varnish::start(world, setting, manner),
        })
    }
}

impl Hop {
    /// Starts its processes and waits until the registry answers through it: some listen before they
    /// know where to send what comes.
    pub fn start(
        world: &World,
        name: &str,
        stand: &Stand,
        next: Next,
        processes: impl FnOnce(&Setting<'_>) -> Vec<Process>,
    ) -> Hop {
        let home = world.directory("hop");
        let setting = Setting {
            home: home.path(),
            name,
            stand,
            next,
        };
        let mut processes = processes(&setting);
        let url = setting.url();
        wait::until(
            &format!("a registry at {url}"),
            Duration::from_secs(20),
            || {
                processes.iter_mut().for_each(still_runs);
                is_answered(world, home.path(), &url).then_some(())
            },
        );
        Hop {
            _processes: processes,
            _home: home,
        }
    }
}

fn still_runs(process: &mut Process) {
    if let Some(ended) = process.ended() {
        panic!("{ended}: {}{}", process.stdout(), process.stderr());
    }
}

fn is_answered(world: &World, home: &Path, url: &str) -> bool {
    let mut curl = world.command("curl", home);
    curl.arg("--cacert").arg(world.ca.bundle());
    curl.args(["--silent", "--output", "/dev/null", "--max-time", "5"]);
    curl.args(["--write-out", "%{http_code}", url]);
    matches!(
        process::run(curl, Duration::from_secs(10)).stdout.as_str(),
        "200" | "401"
    )
}

impl Setting<'_> {
    /// Where its registry is asked.
    fn url(&self) -> String {
        let address = self.address();
        match self.stand {
            Stand::Front { .. } => format!("https://{}:{}/v2/", self.name, address.port()),
            Stand::Inner(_) => format!("http://{address}/v2/"),
        }
    }

    fn address(&self) -> SocketAddr {
        self.stand.address()
    }

    /// What clients type; an inner hop of these chains has a front at 443.
    fn origin(&self) -> Origin {
        let port = match self.stand {
            Stand::Front { address, .. } => address.port(),
            Stand::Inner(_) => 443,
        };
        Origin::parse(&format!("https://{}:{port}", self.name)).expect("an origin")
    }

    /// What the doctor says to paste at a place, against all that a hop of these may do by default.
    fn doctors_lines(&self, place: &str) -> Vec<Vec<String>> {
        let origin = self.origin();
        let against = [
            Kind::LocationScheme,
            Kind::BodyLimit,
            Kind::IdleCut,
            Kind::AgeCut,
            Kind::CommitCut,
        ];
        let all = against.map(|kind| fixes(kind, &origin, Language::English));
        let fixes = all.into_iter().flatten().filter(|fix| fix.key == place);
        fixes.map(|fix| fix.lines).collect()
    }

    /// Its certificate, where it ends TLS.
    fn files(&self) -> Option<&CertFiles> {
        match self.stand {
            Stand::Front { files, .. } => Some(files),
            Stand::Inner(_) => None,
        }
    }

    /// `text` made from the certificate's and the key's paths; nothing for an inner hop.
    fn if_tls(&self, text: impl FnOnce(&str, &str) -> String) -> String {
        let text = |files: &CertFiles| {
            let path = |file: &Path| file.display().to_string();
            text(&path(&files.cert), &path(&files.key))
        };
        self.files().map(text).unwrap_or_default()
    }

    /// Certificate and key in one file.
    fn pair(&self) -> Option<PathBuf> {
        let files = self.files()?;
        let read = |file| std::fs::read_to_string(file).expect("read a PEM file");
        Some(self.write("front.pem", &(read(&files.key) + &read(&files.cert))))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.home.join(name);
        std::fs::write(&file, text).expect("write a hop's file");
        file
    }
}
