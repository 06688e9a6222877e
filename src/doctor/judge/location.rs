//! Locations under the microscope: everything that is wrong with one, as raw text, as the
//! strictest client compares it with what was typed.
//!
//! What this file deliberately doesn't know: who made it so (see `experiments`).

use super::realm::{is_private, resolved};
use crate::doctor::clients::{Detail, Reach, Unusable};
use crate::doctor::kind::Kind;
use crate::doctor::trace::Walk;
use crate::net::origin::{Authority, Host, Origin, Scheme};
use std::net::IpAddr;

/// Something that is wrong with a Location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LocationFlaw {
    pub(super) kind: Kind,
    pub(super) circumstance: Detail,
    /// Which of the kind's sentences says it; empty where it has but one.
    pub(super) wrong: &'static str,
    /// The part of the Location that is wrong.
    pub(super) shown: String,
}

impl LocationFlaw {
    fn new(kind: Kind, wrong: &'static str, shown: &str) -> LocationFlaw {
        LocationFlaw {
            kind,
            circumstance: Detail::Usual,
            wrong,
            shown: shown.to_owned(),
        }
    }

    fn unusable(what: Unusable, wrong: &'static str, shown: &str) -> LocationFlaw {
        LocationFlaw {
            circumstance: Detail::Unusable(what),
            ..LocationFlaw::new(Kind::LocationUnusable, wrong, shown)
        }
    }
}

/// What a Location consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UrlParts<'v> {
    pub(super) scheme: &'v str,
    pub(super) authority: &'v str,
    pub(super) path: &'v str,
}

/// Reads `scheme://authority/path`, as leniently as broken ones demand.
pub(super) fn url(location: &str) -> Option<UrlParts<'_>> {
    let before_query = location.split(['?', '#']).next().unwrap_or_default();
    let at = before_query.find("://")?;
    let rest = &location[at + 3..];
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    Some(UrlParts {
        scheme: &location[..at],
        authority,
        path: path.split(['?', '#']).next().unwrap_or_default(),
    })
}

/// Everything that is wrong with the Location of an opened upload.
pub(super) fn flaws(walk: &Walk, location: Option<&str>) -> Vec<LocationFlaw> {
    let Some(location) = location.filter(|location| !location.is_empty()) else {
        return vec![LocationFlaw::unusable(Unusable::Missing, "missing", "")];
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

/// A path with no slash at its beginning, or an authority with no scheme before it.
fn without_scheme(walk: &Walk, location: &str) -> LocationFlaw {
    let path = location.split(['?', '#']).next().unwrap_or_default();
    let names_target = |text: &str| text.starts_with(&format!("{}/v2/", walk.typed));
    let (what, wrong) = if let Some(behind) = location.strip_prefix("//") {
        if names_target(behind) {
            (Unusable::SchemeRelative, "slashes")
        } else {
            (Unusable::Unreadable, "slashes")
        }
    } else if names_target(location) {
        (Unusable::WithoutScheme, "no_scheme")
    } else if path.contains('/') {
        (Unusable::Adrift, "no_slash")
    } else {
        (Unusable::Relative, "no_slash")
    };
    LocationFlaw::unusable(what, wrong, "")
}

fn scheme(target: &Origin, url: UrlParts<'_>) -> Option<LocationFlaw> {
    let is = |scheme: &str| url.scheme.eq_ignore_ascii_case(scheme);
    if is(target.scheme.as_str()) {
        return None;
    }
    let kind = if is("http") || is("https") {
        Kind::LocationScheme
    } else {
        Kind::LocationSchemeDoubled
    };
    Some(LocationFlaw::new(kind, "", url.scheme))
}

fn authority(walk: &Walk, url: UrlParts<'_>) -> Option<LocationFlaw> {
    let (target, shown) = (&walk.target, url.authority);
    if shown == walk.typed {
        return None;
    }
    let Ok(authority) = Authority::parse(shown) else {
        return Some(LocationFlaw::unusable(
            Unusable::Unreadable,
            "no_host",
            shown,
        ));
    };
    let other_host = |reach: Option<Reach>, wrong| LocationFlaw {
        circumstance: reach.map_or(Detail::Usual, Detail::OtherHost),
        ..LocationFlaw::new(Kind::LocationHost, wrong, shown)
    };
    if authority.host != target.host {
        return Some(other_host(reach(walk, &authority.host), "another"));
    }
    let typed_port = walk.typed_port();
    Some(match (authority.port, typed_port) {
        (port, typed_port) if port == typed_port => other_host(Some(Reach::Respelled), "respelled"),
        (Some(port), None) if is_default(port, target, url) => {
            LocationFlaw::new(Kind::LocationPort, "", shown)
        }
        (None, Some(port)) if port == target.scheme.default_port() => LocationFlaw {
            circumstance: Detail::OtherHost(Reach::Respelled),
            ..LocationFlaw::new(Kind::LocationPortLost, "lost", shown)
        },
        (None, Some(_)) => LocationFlaw::new(Kind::LocationPortLost, "lost", shown),
        (_, _) => LocationFlaw::new(Kind::LocationPortLost, "another", shown),
    })
}

/// The default port of what was typed, or of the scheme that the hop believes in.
fn is_default(port: u16, target: &Origin, url: UrlParts<'_>) -> bool {
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
        let is_private = is_private(address);
        return Some(if is_private {
            Reach::PrivateAddress
        } else {
            Reach::Public
        });
    }
    // The realm may be there, too: then that is known already.
    match resolved(walk, host) {
        Some(Err(_)) => Some(Reach::Unresolved),
        Some(Ok(addresses)) if addresses.iter().all(|one| is_private(one.ip())) => {
            Some(Reach::PrivateName)
        }
        Some(Ok(_)) => Some(Reach::Public),
        None => {
            let is_inside = !bare.contains('.') || INSIDE.iter().any(|end| bare.ends_with(end));
            is_inside.then_some(Reach::Unresolved)
        }
    }
}

fn prefix(path: &str) -> Option<LocationFlaw> {
    let at = path.find("/v2/").filter(|at| *at > 0)?;
    Some(LocationFlaw::new(Kind::LocationPrefix, "", &path[..at]))
}
