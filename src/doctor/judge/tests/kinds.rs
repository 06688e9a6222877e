//! Every kind, by a walk that shows it and nothing else.

mod client_behaviour;
mod entry;
mod login;
mod registry;
mod upload;

use super::{is_whole, only};
use crate::doctor::clients::{Client, Ending, Impact};
use crate::doctor::finding::Finding;
use crate::doctor::kind::{Kind, Severity};
use crate::doctor::step::Step;
use crate::doctor::tests::fixtures::{FixtureWalk, HUB};
use std::time::Duration;

/// Name, walk, kind, and a part of what is said: in the summary, the evidence or the cause.
pub(super) type Case = (&'static str, FixtureWalk, Kind, &'static str);

pub(super) use client_behaviour::pulled;

fn hub() -> FixtureWalk {
    FixtureWalk::harbor(HUB)
}

fn until_upload(made: FixtureWalk) -> FixtureWalk {
    Step::ALL
        .into_iter()
        .filter(|step| *step > Step::UploadStart)
        .fold(made, FixtureWalk::without)
}

/// Another challenge than the healthy one.
pub(super) fn challenge(made: FixtureWalk, challenge: &str) -> FixtureWalk {
    made.header(Step::Ping, "www-authenticate", Some(challenge))
}

pub(super) fn ping_again(made: FixtureWalk, value: &str) -> FixtureWalk {
    let mut again = made.0.first(Step::Ping).unwrap().clone();
    again.step = Step::PingAgain;
    made.address("203.0.113.11:443", Ok(Duration::from_millis(3)))
        .with(again)
        .header(Step::PingAgain, "www-authenticate", Some(value))
}

pub(super) fn cases() -> Vec<Case> {
    let parts = [
        entry::cases(),
        registry::cases(),
        login::cases(),
        client_behaviour::cases(),
        upload::cases(),
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
            .any(|one| one.outcome > Ending::Works);
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
    for (name, made, _, _) in entry::cases().into_iter().skip(4) {
        let walk = made.via("http://10.0.0.5");
        assert_eq!(super::kinds(&walk), [], "{name}");
    }
}

#[test]
fn a_registry_that_asks_nobody_loses_nothing() {
    let open = FixtureWalk::open(HUB).locations("https://hub.example.com:443");
    let finding = only("open", &open);
    assert_eq!(
        (finding.kind, finding.severity),
        (Kind::LocationPort, Severity::Warning)
    );
    let works = |effect: &Impact| effect.outcome == Ending::Works;
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
        (Client::Containerd, Ending::Sometimes)
    );
}
