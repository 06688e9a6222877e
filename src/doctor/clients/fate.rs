//! How a push by one client ends, with one thing being wrong: every kind has its line here.

use super::circumstance::{Circumstance, Header, LostOn, Reach, Unusable};
use super::words::{UNKNOWN_NAME, refused};
use super::{Client, Surroundings, entry, location, transfer};
use crate::doctor::finding::Outcome;
use crate::doctor::kind::Kind;

/// How a push ends, and what is read of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) outcome: Outcome,
    pub(super) how: String,
}

pub(super) fn works(how: impl Into<String>) -> Fate {
    let (outcome, how) = (Outcome::Works, how.into());
    Fate { outcome, how }
}

pub(super) fn leaks(how: impl Into<String>) -> Fate {
    let (outcome, how) = (Outcome::Leaks, how.into());
    Fate { outcome, how }
}

pub(super) fn sometimes(how: impl Into<String>) -> Fate {
    let (outcome, how) = (Outcome::Sometimes, how.into());
    Fate { outcome, how }
}

pub(super) fn breaks(how: impl Into<String>) -> Fate {
    let (outcome, how) = (Outcome::Breaks, how.into());
    Fate { outcome, how }
}

pub(super) fn fate(
    client: Client,
    kind: Kind,
    circumstance: Circumstance,
    around: Surroundings,
) -> Fate {
    let whole = match kind {
        Kind::LocationScheme => location::http(client, around),
        Kind::LocationSchemeDoubled => location::unusable(client, Unusable::Unreadable),
        Kind::LocationPort => location::default_port(client, around),
        Kind::LocationPortLost => location::other_port(client),
        Kind::LocationHost => location::other_host(client, reach(circumstance), around),
        Kind::LocationUnusable => match circumstance {
            Circumstance::Unusable(unusable) => location::unusable(client, unusable),
            _ => location::unusable(client, Unusable::Missing),
        },
        Kind::LocationPrefix => location::prefix(client, around),
        Kind::RealmScheme => entry::http_realm(client, around),
        Kind::RealmHost => {
            entry::other_realm(client, reach(circumstance).unwrap_or(Reach::Unresolved))
        }
        Kind::RealmForeign => works("it sends its password there, without a word"),
        Kind::RealmUnstable => entry::unstable(client),
        Kind::AuthorizationLost => match circumstance {
            Circumstance::Lost(on) => transfer::lost(client, on),
            _ => transfer::lost(client, LostOn::Both),
        },
        Kind::HeaderLost => match circumstance {
            Circumstance::Header(header) => transfer::without(client, header),
            _ => transfer::without(client, Header::Digest),
        },
        Kind::BodyLimit => transfer::limited(client, circumstance),
        Kind::ChunkedRefused => transfer::chunked(client),
        Kind::TokenPostRefused => entry::post_refused(client),
        Kind::RegistryRedirected => breaks(entry::redirected(client)),
        Kind::ChallengeMissing => breaks(entry::no_challenge(client)),
        Kind::HtmlErrors => works(entry::hidden(client)),
        Kind::NameUnresolved => breaks(UNKNOWN_NAME),
        Kind::Unreachable => breaks(entry::UNREACHABLE),
        Kind::AddressUnreachable => sometimes(entry::DEAD_ADDRESS),
        Kind::TlsFailed => breaks(entry::NO_HANDSHAKE),
        Kind::PlainHttpOnTlsPort => breaks(entry::NOT_TLS),
        Kind::CertificateExpired | Kind::CertificateNotYetValid => breaks(entry::EXPIRED),
        Kind::CertificateWrongName => breaks(entry::WRONG_NAME),
        Kind::CertificateUntrusted | Kind::CertificateChainIncomplete => breaks(entry::UNTRUSTED),
        Kind::CertificateExpiresSoon => works("until it expires"),
        Kind::RedirectLosesWrites => works("speaks https of itself"),
        Kind::PlainHttpServed => works(entry::IN_CLEAR),
        Kind::NoRegistry => breaks("what answers is no registry"),
        Kind::GatewayError => breaks(entry::NO_ANSWER),
        Kind::TokenFailed => breaks("it gets no token, and says how it was refused"),
        Kind::LoginRefused => breaks("\"unauthorized\", whatever the chain does"),
        Kind::NothingGranted | Kind::PushNotGranted => breaks(entry::NOT_GRANTED),
        Kind::TokenRefused => breaks("\"unauthorized\", with a token made a moment ago"),
        Kind::UploadRefused => breaks("it can't begin an upload, and says how it was refused"),
        Kind::CookieInTheWay => breaks(entry::csrf(client)),
        Kind::UploadUnknown => breaks(refused(client, 404)),
        Kind::RequestBuffered => transfer::buffered(client),
        Kind::IdleCut => sometimes("\"EOF\" or \"connection reset by peer\" where a layer pauses"),
        Kind::CommitCut => transfer::cut(client),
        Kind::CommitSlow => transfer::slow(client),
        Kind::PullFailed => breaks("what it pushed can't be pulled"),
        Kind::PushFailed => breaks("it says how the write was refused"),
    };
    match (circumstance, whole.outcome) {
        (Circumstance::Partly, Outcome::Breaks) => sometimes(whole.how),
        _ => whole,
    }
}

fn reach(circumstance: Circumstance) -> Option<Reach> {
    match circumstance {
        Circumstance::OtherHost(reach) => Some(reach),
        _ => None,
    }
}
