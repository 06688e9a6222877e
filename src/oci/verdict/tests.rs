use super::*;
use crate::oci::operation::Operation as Op;
use crate::oci::reason::Quality;

fn error(code: &str, message: &str) -> OciError {
    OciError {
        code: code.to_owned(),
        message: message.to_owned(),
        digest: None,
    }
}

fn facts<'a>(operation: Op, credentials: CredentialState, end: RequestEnd<'a>) -> Facts<'a> {
    let method = match operation {
        Op::ManifestHead | Op::BlobHead => "HEAD",
        Op::ManifestPut | Op::UploadCommit => "PUT",
        Op::UploadChunk => "PATCH",
        Op::UploadStart | Op::UploadMount | Op::UploadMonolithic => "POST",
        Op::ManifestDelete | Op::BlobDelete | Op::UploadCancel => "DELETE",
        _ => "GET",
    };
    Facts {
        operation,
        method,
        credentials,
        proof: Proof::Proven,
        end,
    }
}

/// What nobody proves to be a credential holder's has words of its own where it would be somebody
/// else's fault, and counts for nothing in any case.
#[test]
fn what_is_not_proven_is_no_loss() {
    use CredentialState::{Expired, Given, None as Bare, Outdated, Removed};
    let passed = |status| RequestEnd::Passed {
        status,
        error: None,
        had_blob: false,
    };
    let lost = |lost| RequestEnd::Answered(LocalReply::AuthorizationLost(lost));
    let (commit, manifest) = (Op::UploadCommit, Op::ManifestPut);
    for (operation, credentials, end, proven, unproven) in [
        (
            commit,
            Bare,
            lost(Lost::Upload),
            Reason::AuthorizationLost,
            Reason::AuthorizationMissing,
        ),
        (
            manifest,
            Bare,
            lost(Lost::Manifest),
            Reason::AuthorizationLost,
            Reason::AuthorizationMissing,
        ),
        (
            Op::UploadChunk,
            Bare,
            passed(401),
            Reason::AuthorizationLost,
            Reason::AuthorizationMissing,
        ),
        (
            commit,
            Expired,
            passed(401),
            Reason::TokenExpired,
            Reason::TokenUnproven,
        ),
        (
            commit,
            Outdated,
            passed(401),
            Reason::Denied,
            Reason::Denied,
        ),
        (
            manifest,
            Outdated,
            passed(401),
            Reason::Challenge,
            Reason::Challenge,
        ),
        (
            Op::UploadStart,
            Outdated,
            RequestEnd::Answered(LocalReply::TokenOutdated),
            Reason::Challenge,
            Reason::Challenge,
        ),
        (
            commit,
            Outdated,
            RequestEnd::Answered(LocalReply::TokenOutdated),
            Reason::Denied,
            Reason::Denied,
        ),
        (
            manifest,
            Removed,
            passed(401),
            Reason::AuthorizationRemoved,
            Reason::AuthorizationRemoved,
        ),
        (
            Op::ManifestGet,
            Removed,
            passed(401),
            Reason::AuthorizationRemoved,
            Reason::AuthorizationRemoved,
        ),
        (
            Op::Token,
            Removed,
            RequestEnd::EmptyGrant,
            Reason::AuthorizationRemoved,
            Reason::AuthorizationRemoved,
        ),
        (
            Op::Api,
            Removed,
            passed(401),
            Reason::Denied,
            Reason::Denied,
        ),
        (
            commit,
            Given,
            passed(502),
            Reason::Upstream5xx,
            Reason::Upstream5xx,
        ),
        (commit, Given, passed(201), Reason::Success, Reason::Success),
    ] {
        for (proof, expected) in [(Proof::Proven, proven), (Proof::Unproven, unproven)] {
            let facts = Facts {
                proof,
                ..facts(operation, credentials, end.clone())
            };
            assert_eq!(
                judge(&facts),
                expected,
                "{operation} {credentials:?} {proof:?}"
            );
        }
    }
    for reason in &Reason::ALL {
        assert_eq!(reason.counts(Proof::Unproven), Quality::Excluded);
        assert_eq!(reason.counts(Proof::Proven), reason.quality());
    }
}

