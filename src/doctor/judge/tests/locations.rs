//! Locations, the probes, and the causes that they point to.

use super::{found, kinds, only};
use crate::doctor::clients::tests::prediction;
use crate::doctor::clients::{Client, Ending};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB, UPLOAD};

fn hub(before: &str) -> FixtureWalk {
    FixtureWalk::harbor(HUB).locations(before)
}

/// The Location of the upload's opening alone.
fn opened(location: Option<&str>) -> FixtureWalk {
    Step::ALL
        .into_iter()
        .filter(|step| *step > Step::UploadStart)
        .fold(FixtureWalk::harbor(HUB), FixtureWalk::without)
        .header(Step::UploadStart, "location", location)
}

/// Somebody types `hub.example.com:443`.
fn typed_with_port(mut made: FixtureWalk) -> FixtureWalk {
    made.0.typed = "hub.example.com:443".to_owned();
    made
}

const HTTP: &str = "http://hub.example.com";
const PORT: &str = "https://hub.example.com:443";
const PROBED: &str = "https://harbormouth-doctor.invalid";
const OLD: &str = "http://registry.old.lan:5000";
const INNER: &str = "https://harbor.internal";

pub(super) fn cases() -> Vec<(&'static str, FixtureWalk, Kind, &'static str)> {
    let proto = Step::ProbeForwardedProto;
    let host = Step::ProbeForwardedHost;
    let forwarded = Step::ProbeForwarded;
    vec![
        (
            "http",
            hub(HTTP),
            Kind::LocationScheme,
            "ends TLS doesn't send",
        ),
        (
            "http: the outermost hop sets nothing",
            hub(HTTP).probe(proto, HUB),
            Kind::LocationScheme,
            "it passes X-Forwarded-Proto on and sets none",
        ),
        (
            "http: an inner hop overwrites it",
            hub(HTTP)
                .probe(proto, HTTP)
                .probe(host, "http://harbormouth-doctor.invalid"),
            Kind::LocationScheme,
            "removes X-Forwarded-Proto, or overwrites it",
        ),
        (
            "http: a malformed Forwarded",
            hub(HTTP)
                .probe(proto, HTTP)
                .probe(host, HTTP)
                .probe(forwarded, HTTP),
            Kind::LocationScheme,
            "malformed",
        ),
        (
            "http: both overwritten, and Forwarded gets through",
            hub(HTTP)
                .probe(proto, HTTP)
                .probe(host, HTTP)
                .probe(forwarded, HUB),
            Kind::LocationScheme,
            "a client's Forwarded gets through",
        ),
        (
            "http: a hop adds its own",
            hub(HTTP).probe(proto, "https,http://hub.example.com"),
            Kind::LocationScheme,
            "one adds its own",
        ),
        (
            "two schemes",
            hub("https,http://hub.example.com"),
            Kind::LocationSchemeDoubled,
            "\"https,http://\"",
        ),
        (
            "two schemes, with a blank",
            hub("https, http://hub.example.com"),
            Kind::LocationSchemeDoubled,
            "sets X-Forwarded-Proto",
        ),
        (
            "two schemes: a hop adds its own",
            hub("https,http://hub.example.com").probe(proto, "https,https,http://hub.example.com"),
            Kind::LocationSchemeDoubled,
            "to the one that it received",
        ),
        (
            "two schemes: one at once",
            hub("https,http://hub.example.com").probe(proto, "https,http://hub.example.com"),
            Kind::LocationSchemeDoubled,
            "whatever it received",
        ),
        (
            "two schemes: each adds where none came",
            hub("https,http://hub.example.com").probe(proto, HUB),
            Kind::LocationSchemeDoubled,
            "if the client sent none",
        ),
        (
            "the default port",
            hub(PORT),
            Kind::LocationPort,
            "hub.example.com:443",
        ),
        (
            "the default port in Host",
            hub(PORT).probe(host, HUB),
            Kind::LocationPort,
            "writes the port into Host",
        ),
        (
            "the default port in X-Forwarded-Host",
            hub(PORT).probe(host, PORT).probe(forwarded, HUB),
            Kind::LocationPort,
            "writes the port into X-Forwarded-Host",
        ),
        (
            "the port is lost",
            FixtureWalk::harbor("https://hub.example.com:8443").locations(HUB),
            Kind::LocationPortLost,
            "without the port 8443",
        ),
        (
            "the default port that was typed is lost",
            typed_with_port(FixtureWalk::harbor(HUB)),
            Kind::LocationPortLost,
            "without the port 443",
        ),
        (
            "another port",
            hub("https://hub.example.com:8443"),
            Kind::LocationPortLost,
            "hub.example.com:8443 where",
        ),
        (
            "a registry with an address of its own",
            hub(OLD)
                .probe(proto, OLD)
                .probe(host, OLD)
                .probe(forwarded, OLD),
            Kind::LocationHost,
            "`http.host` in its configuration",
        ),
        (
            "another host in Host",
            hub(INNER).probe(host, PROBED),
            Kind::LocationHost,
            "the upstream's own name as Host",
        ),
        (
            "another host in X-Forwarded-Host",
            hub(INNER).probe(host, INNER).probe(forwarded, HUB),
            Kind::LocationHost,
            "sets X-Forwarded-Host to an internal name",
        ),
        (
            "another host, come what may",
            hub(INNER).probe(host, INNER).probe(forwarded, INNER),
            Kind::LocationHost,
            "http.host",
        ),
        (
            "the host in capitals",
            hub("https://HUB.example.com"),
            Kind::LocationHost,
            "spells",
        ),
        ("none", opened(None), Kind::LocationUnusable, "no Location"),
        (
            "empty",
            opened(Some("")),
            Kind::LocationUnusable,
            "no Location",
        ),
        (
            "no slash",
            opened(Some(&UPLOAD[1..])),
            Kind::LocationUnusable,
            "doesn't begin with a slash",
        ),
        (
            "no scheme",
            opened(Some(&format!("hub.example.com{UPLOAD}"))),
            Kind::LocationUnusable,
            "a host and no scheme",
        ),
        (
            "no host",
            opened(Some(&format!("https://{UPLOAD}"))),
            Kind::LocationUnusable,
            "not a host",
        ),
        (
            "a prefix",
            hub("https://hub.example.com/harbor"),
            Kind::LocationPrefix,
            "/harbor before /v2/",
        ),
        (
            "a relative prefix",
            opened(Some(&format!("/harbor{UPLOAD}"))),
            Kind::LocationPrefix,
            "/harbor before /v2/",
        ),
    ]
}

