//! An S3 server: moto's, from Python's index, with pinned contents. Its name is known to those who are
//! told, and to nobody else: clients find no address for it, as in a network that they can't reach.

use crate::common::process::Process;
use crate::common::{tools, venv};
use crate::harbor::Registry;
use crate::world::World;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

const NAME: &str = "objects.storage.test";
const BUCKET: &str = "layers";
const SECRET: &str = "not-a-secret";

/// Fetches what isn't there yet.
pub fn install() {
    place();
}

fn source(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/sites/object_store");
    folder.join(name)
}

fn place() -> PathBuf {
    let lock = source("requirements.txt");
    venv::is_pinned(&lock, &source("requirements.in"));
    venv::install("object-store", &lock)
}

pub struct ObjectStore {
    process: Process,
    home: TempDir,
    port: u16,
}

impl ObjectStore {
    pub fn start(world: &World) -> ObjectStore {
        let home = world.directory("objects");
        let python = place().join("bin/python");
        let mut command = world.command("env", home.path());
        // A host's first label is no bucket here.
        command.arg("S3_IGNORE_SUBDOMAIN_BUCKETNAME=true");
        command.arg(python).arg(source("serve.py"));
        command.args([BUCKET, SECRET]);
        let mut process = Process::start("the S3 server", command);
        let port = process.wait_for("its port", Duration::from_secs(60), |stdout, _| {
            let line = stdout.lines().next()?;
            line.strip_prefix("listening on ")?.parse().ok()
        });
        let known = std::fs::read_to_string("/etc/hosts").expect("the known names");
        let hosts = format!("{known}127.0.0.1 {NAME}\n");
        std::fs::write(home.path().join("hosts"), hosts).expect("write names");
        ObjectStore {
            process,
            home,
            port,
        }
    }

    /// As Location and the gateway's settings have it.
    pub fn authority(&self) -> String {
        format!("{NAME}:{}", self.port)
    }

    /// The command before a program that is told the name.
    pub fn told(&self) -> Vec<String> {
        let hosts = self.home.path().join("hosts");
        let shell = tools::path("unshare").display().to_string();
        let mut words = vec![shell];
        words.extend(["--mount", "--propagation", "private"].map(str::to_owned));
        words.extend(["sh", "-c", INSTEAD_OF_HOSTS].map(str::to_owned));
        words.push(hosts.display().to_string());
        words
    }

    /// A registry that keeps everything here, and sends clients here for layers.
    pub fn registry(&self, world: &World) -> Registry {
        let storage = format!(
            "  s3:\n    region: us-east-1\n    regionendpoint: 'http://{}'\n    bucket: {BUCKET}\n    \
             accesskey: access\n    secretkey: {SECRET}\n    secure: false\n    v4auth: true\n  \
             redirect: {{ disable: false }}\n",
            self.authority()
        );
        let told = self.told();
        Registry::start_within(world, &told, &storage)
    }

    /// The requests for layers so far: method, path, status and the part that was asked.
    pub fn layers(&self) -> Vec<String> {
        let said = self.process.stdout();
        let lines = said.lines().filter(|line| line.contains("/blobs/"));
        lines.map(str::to_owned).collect()
    }
}

const INSTEAD_OF_HOSTS: &str = r#"mount --bind "$0" /etc/hosts && exec "$@""#;
