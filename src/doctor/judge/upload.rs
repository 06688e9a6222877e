//! Uploads: their opening, where their Location leads, and whether they are known afterwards.

use super::draft::{Draft, how_often, seen_header, seen_words, words};
use super::experiments;
use super::location::{self, LocationFlaw, flaws};
use super::refusal::{RefusalCause, refusal};
use super::transfers::is_too_large;
use crate::doctor::clients::{Detail, Opened, PlainHttp, Surroundings};
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::{Carried, Exchange, ResponseSeen, Walk};
use crate::doctor::words::Word;
use crate::net::origin::{Authority, Scheme};
use crate::oci::oci_error::OciError;

pub(super) fn judge(walk: &Walk) -> Vec<Draft> {
    let mut drafts = Vec::new();
    drafts.extend(opening(walk));
    drafts.extend(cookie(walk));
    drafts.extend(locations(walk));
    drafts.extend(unknown(walk));
    drafts
}

pub(super) fn is_open(walk: &Walk) -> bool {
    walk.first(Step::UploadStart)
        .is_some_and(Exchange::is_success)
}

/// A success that isn't the specification's (OCI distribution, Pushing blobs): 202.
fn other_success(exchange: &Exchange) -> Option<Draft> {
    let is_other = exchange.is_success() && exchange.status() != Some(202);
    is_other.then(|| {
        Draft::of(Kind::UploadRefused, exchange)
            .wrong("other_success")
            .because("status_changed")
            .where_(Detail::Opened(Opened::OtherSuccess))
            .shown_by([seen_header(exchange, "location")])
    })
}

fn opening(walk: &Walk) -> Option<Draft> {
    let exchange = walk.first(Step::UploadStart)?;
    if let Some(draft) = other_success(exchange) {
        return Some(draft);
    }
    if exchange.is_success() || exchange.result.as_ref().is_ok_and(ResponseSeen::is_csrf) {
        return None;
    }
    let answer = exchange.answer();
    let status = answer.map_or(0, |answer| answer.status);
    // Then the token service or the registry has said already that this user may not.
    let may_push = match &walk.grant {
        Some(grant) => grant.access.as_ref().is_none_or(|access| {
            let mut actions = access.iter().flat_map(|one| &one.actions);
            actions.any(|action| action == "push" || action == "*")
        }),
        None => walk
            .answer(Step::Authorized)
            .is_none_or(|a| a.status != 401),
    };
    let is_refused = walk
        .answer(Step::Authorized)
        .is_some_and(|a| a.status == 401);
    if matches!(status, 401 | 403) && (!may_push || is_refused) {
        return None;
    }
    let said = answer.filter(|answer| !answer.is_page()).and_then(words);
    let said = move |language| match &said {
        Some(said) => Word::Said.filled(language, &[("said", said)]),
        None => String::new(),
    };
    let cause = match answer.map(|answer| (status, answer.is_page(), answer)) {
        None => "unanswered",
        Some((300..=399, _, _)) => "redirected",
        Some((405, true, _)) => "no_post",
        Some((401, _, _)) if has_other_account(walk) => "other_account",
        Some((401, _, answer)) => match refusal(walk, answer) {
            RefusalCause::Nothing => "no_authorization",
            RefusalCause::Page | RefusalCause::Something => "may_not",
        },
        Some((403, _, answer)) if answer.is_page() || !is_a_registrys(answer) => "forbidden",
        Some((502, _, _)) => "answer_lost",
        Some((500.., _, _) | (_, true, _)) => "not_passed_on",
        // A registry says why, in JSON, or at least who it is.
        Some((_, false, answer)) if !is_a_registrys(answer) => "not_passed_on",
        Some((_, false, _)) => "registry",
    };
    Some(
        Draft::of(Kind::UploadRefused, exchange)
            .wrong("refused")
            .because(cause)
            .told("said", said)
            .shown_by([seen_words(exchange)]),
    )
}

/// Harbor challenges with Basic only whoever has an Authorization: where none was sent, a hop did.
fn has_other_account(walk: &Walk) -> bool {
    let is_added = |one: &Exchange| {
        let is_asked = one.answer().is_some_and(ResponseSeen::is_harbors_login);
        one.request.authorization == Carried::Nothing && is_asked
    };
    walk.exchanges.iter().any(is_added)
}

fn is_a_registrys(answer: &ResponseSeen) -> bool {
    OciError::read(answer.body.as_bytes()).is_some()
        || answer.header("docker-distribution-api-version").is_some()
}

fn cookie(walk: &Walk) -> Option<Draft> {
    let of = walk.those(|exchange| exchange.result.as_ref().is_ok_and(ResponseSeen::is_csrf));
    let evidence = of.iter().map(|one| seen_words(one));
    Some(Draft::of(Kind::CookieInTheWay, of.first()?).shown_by(evidence))
}

