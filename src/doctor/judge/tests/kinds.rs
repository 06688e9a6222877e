//! Every kind, by a walk that shows it and nothing else.

use super::{is_whole, only};
use crate::doctor::clients::Client;
use crate::doctor::finding::{Finding, Outcome};
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::seen::fixtures::{BEGAN, HUB, Made, granted};
use crate::doctor::seen::{Access, Distrust, Trouble};
use crate::doctor::step::Step;
use std::time::Duration;

fn hub() -> Made {
    Made::harbor(HUB)
}

fn silent() -> Trouble {
    Trouble::TimedOut(Duration::from_secs(5))
}

/// Everything from the request for a token on is left out.
fn until_ping(made: Made) -> Made {
    Step::ALL
        .into_iter()
        .filter(|step| *step > Step::PingAgain)
        .fold(made, Made::without)
}

fn until_upload(made: Made) -> Made {
    Step::ALL
        .into_iter()
        .filter(|step| *step > Step::UploadStart)
        .fold(made, Made::without)
}

/// Another challenge than the healthy one.
fn challenge(made: Made, challenge: &str) -> Made {
    made.header(Step::Ping, "www-authenticate", Some(challenge))
}

fn realm(realm: &str) -> Made {
    challenge(
        hub(),
        &format!("Bearer realm=\"{realm}\",service=\"harbor-registry\""),
    )
}

fn ping_again(made: Made, value: &str) -> Made {
    let mut again = made.0.first(Step::Ping).unwrap().clone();
    again.step = Step::PingAgain;
    made.address("203.0.113.11:443", Ok(Duration::from_millis(3)))
        .with(again)
        .header(Step::PingAgain, "www-authenticate", Some(value))
}

fn plain_http(status: u16) -> Made {
    let location = Some("https://hub.example.com/v2/");
    hub()
        .status(Step::PlainHttp, status)
        .header(Step::PlainHttp, "location", location)
        .status(Step::PlainHttpWrite, status)
        .header(Step::PlainHttpWrite, "location", location)
}

/// Name, walk, kind, and a part of what is said: in the summary, the evidence or the cause.
type Case = (&'static str, Made, Kind, &'static str);

