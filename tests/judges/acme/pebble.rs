//! Pebble with a name server that finds every name at this machine.

use super::stage::Ways;
use crate::common::ca::Ca;
use crate::common::process::{self, Process};
use crate::common::{tools, wait};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A start takes well below a second.
const START: Duration = Duration::from_secs(20);

/// What a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Pebble's own example of a MAC key.
pub const MAC: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// Accounts only for those that have one beside ACME.
pub const EXTERNAL: &str = "\"externalAccountBindingRequired\": true, \"externalAccountMACKeys\": \
    { \"kid-1\": \"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\" },";

pub struct Pebble {
    process: Process,
    _names: Process,
    home: TempDir,
    acme: u16,
    trusts: Arc<ClientConfig>,
}

impl Pebble {
    /// `more`: keys of its configuration, each with a comma behind it.
    pub fn start(ways: &Ways, more: &str) -> Pebble {
        let home = TempDir::new().expect("a folder");
        let own = Ca::new(home.path()).issue(&["localhost"]);
        let (acme, management, names) = (wait::free_port(), wait::free_port(), wait::free_port());
        let config = format!(
            "{{\"pebble\": {{ {more} \"listenAddress\": \"127.0.0.1:{acme}\", \
             \"managementListenAddress\": \"127.0.0.1:{management}\", \"certificate\": {:?}, \
             \"privateKey\": {:?}, \"httpPort\": {}, \"tlsPort\": {} }} }}",
            own.cert,
            own.key,
            ways.http.port(),
            ways.tls.port(),
        );
        let file = home.path().join("pebble.json");
        fs::write(&file, config).expect("write its configuration");
        let server = format!("127.0.0.1:{names}");
        let mut command = Command::new(tools::path("pebble-challtestsrv"));
        command.args([
            "-dns01",
            &server,
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
        ]);
        let management_of_names = format!("127.0.0.1:{}", wait::free_port());
        command.args(["-tlsalpn01", "", "-management", &management_of_names]);
        let names = Process::start("pebble-challtestsrv", command);
        let mut command = Command::new(tools::path("pebble"));
        command
            .arg("-config")
            .arg(&file)
            .args(["-dnsserver", &server]);
        command.env("PEBBLE_VA_NOSLEEP", "1");
        let process = Process::start("pebble", command);
        for port in [acme, management] {
            wait::until_it_accepts((Ipv4Addr::LOCALHOST, port).into(), START);
        }
        Pebble {
            trusts: trusts(&root(&home, management)),
            process,
            _names: names,
            home,
            acme,
        }
    }

    pub fn directory(&self) -> String {
        format!("https://localhost:{}/dir", self.acme)
    }

    /// Who vouches for its own certificate.
    pub fn ca(&self) -> PathBuf {
        self.home.path().join("ca.pem")
    }

    /// How many orders it has had.
    pub fn orders(&self) -> usize {
        let said = self.process.stdout() + &self.process.stderr();
        said.matches("Added order").count()
    }

    /// Shakes hands as a client that trusts what it issues; returns the server's certificate.
    pub fn shake(&self, address: SocketAddr, name: &str) -> io::Result<Vec<u8>> {
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(HANDSHAKE))?;
        let connection = ClientConnection::new(Arc::clone(&self.trusts), name);
        let mut connection = connection.map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        let chain = connection.peer_certificates().unwrap_or_default();
        let leaf = chain.first().ok_or(io::ErrorKind::InvalidData)?;
        Ok(leaf.to_vec())
    }
}

/// The root of what it issues, which it makes anew at each start.
fn root(home: &TempDir, management: u16) -> Vec<u8> {
    let mut command = Command::new(tools::path("curl"));
    command.args(["--silent", "--show-error", "--fail", "--cacert"]);
    command.arg(home.path().join("ca.pem"));
    command.arg(format!("https://localhost:{management}/roots/0"));
    let asked = process::run(command, START);
    assert!(asked.succeeded(), "{}", asked.output());
    asked.stdout.into_bytes()
}

fn trusts(root: &[u8]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(root).expect("a certificate");
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
