use super::*;
use crate::doctor::finding::Finding;
use crate::doctor::kind::Severity;
use crate::doctor::product::Product;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB};
use crate::doctor::trace::Trouble;
use std::time::Duration;

fn found(kind: Kind, step: Step) -> Finding {
    Finding {
        kind,
        severity: Severity::Broken,
        step,
        summary: String::new(),
        evidence: Vec::new(),
        cause: None,
        effects: Vec::new(),
    }
}

fn judged(made: FixtureWalk, findings: Vec<Finding>) -> Judged {
    Judged {
        walk: made.0,
        findings,
    }
}

const WRONG: &str = "https://hub.example.com:443";

fn port() -> Vec<Finding> {
    vec![found(Kind::LocationPort, Step::UploadStart)]
}

fn public() -> Judged {
    judged(FixtureWalk::harbor(HUB).locations(WRONG), port())
}

fn inner(findings: Vec<Finding>) -> Judged {
    judged(FixtureWalk::harbor(HUB).via("http://10.0.0.5"), findings)
}

/// It was reached, and its uploads were not.
fn mute() -> Judged {
    let silent = Trouble::TimedOut(Duration::from_secs(10));
    let made = FixtureWalk::harbor(HUB)
        .via("http://10.0.0.5")
        .trouble(Step::UploadStart, silent);
    judged(made, Vec::new())
}

#[test]
fn the_first_entry_without_the_finding_tells_who_did_it() {
    for (name, walks, expected) in [
        ("no walk", vec![], Culprit::Unknown),
        ("the public walk alone", vec![public()], Culprit::Unknown),
        (
            "gone at the first inner entry",
            vec![public(), inner(vec![])],
            Culprit::Between(0, 1),
        ),
        (
            "gone at the second",
            vec![public(), inner(port()), inner(vec![])],
            Culprit::Between(1, 2),
        ),
        (
            "never gone",
            vec![public(), inner(port()), inner(port())],
            Culprit::AtOrBehind(2),
        ),
        (
            "an entry without an answer tells nothing",
            vec![public(), mute(), inner(vec![])],
            Culprit::Between(0, 2),
        ),
        (
            "the last one silent",
            vec![public(), inner(port()), mute()],
            Culprit::AtOrBehind(1),
        ),
        ("all silent", vec![public(), mute()], Culprit::Unknown),
        (
            "what the public walk doesn't have",
            vec![inner(vec![]), inner(port())],
            Culprit::Unknown,
        ),
    ] {
        assert_eq!(culprit(Kind::LocationPort, &walks), expected, "{name}");
    }
}

/// An inner walk doesn't ask again where a realm's host is, and so finds nothing wrong with it.
#[test]
fn the_very_value_that_is_wrong_is_there_whatever_was_found() {
    for (kind, step, expected) in [
        (Kind::RealmHost, Step::Ping, Culprit::AtOrBehind(1)),
        (Kind::HeaderLost, Step::UploadChunk, Culprit::Between(0, 1)),
    ] {
        let public = judged(FixtureWalk::harbor(HUB), vec![found(kind, step)]);
        assert_eq!(culprit(kind, &[public, inner(vec![])]), expected, "{kind}");
    }
}

/// An inner walk has no TLS of the public name, and so no finding about it.
#[test]
fn certificates_are_the_outermost_hops() {
    let expired = vec![found(Kind::CertificateExpired, Step::Tls)];
    let walks = [
        judged(FixtureWalk::harbor(HUB), expired),
        inner(vec![]),
        inner(vec![]),
    ];
    assert_eq!(
        culprit(Kind::CertificateExpired, &walks),
        Culprit::Between(0, 1)
    );
}

