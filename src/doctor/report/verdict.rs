//! The result of the walks, as one word and one exit status.

use super::super::finding::Finding;
use super::super::judge::Judged;
use super::super::kind::Severity;
use super::super::step::Step;
use super::super::trace::Skip;
use crate::str_enum::str_enum;

str_enum! {
    pub(super) enum ChainVerdict {
        /// Nothing was found that breaks a client, as far as it was examined.
        Healthy "healthy",
        /// At least one client breaks.
        Broken "broken",
        /// Nothing broken was found, and not enough was seen to say that it works.
        Unexamined "unexamined",
    }
}

/// The public walk alone decides: what an inner hop shows, clients don't meet. What is broken wins
/// over what could not be examined. A walk that no registry answered, or that was ended before its
/// end, has not examined it.
pub(super) fn verdict(walks: &[Judged]) -> ChainVerdict {
    let Some(public) = walks.first() else {
        return ChainVerdict::Unexamined;
    };
    let has = |severity| {
        let mut findings = public.findings.iter();
        findings.any(|finding: &Finding| finding.severity == severity)
    };
    let ended_early = public.walk.skipped.iter().any(|skipped| match skipped.why {
        Skip::OutOfTime | Skip::Interrupted => true,
        Skip::NotAskedFor
        | Skip::NoCredentials
        | Skip::NoRepository
        | Skip::NotTrusted
        | Skip::ForeignRealm
        | Skip::Impossible => false,
    });
    let lacks_uploads =
        public.walk.requires_uploads && is_partial(public) || could_not_upload(public);
    if has(Severity::Broken) {
        ChainVerdict::Broken
    } else if has(Severity::Unexamined)
        || ended_early
        || lacks_uploads
        || public.walk.answer(Step::Ping).is_none()
    {
        ChainVerdict::Unexamined
    } else {
        ChainVerdict::Healthy
    }
}

/// 0 where nothing breaks a client, 1 where something does, 2 where the chain could not be examined.
pub(crate) fn exit_status(walks: &[Judged]) -> u8 {
    match verdict(walks) {
        ChainVerdict::Healthy => 0,
        ChainVerdict::Broken => 1,
        ChainVerdict::Unexamined => 2,
    }
}

/// Whether uploads were not seen: there were no credentials, or no repository.
pub(super) fn is_partial(public: &Judged) -> bool {
    public.walk.answer(Step::UploadStart).is_none()
}

/// Whether a repository was given, and an upload that had begun couldn't go on.
fn could_not_upload(public: &Judged) -> bool {
    let mut skipped = public.walk.skipped.iter();
    let was_to_go_on = skipped.any(|skipped| {
        let is_of_uploads = matches!(
            skipped.step,
            Step::UploadChunk | Step::Body | Step::BlobCommit
        );
        is_of_uploads && skipped.why == Skip::Impossible
    });
    let has_begun = public
        .walk
        .answer(Step::UploadStart)
        .is_some_and(|answer| answer.is_success());
    has_begun && was_to_go_on
}

/// The worst first; alike ones in the order of the steps.
pub(super) fn by_gravity(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity.rank());
    sorted
}
