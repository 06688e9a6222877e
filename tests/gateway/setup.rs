//! A gateway with the settings of one test, and the ways to reach it.

use crate::client::Conn;
use crate::client_h2::H2;
use crate::common::ca::Ca;
use crate::common::gateway::Gateway;
use crate::common::wait;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::fmt::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub const HUB: &str = "hub.example.com";

/// What may take long only on a machine that has other things to do.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of one gateway; what a test doesn't say is generous.
pub struct Setup {
    pub registries: Vec<Registry>,
    /// More top-level keys.
    pub top: String,
    /// More keys of `admin`, each after a comma.
    pub admin: String,
    /// More entries of `listeners`, in front of the plain and the TLS one.
    pub listeners: String,
    /// The names of each certificate of the TLS listener, in order.
    pub certificates: Vec<Vec<&'static str>>,
    /// `proxy_protocol` of the plain and the TLS listener.
    pub proxy_protocol: &'static str,
    /// Worker threads.
    pub threads: usize,
    /// What runs the gateway, if it isn't started as it is: a program and its first arguments.
    pub within: Vec<String>,
    /// What serves in the place of `harbormouth serve`: it is given the configuration's file, and
    /// `arguments` behind it.
    pub program: Option<PathBuf>,
    pub arguments: Vec<String>,
}

pub struct Registry {
    pub name: &'static str,
    pub public: Vec<&'static str>,
    pub endpoints: Vec<String>,
    /// More keys of `upstream`, each line indented by six.
    pub upstream: String,
    /// More keys of the registry, each line indented by four.
    pub more: String,
    pub connect: &'static str,
    pub between_bytes: &'static str,
    pub commit: &'static str,
    pub interval: &'static str,
    pub probed: &'static str,
}

impl Registry {
    pub fn new(name: &'static str, endpoint: impl ToString) -> Registry {
        Registry {
            name,
            public: vec!["https://hub.example.com", "http://hub.example.com"],
            endpoints: vec![endpoint.to_string()],
            upstream: String::new(),
            more: String::new(),
            connect: "5s",
            between_bytes: "60s",
            commit: "60s",
            interval: "1h",
            probed: "/api/v2.0/ping",
        }
    }

    fn yaml(&self, out: &mut String) {
        let _ = write!(
            out,
            "  - name: {}\n    public: [{}]\n    upstream:\n      endpoints: [{}]\n      \
             health: {{ path: {}, interval: {} }}\n{}{}    timeouts: {{ connect: {}, \
             between_bytes: {}, commit: {} }}\n",
            self.name,
            self.public.join(", "),
            self.endpoints.join(", "),
            self.probed,
            self.interval,
            self.upstream,
            self.more,
            self.connect,
            self.between_bytes,
            self.commit,
        );
    }
}

impl Setup {
    /// One registry at this endpoint.
    pub fn new(endpoint: impl ToString) -> Setup {
        Setup::of(vec![Registry::new("hq", endpoint)])
    }

    pub fn of(registries: Vec<Registry>) -> Setup {
        Setup {
            registries,
            top: String::new(),
            admin: String::new(),
            listeners: String::new(),
            certificates: vec![vec![HUB]],
            proxy_protocol: "off",
            threads: 1,
            within: Vec::new(),
            program: None,
            arguments: Vec::new(),
        }
    }

    /// Changes the only registry.
    pub fn registry(mut self, change: impl FnOnce(&mut Registry)) -> Setup {
        change(&mut self.registries[0]);
        self
    }

