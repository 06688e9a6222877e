//! Bodies: whether they are passed on as they come, how large they may be, how long they may pause,
//! and how long they may take.

use super::draft::{Draft, seen, seen_speaker};
use super::limits::{by_default, lasted, of_ages, of_answers, of_bodies, of_silences};
use crate::doctor::clients::Detail;
use crate::doctor::display::size;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Body, Exchange, Trouble, Walk};
use crate::doctor::wire::DRIBBLE;
use crate::doctor::words::Word;
use std::time::Duration;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let parts = [
        chunked(walk),
        buffered(walk),
        limit(walk),
        idle(walk),
        old_upload(walk),
        old_download(walk),
    ];
    parts.into_iter().flatten().collect()
}

/// The exchange of a step that sent the body; its upload's opening may stand beside it.
pub(super) fn write(walk: &Walk, step: Step) -> Option<&Exchange> {
    let is_write = |one: &&Exchange| matches!(one.request.method.as_str(), "PATCH" | "PUT");
    walk.all(step).find(is_write)
}

/// 411, 501, or a 400 where the same body with a length was taken.
pub(super) fn is_chunked_refused(walk: &Walk, exchange: &Exchange) -> bool {
    let is_chunked = matches!(exchange.request.body, Body::Chunked(_));
    let has_length_passed = walk
        .first(Step::UploadChunk)
        .is_some_and(Exchange::is_success);
    is_chunked
        && match exchange.status() {
            Some(411 | 501) => true,
            Some(400) => exchange.step == Step::UploadChunkChunked && has_length_passed,
            _ => false,
        }
}

fn chunked(walk: &Walk) -> Option<Draft> {
    let of = walk.those(|exchange| is_chunked_refused(walk, exchange));
    let first = of.first()?;
    let evidence = of.iter().map(|one| seen_speaker(one));
    Some(Draft::of(Kind::ChunkedRefused, first).shown_by(evidence))
}

/// Answers that take longer say nothing about buffering.
const PROMPT: Duration = Duration::from_secs(2);

fn buffered(walk: &Walk) -> Option<Draft> {
    let holder = holds_answers_back(walk);
    // Whoever holds an answer back may find the registry gone, and say so in its place.
    let is_held = |one: &&Exchange| match &one.result {
        Err(trouble) => matches!(trouble, Trouble::TimedOut(_)),
        Ok(answer) => matches!(answer.status, 502..=504),
    };
    let is_silent = |step: Step| walk.first(step).filter(is_held);
    let early = is_silent(Step::EarlyAnswer);
    // Who answers only as the body goes on reads on before it answers: of a chunked body so much beside
    // what it passes on that its silence says nothing.
    let goes_on = walk.first(Step::EarlyAnswer);
    let goes_on = goes_on.is_some_and(|one| one.result.is_ok() && one.took >= DRIBBLE);
    let early_chunked = is_silent(Step::EarlyAnswerChunked).filter(|_| !goes_on);
    let first = early.or(early_chunked)?;
    let is_slow = |step: Step| walk.first(step).is_some_and(|one| one.took > PROMPT);
    let others = [Step::Ping, Step::TokenGet, Step::Authorized];
    let is_answered = walk
        .answer(Step::Ping)
        .is_some_and(|ping| ping.status < 500);
    if !is_answered || others.into_iter().any(is_slow) {
        return None;
    }
    let shown = early.into_iter().chain(early_chunked).map(seen);
    let is_replaced = first.result.is_ok();
    if let Some(who) = holder.or_else(|| is_replaced.then_some("other")) {
        let held = Draft::of(Kind::EarlyAnswerHeld, first);
        return Some(held.because(who).shown_by(shown));
    }
    let which = if early.is_some() { "all" } else { "chunked" };
    Some(
        Draft::of(Kind::RequestBuffered, first)
            .wrong(which)
            .because(which)
            .shown_by(shown),
    )
}

/// Who answers, of those who pass bodies on as they come and keep an answer that comes before a body's end
/// until then: mod_proxy_http, and Varnish where it doesn't pipe.
fn holds_answers_back(walk: &Walk) -> Option<&'static str> {
    let answers = || walk.exchanges.iter().filter_map(|one| one.answer());
    let mut servers = answers().flat_map(|answer| answer.headers("server"));
    if servers.any(|server| server.to_ascii_lowercase().starts_with("apache")) {
        return Some("apache");
    }
    let is_varnish = answers().any(|answer| answer.header("x-varnish").is_some());
    is_varnish.then_some("varnish")
}

