//! The name, its addresses, and what answers without TLS.

use super::draft::{Draft, how_often, quoted, seen, seen_header, tried};
use super::surroundings::is_registry;
use crate::doctor::kind::Kind;
use crate::doctor::language::Language;
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Entry, Exchange, Trouble, Walk};
use crate::doctor::words::Word;
use crate::net::origin::Scheme;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(asked_for_login(walk));
    drafts.extend(name(walk));
    drafts.extend(addresses(walk));
    if walk.entry == Entry::Public && walk.target.scheme == Scheme::Https {
        drafts.extend(handshake(walk));
        drafts.extend(plain_http(walk));
    }
    drafts
}

/// Of the proxy that the walk goes through, where it does.
fn proxy_refused(walk: &Walk, step: Step, wrong: &'static str) -> Draft {
    let proxy = walk.proxy.as_deref().unwrap_or("that stands there");
    Draft::at(Kind::ProxyRefused, step)
        .wrong(wrong)
        .because(wrong)
        .with("proxy", proxy)
        .with("authority", walk.target.authority())
}

/// 407 is a forward proxy's, whether it was asked for or not.
fn asked_for_login(walk: &Walk) -> Option<Draft> {
    let exchange = walk
        .first(Step::Ping)
        .filter(|one| one.status() == Some(407))?;
    let draft = proxy_refused(walk, Step::Ping, "login");
    Some(draft.shown_by([seen_header(exchange, "proxy-authenticate")]))
}

fn name(walk: &Walk) -> Option<Draft> {
    let host = &walk.entered().host;
    let outcome = match walk.resolved.as_ref()? {
        Ok(addresses) if addresses.is_empty() => "it has no address".to_owned(),
        Ok(_) => return None,
        Err(trouble) => trouble.to_string(),
    };
    if let Some(proxy) = &walk.proxy {
        let draft = proxy_refused(walk, Step::Resolve, "absent");
        return Some(draft.shown_by([tried(format!("resolve {proxy}"), outcome)]));
    }
    Some(
        Draft::at(Kind::NameUnresolved, Step::Resolve)
            .with("host", host)
            .shown_by([tried(format!("resolve {host}"), outcome)]),
    )
}

fn addresses(walk: &Walk) -> Option<Draft> {
    let expected = walk.resolved.as_ref()?.as_ref().ok()?.len();
    if walk.addresses.is_empty() || walk.addresses.len() < expected {
        return None;
    }
    let (alive, dead): (Vec<_>, Vec<_>) = walk
        .addresses
        .iter()
        .partition(|address| address.connected.is_ok());
    let evidence = |address: &&AddressSeen| {
        let outcome = match &address.connected {
            Ok(_) => "connected",
            Err(trouble) => &trouble.to_string(),
        };
        tried(format!("connect to {}", address.address), outcome)
    };
    let draft = |kind, dead: &[&AddressSeen]| {
        Draft::at(kind, Step::Connect)
            .with("host", &walk.entered().host)
            .with("dead", dead.len())
            .with("all", walk.addresses.len())
            .shown_by(dead.iter().map(evidence))
    };
    if alive.is_empty() && walk.proxy.is_some() {
        let draft = proxy_refused(walk, Step::Connect, "absent");
        return Some(draft.shown_by(dead.iter().map(evidence)));
    }
    if alive.is_empty() {
        return Some(draft(Kind::Unreachable, &dead));
    }
    let dead: Vec<_> = dead.into_iter().filter(|one| !has_no_way(one)).collect();
    (!dead.is_empty()).then(|| draft(Kind::AddressUnreachable, &dead))
}

/// A machine without IPv6 says nothing about an IPv6 address.
fn has_no_way(address: &AddressSeen) -> bool {
    address.address.is_ipv6() && matches!(address.connected, Err(Trouble::Unreachable(_)))
}

fn handshake(walk: &Walk) -> Vec<Draft> {
    let troubles: Vec<(&AddressSeen, &Trouble)> = walk
        .addresses
        .iter()
        .filter_map(|address| Some((address, address.tls.as_ref()?.as_ref().err()?)))
        .collect();
    let all = walk.addresses.iter().filter(|one| one.tls.is_some());
    let circumstance = how_often(troubles.len(), all.count());
    let target = &walk.target;
    let (refused, troubles): (Vec<_>, Vec<_>) = troubles
        .into_iter()
        .partition(|(_, trouble)| matches!(trouble, Trouble::ProxyRefused(_)));
    let refused = refused.first().map(|(_, trouble)| {
        let is_login =
            matches!(trouble, Trouble::ProxyRefused(status) if status.starts_with("407"));
        let draft = proxy_refused(walk, Step::Tls, if is_login { "login" } else { "refused" });
        draft.shown_by([tried(format!("CONNECT {}", target.authority()), trouble)])
    });
    let (plain, failed): (Vec<_>, Vec<_>) = troubles
        .into_iter()
        .partition(|(_, trouble)| **trouble == Trouble::NotTls);
    let (without, failed): (Vec<_>, Vec<_>) = failed
        .into_iter()
        .partition(|(_, trouble)| matches!(trouble, Trouble::ClientCertificate(_)));
    let issuers = without.iter().find_map(|(_, trouble)| match trouble {
        Trouble::ClientCertificate(issuers) => Some(issuers.clone()),
        _ => None,
    });
    let draft = |kind, of: &[(&AddressSeen, &Trouble)]| {
        let evidence = of.iter().map(|(address, trouble)| {
            let request = format!("TLS with {}", address.address);
            tried(request, trouble)
        });
        (!of.is_empty()).then(|| {
            Draft::at(kind, Step::Tls)
                .with("authority", target.authority())
                .with("host", &target.host)
                .with("port", target.port)
                .shown_by(evidence)
                .where_(circumstance)
        })
    };
    let not_tls = draft(Kind::PlainHttpOnTlsPort, &plain);
    let no_tls = draft(Kind::TlsFailed, &failed);
    let no_certificate = draft(Kind::ClientCertificateRequired, &without)
        .map(|draft| draft.told("of", signed_by(issuers.unwrap_or_default())))
        .map(|draft| draft.with("speaker", ""));
    [refused, not_tls, no_tls, no_certificate]
        .into_iter()
        .flatten()
        .collect()
}

/// `, signed by CN=…`; nothing where nobody is named.
pub(super) fn signed_by(issuers: Vec<String>) -> impl Fn(Language) -> String + 'static {
    move |language| match issuers.is_empty() {
        true => String::new(),
        false => {
            let names = quoted(&issuers.join(Word::Semicolon.told(Language::English)));
            Word::SignedBy.filled(language, &[("names", &names)])
        }
    }
}

fn plain_http(walk: &Walk) -> Option<Draft> {
    let get = walk.first(Step::PlainHttp);
    let write = walk.first(Step::PlainHttpWrite);
    let is_lost = |exchange: &&Exchange| {
        let answer = exchange.answer();
        let to_https = answer.is_some_and(|answer| {
            let location = answer.header("location").unwrap_or_default();
            location.to_ascii_lowercase().starts_with("https://")
        });
        let status = answer.map_or(0, |answer| answer.status);
        to_https && matches!(status, 301..=303)
    };
    if let Some(exchange) = write.or(get).filter(is_lost) {
        return Some(
            Draft::of(Kind::RedirectLosesWrites, exchange)
                .shown_by([seen_header(exchange, "location")]),
        );
    }
    let get = get?;
    let is_served = is_registry(get.answer()?);
    is_served.then(|| {
        Draft::of(Kind::PlainHttpServed, get)
            .with("host", &walk.target.host)
            .shown_by([seen(get)])
    })
}