#[test]
fn probes_are_evidence() {
    let made = hub(HTTP).probe(Step::ProbeForwardedProto, HUB);
    let finding = only("probe", &made);
    let requests: Vec<&str> = finding
        .evidence
        .iter()
        .map(|one| one.request.as_str())
        .collect();
    let post = "POST https://hub.example.com/v2/lab/app/blobs/uploads/";
    assert_eq!(
        requests,
        [post, &format!("{post} with X-Forwarded-Proto: https")]
    );
    let line = finding.evidence[0].line.as_deref();
    assert_eq!(line, Some(format!("Location: {HTTP}{UPLOAD}").as_str()));
}

#[test]
fn several_flaws_of_one_location_are_several_findings() {
    for (name, before, expected) in [
        (
            "port and scheme",
            "http://hub.example.com:443",
            &[Kind::LocationScheme, Kind::LocationPort][..],
        ),
        (
            "its own default port and scheme",
            "http://hub.example.com:80",
            &[Kind::LocationScheme, Kind::LocationPort],
        ),
        (
            "host and scheme",
            "http://core:8080",
            &[Kind::LocationScheme, Kind::LocationHost],
        ),
        (
            "two schemes and a port",
            "https,http://hub.example.com:443",
            &[Kind::LocationSchemeDoubled, Kind::LocationPort],
        ),
        (
            "scheme and prefix",
            "http://hub.example.com/harbor",
            &[Kind::LocationScheme, Kind::LocationPrefix],
        ),
    ] {
        assert_eq!(kinds(&hub(before)), expected, "{name}");
    }
}

/// Only the answer to a PATCH is wrong: another replica gave it.
#[test]
fn each_location_counts() {
    let location = format!("{HTTP}{UPLOAD}");
    let made = FixtureWalk::harbor(HUB).header(Step::UploadChunk, "location", Some(&location));
    let finding = only("chunk", &made);
    assert_eq!(
        (finding.kind, finding.step),
        (Kind::LocationScheme, Step::UploadChunk)
    );
}

/// Plain HTTP that reaches the TLS port is refused to all but who makes it https again.
#[test]
fn http_on_the_tls_port_reaches_nobody() {
    for finding in found(&hub("http://hub.example.com:443")) {
        if finding.kind != Kind::LocationScheme {
            continue;
        }
        for effect in finding.effects {
            let expected = match effect.client {
                Client::GoContainerregistry => Ending::Works,
                _ => Ending::Breaks,
            };
            assert_eq!(
                effect.outcome, expected,
                "{:?}: {}",
                effect.client, effect.how
            );
        }
    }
}

/// What an http realm elsewhere is, its scheme says; that it wasn't asked says nothing of its host.
#[test]
fn a_realm_that_is_not_asked_is_not_closed() {
    let challenge = "Bearer realm=\"http://auth.example.net/token\",service=\"x\"";
    let mut made = FixtureWalk::harbor(HUB).header(Step::Ping, "www-authenticate", Some(challenge));
    made.0.realm = Some(Ok(vec!["203.0.113.77:80".parse().unwrap()]));
    assert_eq!(kinds(&made), [Kind::RealmScheme]);
}

/// The upstream's own address, in clear: skopeo follows it where it can be reached, with its token.
#[test]
fn an_inner_address_breaks_all_but_who_follows_anywhere() {
    let findings = found(&hub("http://10.0.0.5:8080"));
    for client in Client::ALL {
        let expected = match client {
            Client::Containers => Ending::Sometimes,
            _ => Ending::Breaks,
        };
        assert_eq!(prediction(client, &findings), expected, "{client:?}");
    }
}

/// Who compares as text finds the port where it was typed.
#[test]
fn a_default_port_that_was_typed_is_right() {
    assert_eq!(kinds(&typed_with_port(hub(PORT))), []);
}
