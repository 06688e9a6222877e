//! Certificates, as a client that comes from outside sees them.

use super::draft::{Draft, how_often, quoted};
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::seen::{AddressSeen, CertificateSeen, Distrust, Entry, TlsSeen, Walk};
use crate::doctor::step::Step;
use crate::edge::origin::Scheme;

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
        Kind::CertificateExpiresSoon,
    ];
    for kind in kinds {
        let of: Vec<_> = seen
            .iter()
            .filter(|(_, tls)| wrong(tls, now) == Some(kind))
            .collect();
        let Some((_, first)) = of.first() else {
            continue;
        };
        let circumstance = how_often(of.len(), seen.len());
        let draft = Draft::new(kind, Step::Tls, summary(kind, walk, first, now))
            .shown_by(of.iter().map(|(address, tls)| evidence(kind, address, tls)))
            .because(cause(kind))
            .where_(circumstance);
        drafts.push(draft);
    }
    drafts
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

fn summary(kind: Kind, walk: &Walk, tls: &TlsSeen, now: i64) -> String {
    let name = &walk.target.host;
    let own = tls.chain.first();
    let ago = |since: i64| days((now - since).max(0));
    let whole = |text: Option<String>| text.unwrap_or_default();
    match kind {
        Kind::CertificateExpired => {
            let ended = earliest_end(tls).unwrap_or_default();
            format!("The certificate of {name} expired {} ago.", ago(ended))
        }
        Kind::CertificateNotYetValid => format!(
            "The certificate of {name} will be valid in {}.",
            days(own.map_or(0, |own| own.not_before - now).max(0))
        ),
        Kind::CertificateWrongName => format!(
            "The certificate is for {}, not for {name}.",
            quoted(&whole(own.map(names)))
        ),
        Kind::CertificateChainIncomplete => format!(
            "The server of {name} sends its own certificate only, not its issuer's ({}).",
            quoted(&whole(own.map(|own| own.issuer.clone())))
        ),
        Kind::CertificateExpiresSoon => format!(
            "The certificate of {name} expires in {}.",
            days(earliest_end(tls).map_or(0, |end| end - now).max(0))
        ),
        _ => match &tls.distrust {
            Some(Distrust::Other(why)) => {
                format!("The certificate of {name} isn't trusted: {}.", quoted(why))
            }
            _ => format!(
                "The certificate of {name} is signed by nobody this machine knows ({}).",
                quoted(&whole(tls.chain.last().map(|last| last.issuer.clone())))
            ),
        },
    }
}

fn cause(kind: Kind) -> &'static str {
    match kind {
        Kind::CertificateExpired => {
            "it wasn't renewed, or it was and the server still holds the old one: reload it"
        }
        Kind::CertificateNotYetValid => "the server's or this machine's clock is wrong",
        Kind::CertificateWrongName => {
            "this name has no certificate of its own there, and gets the default one"
        }
        Kind::CertificateChainIncomplete => {
            "the server is configured with the certificate alone instead of the whole chain \
             (`fullchain.pem`); or its authority is a private one that this machine doesn't know"
        }
        Kind::CertificateExpiresSoon => "its renewal is late, or isn't automatic",
        _ => {
            "it is signed by itself or by a private authority, which every client has to be given \
             (/etc/docker/certs.d) and `--ca` gives to the doctor; or by one between, whose own \
             certificate the server doesn't send"
        }
    }
}

fn evidence(kind: Kind, address: &AddressSeen, tls: &TlsSeen) -> Evidence {
    let own = tls.chain.first();
    let line = own.map(|own| match kind {
        Kind::CertificateWrongName => format!("names: {}", names(own)),
        Kind::CertificateUntrusted | Kind::CertificateChainIncomplete => {
            format!("subject: {}; issuer: {}", own.subject, own.issuer)
        }
        _ => format!("subject: {}", own.subject),
    });
    Evidence {
        request: format!("TLS with {}", address.address),
        outcome: match &tls.distrust {
            None => format!("{}, trusted", tls.version),
            Some(Distrust::Expired) => "expired".to_owned(),
            Some(Distrust::NotYetValid) => "not yet valid".to_owned(),
            Some(Distrust::WrongName) => "another name's certificate".to_owned(),
            Some(Distrust::UnknownIssuer) => "an unknown issuer".to_owned(),
            Some(Distrust::Other(why)) => why.clone(),
        },
        line,
    }
}

fn names(certificate: &CertificateSeen) -> String {
    if certificate.names.is_empty() {
        certificate.subject.clone()
    } else {
        certificate.names.join(", ")
    }
}

fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => format!("{} h", seconds / 3600),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
