//! Bodies: whether they are passed on as they come, how large they may be, how long they may pause,
//! and how long the answer to a commit may take.

use super::draft::{Draft, outcome, seen, seen_speaker, speaker};
use super::limits::{by_default, lasted, of_bodies, of_silences, size};
use super::upload::is_csrf;
use crate::doctor::clients::Circumstance;
use crate::doctor::kind::Kind;
use crate::doctor::seen::{Body, Exchange, Trouble, Walk};
use crate::doctor::step::Step;
use std::time::Duration;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let parts = [
        chunked(walk),
        buffered(walk),
        limit(walk),
        idle(walk),
        commit_cut(walk),
        commit_slow(walk),
    ];
    parts.into_iter().flatten().collect()
}

fn status(exchange: &Exchange) -> Option<u16> {
    exchange.result.as_ref().ok().map(|answer| answer.status)
}

fn is_ok(exchange: &Exchange) -> bool {
    status(exchange).is_some_and(|status| (200..300).contains(&status))
}

/// The exchange of a step that sent the body; its upload's opening may stand beside it.
pub(super) fn write(walk: &Walk, step: Step) -> Option<&Exchange> {
    let is_write = |one: &&Exchange| matches!(one.request.method.as_str(), "PATCH" | "PUT");
    walk.all(step).find(is_write)
}

/// 411, 501, or a 400 where the same body with a length was taken.
pub(super) fn is_chunked_refused(walk: &Walk, exchange: &Exchange) -> bool {
    let is_chunked = matches!(exchange.request.body, Body::Chunked(_));
    let has_length_passed = walk.first(Step::UploadChunk).is_some_and(is_ok);
    is_chunked
        && match status(exchange) {
            Some(411 | 501) => true,
            Some(400) => exchange.step == Step::UploadChunkChunked && has_length_passed,
            _ => false,
        }
}

fn chunked(walk: &Walk) -> Option<Draft> {
    let of: Vec<&Exchange> = walk
        .exchanges
        .iter()
        .filter(|exchange| is_chunked_refused(walk, exchange))
        .collect();
    let first = of.first()?;
    let answer = first.result.as_ref().ok()?;
    let summary = format!("A chunked body {}.", outcome(first));
    let cause = format!(
        "a hop{} takes bodies with a Content-Length only: a firewall for web applications, or an \
         old proxy",
        speaker(answer)
    );
    Some(
        Draft::new(Kind::ChunkedRefused, first.step, summary)
            .shown_by(of.iter().map(|one| seen_speaker(one)))
            .because(cause),
    )
}

/// Answers that take longer say nothing about buffering.
const PROMPT: Duration = Duration::from_secs(2);

fn buffered(walk: &Walk) -> Option<Draft> {
    let is_silent = |step: Step| {
        let exchange = walk.first(step);
        exchange.filter(|one| matches!(one.result, Err(Trouble::TimedOut(_))))
    };
    let early = is_silent(Step::EarlyAnswer);
    let early_chunked = is_silent(Step::EarlyAnswerChunked);
    let first = early.or(early_chunked)?;
    let is_slow = |step: Step| walk.first(step).is_some_and(|one| one.took > PROMPT);
    let others = [Step::Ping, Step::TokenGet, Step::Authorized];
    if walk.answer(Step::Ping).is_none() || others.into_iter().any(is_slow) {
        return None;
    }
    let (what, cause) = match (early, early_chunked) {
        (None, _) => (
            "Chunked bodies are",
            "a hop speaks HTTP/1.0 to what is behind it, and so has to know a body's length first: \
             `proxy_http_version 1.1` is missing (nginx)",
        ),
        (Some(_), _) => (
            "Bodies are",
            "a hop collects the whole body, on its disk, before it asks what is behind: \
             `proxy_request_buffering off` is missing (nginx; ingress: the annotation \
             proxy-request-buffering), or `option http-buffer-request` is on (HAProxy)",
        ),
    };
    let summary = format!(
        "{what} collected before they are passed on: a refusal that needs no body didn't come \
         before the body's end."
    );
    Some(
        Draft::new(Kind::RequestBuffered, first.step, summary)
            .shown_by(early.into_iter().chain(early_chunked).map(seen))
            .because(cause),
    )
}

