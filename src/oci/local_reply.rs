//! Answers that the gateway itself gives: one table of status, code, reason and sentence.
//!
//! The person at the docker terminal reads the sentence. It names the registry as configured, what
//! happened and what to do, and never an address of an upstream. Transient upstream failures are 504,
//! because every client retries after 504 and not all do after 502 and 503.
//!
//! What this file deliberately doesn't know: sockets, framework errors, and header tables.

use super::docs::address;
use super::error_body::{ErrorCode, error_body};
use super::operation::Operation;
use super::reason::Reason;
use super::upstream_error::UpstreamError;
use super::user_agent::ClientFamily;
use crate::net::host::HostError;
use crate::net::path::PathError;

/// Everything that the gateway answers without, or instead of, Harbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalReply {
    /// No registry has this host.
    UnknownHost,
    /// A mirror is asked for another registry's images than its own.
    UnknownSource,
    /// No host, several, or none that could be one.
    BadHost(HostError),
    /// A target that could mean two things.
    BadPath(PathError),
    /// A request that breaks HTTP otherwise.
    BadRequest,
    /// The bytes of a blob that say they are a form.
    FormBody,
    /// Never public, or not exposed here.
    NotPublic,
    /// A write that came without its Authorization, and nothing to help it.
    AuthorizationLost(Lost),
    /// A request that left here with its Authorization and came to Harbor without.
    AuthorizationRemoved,
    /// Harbor refuses a token that is valid and grants what was asked, and that may be older than its
    /// project.
    TokenOutdated,
    /// Too many wrong passwords.
    LoginLimited,
    /// A job's ID token isn't accepted; the sentence that goes with it says why.
    IdentityRefused,
    /// A job's ID token can't be verified; the sentence that goes with it says why.
    IssuerUnreachable,
    /// Harbor refuses the robot that stands in for a job.
    RobotRefused,
    /// A job's ID token where only tokens of the token service are of use.
    TokenServiceOnly,
    /// A token is asked for in a form.
    TokenByGet,
    /// A token of a robot that stands in for jobs, used for what they are not for.
    OutsideIdentity,
    /// More header than anybody needs.
    HeaderTooLarge,
    /// Too much is under way at this registry.
    Overloaded(OverloadStatus),
    /// Too much is under way at all registries together.
    MemoryFull(OverloadStatus),
    /// The audit log takes no more lines.
    AuditFull(OverloadStatus),
    /// The operator has closed it for a while.
    Maintenance(MaintenanceScope),
    /// The client stopped sending.
    ClientStalled,
    /// Harbor could not be asked, or did not answer.
    Upstream(UpstreamError),
    /// Neither this registry nor any other site has it.
    NotFoundAnywhere(Wanted),
    /// A fault of the gateway's own.
    Internal,
}

/// What was asked of other sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Layer,
    Manifest,
    /// Only whether it is there.
    ManifestIsThere,
}

impl Wanted {
    fn code(self) -> ErrorCode {
        match self {
            Wanted::Layer => ErrorCode::BlobUnknown,
            Wanted::Manifest | Wanted::ManifestIsThere => ErrorCode::ManifestUnknown,
        }
    }

    fn reason(self) -> Reason {
        match self {
            Wanted::Layer | Wanted::Manifest => Reason::NotFound,
            Wanted::ManifestIsThere => Reason::Absent,
        }
    }
}

/// The status on which a client asks again by itself. Docker with its own store gives a push up at 429,
/// and asks again at 503 after 5, 10, 15 and 20 s; skopeo and podman give up at 503, and wait as
/// Retry-After says at 429; containerd asks again at once at 429, five times, and 1.6 gives up at 503
/// (seen at docker 20.10, skopeo 1.9, podman 4.3, ctr 1.6.20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverloadStatus {
    TooManyRequests,
    Unavailable,
}

