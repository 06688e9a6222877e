//! What a walk saw: facts as values, without a judgement, and without a secret. What could be one
//! (tokens, passwords, cookies, the values of an upload's query) is hidden before it gets here.

use super::clients::Client;
use super::language::Language;
use super::options::Layer;
use super::step::Step;
use super::typed_origin::TypedOrigin;
use super::words::Word;
use crate::net::origin::Origin;
use crate::oci::challenge::{self, Challenge};
pub use crate::oci::token::GrantedScope;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a walk enters the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// As clients do.
    Public,
    /// At an inner hop, asked as a right hop before it would ask: with the public Host, and with
    /// X-Forwarded-Proto saying what the client used.
    Via(Origin),
}

/// One walk through the chain.
#[derive(Clone, Debug)]
pub struct Walk {
    pub(crate) entry: Entry,
    /// What clients type.
    pub(crate) target: Origin,
    /// Its host and port, letter by letter as they stand in a client's Host.
    pub(crate) typed: String,
    /// Seconds since 1970 when it began.
    pub(crate) began: u64,
    /// The proxy that the entry is asked through, as `host:port`.
    pub proxy: Option<String>,
    /// Of the entry's host; of the proxy's, where there is one.
    pub resolved: Option<Result<Vec<SocketAddr>, Trouble>>,
    pub addresses: Vec<AddressSeen>,
    pub(crate) repository: Option<String>,
    pub(crate) user: Option<User>,
    /// In the order of the steps; several of one step where it was repeated.
    pub exchanges: Vec<Exchange>,
    /// What the token service gave.
    pub grant: Option<TokenGrant>,
    /// Where the realm's host is, if it isn't the target's.
    pub realm: Option<Result<Vec<SocketAddr>, Trouble>>,
    pub skipped: Vec<Skipped>,
    pub left: Vec<Leftover>,
    /// Whether nothing is called healthy of which no upload was seen.
    pub(crate) requires_uploads: bool,
    /// Whose view alone is judged; every client's without.
    pub(crate) client: Option<Client>,
    /// Of which it is said whether it would get through.
    pub(crate) layer: Option<Layer>,
    /// What its findings are told in.
    pub(crate) language: Language,
}

impl Walk {
    /// The origin that it enters.
    pub(crate) fn entered(&self) -> &Origin {
        match &self.entry {
            Entry::Public => &self.target,
            Entry::Via(origin) => origin,
        }
    }

    /// The target as clients type it.
    pub(crate) fn typed_target(&self) -> TypedOrigin<'_> {
        TypedOrigin {
            origin: &self.target,
            port_is_typed: self.typed_port().is_some(),
        }
    }

    /// The port that clients type, if they do.
    pub(crate) fn typed_port(&self) -> Option<u16> {
        (self.typed != self.target.host.as_str()).then_some(self.target.port)
    }

    /// All exchanges of a kind.
    pub(crate) fn those(&self, is_one: impl Fn(&Exchange) -> bool) -> Vec<&Exchange> {
        self.exchanges.iter().filter(|one| is_one(one)).collect()
    }

    /// The first exchange of a step.
    pub fn first(&self, step: Step) -> Option<&Exchange> {
        self.all(step).next()
    }

    pub fn all(&self, step: Step) -> impl Iterator<Item = &Exchange> {
        self.exchanges.iter().filter(move |one| one.step == step)
    }

    /// The answer to the first exchange of a step, where there was one.
    pub fn answer(&self, step: Step) -> Option<&ResponseSeen> {
        self.first(step)?.answer()
    }

    /// The address that the exchanges went to.
    pub fn address(&self) -> Option<&AddressSeen> {
        self.addresses.iter().find(|one| one.is_used)
    }
}

/// Whose credentials were used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct User {
    pub(crate) name: String,
    /// Where they came from, for people: `--user`, or docker's file and entry.
    pub(crate) source: String,
}

/// An address of the entry's name.
#[derive(Clone, Debug)]
pub struct AddressSeen {
    pub address: SocketAddr,
    pub connected: Result<Duration, Trouble>,
    /// None over plain HTTP, or without a connection.
    pub tls: Option<Result<TlsSeen, Trouble>>,
    /// Whether the rest of the walk went there.
    pub is_used: bool,
}