fn length(exchange: &Exchange) -> u64 {
    match exchange.request.body {
        Body::None => 0,
        Body::Length(length) | Body::Chunked(length) => length,
    }
}

/// Steps that send bodies of different sizes.
const SIZED: [Step; 7] = [
    Step::EarlyAnswer,
    Step::EarlyAnswerChunked,
    Step::UploadChunk,
    Step::UploadChunkChunked,
    Step::Body,
    Step::BodyLimit,
    Step::CommitWait,
];

/// The largest body that passed, in bytes.
fn passed(walk: &Walk) -> u64 {
    let sized = walk
        .exchanges
        .iter()
        .filter(|one| SIZED.contains(&one.step));
    sized
        .filter(|one| is_ok(one))
        .map(length)
        .max()
        .unwrap_or(0)
}

/// Whether this body was too large: a 413, or an end that a smaller one didn't meet.
pub(super) fn is_too_large(walk: &Walk, exchange: &Exchange) -> bool {
    if !SIZED.contains(&exchange.step) || length(exchange) == 0 {
        return false;
    }
    if status(exchange) == Some(413) {
        return true;
    }
    if !matches!(exchange.step, Step::Body | Step::BodyLimit) {
        return false;
    }
    let is_ended = match &exchange.result {
        Ok(answer) if is_csrf(answer) => false,
        Ok(answer) => matches!(answer.status, 400 | 403 | 500 | 502 | 503 | 504),
        Err(trouble) => matches!(trouble, Trouble::Cut | Trouble::TimedOut(_)),
    };
    let passed = passed(walk);
    is_ended && passed > 0 && passed < length(exchange)
}

fn limit(walk: &Walk) -> Option<Draft> {
    let of = walk.exchanges.iter().filter(|one| is_too_large(walk, one));
    let smallest = of.min_by_key(|one| length(one))?;
    let (passed, refused) = (passed(walk), length(smallest));
    // Where the limit was found to the byte, its sizes look alike.
    let shown = |bytes: u64| match size(passed) == size(refused) {
        true => format!("{bytes} bytes"),
        false => size(bytes),
    };
    let summary = match passed {
        0 => format!("A body of {} {}.", size(refused), outcome(smallest)),
        _ => format!(
            "A body of {} {}; {} passed.",
            shown(refused),
            outcome(smallest),
            shown(passed)
        ),
    };
    let speaker = smallest
        .result
        .as_ref()
        .ok()
        .map(speaker)
        .unwrap_or_default();
    let who = of_bodies(passed, refused);
    let cause = format!(
        "a hop{speaker} limits the size of bodies{}",
        by_default(&who)
    );
    let largest = walk
        .exchanges
        .iter()
        .filter(|one| SIZED.contains(&one.step) && is_ok(one))
        .max_by_key(|one| length(one));
    Some(
        Draft::new(Kind::BodyLimit, smallest.step, summary)
            .shown_by([seen_speaker(smallest)])
            .shown_by(largest.map(seen))
            .because(cause)
            .where_(Circumstance::Passes(passed)),
    )
}

/// Whether this pause was cut.
pub(super) fn is_idle_cut(walk: &Walk, exchange: &Exchange) -> bool {
    let is_cut = match &exchange.result {
        Ok(answer) => matches!(answer.status, 400 | 408 | 500 | 502 | 503 | 504 | 524),
        Err(trouble) => matches!(trouble, Trouble::Cut | Trouble::TimedOut(_)),
    };
    let chunk = walk.first(Step::UploadChunk);
    exchange.step == Step::Idle && is_cut && chunk.is_none_or(is_ok)
}

