//! The tiny artifact: whether it could be pushed and pulled, and writes that fail in a way that
//! nothing else explains.

use super::authorization::is_lost;
use super::commit::is_commit_cut;
use super::draft::{Draft, quoted, seen, seen_header, seen_speaker, seen_words};
use super::location;
use super::transfers::{is_age_cut, is_chunked_refused, is_idle_cut, is_too_large};
use super::upload::{is_open, is_unknown};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, ResponseSeen, Trouble, Walk};
use crate::doctor::walk::MANIFESTS;
use crate::doctor::words::Word;
use crate::net::origin::Authority;
use crate::oci::sample::image::MANIFEST;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let parts = [
        push(walk),
        not_found_cached(walk),
        media_type(walk),
        range(walk),
        pull(walk),
    ];
    parts.into_iter().flatten().collect()
}

/// Writes, and what people call them.
const WRITES: [(Step, Word); 10] = [
    (Step::UploadChunk, Word::ChunkWithLength),
    (Step::UploadChunkChunked, Word::ChunkedChunk),
    (Step::UploadCommit, Word::WrongDigest),
    (Step::Body, Word::LargeBody),
    (Step::Idle, Word::PausingBody),
    (Step::SlowUpload, Word::SlowBody),
    (Step::BlobCommit, Word::LayersCommit),
    (Step::ConfigCommit, Word::ConfigurationsCommit),
    (Step::ManifestPut, Word::TheManifest),
    (Step::CommitWait, Word::LargeCommit),
];

fn push(walk: &Walk) -> Option<Draft> {
    if !is_open(walk) {
        return None;
    }
    let failed = |exchange: &Exchange| {
        exchange.request.method != "DELETE"
            && what(exchange.step).is_some()
            && !is_well(exchange)
            && !is_explained(walk, exchange)
    };
    let of = walk.those(failed);
    let first = of.first()?;
    let cause = match first.answer() {
        None => "unanswered",
        Some(answer) if answer.status == 400 && is_escaped_twice(walk) => "escaped",
        Some(answer) => match (answer.status, answer.is_page()) {
            (405, true) => "no_method",
            (403, true) => "forbidden",
            (401, _) => "expired",
            (_, true) => "page",
            (_, false) => "registry",
        },
    };
    let lives = walk.grant.as_ref().and_then(|grant| grant.expires_in);
    let lives = move |language| match &lives {
        Some(seconds) => Word::Lives.filled(language, &[("seconds", seconds)]),
        None => String::new(),
    };
    Some(
        Draft::of(Kind::PushFailed, first)
            .because(cause)
            .saying("what", what(first.step)?)
            .told("lives", lives)
            .shown_by(of.iter().map(|one| seen_words(one))),
    )
}

/// Whether the Location that uploads begin with was escaped once too often: its parameters have names, and
/// nothing in an upload's state has a percent sign of its own.
fn is_escaped_twice(walk: &Walk) -> bool {
    let started = walk.answer(Step::UploadStart);
    let location = started.and_then(|answer| answer.header("location"));
    let query = location.and_then(|location| location.split_once('?'));
    query.is_some_and(|(_, query)| query.contains("%25") || !query.contains('='))
}

fn what(step: Step) -> Option<Word> {
    let mut writes = WRITES.iter();
    writes.find_map(|(write, what)| (*write == step).then_some(*what))
}

/// A wrong digest is to be refused, for which registries have several statuses; everything else is
/// to be taken.
fn is_well(exchange: &Exchange) -> bool {
    exchange
        .result
        .as_ref()
        .is_ok_and(|answer| match exchange.step {
            Step::UploadCommit => {
                let is_hops = matches!(answer.status, 401 | 403 | 405 | 411 | 413);
                (400..500).contains(&answer.status) && !is_hops && !answer.is_page()
            }
            _ => answer.is_success(),
        })
}

/// Whether another finding tells of it.
fn is_explained(walk: &Walk, exchange: &Exchange) -> bool {
    let is_patient =
        matches!(exchange.result, Err(Trouble::TimedOut(_))) && exchange.step == Step::CommitWait;
    let says = |test: fn(&ResponseSeen) -> bool| exchange.result.as_ref().is_ok_and(test);
    // The registry's errors as pages: a finding of its own.
    let is_page_of_400 = exchange.step == Step::UploadCommit
        && says(|answer| answer.status == 400 && answer.is_page());
    is_patient
        || is_page_of_400
        || says(ResponseSeen::is_csrf)
        || is_lost(walk, exchange)
        || is_unknown(walk, exchange)
        || is_chunked_refused(walk, exchange)
        || is_too_large(walk, exchange)
        || is_idle_cut(walk, exchange)
        || is_age_cut(walk, exchange)
        || is_commit_cut(exchange)
}

