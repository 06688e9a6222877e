//! The models against what real clients were seen to do through broken chains, and what their
//! source says where none was at hand.

use super::*;
use crate::doctor::finding::Finding;
use crate::doctor::language::Language;
use Authentication::{Basic, Bearer, None as Open};
use Detail::{Lost, OtherHost, Passes, Usual};
use Ending::{Breaks as F, Leaks as L, Sometimes as S, Works as W};
use PlainHttp::{KeepsWrites, LosesWrites, Nothing, Other, Serves};

const fn around(authentication: Authentication, plain_http: PlainHttp) -> Surroundings {
    Surroundings {
        authentication,
        plain_http,
    }
}

/// Most registries: tokens, and nothing on port 80.
const USUAL: Surroundings = around(Bearer, Nothing);

/// The outcomes stand in the order of [`Client::ALL`]: containerd, BuildKit, docker classic,
/// containers/image, go-containerregistry, oras, regclient.
type Case = (&'static str, Kind, Detail, Surroundings, [Ending; 7]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    // Seen with real clients behind one bad hop.
    ("port in Host", Kind::LocationPort, Usual, USUAL, [F, F, W, W, W, W, F]),
    ("scheme lost, a redirect on 80", Kind::LocationScheme, Usual, around(Bearer, LosesWrites), [F, F, F, F, W, F, F]),
    ("port and scheme", Kind::LocationScheme, Usual, around(Bearer, Other), [F, F, F, F, W, F, F]),
    ("port lost", Kind::LocationPortLost, Usual, USUAL, [F; 7]),
    ("the default port lost", Kind::LocationPortLost, OtherHost(Reach::Respelled), USUAL, [F, F, W, W, W, W, F]),
    ("an inner name", Kind::LocationHost, OtherHost(Reach::Unresolved), USUAL, [F; 7]),
    ("Authorization lost on PUT", Kind::AuthorizationLost, Lost(LostOn::Put), USUAL, [F; 7]),
    ("let in without a login", Kind::ChallengeMissing, Detail::Unasked(Unasked::LetIn), USUAL, [W, W, F, F, W, W, W]),
    ("an inner realm", Kind::RealmHost, OtherHost(Reach::Unresolved), USUAL, [F; 7]),
    ("an http realm with a redirect", Kind::RealmScheme, Usual, around(Bearer, LosesWrites), [L, L, S, S, S, F, F]),
    // Read from their source.
    ("an http realm that is served", Kind::RealmScheme, Usual, around(Bearer, Serves), [L, L, L, L, S, F, F]),
    ("an http realm, nothing there", Kind::RealmScheme, Usual, USUAL, [F; 7]),
    ("scheme lost, nothing on 80", Kind::LocationScheme, Usual, USUAL, [F, F, F, F, W, F, F]),
    ("scheme lost, 308 on 80", Kind::LocationScheme, Usual, around(Bearer, KeepsWrites), [F, F, F, F, W, F, L]),
    ("scheme lost, served on 80", Kind::LocationScheme, Usual, around(Bearer, Serves), [F, F, F, L, W, F, L]),
    ("scheme lost, served, nobody asked", Kind::LocationScheme, Usual, around(Open, Serves), [W, W, W, W, W, F, W]),
    ("two schemes", Kind::LocationSchemeDoubled, Usual, USUAL, [F; 7]),
    ("port, nobody asked", Kind::LocationPort, Usual, around(Open, Nothing), [W; 7]),
    ("port, passwords", Kind::LocationPort, Usual, around(Basic, Nothing), [F, F, W, W, F, W, F]),
    ("a public other host", Kind::LocationHost, OtherHost(Reach::Public), USUAL, [F, F, F, L, F, F, F]),
    ("a private other host", Kind::LocationHost, OtherHost(Reach::PrivateAddress), USUAL, [F, F, F, S, F, F, F]),
    ("another spelling", Kind::LocationHost, OtherHost(Reach::Respelled), USUAL, [F, F, W, W, F, F, F]),
    ("no Location", Kind::LocationUnusable, Usual, USUAL, [F; 7]),
    ("no slash", Kind::LocationUnusable, Detail::Unusable(Unusable::Relative), USUAL, [F, F, W, W, W, W, W]),
    ("no scheme", Kind::LocationUnusable, Detail::Unusable(Unusable::WithoutScheme), USUAL, [W, W, F, F, F, F, F]),
    ("a prefix", Kind::LocationPrefix, Usual, USUAL, [W, W, F, W, W, W, W]),
    ("Authorization lost on PATCH", Kind::AuthorizationLost, Lost(LostOn::Patch), USUAL, [W, W, F, F, F, W, W]),
    ("POST for tokens refused", Kind::TokenPostRefused, Usual, USUAL, [F, F, W, W, W, W, W]),
    ("POST for tokens is a bad request", Kind::TokenPostRefused, Detail::Posted(Posted::BadRequest), USUAL, [W, F, W, W, W, W, W]),
    ("an upload opened with 200", Kind::UploadRefused, Detail::Opened(Opened::OtherSuccess), USUAL, [W, W, W, F, F, F, F]),
    ("a realm at one's own machine", Kind::RealmHost, OtherHost(Reach::OwnMachine), USUAL, [F; 7]),
    ("a private realm", Kind::RealmHost, OtherHost(Reach::PrivateAddress), USUAL, [S, S, S, S, F, F, S]),
    ("no digest", Kind::HeaderLost, Detail::Header(Header::Digest), USUAL, [F, F, W, W, W, W, W]),
    ("no range", Kind::HeaderLost, Detail::Header(Header::Range), USUAL, [W, W, F, W, W, W, W]),
    ("no next Location", Kind::HeaderLost, Detail::Header(Header::NextLocation), USUAL, [W, W, F, F, F, W, W]),
    ("100 KB", Kind::BodyLimit, Passes(100_000), USUAL, [S; 7]),
    ("1 MiB", Kind::BodyLimit, Passes(1 << 20), USUAL, [S, S, S, S, S, S, W]),
    ("no chunked bodies", Kind::ChunkedRefused, Usual, USUAL, [W, W, F, S, S, W, W]),
    ("collected bodies", Kind::RequestBuffered, Usual, USUAL, [S, S, W, W, W, W, W]),
    ("early answers held back", Kind::EarlyAnswerHeld, Usual, USUAL, [W; 7]),
    ("pauses cut", Kind::IdleCut, Usual, USUAL, [S; 7]),
    ("old transfers cut", Kind::AgeCut, Usual, USUAL, [S; 7]),
    ("slow commits", Kind::CommitSlow, Usual, USUAL, [S, S, W, W, W, W, W]),
    ("errors as pages", Kind::HtmlErrors, Usual, USUAL, [W; 7]),
    ("known to docker", Kind::CertificateTrustedByDocker, Usual, USUAL, [S, S, W, W, F, F, W]),
    ("expired", Kind::CertificateExpired, Usual, USUAL, [F; 7]),
    ("expired at one address", Kind::CertificateExpired, Detail::Partly, USUAL, [S; 7]),
];

