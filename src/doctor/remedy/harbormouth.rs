//! What Harbormouth does about a finding, when it stands between the chain and Harbor. Nothing is
//! promised here that its README doesn't say.

use crate::doctor::kind::Kind;

/// What Harbormouth in front of Harbor would do about it.
pub(crate) fn harbormouth(kind: Kind) -> &'static str {
    match kind {
        Kind::NameUnresolved | Kind::Unreachable | Kind::AddressUnreachable => {
            "Nothing: it can only answer where clients reach it."
        }
        Kind::TlsFailed | Kind::PlainHttpOnTlsPort => {
            "It would end TLS itself, 1.2 and 1.3, with HTTP/2; nothing where another hop ends it."
        }
        Kind::CertificateExpired
        | Kind::CertificateNotYetValid
        | Kind::CertificateUntrusted
        | Kind::CertificateChainIncomplete
        | Kind::CertificateExpiresSoon => {
            "It takes a renewed certificate up when the file changes, and alerts before one ends \
             (harbormouth_certificate_expiry_timestamp_seconds); it gets none by itself."
        }
        Kind::CertificateWrongName => {
            "`harbormouth check` names every public origin that no certificate of a listener covers."
        }
        Kind::RedirectLosesWrites | Kind::PlainHttpServed => {
            "A listener with `redirect_to_https` answers 308, which keeps method and body."
        }
        Kind::RegistryRedirected | Kind::NoRegistry => {
            "It passes /v2/ and /service/token to Harbor by itself, and answers /v2 like /v2/; a \
             login page in front of it stays one."
        }
        Kind::HtmlErrors => {
            "Its own answers on /v2/ are errors that docker prints, with the request id; pages of \
             hops in front of it stay pages."
        }
        Kind::GatewayError => {
            "It answers 504 with an error that says which Harbor failed and how, which clients try \
             again, and passes over replicas that are down."
        }
        Kind::ChallengeMissing => {
            "It answers a rejected token with a Bearer challenge that clients can act on; a hop in \
             front that takes challenges out still has to go."
        }
        Kind::RealmScheme | Kind::RealmHost | Kind::RealmForeign | Kind::RealmUnstable => {
            "It writes the public origin into Harbor's Bearer realm, the same on every replica."
        }
        Kind::TokenPostRefused => {
            "It passes Harbor's own 405 through; a rule in front that refuses POST still has to go."
        }
        Kind::TokenFailed => {
            "It passes /service/token of a name to the same Harbor as its /v2/, and says why where \
             Harbor fails."
        }
        Kind::LoginRefused => {
            "Nothing for this password; it slows down who guesses them (`login_limit`)."
        }
        Kind::NothingGranted | Kind::PushNotGranted => {
            "Nothing about the role; it tells who pushes without one on its page \
             (`no_push_granted`)."
        }
        Kind::TokenRefused => {
            "It sends one name's tokens and pushes to one Harbor; a hop in front that takes \
             Authorization out is named in its log."
        }
        Kind::UploadRefused | Kind::PushFailed => {
            "It would record the refusal with its reason and whose fault it is, under the request \
             id that the client prints."
        }
        Kind::CookieInTheWay => {
            "It takes cookies off requests and answers on /v2/ and /service/token."
        }
        Kind::LocationScheme
        | Kind::LocationSchemeDoubled
        | Kind::LocationPort
        | Kind::LocationPortLost => {
            "It gives clients Location as a path, which none of them can mistake for another \
             registry; where a hop in front spoils even that, a sealed ticket brings the token back."
        }
        Kind::LocationHost => {
            "It gives clients Location as a path; a hop in front still has to send it a Host that \
             is one of the registry's."
        }
        Kind::LocationPrefix => {
            "It has /v2/ at the root of each public name; a Location with another path it leaves as \
             it is, and counts it."
        }
        Kind::LocationUnusable => {
            "It makes a path of a Location without its slash; of one that is missing it can make \
             nothing."
        }
        Kind::AuthorizationLost => {
            "It re-attaches the token of an upload from a sealed ticket in the Location; manifests \
             can't be helped that way, so the hop still has to be mended."
        }
        Kind::UploadUnknown => {
            "Nothing: replicas of one Harbor must share storage; it alerts where they don't."
        }
        Kind::HeaderLost => {
            "It passes Harbor's headers on; a hop in front that takes them out still has to go."
        }
        Kind::BodyLimit => {
            "It has no limit on bodies; hops in front keep theirs, and it tells whose 413 it was."
        }
        Kind::ChunkedRefused => {
            "It passes chunked bodies on as chunked, and others with their length."
        }
        Kind::RequestBuffered => {
            "It never collects a body; a hop in front that does still delays and doubles every byte."
        }
        Kind::IdleCut => {
            "It waits 15 minutes between bytes unless told otherwise, and names the limit of a hop \
             in front from where uploads break off (`idle_cut`)."
        }
        Kind::CommitCut | Kind::CommitSlow => {
            "It measures the silence of every commit and alerts before clients' 30 s are reached; \
             it can't make the storage faster."
        }
        Kind::PullFailed => {
            "It streams pulls without collecting them; redirects to object storage it leaves alone."
        }
    }
}
