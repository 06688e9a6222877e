//! What a step's line says beside its mark: the status, and what matters in the answer.

use crate::doctor::display::{bytes, clean, clean_words, day, time};
use crate::doctor::step::Step;
use crate::doctor::trace::{
    AddressSeen, Body, Distrust, Exchange, ResponseSeen, TlsSeen, TokenGrant, Trouble, Walk,
};
use crate::doctor::wire::DRIBBLE;
use std::time::Duration;

/// A name may have dozens of addresses; these many lines are enough of them.
const MOST_ADDRESSES: usize = 6;

/// What one line of a step says.
pub(super) struct Row {
    pub(super) title: String,
    /// Empty where there is none to come.
    pub(super) status: String,
    pub(super) detail: String,
    pub(super) is_answer: bool,
}

impl Row {
    fn without_status(title: String, told: Result<String, String>) -> Row {
        let is_answer = told.is_ok();
        Row {
            title,
            status: String::new(),
            detail: told.unwrap_or_else(|trouble| trouble),
            is_answer,
        }
    }
}

/// The lines of a step, of the exchanges that are new in it.
pub(super) fn rows(walk: &Walk, step: Step, new: &[&Exchange]) -> Vec<Row> {
    match step {
        Step::Resolve => resolved(walk).into_iter().collect(),
        Step::Connect => addresses(walk, connected),
        Step::Tls => addresses(walk, tls),
        _ => new
            .iter()
            .filter(|exchange| exchange.step == step)
            .map(|exchange| row(walk, exchange))
            .collect(),
    }
}

fn resolved(walk: &Walk) -> Option<Row> {
    let told = match walk.resolved.as_ref()? {
        Ok(addresses) => {
            let listed: Vec<String> = addresses.iter().map(|one| one.ip().to_string()).collect();
            Ok(listed.join(", "))
        }
        Err(trouble) => Err(clean(&trouble.to_string())),
    };
    Some(Row::without_status(Step::Resolve.title().to_owned(), told))
}

fn addresses(walk: &Walk, told: fn(&Walk, &AddressSeen) -> Option<Row>) -> Vec<Row> {
    let mut rows: Vec<Row> = walk
        .addresses
        .iter()
        .filter_map(|address| told(walk, address))
        .collect();
    let more = rows.len().saturating_sub(MOST_ADDRESSES);
    if more > 0 {
        rows.truncate(MOST_ADDRESSES);
        let text = format!("and {more} further addresses");
        rows.push(Row::without_status(String::new(), Ok(text)));
    }
    rows
}

fn connected(_: &Walk, address: &AddressSeen) -> Option<Row> {
    let at = address.address;
    let told = match &address.connected {
        Ok(took) => Ok(format!("{at} in {}", time(*took))),
        Err(trouble) => Err(clean(&format!("{at}: {trouble}"))),
    };
    Some(Row::without_status(Step::Connect.title().to_owned(), told))
}

fn tls(walk: &Walk, address: &AddressSeen) -> Option<Row> {
    let told = match address.tls.as_ref()? {
        Ok(seen) => Ok(handshake(walk, seen)),
        Err(trouble) => Err(clean(&trouble.to_string())),
    };
    Some(Row::without_status(Step::Tls.title().to_owned(), told))
}

fn handshake(walk: &Walk, seen: &TlsSeen) -> String {
    let mut parts = vec![clean(&seen.version)];
    parts.extend(seen.alpn.as_deref().map(clean));
    let now = i64::try_from(walk.began).unwrap_or(i64::MAX);
    if let Some(certificate) = seen.chain.first() {
        parts.push(match (&seen.distrust, certificate.names.first()) {
            (Some(Distrust::WrongName), Some(name)) => format!("for {}", clean(name)),
            (Some(Distrust::UnknownIssuer), _) => format!("from {}", clean(&certificate.issuer)),
            _ => end(certificate.not_after, now),
        });
    }
    parts.join(", ")
}

/// `until 2027-01-20, 60 days`.
fn end(not_after: i64, now: i64) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let date = match u64::try_from(not_after) {
        Ok(seconds) => day(seconds),
        Err(_) => "before 1970".to_owned(),
    };
    let (left, past) = (not_after - now, now - not_after);
    if past > 0 {
        format!("ended {date}, {} days ago", past / DAY)
    } else {
        format!("until {date}, {} days", left / DAY)
    }
}

fn row(walk: &Walk, exchange: &Exchange) -> Row {
    let (status, detail) = match &exchange.result {
        Ok(answer) => (
            answer.status.to_string(),
            told(walk, exchange, answer).unwrap_or_default(),
        ),
        Err(trouble) => (String::new(), silence(exchange, trouble)),
    };
    let slow = match exchange.took {
        took if took >= Duration::from_secs(1) && exchange.result.is_ok() => {
            format!("after {}", time(took))
        }
        _ => String::new(),
    };
    let detail = match (detail.is_empty(), slow.is_empty()) {
        (_, true) => detail,
        (true, false) => slow,
        (false, false) => format!("{slow}, {detail}"),
    };
    Row {
        title: sized(exchange),
        status,
        detail,
        is_answer: exchange.result.as_ref().is_ok_and(|answer| {
            // A failed cleanup is listed among the leftovers, and is no fault of the chain.
            exchange.request.method != "DELETE" || answer.status < 400
        }),
    }
}

