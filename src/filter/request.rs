//! What filters see of a request: made once, when it is admitted, and the same in every phase.

use super::headers::header;
use crate::oci::exposure::Surface;
use crate::oci::operation::Operation;
use crate::oci::repository::project;
use crate::oci::user_agent::ClientFamily;
use http::HeaderMap;
use std::net::IpAddr;
use std::time::SystemTime;

/// A request as filters see it: read-only, and without anything secret.
#[derive(Debug)]
pub struct Request {
    pub(crate) id: String,
    pub(crate) time: SystemTime,
    pub(crate) surface: Surface,
    pub(crate) operation: Operation,
    pub(crate) method: http::Method,
    /// Redacted.
    pub(crate) path: String,
    pub(crate) normal_path: String,
    pub(crate) registry: String,
    pub(crate) public_origin: String,
    pub(crate) repository: Option<String>,
    pub(crate) reference: Option<String>,
    pub(crate) mount_from: Option<String>,
    pub(crate) is_https: bool,
    pub(crate) client: Option<IpAddr>,
    pub(crate) client_family: ClientFamily,
    pub(crate) account: Option<String>,
    pub(crate) is_accepted: bool,
    /// Redacted.
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// The id that the client, Harbor, the log and the access record know it by (`X-Request-Id`).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it came.
    pub fn time(&self) -> SystemTime {
        self.time
    }

    /// Which part of Harbor it is for.
    pub fn surface(&self) -> Surface {
        self.surface
    }

    /// What it means to a registry.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether it changes something: a step of a push, a deletion, or at API and portal a method other
    /// than GET, HEAD and OPTIONS.
    pub fn writes(&self) -> bool {
        self.operation.writes(self.method.as_str())
    }

    /// `GET`, `PUT` and so on.
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// Path and query as they stand in the access record: values that could be secret are `***`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path alone, in its normal form: no two of them mean the same to Harbor.
    pub fn normal_path(&self) -> &str {
        &self.normal_path
    }

    /// The registry, by its configured name.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The public origin that the client used: `https://hub.example.com`.
    pub fn public_origin(&self) -> &str {
        &self.public_origin
    }

    /// The project at Harbor. None where the request names none, as at API and portal.
    pub fn project(&self) -> Option<&str> {
        self.repository().map(project)
    }

    /// The repository with its project, as Harbor calls it: `library/alpine`. At a mirror the client leaves
    /// the project out. None where the request names none.
    pub fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// The tag, or the digest, that it is about: of a manifest, of a blob, or of the layer that a commit
    /// or a mount names. None where it names none.
    pub fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// The reference, where it is a tag.
    pub fn tag(&self) -> Option<&str> {
        self.reference()
            .filter(|reference| !reference.contains(':'))
    }

    /// The reference, where it is a digest.
    pub fn digest(&self) -> Option<&str> {
        self.reference().filter(|reference| reference.contains(':'))
    }

    /// The repository that a mount takes its blob from, as Harbor calls it.
    pub fn mount_from(&self) -> Option<&str> {
        self.mount_from.as_deref()
    }

    /// Whether the client's side is https.
    pub fn is_https(&self) -> bool {
        self.is_https
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
    /// to let somebody do something. None without a credential, where it names nobody, and where a cookie
    /// comes with it: Harbor may go by that instead.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Whether Harbor accepted this very credential lately, through this replica.
    pub fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// The first value of a header. It is `***` where it isn't known to be harmless: shown are the
    /// standard ones of HTTP, of registries and of tracing, but no credential, cookie or Referer.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }
}