#[test]
fn clients_do_what_they_were_seen_to_do() {
    for (name, kind, circumstance, surroundings, expected) in CASES {
        let effects = effects(*kind, *circumstance, *surroundings, Language::English);
        let clients: Vec<Client> = effects.iter().map(|effect| effect.client).collect();
        assert_eq!(clients, Client::ALL, "{name}");
        let outcomes: Vec<Ending> = effects.iter().map(|effect| effect.outcome).collect();
        assert_eq!(outcomes, expected, "{name}: {effects:#?}");
    }
}

#[test]
fn who_does_not_work_reads_something() {
    let all = [Open, Basic, Bearer]
        .into_iter()
        .flat_map(|authentication| {
            [Nothing, LosesWrites, KeepsWrites, Serves, Other]
                .map(|plain_http| around(authentication, plain_http))
        });
    for surroundings in all {
        for kind in Kind::ALL {
            for effect in effects(kind, Detail::Usual, surroundings, Language::English) {
                let Impact {
                    client,
                    outcome,
                    how,
                } = effect;
                let is_told = outcome == W || !how.is_empty();
                assert!(is_told, "{kind} {client:?} {surroundings:?}");
                assert!(!how.contains("  ") && !how.ends_with('.'), "{kind}: {how}");
            }
        }
    }
}

