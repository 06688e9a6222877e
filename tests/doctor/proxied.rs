//! Walks through a forward proxy, which alone knows where the name is.

use crate::forward::ForwardProxy;
use crate::stage::{example, options, skipped, status, walk};
use harbormouth::doctor::Options;
use harbormouth::doctor::judge::judge;
use harbormouth::doctor::kind::Kind;
use harbormouth::doctor::proxies::Proxies;
use harbormouth::doctor::step::Step;
use harbormouth::doctor::trace::{Skip, Walk};
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::FakeHarbor;
use harbormouth::testing::fake_harbor::certificates::CertificateAuthority;
use harbormouth::testing::fake_harbor::proxy::{FakeProxy, FakeProxyConfig};
use tempfile::NamedTempFile;

const SECURE: &str = "https://hub.invalid:8443";
const PLAIN: &str = "http://hub.invalid:8080";

/// A Harbor with TLS before it, at a name that nobody resolves.
struct Hidden {
    fake_harbor: FakeHarbor,
    hop: FakeProxy,
    authorities: NamedTempFile,
}

impl Hidden {
    async fn start() -> Hidden {
        let target = Origin::parse(SECURE).unwrap();
        let fake_harbor = FakeHarbor::start(example(&target)).await.unwrap();
        let authority = CertificateAuthority::new("the doctor's tests").unwrap();
        let mut config = FakeProxyConfig::honest(fake_harbor.origin());
        let certificate = authority.issue(&["hub.invalid"]).unwrap();
        config.tls = Some(certificate.server().unwrap());
        let hop = FakeProxy::start(config).await.unwrap();
        let authorities = NamedTempFile::new().unwrap();
        std::fs::write(authorities.path(), authority.pem()).unwrap();
        Hidden {
            fake_harbor,
            hop,
            authorities,
        }
    }
}

/// Everything, at this target and through this proxy.
fn through(target: &str, proxy: &str) -> Options {
    let target = Origin::parse(target).unwrap();
    let variable = |name: &str| match name {
        "HTTPS_PROXY" | "HTTP_PROXY" => Some(proxy.to_owned()),
        _ => None,
    };
    Options {
        proxies: Proxies::of_environment(variable, &target).unwrap(),
        push: true,
        ..options(target)
    }
}

fn kinds(walk: &Walk) -> Vec<Kind> {
    let findings = judge(walk);
    findings.iter().map(|finding| finding.kind).collect()
}

#[tokio::test]
async fn a_chain_behind_a_proxy_is_walked_through_it() {
    let hidden = Hidden::start().await;
    let proxy = ForwardProxy::open(hidden.hop.address()).await;
    let mut options = through(SECURE, &format!("http://al:s3cr3t-word@{}", proxy.address));
    options.authorities = Some(hidden.authorities.path().to_owned());
    let walk = walk(&options).await;
    assert_eq!(walk.proxy, Some(proxy.address.to_string()));
    assert_eq!((kinds(&walk), skipped(&walk)), (vec![], vec![]));
    assert_eq!(status(&walk, Step::ManifestPut), Some(201));
    assert_eq!(status(&walk, Step::BlobGet), Some(200));
    assert_eq!((hidden.fake_harbor.open_uploads(), walk.left.len()), (0, 0));
    let asked = proxy.asked();
    for asked in &asked {
        assert!(
            asked.starts_with("CONNECT hub.invalid:8443 HTTP/1.1\r\n"),
            "{asked}"
        );
        // al:s3cr3t-word
        assert!(
            asked.contains("Proxy-Authorization: Basic YWw6czNjcjN0LXdvcmQ="),
            "{asked}"
        );
    }
    assert!(asked.len() >= walk.exchanges.len(), "one for each request");
    let told = format!("{walk:?}");
    assert!(!told.contains("s3cr3t") && !told.contains("YWw6"), "{told}");
}

#[tokio::test]
async fn over_http_a_proxy_is_told_the_whole_url() {
    let target = Origin::parse(PLAIN).unwrap();
    let fake_harbor = FakeHarbor::start(example(&target)).await.unwrap();
    let proxy = ForwardProxy::open(fake_harbor.address()).await;
    let options = through(PLAIN, &format!("http://{}", proxy.address));
    let walk = walk(&options).await;
    assert_eq!((kinds(&walk), skipped(&walk)), (vec![], vec![]));
    assert_eq!(status(&walk, Step::ManifestPut), Some(201));
    for asked in proxy.asked() {
        assert!(asked.contains(" http://hub.invalid:8080/"), "{asked}");
        assert!(!asked.contains("Proxy-Authorization"), "{asked}");
    }
    assert_eq!((fake_harbor.open_uploads(), walk.left.len()), (0, 0));
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named() {
    for target in [SECURE, PLAIN] {
        for (refusal, words) in [
            ("407 Proxy Authentication Required", "wants a login"),
            ("403 Forbidden", "doesn't let"),
        ] {
            let proxy = ForwardProxy::refusing(refusal).await;
            let options = through(target, &format!("http://al:s3cr3t-word@{}", proxy.address));
            let walk = walk(&options).await;
            let findings = judge(&walk);
            // Over http a proxy's 403 is nothing that a registry could not say.
            if target == PLAIN && refusal.starts_with("403") {
                assert_eq!(kinds(&walk), [Kind::NoRegistry]);
                continue;
            }
            assert_eq!(kinds(&walk), [Kind::ProxyRefused], "{target} {refusal}");
            let summary = format!("{:?}", findings[0]);
            let name = proxy.address.to_string();
            assert!(
                summary.contains(words) && summary.contains(&name),
                "{summary}"
            );
            assert!(!format!("{findings:?} {walk:?}").contains("s3cr3t"));
            let impossible = (Step::UploadStart, Skip::Impossible);
            assert!(skipped(&walk).contains(&impossible), "{target} {refusal}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named() {
    let gone = ForwardProxy::refusing("403 Forbidden").await.address;
    for (proxy, step) in [
        (gone.to_string(), Step::Connect),
        ("proxy.invalid:3128".to_owned(), Step::Resolve),
    ] {
        let walk = walk(&through(SECURE, &proxy)).await;
        let findings = judge(&walk);
        assert_eq!(kinds(&walk), [Kind::ProxyRefused], "{proxy}");
        let told = format!("{:?}", findings[0]);
        let at = format!("step: {step:?}");
        assert!(told.contains(&proxy) && told.contains(&at), "{told}");
    }
}
