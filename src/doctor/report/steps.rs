//! One line for each step: a mark, what was asked in a client's words, the answer, and what matters
//! in it.

use super::super::blame::{bytes, clean, clean_words};
use super::super::finding::Finding;
use super::super::kind::Severity;
use super::super::seen::{
    AddressSeen, Answer, Body, Distrust, Entry, Exchange, Grant, TlsSeen, Trouble, Walk,
};
use super::super::step::Step;
use crate::terminal::{Colour, Style};
use serde::{Serialize, Serializer};
use std::time::Duration;

/// Where the answer begins, behind the mark and the title.
const TITLE: usize = 24;

/// A name may have dozens of addresses; these many lines are enough of them.
const MOST_ADDRESSES: usize = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Good,
    Warning,
    Broken,
    /// Nothing is wrong with it, and nothing was learned.
    Silent,
}

impl Mark {
    pub(super) fn of(severity: Severity) -> Mark {
        match severity {
            Severity::Warning => Mark::Warning,
            Severity::Broken | Severity::Unexamined => Mark::Broken,
        }
    }

    pub(super) fn draw(self, style: Style) -> String {
        match self {
            Mark::Good => style.coloured(Colour::Green, "✓"),
            Mark::Warning => style.coloured(Colour::Yellow, "!"),
            Mark::Broken => style.bold_coloured(Colour::Red, "✗"),
            Mark::Silent => style.dim("·"),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Mark::Good => "good",
            Mark::Warning => "warning",
            Mark::Broken => "broken",
            Mark::Silent => "silent",
        }
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The line above a walk's steps.
pub(super) fn heading(walk: &Walk, style: Style) -> String {
    match &walk.entry {
        Entry::Public => {
            let mut who = match &walk.user {
                Some(user) => format!("as {} ({})", clean(&user.name), clean(&user.source)),
                None => "without credentials".to_owned(),
            };
            if let Some(repository) = &walk.repository {
                who.push_str(&format!(", with {}", clean(repository)));
            }
            let target = style.bold(&walk.target.to_string());
            format!("\n{target}  {}\n\n", style.dim(&who))
        }
        Entry::Via(origin) => format!(
            "\n{}  {}\n\n",
            style.bold(&format!("via {origin}")),
            style.dim("asked as a right hop before it would ask")
        ),
    }
}

/// The lines of a step that has ended, of the exchanges that are new in it.
pub(super) fn lines(
    walk: &Walk,
    step: Step,
    new: &[Exchange],
    findings: &[Finding],
    style: Style,
) -> String {
    let rows: Vec<(String, String, String, bool)> = match step {
        Step::Resolve => resolved(walk).into_iter().collect(),
        Step::Connect => addresses(walk, connected),
        Step::Tls => addresses(walk, tls),
        _ => new
            .iter()
            .filter(|exchange| exchange.step == step)
            .map(|exchange| row(walk, exchange))
            .collect(),
    };
    let judged = worst(step, findings);
    rows.into_iter()
        .map(|(title, status, detail, is_answer)| {
            let mark = match (judged, is_answer) {
                (Some(severity), _) => Mark::of(severity),
                (None, true) => Mark::Good,
                (None, false) => Mark::Silent,
            };
            line(mark, &title, &status, &detail, style)
        })
        .collect()
}

/// The mark of one step's exchange in the whole walk.
pub(super) fn mark(exchange: &Exchange, findings: &[Finding]) -> Mark {
    match worst(exchange.step, findings) {
        Some(severity) => Mark::of(severity),
        None if exchange.result.is_ok() => Mark::Good,
        None => Mark::Silent,
    }
}

fn worst(step: Step, findings: &[Finding]) -> Option<Severity> {
    let here = findings.iter().filter(|finding| finding.step == step);
    // Broken is graver than unexamined, which stands behind it for another reason.
    here.map(|finding| finding.severity)
        .min_by_key(|severity| match severity {
            Severity::Broken => 0,
            Severity::Unexamined => 1,
            Severity::Warning => 2,
        })
}

fn line(mark: Mark, title: &str, status: &str, detail: &str, style: Style) -> String {
    // What has no status has more to tell.
    let column = if status.is_empty() { 0 } else { 5 };
    let room = style.width.saturating_sub(4 + TITLE + 1 + column);
    let detail = cut(detail, room.max(10));
    let drawn = match mark {
        Mark::Broken => style.bold_coloured(Colour::Red, status),
        Mark::Good | Mark::Warning | Mark::Silent => status.to_owned(),
    };
    let pad = " ".repeat(column.saturating_sub(status.chars().count()));
    let line = format!(
        "  {} {title:<TITLE$} {drawn}{pad}{}",
        mark.draw(style),
        style.dim(&detail)
    );
    format!("{}\n", line.trim_end())
}

/// At most so many characters, the last of them `…` where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.push('…');
    kept
}

/// What a step asks, in a client's words.
pub(super) fn title(step: Step) -> &'static str {
    match step {
        Step::Resolve => "name",
        Step::Connect => "connection",
        Step::Tls => "TLS",
        Step::PlainHttp => "GET http://…/v2/",
        Step::PlainHttpWrite => "POST http://…/v2/",
        Step::PingBare => "GET /v2",
        Step::Ping => "GET /v2/",
        Step::PingAgain => "GET /v2/ again",
        Step::TokenPost => "POST token",
        Step::TokenGet => "GET token",
        Step::Authorized => "GET /v2/ authorized",
        Step::EarlyAnswer => "PATCH refused early",
        Step::EarlyAnswerChunked => "… the same, chunked",
        Step::UploadStart => "POST …/blobs/uploads/",
        Step::ProbeForwardedProto => "… X-Forwarded-Proto",
        Step::ProbeForwardedHost => "… X-Forwarded-Host",
        Step::ProbeForwarded => "… Forwarded",
        Step::UploadStatus => "GET the upload",
        Step::UploadChunk => "PATCH 64 KiB",
        Step::UploadChunkChunked => "PATCH 64 KiB, chunked",
        Step::UploadCommit => "PUT a wrong digest",
        Step::UploadCancel => "DELETE the upload",
        Step::Body => "PATCH a large body",
        Step::BodyLimit => "PATCH a smaller one",
        Step::Idle => "PATCH with a pause",
        Step::BlobCommit => "PUT the layer",
        Step::ConfigCommit => "PUT the configuration",
        Step::ManifestPut => "PUT the manifest",
        Step::ManifestGet => "GET the manifest",
        Step::BlobGet => "GET the layer",
        Step::ManifestDelete => "DELETE the manifest",
        Step::CommitWait => "a large commit",
    }
}

