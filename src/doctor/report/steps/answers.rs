//! What matters in an answer: the end of a step's line.

use crate::doctor::display::{clean, clean_words, time};
use crate::doctor::language::Language;
use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, ResponseSeen, TokenGrant, Walk};
use crate::doctor::wire::DRIBBLE;
use crate::doctor::words::Word;

fn early(exchange: &Exchange) -> Word {
    match exchange.took < DRIBBLE {
        true => Word::RightEarly,
        false => Word::AnsweredMeanwhile,
    }
}

/// What matters in an answer that came.
pub(super) fn told(walk: &Walk, exchange: &Exchange, answer: &ResponseSeen) -> Option<String> {
    let said = |word: Word| Some(word.told(walk.language).to_owned());
    match exchange.step {
        Step::Resolve | Step::Connect | Step::Tls => None,
        Step::TokenPost if answer.status == 405 => said(Word::RightPost),
        Step::PlainHttp | Step::PlainHttpWrite | Step::PingBare | Step::TokenPost => {
            header(answer, "location")
        }
        Step::Ping | Step::PingAgain => ping(exchange, answer),
        Step::TokenGet => {
            let grant = walk.grant.as_ref()?;
            Some(granted(grant, walk.language))
        }
        Step::EarlyAnswer | Step::EarlyAnswerChunked => said(early(exchange)),
        Step::UserAgent
        | Step::Http2
        | Step::LongUri
        | Step::LongAuthorization
        | Step::AtOnce
        | Step::HeadAbsent
        | Step::HeadBefore
        | Step::HeadAfter
        | Step::ManifestHead
        | Step::TagsList
        | Step::TagGet
        | Step::LayerRange => client_behaviour(exchange.step, answer, walk.language),
        Step::UploadStart
        | Step::ProbeForwardedProto
        | Step::ProbeForwardedHost
        | Step::ProbeForwarded => match answer.status {
            200..300 => header(answer, "location"),
            _ => words(answer),
        },
        Step::UploadCommit if answer.status == 400 => said(Word::RightRefusal),
        Step::ManifestGet | Step::BlobGet | Step::BlobRange | Step::SlowDownload => {
            pulled(answer, walk.language)
        }
        Step::CommitWait => committed(exchange, answer, walk.language),
        Step::Authorized
        | Step::UploadStatus
        | Step::UploadChunk
        | Step::UploadChunkChunked
        | Step::UploadCommit
        | Step::UploadCancel
        | Step::Body
        | Step::BodyLimit
        | Step::Idle
        | Step::SlowUpload
        | Step::BlobCommit
        | Step::ConfigCommit
        | Step::ManifestPut
        | Step::ManifestDelete => words(answer),
    }
}

/// Whether the same came back.
fn pulled(answer: &ResponseSeen, language: Language) -> Option<String> {
    let word = match answer.content_matches {
        Some(true) => Word::SameBytes,
        Some(false) => Word::OtherBytes,
        None => return words(answer),
    };
    Some(word.told(language).to_owned())
}

/// How long a commit was silent.
fn committed(exchange: &Exchange, answer: &ResponseSeen, language: Language) -> Option<String> {
    if !is_put(exchange) {
        return words(answer);
    }
    let silence = time(exchange.silence?);
    Some(Word::SilentFor.filled(language, &[("time", &silence)]))
}

/// The challenge, or where it is redirected; of a further address beside the address.
fn ping(exchange: &Exchange, answer: &ResponseSeen) -> Option<String> {
    let at = (exchange.step == Step::PingAgain).then(|| exchange.address.ip().to_string());
    let said = match answer.header("location") {
        Some(location) => Some(clean(location)),
        None => header(answer, "www-authenticate"),
    };
    match (at, said) {
        (Some(at), Some(said)) => Some(format!("{at}: {said}")),
        (at, said) => at.or(said),
    }
}

/// Of what clients do beside one plain request.
fn client_behaviour(step: Step, answer: &ResponseSeen, language: Language) -> Option<String> {
    let said = |word: Word| Some(word.told(language).to_owned());
    match (step, answer.status) {
        (Step::HeadAbsent | Step::HeadBefore, 404) => said(Word::RightAbsent),
        (Step::HeadAbsent | Step::HeadBefore, 401) => said(Word::RightLogin),
        (Step::HeadAfter, 200) => {
            let length = header(answer, "content-length");
            length.map(|length| Word::Bytes.filled(language, &[("count", &length)]))
        }
        (Step::ManifestHead | Step::TagGet, 200) => header(answer, "content-type"),
        (Step::LayerRange, 200 | 206) => header(answer, "content-range"),
        (Step::TagsList, 200) => None,
        (_, 200 | 401) => said(Word::SameAnswer),
        (_, _) => words(answer),
    }
}

fn header(answer: &ResponseSeen, name: &str) -> Option<String> {
    let value = clean(answer.header(name)?);
    Some(match name {
        "location" => format!("Location: {value}"),
        _ => value,
    })
}

/// The error's own words, where it is one.
fn words(answer: &ResponseSeen) -> Option<String> {
    if answer.status < 400 {
        return None;
    }
    let read: Option<serde_json::Value> = serde_json::from_str(&answer.body).ok();
    let message = read
        .as_ref()
        .and_then(|body| body.pointer("/errors/0/message")?.as_str());
    let text = message.unwrap_or(&answer.body);
    let text = clean_words(text.lines().next().unwrap_or_default().trim());
    (!text.is_empty()).then_some(text)
}

fn granted(grant: &TokenGrant, language: Language) -> String {
    let Some(access) = &grant.access else {
        return Word::TokenUnread.told(language).to_owned();
    };
    if access.is_empty() {
        return Word::TokenEmpty.told(language).to_owned();
    }
    let listed: Vec<String> = access
        .iter()
        .map(|one| format!("{}: {}", clean(&one.name), clean(&one.actions.join(", "))))
        .collect();
    listed.join("; ")
}

pub(super) fn is_put(exchange: &Exchange) -> bool {
    exchange.request.method == "PUT"
}
