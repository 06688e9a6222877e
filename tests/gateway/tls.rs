//! TLS on both sides: the certificate that a name gets, and whom the gateway trusts upstream.

use crate::client::{Conn, get};
use crate::common::ca::{Ca, CertFiles};
use crate::setup::{HUB, Setup, World, trust_versions};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

#[tokio::test]
async fn a_name_gets_its_certificate_over_tls_1_2_and_1_3() {
    let harbor = crate::harbor::Harbor::content().await;
    let mut setup = Setup::new(harbor.url());
    setup.certificates = vec![vec![HUB], vec!["lan.example", "*.wild.example"]];
    let world = setup.start();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for (name, borne) in [
            (HUB, true),
            ("lan.example", true),
            ("a.wild.example", true),
            ("nobody.example", false),
            ("a.b.wild.example", false),
        ] {
            for protocols in [&[b"h2".as_slice(), b"http/1.1"][..], &[b"http/1.1"], &[]] {
                let config = trust_versions(&world.ca, protocols, &[version]);
                let name = rustls::pki_types::ServerName::try_from(name).expect("a name");
                let socket = crate::setup::connect(world.tls()).await;
                let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
                let shaken = connector.connect(name.clone(), socket).await;
                assert_eq!(shaken.is_ok(), borne, "{name:?}");
                let Ok(stream) = shaken else { continue };
                let (_, tls) = stream.get_ref();
                assert_eq!(tls.protocol_version(), Some(version.version));
                assert_eq!(tls.alpn_protocol(), protocols.first().copied());
                if protocols.first() != Some(&b"h2".as_slice()) {
                    let mut conn = Conn::new(stream);
                    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
                }
            }
        }
    }
}

fn server_config(files: &CertFiles) -> Arc<rustls::ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&files.cert).expect("the certificate");
    let chain = chain
        .map(|certificate| certificate.expect("a certificate"))
        .collect();
    let key = PrivateKeyDer::from_pem_file(&files.key).expect("the key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("a configuration");
    Arc::new(config)
}

async fn secure_standin(files: &CertFiles) -> FakeHarbor {
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.tls = Some(server_config(files));
    FakeHarbor::start(config).await.expect("the stand-in")
}

fn in_front_of(harbor: &FakeHarbor, ca: Option<&Path>, server_name: Option<&str>) -> World {
    let mut tls = String::new();
    if ca.is_some() || server_name.is_some() {
        tls.push_str("      tls: { ");
        if let Some(ca) = ca {
            let _ = write!(tls, "ca: {}, ", ca.display());
        }
        if let Some(name) = server_name {
            let _ = write!(tls, "server_name: {name}, ");
        }
        tls.push_str("}\n");
    }
    Setup::new(harbor.origin())
        .registry(|registry| registry.upstream = tls)
        .start()
}

#[tokio::test]
async fn harbor_over_https_is_trusted_by_its_authority_and_name() {
    let directory = TempDir::new().expect("a directory");
    let ours = Ca::new(&directory.path().join("ours"));
    let theirs = Ca::new(&directory.path().join("theirs"));
    let named = ours.issue(&["harbor.internal"]);
    let addressed = ours.issue(&["127.0.0.1"]);
    for (name, certificate, ca, server_name, trusted) in [
        ("right", &named, Some(&ours), Some("harbor.internal"), true),
        ("by address", &addressed, Some(&ours), None, true),
        (
            "another authority",
            &named,
            Some(&theirs),
            Some("harbor.internal"),
            false,
        ),
        (
            "another name",
            &named,
            Some(&ours),
            Some("other.internal"),
            false,
        ),
        ("no name for the address", &named, Some(&ours), None, false),
        (
            "the system's authorities",
            &named,
            None,
            Some("harbor.internal"),
            false,
        ),
    ] {
        let harbor = secure_standin(certificate).await;
        let bundle = ca.map(Ca::bundle);
        let world = in_front_of(&harbor, bundle.as_deref(), server_name);
        let mut conn = world.https().await;
        for _ in 0..3 {
            let reply = conn.ask(get("/v2/", &[])).await;
            if trusted {
                assert_eq!(reply.status, 401, "{name}: {}", world.gateway.stderr());
            } else {
                assert_eq!(reply.status, 504, "{name}");
                let (_, message) = reply.oci_error();
                assert!(
                    message.contains("no trusted TLS connection"),
                    "{name}: {message}"
                );
                conn = world.https().await;
            }
        }
        let labels = [("cause", "tls")];
        let failed = if trusted { 0.0 } else { 3.0 };
        world
            .metric_becomes("harbormouth_upstream_errors_total", &labels, failed)
            .await;
        let healthy = f64::from(u8::from(trusted));
        world
            .metric_becomes(
                "harbormouth_upstream_healthy",
                &[("registry", "hq")],
                healthy,
            )
            .await;
        assert_eq!(
            harbor.seen().is_empty(),
            !trusted,
            "{name}: nothing is told to a stranger"
        );
    }
}

/// A stranger that speaks no TLS at all on an https endpoint.
#[tokio::test]
async fn a_harbor_without_tls_on_an_https_endpoint_is_a_tls_error() {
    let harbor = crate::push::fake_harbor().await;
    let world = Setup::new(format!("https://{}", harbor.address())).start();
    let mut conn = world.https().await;
    let reply = conn.ask(get("/v2/", &[])).await;
    assert_eq!(reply.status, 504);
    world
        .metric_becomes(
            "harbormouth_upstream_errors_total",
            &[("cause", "tls")],
            1.0,
        )
        .await;
}