/// A handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TlsSeen {
    /// `TLSv1.3`.
    pub(crate) version: String,
    /// What the server chose of `h2` and `http/1.1`.
    pub(crate) alpn: Option<String>,
    /// The server's own first.
    pub(crate) chain: Vec<CertificateSeen>,
    /// What a client that knows this machine's authorities says to the chain and the name.
    pub distrust: Option<Distrust>,
    /// Whether it is trusted, and only for what docker and podman keep for this registry.
    pub(crate) kept_by_docker: bool,
    /// Whose client certificates it asks for; none where it asks for none.
    pub(crate) asks_for: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct CertificateSeen {
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// Where the issuer's own certificate can be had, if that is said: public authorities do.
    pub(crate) issuer_at: Option<String>,
    /// DNS names and addresses.
    pub(crate) names: Vec<String>,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

/// Why a chain isn't trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Distrust {
    Expired,
    NotYetValid,
    WrongName,
    /// Signed by nobody that is known; `chain` tells whether a certificate is missing or it is
    /// signed by itself.
    UnknownIssuer,
    Other(String),
}

/// One request and its result.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub step: Step,
    pub request: SentRequest,
    pub result: Result<ResponseSeen, Trouble>,
    /// Bytes of the body that were taken from us.
    pub sent: u64,
    /// From the request's first byte to the answer's header, or to the trouble.
    pub took: Duration,
    /// From the body's last byte to the answer's header; none where the answer came earlier.
    pub silence: Option<Duration>,
    pub(crate) address: SocketAddr,
}

impl Exchange {
    pub(crate) fn answer(&self) -> Option<&ResponseSeen> {
        self.result.as_ref().ok()
    }

    pub(crate) fn status(&self) -> Option<u16> {
        self.answer().map(|answer| answer.status)
    }

    pub(crate) fn is_success(&self) -> bool {
        self.answer().is_some_and(ResponseSeen::is_success)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SentRequest {
    pub method: String,
    /// As a person may see it: values of queries that may be secret are `***`.
    pub url: String,
    pub authorization: Carried,
    pub body: Body,
    /// Beyond what every request of the step has.
    pub headers: Vec<(String, String)>,
}

/// What a request carried as Authorization.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    Nothing,
    Basic,
    Bearer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    None,
    Length(u64),
    Chunked(u64),
}

impl Body {
    /// In bytes.
    pub(crate) fn size(self) -> u64 {
        match self {
            Body::None => 0,
            Body::Length(size) | Body::Chunked(size) => size,
        }
    }
}

/// An answer, its secrets hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResponseSeen {
    pub status: u16,
    /// As they came, in their order; names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    /// Its beginning, as text. Empty for tokens.
    pub body: String,
    /// Whether the content was what the step expected to read back; none where nothing was.
    pub content_matches: Option<bool>,
}

impl ResponseSeen {
    /// The first value of that name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).next()
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it is a page for people.
    pub(crate) fn is_page(&self) -> bool {
        let kind = self.header("content-type").unwrap_or_default().trim_start();
        kind.to_ascii_lowercase().starts_with("text/html")
            || (kind.is_empty() && self.body.trim_start().starts_with('<'))
    }

    /// Whether it mentions a forged request, as Harbor does if a write has a session cookie.
    pub(crate) fn is_csrf(&self) -> bool {
        let body = self.body.to_ascii_lowercase();
        self.status == 403 && (body.contains("csrf") || body.contains("cross-site"))
    }

    /// Whether it has Harbor's own challenge to who comes with an Authorization.
    pub(crate) fn is_harbors_login(&self) -> bool {
        self.challenges().any(|one| {
            let realm = one
                .param("realm")
                .map(|realm| realm.value.as_ref() == "harbor");
            one.scheme.eq_ignore_ascii_case("basic") && realm == Some(true)
        })
    }