/// Told with the other HEADs.
fn is_refused_head(exchange: &Exchange) -> bool {
    exchange.request.method == "HEAD" && exchange.status() != Some(404)
}

/// The layer was committed, and HEAD says 404.
fn not_found_cached(walk: &Walk) -> Option<Draft> {
    let before = walk.first(Step::HeadBefore)?;
    let after = walk.first(Step::HeadAfter)?;
    let is_kept = before.status() == Some(404) && after.status() == Some(404);
    let is_there = walk
        .first(Step::BlobCommit)
        .is_some_and(Exchange::is_success);
    (is_kept && is_there).then(|| {
        Draft::of(Kind::NotFoundCached, after).shown_by([seen(before), seen_speaker(after)])
    })
}

/// Clients choose how to read a manifest by its type.
fn media_type(walk: &Walk) -> Option<Draft> {
    let is_other = |one: &Exchange, kind: &str| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        match one.step {
            // What others pushed may be of any of them.
            Step::TagGet => !MANIFESTS
                .iter()
                .any(|known| kind.eq_ignore_ascii_case(known)),
            _ => !kind.eq_ignore_ascii_case(MANIFEST),
        }
    };
    let of = walk.those(|one| {
        let kind = one
            .answer()
            .and_then(|answer| answer.header("content-type"));
        matches!(
            one.step,
            Step::TagGet | Step::ManifestHead | Step::ManifestGet
        ) && one.is_success()
            && kind.is_none_or(|kind| is_other(one, kind))
    });
    let first = of.first()?;
    let kind = first
        .answer()
        .and_then(|answer| answer.header("content-type"))
        .map(quoted);
    Some(
        Draft::of(Kind::MediaTypeChanged, first)
            .wrong(if first.step == Step::TagGet {
                "unknown"
            } else {
                "other"
            })
            .told("type", move |language| match &kind {
                Some(kind) => kind.clone(),
                None => Word::Nothing.told(language).to_owned(),
            })
            .with("pushed", MANIFEST)
            .shown_by(of.iter().map(|one| seen_header(one, "content-type"))),
    )
}

/// All of the layer in place of a part, or an error where the layer itself was given.
fn is_range_ignored(exchange: &Exchange) -> bool {
    exchange.step == Step::BlobRange && matches!(exchange.status(), Some(200 | 400..=499))
}

fn range(walk: &Walk) -> Option<Draft> {
    let is_given = walk.all(Step::BlobGet).any(Exchange::is_success);
    let of = walk.those(|one| is_range_ignored(one) && (is_given || one.step == Step::LayerRange));
    let first = of.first()?;
    Some(Draft::of(Kind::RangeIgnored, first).shown_by(of.iter().map(|one| seen(one))))
}

fn pull(walk: &Walk) -> Option<Draft> {
    let failed = |exchange: &Exchange| {
        let is_pull = matches!(
            exchange.step,
            Step::TagGet
                | Step::LayerRange
                | Step::ManifestHead
                | Step::ManifestGet
                | Step::BlobGet
                | Step::BlobRange
        ) && !is_range_ignored(exchange)
            && !is_refused_head(exchange);
        let is_well = exchange.result.as_ref().is_ok_and(|answer| {
            let is_redirect = matches!(answer.status, 302 | 303 | 307 | 308);
            (matches!(answer.status, 200 | 206) || is_redirect)
                && answer.content_matches != Some(false)
        });
        is_pull && !is_well
    };
    let of = walk.those(failed);
    let first = of.first()?;
    let what = match first.step {
        Step::TagGet | Step::ManifestHead | Step::ManifestGet => Word::Manifest,
        _ => Word::Layer,
    };
    let differs = |answer: &ResponseSeen| answer.content_matches == Some(false);
    let differs = first.answer().is_some_and(differs);
    let storage = redirected(walk, first);
    let which = match (differs, &storage) {
        (true, _) => "other_bytes",
        (false, Some(_)) => "storage",
        (false, None) => "unread",
    };
    let evidence = of
        .iter()
        .map(|one| if differs { seen(one) } else { seen_words(one) });
    Some(
        Draft::of(Kind::PullFailed, first)
            .wrong(which)
            .because(which)
            .saying("what", what)
            .with("storage", storage.unwrap_or_default())
            .shown_by(evidence),
    )
}

/// Where the registry redirected a pull to, if that is elsewhere.
fn redirected(walk: &Walk, exchange: &Exchange) -> Option<String> {
    let authority = location::url(&exchange.request.url)?.authority;
    let Authority { host, .. } = Authority::parse(authority).ok()?;
    let is_elsewhere = host != walk.entered().host && host != walk.target.host;
    is_elsewhere.then(|| authority.to_owned())
}
