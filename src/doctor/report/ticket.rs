//! The last line: what a person pastes into a ticket. One line, without anything that is secret or
//! that drives a terminal.

use super::super::attribution::{Culprit, culprit, largest, location, param};
use super::super::clients::{Client, Ending, Impact};
use super::super::display::{clean, cut, date};
use super::super::finding::Finding;
use super::super::judge::Judged;
use super::super::kind::{Kind, Severity};
use super::super::trace::Walk;
use super::chain::place;
use super::verdict::{ChainVerdict, by_gravity, exit_status, is_partial, verdict};

/// A value is a hint; the report has the whole of it.
const MOST_VALUE: usize = 80;

pub(super) fn ticket(walks: &[Judged]) -> String {
    let Some(public) = walks.first() else {
        return String::new();
    };
    let found: Vec<String> = by_gravity(&public.findings)
        .into_iter()
        .map(|finding| named(finding, walks))
        .collect();
    let mut parts = vec![
        format!("harbormouth doctor {}", env!("CARGO_PKG_VERSION")),
        public.walk.target.to_string(),
        date(public.walk.began),
    ];
    let verdict = match verdict(walks) {
        ChainVerdict::Healthy if is_partial(public) => "healthy as far as examined",
        verdict => verdict.as_str(),
    };
    parts.push(if found.is_empty() {
        verdict.to_owned()
    } else {
        format!("{verdict}: {}", found.join(", "))
    });
    let broken = broken_clients(&public.findings);
    if !broken.is_empty() {
        let names: Vec<&str> = broken.iter().map(|client| client.as_str()).collect();
        parts.push(format!("breaks {}", names.join(" ")));
    }
    if let Some(client) = public.walk.client {
        parts.push(format!("as {client} meets it"));
    }
    parts.push(format!("exit {}", exit_status(walks)));
    parts.join(" | ")
}

/// The kind, its value, and where it is done if that is known.
fn named(finding: &Finding, walks: &[Judged]) -> String {
    let mut text = finding.kind.to_string();
    let value = walks
        .first()
        .and_then(|public| value(finding, &public.walk));
    if let Some(value) = value {
        text.push_str(&format!("={}", cut(&value, MOST_VALUE)));
    }
    let at = match culprit(finding.kind, walks) {
        Culprit::Between(at, _) | Culprit::AtOrBehind(at) => walks.get(at).map(place),
        Culprit::Unknown => None,
    };
    if let Some(at) = at {
        text.push_str(&format!(" at {at}"));
    }
    text
}

/// What was seen, as short as it tells something.
fn value(finding: &Finding, walk: &Walk) -> Option<String> {
    match finding.kind {
        Kind::LocationScheme
        | Kind::LocationSchemeDoubled
        | Kind::LocationPort
        | Kind::LocationPortLost
        | Kind::LocationHost
        | Kind::LocationUnusable
        | Kind::LocationPrefix => location(walk),
        Kind::RealmScheme | Kind::RealmHost | Kind::RealmForeign | Kind::RealmUnstable => {
            param(walk, "realm")
        }
        Kind::BodyLimit => largest(walk),
        Kind::CertificateExpired | Kind::CertificateNotYetValid | Kind::CertificateExpiresSoon => {
            until(walk)
        }
        _ => None,
    }
    .or_else(|| {
        let first = finding.evidence.first()?;
        Some(clean(&first.outcome))
    })
}

fn until(walk: &Walk) -> Option<String> {
    let tls = walk.address()?.tls.as_ref()?.as_ref().ok()?;
    let end = u64::try_from(tls.chain.first()?.not_after).ok()?;
    Some(date(end))
}

/// Every client that some finding breaks, or may break.
pub(super) fn broken_clients(findings: &[Finding]) -> Vec<Client> {
    let breaks = |effect: &Impact| match effect.outcome {
        Ending::Breaks | Ending::Sometimes => true,
        Ending::Works | Ending::Leaks => false,
    };
    Client::ALL
        .into_iter()
        .filter(|client| {
            findings
                .iter()
                .filter(|finding| finding.severity == Severity::Broken)
                .flat_map(|finding| &finding.effects)
                .any(|effect| effect.client == *client && breaks(effect))
        })
        .collect()
}
