//! How the doctor's own forwarding headers changed Location, and what that shows about the hops.
//!
//! Registries make Location from Host and X-Forwarded-Proto, or from X-Forwarded-Host in place of
//! Host. Distribution ignores both as soon as there is a Forwarded, even one that can't be read.

use super::location::{UrlParts, flaws, url};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Walk};

/// What one header of the doctor's did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// It wasn't tried.
    Untried,
    /// What was wrong is right with it, or shows what the doctor said.
    Believed,
    /// It was put behind or before another value.
    Joined,
    Ignored,
}

/// Which of a flaw's causes it most likely is; empty where it has but one.
pub(super) fn cause(walk: &Walk, kind: Kind) -> &'static str {
    use Effect::{Believed, Ignored, Joined, Untried};
    let proto = effect(walk, Step::ProbeForwardedProto, kind);
    let host = effect(walk, Step::ProbeForwardedHost, kind);
    let forwarded = effect(walk, Step::ProbeForwarded, kind);
    match kind {
        Kind::LocationScheme => match (proto, host, forwarded) {
            (Believed, _, _) => "not_said",
            (Joined, _, _) => "joined",
            (Ignored, Believed | Joined, _) => "overwritten",
            (Ignored, _, Believed | Joined) => "all_but_forwarded",
            (Ignored, Ignored, Ignored | Untried) => "bad_forwarded",
            (Ignored, Untried, Ignored | Untried) => "behind",
            (Untried, _, _) => "untried",
        },
        Kind::LocationSchemeDoubled => match proto {
            Believed => "two_add",
            Joined => "joined",
            Ignored | Untried => "untried",
        },
        // Of a default port that is written out, too.
        Kind::LocationPort | Kind::LocationHost => match (host, forwarded) {
            (Believed | Joined, _) => "in_host",
            (Ignored, Believed | Joined) => "in_forwarded_host",
            (Ignored, Ignored | Untried) => "in_forwarded",
            (Untried, _) => "untried",
        },
        Kind::LocationPortLost => match host {
            Believed | Joined => "in_host",
            Ignored => "in_forwarded",
            Untried => "untried",
        },
        _ => "",
    }
}

/// Whether all of the doctor's headers were tried, and none changed anything.
pub(super) fn ignores_headers(walk: &Walk, kind: Kind) -> bool {
    let steps = [
        Step::ProbeForwardedProto,
        Step::ProbeForwardedHost,
        Step::ProbeForwarded,
    ];
    steps
        .into_iter()
        .all(|step| effect(walk, step, kind) == Effect::Ignored)
}

/// The probes that tell of this flaw.
pub(super) fn shown(walk: &Walk, kind: Kind) -> impl Iterator<Item = &Exchange> {
    let steps: &[Step] = match kind {
        Kind::LocationScheme | Kind::LocationSchemeDoubled => &[
            Step::ProbeForwardedProto,
            Step::ProbeForwardedHost,
            Step::ProbeForwarded,
        ],
        Kind::LocationPort | Kind::LocationPortLost | Kind::LocationHost => {
            &[Step::ProbeForwardedHost, Step::ProbeForwarded]
        }
        _ => &[],
    };
    let tried = steps.iter().filter_map(|step| walk.first(*step));
    tried.filter(|probe| probe.result.is_ok())
}

fn effect(walk: &Walk, step: Step, kind: Kind) -> Effect {
    let Some(probe) = walk.first(step) else {
        return Effect::Untried;
    };
    let location = |exchange: &'_ Exchange| {
        let answer = exchange.answer()?;
        answer.header("location").map(str::to_owned)
    };
    let Some(with) = location(probe) else {
        return Effect::Untried;
    };
    let without = walk.first(Step::UploadStart).and_then(location);
    let still: Vec<Kind> = flaws(walk, Some(&with))
        .iter()
        .map(|flaw| flaw.kind)
        .collect();
    // A host of the doctor's own shows in Location where it is believed.
    let is_changed = match (url(&with), without.as_deref().and_then(url)) {
        (Some(with), Some(without)) => differs(step, with, without),
        (_, _) => false,
    };
    let is_put_right = is_about(step, kind) && !still.contains(&kind);
    let has_several = still.contains(&Kind::LocationSchemeDoubled);
    match (is_put_right, is_changed) {
        (true, _) | (false, true) if has_several && is_of_scheme(kind) => {
            if is_changed {
                Effect::Joined
            } else {
                Effect::Ignored
            }
        }
        (true, _) | (false, true) => Effect::Believed,
        (false, false) => Effect::Ignored,
    }
}

/// Whether the header can put this flaw right.
fn is_about(step: Step, kind: Kind) -> bool {
    match step {
        Step::ProbeForwardedProto => is_of_scheme(kind),
        Step::ProbeForwardedHost => !is_of_scheme(kind),
        _ => true,
    }
}

fn is_of_scheme(kind: Kind) -> bool {
    matches!(kind, Kind::LocationScheme | Kind::LocationSchemeDoubled)
}

fn differs(step: Step, with: UrlParts<'_>, without: UrlParts<'_>) -> bool {
    match step {
        Step::ProbeForwardedProto => with.scheme != without.scheme,
        Step::ProbeForwardedHost => with.authority != without.authority,
        _ => (with.scheme, with.authority) != (without.scheme, without.authority),
    }
}