impl OverloadStatus {
    pub(crate) fn of(client: ClientFamily) -> OverloadStatus {
        if client == ClientFamily::DockerClassic {
            OverloadStatus::Unavailable
        } else {
            OverloadStatus::TooManyRequests
        }
    }

    pub(crate) fn status(self) -> u16 {
        match self {
            OverloadStatus::TooManyRequests => 429,
            OverloadStatus::Unavailable => 503,
        }
    }

    pub(crate) fn code(self) -> ErrorCode {
        match self {
            OverloadStatus::TooManyRequests => ErrorCode::TooManyRequests,
            OverloadStatus::Unavailable => ErrorCode::Unavailable,
        }
    }
}

/// What of a registry is closed for maintenance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceScope {
    /// What begins a push.
    Pushes,
    All,
}

/// What lost its Authorization on the way. No client sends these without it: each has a token by
/// the time it gets here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its URL can carry nothing, so it can't be helped.
    Manifest,
    /// It brought no ticket, or none that is valid.
    Upload,
}

impl Lost {
    /// What a request without Authorization has lost, if it is one that never comes without.
    pub(crate) fn of(operation: Operation) -> Option<Lost> {
        let is_upload = matches!(operation, Operation::UploadChunk | Operation::UploadCommit);
        if operation == Operation::ManifestPut {
            Some(Lost::Manifest)
        } else {
            is_upload.then_some(Lost::Upload)
        }
    }
}

/// One line of the table.
struct ReplyRow {
    status: u16,
    code: ErrorCode,
    reason: Reason,
    sentence: &'static str,
}

impl LocalReply {
    pub(crate) fn status(self) -> u16 {
        self.row().status
    }

    pub(crate) fn code(self) -> ErrorCode {
        self.row().code
    }

    /// Why a request ends that is answered so.
    pub(crate) fn reason(self) -> Reason {
        self.row().reason
    }

    /// The body, for every path: registry clients parse it, and others can read it.
    pub(crate) fn body(self, registry: Option<&str>, request_id: &str) -> String {
        error_body(self.code(), &self.sentence(registry), request_id)
    }

    /// What the person at the terminal reads, with the address where it is explained; `registry` is its
    /// configured name.
    pub(crate) fn sentence(self, registry: Option<&str>) -> String {
        self.explained(&self.bare_sentence(registry))
    }

    /// A sentence that says more than its own, with the address where it is explained.
    pub(crate) fn explained(self, sentence: &str) -> String {
        format!(
            "{sentence} ({})",
            address("reasons", self.reason().as_str())
        )
    }

    fn bare_sentence(self, registry: Option<&str>) -> String {
        let harbor = registry.map_or("Harbor".to_owned(), |name| format!("Harbor \"{name}\""));
        let row = self.row();
        if let LocalReply::BadHost(error) = self {
            error.to_string()
        } else if let LocalReply::BadPath(error) = self {
            error.to_string()
        } else {
            row.sentence.replace(HARBOR, &harbor)
        }
    }