/// Harbor's answers as recorded, each at the operation that got it.
#[test]
fn harbors_answers_have_their_reasons() {
    use CredentialState::{Expired, Given, None as Bare};
    let quota = "adding 48.8 KiB of storage resource, which when updated to current usage of 100 B \
                 will exceed the configured upper limit of 19.5 KiB.";
    let read_only = "The system is in read only mode. Any modification is prohibited.";
    let immutable = "Failed to process request due to 'x:v1' configured as immutable.";
    let proxy = "denied: can not push artifact to a proxy project: proxyb";
    let role = "unauthorized to access repository: lab/x, action: push";
    let route = "un-recognized request: POST /v2/lab/UPPER/blobs/uploads/";
    let name = "bad request: invalid repository name: lab";
    for (operation, credentials, status, code, message, reason) in [
        // Success, redirects and interim answers.
        (Op::Ping, Given, 200, "", "", Reason::Success),
        (Op::BlobGet, Given, 307, "", "", Reason::Success),
        (Op::BlobGet, Given, 206, "", "", Reason::Success),
        (Op::UploadStart, Given, 202, "", "", Reason::Success),
        (Op::UploadCommit, Given, 201, "", "", Reason::Success),
        (Op::Ui, Bare, 304, "", "", Reason::Success),
        (Op::Other, Given, 101, "", "", Reason::Success),
        // The token dance.
        (
            Op::Ping,
            Bare,
            401,
            "UNAUTHORIZED",
            "unauthorized",
            Reason::Challenge,
        ),
        (Op::ManifestHead, Bare, 401, "", "", Reason::Challenge),
        (
            Op::BlobGet,
            Bare,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Challenge,
        ),
        (
            Op::UploadStart,
            Bare,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Challenge,
        ),
        (
            Op::UploadMount,
            Bare,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Challenge,
        ),
        (Op::UploadStatus, Bare, 401, "", "", Reason::Challenge),
        (Op::ManifestDelete, Bare, 401, "", "", Reason::Challenge),
        (Op::Token, Bare, 401, "", "", Reason::Challenge),
        (Op::Token, Bare, 405, "", "", Reason::Challenge),
        (Op::Token, Given, 405, "", "", Reason::Challenge),
        (Op::ManifestHead, Expired, 401, "", "", Reason::Challenge),
        (
            Op::UploadStart,
            Expired,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Challenge,
        ),
        (
            Op::ManifestPut,
            Expired,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Challenge,
        ),
        // Tokens that were lost or had expired on the way.
        (
            Op::UploadCommit,
            Bare,
            401,
            "UNAUTHORIZED",
            role,
            Reason::AuthorizationLost,
        ),
        (
            Op::UploadChunk,
            Bare,
            401,
            "",
            "",
            Reason::AuthorizationLost,
        ),
        (
            Op::ManifestPut,
            Bare,
            401,
            "",
            "",
            Reason::AuthorizationLost,
        ),
        (
            Op::UploadCommit,
            Expired,
            401,
            "UNAUTHORIZED",
            role,
            Reason::TokenExpired,
        ),
        (Op::UploadChunk, Expired, 401, "", "", Reason::TokenExpired),
        (Op::UploadStatus, Expired, 401, "", "", Reason::TokenExpired),
        // Roles and passwords.
        (
            Op::UploadStart,
            Given,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Denied,
        ),
        (
            Op::UploadCommit,
            Given,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Denied,
        ),
        (
            Op::ManifestPut,
            Given,
            401,
            "UNAUTHORIZED",
            role,
            Reason::Denied,
        ),
        (
            Op::Ping,
            Given,
            401,
            "UNAUTHORIZED",
            "unauthorized",
            Reason::Denied,
        ),
        (Op::Token, Given, 401, "", "", Reason::Denied),
        (Op::Api, Given, 401, "UNAUTHORIZED", "", Reason::Denied),
        (Op::Api, Given, 403, "", "", Reason::Denied),
        (Op::BlobDelete, Given, 403, "DENIED", "no", Reason::Denied),
        // Names.
        (
            Op::Other,
            Given,
            401,
            "UNAUTHORIZED",
            route,
            Reason::NameInvalid,
        ),
        (
            Op::UploadStart,
            Given,
            400,
            "BAD_REQUEST",
            name,
            Reason::NameInvalid,
        ),
        (
            Op::UploadStart,
            Given,
            400,
            "NAME_INVALID",
            "",
            Reason::NameInvalid,
        ),
        // Rules of the project and of Harbor.
        (Op::UploadCommit, Given, 403, "DENIED", quota, Reason::Quota),
        (Op::ManifestPut, Given, 403, "DENIED", quota, Reason::Quota),
        (Op::UploadMount, Given, 403, "DENIED", quota, Reason::Quota),
        (
            Op::UploadStart,
            Bare,
            403,
            "DENIED",
            read_only,
            Reason::ReadOnly,
        ),
        (
            Op::ManifestPut,
            Given,
            403,
            "DENIED",
            read_only,
            Reason::ReadOnly,
        ),
        (Op::UploadStart, Given, 403, "DENIED", proxy, Reason::Policy),
        (
            Op::ManifestPut,
            Given,
            412,
            "PRECONDITION",
            immutable,
            Reason::ImmutableTag,
        ),
        (
            Op::ManifestGet,
            Given,
            412,
            "PROJECTPOLICYVIOLATION",
            "",
            Reason::Policy,
        ),
        (
            Op::BlobGet,
            Given,
            403,
            "PROJECTPOLICYVIOLATION",
            "",
            Reason::Policy,
        ),
        (
            Op::ManifestPut,
            Given,
            412,
            "PROJECTPOLICYVIOLATION",
            "",
            Reason::Policy,
        ),
        (Op::ManifestGet, Given, 412, "", "", Reason::Policy),
        (
            Op::Api,
            Given,
            412,
            "PRECONDITION_FAILED",
            "",
            Reason::Rejected,
        ),
        (
            Op::UploadStart,
            Given,
            403,
            "FORBIDDEN",
            "CSRF token invalid",
            Reason::Rejected,
        ),
        // What was pushed.
        (
            Op::UploadCommit,
            Given,
            400,
            "DIGEST_INVALID",
            "",
            Reason::DigestInvalid,
        ),
        (
            Op::ManifestPut,
            Given,
            400,
            "DIGEST_INVALID",
            "",
            Reason::DigestInvalid,
        ),
        (
            Op::BlobGet,
            Given,
            400,
            "DIGEST_INVALID",
            "",
            Reason::Rejected,
        ),
        (
            Op::UploadCommit,
            Given,
            400,
            "SIZE_INVALID",
            "",
            Reason::SizeInvalid,
        ),
        (
            Op::ManifestPut,
            Given,
            400,
            "MANIFEST_INVALID",
            "",
            Reason::ManifestInvalid,
        ),
        (
            Op::ManifestGet,
            Given,
            404,
            "MANIFEST_INVALID",
            "",
            Reason::NotFound,
        ),
        (
            Op::ManifestPut,
            Given,
            400,
            "MANIFEST_UNVERIFIED",
            "",
            Reason::ManifestInvalid,
        ),
        (
            Op::ManifestPut,
            Given,
            400,
            "TAG_INVALID",
            "",
            Reason::ManifestInvalid,
        ),
        (
            Op::ManifestPut,
            Given,
            400,
            "MANIFEST_BLOB_UNKNOWN",
            "",
            Reason::ManifestBlobUnknown,
        ),
        (
            Op::ManifestPut,
            Given,
            404,
            "BLOB_UNKNOWN",
            "",
            Reason::ManifestBlobUnknown,
        ),
        (
            Op::UploadChunk,
            Given,
            404,
            "BLOB_UPLOAD_INVALID",
            "",
            Reason::RangeInvalid,
        ),
        (
            Op::UploadChunk,
            Given,
            416,
            "RANGE_INVALID",
            "",
            Reason::RangeInvalid,
        ),
        (Op::UploadChunk, Given, 416, "", "", Reason::RangeInvalid),
        (Op::BlobGet, Given, 416, "", "", Reason::RangeInvalid),
        (
            Op::UploadCommit,
            Given,
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "",
            Reason::UploadUnknown,
        ),
        (Op::UploadCommit, Given, 404, "", "", Reason::UploadUnknown),
        (
            Op::UploadStatus,
            Given,
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "",
            Reason::UploadUnknown,
        ),
        (
            Op::UploadCancel,
            Given,
            404,
            "BLOB_UPLOAD_UNKNOWN",
            "",
            Reason::Rejected,
        ),
        (Op::UploadCommit, Given, 413, "", "", Reason::BodyTooLarge),
        (Op::UploadChunk, Given, 413, "", "", Reason::BodyTooLarge),
        (Op::Api, Given, 413, "", "", Reason::Rejected),
        // What isn't there.
        (Op::BlobHead, Given, 404, "", "", Reason::Absent),
        (Op::ManifestHead, Given, 404, "", "", Reason::Absent),
        (Op::Referrers, Given, 404, "", "", Reason::Absent),
        (
            Op::ManifestGet,
            Given,
            404,
            "NOT_FOUND",
            "",
            Reason::NotFound,
        ),
        (
            Op::BlobGet,
            Given,
            404,
            "BLOB_UNKNOWN",
            "",
            Reason::NotFound,
        ),
        (Op::Tags, Given, 404, "NAME_UNKNOWN", "", Reason::NotFound),
        (Op::ManifestPut, Given, 404, "", "", Reason::NotFound),
        (Op::Ui, Bare, 404, "", "", Reason::NotFound),
        // Everything else.
        (Op::Token, Given, 400, "", "", Reason::Rejected),
        (
            Op::UploadCommit,
            Given,
            400,
            "BAD_REQUEST",
            "",
            Reason::Rejected,
        ),
        (Op::Tags, Given, 405, "", "", Reason::Rejected),
        (
            Op::BlobGet,
            Given,
            429,
            "TOOMANYREQUESTS",
            "",
            Reason::UpstreamLimited,
        ),
        (Op::UploadStart, Given, 429, "", "", Reason::UpstreamLimited),
        (
            Op::UploadCommit,
            Given,
            500,
            "UNKNOWN",
            "",
            Reason::Upstream5xx,
        ),
        (Op::ManifestPut, Bare, 502, "", "", Reason::Upstream5xx),
        (Op::BlobHead, Bare, 503, "", "", Reason::Upstream5xx),
    ] {
        let error = (!code.is_empty()).then(|| error(code, message));
        let end = RequestEnd::Passed {
            status,
            error: error.as_ref(),
            had_blob: false,
        };
        let judged = judge(&facts(operation, credentials, end));
        assert_eq!(
            judged, reason,
            "{operation} {credentials:?} {status} {code}"
        );
    }
}

