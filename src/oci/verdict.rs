//! The verdict: derives the reason of a request's end from everything that is known of the request.
//!
//! Pure. The framework's errors arrive as [`Failure`]s; `reason` says what a reason means. The texts
//! that tell Harbor's refusals apart were recorded from a Harbor 2.9.5.

use super::local_reply::{LocalReply, Lost};
use super::oci_error::OciError;
use super::operation::Operation;
use super::reason::{Proof, Reason};
use super::upstream_error::UpstreamError;
use std::time::Duration;

/// A client that leaves sooner than this while Harbor thinks was probably ended by hand.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a request got no answer of Harbor's, or only a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A try at Harbor failed.
    Upstream(UpstreamError),
    /// The client closed its connection or reset its stream.
    ClientGone,
    /// The client sent or took no byte for too long.
    ClientStalled,
    /// It stood still with a place that another client's request needed.
    GaveWay,
    /// What the client sent is no HTTP that may be passed on.
    BadRequest,
    /// The gateway's own end came first.
    Drained,
    /// A fault of ours.
    Internal,
}

impl Failure {
    /// How the attempt at Harbor failed, if it did.
    pub(crate) fn upstream(self) -> Option<&'static str> {
        match self {
            Failure::Upstream(cause) => Some(cause.as_str()),
            Failure::ClientGone
            | Failure::ClientStalled
            | Failure::GaveWay
            | Failure::BadRequest
            | Failure::Drained
            | Failure::Internal => None,
        }
    }
}

/// The credentials that a request went to Harbor with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialState {
    None,
    /// None, though PUTs of the same push brought theirs: the client has thrown away a token that
    /// expired, and asks for another by writing without. containerd does so; and so does the doctor,
    /// to see whether the refusal comes at once.
    LeftOut,
    /// A token that had expired, by its own words.
    Expired,
    /// A token that is valid and grants what was asked, refused: it may be older than its project. A
    /// fresh one heals it.
    Outdated,
    /// Harbor asks for a Bearer token, which it does only where no Authorization came, though one left
    /// here. To an Authorization of any kind its challenge is Basic, so no stranger makes it say this.
    /// Or its token service, behind a hop that was seen to do so, took a password for nobody's.
    Removed,
    Given,
}

/// Who said no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// A rule of the configuration.
    Rule,
    /// A filter of the operator's own.
    Filter,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestEnd<'a> {
    /// The gateway answered, without Harbor or instead of it.
    Answered(LocalReply),
    /// Who decides about requests here said no.
    Denied(DeniedBy),
    /// Harbor's answer was passed on, or the client was sent to https.
    Passed {
        status: u16,
        error: Option<&'a OciError>,
        /// The blob that the error misses was committed through this gateway shortly before.
        had_blob: bool,
    },
    /// A token that grants nothing of what was asked was passed on.
    EmptyGrant,
    Broken {
        failure: Failure,
        /// How long the client had been waiting for Harbor's answer, its own part done.
        waited: Option<Duration>,
    },
}

/// What is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    pub operation: Operation,
    pub method: &'a str,
    pub credentials: CredentialState,
    pub proof: Proof,
    pub end: RequestEnd<'a>,
}

/// The reason that a request ended for: always one that can end its operation.
pub fn judge(facts: &Facts<'_>) -> Reason {
    let reason = match &facts.end {
        RequestEnd::Answered(LocalReply::AuthorizationLost(_))
            if facts.credentials == CredentialState::LeftOut =>
        {
            Reason::Challenge
        }
        RequestEnd::Answered(LocalReply::AuthorizationLost(_)) => lost(facts.proof),
        RequestEnd::Answered(LocalReply::TokenOutdated) => outdated(facts.operation),
        RequestEnd::Answered(answer) => answer.reason(),
        RequestEnd::Denied(DeniedBy::Filter) => Reason::Filter,
        RequestEnd::Denied(DeniedBy::Rule) => Reason::Rule,
        RequestEnd::EmptyGrant if facts.credentials == CredentialState::Removed => {
            Reason::AuthorizationRemoved
        }
        RequestEnd::EmptyGrant => Reason::EmptyGrant,
        RequestEnd::Broken { failure, waited } => broken(*failure, *waited, facts.operation),
        RequestEnd::Passed {
            status,
            error,
            had_blob,
        } => passed(*status, *error, *had_blob, facts),
    };
    if reason.can_end(facts.operation) {
        reason
    } else {
        Reason::Rejected
    }
}

fn broken(failure: Failure, waited: Option<Duration>, operation: Operation) -> Reason {
    match failure {
        Failure::Upstream(UpstreamError::ResponseTimeout) if operation.is_commit() => {
            Reason::CommitTimeout
        }
        Failure::Upstream(error) => error.reason(),
        Failure::ClientGone if waited.is_some_and(|waited| waited >= PATIENCE) => {
            Reason::ClientGoneWaiting
        }
        Failure::ClientGone => Reason::ClientGone,
        Failure::ClientStalled => Reason::ClientStalled,
        Failure::GaveWay => Reason::GaveWay,
        Failure::BadRequest => Reason::BadRequest,
        Failure::Drained => Reason::Drained,
        Failure::Internal => Reason::Internal,
    }
}