    /// Starts the gateway: with one worker unless set, so that all requests share its connections.
    pub fn start(self) -> World {
        let directory = TempDir::new().expect("a directory");
        let ca = Ca::new(directory.path());
        let mut pairs = Vec::new();
        for names in &self.certificates {
            let files = ca.issue(names);
            pairs.push(format!(
                "{{ cert: {}, key: {} }}",
                files.cert.display(),
                files.key.display()
            ));
        }
        let mut yaml = format!(
            "threads: {threads}\nadmin: {{ address: 127.0.0.1:0{admin} }}\n{}listeners:\n{}  - address: \
             127.0.0.1:0\n    proxy_protocol: {proxy_protocol}\n  - address: 127.0.0.1:0\n    \
             proxy_protocol: {proxy_protocol}\n    tls: {{ certificates: [{}] }}\nregistries:\n",
            self.top,
            self.listeners,
            pairs.join(", "),
            proxy_protocol = self.proxy_protocol,
            threads = self.threads,
            admin = self.admin,
        );
        for registry in &self.registries {
            registry.yaml(&mut yaml);
        }
        World {
            gateway: match &self.program {
                Some(program) => Gateway::of_program(program, &self.arguments, &yaml),
                None => Gateway::within(&self.within, &yaml),
            },
            yaml,
            ca,
            _directory: directory,
        }
    }
}

/// A running gateway and who trusts it.
pub struct World {
    pub gateway: Gateway,
    /// Its configuration when it was started.
    pub yaml: String,
    pub ca: Ca,
    _directory: TempDir,
}

impl World {
    /// The address of the plain listener.
    pub fn plain(&self) -> SocketAddr {
        *self.gateway.http.last().expect("a plain listener")
    }

    pub fn tls(&self) -> SocketAddr {
        self.gateway.https[0]
    }

    /// HTTP/1.1 in the clear.
    pub async fn http(&self) -> Conn {
        Conn::new(connect(self.plain()).await)
    }

    /// HTTP/1.1 over TLS.
    pub async fn https(&self) -> Conn {
        Conn::new(self.shake(HUB, trust(&self.ca, &[b"http/1.1"])).await)
    }

    pub async fn h2(&self) -> H2 {
        H2::new(self.shake(HUB, trust(&self.ca, &[b"h2"])).await).await
    }

    /// A TLS connection for `name` with these settings.
    pub async fn shake(
        &self,
        name: &str,
        config: rustls::ClientConfig,
    ) -> tokio_rustls::client::TlsStream<TcpStream> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let socket = connect(self.tls()).await;
        TlsConnector::from(Arc::new(config))
            .connect(name, socket)
            .await
            .expect("a handshake")
    }

    /// Waits until the sum of a metric's samples with these labels is `wanted`.
    pub async fn metric_becomes(&self, family: &str, labels: &[(&str, &str)], wanted: f64) {
        let value = || self.gateway.metric(family, labels);
        let look = || ((value() - wanted).abs() < f64::EPSILON).then_some(());
        let what = || {
            let (value, stderr) = (value(), self.gateway.stderr());
            format!("{family}{labels:?} to be {wanted} and not {value}\n{stderr}")
        };
        wait::until_async(PATIENCE, look, what).await;
    }

    /// Access records and other lines once one contains all of `words`.
    pub async fn logged(&self, words: &[&str]) -> String {
        let what = format!("a log line with {words:?}");
        until(&what, || {
            let text = self.gateway.stderr();
            let line = text
                .lines()
                .find(|line| words.iter().all(|word| line.contains(word)));
            line.map(ToOwned::to_owned)
        })
        .await
    }
}

/// Trust in the test's authority only.
pub fn trust(ca: &Ca, protocols: &[&[u8]]) -> rustls::ClientConfig {
    trust_versions(ca, protocols, rustls::ALL_VERSIONS)
}

pub fn trust_versions(
    ca: &Ca,
    protocols: &[&[u8]],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(ca.bundle()).expect("the bundle") {
        roots
            .add(certificate.expect("a certificate"))
            .expect("a root");
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    config
}

pub async fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).await.expect("connect");
    socket.set_nodelay(true).expect("nodelay");
    socket
}

/// Looks until `look` gives a value.
pub async fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    wait::until_async(PATIENCE, look, || what.to_owned()).await
}
