//! Locations under the microscope: everything that is wrong with one, as raw text, as the
//! strictest client compares it with what was typed.
//!
//! What this file deliberately doesn't know: who made it so (see `experiments`).

use super::draft::quoted;
use super::realm::{is_private, resolved};
use crate::doctor::clients::{Circumstance, Reach, Unusable};
use crate::doctor::kind::Kind;
use crate::doctor::seen::Walk;
use crate::edge::origin::{Authority, Host, Origin, Scheme};
use std::net::IpAddr;

/// Something that is wrong with a Location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub(super) kind: Kind,
    pub(super) circumstance: Circumstance,
    /// What it says, and what would be right.
    pub(super) summary: String,
}

/// What a Location consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Url<'v> {
    pub(super) scheme: &'v str,
    pub(super) authority: &'v str,
    pub(super) path: &'v str,
}

/// Reads `scheme://authority/path`, as leniently as broken ones demand.
pub(super) fn url(location: &str) -> Option<Url<'_>> {
    let before_query = location.split(['?', '#']).next().unwrap_or_default();
    let at = before_query.find("://")?;
    let rest = &location[at + 3..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some(Url {
        scheme: &location[..at],
        authority,
        path: path.split(['?', '#']).next().unwrap_or_default(),
    })
}

/// Everything that is wrong with the Location of an opened upload.
pub(super) fn flaws(walk: &Walk, location: Option<&str>) -> Vec<Flaw> {
    let Some(location) = location.filter(|location| !location.is_empty()) else {
        let summary = "The answer that opens an upload has no Location.".to_owned();
        return vec![unusable(Unusable::Missing, summary)];
    };
    if location.starts_with('/') && !location.starts_with("//") {
        let path = location.split(['?', '#']).next().unwrap_or_default();
        return prefix(path).into_iter().collect();
    }
    let Some(url) = url(location) else {
        return vec![without_scheme(walk, location)];
    };
    let mut flaws = Vec::new();
    flaws.extend(scheme(&walk.target, url));
    flaws.extend(authority(walk, url));
    flaws.extend(prefix(url.path));
    flaws
}

fn unusable(what: Unusable, summary: String) -> Flaw {
    Flaw {
        kind: Kind::LocationUnusable,
        circumstance: Circumstance::Unusable(what),
        summary,
    }
}

/// A path with no slash at its beginning, or an authority with no scheme before it.
fn without_scheme(walk: &Walk, location: &str) -> Flaw {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let names_target = |text: &str| text.starts_with(&format!("{}/v2/", walk.target.authority()));
    if let Some(behind) = location.strip_prefix("//") {
        let what = if names_target(behind) {
            Unusable::SchemeRelative
        } else {
            Unusable::Unreadable
        };
        return unusable(what, "Location begins with two slashes.".to_owned());
    }
    if names_target(location) {
        let summary = "Location has a host and no scheme.".to_owned();
        return unusable(Unusable::WithoutScheme, summary);
    }
    let what = if path.contains('/') {
        Unusable::Adrift
    } else {
        Unusable::Relative
    };
    unusable(
        what,
        "Location is a path that doesn't begin with a slash.".to_owned(),
    )
}

fn scheme(target: &Origin, url: Url<'_>) -> Option<Flaw> {
    let typed = target.scheme;
    if url.scheme.eq_ignore_ascii_case(typed.as_str()) {
        return None;
    }
    let is_one =
        url.scheme.eq_ignore_ascii_case("http") || url.scheme.eq_ignore_ascii_case("https");
    let kind = if is_one {
        Kind::LocationScheme
    } else {
        Kind::LocationSchemeDoubled
    };
    let summary = if is_one {
        format!(
            "Location begins with {}:// where clients typed {typed}.",
            quoted(url.scheme)
        )
    } else {
        format!(
            "Location begins with \"{}://\", which is no scheme; clients typed {typed}.",
            quoted(url.scheme)
        )
    };
    Some(Flaw {
        kind,
        circumstance: Circumstance::Usual,
        summary,
    })
}

fn authority(walk: &Walk, url: Url<'_>) -> Option<Flaw> {
    let target = &walk.target;
    let typed = target.authority();
    if url.authority == typed {
        return None;
    }
    let Ok(authority) = Authority::parse(url.authority) else {
        let summary = format!(
            "Location names \"{}\", which is no host.",
            quoted(url.authority)
        );
        return Some(unusable(Unusable::Unreadable, summary));
    };
    let flaw = |kind, circumstance, summary| Flaw {
        kind,
        circumstance,
        summary,
    };
    if authority.host != target.host {
        let reach = reach(walk, &authority.host);
        let circumstance = reach.map_or(Circumstance::Usual, Circumstance::OtherHost);
        let summary = format!(
            "Location names {} where clients typed {typed}.",
            quoted(url.authority)
        );
        return Some(flaw(Kind::LocationHost, circumstance, summary));
    }
    let typed_port = (target.port != target.scheme.default_port()).then_some(target.port);
    match (authority.port, typed_port) {
        (port, typed_port) if port == typed_port => Some(flaw(
            Kind::LocationHost,
            Circumstance::OtherHost(Reach::Respelled),
            format!("Location spells {typed} as {}.", quoted(url.authority)),
        )),
        (Some(port), None) if is_default(port, target, url) => Some(flaw(
            Kind::LocationPort,
            Circumstance::Usual,
            format!(
                "Location names {} where clients typed {typed}: the default port is written out.",
                quoted(url.authority)
            ),
        )),
        (None, Some(port)) => Some(flaw(
            Kind::LocationPortLost,
            Circumstance::Usual,
            format!(
                "Location names {}, without the port {port} that clients typed.",
                quoted(url.authority)
            ),
        )),
        (_, _) => Some(flaw(
            Kind::LocationPortLost,
            Circumstance::Usual,
            format!(
                "Location names {} where clients typed {typed}.",
                quoted(url.authority)
            ),
        )),
    }
}

/// The default port of what was typed, or of the scheme that the hop believes in.
fn is_default(port: u16, target: &Origin, url: Url<'_>) -> bool {
    port == target.scheme.default_port()
        || (port == Scheme::Http.default_port() && url.scheme.eq_ignore_ascii_case("http"))
}

/// Names that only mean something inside.
const INSIDE: [&str; 9] = [
    ".internal",
    ".local",
    ".localdomain",
    ".lan",
    ".intern",
    ".corp",
    ".home",
    ".svc",
    ".invalid",
];

/// Where the other host is, as far as that can be told without asking for it.
fn reach(walk: &Walk, host: &Host) -> Option<Reach> {
    let bare = host.bare();
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(if is_private(address) {
            Reach::PrivateAddress
        } else {
            Reach::Public
        });
    }
    let is_same_realm = resolved(walk, host);
    match is_same_realm {
        Some(Err(_)) => return Some(Reach::Unresolved),
        Some(Ok(addresses)) => {
            return Some(if addresses.iter().all(|one| is_private(one.ip())) {
                Reach::PrivateName
            } else {
                Reach::Public
            });
        }
        None => {}
    }
    let is_inside = !bare.contains('.') || INSIDE.iter().any(|end| bare.ends_with(end));
    is_inside.then_some(Reach::Unresolved)
}

fn prefix(path: &str) -> Option<Flaw> {
    let at = path.find("/v2/").filter(|at| *at > 0)?;
    Some(Flaw {
        kind: Kind::LocationPrefix,
        circumstance: Circumstance::Usual,
        summary: format!(
            "Location's path begins with {} before /v2/.",
            quoted(&path[..at])
        ),
    })
}