fn entry() -> Vec<Case> {
    let mut unresolved = Made::empty(HUB);
    unresolved.0.resolved = Some(Err(Trouble::Unresolved("NXDOMAIN".to_owned())));
    unresolved.0.addresses.clear();
    let mut unreachable = Made::empty(HUB);
    unreachable.0.addresses[0].connected = Err(Trouble::Refused);
    unreachable.0.addresses[0].tls = None;
    let tls_trouble = |trouble: Trouble| {
        let mut made = Made::empty(HUB);
        made.0.addresses[0].tls = Some(Err(trouble));
        made
    };
    let day = 24 * 60 * 60;
    let began = i64::try_from(BEGAN).unwrap();
    vec![
        ("no such name", unresolved, Kind::NameUnresolved, "NXDOMAIN"),
        ("closed", unreachable, Kind::Unreachable, "refused"),
        (
            "one address is dead",
            hub().address("203.0.113.11:443", Err(Trouble::Refused)),
            Kind::AddressUnreachable,
            "1 of 2 addresses",
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
            "signed by nobody",
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

fn registry() -> Vec<Case> {
    let ping = |status: u16| until_ping(hub()).status(Step::Ping, status);
    let mut unresolved = realm("https://core.internal/service/token");
    unresolved.0.realm = Some(Err(Trouble::Unresolved("NXDOMAIN".to_owned())));
    let mut private = realm("https://harbor.corp.example/service/token");
    private.0.realm = Some(Ok(vec!["10.0.0.5:443".parse().unwrap()]));
    let mut literal = realm("https://10.0.0.5/service/token");
    literal.0.realm = Some(Ok(vec!["10.0.0.5:443".parse().unwrap()]));
    vec![
        (
            "a login page in front",
            ping(302).header(
                Step::Ping,
                "location",
                Some("https://sso.example.com/login"),
            ),
            Kind::RegistryRedirected,
            "sso.example.com",
        ),
        (
            "no such path",
            ping(404).html(Step::Ping),
            Kind::NoRegistry,
            "404",
        ),
        (
            "a page",
            ping(200).html(Step::Ping),
            Kind::NoRegistry,
            "no registry's answer",
        ),
        (
            "forbidden",
            ping(403).html(Step::Ping),
            Kind::NoRegistry,
            "firewall",
        ),
        (
            "nothing behind",
            ping(502).html(Step::Ping),
            Kind::GatewayError,
            "502",
        ),
        (
            "no answer",
            until_ping(hub()).trouble(Step::Ping, silent()),
            Kind::GatewayError,
            "doesn't answer in time",
        ),
        (
            "errors as pages",
            hub().html(Step::UploadCommit).html(Step::EarlyAnswer),
            Kind::HtmlErrors,
            "proxy_intercept_errors",
        ),
        (
            "no challenge",
            until_ping(hub()).header(Step::Ping, "www-authenticate", None),
            Kind::ChallengeMissing,
            "no challenge",
        ),
        (
            "a challenge for browsers",
            challenge(until_ping(hub()), "Negotiate"),
            Kind::ChallengeMissing,
            "Negotiate",
        ),
        (
            "an http realm",
            realm("http://hub.example.com/service/token"),
            Kind::RealmScheme,
            "external_url",
        ),
        (
            "an inner realm",
            unresolved,
            Kind::RealmHost,
            "can't be resolved",
        ),
        (
            "a private realm",
            private,
            Kind::RealmHost,
            "private addresses",
        ),
        (
            "a private address as realm",
            literal,
            Kind::RealmHost,
            "private addresses",
        ),
        (
            "a realm on a port that is closed",
            realm("https://hub.example.com:8443/service/token"),
            Kind::RealmHost,
            "take no connection",
        ),
        (
            "a realm that is a path",
            realm("/service/token"),
            Kind::RealmHost,
            "no URL",
        ),
        (
            "two services",
            ping_again(
                hub(),
                "Bearer realm=\"https://hub.example.com/service/token\",service=\"other\"",
            ),
            Kind::RealmUnstable,
            "two services",
        ),
    ]
}

fn login() -> Vec<Case> {
    let mut nothing = until_upload(hub()).without(Step::UploadStart);
    nothing.0.grant = Some(granted(&[]));
    let mut elsewhere = until_upload(hub()).without(Step::UploadStart);
    elsewhere.0.grant = Some(granted(&["pull", "push"]));
    if let Some(Some(access)) = elsewhere
        .0
        .grant
        .as_mut()
        .map(|grant| grant.access.as_mut())
    {
        access[0] = Access {
            name: "lab/other".to_owned(),
            ..access[0].clone()
        };
    }
    let mut pull = until_upload(hub()).status(Step::UploadStart, 401);
    pull.0.grant = Some(granted(&["pull"]));
    let mut none = until_upload(hub())
        .without(Step::UploadStart)
        .without(Step::Authorized);
    none.0.grant = None;
    vec![
        (
            "POST for tokens is forbidden",
            hub().status(Step::TokenPost, 403).html(Step::TokenPost),
            Kind::TokenPostRefused,
            "limit_except",
        ),
        (
            "POST for tokens is redirected",
            hub()
                .status(Step::TokenPost, 302)
                .header(Step::TokenPost, "location", Some("/login")),
            Kind::TokenPostRefused,
            "/login",
        ),
        (
            "no token",
            none.status(Step::TokenGet, 404).html(Step::TokenGet),
            Kind::TokenFailed,
            "/service/token",
        ),
        (
            "a wrong password",
            {
                let mut made = until_upload(hub())
                    .without(Step::UploadStart)
                    .without(Step::Authorized)
                    .status(Step::TokenGet, 401)
                    .json_error(Step::TokenGet, "UNAUTHORIZED", "wrong password");
                made.0.grant = None;
                made
            },
            Kind::LoginRefused,
            "alice",
        ),
        (
            "a wrong password, without tokens",
            until_upload(Made::htpasswd(HUB))
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .json_error(Step::Authorized, "UNAUTHORIZED", "authentication required"),
            Kind::LoginRefused,
            "authentication required",
        ),
        ("no role", nothing, Kind::NothingGranted, "no role"),
        (
            "another repository's",
            elsewhere,
            Kind::NothingGranted,
            "lab/other",
        ),
        ("a guest", pull, Kind::PushNotGranted, "no push"),
        (
            "another installation's token",
            until_upload(hub())
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .header(
                    Step::Authorized,
                    "www-authenticate",
                    Some("Basic realm=\"harbor\""),
                ),
            Kind::TokenRefused,
            "another installation's",
        ),
        (
            "no Authorization arrives",
            until_upload(hub())
                .without(Step::UploadStart)
                .status(Step::Authorized, 401)
                .header(
                    Step::Authorized,
                    "www-authenticate",
                    Some("Bearer realm=\"https://hub.example.com/service/token\""),
                ),
            Kind::TokenRefused,
            "without Authorization",
        ),
    ]
}

fn upload() -> Vec<Case> {
    let bearer = Some("Bearer realm=\"https://hub.example.com/service/token\",service=\"h\"");
    let refused = |step: Step, status: u16| until_upload(hub()).status(step, status);
    vec![
        (
            "read-only",
            refused(Step::UploadStart, 403).json_error(
                Step::UploadStart,
                "DENIED",
                "The system is in read only mode",
            ),
            Kind::UploadRefused,
            "read only mode",
        ),
        (
            "POST is lost",
            refused(Step::UploadStart, 401)
                .json_error(Step::UploadStart, "UNAUTHORIZED", "unauthorized")
                .header(Step::UploadStart, "www-authenticate", bearer),
            Kind::UploadRefused,
            "removes it from POST",
        ),
        (
            "no POST",
            refused(Step::UploadStart, 405).html(Step::UploadStart),
            Kind::UploadRefused,
            "no POST",
        ),
        (
            "a cookie comes along",
            refused(Step::UploadStart, 403).json_error(
                Step::UploadStart,
                "FORBIDDEN",
                "CSRF token not found in request",
            ),
            Kind::CookieInTheWay,
            "CSRF",
        ),
        (
            "Authorization is lost on PUT",
            hub()
                .status(Step::UploadCommit, 401)
                .json_error(Step::UploadCommit, "UNAUTHORIZED", "unauthorized")
                .header(Step::UploadCommit, "www-authenticate", bearer),
            Kind::AuthorizationLost,
            "POST and PATCH keep it",
        ),
        (
            "a login of the hop's own",
            hub()
                .status(Step::UploadCommit, 401)
                .html(Step::UploadCommit)
                .header(Step::UploadCommit, "server", Some("nginx/1.22.1")),
            Kind::AuthorizationLost,
            "it calls itself nginx/1.22.1",
        ),
        (
            "replicas don't share uploads",
            hub().status(Step::UploadChunk, 404).json_error(
                Step::UploadChunk,
                "BLOB_UPLOAD_UNKNOWN",
                "blob upload unknown",
            ),
            Kind::UploadUnknown,
            "don't share their storage",
        ),
        (
            "a digest is lost",
            hub()
                .pushed()
                .header(Step::BlobCommit, "docker-content-digest", None),
            Kind::HeaderLost,
            "Docker-Content-Digest",
        ),
        (
            "a range has a unit",
            hub().header(Step::UploadChunk, "range", Some("bytes=0-65535")),
            Kind::HeaderLost,
            "bytes=0-65535",
        ),
        (
            "the next Location is lost",
            hub().header(Step::UploadChunk, "location", None),
            Kind::HeaderLost,
            "no Location",
        ),
        (
            "a method is refused",
            hub().status(Step::UploadChunk, 405).html(Step::UploadChunk),
            Kind::PushFailed,
            "doesn't allow PATCH",
        ),
        (
            "a manifest is refused",
            hub().pushed().status(Step::ManifestPut, 500),
            Kind::PushFailed,
            "The manifest",
        ),
        (
            "other bytes come back",
            hub().pushed().change(Step::BlobGet, |one| {
                if let Ok(answer) = &mut one.result {
                    answer.content_matches = Some(false);
                }
            }),
            Kind::PullFailed,
            "other bytes",
        ),
    ]
}

fn cases() -> Vec<Case> {
    let parts = [
        entry(),
        registry(),
        login(),
        upload(),
        super::locations::cases(),
        super::transfers::cases(),
    ];
    parts.into_iter().flatten().collect()
}

fn said(finding: &Finding) -> String {
    let mut said = finding.summary.clone();
    for evidence in &finding.evidence {
        let line = evidence.line.clone().unwrap_or_default();
        said.push_str(&format!(
            "\n{} {} {line}",
            evidence.request, evidence.outcome
        ));
    }
    said.push('\n');
    said.push_str(finding.cause.as_deref().unwrap_or_default());
    said
}

#[test]
fn one_thing_that_is_wrong_is_one_finding() {
    for (name, made, kind, part) in cases() {
        let finding = only(name, &made);
        assert_eq!(finding.kind, kind, "{name}");
        let said = said(&finding);
        assert!(said.contains(part), "{name}: no {part:?} in\n{said}");
        is_whole(name, &finding);
        let harms = finding
            .effects
            .iter()
            .any(|one| one.outcome > Outcome::Works);
        match finding.severity {
            Severity::Broken => assert!(harms, "{name}"),
            Severity::Warning | Severity::Unexamined => {}
        }
    }
}

#[test]
fn every_kind_is_found_somewhere() {
    let found: Vec<Kind> = cases().into_iter().map(|(_, _, kind, _)| kind).collect();
    let missing: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| !found.contains(kind))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What can't be told at an inner hop is not told there.
#[test]
fn certificates_and_port_80_are_the_public_entrys() {
    for (name, made, _, _) in entry().into_iter().skip(3) {
        let walk = made.via("http://10.0.0.5");
        assert_eq!(super::kinds(&walk), [], "{name}");
    }
}

#[test]
fn a_registry_that_asks_nobody_loses_nothing() {
    let open = Made::open(HUB).locations("https://hub.example.com:443");
    let finding = only("open", &open);
    assert_eq!(
        (finding.kind, finding.severity),
        (Kind::LocationPort, Severity::Warning)
    );
    let works = |effect: &crate::doctor::finding::Effect| effect.outcome == Outcome::Works;
    assert!(finding.effects.iter().all(works));
}

#[test]
fn what_shows_at_one_address_only_breaks_sometimes() {
    let made = ping_again(hub(), "Negotiate");
    let finding = only("one address", &made);
    assert_eq!(
        (finding.kind, finding.step),
        (Kind::ChallengeMissing, Step::PingAgain)
    );
    let containerd = &finding.effects[0];
    assert_eq!(
        (containerd.client, containerd.outcome),
        (Client::Containerd, Outcome::Sometimes)
    );
}
