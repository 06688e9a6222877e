//! Two replicas of the gateway in front of one Harbor: a core with two wires to it, and a real
//! Distribution registry behind.

use crate::common::ca::Ca;
use crate::common::process::{self, Process};
use crate::common::{tools, wait};
use crate::random::Random;
use crate::replica::{Log, Replica};
use crate::wire::Wire;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{Backing, FakeHarbor, FakeHarborConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tempfile::TempDir;

/// How long the gateway lets a transfer stand still here.
pub const BETWEEN_BYTES: Duration = Duration::from_secs(5);
/// `max_in_flight`, of uploads and of other requests.
pub const IN_FLIGHT: usize = 512;

/// What a balancer knows: where requests may go.
pub struct Doors {
    open: Mutex<Vec<SocketAddr>>,
    pub trust: rustls::ClientConfig,
}

impl Doors {
    pub fn pick(&self, random: &mut Random) -> SocketAddr {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        random.pick(&open)
    }

    pub fn open(&self, address: SocketAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.push(address);
    }

    pub fn close(&self, address: SocketAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|one| *one != address);
    }
}

pub struct Stage {
    home: TempDir,
    registry: Option<Process>,
    registry_address: SocketAddr,
    core: Option<FakeHarbor>,
    core_address: SocketAddr,
    pub wires: [Wire; 2],
    pub doors: Arc<Doors>,
    /// Lives from the beginning to the end: what memory is judged by.
    pub first: Replica,
    /// Is replaced again and again.
    pub second: Option<Replica>,
    replicas: usize,
}

impl Stage {
    pub async fn start() -> Stage {
        let home = tempfile::Builder::new().prefix("soak-").tempdir();
        let home = home.expect("a directory");
        let registry_address = SocketAddr::from((Ipv4Addr::LOCALHOST, wait::free_port()));
        let registry = start_registry(&home, registry_address);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let core = start_core(registry_address, nowhere).await;
        let core_address = core.address();
        let wires = [
            Wire::start(core_address).await,
            Wire::start(core_address).await,
        ];
        let ca = Ca::new(&home.path().join("ca"));
        ca.issue(&[crate::client::HUB]);
        let key = home.path().join("sealing.key");
        let mut keygen = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        keygen.arg("keygen").arg(&key);
        process::must(keygen);
        let file = write_configuration(&home, &wires, "first", 75);
        let first = Replica::start(&file, &Log::Pipe);
        let doors = Doors {
            open: Mutex::new(vec![first.tls]),
            trust: trust(&ca),
        };
        let mut stage = Stage {
            home,
            registry: Some(registry),
            registry_address,
            core: Some(core),
            core_address,
            wires,
            doors: Arc::new(doors),
            first,
            second: None,
            replicas: 0,
        };
        stage.start_second();
        stage
    }

    /// Another second replica, at a place of its own; each second one's log is on a full disk.
    pub fn start_second(&mut self) {
        self.replicas += 1;
        let name = format!("second-{}", self.replicas);
        let file = write_configuration(&self.home, &self.wires, &name, 75);
        let log = if self.replicas.is_multiple_of(2) {
            Log::Full
        } else {
            Log::Pipe
        };
        let second = Replica::start(&file, &log);
        self.doors.open(second.tls);
        self.second = Some(second);
    }

    /// The audit lines of all replicas.
    pub fn audited(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.home.path()).expect("the directory");
        let files = files.flatten().map(|file| file.path());
        let files = files.filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
        let texts = files.map(|file| std::fs::read_to_string(file).expect("audit lines"));
        let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
        texts.flat_map(lines).collect()
    }

    /// Kills the registry.
    pub fn kill_registry(&mut self) {
        self.registry = None;
    }

    pub fn start_registry(&mut self) {
        self.registry = Some(start_registry(&self.home, self.registry_address));
    }

    pub async fn stop_core(&mut self) {
        if let Some(core) = self.core.take() {
            core.stop().await;
        }
    }

    pub async fn start_core(&mut self) {
        self.core = Some(start_core(self.registry_address, self.core_address).await);
    }

    pub fn core(&self) -> &FakeHarbor {
        self.core.as_ref().expect("core is up between two episodes")
    }

    /// Both replicas read a configuration that differs from the one before.
    pub fn reload(&self, keepalive: u64) {
        for replica in [Some(&self.first), self.second.as_ref()]
            .into_iter()
            .flatten()
        {
            let name = replica.file.file_stem().and_then(|name| name.to_str());
            let name = name.expect("a name");
            write_configuration(&self.home, &self.wires, name, keepalive);
            replica.signal("HUP");
        }
    }

    /// The first one reads what is no configuration.
    pub fn reload_badly(&self) {
        std::fs::write(&self.first.file, "listeners: [ { adress: nowhere } ]\n").expect("write");
        self.first.signal("HUP");
    }
}

fn start_registry(home: &TempDir, address: SocketAddr) -> Process {
    let at = home.path().display();
    let file = home.path().join("registry.yml");
    let text = format!(
        "version: 0.1\nlog: {{ level: error, accesslog: {{ disabled: true }} }}\n\
         http: {{ addr: '{address}', secret: not-a-secret }}\n\
         storage:\n  filesystem: {{ rootdirectory: '{at}/storage' }}\n"
    );
    std::fs::write(&file, text).expect("registry.yml");
    let mut command = Command::new(tools::path("docker-registry"));
    command.arg("serve").arg(&file);
    let process = Process::start("docker-registry", command);
    wait::until_it_accepts(address, Duration::from_secs(30));
    process
}

async fn start_core(registry: SocketAddr, bind: SocketAddr) -> FakeHarbor {
    let public = format!("https://{}", crate::client::HUB);
    let config = FakeHarborConfig {
        backing: Backing::Distribution {
            address: registry,
            username: "core".to_owned(),
            password: "unasked".to_owned(),
        },
        bind,
        ..FakeHarborConfig::example(Origin::parse(&public).expect("an origin"))
    };
    FakeHarbor::start(config).await.expect("start core")
}

fn write_configuration(home: &TempDir, wires: &[Wire; 2], name: &str, keepalive: u64) -> PathBuf {
    let (at, hub) = (home.path().display(), crate::client::HUB);
    let [one, two] = [wires[0].address, wires[1].address];
    let wait = BETWEEN_BYTES.as_secs();
    let text = format!(
        "threads: 2\nadmin: {{ address: 127.0.0.1:0 }}\ndrain: {{ delay: 1s, timeout: 60s }}\n\
         limits: {{ keepalive_idle: {keepalive}s }}\n\
         reattach: {{ keys: {{ current: {at}/sealing.key }} }}\n\
         audit: {{ file: {at}/{name}.jsonl }}\naccounting: {{}}\n\
         listeners:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:0\n    \
         tls: {{ certificates: [{{ cert: {at}/ca/{hub}.crt, key: {at}/ca/{hub}.key }}] }}\n\
         registries:\n  - name: hq\n    public: [https://{hub}, http://{hub}]\n    \
         upstream:\n      endpoints: [http://{one}, http://{two}]\n      \
         health: {{ path: /api/v2.0/ping, interval: 1s }}\n    \
         timeouts: {{ connect: 2s, between_bytes: {wait}s, commit: 10s }}\n    \
         max_in_flight: {{ uploads: {IN_FLIGHT}, other: {IN_FLIGHT} }}\n"
    );
    let file = home.path().join(format!("{name}.yaml"));
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("write the configuration");
    std::fs::rename(&new, &file).expect("put the configuration in place");
    file
}

fn trust(ca: &Ca) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca.bundle()).expect("the bundle") {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}