#[test]
fn who_stands_there_is_read_from_what_answers_give_away() {
    let with =
        |name: &str, value: &str| FixtureWalk::harbor(HUB).header(Step::Ping, name, Some(value));
    let harbor = Some(RegistryProduct::Harbor);
    for (name, made, hop, product) in [
        ("nothing", FixtureWalk::harbor(HUB), None, None),
        (
            "nginx with a version",
            with("server", "nginx/1.22.1"),
            Some(Hop::Nginx),
            Some(Product::Nginx),
        ),
        (
            "nginx without one",
            with("server", "nginx"),
            Some(Hop::Nginx),
            Some(Product::Nginx),
        ),
        ("not nginx", with("server", "nginxish"), None, None),
        (
            "Caddy, behind itself",
            with("via", "1.1 Caddy"),
            Some(Hop::Caddy),
            Some(Product::Caddy),
        ),
        (
            "Envoy by its timing",
            with("x-envoy-upstream-service-time", "12"),
            Some(Hop::Envoy),
            Some(Product::Envoy),
        ),
        (
            "Apache",
            with("server", "Apache/2.4.62 (Debian)"),
            Some(Hop::Apache),
            Some(Product::Apache),
        ),
        (
            "Cloudflare before an nginx",
            with("server", "nginx").header(Step::Ping, "cf-ray", Some("8f0-FRA")),
            Some(Hop::Cloudflare),
            None,
        ),
        (
            "Varnish before an nginx is not Fastly",
            with("server", "nginx").header(Step::Ping, "via", Some("1.1 varnish (Varnish/7.1)")),
            Some(Hop::Varnish),
            Some(Product::Varnish),
        ),
        (
            "Fastly",
            with("via", "1.1 varnish").header(
                Step::Ping,
                "x-served-by",
                Some("cache-fra-eddf8230020-FRA"),
            ),
            Some(Hop::Fastly),
            None,
        ),
        (
            "Squid",
            with("via", "1.1 edge (squid/5.7)"),
            Some(Hop::Squid),
            Some(Product::Squid),
        ),
        (
            "nghttpx",
            with("server", "nghttpx"),
            Some(Hop::Nghttpx),
            Some(Product::Nghttpx),
        ),
        (
            "lighttpd",
            with("server", "lighttpd/1.4.69"),
            Some(Hop::Lighttpd),
            Some(Product::Lighttpd),
        ),
        (
            "Traefik, which leaves no header",
            {
                let mut made = with("server", "nginx");
                let tls = made.0.addresses[0].tls.as_mut();
                let tls = tls.and_then(|tls| tls.as_mut().ok()).expect("a handshake");
                tls.chain[0].subject = "CN=TRAEFIK DEFAULT CERT".to_owned();
                made
            },
            Some(Hop::Traefik),
            Some(Product::Traefik),
        ),
        (
            "HAProxy's own page",
            FixtureWalk::harbor(HUB).change(Step::TokenGet, |exchange| {
                if let Ok(answer) = &mut exchange.result {
                    answer.body = "<h1>503 Service Unavailable</h1>\nNo server is available to \
                                   handle this request.\n"
                        .to_owned();
                }
            }),
            Some(Hop::Haproxy),
            Some(Product::Haproxy),
        ),
        (
            "port 80 is another's word",
            FixtureWalk::harbor(HUB).header(Step::PlainHttp, "server", Some("nginx")),
            None,
            None,
        ),
        (
            "Harbormouth by its ticket",
            FixtureWalk::harbor(HUB).header(
                Step::UploadStart,
                "location",
                Some("/v2/lab/app/blobs/uploads/u?_state=***&harbormouth_ticket=***"),
            ),
            Some(Hop::Harbormouth),
            None,
        ),
    ] {
        let guess = guess(&made.0);
        assert_eq!((guess.hop, guess.registry), (hop, harbor), "{name}");
        assert_eq!(guess.hop.and_then(Hop::product), product, "{name}");
    }
    let mut distribution = FixtureWalk::htpasswd(HUB);
    for step in [Step::Ping, Step::PingBare] {
        distribution = distribution.header(step, "set-cookie", None);
    }
    assert_eq!(
        guess(&distribution.0).registry,
        Some(RegistryProduct::Distribution)
    );
}

#[test]
fn a_page_is_signed_by_who_wrote_it() {
    let page = "<html><body><center>nginx/1.22.1</center></body></html>";
    let with_page = |made: FixtureWalk, status: u16, body: &'static str| {
        made.status(Step::Body, status)
            .html(Step::Body)
            .change(Step::Body, |exchange| {
                if let Ok(answer) = &mut exchange.result {
                    answer.body = body.to_owned();
                }
            })
    };
    let caddy = || FixtureWalk::harbor(HUB).header(Step::Ping, "server", Some("Caddy"));
    for (name, made, expected) in [
        (
            "nginx's page",
            with_page(caddy(), 413, page),
            Some(Hop::Nginx),
        ),
        (
            "nobody's page",
            with_page(caddy(), 413, "<html></html>"),
            None,
        ),
        ("no error", with_page(caddy(), 200, page), None),
        ("no page", caddy(), None),
    ] {
        assert_eq!(author(&made.0, Step::Body), expected, "{name}");
    }
}

#[test]
fn only_what_differs_is_told() {
    let twice = [judged(FixtureWalk::harbor(HUB), vec![]), inner(vec![])];
    assert_eq!(differences(&twice[..1]), []);
    assert_eq!(differences(&twice), []);
    let walks = [
        judged(
            FixtureWalk::harbor(HUB)
                .locations("https://hub.example.com:443")
                .header(Step::Ping, "server", Some("Caddy")),
            port(),
        ),
        judged(
            FixtureWalk::harbor(HUB)
                .via("http://10.0.0.5")
                .header(Step::Ping, "server", Some("nginx\u{1b}[31m"))
                .without(Step::Body)
                .locations(""),
            vec![],
        ),
    ];
    let told: Vec<(&str, Vec<Option<String>>)> = differences(&walks)
        .into_iter()
        .map(|row| (row.what, row.seen))
        .collect();
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [
            (
                "Location",
                vec![some("https://hub.example.com:443"), some("/v2/…")]
            ),
            ("Server", vec![some("Caddy"), some("nginx[31m")]),
        ]
    );
}