#[test]
fn a_blob_that_harbor_had_taken_is_lost_and_not_missing() {
    for (operation, code, had_blob, reason) in [
        (
            Op::ManifestPut,
            "MANIFEST_BLOB_UNKNOWN",
            true,
            Reason::BlobLost,
        ),
        (Op::ManifestPut, "BLOB_UNKNOWN", true, Reason::BlobLost),
        (
            Op::ManifestPut,
            "BLOB_UNKNOWN",
            false,
            Reason::ManifestBlobUnknown,
        ),
        (Op::BlobGet, "BLOB_UNKNOWN", true, Reason::NotFound),
    ] {
        let error = error(code, "");
        let end = RequestEnd::Passed {
            status: 404,
            error: Some(&error),
            had_blob,
        };
        assert_eq!(
            judge(&facts(operation, CredentialState::Given, end)),
            reason,
            "{operation} {code}"
        );
    }
}

#[test]
fn what_broke_has_its_reason() {
    use UpstreamError as Up;
    let seconds = |s: u64| Some(Duration::from_millis(s * 1000 - 1));
    for (operation, failure, waited, reason) in [
        (
            Op::UploadCommit,
            Failure::Upstream(Up::ResponseTimeout),
            None,
            Reason::CommitTimeout,
        ),
        (
            Op::UploadMonolithic,
            Failure::Upstream(Up::ResponseTimeout),
            None,
            Reason::CommitTimeout,
        ),
        (
            Op::UploadChunk,
            Failure::Upstream(Up::ResponseTimeout),
            None,
            Reason::ResponseTimeout,
        ),
        (
            Op::UploadCommit,
            Failure::Upstream(Up::Reset),
            seconds(99),
            Reason::Reset,
        ),
        (
            Op::UploadCommit,
            Failure::ClientGone,
            None,
            Reason::ClientGone,
        ),
        (
            Op::UploadCommit,
            Failure::ClientGone,
            seconds(5),
            Reason::ClientGone,
        ),
        (
            Op::UploadCommit,
            Failure::ClientGone,
            seconds(6),
            Reason::ClientGoneWaiting,
        ),
        (
            Op::BlobGet,
            Failure::ClientGone,
            Some(PATIENCE),
            Reason::ClientGoneWaiting,
        ),
        (
            Op::UploadCommit,
            Failure::ClientStalled,
            seconds(60),
            Reason::ClientStalled,
        ),
        (Op::UploadChunk, Failure::Drained, None, Reason::Drained),
        (Op::UploadChunk, Failure::GaveWay, None, Reason::GaveWay),
        (Op::Ui, Failure::Internal, None, Reason::Internal),
        (Op::Ui, Failure::BadRequest, None, Reason::BadRequest),
    ] {
        let end = RequestEnd::Broken { failure, waited };
        let judged = judge(&facts(operation, CredentialState::Given, end));
        assert_eq!(judged, reason, "{operation} {failure:?} {waited:?}");
    }
    for error in Up::ALL {
        let end = RequestEnd::Broken {
            failure: Failure::Upstream(error),
            waited: None,
        };
        let judged = judge(&facts(Op::ManifestPut, CredentialState::Given, end));
        assert_eq!(judged.as_str(), error.as_str());
    }
}