/// The words that real clients were seen to end with.
#[test]
fn users_read_what_is_told() {
    for (kind, surroundings, client, words) in [
        (
            Kind::LocationPort,
            USUAL,
            Client::Containerd,
            &["upload changed destination", "401 Unauthorized"][..],
        ),
        (
            Kind::LocationScheme,
            around(Bearer, LosesWrites),
            Client::Containerd,
            &["upload changed destination", "401 Unauthorized"],
        ),
        (
            Kind::LocationScheme,
            around(Bearer, LosesWrites),
            Client::DockerClassic,
            &["unknown blob"],
        ),
        (
            Kind::LocationScheme,
            around(Bearer, LosesWrites),
            Client::Containers,
            &["uploading layer …: unauthorized"],
        ),
        (
            Kind::LocationScheme,
            around(Bearer, Other),
            Client::DockerClassic,
            &["400"],
        ),
        (
            Kind::LocationPortLost,
            USUAL,
            Client::Containers,
            &["connection refused"],
        ),
        (
            Kind::BodyLimit,
            USUAL,
            Client::Containers,
            &["StatusCode: 413"],
        ),
        (
            Kind::BodyLimit,
            USUAL,
            Client::Containerd,
            &["413 Request Entity Too Large"],
        ),
        (Kind::BodyLimit, USUAL, Client::DockerClassic, &["HTTP 413"]),
    ] {
        let all = effects(kind, Detail::Usual, surroundings, Language::English);
        let effect = all.iter().find(|effect| effect.client == client);
        let how = &effect.expect("an effect of each client").how;
        for word in words {
            assert!(
                how.contains(word),
                "{kind} {client:?}: no {word:?} in {how}"
            );
        }
    }
}

#[test]
fn every_client_has_names_and_every_name_one_client() {
    let names = Client::names();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), names.len(), "{names:?}");
    for client in Client::ALL {
        let is_named = |name: &&str| Client::named(name) == Some(client);
        assert!(names.iter().any(is_named), "{client}");
    }
    assert_eq!(Client::named("docker"), Some(Client::Containerd));
    assert_eq!(Client::named("netscape"), None);
}

#[test]
fn the_worst_is_what_is_predicted() {
    use crate::doctor::kind::Severity;
    use crate::doctor::step::Step;
    let finding = |kind: Kind| Finding {
        kind,
        severity: Severity::Broken,
        step: Step::UploadStart,
        summary: String::new(),
        evidence: Vec::new(),
        cause: None,
        effects: effects(kind, Detail::Usual, USUAL, Language::English),
    };
    let findings = [Kind::LocationPort, Kind::IdleCut, Kind::RedirectLosesWrites].map(finding);
    for (name, client, findings, expected) in [
        ("nothing is wrong", Client::Containerd, &[][..], W),
        ("all of it", Client::Containerd, &findings[..], F),
        ("what it doesn't mind", Client::Oras, &findings[..1], W),
        ("what it minds at times", Client::Oras, &findings[..2], S),
    ] {
        assert_eq!(prediction(client, findings), expected, "{name}");
    }
}

/// How a push by this client ends where all of this is wrong: as what is worst for it ends.
pub(in crate::doctor) fn prediction(client: Client, findings: &[Finding]) -> Ending {
    findings
        .iter()
        .flat_map(|finding| &finding.effects)
        .filter(|effect| effect.client == client)
        .map(|effect| effect.outcome)
        .max()
        .unwrap_or(Ending::Works)
}