fn passed(status: u16, error: Option<&OciError>, had_blob: bool, facts: &Facts<'_>) -> Reason {
    match status {
        0..400 => Reason::Success,
        429 => Reason::UpstreamLimited,
        500.. => Reason::Upstream5xx,
        401 => unauthorized(error, facts),
        // containerd asks by POST first, and goes on by GET on exactly this answer.
        405 if facts.operation == Operation::Token => Reason::Challenge,
        400..=499 => {
            let by_code = error.and_then(|error| coded(error, had_blob, facts.operation));
            by_code.unwrap_or_else(|| by_status(status, error, facts))
        }
    }
}

fn unauthorized(error: Option<&OciError>, facts: &Facts<'_>) -> Reason {
    match facts.credentials {
        CredentialState::None if Lost::of(facts.operation).is_some() => lost(facts.proof),
        CredentialState::None | CredentialState::LeftOut => Reason::Challenge,
        CredentialState::Expired if Operation::TICKETED.contains(&facts.operation) => {
            match facts.proof {
                Proof::Proven => Reason::TokenExpired,
                Proof::Unproven => Reason::TokenUnproven,
            }
        }
        CredentialState::Removed if facts.operation.is_registry() => Reason::AuthorizationRemoved,
        CredentialState::Outdated => outdated(facts.operation),
        CredentialState::Expired => Reason::Challenge,
        // Harbor's words for a name that none of its routes takes, an upper-case one say.
        CredentialState::Given if says(error, "un-recognized request") => Reason::NameInvalid,
        CredentialState::Given | CredentialState::Removed => Reason::Denied,
    }
}

/// Clients fetch another token and ask again; in the middle of an upload most of them give up.
fn outdated(operation: Operation) -> Reason {
    if Operation::TICKETED.contains(&operation) {
        Reason::Denied
    } else {
        Reason::Challenge
    }
}

fn lost(proof: Proof) -> Reason {
    match proof {
        Proof::Proven => Reason::AuthorizationLost,
        Proof::Unproven => Reason::AuthorizationMissing,
    }
}

/// By the error's code, where that says all.
fn coded(error: &OciError, had_blob: bool, operation: Operation) -> Option<Reason> {
    let is_manifest = operation == Operation::ManifestPut;
    Some(match error.code.as_str() {
        "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN" if is_manifest && had_blob => Reason::BlobLost,
        "MANIFEST_BLOB_UNKNOWN" => Reason::ManifestBlobUnknown,
        "BLOB_UNKNOWN" if is_manifest => Reason::ManifestBlobUnknown,
        "MANIFEST_INVALID" | "MANIFEST_UNVERIFIED" | "TAG_INVALID" if is_manifest => {
            Reason::ManifestInvalid
        }
        // Harbor's own from 2.16 on, for a manifest of over 4 MiB; a proxy's 413 has no code.
        "REQUEST_ENTITY_TOO_LARGE" if is_manifest => Reason::ManifestInvalid,
        "DIGEST_INVALID" => Reason::DigestInvalid,
        "SIZE_INVALID" => Reason::SizeInvalid,
        "NAME_INVALID" => Reason::NameInvalid,
        // Distribution's for an offset or a state that is not the upload's.
        "RANGE_INVALID" | "BLOB_UPLOAD_INVALID" => Reason::RangeInvalid,
        "BLOB_UPLOAD_UNKNOWN" => Reason::UploadUnknown,
        "PROJECTPOLICYVIOLATION" => Reason::Policy,
        _ => return None,
    })
}

fn by_status(status: u16, error: Option<&OciError>, facts: &Facts<'_>) -> Reason {
    let is_upload = Operation::TICKETED.contains(&facts.operation);
    let is_referrers = facts.operation == Operation::Referrers;
    match status {
        400 if says(error, "invalid repository name") => Reason::NameInvalid,
        403 if says(error, "configured upper limit") => Reason::Quota,
        403 if says(error, "read only mode") => Reason::ReadOnly,
        403 if says(error, "proxy project") => Reason::Policy,
        403 if error.is_none_or(|error| error.code == "DENIED") => Reason::Denied,
        404 if is_upload => Reason::UploadUnknown,
        // Clients ask whether the registry has the referrers API, and do without.
        404 if facts.method == "HEAD" || is_referrers => Reason::Absent,
        404 => Reason::NotFound,
        412 if says(error, "immutable") => Reason::ImmutableTag,
        // Neither is Harbor's: Apache and nginx say the one, Traefik the other.
        408 | 499 => Reason::HopTimeout,
        412 => Reason::Policy,
        413 => Reason::BodyTooLarge,
        416 => Reason::RangeInvalid,
        _ => Reason::Rejected,
    }
}

/// These words are the same in Harbor 2.9.5, 2.13.5, 2.14.4, 2.15.2 and its main branch of August 2026
/// (`src/pkg/quota/errors.go`, and `readonly`, `repoproxy`, `immutable`, `v2auth` and `artifactinfo` in
/// `src/server/middleware`), and none of them has a code that says as much.
fn says(error: Option<&OciError>, words: &str) -> bool {
    error.is_some_and(|error| error.message.contains(words))
}

#[cfg(test)]
mod tests;
