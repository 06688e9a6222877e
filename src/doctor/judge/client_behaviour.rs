//! What clients do beside one plain request: whether their name, several connections, HTTP/2, long
//! requests and HEAD get through where a plain GET did; and the clocks.

use super::draft::{Draft, seen, seen_header, seen_speaker};
use crate::doctor::display::about;
use crate::doctor::finding::Evidence;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::topic::Topic;
use crate::doctor::trace::{Exchange, ResponseSeen, Trouble, Walk};
use std::time::{Duration, SystemTime};

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    // Where a plain GET gets no registry's answer, that is the finding.
    if !walk.answer(Step::Ping).is_some_and(is_a_registrys) {
        return Vec::new();
    }
    let parts = [
        refused(walk, Step::UserAgent, Kind::UserAgentRefused),
        at_once(walk),
        refused(walk, Step::Http2, Kind::Http2Failed),
        long(walk),
        head(walk),
        absent_found(walk),
        shared_cache(walk),
        clock(walk),
    ];
    parts.into_iter().flatten().collect()
}

fn is_a_registrys(answer: &ResponseSeen) -> bool {
    matches!(answer.status, 200 | 401) && !(answer.status == 200 && answer.is_page())
}

/// Whether it got another end than the same request without what is tried here. Who was asked too
/// often says nothing, and neither does what connecting has shown already.
fn is_refused(exchange: &Exchange) -> bool {
    match &exchange.result {
        Ok(answer) => !is_a_registrys(answer) && answer.status != 429,
        Err(trouble) => is_cut(trouble),
    }
}

fn is_cut(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Cut | Trouble::TimedOut(_) | Trouble::Refused | Trouble::NotHttp(_) => true,
        Trouble::Unresolved(_)
        | Trouble::Unreachable(_)
        | Trouble::Tls(_)
        | Trouble::ClientCertificate(_)
        | Trouble::NotTls
        | Trouble::ProxyRefused(_) => false,
    }
}

/// The finding of a step that is one such request.
fn refused(walk: &Walk, step: Step, kind: Kind) -> Option<Draft> {
    let exchange = walk.first(step).filter(|one| is_refused(one))?;
    Some(Draft::of(kind, exchange).shown_by([seen_speaker(exchange)]))
}

fn at_once(walk: &Walk) -> Option<Draft> {
    let all: Vec<&Exchange> = walk.all(Step::AtOnce).collect();
    // A limit of this kind is said by 429 as well.
    let is_lost = |one: &&&Exchange| is_refused(one) || one.status() == Some(429);
    let lost: Vec<&Exchange> = all.iter().filter(is_lost).copied().collect();
    // Registries have limits of their own for who asks without a token.
    let is_with_more =
        |one: &Exchange| !matches!(one.step.topic(), Topic::ClientBehaviour | Topic::Reach);
    let limited = || walk.those(|one| one.status() == Some(429) && is_with_more(one));
    let (wrong, lost, count) = match lost.as_slice() {
        [] => ("requests", limited(), walk.exchanges.len()),
        _ => ("connections", lost, all.len()),
    };
    let first = lost.first()?;
    let cause = match first.status() {
        Some(502) => "broken_server",
        Some(_) | None => "limit",
    };
    let evidence = match first
        .answer()
        .and_then(|answer| answer.header("retry-after"))
    {
        Some(_) => seen_header(first, "retry-after"),
        None => seen_speaker(first),
    };
    Some(
        Draft::of(Kind::ConnectionsLimited, first)
            .wrong(wrong)
            .because(cause)
            .with("lost", lost.len())
            .with("all", count)
            .shown_by([evidence]),
    )
}

/// Statuses that plain requests alike got now and then: where one of these stands, nothing is proven against
/// what was special about a request. 429 says so by itself.
pub(super) fn at_random(walk: &Walk) -> Vec<u16> {
    let is_well = |one: &Exchange| one.answer().is_some_and(is_a_registrys);
    let alike = || walk.all(Step::AtOnce).chain(walk.all(Step::Ping));
    let is_steady = !alike().any(is_well);
    let statuses = walk.all(Step::AtOnce).filter_map(Exchange::status);
    let lost = statuses.filter(|status| !is_steady && matches!(status, 502 | 503));
    std::iter::once(429).chain(lost).collect()
}

