//! The result of the walks, as one word and one exit status.

use super::super::finding::Finding;
use super::super::judge::Judged;
use super::super::kind::Severity;
use super::super::step::Step;
use super::super::trace::Why;
use crate::str_enum::words;

words! {
    pub(super) enum Verdict {
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
pub(super) fn verdict(walks: &[Judged]) -> Verdict {
    let Some(public) = walks.first() else {
        return Verdict::Unexamined;
    };
    let has = |severity| {
        let mut findings = public.findings.iter();
        findings.any(|finding: &Finding| finding.severity == severity)
    };
    let ended_early = public.walk.skipped.iter().any(|skipped| match skipped.why {
        Why::OutOfTime | Why::Interrupted => true,
        Why::NotAskedFor
        | Why::NoCredentials
        | Why::NoRepository
        | Why::NotTrusted
        | Why::ForeignRealm
        | Why::Impossible => false,
    });
    if has(Severity::Broken) {
        Verdict::Broken
    } else if has(Severity::Unexamined) || ended_early || public.walk.answer(Step::Ping).is_none() {
        Verdict::Unexamined
    } else {
        Verdict::Healthy
    }
}

/// 0 where nothing breaks a client, 1 where something does, 2 where the chain could not be examined.
pub(crate) fn exit_status(walks: &[Judged]) -> u8 {
    match verdict(walks) {
        Verdict::Healthy => 0,
        Verdict::Broken => 1,
        Verdict::Unexamined => 2,
    }
}

/// Whether uploads were not seen: there were no credentials, or no repository.
pub(super) fn is_partial(public: &Judged) -> bool {
    public.walk.answer(Step::UploadStart).is_none()
}

/// The worst first; alike ones in the order of the steps.
pub(super) fn by_gravity(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| finding.severity.rank());
    sorted
}