    #[rustfmt::skip] // One answer a paragraph, as in a table.
    fn row(self) -> ReplyRow {
        use ErrorCode::{
            NameInvalid, NameUnknown, TooManyRequests, Unauthorized, Unavailable, Unknown, Unsupported,
        };
        let row = |status, code, reason, sentence| ReplyRow { status, code, reason, sentence };
        match self {
            LocalReply::UnknownHost => row(421, NameUnknown, Reason::UnknownHost,
                "no registry is served under this host name; check the name in the image \
                 reference, or ask the operator to add it"),
            LocalReply::UnknownSource => row(404, NameUnknown, Reason::UnknownSource,
                "no mirror at this host is for the registry that the client names in ns; check the \
                 client's list of mirrors, or ask the operator to add it"),
            LocalReply::BadHost(_) => row(400, Unsupported, Reason::BadHost, ""),
            LocalReply::BadPath(_) => row(400, NameInvalid, Reason::BadPath, ""),
            LocalReply::BadRequest => row(400, Unsupported, Reason::BadRequest, "the request is not valid HTTP"),
            LocalReply::FormBody => row(415, Unsupported, Reason::BadRequest,
                "a blob must not be sent with a form's Content-Type, because registries would \
                 parse it as parameters; send application/octet-stream"),
            LocalReply::NotPublic => row(404, Unsupported, Reason::RefusedByPolicy,
                "this path is not public here"),
            LocalReply::AuthorizationLost(Lost::Manifest) => row(401, Unauthorized, Reason::AuthorizationLost, MANIFEST_LOST),
            LocalReply::AuthorizationLost(Lost::Upload) => row(401, Unauthorized, Reason::AuthorizationLost, UPLOAD_LOST),
            LocalReply::AuthorizationRemoved => row(401, Unauthorized, Reason::AuthorizationRemoved, AUTHORIZATION_REMOVED),
            LocalReply::TokenOutdated => row(401, Unauthorized, Reason::Denied, TOKEN_OUTDATED),
            LocalReply::LoginLimited => row(429, TooManyRequests, Reason::LoginLimited,
                "too many failed logins with this user name from this address; wait as long as \
                 Retry-After says, then log in with the right password"),
            // 401 for each of these, as Harbor answers a missing right as well: skopeo and podman show the
            // words of no other status of the token service, docker none of a 5xx.
            LocalReply::IdentityRefused => row(401, Unauthorized, Reason::IdentityRefused, IDENTITY_REFUSED),
            LocalReply::IssuerUnreachable => row(401, Unauthorized, Reason::IssuerUnreachable, ISSUER_UNREACHABLE),
            LocalReply::RobotRefused => row(401, Unauthorized, Reason::RobotRefused, ROBOT_REFUSED),
            LocalReply::TokenServiceOnly => row(401, Unauthorized, Reason::Challenge, TOKEN_SERVICE_ONLY),
            LocalReply::TokenByGet => row(405, Unsupported, Reason::Challenge, TOKEN_BY_GET),
            LocalReply::OutsideIdentity => row(401, Unauthorized, Reason::Denied, OUTSIDE_IDENTITY),
            LocalReply::HeaderTooLarge => row(431, Unsupported, Reason::HeaderTooLarge,
                "the header of the request is too large for this registry: too many fields, or \
                 too many bytes in them"),
            LocalReply::Overloaded(again) => row(again.status(), again.code(), Reason::Overloaded,
                "{harbor} has as many requests under way as it can take; wait as long as \
                 Retry-After says, then try again"),
            LocalReply::MemoryFull(again) => row(again.status(), again.code(), Reason::Overloaded,
                "this client, or all together, have as much under way as this registry has memory \
                 for; wait as long as Retry-After says, then try again"),
            LocalReply::AuditFull(again) => row(again.status(), again.code(), Reason::AuditFull, AUDIT_FULL),
            LocalReply::Maintenance(MaintenanceScope::Pushes) => row(503, Unavailable, Reason::Maintenance,
                "{harbor} takes no new pushes for the time being, because of maintenance; pulls \
                 go on. Try again later, or ask the operator when it ends"),
            LocalReply::Maintenance(MaintenanceScope::All) => row(503, Unavailable, Reason::Maintenance,
                "{harbor} is closed for maintenance; try again later, or ask the operator when it \
                 ends"),
            LocalReply::ClientStalled => row(408, Unavailable, Reason::ClientStalled, CLIENT_STALLED),
            LocalReply::Upstream(error) => row(upstream_status(error), Unavailable, error.reason(), upstream_sentence(error)),
            LocalReply::NotFoundAnywhere(wanted) => row(404, wanted.code(), wanted.reason(),
                "{harbor} doesn't have it, and no other site that is asked for it has it either"),
            LocalReply::Internal => row(500, Unknown, Reason::Internal,
                "the gateway failed; its log has the cause under the request id in this answer"),
        }
    }
}

const AUDIT_FULL: &str = "this registry writes down what is pushed, pulled and deleted, and can't at the moment; wait as \
     long as Retry-After says, then try again, or tell the operator";

