use super::*;
use crate::testing::fake_harbor::certificates::ServerCertificate;
use crate::testing::fake_harbor::{FakeHarbor, FakeHarborConfig};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{ProtocolVersion, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// A TLS server that keeps what comes after the handshake, and answers it.
async fn serve_tls(
    certificate: &ServerCertificate,
    alpn: &[&str],
) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
    let mut config = (*certificate.server().unwrap()).clone();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = got.clone();
    let address = serve(move |stream| {
        let (acceptor, kept) = (acceptor.clone(), kept.clone());
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let mut bytes = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut bytes).await {
                kept.lock().unwrap().append(&mut bytes);
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
                let _ = stream.write_all(answer).await;
            }
        }
    })
    .await;
    (address, got)
}

fn self_signed(is_ca: IsCa, names: &[&str]) -> ServerCertificate {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    ServerCertificate {
        cert_pem: params.self_signed(&key).unwrap().pem(),
        key_pem: key.serialize_pem(),
    }
}

const NAME: &str = "hub.example.com";

#[tokio::test]
async fn a_certificate_is_described_whatever_is_wrong_with_it() {
    let known = CertificateAuthority::new("known").unwrap();
    let unknown = CertificateAuthority::new("unknown").unwrap();
    // The known one's name with another key: an authority that was made anew.
    let renewed = CertificateAuthority::new("known").unwrap();
    let between = |from, until| {
        known
            .issue_with(&[NAME], |params| {
                params.not_before = from;
                params.not_after = until;
            })
            .unwrap()
    };
    let ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own_ca = self_signed(ca, &[NAME]);
    let own_ca_for_others = self_signed(ca, &["other.example.com"]);
    let own = self_signed(IsCa::ExplicitNoCa, &[NAME]);
    let (y2020, y2021) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let (y3000, y3001) = (date_time_ymd(3000, 1, 1), date_time_ymd(3001, 1, 1));
    let trusted = [
        known.pem(),
        &own_ca.cert_pem,
        &own_ca_for_others.cert_pem,
        &own.cert_pem,
    ];
    let wire = trusting(&trusted);
    for (case, certificate, distrust) in [
        ("right", &known.issue(&[NAME]).unwrap(), None),
        (
            "a wildcard",
            &known.issue(&["*.example.com"]).unwrap(),
            None,
        ),
        ("expired", &between(y2020, y2021), Some(Distrust::Expired)),
        (
            "not yet valid",
            &between(y3000, y3001),
            Some(Distrust::NotYetValid),
        ),
        (
            "another name",
            &known.issue(&["other.example.com", "192.0.2.1"]).unwrap(),
            Some(Distrust::WrongName),
        ),
        (
            "unknown issuer",
            &unknown.issue(&[NAME]).unwrap(),
            Some(Distrust::UnknownIssuer),
        ),
        (
            "an issuer of a known name with another key",
            &renewed.issue(&[NAME]).unwrap(),
            Some(Distrust::UnknownIssuer),
        ),
        (
            "signed by itself",
            &self_signed(IsCa::NoCa, &[NAME]),
            Some(Distrust::UnknownIssuer),
        ),
        (
            "signed by itself, an authority",
            &self_signed(ca, &[NAME]),
            Some(Distrust::UnknownIssuer),
        ),
        ("signed by itself and trusted", &own, None),
        ("signed by itself, an authority, and trusted", &own_ca, None),
        (
            "the same, for another name",
            &own_ca_for_others,
            Some(Distrust::WrongName),
        ),
    ] {
        let (address, _) = serve_tls(certificate, &[]).await;
        let seen = wire.look(&secure(address, Trust::Required)).await;
        assert!(seen.connected.is_ok(), "{case}");
        assert!(!seen.is_used, "{case}");
        let tls = seen.tls.unwrap().unwrap();
        assert_eq!(tls.distrust, distrust, "{case}");
        assert_eq!(tls.version, "TLSv1.3", "{case}");
        assert_eq!(tls.chain.len(), 1, "{case}");
    }
}

