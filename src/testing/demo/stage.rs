//! What the story is played on: certificates, a Harbor, and the proxies that break pushes.

use crate::net::origin::Origin;
use crate::testing::fake_harbor::certificates::{CertificateAuthority, ServerCertificate};
use crate::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig, HostRule};
use crate::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use anyhow::Context;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The name that everybody types; the client resolves it itself, to the loopback address.
pub(super) const NAME: &str = "hub.localhost";

/// Layers are made anew from their seed when they are pulled; none is kept.
const KEPT_UP_TO: u64 = 1024 * 1024;

const FILES: &str = "the demo's files could not be written";
const START: &str = "a loopback server could not be started";

pub(super) struct DemoStage {
    pub(super) authority: CertificateAuthority,
    certificate: ServerCertificate,
    pub(super) harbor: FakeHarbor,
    pub(super) proxy: FakeProxy,
    files: StageFiles,
}

impl DemoStage {
    pub(super) async fn build() -> anyhow::Result<DemoStage> {
        let authority = CertificateAuthority::new("Harbormouth demo")?;
        let certificate = authority.issue(&[NAME, "localhost", "127.0.0.1"])?;
        let files = StageFiles::create().context(FILES)?;
        files.write("ca.pem", authority.pem())?;
        files.write("hub.crt", &certificate.cert_pem)?;
        files.write("hub.key", &certificate.key_pem)?;
        let mut config = FakeHarborConfig::example(origin(443)?);
        config.discard_blobs_over = Some(KEPT_UP_TO);
        let harbor = FakeHarbor::start(config).await?;
        let proxy = FakeProxy::start(broken(harbor.origin(), &certificate)?).await;
        let proxy = proxy.context(START)?;
        Ok(DemoStage {
            authority,
            certificate,
            harbor,
            proxy,
            files,
        })
    }

    /// Another such proxy, before the gateway.
    pub(super) async fn hop_before(&self, gateway: SocketAddr) -> anyhow::Result<FakeProxy> {
        let mut config = broken(origin(gateway.port())?, &self.certificate)?;
        config.upstream_address = Some(gateway);
        config.upstream_tls = Some(self.authority.client()?);
        FakeProxy::start(config).await.context(START)
    }

    /// The gateway's configuration file, for a port that was free a moment ago.
    pub(super) fn write_config(&self, port: u16) -> anyhow::Result<PathBuf> {
        let text = format!(
            "listeners:\n  - address: 127.0.0.1:{port}\n    tls:\n      certificates:\n\
             \x20       - {{ cert: hub.crt, key: hub.key }}\n\
             admin: {{ address: 127.0.0.1:0 }}\n\
             registries:\n  - name: demo\n    public: [ https://{NAME}, https://{NAME}:{port} ]\n\
             \x20   upstream:\n      endpoints: [ https://127.0.0.1:{} ]\n\
             \x20     tls: {{ ca: ca.pem, server_name: {NAME} }}\n",
            self.proxy.address().port()
        );
        self.files.write("harbormouth.yaml", &text)?;
        Ok(self.files.path("harbormouth.yaml"))
    }

    pub(super) fn directory(&self) -> &Path {
        &self.files.0
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.files.path("harbormouth.log")
    }

    pub(super) async fn stop(self) {
        self.proxy.stop().await;
        self.harbor.stop().await;
    }
}

/// A proxy that writes the name as `$host:$server_port`, as many configurations do.
fn broken(upstream: Origin, certificate: &ServerCertificate) -> anyhow::Result<FakeProxyConfig> {
    let mut config = FakeProxyConfig::honest(upstream);
    config.host = HostRule::WithDefaultPort;
    config.forwarded_host = Some(format!("{NAME}:443"));
    config.tls = Some(certificate.server()?);
    Ok(config)
}

fn origin(port: u16) -> anyhow::Result<Origin> {
    Ok(Origin::parse(&format!("https://{NAME}:{port}"))?)
}

/// A port that nobody listens on. Somebody may take it before we do: then the start is repeated.
pub(super) fn free_port() -> anyhow::Result<u16> {
    let probe = std::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)));
    let address = probe.and_then(|probe| probe.local_addr());
    Ok(address.context(START)?.port())
}

/// A directory of our own that goes away with the demo.
struct StageFiles(PathBuf);

impl StageFiles {
    fn create() -> io::Result<StageFiles> {
        let path = std::env::temp_dir().join(format!("harbormouth-demo-{}", uuid::Uuid::new_v4()));
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(StageFiles(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let file = options.open(self.path(name));
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.context(FILES)
    }
}

impl Drop for StageFiles {
    fn drop(&mut self) {
        // Left behind in the temporary directory at worst.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