const IDENTITY_REFUSED: &str = "the login with an ID token was refused";

const ISSUER_UNREACHABLE: &str = "the ID token could not be verified; try again shortly";

const ROBOT_REFUSED: &str = "{harbor} refused the robot account that stands in for this job, whose token was good; the \
                 operator has to check the robot's secret, and that it is neither disabled nor expired";

const TOKEN_SERVICE_ONLY: &str =
    "the user oidc logs in at the token service that the challenge names, and nowhere else";

const TOKEN_BY_GET: &str = "the token service takes GET alone";

const OUTSIDE_IDENTITY: &str = "this login is one of a job, which may pull and push in the repositories of its identity, \
                 and delete nothing";

const MANIFEST_LOST: &str = "this push arrived without its Authorization header: a proxy between the client \
                 and this registry removes it from PUT requests. The gateway can restore it for \
                 layers only. Check the proxies for a rule that removes Authorization";

const UPLOAD_LOST: &str = "this upload arrived without its Authorization header: a proxy between the client \
                 and this registry removes it, or changes the host, port or scheme of Location so \
                 that the client leaves it out. Check the proxies for both";

const AUTHORIZATION_REMOVED: &str = "the gateway sent this request with its Authorization header, and {harbor} got it \
                 without: a proxy between the two removes it. The password and the role are not the \
                 cause; the operator has to check that proxy";

const CLIENT_STALLED: &str = "the client sent nothing for too long, so the request was given up; check the network between \
     the client and this registry, then try again";

const TOKEN_OUTDATED: &str = "{harbor} refuses this token, which is still valid and grants what was asked. Most likely it is \
     older than its project, because the project was deleted and made again (Harbor refuses such \
     tokens from 2.13.5 on); else another Harbor issued it, or clocks differ. Ask for a fresh token: \
     try again, or log in again";

/// What the gateway itself lacks is not what clients may take for Harbor's silence.
fn upstream_status(error: UpstreamError) -> u16 {
    if error == UpstreamError::NoSocket {
        503
    } else {
        504
    }
}

fn upstream_sentence(error: UpstreamError) -> &'static str {
    match error {
        UpstreamError::Unresolved => {
            "{harbor} could not be found: its name has no address; the operator has to correct it"
        }
        UpstreamError::NoSocket => {
            "this gateway has no connection left for {harbor}: it has as many open as it can; try \
             again shortly"
        }
        UpstreamError::Connect => "{harbor} could not be reached; try again shortly",
        UpstreamError::ConnectTimeout => {
            "{harbor} did not accept a connection in time; try again shortly"
        }
        UpstreamError::Tls => {
            "no trusted TLS connection to {harbor} could be made; the operator has to check its \
             certificate"
        }
        UpstreamError::Reset => "{harbor} closed the connection before it answered; try again",
        UpstreamError::ResponseTimeout => "{harbor} did not answer in time; try again",
        UpstreamError::BodyTimeout => "{harbor} stopped taking in the upload; try again",
        UpstreamError::Storage => {
            "the object storage of {harbor} could not be reached, or refused to give the layer; try \
             again, or ask the operator"
        }
        UpstreamError::Protocol => "{harbor} answered with something that is not valid HTTP",
    }
}