#[tokio::test]
async fn names_days_and_issuer_are_read_from_the_certificate() {
    let known = CertificateAuthority::new("the issuer").unwrap();
    let certificate = known
        .issue_with(&[NAME, "192.0.2.1", "2001:db8::1"], |params| {
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 2);
        })
        .unwrap();
    // With the authority's own behind it, as servers often send it.
    let certificate = ServerCertificate {
        cert_pem: format!("{}{}", certificate.cert_pem, known.pem()),
        ..certificate
    };
    for (offered, chosen) in [
        (vec!["h2", "http/1.1"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let (address, _) = serve_tls(&certificate, &offered).await;
        let wire = trusting(&[]);
        let seen = wire.look(&secure(address, Trust::Required)).await;
        let tls = seen.tls.unwrap().unwrap();
        assert_eq!(tls.alpn.as_deref(), chosen);
        // Nobody is trusted, so nobody is known.
        assert_eq!(tls.distrust, Some(Distrust::UnknownIssuer));
        let [own, authority] = &tls.chain[..] else {
            panic!("{:?}", tls.chain);
        };
        assert!(own.subject.contains(NAME), "{}", own.subject);
        assert!(own.issuer.contains("the issuer"), "{}", own.issuer);
        assert_eq!(own.names, [NAME, "192.0.2.1", "2001:db8::1"]);
        assert_eq!((own.not_before, own.not_after), (1577836800, 1577923200));
        assert_eq!(authority.subject, authority.issuer);
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_must_be_trusted_and_is_not() {
    let unknown = CertificateAuthority::new("unknown").unwrap();
    let (address, got) = serve_tls(&unknown.issue(&[NAME]).unwrap(), &["h2", "http/1.1"]).await;
    let wire = trusting(&[CertificateAuthority::new("another").unwrap().pem()]);
    let secret = || WireRequest {
        authorization: Some("Basic c2VjcmV0".to_owned().into()),
        ..ask(Method::GET, Payload::None)
    };
    let refused = wire
        .ask(&secure(address, Trust::Required), secret(), &mut |_| {})
        .await;
    let Err(Trouble::Tls(words)) = refused.result else {
        panic!("an answer");
    };
    assert!(words.contains("its issuer is unknown here"), "{words}");
    assert!(words.contains("nothing was sent"), "{words}");
    // A later request shows that the server would have kept the first.
    let waived = wire
        .ask(
            &secure(address, Trust::Waived),
            ask(Method::GET, Payload::None),
            &mut |_| {},
        )
        .await;
    assert_eq!(waived.result.ok().map(|reply| reply.status), Some(200));
    let got = String::from_utf8(got.lock().unwrap().clone()).unwrap();
    assert!(
        got.starts_with("GET /v2/ HTTP/1.1\r\nHost: hub.example.com\r\n"),
        "{got}"
    );
    assert_eq!(got.matches("GET").count(), 1);
    assert!(!got.to_lowercase().contains("authorization"), "{got}");

    let trusting = trusting(&[unknown.pem()]);
    let told = trusting
        .ask(&secure(address, Trust::Required), secret(), &mut |_| {})
        .await;
    assert!(told.result.is_ok());
}

#[tokio::test]
async fn what_is_no_tls_is_told_apart() {
    for (case, answer, expected) in [
        (
            "HTTP",
            b"HTTP/1.1 400 Bad Request\r\n\r\n".as_slice(),
            Some(Trouble::NotTls),
        ),
        (
            "a page without a status line",
            b"<html>\r\n<head><title>400",
            Some(Trouble::NotTls),
        ),
        ("nothing", b"", Some(Trouble::Cut)),
        ("something else", b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (
            "an alert",
            b"\x15\x03\x03\x00\x02\x02\x70",
            Some(Trouble::Tls(
                "the server has no certificate for this name (alert unrecognized_name)".to_owned(),
            )),
        ),
    ] {
        let address = serve(move |mut stream| async move {
            // The ClientHello is left unread no longer than until it is there: no reset then.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(answer).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let place = secure(address, Trust::Waived);
        let seen = trusting(&[]).look(&place).await.tls.unwrap().unwrap_err();
        let told = tell(&place, ask(Method::GET, Payload::None)).await;
        let asked = told.result.err().unwrap();
        assert_eq!(seen, asked, "{case}");
        match expected {
            Some(expected) => assert_eq!(seen, expected, "{case}"),
            None => assert!(
                matches!(&seen, Trouble::Tls(words) if words.contains("is not TLS")),
                "{case}: {seen}"
            ),
        }
    }
}

#[tokio::test]
async fn a_registry_is_asked_over_tls() {
    let known = CertificateAuthority::new("known").unwrap();
    let origin = Origin::parse("https://hub.example.com").unwrap();
    let fake_harbor = FakeHarbor::start(FakeHarborConfig {
        tls: Some(known.issue(&[NAME]).unwrap().server().unwrap()),
        ..FakeHarborConfig::example(origin)
    })
    .await
    .unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    std::fs::write(&file, known.pem()).unwrap();
    let wire = Wire::new(Some(&file), &[]).unwrap();
    let place = secure(fake_harbor.address(), Trust::Required);
    let request = ask(Method::GET, Payload::None);
    let reply = wire.ask(&place, request, &mut |_| {}).await.result.unwrap();
    assert_eq!(reply.status, 401);
    let challenge = reply
        .headers
        .iter()
        .find(|(name, _)| name == "www-authenticate")
        .map(|(_, value)| value.as_str());
    assert!(challenge.unwrap().starts_with("Bearer realm="));
    assert!(reply.body.starts_with(b"{\"errors\""));
}

#[test]
fn a_file_of_authorities_that_is_of_no_use_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let good = CertificateAuthority::new("good").unwrap();
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (name, content, reason) in [
        ("missing.pem", None, "No such file"),
        (
            "empty.pem",
            Some(String::new()),
            "it contains no certificate",
        ),
        (
            "der.crt",
            Some("0\u{1}\u{2}".to_owned()),
            "it contains no certificate",
        ),
        (
            "damaged.pem",
            Some(format!("{}{damaged}", good.pem())),
            "certificate 2: ",
        ),
    ] {
        let file = directory.path().join(name);
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let error = authorities::in_file(&file).unwrap_err().to_string();
        assert!(error.starts_with(file.to_str().unwrap()), "{error}");
        assert!(error.contains(reason), "{error}");
    }
}

/// By the page of a server that has let the handshake pass, by an alert behind it, or by one within it.
#[tokio::test]
async fn a_client_certificate_that_is_asked_for_is_told_from_other_troubles() {
    let authority = CertificateAuthority::new("known").unwrap();
    let certificate = authority.issue(&[NAME]).unwrap();
    let mut roots = RootCertStore::empty();
    let pem = authority.pem().as_bytes();
    roots
        .add(CertificateDer::from_pem_slice(pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let verifier = verifier.build().unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_client_cert_verifier(verifier.clone());
        let chain = CertificateDer::pem_slice_iter(certificate.cert_pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(certificate.key_pem.as_bytes()).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
        let address = serve(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                drop(acceptor.accept(stream).await);
            }
        })
        .await;
        let wire = trusting(&[authority.pem()]);
        let place = secure(address, Trust::Required);
        let seen = wire.look(&place).await.tls.unwrap();
        let trouble = match seen {
            Ok(tls) => {
                assert_eq!(tls.asks_for.unwrap().len(), 1, "{version:?}");
                let request = ask(Method::GET, Payload::None);
                let answer = wire.ask(&place, request, &mut |_| {}).await;
                answer.result.map(|_| ()).unwrap_err()
            }
            Err(trouble) => trouble,
        };
        let is_told = |issuers: &[String]| issuers.len() == 1 && issuers[0].contains("known");
        assert!(
            matches!(&trouble, Trouble::ClientCertificate(issuers) if is_told(issuers))
                || trouble == Trouble::Cut && version.version == ProtocolVersion::TLSv1_3,
            "{version:?}: {trouble:?}"
        );
    }
}
