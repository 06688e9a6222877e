//! Derives a finding from a request's end and from what was recorded before it.
//!
//! What this file deliberately doesn't know: where the evidence is kept, and the sentences.

use super::disconnects::Cluster;
use super::event::RequestEnded;
use super::finding::PushFinding;
use crate::net::bounded_text::Text;
use crate::oci::operation::Operation;
use crate::oci::reason::{Outcome, Reason};
use crate::oci::user_agent::ClientFamily;
use std::time::Duration;

/// What was seen before.
#[derive(Clone, Debug, Default)]
pub(crate) struct PushEvidence {
    /// The Host of the upload's POST; none if this replica didn't see it.
    pub(crate) opening_host: Option<Text>,
    /// Since the upload began.
    pub(crate) upload_age: Option<Duration>,
    /// Whether the last request of an upload that this replica saw opened went well.
    pub(crate) was_sound: bool,
    /// What this break has in common with others.
    pub(crate) cluster: Option<Cluster>,
    /// The slowest commit of the last hour that was answered.
    pub(crate) slowest_commit: Option<Duration>,
    /// Since Harbor took the blob that it now doesn't know.
    pub(crate) committed_ago: Option<Duration>,
}

/// What the evidence points to, if it points anywhere.
pub(crate) fn finding(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> Option<PushFinding> {
    match ended.reason {
        Reason::AuthorizationLost => Some(bare(ended, evidence)),
        Reason::Success if ended.reattached => Some(bare(ended, evidence)),
        // Of a failure, the reason says more.
        reason if ended.in_clear && reason.outcome() == Outcome::Ok => {
            Some(PushFinding::InsecureClientSide)
        }
        Reason::TokenExpired => short_token(ended, evidence),
        Reason::Denied | Reason::EmptyGrant => no_push_granted(ended),
        Reason::BlobLost | Reason::ManifestBlobUnknown => {
            evidence.committed_ago.map(|_| PushFinding::UnsharedStorage)
        }
        Reason::UploadUnknown => lost_upload(evidence),
        reason if reason.outcome() == Outcome::Aborted => {
            cdn_limit(ended).or_else(|| cut(ended, evidence))
        }
        _ => None,
    }
}

/// A write without its token. Clients drop it when Location leads to another authority than the
/// one they were given, which then shows in Host; otherwise somebody removed it.
fn bare(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> PushFinding {
    let follows_location = Operation::TICKETED.contains(&ended.operation);
    let expected = evidence
        .opening_host
        .as_deref()
        .unwrap_or(ended.public_host);
    if follows_location && ended.host != expected {
        PushFinding::LocationRewritten
    } else {
        PushFinding::AuthorizationStripped
    }
}

fn short_token(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> Option<PushFinding> {
    let age = ended.upload_age.or(evidence.upload_age)?;
    (ended.token_life? < age).then_some(PushFinding::ShortToken)
}

fn no_push_granted(ended: &RequestEnded<'_>) -> Option<PushFinding> {
    let is_push = Operation::PUSH.contains(&ended.operation) || ended.operation == Operation::Token;
    (is_push && ended.token_grants_push == Some(false)).then_some(PushFinding::NoPushGranted)
}

/// Harbor purges uploads after a week: younger ones are lost, not purged.
const YOUNG: Duration = Duration::from_secs(3600);

/// An upload that Harbor opened, that was fine at its last request, and that is gone. One that
/// failed may be gone because of that: an offset that doesn't fit cancels it.
fn lost_upload(evidence: &PushEvidence) -> Option<PushFinding> {
    let is_young = evidence.upload_age.is_some_and(|age| age < YOUNG);
    (evidence.was_sound && is_young).then_some(PushFinding::UnsharedStorage)
}

/// Cloudflare's limits for one body, by plan: Free and Pro, Business, Enterprise.
const BODIES: [u64; 3] = [100_000_000, 200_000_000, 500_000_000];

fn cdn_limit(ended: &RequestEnded<'_>) -> Option<PushFinding> {
    (ended.behind_cloudflare && body_limit(ended.received).is_some())
        .then_some(PushFinding::CdnLimit)
}

/// The limit that a body came to. It may mean mega- or mebibytes, and what is under way when the
/// cut comes is lost or let through: two percent on either side.
pub(crate) fn body_limit(received: u64) -> Option<u64> {
    let near = |limit: &u64| {
        let from = limit / 100 * 98;
        let to = limit / 1_000_000 * (1 << 20) / 100 * 102;
        (from..=to).contains(&received)
    };
    BODIES.into_iter().find(near)
}

/// When containerd gives up: measured from its own last byte, which isn't ours.
const IMPATIENCE: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(28)..=Duration::from_secs(33);

/// What the client does anyway is no balancer's work: such a break has no cluster (`is_own_limit`).
fn cut(ended: &RequestEnded<'_>, evidence: &PushEvidence) -> Option<PushFinding> {
    match evidence.cluster {
        Some(_) => Some(PushFinding::IdleCut),
        None if is_impatient(ended) => Some(PushFinding::ImpatientClient),
        None => None,
    }
}

/// Whether the client left when containerd does, in the middle of a silent commit.
fn is_impatient(ended: &RequestEnded<'_>) -> bool {
    let waited = ended
        .commit_wait
        .is_some_and(|wait| IMPATIENCE.contains(&wait));
    ended.operation.is_commit() && waited
}

/// Whether a break is the client's own limit, and so says nothing about balancers.
pub(crate) fn is_own_limit(ended: &RequestEnded<'_>) -> bool {
    is_impatient(ended) && gives_up(ended.client_family)
}

/// Clients that give up after 30 s without an answer: those that push as containerd does.
pub(crate) fn gives_up(family: ClientFamily) -> bool {
    matches!(
        family,
        ClientFamily::DockerContainerd
            | ClientFamily::DockerClassic
            | ClientFamily::Containerd
            | ClientFamily::Buildkit
    )
}
