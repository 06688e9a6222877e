//! The realm: where clients are told to ask for tokens.

use super::draft::{Draft, seen, seen_header};
use crate::doctor::clients::{Detail, PlainHttp, Reach, Surroundings};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Entry, Exchange, ResponseSeen, Skip, Skipped, Trouble, Walk};
use crate::net::origin::{Host, Origin, Scheme};
use std::net::{IpAddr, SocketAddr};

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let Some((ping, realm)) = told(walk) else {
        return Vec::new();
    };
    let unstable = unstable(walk, ping);
    // Of two realms one may be the target's own.
    let foreign = foreign(walk, ping, &realm).filter(|_| unstable.is_none());
    let parts = [
        scheme(walk, ping, &realm),
        host(walk, ping, &realm),
        foreign,
        unstable,
    ];
    parts.into_iter().flatten().collect()
}

/// The password was kept back.
fn foreign(walk: &Walk, ping: &Exchange, realm: &str) -> Option<Draft> {
    let is_kept_back = |skipped: &Skipped| skipped.why == Skip::ForeignRealm;
    if !walk.skipped.iter().any(is_kept_back) {
        return None;
    }
    Some(
        Draft::of(Kind::RealmForeign, ping)
            .quoting("realm", realm)
            .with("authority", walk.target.authority())
            .shown_by([seen_header(ping, "www-authenticate")]),
    )
}

/// The first answer to `/v2/` that has a Bearer challenge, and its realm.
fn told(walk: &Walk) -> Option<(&Exchange, String)> {
    let ping = walk.first(Step::Ping)?;
    let realm = bearer(ping.answer()?)?.0;
    Some((ping, realm))
}

/// Realm and service.
fn bearer(answer: &ResponseSeen) -> Option<(String, String)> {
    let challenge = answer.challenges().find(|one| one.is_bearer())?;
    let value = |name| {
        let param = challenge.param(name);
        param.map(|param| param.value.to_string())
    };
    Some((value("realm")?, value("service").unwrap_or_default()))
}

/// The realm's scheme, authority and origin, the last where it can be read.
fn parts(realm: &str) -> Option<(&str, &str, Option<Origin>)> {
    let (scheme, rest) = realm.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let origin = Origin::parse(&format!("{scheme}://{authority}")).ok();
    Some((scheme, authority, origin))
}

fn scheme(walk: &Walk, ping: &Exchange, realm: &str) -> Option<Draft> {
    let (scheme, authority, origin) = parts(realm)?;
    if walk.target.scheme != Scheme::Https || scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    let is_several = scheme.contains([',', ' ']);
    let draft = Draft::of(Kind::RealmScheme, ping)
        .because(if is_several { "several" } else { "one" })
        .quoting("realm", &format!("{scheme}://{authority}"))
        .with("typed", &walk.target)
        .shown_by([seen_header(ping, "www-authenticate")]);
    // Port 80 was looked at under the target's name only; elsewhere it isn't known.
    let is_plain_80 = origin
        .is_some_and(|origin| origin.port == 80 && origin.host == walk.target.host && !is_several);
    let around = super::surroundings::surroundings(walk);
    let plain_http = if is_plain_80 {
        around.plain_http
    } else {
        PlainHttp::Other
    };
    Some(draft.among(Surroundings {
        plain_http,
        ..around
    }))
}

fn host(walk: &Walk, ping: &Exchange, realm: &str) -> Option<Draft> {
    let token = walk.first(Step::TokenGet).or(walk.first(Step::TokenPost));
    let (wrong, reach) = match parts(realm) {
        None => ("no_url", Reach::Unresolved),
        Some((_, _, None)) => ("no_host", Reach::Unresolved),
        Some((_, _, Some(origin))) => {
            let reach = reach(walk, &origin, token)?;
            let wrong = match reach {
                Reach::Unresolved => "unresolved",
                Reach::PrivateAddress | Reach::PrivateName => "private",
                Reach::OwnMachine => "own_machine",
                Reach::Unreachable => "unreachable",
                // Where nothing speaks against it.
                Reach::Public | Reach::Respelled => return None,
            };
            (wrong, reach)
        }
    };
    let evidence = token.filter(|_| reach == Reach::Unreachable).map(seen);
    Some(
        Draft::of(Kind::RealmHost, ping)
            .wrong(wrong)
            .because(if is_of_host(walk) {
                "of_host"
            } else {
                "configured"
            })
            .quoting("realm", realm)
            .shown_by([seen_header(ping, "www-authenticate")])
            .shown_by(evidence)
            .where_(Detail::OtherHost(reach)),
    )
}

/// Whether the realm looks like an upstream's address: clients' scheme, which Harbor has from its
/// configuration, and a port that is not theirs.
pub(in crate::doctor) fn is_of_host(walk: &Walk) -> bool {
    let realm = told(walk).map(|(_, realm)| realm);
    let origin = realm
        .as_deref()
        .and_then(parts)
        .and_then(|(_, _, origin)| origin);
    let target = &walk.target;
    origin.is_some_and(|origin| {
        let is_the_schemes = origin.port == origin.scheme.default_port();
        origin.host != target.host
            && origin.scheme == target.scheme
            && origin.port != target.port
            && !is_the_schemes
    })
}