/// Registries have statuses of their own for what is no token; none of them is said by a page.
fn long(walk: &Walk) -> Option<Draft> {
    let is_refused = |one: &Exchange| match &one.result {
        Ok(answer) => match answer.status {
            413 | 414 | 431 | 494 | 500..=599 => true,
            400 | 403 | 405 => answer.is_page() || one.step == Step::LongUri,
            // IIS has a page of 404 for a query that is too long.
            404 => answer.is_page() && one.step == Step::LongUri,
            _ => false,
        },
        Err(trouble) => is_cut(trouble),
    };
    let of = walk.those(|one| {
        matches!(one.step, Step::LongUri | Step::LongAuthorization) && is_refused(one)
    });
    let first = of.first()?;
    let what = match (first.step, of.len()) {
        (_, 2..) => "both",
        (Step::LongUri, _) => "uri",
        (_, _) => "authorization",
    };
    Some(
        Draft::of(Kind::LongRequestRefused, first)
            .wrong(what)
            .shown_by(of.iter().map(|one| seen_short(one))),
    )
}

/// The exchange without the 4 KiB of its URI.
fn seen_short(exchange: &Exchange) -> Evidence {
    let mut seen = seen_speaker(exchange);
    if let Some((path, _)) = seen.request.split_once('?') {
        seen.request = format!("{path}?…");
    }
    seen
}

/// 404 is right, and so is what asks for a login.
fn head(walk: &Walk) -> Option<Draft> {
    let is_refused = |one: &Exchange| match &one.result {
        Ok(answer) => match answer.status {
            403 => answer.is_page(),
            300..=399 => one.step == Step::HeadAbsent,
            400 | 405 | 406 | 500..=599 => true,
            _ => false,
        },
        Err(trouble) => is_cut(trouble),
    };
    let of = walk.those(|one| one.request.method == "HEAD" && is_refused(one));
    let first = of.first()?;
    Some(Draft::of(Kind::HeadRefused, first).shown_by(of.iter().map(|one| seen_speaker(one))))
}

fn absent_found(walk: &Walk) -> Option<Draft> {
    let of = walk
        .those(|one| matches!(one.step, Step::HeadAbsent | Step::HeadBefore) && one.is_success());
    let first = of.first()?;
    Some(Draft::of(Kind::AbsentLayerFound, first).shown_by(of.iter().map(|one| seen(one))))
}

/// Without Authorization the registry asked for a login, and then, after somebody was let in, no more.
fn shared_cache(walk: &Walk) -> Option<Draft> {
    let has_asked = walk.first(Step::Ping)?.status() == Some(401);
    let was_let_in = walk.first(Step::Authorized)?.is_success();
    let of = walk.those(|one| {
        matches!(one.step, Step::UserAgent | Step::AtOnce | Step::Http2) && one.is_success()
    });
    let first = of.first().filter(|_| has_asked && was_let_in)?;
    Some(Draft::of(Kind::SharedCache, first).shown_by([seen_speaker(first)]))
}

/// Less is of no matter: tokens live for minutes, and have a leeway of one.
const SKEW: Duration = Duration::from_secs(120);

/// What a cache kept has the time at which it was made.
fn clock(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::Ping)?;
    let answer = exchange
        .answer()
        .filter(|answer| answer.header("age").is_none())?;
    let there = httpdate::parse_http_date(answer.header("date")?).ok()?;
    let here = SystemTime::UNIX_EPOCH + Duration::from_secs(walk.began);
    let (wrong, by) = match there.duration_since(here) {
        Ok(ahead) => ("ahead", ahead),
        Err(behind) => ("behind", behind.duration()),
    };
    (by > SKEW).then(|| {
        Draft::of(Kind::ClockSkew, exchange)
            .wrong(wrong)
            .told("time", move |language| about(by, language))
            .shown_by([seen_header(exchange, "date")])
    })
}
