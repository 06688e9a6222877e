//! The kinds of findings, their words and how grave they are. What each means for which client is
//! in `clients`, what to do about it in `remedy`.

use serde::{Serialize, Serializer};
use std::fmt;

/// What is wrong with a chain, as far as it can be told from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    NameUnresolved,
    /// No address takes a connection.
    Unreachable,
    /// Some addresses do, and some don't.
    AddressUnreachable,
    TlsFailed,
    /// Plain HTTP on the port that is to be https.
    PlainHttpOnTlsPort,
    CertificateExpired,
    CertificateNotYetValid,
    CertificateWrongName,
    /// No authority that this machine knows has signed it.
    CertificateUntrusted,
    /// A certificate between the server's and the authority's is not sent.
    CertificateChainIncomplete,
    /// Within 14 days.
    CertificateExpiresSoon,
    /// http is sent to https by 301, 302 or 303, which turns a write into a GET.
    RedirectLosesWrites,
    /// http is served without a redirect: passwords go in clear, for a public https name.
    PlainHttpServed,
    /// `/v2/` itself is redirected: to a login page, or to another name.
    RegistryRedirected,
    /// `/v2/` is no registry: 404, or a page.
    NoRegistry,
    /// HTML where a registry's own errors belong.
    HtmlErrors,
    /// 5xx before the registry was asked anything.
    GatewayError,
    /// 401 without a challenge that a client can act on.
    ChallengeMissing,
    /// The realm names another scheme than https, for an https name.
    RealmScheme,
    /// The realm names a host or port that clients can't reach, or that is inside.
    RealmHost,
    /// The realm is at another's host, which the password was not sent to.
    RealmForeign,
    /// Two challenges of one name name two realms or services.
    RealmUnstable,
    /// POST at the realm is answered with what containerd takes for the end: 403, 3xx, 5xx.
    TokenPostRefused,
    /// GET at the realm gives no token.
    TokenFailed,
    /// The password is refused.
    LoginRefused,
    /// The token carries nothing for the repository: a wrong password, or no role.
    NothingGranted,
    /// The token carries pull and no push.
    PushNotGranted,
    /// A token that is fresh is refused.
    TokenRefused,
    /// The realm is right, the token is right, and the upload is not opened.
    UploadRefused,
    /// A session cookie reaches Harbor with registry requests: 403, CSRF.
    CookieInTheWay,
    /// The Location's scheme is not what clients typed.
    LocationScheme,
    /// The Location's scheme is several: `https,http`.
    LocationSchemeDoubled,
    /// The Location has the default port written out: the story's bug.
    LocationPort,
    /// The Location lacks the port that clients typed, or has another.
    LocationPortLost,
    /// The Location names another host.
    LocationHost,
    /// The Location is none: missing, unreadable, or a path that doesn't begin with a slash.
    LocationUnusable,
    /// The Location has a path before `/v2/`.
    LocationPrefix,
    /// A write is refused with the Authorization with which the upload was opened.
    AuthorizationLost,
    /// The upload that was opened is unknown a moment later.
    UploadUnknown,
    /// A header that clients need is missing in an answer, or in another form.
    HeaderLost,
    /// Bodies over a size are refused or cut.
    BodyLimit,
    /// Chunked bodies are refused.
    ChunkedRefused,
    /// Bodies are collected before they are passed on.
    RequestBuffered,
    /// A body that pauses is cut.
    IdleCut,
    /// A commit that takes its time is cut by a hop.
    CommitCut,
    /// A commit is silent for so long that layers of usual sizes pass the clients' patience.
    CommitSlow,
    /// What was pushed can't be pulled, or other bytes come back.
    PullFailed,
    /// A write fails in a way that nothing above explains.
    PushFailed,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// No client breaks today.
    Warning,
    /// At least one client breaks.
    Broken,
    /// The chain could not be examined beyond this.
    Unexamined,
}

impl Kind {
    pub const ALL: [Kind; 48] = [
        Kind::NameUnresolved,
        Kind::Unreachable,
        Kind::AddressUnreachable,
        Kind::TlsFailed,
        Kind::PlainHttpOnTlsPort,
        Kind::CertificateExpired,
        Kind::CertificateNotYetValid,
        Kind::CertificateWrongName,
        Kind::CertificateUntrusted,
        Kind::CertificateChainIncomplete,
        Kind::CertificateExpiresSoon,
        Kind::RedirectLosesWrites,
        Kind::PlainHttpServed,
        Kind::RegistryRedirected,
        Kind::NoRegistry,
        Kind::HtmlErrors,
        Kind::GatewayError,
        Kind::ChallengeMissing,
        Kind::RealmScheme,
        Kind::RealmHost,
        Kind::RealmForeign,
        Kind::RealmUnstable,
        Kind::TokenPostRefused,
        Kind::TokenFailed,
        Kind::LoginRefused,
        Kind::NothingGranted,
        Kind::PushNotGranted,
        Kind::TokenRefused,
        Kind::UploadRefused,
        Kind::CookieInTheWay,
        Kind::LocationScheme,
        Kind::LocationSchemeDoubled,
        Kind::LocationPort,
        Kind::LocationPortLost,
        Kind::LocationHost,
        Kind::LocationUnusable,
        Kind::LocationPrefix,
        Kind::AuthorizationLost,
        Kind::UploadUnknown,
        Kind::HeaderLost,
        Kind::BodyLimit,
        Kind::ChunkedRefused,
        Kind::RequestBuffered,
        Kind::IdleCut,
        Kind::CommitCut,
        Kind::CommitSlow,
        Kind::PullFailed,
        Kind::PushFailed,
    ];

