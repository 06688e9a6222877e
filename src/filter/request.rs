//! What filters see of a request: made once, when it is admitted, and the same in every phase.

use super::headers::header;
use crate::oci::operation::Operation;
use crate::oci::user_agent::ClientFamily;
use http::HeaderMap;
use std::net::IpAddr;

/// A request as filters see it: read-only, and without anything secret.
#[derive(Debug)]
pub struct Request {
    pub(crate) id: String,
    pub(crate) operation: Operation,
    pub(crate) method: http::Method,
    /// Redacted.
    pub(crate) path: String,
    pub(crate) registry: String,
    pub(crate) public_origin: String,
    pub(crate) repository: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
    pub(crate) account: Option<String>,
    /// Redacted.
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// The id that the client, Harbor, the log and the access record know it by (`X-Request-Id`).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it means to a registry.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// `GET`, `PUT` and so on.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query as they stand in the access record: values that could be secret are `***`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The registry, by its configured name.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The public origin that the client used: `https://hub.example.com`.
    pub fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// The repository with its project: `library/alpine`. None where the request names none.
    pub fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// The tag, or the digest, that it is about: of a manifest, of a blob, or of the layer that a commit
    /// or a mount names. None where it names none.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The client's address, by the word of trusted proxies where there are some.
    pub fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// Which program it says to be.
    pub fn client_family(&self) -> ClientFamily {
        self.client_family
    }

    /// The account that its credential names. Only the name: nothing was verified here, and anybody can
    /// write any. Whether the credential is good, Harbor says later; so deny on it, but never rely on it
    /// to let somebody do something. None without a credential, or where it names nobody.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The first value of a header. It is `***` where it isn't known to be harmless: shown are the
    /// standard ones of HTTP, of registries and of tracing, but no credential, cookie or Referer.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}
