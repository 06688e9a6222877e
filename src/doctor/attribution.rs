//! Which hop did it: the walks from the outermost entry to the innermost, side by side.
//!
//! Pure. What it deliberately doesn't know: what a finding means (`clients`), and how it is shown.

mod differences;
mod product_guess;

pub(super) use differences::{differences, largest, location, location_of, outcome, param};
pub(super) use product_guess::{Guess, Hop, RegistryProduct, author, guess};

use super::judge::Judged;
use super::kind::Kind;
use super::step::Step;
use super::trace::Walk;
use serde::Serialize;

/// Where a finding of the public walk comes from. The numbers are places in the list of walks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Culprit {
    /// Between these two entries: the hop that the first one enters.
    Between(usize, usize),
    /// At the innermost entry or behind it.
    AtOrBehind(usize),
    /// Only one walk was taken, or the others could not tell.
    Unknown,
}

/// Who brought a kind of finding about. The first walk is the public one.
///
/// The first inner entry at which it is gone clears everything behind it. An entry where the step
/// that showed it got no answer tells nothing, and is passed over.
pub(crate) fn culprit(kind: Kind, walks: &[Judged]) -> Culprit {
    let Some((public, inner)) = walks.split_first() else {
        return Culprit::Unknown;
    };
    let Some(finding) = public.findings.iter().find(|one| one.kind == kind) else {
        return Culprit::Unknown;
    };
    if inner.is_empty() || matches!(kind, Kind::NameUnresolved | Kind::ProxyRefused) {
        return Culprit::Unknown;
    }
    let mut last = 0;
    for (index, judged) in walks.iter().enumerate().skip(1) {
        let is_there = judged.findings.iter().any(|one| one.kind == kind);
        if is_there || is_alike(kind, &public.walk, &judged.walk) {
            last = index;
        } else if tells(&judged.walk, finding.step) {
            return Culprit::Between(last, index);
        }
    }
    match last {
        0 => Culprit::Unknown,
        last => Culprit::AtOrBehind(last),
    }
}

/// Whether an inner entry shows the very value that is wrong in the public walk, though it isn't judged
/// so there: an inner walk doesn't look for a realm's host again.
fn is_alike(kind: Kind, public: &Walk, inner: &Walk) -> bool {
    let value: fn(&Walk) -> Option<String> = match kind {
        Kind::RealmScheme | Kind::RealmHost => |walk| param(walk, "realm"),
        Kind::LocationScheme
        | Kind::LocationSchemeDoubled
        | Kind::LocationPort
        | Kind::LocationPortLost
        | Kind::LocationHost => location,
        _ => return false,
    };
    value(public).is_some_and(|wrong| value(inner) == Some(wrong))
}

/// Whether a walk without the finding says that it isn't there: the same was asked, and answered. Of
/// the public name's own TLS and port 80 an inner walk is free as soon as anything answers.
fn tells(walk: &Walk, step: Step) -> bool {
    match step {
        Step::Resolve | Step::Connect | Step::Tls | Step::PlainHttp | Step::PlainHttpWrite => {
            walk.exchanges.iter().any(|one| one.result.is_ok())
        }
        // Smaller bodies are tried only where the whole one failed, and further addresses only where
        // there are some.
        Step::BodyLimit => is_answered(walk, Step::Body),
        Step::PingAgain => is_answered(walk, Step::Ping),
        _ => is_answered(walk, step),
    }
}

fn is_answered(walk: &Walk, step: Step) -> bool {
    walk.all(step).any(|one| one.result.is_ok())
}

#[cfg(test)]
mod tests;