/// The title, with the size where it is what is tried.
fn sized(exchange: &Exchange) -> String {
    let size = match exchange.request.body {
        Body::None => None,
        Body::Length(size) | Body::Chunked(size) => Some(bytes(size)),
    };
    match (exchange.step, size) {
        (Step::Body | Step::BodyLimit, Some(size)) => format!("PATCH {size}"),
        (Step::CommitWait, Some(size)) => format!("{} {size}", clean(&exchange.request.method)),
        (Step::CommitWait, None) if is_put(exchange) => "PUT, to commit it".to_owned(),
        (Step::CommitWait, None) => "DELETE what it made".to_owned(),
        (step, _) => step.title().to_owned(),
    }
}

fn is_put(exchange: &Exchange) -> bool {
    exchange.request.method == "PUT"
}

fn silence(exchange: &Exchange, trouble: &Trouble) -> String {
    let words = clean(&trouble.to_string());
    match exchange.request.body {
        Body::Length(total) | Body::Chunked(total) if exchange.sent < total => {
            format!(
                "{words}, after {} of {}",
                bytes(exchange.sent),
                bytes(total)
            )
        }
        Body::None | Body::Length(_) | Body::Chunked(_) => words,
    }
}

fn early(exchange: &Exchange) -> String {
    let when = if exchange.took < DRIBBLE {
        "at once"
    } else {
        "as the body went on"
    };
    format!("{when}: bodies are passed on as they come")
}

/// What matters in an answer that came.
fn told(walk: &Walk, exchange: &Exchange, answer: &ResponseSeen) -> Option<String> {
    match exchange.step {
        Step::Resolve | Step::Connect | Step::Tls => None,
        Step::PlainHttp | Step::PlainHttpWrite | Step::PingBare => header(answer, "location"),
        Step::Ping | Step::PingAgain => ping(exchange, answer),
        Step::TokenPost => match answer.status {
            405 => Some("right: containerd goes on with GET".to_owned()),
            _ => header(answer, "location"),
        },
        Step::TokenGet => walk.grant.as_ref().map(granted),
        Step::EarlyAnswer | Step::EarlyAnswerChunked => Some(early(exchange)),
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
        | Step::LayerRange => manners(exchange.step, answer),
        Step::UploadStart
        | Step::ProbeForwardedProto
        | Step::ProbeForwardedHost
        | Step::ProbeForwarded => match answer.status {
            200..300 => header(answer, "location"),
            _ => words(answer),
        },
        Step::UploadCommit => match answer.status {
            400 => Some("right: nothing is committed".to_owned()),
            _ => words(answer),
        },
        Step::ManifestGet | Step::BlobGet | Step::BlobRange | Step::SlowDownload => {
            match answer.content_matches {
                Some(true) => Some("the same bytes".to_owned()),
                Some(false) => Some("other bytes".to_owned()),
                None => words(answer),
            }
        }
        Step::CommitWait => commit(exchange, answer),
        Step::Authorized
        | Step::UploadStatus
        | Step::UploadChunk
        | Step::UploadChunkChunked
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

fn commit(exchange: &Exchange, answer: &ResponseSeen) -> Option<String> {
    if !is_put(exchange) {
        return words(answer);
    }
    let silence = exchange.silence?;
    Some(format!("silent for {}", time(silence)))
}

/// Of what clients do beside one plain request.
fn manners(step: Step, answer: &ResponseSeen) -> Option<String> {
    match (step, answer.status) {
        (Step::HeadAbsent | Step::HeadBefore, 404) => Some("right: nobody has it".to_owned()),
        (Step::HeadAbsent | Step::HeadBefore, 401) => Some("right: it asks for a login".to_owned()),
        (Step::HeadAfter, 200) => {
            header(answer, "content-length").map(|length| format!("{length} bytes"))
        }
        (Step::ManifestHead | Step::TagGet, 200) => header(answer, "content-type"),
        (Step::LayerRange, 200 | 206) => header(answer, "content-range"),
        (Step::TagsList, 200) => None,
        (_, 200 | 401) => Some("the same answer".to_owned()),
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

fn granted(grant: &TokenGrant) -> String {
    let Some(access) = &grant.access else {
        return "a token whose content can't be read".to_owned();
    };
    if access.is_empty() {
        return "a token that allows nothing".to_owned();
    }
    let listed: Vec<String> = access
        .iter()
        .map(|one| format!("{}: {}", clean(&one.name), clean(&one.actions.join(", "))))
        .collect();
    listed.join("; ")
}