/// Where a sentence names the registry.
const HARBOR: &str = "{harbor}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_says_the_right_thing_to_clients_and_people() {
        for (answer, status, code, word) in [
            (LocalReply::UnknownHost, 421, "NAME_UNKNOWN", "host name"),
            (
                LocalReply::BadHost(HostError::Several),
                400,
                "UNSUPPORTED",
                "more than one host",
            ),
            (
                LocalReply::BadPath(PathError::EncodedTwice),
                400,
                "NAME_INVALID",
                "encoded twice",
            ),
            (LocalReply::BadRequest, 400, "UNSUPPORTED", "HTTP"),
            (LocalReply::FormBody, 415, "UNSUPPORTED", "octet-stream"),
            (LocalReply::NotPublic, 404, "UNSUPPORTED", "not public"),
            (
                LocalReply::AuthorizationLost(Lost::Manifest),
                401,
                "UNAUTHORIZED",
                "a proxy between",
            ),
            (
                LocalReply::AuthorizationLost(Lost::Upload),
                401,
                "UNAUTHORIZED",
                "Location",
            ),
            (
                LocalReply::AuthorizationRemoved,
                401,
                "UNAUTHORIZED",
                "Harbor \"hq\" got it without",
            ),
            (
                LocalReply::TokenOutdated,
                401,
                "UNAUTHORIZED",
                "older than its project",
            ),
            (LocalReply::LoginLimited, 429, "TOOMANYREQUESTS", "wait"),
            (LocalReply::IdentityRefused, 401, "UNAUTHORIZED", "refused"),
            (LocalReply::IssuerUnreachable, 401, "UNAUTHORIZED", "again"),
            (
                LocalReply::RobotRefused,
                401,
                "UNAUTHORIZED",
                "Harbor \"hq\" refused the robot",
            ),
            (
                LocalReply::TokenServiceOnly,
                401,
                "UNAUTHORIZED",
                "token service",
            ),
            (LocalReply::TokenByGet, 405, "UNSUPPORTED", "GET"),
            (
                LocalReply::OutsideIdentity,
                401,
                "UNAUTHORIZED",
                "repositories of its identity",
            ),
            (LocalReply::HeaderTooLarge, 431, "UNSUPPORTED", "header"),
            (
                LocalReply::Overloaded(OverloadStatus::Unavailable),
                503,
                "UNAVAILABLE",
                "Harbor \"hq\" has as many",
            ),
            (
                LocalReply::Overloaded(OverloadStatus::of(ClientFamily::Containerd)),
                429,
                "TOOMANYREQUESTS",
                "Harbor \"hq\" has as many",
            ),
            (
                LocalReply::AuditFull(OverloadStatus::Unavailable),
                503,
                "UNAVAILABLE",
                "writes down",
            ),
            (
                LocalReply::Maintenance(MaintenanceScope::Pushes),
                503,
                "UNAVAILABLE",
                "Harbor \"hq\" takes no new pushes",
            ),
            (
                LocalReply::Maintenance(MaintenanceScope::All),
                503,
                "UNAVAILABLE",
                "Harbor \"hq\" is closed",
            ),
            (LocalReply::ClientStalled, 408, "UNAVAILABLE", "client"),
            (LocalReply::Internal, 500, "UNKNOWN", "request id"),
        ] {
            assert_eq!(
                (answer.status(), answer.code().as_str()),
                (status, code),
                "{answer:?}"
            );
            let error = first_error(answer);
            assert_eq!(error["code"], code, "{answer:?}");
            assert_eq!(error["detail"]["request_id"], "5c7d-1", "{answer:?}");
            assert!(
                error["message"].as_str().unwrap().contains(word),
                "{answer:?}: {error}"
            );
        }
    }

    #[test]
    fn trouble_with_harbor_is_504_and_names_which() {
        for error in UpstreamError::ALL {
            let answer = LocalReply::Upstream(error);
            let status = match error {
                UpstreamError::NoSocket => 503,
                _ => 504,
            };
            assert_eq!((answer.status(), answer.reason()), (status, error.reason()));
            let message = first_error(answer)["message"].to_string();
            assert!(message.contains("Harbor \\\"hq\\\""), "{message}");
            assert!(!message.contains("  "), "{message}");
            assert!(
                !answer.sentence(None).contains(['"', '{', '\n']),
                "{message}"
            );
        }
    }

    fn first_error(answer: LocalReply) -> serde_json::Value {
        let body: serde_json::Value =
            serde_json::from_str(&answer.body(Some("hq"), "5c7d-1")).unwrap();
        body["errors"][0].clone()
    }
}
