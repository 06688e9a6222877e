//! How a push by one client ends, with one thing being wrong: every kind has its line here.

use super::circumstance::{Circumstance, Header, LostOn, Reach, Surroundings, Unusable};
use super::client::Client;
use super::outcome::{Fate, breaks};
use super::said::said;
use super::words::refused;
use super::{entry, location, transfer};
use crate::doctor::kind::Kind;

pub(super) fn fate(
    client: Client,
    kind: Kind,
    circumstance: Circumstance,
    around: Surroundings,
) -> Fate {
    let (reach, unusable, lost, header) = seen(circumstance);
    match kind {
        Kind::LocationScheme => location::http(client, around),
        Kind::LocationSchemeDoubled => location::unusable(client, Unusable::Unreadable),
        Kind::LocationPort => location::default_port(client, around),
        Kind::LocationPortLost => location::other_port(client),
        Kind::LocationHost => location::other_host(client, reach, around),
        Kind::LocationUnusable => location::unusable(client, unusable),
        Kind::LocationPrefix => location::prefix(client, around),
        Kind::RealmScheme => entry::http_realm(client, around),
        Kind::RealmHost => entry::other_realm(client, reach.unwrap_or(Reach::Unresolved)),
        Kind::AuthorizationLost => transfer::lost(client, lost),
        Kind::HeaderLost => transfer::without(client, header),
        Kind::BodyLimit => transfer::limited(client, circumstance),
        Kind::ChunkedRefused => transfer::chunked(client),
        Kind::TokenPostRefused => entry::post_refused(client),
        Kind::CookieInTheWay => breaks(entry::csrf(client)),
        Kind::UploadUnknown => breaks(refused(client, 404)),
        Kind::RequestBuffered => transfer::buffered(client),
        Kind::CommitCut => transfer::cut(client),
        Kind::CommitSlow => transfer::slow(client),
        Kind::NameUnresolved
        | Kind::Unreachable
        | Kind::AddressUnreachable
        | Kind::TlsFailed
        | Kind::PlainHttpOnTlsPort
        | Kind::CertificateExpired
        | Kind::CertificateNotYetValid
        | Kind::CertificateWrongName
        | Kind::CertificateUntrusted
        | Kind::CertificateChainIncomplete
        | Kind::CertificateExpiresSoon
        | Kind::RedirectLosesWrites
        | Kind::PlainHttpServed
        | Kind::RegistryRedirected
        | Kind::NoRegistry
        | Kind::HtmlErrors
        | Kind::GatewayError
        | Kind::ChallengeMissing
        | Kind::RealmForeign
        | Kind::RealmUnstable
        | Kind::TokenFailed
        | Kind::LoginRefused
        | Kind::NothingGranted
        | Kind::PushNotGranted
        | Kind::TokenRefused
        | Kind::UploadRefused
        | Kind::IdleCut
        | Kind::PullFailed
        | Kind::PushFailed => said(client, kind),
    }
}

/// What a circumstance says of each; where it doesn't, what is usual.
fn seen(circumstance: Circumstance) -> (Option<Reach>, Unusable, LostOn, Header) {
    let (mut reach, mut unusable) = (None, Unusable::Missing);
    let (mut lost, mut header) = (LostOn::Both, Header::Digest);
    match circumstance {
        Circumstance::OtherHost(seen) => reach = Some(seen),
        Circumstance::Unusable(seen) => unusable = seen,
        Circumstance::Lost(seen) => lost = seen,
        Circumstance::Header(seen) => header = seen,
        Circumstance::Usual | Circumstance::Partly | Circumstance::Passes(_) => {}
    }
    (reach, unusable, lost, header)
}
