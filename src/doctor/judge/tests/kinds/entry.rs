//! Names, addresses, certificates, port 80.

use super::{Case, hub};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{BEGAN, FixtureWalk, HUB};
use crate::doctor::trace::{Distrust, Trouble};

fn plain_http(status: u16) -> FixtureWalk {
    let location = Some("https://hub.example.com/v2/");
    hub()
        .status(Step::PlainHttp, status)
        .header(Step::PlainHttp, "location", location)
        .status(Step::PlainHttpWrite, status)
        .header(Step::PlainHttpWrite, "location", location)
}

pub(in super::super) fn cases() -> Vec<Case> {
    let mut unresolved = FixtureWalk::empty(HUB);
    unresolved.0.resolved = Some(Err(Trouble::Unresolved("NXDOMAIN".to_owned())));
    unresolved.0.addresses.clear();
    let mut unreachable = FixtureWalk::empty(HUB);
    unreachable.0.addresses[0].connected = Err(Trouble::Refused);
    unreachable.0.addresses[0].tls = None;
    let tls_trouble = |trouble: Trouble| {
        let mut made = FixtureWalk::empty(HUB);
        made.0.addresses[0].tls = Some(Err(trouble));
        made
    };
    let through = |mut made: FixtureWalk| {
        made.0.proxy = Some("proxy.corp:3128".to_owned());
        made
    };
    let (no_proxy, closed_proxy) = (
        through(FixtureWalk(unresolved.0.clone())),
        through(FixtureWalk(unreachable.0.clone())),
    );
    let proxy = |status: &str| through(tls_trouble(Trouble::ProxyRefused(status.to_owned())));
    let day = 24 * 60 * 60;
    let began = i64::try_from(BEGAN).unwrap();
    vec![
        (
            "a proxy's login over http",
            through(hub().status(Step::Ping, 407)),
            Kind::ProxyRefused,
            "wants a login",
        ),
        ("no such name", unresolved, Kind::NameUnresolved, "NXDOMAIN"),
        ("closed", unreachable, Kind::Unreachable, "refused"),
        (
            "one address is dead",
            hub().address("203.0.113.11:443", Err(Trouble::Refused)),
            Kind::AddressUnreachable,
            "1 of 2 addresses",
        ),
        (
            "no such proxy",
            no_proxy,
            Kind::ProxyRefused,
            "proxy.corp:3128",
        ),
        (
            "a closed proxy",
            closed_proxy,
            Kind::ProxyRefused,
            "refused",
        ),
        (
            "a proxy with rules",
            proxy("403 Forbidden"),
            Kind::ProxyRefused,
            "the proxy answered 403 Forbidden",
        ),
        (
            "a proxy with logins",
            proxy("407 Proxy Authentication Required"),
            Kind::ProxyRefused,
            "proxy.corp:3128 wants a login",
        ),
        (
            "mutual TLS within the handshake",
            tls_trouble(Trouble::ClientCertificate(vec!["CN=Office".to_owned()])),
            Kind::ClientCertificateRequired,
            "signed by CN=Office.",
        ),
        (
            "no handshake",
            tls_trouble(Trouble::Tls("handshake failure".to_owned())),
            Kind::TlsFailed,
            "handshake failure",
        ),
        (
            "no TLS",
            tls_trouble(Trouble::NotTls),
            Kind::PlainHttpOnTlsPort,
            "Port 443",
        ),
        (
            "expired",
            hub()
                .distrust(Distrust::Expired)
                .tls(|tls| tls.chain[0].not_after = began - 3 * day),
            Kind::CertificateExpired,
            "3 days ago",
        ),
        (
            "not yet valid",
            hub()
                .distrust(Distrust::NotYetValid)
                .tls(|tls| tls.chain[0].not_before = began + 2 * day),
            Kind::CertificateNotYetValid,
            "in 2 days",
        ),
        (
            "another name's",
            hub()
                .distrust(Distrust::WrongName)
                .tls(|tls| tls.chain[0].names = vec!["www.example.com".to_owned()]),
            Kind::CertificateWrongName,
            "www.example.com",
        ),
        (
            "signed by itself",
            hub().distrust(Distrust::UnknownIssuer).tls(|tls| {
                tls.chain.truncate(1);
                tls.chain[0].issuer = tls.chain[0].subject.clone();
            }),
            Kind::CertificateUntrusted,
            "doesn't know the authority",
        ),
        (
            "signed by a private authority",
            hub().distrust(Distrust::UnknownIssuer).tls(|tls| {
                tls.chain.truncate(1);
                tls.chain[0].issuer = "CN=Example Corp CA".to_owned();
                tls.chain[0].issuer_at = None;
            }),
            Kind::CertificateUntrusted,
            "Example Corp CA",
        ),
        (
            "an intermediate is missing",
            hub()
                .distrust(Distrust::UnknownIssuer)
                .tls(|tls| tls.chain.truncate(1)),
            Kind::CertificateChainIncomplete,
            "fullchain",
        ),
        (
            "known to docker alone",
            hub().tls(|tls| tls.kept_by_docker = true),
            Kind::CertificateTrustedByDocker,
            "certs.d",
        ),
        (
            "ends soon",
            hub().tls(|tls| tls.chain[0].not_after = began + 5 * day),
            Kind::CertificateExpiresSoon,
            "in 5 days",
        ),
        (
            "a redirect that loses writes",
            plain_http(301),
            Kind::RedirectLosesWrites,
            "308",
        ),
        (
            "plain HTTP is served",
            hub()
                .status(Step::PlainHttp, 401)
                .header(
                    Step::PlainHttp,
                    "docker-distribution-api-version",
                    Some("registry/2.0"),
                )
                .status(Step::PlainHttpWrite, 401),
            Kind::PlainHttpServed,
            "without a redirect",
        ),
    ]
}
