//! Certificates, as a client that comes from outside sees them.

use super::draft::{Draft, how_often, tried};
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::language::Language;
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, CertificateSeen, Distrust, Entry, TlsSeen, Walk};
use crate::doctor::words::Word;
use crate::net::origin::Scheme;

/// A certificate that is valid for less than this is to be looked after.
const SOON: i64 = 14 * DAY;

const DAY: i64 = 24 * 60 * 60;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    if walk.entry != Entry::Public || walk.target.scheme != Scheme::Https {
        return Vec::new();
    }
    let seen: Vec<(&AddressSeen, &TlsSeen)> = walk
        .addresses
        .iter()
        .filter_map(|address| Some((address, address.tls.as_ref()?.as_ref().ok()?)))
        .collect();
    let now = i64::try_from(walk.began).unwrap_or(i64::MAX);
    let mut drafts = Vec::new();
    let kinds = [
        Kind::CertificateExpired,
        Kind::CertificateNotYetValid,
        Kind::CertificateWrongName,
        Kind::CertificateUntrusted,
        Kind::CertificateChainIncomplete,
        Kind::CertificateTrustedByDocker,
        Kind::CertificateExpiresSoon,
    ];
    for kind in kinds {
        let of: Vec<_> = seen
            .iter()
            .filter(|(_, tls)| shows(kind, tls, now))
            .collect();
        let Some((_, first)) = of.first() else {
            continue;
        };
        let draft = described(Draft::at(kind, Step::Tls), walk, first, now)
            .shown_by(of.iter().map(|(address, tls)| evidence(kind, address, tls)))
            .where_(how_often(of.len(), seen.len()));
        drafts.push(draft);
    }
    drafts
}

/// Who vouches for it is one thing, and how long it is valid another.
fn shows(kind: Kind, tls: &TlsSeen, now: i64) -> bool {
    match kind {
        Kind::CertificateTrustedByDocker => tls.kept_by_docker,
        _ => wrong(tls, now) == Some(kind),
    }
}

fn wrong(tls: &TlsSeen, now: i64) -> Option<Kind> {
    match &tls.distrust {
        Some(Distrust::Expired) => Some(Kind::CertificateExpired),
        Some(Distrust::NotYetValid) => Some(Kind::CertificateNotYetValid),
        Some(Distrust::WrongName) => Some(Kind::CertificateWrongName),
        Some(Distrust::UnknownIssuer) => match tls.chain.as_slice() {
            // Its issuer is somebody else, who should have come along: one between, as public
            // authorities have them. A private authority mostly signs by itself.
            [own] if own.issuer != own.subject && own.issuer_at.is_some() => {
                Some(Kind::CertificateChainIncomplete)
            }
            _ => Some(Kind::CertificateUntrusted),
        },
        Some(Distrust::Other(_)) => Some(Kind::CertificateUntrusted),
        None => {
            let left = earliest_end(tls)? - now;
            (left < SOON).then_some(Kind::CertificateExpiresSoon)
        }
    }
}

fn earliest_end(tls: &TlsSeen) -> Option<i64> {
    tls.chain.iter().map(|one| one.not_after).min()
}

/// With what the sentences about certificates say: how long ago or hence, for whom, by whom.
fn described(draft: Draft, walk: &Walk, tls: &TlsSeen, now: i64) -> Draft {
    let (own, last) = (tls.chain.first(), tls.chain.last());
    let end = earliest_end(tls);
    let time = match draft.kind {
        Kind::CertificateExpired => now - end.unwrap_or_default(),
        Kind::CertificateNotYetValid => own.map_or(0, |own| own.not_before - now),
        _ => end.map_or(0, |end| end - now),
    };
    let draft = draft
        .with("host", &walk.target.host)
        .told("time", move |language| days(time.max(0), language))
        .quoting("names", &own.map(names).unwrap_or_default())
        .quoting("issuer", last.map_or("", |last| &last.issuer));
    match &tls.distrust {
        Some(Distrust::Other(why)) => draft.wrong("refused").quoting("why", why),
        _ => draft.wrong("unknown"),
    }
}

fn evidence(kind: Kind, address: &AddressSeen, tls: &TlsSeen) -> Evidence {
    let own = tls.chain.first();
    let line = own.map(|own| match kind {
        Kind::CertificateWrongName => format!("names: {}", names(own)),
        Kind::CertificateUntrusted
        | Kind::CertificateTrustedByDocker
        | Kind::CertificateChainIncomplete => {
            format!("subject: {}; issuer: {}", own.subject, own.issuer)
        }
        _ => format!("subject: {}", own.subject),
    });
    let outcome = match &tls.distrust {
        None if tls.kept_by_docker => &format!("{}, trusted by docker and podman", tls.version),
        None => &format!("{}, trusted", tls.version),
        Some(Distrust::Expired) => "expired",
        Some(Distrust::NotYetValid) => "not yet valid",
        Some(Distrust::WrongName) => "another name's certificate",
        Some(Distrust::UnknownIssuer) => "an unknown issuer",
        Some(Distrust::Other(why)) => why,
    };
    Evidence {
        line,
        ..tried(format!("TLS with {}", address.address), outcome)
    }
}

fn names(certificate: &CertificateSeen) -> String {
    if certificate.names.is_empty() {
        certificate.subject.clone()
    } else {
        certificate.names.join(", ")
    }
}

fn days(seconds: i64, language: Language) -> String {
    match seconds / DAY {
        0 => Word::Hours.filled(language, &[("count", &(seconds / 3600))]),
        1 => Word::OneDay.told(language).to_owned(),
        days => Word::Days.filled(language, &[("count", &days)]),
    }
}