    /// Whether a client can act on its challenge: Basic, or Bearer with a realm.
    pub(crate) fn is_actionable(&self) -> bool {
        self.challenges().any(|challenge| {
            challenge.scheme.eq_ignore_ascii_case("basic")
                || (challenge.is_bearer() && challenge.param("realm").is_some())
        })
    }

    /// Every challenge that can be read.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = Challenge<'_>> {
        let fields = self.headers("www-authenticate");
        fields.filter_map(challenge::parse).flatten()
    }

    pub(crate) fn headers(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Why there was no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    #[error("the name can't be resolved: {0}")]
    Unresolved(String),
    #[error("the connection is refused")]
    Refused,
    #[error("there is no route: {0}")]
    Unreachable(String),
    #[error("nothing was received within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// Ended in the middle: by FIN or by RST.
    #[error("the connection was cut")]
    Cut,
    #[error("TLS: {0}")]
    Tls(String),
    /// Nothing goes without a client certificate, signed by one of these where some are named.
    #[error("the server requires a client certificate")]
    ClientCertificate(Vec<String>),
    /// The server answered plain HTTP to a TLS handshake.
    #[error("it speaks plain HTTP, not TLS")]
    NotTls,
    #[error("the proxy answered {0}")]
    ProxyRefused(String),
    #[error("the answer is not HTTP: {0}")]
    NotHttp(String),
}

impl Trouble {
    /// The same in a language.
    pub(crate) fn told(&self, language: Language) -> String {
        let because = |word: Word, why: &String| word.filled(language, &[("why", why)]);
        match self {
            Trouble::Unresolved(why) => because(Word::Unresolved, why),
            Trouble::Refused => Word::Refused.told(language).to_owned(),
            Trouble::Unreachable(why) => because(Word::Unreachable, why),
            Trouble::TimedOut(time) => {
                Word::TimedOut.filled(language, &[("seconds", &time.as_secs())])
            }
            Trouble::Cut => Word::Cut.told(language).to_owned(),
            Trouble::Tls(why) => because(Word::TlsTrouble, why),
            Trouble::ClientCertificate(_) => Word::ClientCertificate.told(language).to_owned(),
            Trouble::NotTls => Word::NotTls.told(language).to_owned(),
            Trouble::ProxyRefused(status) => {
                Word::ProxyAnswered.filled(language, &[("status", status)])
            }
            Trouble::NotHttp(why) => because(Word::NotHttp, why),
        }
    }
}

/// What a token says, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenGrant {
    /// None if the token's content can't be read.
    pub access: Option<Vec<GrantedScope>>,
    pub subject: Option<String>,
    /// Seconds.
    pub(crate) expires_in: Option<u64>,
}

/// A step that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    pub step: Step,
    pub why: Skip,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// Nobody asked for it: `--push`, `--idle`, …
    NotAskedFor,
    NoCredentials,
    NoRepository,
    /// The password isn't sent to whom nothing vouches for.
    NotTrusted,
    /// The realm is another's host, which the password isn't sent to without being told.
    ForeignRealm,
    /// What it builds on has failed.
    Impossible,
    /// The whole walk's time is over.
    OutOfTime,
    /// The person has ended the walk.
    Interrupted,
}

/// What the walk made and could not remove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Leftover {
    /// An open upload, which the registry forgets by itself.
    Upload {
        repository: String,
        status: Option<u16>,
    },
    Artifact {
        repository: String,
        reference: String,
        status: Option<u16>,
    },
    /// Committed content that nothing refers to, which the registry's garbage collection takes.
    Blob {
        repository: String,
        digest: String,
        status: Option<u16>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_answer_is_told_as_it_is_logged() {
        for one in [
            Trouble::Unresolved("no such name".to_owned()),
            Trouble::Refused,
            Trouble::Unreachable("no IPv6".to_owned()),
            Trouble::TimedOut(Duration::from_secs(5)),
            Trouble::Cut,
            Trouble::Tls("an alert".to_owned()),
            Trouble::ClientCertificate(Vec::new()),
            Trouble::NotTls,
            Trouble::NotHttp("noise".to_owned()),
        ] {
            assert_eq!(one.told(Language::English), one.to_string());
        }
    }
}