/// Steps whose answers tell clients where to go on.
const NEXT: [Step; 4] = [
    Step::UploadStart,
    Step::UploadChunk,
    Step::UploadChunkChunked,
    Step::Body,
];

fn locations(walk: &Walk) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let telling = NEXT.into_iter().flat_map(|step| walk.all(step));
    for exchange in telling.filter(|one| one.is_success()) {
        let answer = exchange.answer();
        let location = answer.and_then(|answer| answer.header("location"));
        // A lost header in an answer to a PATCH is a finding of its own.
        if location.is_none() && exchange.step != Step::UploadStart {
            continue;
        }
        let flaws = flaws(walk, location);
        let is_of_host = |flaw: &LocationFlaw| {
            flaw.kind == Kind::LocationHost && experiments::ignores_headers(walk, flaw.kind)
        };
        let is_one = flaws.iter().any(is_of_host);
        for flaw in flaws {
            // What heeds no header has its scheme where it has its host.
            if is_one && flaw.kind == Kind::LocationScheme {
                continue;
            }
            if drafts.iter().all(|draft| draft.kind != flaw.kind) {
                drafts.push(flawed(walk, exchange, location, flaw));
            }
        }
    }
    drafts
}

fn flawed(walk: &Walk, exchange: &Exchange, location: Option<&str>, flaw: LocationFlaw) -> Draft {
    let kind = flaw.kind;
    let probes = experiments::shown(walk, kind).map(|probe| seen_header(probe, "location"));
    let target = &walk.target;
    let draft = Draft::of(kind, exchange)
        .wrong(flaw.wrong)
        .because(experiments::cause(walk, kind))
        .quoting("shown", &flaw.shown)
        .with("typed", &walk.typed)
        .with("scheme", target.scheme)
        .with("port", target.port)
        .shown_by([seen_header(exchange, "location")])
        .shown_by(probes)
        .where_(flaw.circumstance);
    match (kind, location.and_then(location::url)) {
        (Kind::LocationScheme, Some(url)) => {
            let around = super::surroundings::surroundings(walk);
            draft.among(Surroundings {
                plain_http: reached(walk, url.authority, around.plain_http),
                ..around
            })
        }
        (_, _) => draft,
    }
}

/// What an http Location leads to: port 80 of the target's name, or a port that speaks TLS. Whether
/// another host answers is that other finding's affair.
fn reached(walk: &Walk, authority: &str, on_80: PlainHttp) -> PlainHttp {
    let target = &walk.target;
    let Ok(authority) = Authority::parse(authority) else {
        return PlainHttp::Nothing;
    };
    if authority.host != target.host {
        return PlainHttp::Serves;
    }
    match authority.port.unwrap_or(Scheme::Http.default_port()) {
        80 => on_80,
        port if port == 443 || port == target.port => PlainHttp::Other,
        _ => PlainHttp::Nothing,
    }
}

/// Steps that address the upload.
const OF_UPLOAD: [Step; 5] = [
    Step::UploadStatus,
    Step::UploadChunk,
    Step::UploadChunkChunked,
    Step::UploadCommit,
    Step::Body,
];

/// Whether this is a step of the upload that came to nothing, for the upload being unknown.
pub(super) fn is_unknown(walk: &Walk, exchange: &Exchange) -> bool {
    let Ok(answer) = &exchange.result else {
        return false;
    };
    let says_so = || {
        let error = OciError::read(answer.body.as_bytes());
        error.is_some_and(|error| error.code == "BLOB_UPLOAD_UNKNOWN")
    };
    // Some registries can't tell an upload's status at all.
    let is_telling = exchange.step != Step::UploadStatus || says_so();
    is_open(walk)
        && OF_UPLOAD.contains(&exchange.step)
        && answer.status == 404
        && is_telling
        && !is_too_large(walk, exchange)
}

fn unknown(walk: &Walk) -> Option<Draft> {
    let all = walk.those(|exchange| OF_UPLOAD.contains(&exchange.step));
    let of: Vec<&Exchange> = all
        .iter()
        .copied()
        .filter(|one| is_unknown(walk, one))
        .collect();
    let first = of.first()?;
    let answer = first.answer()?;
    let is_always = of.len() == all.len();
    let cause = match OciError::read(answer.body.as_bytes()) {
        Some(_) if is_always => "always",
        Some(_) => "partly",
        None => "not_passed_on",
    };
    Some(
        Draft::of(Kind::UploadUnknown, first)
            .because(cause)
            .with("unknown", of.len())
            .with("all", all.len())
            .shown_by(of.iter().map(|one| seen_words(one)))
            .where_(how_often(of.len(), all.len())),
    )
}
