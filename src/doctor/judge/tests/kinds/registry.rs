//! Pings, challenges and realms.

use super::{Case, challenge, hub, ping_again};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::FixtureWalk;
use crate::doctor::trace::{Carried, Skip, Skipped, Trouble};
use std::time::Duration;

const BEARER: &str =
    "Bearer realm=\"https://hub.example.com/service/token\",service=\"harbor-registry\"";

fn silent() -> Trouble {
    Trouble::TimedOut(Duration::from_secs(5))
}

/// Everything from the request for a token on is left out.
fn until_ping(made: FixtureWalk) -> FixtureWalk {
    Step::ALL
        .into_iter()
        .filter(|step| *step > Step::PingAgain)
        .fold(made, FixtureWalk::without)
}

fn realm(realm: &str) -> FixtureWalk {
    challenge(
        hub(),
        &format!("Bearer realm=\"{realm}\",service=\"harbor-registry\""),
    )
}

pub(in super::super) fn cases() -> Vec<Case> {
    let ping = |status: u16| until_ping(hub()).status(Step::Ping, status);
    let page = |status, heading: &str| {
        ping(status)
            .html(Step::Ping)
            .change_answer(Step::Ping, |answer| {
                answer.body = format!("<html><center><h1>{heading}</h1></center></html>");
            })
    };
    let mut unresolved = realm("https://core.internal/service/token");
    unresolved.0.realm = Some(Err(Trouble::Unresolved("NXDOMAIN".to_owned())));
    let mut private = realm("https://harbor.corp.example/service/token");
    private.0.realm = Some(Ok(vec!["10.0.0.5:443".parse().unwrap()]));
    let mut literal = realm("https://10.0.0.5/service/token");
    literal.0.realm = Some(Ok(vec!["10.0.0.5:443".parse().unwrap()]));
    let mut upstream = realm("https://10.0.0.5:8080/service/token");
    upstream.0.realm = Some(Ok(vec!["10.0.0.5:8080".parse().unwrap()]));
    let mut own = realm("https://localhost/service/token");
    own.0.realm = Some(Ok(vec!["127.0.0.1:443".parse().unwrap()]));
    let mut closed = realm("https://auth.example.net/token");
    closed.0.realm = Some(Err(Trouble::Refused));
    let mut foreign = until_ping(realm("https://auth.example.net/token"));
    foreign.0.realm = Some(Ok(vec!["203.0.113.9:443".parse().unwrap()]));
    foreign.0.skipped.push(Skipped {
        step: Step::TokenGet,
        why: Skip::ForeignRealm,
    });
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
            "a redirect to where it was asked",
            ping(301).header(Step::Ping, "location", Some("https://hub.example.com/v2/")),
            Kind::RegistryRedirected,
            "leads to itself",
        ),
        (
            "mutual TLS",
            page(400, "No required SSL certificate was sent")
                .tls(|tls| tls.asks_for = Some(vec!["CN=Office".to_owned()])),
            Kind::ClientCertificateRequired,
            "client certificate, signed by CN=Office.",
        ),
        (
            "mutual TLS whose alert comes behind the handshake",
            until_ping(hub()).trouble(Step::Ping, Trouble::ClientCertificate(Vec::new())),
            Kind::ClientCertificateRequired,
            "without a client certificate.",
        ),
        (
            "maintenance",
            page(503, "Back at 22:00").header(Step::Ping, "retry-after", Some("3600")),
            Kind::GatewayError,
            "503 (Back at 22:00; Retry-After: 3600)",
        ),
        (
            "a page of the hop's own",
            page(502, "We are moving"),
            Kind::GatewayError,
            "with words of its own",
        ),
        (
            "one of two servers is down",
            ping_again(
                page(503, "503 Service Unavailable"),
                "Basic realm=\"harbor\"",
            )
            .status(Step::PingAgain, 200),
            Kind::GatewayError,
            "Of 2 requests for /v2/ 1 failed",
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
            "without a challenge",
        ),
        (
            "a challenge for browsers",
            challenge(until_ping(hub()), "Negotiate"),
            Kind::ChallengeMissing,
            "Negotiate",
        ),
        (
            "everybody is let in, and refused",
            hub()
                .status(Step::Ping, 200)
                .header(Step::Ping, "www-authenticate", None)
                .change(Step::EarlyAnswer, |one| {
                    one.request.authorization = Carried::Nothing;
                })
                .header(Step::EarlyAnswer, "www-authenticate", Some(BEARER)),
            Kind::ChallengeMissing,
            "PATCH is refused with 401",
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
            "an upstream's address as realm",
            upstream,
            Kind::RealmHost,
            "has the Host that arrived",
        ),
        (
            "a realm at everybody's own machine",
            own,
            Kind::RealmHost,
            "own machine",
        ),
        (
            "a realm that is closed",
            closed,
            Kind::RealmHost,
            "could not use",
        ),
        (
            "a realm on a port that is closed",
            realm("https://hub.example.com:8443/service/token"),
            Kind::RealmHost,
            "could not use",
        ),
        (
            "a realm at another's host",
            foreign,
            Kind::RealmForeign,
            "not sent there",
        ),
        (
            "a realm that is a path",
            realm("/service/token"),
            Kind::RealmHost,
            "not a URL",
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
