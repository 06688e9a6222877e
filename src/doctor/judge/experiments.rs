//! What the doctor's own forwarding headers did to Location, and what a hop does by that.
//!
//! Registries make Location from Host and X-Forwarded-Proto, or from X-Forwarded-Host in place of
//! Host. Distribution ignores both as soon as there is a Forwarded, even one that can't be read.

use super::location::{Url, flaws, url};
use crate::doctor::kind::Kind;
use crate::doctor::seen::{Exchange, Walk};
use crate::doctor::step::Step;

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

/// All three of them.
#[derive(Clone, Copy, Debug)]
struct Experiments {
    proto: Effect,
    host: Effect,
    forwarded: Effect,
}

/// What a hop most likely does to bring this flaw about.
pub(super) fn cause(walk: &Walk, kind: Kind) -> Option<String> {
    let experiments = Experiments {
        proto: effect(walk, Step::ProbeForwardedProto, kind),
        host: effect(walk, Step::ProbeForwardedHost, kind),
        forwarded: effect(walk, Step::ProbeForwarded, kind),
    };
    let cause = match kind {
        Kind::LocationScheme => scheme(experiments),
        Kind::LocationSchemeDoubled => doubled(experiments),
        Kind::LocationPort => port(experiments),
        Kind::LocationPortLost => port_lost(experiments),
        Kind::LocationHost => host(experiments),
        Kind::LocationPrefix => {
            "the registry was told a prefix (`http.prefix`, or an external URL with a path), or a \
             hop puts one before the paths of its answers"
        }
        Kind::LocationUnusable => "a hop rewrites Location, and not as a URL",
        _ => return None,
    };
    Some(cause.to_owned())
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

fn differs(step: Step, with: Url<'_>, without: Url<'_>) -> bool {
    match step {
        Step::ProbeForwardedProto => with.scheme != without.scheme,
        Step::ProbeForwardedHost => with.authority != without.authority,
        _ => (with.scheme, with.authority) != (without.scheme, without.authority),
    }
}

fn scheme(experiments: Experiments) -> &'static str {
    match (experiments.proto, experiments.host, experiments.forwarded) {
        (Effect::Believed, _, _) => {
            "the hop that clients reach ends TLS and doesn't say so: it passes an X-Forwarded-Proto \
             on and sets none (`proxy_set_header X-Forwarded-Proto $scheme` is missing there)"
        }
        (Effect::Joined, _, _) => {
            "no hop before says https, and one adds its own X-Forwarded-Proto (http) to what came \
             instead of keeping it: `add-header` where `set-header` belongs"
        }
        (Effect::Ignored, Effect::Believed | Effect::Joined, _) => {
            "a hop removes X-Forwarded-Proto, or overwrites it with its own scheme where plain HTTP \
             reaches it: `proxy_set_header X-Forwarded-Proto $scheme` belongs to the hop that ends \
             TLS, those behind it pass on $http_x_forwarded_proto"
        }
        (Effect::Ignored, _, Effect::Believed | Effect::Joined) => {
            "a hop removes X-Forwarded-Proto and X-Forwarded-Host, or overwrites them with its own \
             where plain HTTP reaches it (`proxy_set_header X-Forwarded-Proto $scheme`); a client's \
             Forwarded gets through to the registry, which believes it before all else"
        }
        (Effect::Ignored, Effect::Ignored, Effect::Ignored | Effect::Untried) => {
            "a hop sends a Forwarded that says http, has no proto or is malformed: the registry then \
             ignores X-Forwarded-Proto and X-Forwarded-Host altogether; remove it \
             (`proxy_set_header Forwarded \"\"`); otherwise a hop overwrites all of these with its \
             own"
        }
        (Effect::Ignored, Effect::Untried, Effect::Ignored | Effect::Untried) => {
            "a hop behind the first removes X-Forwarded-Proto or overwrites it with its own scheme \
             (`proxy_set_header X-Forwarded-Proto $scheme` where plain HTTP arrives), or sends a \
             Forwarded, for which the registry ignores it"
        }
        (Effect::Untried, _, _) => {
            "the hop that ends TLS doesn't say so in X-Forwarded-Proto, or one behind it removes or \
             overwrites that"
        }
    }
}

fn doubled(experiments: Experiments) -> &'static str {
    match experiments.proto {
        Effect::Believed => {
            "two hops add an X-Forwarded-Proto each, unless one came already: the first has to set \
             it, the others to keep it"
        }
        Effect::Joined => {
            "a hop adds its own X-Forwarded-Proto to the one that came, instead of keeping it: \
             `add-header` where `set-header` belongs (HAProxy), or $http_x_forwarded_proto and \
             $scheme in one `proxy_set_header` (nginx)"
        }
        Effect::Ignored | Effect::Untried => {
            "one hop sets X-Forwarded-Proto and another adds its own to it, instead of keeping it \
             (`add-header` where `set-header` belongs, or two variables in one `proxy_set_header`); \
             or one sets both at once, whatever came in it"
        }
    }
}

fn port(experiments: Experiments) -> &'static str {
    match (experiments.host, experiments.forwarded) {
        (Effect::Believed | Effect::Joined, _) => {
            "a hop writes the port into Host: `proxy_set_header Host $host:$server_port` (nginx) where \
             $http_host belongs; an X-Forwarded-Host without a port would be believed, and none is \
             sent"
        }
        (Effect::Ignored, Effect::Believed | Effect::Joined) => {
            "a hop writes the port into X-Forwarded-Host (`$host:$server_port` where $http_host \
             belongs), whatever came in it"
        }
        (Effect::Ignored, Effect::Ignored | Effect::Untried) => {
            "a hop sends an X-Forwarded-Host or a Forwarded with the port in it \
             (`$host:$server_port`, `host=name:443`), or a malformed Forwarded, for which the \
             registry takes Host as it comes"
        }
        (Effect::Untried, _) => {
            "a hop writes the port into Host or X-Forwarded-Host: look for `$host:$server_port`"
        }
    }
}

fn port_lost(experiments: Experiments) -> &'static str {
    match experiments.host {
        Effect::Believed | Effect::Joined => {
            "a hop drops or changes the port in Host: `proxy_set_header Host $host` (nginx) where \
             $http_host belongs"
        }
        Effect::Ignored => {
            "a hop sets X-Forwarded-Host or Forwarded to a name without the typed port: `$host` \
             where $http_host belongs"
        }
        Effect::Untried => {
            "a hop drops the port in Host or X-Forwarded-Host: `$host` where $http_host belongs"
        }
    }
}

fn host(experiments: Experiments) -> &'static str {
    match (experiments.host, experiments.forwarded) {
        (Effect::Believed | Effect::Joined, _) => {
            "a hop sends the upstream's own name as Host: `proxy_set_header Host $http_host` is \
             missing (nginx), `passHostHeader` is off (Traefik), or `header_up Host` changes it \
             (Caddy)"
        }
        (Effect::Ignored, Effect::Believed | Effect::Joined) => {
            "a hop sets X-Forwarded-Host to an inner name, whatever came in it"
        }
        (Effect::Ignored, Effect::Ignored | Effect::Untried) => {
            "the registry is told to call itself so (`http.host` in its configuration), or a hop \
             sets X-Forwarded-Host or Forwarded to an inner name"
        }
        (Effect::Untried, _) => {
            "a hop sends another name as Host or X-Forwarded-Host than the one that clients typed"
        }
    }
}