/// No metric has a series for anything else.
#[test]
fn every_verdict_can_end_its_operation() {
    let codes = [
        "",
        "DENIED",
        "DIGEST_INVALID",
        "SIZE_INVALID",
        "MANIFEST_INVALID",
        "BLOB_UNKNOWN",
        "MANIFEST_BLOB_UNKNOWN",
        "NAME_INVALID",
        "RANGE_INVALID",
        "BLOB_UPLOAD_UNKNOWN",
        "PROJECTPOLICYVIOLATION",
        "PRECONDITION",
    ];
    let messages = [
        "",
        "configured upper limit",
        "read only mode",
        "immutable",
        "proxy project",
    ];
    for operation in Op::ALL {
        for credentials in [
            CredentialState::None,
            CredentialState::LeftOut,
            CredentialState::Expired,
            CredentialState::Given,
        ] {
            for status in 100..600 {
                for code in codes {
                    for message in messages {
                        let error = error(code, message);
                        let end = RequestEnd::Passed {
                            status,
                            error: (!code.is_empty()).then_some(&error),
                            had_blob: true,
                        };
                        let reason = judge(&facts(operation, credentials, end));
                        assert!(
                            reason.can_end(operation),
                            "{operation} {status} {code} {reason}"
                        );
                    }
                }
            }
        }
    }
}

/// A manifest that comes bare after layers that didn't: nothing in front removes Authorization.
#[test]
fn a_token_that_the_client_threw_away_is_not_lost() {
    let own = RequestEnd::Answered(LocalReply::AuthorizationLost(Lost::Manifest));
    let harbors = || RequestEnd::Passed {
        status: 401,
        error: None,
        had_blob: false,
    };
    for (name, credentials, end, reason) in [
        (
            "bare, explained",
            CredentialState::None,
            own.clone(),
            Reason::AuthorizationLost,
        ),
        (
            "bare, passed on",
            CredentialState::None,
            harbors(),
            Reason::AuthorizationLost,
        ),
        (
            "thrown away, explained",
            CredentialState::LeftOut,
            own,
            Reason::Challenge,
        ),
        (
            "thrown away, passed on",
            CredentialState::LeftOut,
            harbors(),
            Reason::Challenge,
        ),
    ] {
        let judged = judge(&facts(Op::ManifestPut, credentials, end));
        assert_eq!(judged, reason, "{name}");
    }
}