    /// The word in JSON and in the line for a ticket.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::NameUnresolved => "name_unresolved",
            Kind::Unreachable => "unreachable",
            Kind::AddressUnreachable => "address_unreachable",
            Kind::TlsFailed => "tls_failed",
            Kind::PlainHttpOnTlsPort => "plain_http_on_tls_port",
            Kind::CertificateExpired => "certificate_expired",
            Kind::CertificateNotYetValid => "certificate_not_yet_valid",
            Kind::CertificateWrongName => "certificate_wrong_name",
            Kind::CertificateUntrusted => "certificate_untrusted",
            Kind::CertificateChainIncomplete => "certificate_chain_incomplete",
            Kind::CertificateExpiresSoon => "certificate_expires_soon",
            Kind::RedirectLosesWrites => "redirect_loses_writes",
            Kind::PlainHttpServed => "plain_http_served",
            Kind::RegistryRedirected => "registry_redirected",
            Kind::NoRegistry => "no_registry",
            Kind::HtmlErrors => "html_errors",
            Kind::GatewayError => "gateway_error",
            Kind::ChallengeMissing => "challenge_missing",
            Kind::RealmScheme => "realm_scheme",
            Kind::RealmHost => "realm_host",
            Kind::RealmForeign => "realm_foreign",
            Kind::RealmUnstable => "realm_unstable",
            Kind::TokenPostRefused => "token_post_refused",
            Kind::TokenFailed => "token_failed",
            Kind::LoginRefused => "login_refused",
            Kind::NothingGranted => "nothing_granted",
            Kind::PushNotGranted => "push_not_granted",
            Kind::TokenRefused => "token_refused",
            Kind::UploadRefused => "upload_refused",
            Kind::CookieInTheWay => "cookie_in_the_way",
            Kind::LocationScheme => "location_scheme",
            Kind::LocationSchemeDoubled => "location_scheme_doubled",
            Kind::LocationPort => "location_port",
            Kind::LocationPortLost => "location_port_lost",
            Kind::LocationHost => "location_host",
            Kind::LocationUnusable => "location_unusable",
            Kind::LocationPrefix => "location_prefix",
            Kind::AuthorizationLost => "authorization_lost",
            Kind::UploadUnknown => "upload_unknown",
            Kind::HeaderLost => "header_lost",
            Kind::BodyLimit => "body_limit",
            Kind::ChunkedRefused => "chunked_refused",
            Kind::RequestBuffered => "request_buffered",
            Kind::IdleCut => "idle_cut",
            Kind::CommitCut => "commit_cut",
            Kind::CommitSlow => "commit_slow",
            Kind::PullFailed => "pull_failed",
            Kind::PushFailed => "push_failed",
        }
    }

    pub fn severity(self) -> Severity {
        match self {
            Kind::NameUnresolved
            | Kind::Unreachable
            | Kind::RealmForeign
            | Kind::LoginRefused
            | Kind::NothingGranted
            | Kind::PushNotGranted => Severity::Unexamined,
            // Clients go on to the next address.
            Kind::AddressUnreachable
            | Kind::CertificateExpiresSoon
            | Kind::RedirectLosesWrites
            | Kind::PlainHttpServed
            | Kind::HtmlErrors
            | Kind::RequestBuffered
            | Kind::CommitSlow => Severity::Warning,
            Kind::TlsFailed
            | Kind::PlainHttpOnTlsPort
            | Kind::CertificateExpired
            | Kind::CertificateNotYetValid
            | Kind::CertificateWrongName
            | Kind::CertificateUntrusted
            | Kind::CertificateChainIncomplete
            | Kind::RegistryRedirected
            | Kind::NoRegistry
            | Kind::GatewayError
            | Kind::ChallengeMissing
            | Kind::RealmScheme
            | Kind::RealmHost
            | Kind::RealmUnstable
            | Kind::TokenPostRefused
            | Kind::TokenFailed
            | Kind::TokenRefused
            | Kind::UploadRefused
            | Kind::CookieInTheWay
            | Kind::LocationScheme
            | Kind::LocationSchemeDoubled
            | Kind::LocationPort
            | Kind::LocationPortLost
            | Kind::LocationHost
            | Kind::LocationUnusable
            | Kind::LocationPrefix
            | Kind::AuthorizationLost
            | Kind::UploadUnknown
            | Kind::HeaderLost
            | Kind::BodyLimit
            | Kind::ChunkedRefused
            | Kind::IdleCut
            | Kind::CommitCut
            | Kind::PullFailed
            | Kind::PushFailed => Severity::Broken,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
