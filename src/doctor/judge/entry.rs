//! The name, its addresses, and what answers without TLS.

use super::around::is_registry;
use super::draft::{Draft, how_often, seen, seen_header};
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::seen::{AddressSeen, Entry, Exchange, Trouble, Walk};
use crate::doctor::step::Step;
use crate::edge::origin::Scheme;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(name(walk));
    drafts.extend(addresses(walk));
    if walk.entry == Entry::Public && walk.target.scheme == Scheme::Https {
        drafts.extend(handshake(walk));
        drafts.extend(plain_http(walk));
    }
    drafts
}

fn name(walk: &Walk) -> Option<Draft> {
    let host = &walk.entered().host;
    let outcome = match walk.resolved.as_ref()? {
        Ok(addresses) if addresses.is_empty() => "it has no address".to_owned(),
        Ok(_) => return None,
        Err(trouble) => trouble.to_string(),
    };
    let evidence = Evidence {
        request: format!("resolve {host}"),
        outcome,
        line: None,
    };
    let summary = format!("The name {host} can't be resolved from here.");
    Some(
        Draft::new(Kind::NameUnresolved, Step::Resolve, summary)
            .shown_by([evidence])
            .because("the name is mistyped, or this machine's resolver doesn't know it"),
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
            Ok(_) => "connected".to_owned(),
            Err(trouble) => trouble.to_string(),
        };
        connection(address, outcome)
    };
    let host = &walk.entered().host;
    if alive.is_empty() {
        let summary = format!("No address of {host} takes a connection.");
        let cause = "nothing listens there, or a firewall drops what comes from here";
        return Some(
            Draft::new(Kind::Unreachable, Step::Connect, summary)
                .shown_by(dead.iter().map(evidence))
                .because(cause),
        );
    }
    let dead: Vec<_> = dead.into_iter().filter(|one| !has_no_way(one)).collect();
    if dead.is_empty() {
        return None;
    }
    let summary = format!(
        "{} of {} addresses of {host} take no connection.",
        dead.len(),
        walk.addresses.len()
    );
    Some(
        Draft::new(Kind::AddressUnreachable, Step::Connect, summary)
            .shown_by(dead.iter().map(evidence))
            .because("the name still has the address of a machine that is gone or closed"),
    )
}

/// A machine without IPv6 says nothing about an IPv6 address.
fn has_no_way(address: &AddressSeen) -> bool {
    address.address.is_ipv6() && matches!(address.connected, Err(Trouble::Unreachable(_)))
}

fn connection(address: &AddressSeen, outcome: String) -> Evidence {
    Evidence {
        request: format!("connect to {}", address.address),
        outcome,
        line: None,
    }
}

fn handshake(walk: &Walk) -> Vec<Draft> {
    let troubles: Vec<(&AddressSeen, &Trouble)> = walk
        .addresses
        .iter()
        .filter_map(|address| Some((address, address.tls.as_ref()?.as_ref().err()?)))
        .collect();
    let all = walk.addresses.iter().filter(|one| one.tls.is_some());
    let circumstance = how_often(troubles.len(), all.count());
    let (plain, failed): (Vec<_>, Vec<_>) = troubles
        .into_iter()
        .partition(|(_, trouble)| **trouble == Trouble::NotTls);
    let draft = |kind, of: &[(&AddressSeen, &Trouble)], summary: String, cause: &str| {
        let evidence = of.iter().map(|(address, trouble)| Evidence {
            request: format!("TLS with {}", address.address),
            outcome: trouble.to_string(),
            line: None,
        });
        (!of.is_empty()).then(|| {
            Draft::new(kind, Step::Tls, summary)
                .shown_by(evidence)
                .because(cause)
                .where_(circumstance)
        })
    };
    let target = &walk.target;
    let not_tls = draft(
        Kind::PlainHttpOnTlsPort,
        &plain,
        format!(
            "Port {} of {} speaks plain HTTP, not TLS.",
            target.port, target.host
        ),
        "the listener has no TLS: `ssl` (nginx) or a certificate (`crt`, HAProxy) is missing there, \
         or the port is another one's",
    );
    let no_tls = draft(
        Kind::TlsFailed,
        &failed,
        format!("TLS with {} fails.", target.authority()),
        "no certificate for this name, protocol versions that are too old, or something that isn't \
         TLS at all",
    );
    not_tls.into_iter().chain(no_tls).collect()
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
        let status = exchange.result.as_ref().map_or(0, |answer| answer.status);
        let summary = format!(
            "http is sent to https with {status}, which turns a write into a GET; 308 keeps it."
        );
        return Some(
            Draft::new(Kind::RedirectLosesWrites, exchange.step, summary)
                .shown_by([seen_header(exchange, "location")])
                .because(format!(
                    "the redirect on port 80 says {status}: `return {status}` (nginx), \
                     `redirect scheme https code {status}` (HAProxy)"
                )),
        );
    }
    let answer = get?.answer()?;
    if !is_registry(answer) {
        return None;
    }
    let summary = format!(
        "The registry also answers on http://{}, without a redirect to https.",
        walk.target.host
    );
    Some(
        Draft::new(Kind::PlainHttpServed, Step::PlainHttp, summary)
            .shown_by(get.map(seen))
            .because("port 80 is passed on to the registry like port 443"),
    )
}