fn idle(walk: &Walk) -> Option<Draft> {
    let exchange = write(walk, Step::Idle).filter(|one| is_idle_cut(walk, one))?;
    let after = exchange.took;
    let summary = format!(
        "A body that paused {} after {}.",
        match &exchange.result {
            Ok(answer) => format!("was answered with {}", answer.status),
            Err(_) => "was cut".to_owned(),
        },
        lasted(after)
    );
    let speaker = exchange
        .result
        .as_ref()
        .ok()
        .map(speaker)
        .unwrap_or_default();
    let cause = format!(
        "a hop{speaker} cuts requests whose body is silent{}: `client_body_timeout` and \
         `proxy_send_timeout` (nginx), `timeout client` and `timeout server` (HAProxy), \
         `respondingTimeouts.readTimeout` (Traefik), a balancer's idle timeout",
        of_silences(after)
    );
    Some(
        Draft::new(Kind::IdleCut, exchange.step, summary)
            .shown_by([seen_speaker(exchange)])
            .because(cause),
    )
}

/// The PUT whose answer was waited for.
fn commit(walk: &Walk) -> Option<&Exchange> {
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
        // These say themselves that somebody's patience ended, however short it was.
        Ok(answer) => match answer.status {
            408 | 504 | 524 => true,
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
    let summary = format!(
        "The commit of {} {} after {} of silence.",
        size(committed(walk)),
        outcome(exchange),
        lasted(waited)
    );
    let speaker = exchange
        .result
        .as_ref()
        .ok()
        .map(speaker)
        .unwrap_or_default();
    let cause = format!(
        "a hop{speaker} waits no longer for an answer{}: `proxy_read_timeout` (nginx), `timeout \
         server` (HAProxy), a balancer's timeout; it has to be longer than the slowest commit",
        of_silences(waited)
    );
    Some(
        Draft::new(Kind::CommitCut, exchange.step, summary)
            .shown_by([seen_speaker(exchange)])
            .because(cause),
    )
}

/// How large the committed blob was, which the step before may have sent.
fn committed(walk: &Walk) -> u64 {
    let of = walk.all(Step::CommitWait).chain(walk.all(Step::Body));
    of.map(length).max().unwrap_or(0)
}

/// What containerd from 2.3 and Docker from 29.7 wait, and what hops do.
const IMPATIENT: Duration = Duration::from_secs(30);
const USUAL_HOP: Duration = Duration::from_secs(60);

/// No usual layer is larger.
const LARGE_LAYER: u64 = 10 << 30;

/// Of a smaller blob's commit most is not the blob's: nothing can be told of larger ones.
const TELLING: u64 = 16 << 20;

fn commit_slow(walk: &Walk) -> Option<Draft> {
    let exchange = commit(walk)?;
    let silence = exchange.silence.unwrap_or(exchange.took);
    let bytes = committed(walk);
    let has_no_end = matches!(exchange.result, Err(Trouble::TimedOut(_)));
    if !is_ok(exchange) && !has_no_end {
        return None;
    }
    // What any answer takes is not the blob's.
    let usual = [Step::UploadStatus, Step::UploadCommit]
        .into_iter()
        .filter_map(|step| walk.first(step))
        .map(|one| one.took)
        .max()
        .unwrap_or_default();
    let grows = silence.saturating_sub(usual);
    let reaches = |limit: Duration| size_at(bytes, grows, limit);
    let is_measured = bytes >= TELLING && grows > usual;
    let is_near = is_measured && reaches(IMPATIENT).is_some_and(|size| size <= LARGE_LAYER);
    if !is_near && silence < IMPATIENT {
        return None;
    }
    let told = |limit: Duration| match reaches(limit).filter(|_| is_measured) {
        Some(at) => format!("{} s at {}", limit.as_secs(), size(at)),
        None => format!("{} s", limit.as_secs()),
    };
    let summary = format!(
        "The commit of {} was silent for {}; at this pace it passes {} and {}.",
        size(bytes),
        lasted(silence),
        told(IMPATIENT),
        told(USUAL_HOP)
    );
    Some(
        Draft::new(Kind::CommitSlow, exchange.step, summary)
            .shown_by([seen(exchange)])
            .because(
                "the registry hashes the blob again or moves it within its storage before it \
                 answers: that storage's pace is what counts",
            ),
    )
}

/// The size whose commit takes that long.
fn size_at(bytes: u64, took: Duration, limit: Duration) -> Option<u64> {
    let scaled = u128::from(bytes) * limit.as_millis() / took.as_millis().max(1);
    u64::try_from(scaled).ok().filter(|_| !took.is_zero())
}