pub(super) fn length(exchange: &Exchange) -> u64 {
    exchange.request.body.size()
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

/// The largest body that passed.
fn largest(walk: &Walk) -> Option<&Exchange> {
    let sized = walk.exchanges.iter();
    sized
        .filter(|one| SIZED.contains(&one.step) && one.is_success())
        .max_by_key(|one| length(one))
}

/// How large it was, in bytes.
pub(super) fn passed(walk: &Walk) -> u64 {
    largest(walk).map_or(0, length)
}

/// Whether this body was too large: a 413, or an end that a smaller one didn't meet.
pub(super) fn is_too_large(walk: &Walk, exchange: &Exchange) -> bool {
    if !SIZED.contains(&exchange.step) || length(exchange) == 0 {
        return false;
    }
    if exchange.status() == Some(413) {
        return true;
    }
    if !matches!(exchange.step, Step::Body | Step::BodyLimit) {
        return false;
    }
    let is_ended = match &exchange.result {
        Ok(answer) if answer.is_csrf() => false,
        // IIS has a page of 404 for it.
        Ok(answer) if answer.status == 404 => answer.is_page(),
        Ok(answer) => matches!(answer.status, 400 | 403 | 500 | 502 | 503 | 504),
        Err(trouble) => matches!(trouble, Trouble::Cut | Trouble::TimedOut(_)),
    };
    let passed = passed(walk);
    is_ended && passed > 0 && passed < length(exchange)
}

/// The smallest body that was too large.
fn too_large(walk: &Walk) -> Option<&Exchange> {
    let of = walk.exchanges.iter().filter(|one| is_too_large(walk, one));
    of.min_by_key(|one| length(one))
}

/// Its size in bytes.
pub(super) fn smallest_refused(walk: &Walk) -> Option<u64> {
    too_large(walk).map(length)
}

fn limit(walk: &Walk) -> Option<Draft> {
    let smallest = too_large(walk)?;
    let (passed, refused) = (passed(walk), length(smallest));
    // Where the limit was found to the byte, its sizes look alike.
    let shown = |bytes: u64| {
        let to_the_byte = size(passed) == size(refused);
        move |language| match to_the_byte {
            true => Word::Bytes.filled(language, &[("count", &bytes)]),
            false => size(bytes),
        }
    };
    Some(
        Draft::of(Kind::BodyLimit, smallest)
            .wrong(if passed == 0 { "first" } else { "later" })
            .told("refused", shown(refused))
            .told("passed", shown(passed))
            .told("suspects", by_default(of_bodies(passed, refused)))
            .shown_by([seen_speaker(smallest)])
            .shown_by(largest(walk).map(seen))
            .where_(Detail::Passes(passed)),
    )
}

/// Whether this pause was cut.
pub(super) fn is_idle_cut(walk: &Walk, exchange: &Exchange) -> bool {
    let chunk = walk.first(Step::UploadChunk);
    exchange.step == Step::Idle && is_cut(exchange) && chunk.is_none_or(Exchange::is_success)
}

/// Whether it ended as hops end what takes them too long.
fn is_cut(exchange: &Exchange) -> bool {
    match &exchange.result {
        Ok(answer) => matches!(answer.status, 400 | 408 | 499 | 500 | 502 | 503 | 504 | 524),
        Err(trouble) => matches!(trouble, Trouble::Cut | Trouble::TimedOut(_)),
    }
}

/// What ends sooner ends for another reason than its age.
const YOUNGEST: Duration = Duration::from_secs(1);

/// Whether this body was cut while its bytes came.
pub(super) fn is_age_cut(walk: &Walk, exchange: &Exchange) -> bool {
    let chunk = walk.first(Step::UploadChunk);
    exchange.step == Step::SlowUpload
        && is_cut(exchange)
        && exchange.took >= YOUNGEST
        && chunk.is_none_or(Exchange::is_success)
}

fn old_upload(walk: &Walk) -> Option<Draft> {
    let exchange = write(walk, Step::SlowUpload).filter(|one| is_age_cut(walk, one))?;
    let is_answered = exchange.result.is_ok();
    Some(
        Draft::of(Kind::AgeCut, exchange)
            .wrong(if is_answered { "answered" } else { "cut" })
            .because("upload")
            .with("time", lasted(exchange.took))
            .told("suspects", of_ages(exchange.took))
            .shown_by([seen_speaker(exchange)]),
    )
}

/// The layer came whole when it was read at once.
fn old_download(walk: &Walk) -> Option<Draft> {
    let is_short = |exchange: &&Exchange| {
        let answer = exchange.answer();
        let is_other = answer.is_some_and(|answer| answer.content_matches == Some(false));
        (is_cut(exchange) || is_other) && exchange.took >= YOUNGEST
    };
    let exchange = walk.all(Step::SlowDownload).find(is_short)?;
    Some(
        Draft::of(Kind::AgeCut, exchange)
            .wrong("download")
            .because("download")
            .with("time", lasted(exchange.took))
            .told("suspects", of_answers(exchange))
            .shown_by([seen_speaker(exchange)]),
    )
}

fn idle(walk: &Walk) -> Option<Draft> {
    let exchange = write(walk, Step::Idle).filter(|one| is_idle_cut(walk, one))?;
    let is_answered = exchange.result.is_ok();
    Some(
        Draft::of(Kind::IdleCut, exchange)
            .wrong(if is_answered { "answered" } else { "cut" })
            .with("time", lasted(exchange.took))
            .told("suspects", of_silences(exchange.took))
            .shown_by([seen_speaker(exchange)]),
    )
}