type Row = (String, String, String, bool);

fn resolved(walk: &Walk) -> Option<Row> {
    let title = title(Step::Resolve).to_owned();
    Some(match walk.resolved.as_ref()? {
        Ok(addresses) => {
            let listed: Vec<String> = addresses.iter().map(|one| one.ip().to_string()).collect();
            (title, String::new(), listed.join(", "), true)
        }
        Err(trouble) => (title, String::new(), clean(&trouble.to_string()), false),
    })
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
        rows.push((String::new(), String::new(), text, true));
    }
    rows
}

fn connected(_: &Walk, address: &AddressSeen) -> Option<Row> {
    let title = title(Step::Connect).to_owned();
    let at = address.address;
    Some(match &address.connected {
        Ok(took) => (
            title,
            String::new(),
            format!("{at} in {}", time(*took)),
            true,
        ),
        Err(trouble) => (title, String::new(), format!("{at}: {trouble}"), false),
    })
}

fn tls(walk: &Walk, address: &AddressSeen) -> Option<Row> {
    let title = title(Step::Tls).to_owned();
    Some(match address.tls.as_ref()? {
        Ok(seen) => (title, String::new(), handshake(walk, seen), true),
        Err(trouble) => (title, String::new(), clean(&trouble.to_string()), false),
    })
}

fn handshake(walk: &Walk, seen: &TlsSeen) -> String {
    let mut parts = vec![clean(&seen.version)];
    parts.extend(seen.alpn.as_deref().map(clean));
    let now = i64::try_from(walk.began).unwrap_or(i64::MAX);
    if let Some(certificate) = seen.chain.first() {
        let days = (certificate.not_after - now).div_euclid(24 * 60 * 60);
        parts.push(match (&seen.distrust, certificate.names.first()) {
            (Some(Distrust::WrongName), Some(name)) => format!("for {}", clean(name)),
            (Some(Distrust::UnknownIssuer), _) => format!("from {}", clean(&certificate.issuer)),
            _ if days < 0 => format!("ended {} days ago", -days),
            _ => format!("ends in {days} days"),
        });
    }
    parts.join(", ")
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
    (sized(exchange), status, detail, exchange.result.is_ok())
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
        (Step::CommitWait, None) => format!("{}, to commit it", clean(&exchange.request.method)),
        (step, _) => title(step).to_owned(),
    }
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

/// What matters in an answer that came.
fn told(walk: &Walk, exchange: &Exchange, answer: &Answer) -> Option<String> {
    match exchange.step {
        Step::Resolve | Step::Connect | Step::Tls => None,
        Step::PlainHttp | Step::PlainHttpWrite | Step::PingBare => header(answer, "location"),
        Step::Ping | Step::PingAgain => {
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
        Step::TokenPost => match answer.status {
            405 => Some("right: containerd goes on with GET".to_owned()),
            _ => header(answer, "location"),
        },
        Step::TokenGet => walk.grant.as_ref().map(granted),
        Step::EarlyAnswer | Step::EarlyAnswerChunked => {
            Some("at once: bodies are passed on as they come".to_owned())
        }
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
        Step::ManifestGet | Step::BlobGet => match answer.content_matches {
            Some(true) => Some("the same bytes".to_owned()),
            Some(false) => Some("other bytes".to_owned()),
            None => words(answer),
        },
        Step::CommitWait => exchange
            .silence
            .map(|silence| format!("silent for {}", time(silence))),
        Step::Authorized
        | Step::UploadStatus
        | Step::UploadChunk
        | Step::UploadChunkChunked
        | Step::UploadCancel
        | Step::Body
        | Step::BodyLimit
        | Step::Idle
        | Step::BlobCommit
        | Step::ConfigCommit
        | Step::ManifestPut
        | Step::ManifestDelete => words(answer),
    }
}

fn header(answer: &Answer, name: &str) -> Option<String> {
    let value = clean(answer.header(name)?);
    Some(match name {
        "location" => format!("Location: {value}"),
        _ => value,
    })
}

/// The error's own words, where it is one.
fn words(answer: &Answer) -> Option<String> {
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

fn granted(grant: &Grant) -> String {
    let Some(access) = &grant.access else {
        return "a token that says nothing of itself".to_owned();
    };
    if access.is_empty() {
        return "a token for nothing".to_owned();
    }
    let listed: Vec<String> = access
        .iter()
        .map(|one| format!("{}: {}", clean(&one.name), clean(&one.actions.join(", "))))
        .collect();
    listed.join("; ")
}

/// `20 ms`, `3.2 s`, `2 min 5 s`.
pub(super) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}
