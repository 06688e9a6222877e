//! How long the answer to a commit may take, and how long it takes.

use super::draft::{Draft, seen, seen_speaker};
use super::limits::{lasted, of_silences};
use super::transfers::length;
use crate::doctor::display::size;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, Trouble, Walk};
use crate::doctor::words::Word;
use std::time::Duration;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    commit_cut(walk)
        .into_iter()
        .chain(commit_slow(walk))
        .collect()
}

/// The PUT whose answer was waited for.
pub(super) fn commit(walk: &Walk) -> Option<&Exchange> {
    walk.all(Step::CommitWait)
        .find(|one| one.request.method == "PUT")
}

/// Sooner than this no hop's patience ends by default, and a connection breaks for other reasons.
const SHORTEST_PATIENCE: Duration = Duration::from_secs(4);

/// Whether a hop's patience with a commit ended.
pub(super) fn is_commit_cut(exchange: &Exchange) -> bool {
    let waited = exchange.silence.unwrap_or(exchange.took);
    let is_late = waited >= SHORTEST_PATIENCE;
    let is_end = match &exchange.result {
        // These statuses mean that a timeout ended, however short it was.
        Ok(answer) => match answer.status {
            408 | 499 | 504 | 524 => true,
            500 | 502 | 503 => is_late,
            _ => false,
        },
        Err(trouble) => *trouble == Trouble::Cut && is_late,
    };
    exchange.step == Step::CommitWait && is_end
}

fn commit_cut(walk: &Walk) -> Option<Draft> {
    let exchange = commit(walk).filter(|one| is_commit_cut(one))?;
    let waited = exchange.silence.unwrap_or(exchange.took);
    Some(
        Draft::of(Kind::CommitCut, exchange)
            .with("size", size(committed(walk)))
            .with("time", lasted(waited))
            .told("suspects", of_silences(waited))
            .shown_by([seen_speaker(exchange)]),
    )
}

/// How large the committed blob was, which the step before may have sent.
pub(super) fn committed(walk: &Walk) -> u64 {
    let of = walk.all(Step::CommitWait).chain(walk.all(Step::Body));
    of.map(length).max().unwrap_or(0)
}

/// What containerd from 2.3 and Docker from 29.7 wait, and what hops do.
const IMPATIENT: Duration = Duration::from_secs(30);
const USUAL_HOP: Duration = Duration::from_secs(60);

/// No usual layer is larger.
const LARGE_LAYER: u64 = 10 << 30;

/// Of a smaller blob's commit most is not the blob's: nothing can be told of larger ones.
pub(super) const TELLING: u64 = 16 << 20;

/// What any answer takes, which is not the blob's.
pub(super) fn usual(walk: &Walk) -> Duration {
    [Step::UploadStatus, Step::UploadCommit]
        .into_iter()
        .filter_map(|step| walk.first(step))
        .map(|one| one.took)
        .max()
        .unwrap_or_default()
}

fn commit_slow(walk: &Walk) -> Option<Draft> {
    let exchange = commit(walk)?;
    let silence = exchange.silence.unwrap_or(exchange.took);
    let bytes = committed(walk);
    let has_no_end = matches!(exchange.result, Err(Trouble::TimedOut(_)));
    if !exchange.is_success() && !has_no_end {
        return None;
    }
    let usual = usual(walk);
    let grows = silence.saturating_sub(usual);
    let reaches = |limit: Duration| size_at(bytes, grows, limit);
    let is_measured = bytes >= TELLING && grows > usual;
    let is_near = is_measured && reaches(IMPATIENT).is_some_and(|size| size <= LARGE_LAYER);
    if !is_near && silence < IMPATIENT {
        return None;
    }
    let told = |limit: Duration| {
        let at = reaches(limit).filter(|_| is_measured).map(size);
        move |language| match &at {
            Some(at) => {
                Word::SecondsAt.filled(language, &[("seconds", &limit.as_secs()), ("size", at)])
            }
            None => format!("{} s", limit.as_secs()),
        }
    };
    Some(
        Draft::of(Kind::CommitSlow, exchange)
            .with("size", size(bytes))
            .with("time", lasted(silence))
            .told("client", told(IMPATIENT))
            .told("hop", told(USUAL_HOP))
            .shown_by([seen(exchange)]),
    )
}

/// The size whose commit takes that long.
fn size_at(bytes: u64, took: Duration, limit: Duration) -> Option<u64> {
    let scaled = u128::from(bytes) * limit.as_millis() / took.as_millis().max(1);
    u64::try_from(scaled).ok().filter(|_| !took.is_zero())
}