/// None where nothing speaks against it: many registries have their token service elsewhere.
fn reach(walk: &Walk, realm: &Origin, token: Option<&Exchange>) -> Option<Reach> {
    let target = &walk.target;
    let went_elsewhere = || {
        let token = token.filter(|_| is_asked(walk, realm))?;
        (!answered(token, realm)).then_some(Reach::Unreachable)
    };
    if realm.host == target.host {
        return if realm == target || !is_asked(walk, realm) {
            None
        } else {
            went_elsewhere()
        };
    }
    match walk.realm.as_ref()? {
        Err(Trouble::Unresolved(_)) => Some(Reach::Unresolved),
        Err(_) => Some(Reach::Unreachable),
        Ok(addresses) => {
            let is_inside = addresses.iter().all(|one| is_private(one.ip()));
            let is_literal = realm.host.bare().parse::<IpAddr>().is_ok();
            let is_foreign = is_inside && !target_is_private(walk);
            if is_foreign && addresses.iter().all(|one| is_own_machine(one.ip())) {
                return Some(Reach::OwnMachine);
            }
            match (is_foreign, is_literal) {
                (true, true) => Some(Reach::PrivateAddress),
                (true, false) => Some(Reach::PrivateName),
                (false, _) => went_elsewhere(),
            }
        }
    }
}

/// Whether the realm would have been asked if it could be: an http one isn't, nor any where the
/// target's own certificate isn't trusted. Those are findings of their own.
fn is_asked(walk: &Walk, realm: &Origin) -> bool {
    let handshake = walk.address().and_then(|address| address.tls.as_ref());
    let is_trusted = match handshake {
        Some(Ok(tls)) => tls.distrust.is_none(),
        Some(Err(_)) => false,
        None => true,
    };
    let is_as_safe = realm.scheme == walk.target.scheme || realm.scheme == Scheme::Https;
    is_as_safe && is_trusted
}

/// Whether the realm itself answered: where it can't be reached, the token is asked for at the
/// target.
fn answered(token: &Exchange, realm: &Origin) -> bool {
    let went_there = match parts(&token.request.url) {
        Some((_, _, Some(origin))) => origin == *realm,
        _ => false,
    };
    let is_cut_off = matches!(
        token.result,
        Err(Trouble::Unresolved(_)
            | Trouble::Refused
            | Trouble::Unreachable(_)
            | Trouble::ProxyRefused(_)
            | Trouble::TimedOut(_))
    );
    went_there && !is_cut_off
}

fn target_is_private(walk: &Walk) -> bool {
    let public: Option<IpAddr> = walk.target.host.bare().parse().ok();
    let all: Vec<IpAddr> = match (&walk.entry, public) {
        (_, Some(address)) => vec![address],
        (Entry::Public, None) => walk.addresses.iter().map(|one| one.address.ip()).collect(),
        // A walk at an inner hop doesn't know where the target is: nothing is concluded.
        (Entry::Via(_), None) => return true,
    };
    all.into_iter().all(is_private)
}

/// An address that isn't routed in public: RFC 1918, 3927, 4193, 4291 and 6598.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || (first == 100 && second & 0xC0 == 64)
        }
        IpAddr::V6(v6) => {
            let [first, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || first & 0xFE00 == 0xFC00
                || first & 0xFFC0 == 0xFE80
        }
    }
}

/// Loopback and link-local addresses: no other machine's, wherever one asks from.
fn is_own_machine(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_unspecified(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Where the realm is, if that is the host in question.
pub(super) fn resolved<'w>(
    walk: &'w Walk,
    host: &Host,
) -> Option<&'w Result<Vec<SocketAddr>, Trouble>> {
    let (_, realm) = told(walk)?;
    let (_, _, origin) = parts(&realm)?;
    let is_it = origin.is_some_and(|origin| origin.host == *host);
    walk.realm.as_ref().filter(|_| is_it)
}

/// The same question to the same name, each time on a connection of its own: replicas may differ, and a
/// balancer gives each request to another.
const OF_THE_REGISTRY: [Step; 6] = [
    Step::PingBare,
    Step::Ping,
    Step::PingAgain,
    Step::UserAgent,
    Step::AtOnce,
    Step::Http2,
];

fn unstable(walk: &Walk, ping: &Exchange) -> Option<Draft> {
    let first = bearer(ping.answer()?)?;
    let is_of_the_registry = |one: &&Exchange| OF_THE_REGISTRY.contains(&one.step);
    let mut asked = walk.exchanges.iter().filter(is_of_the_registry);
    let other = asked.find(|again| {
        let challenge = again.answer().and_then(bearer);
        challenge.is_some_and(|challenge| challenge != first)
    })?;
    let second = bearer(other.answer()?)?;
    let (wrong, first, second) = if first.0 == second.0 {
        ("services", first.1, second.1)
    } else {
        ("realms", first.0, second.0)
    };
    Some(
        Draft::of(Kind::RealmUnstable, other)
            .wrong(wrong)
            .with("host", &walk.target.host)
            .quoting("first", &first)
            .quoting("second", &second)
            .shown_by([ping, other].map(|one| seen_header(one, "www-authenticate"))),
    )
}
