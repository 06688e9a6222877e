//! What the walks of one chain saw differently, as a table.

use super::super::display::{bytes, clean};
use super::super::judge::Judged;
use super::super::step::Step;
use super::super::trace::{Exchange, ResponseSeen, Trouble, Walk};
use serde::Serialize;
use std::time::Duration;

/// One thing that the walks saw, and not all alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Difference {
    pub(crate) what: &'static str,
    /// In the order of the walks; none where it wasn't seen.
    pub(crate) seen: Vec<Option<String>>,
}

/// What differs between the walks; nothing where there is only one.
pub(crate) fn differences(walks: &[Judged]) -> Vec<Difference> {
    if walks.len() < 2 {
        return Vec::new();
    }
    ROWS.iter()
        .map(|(what, cell)| Difference {
            what,
            seen: walks.iter().map(|judged| cell(&judged.walk)).collect(),
        })
        .filter(|row| {
            let mut seen = row.seen.iter().flatten();
            let first = seen.next();
            // What only one of them looked at is no difference.
            seen.any(|other| Some(other) != first)
        })
        .collect()
}

/// The status, or what happened instead of an answer.
pub(crate) fn outcome(exchange: &Exchange) -> String {
    match &exchange.result {
        Ok(answer) => answer.status.to_string(),
        Err(trouble) => short(trouble),
    }
}

type Cell = fn(&Walk) -> Option<String>;

const ROWS: [(&str, Cell); 20] = [
    ("GET /v2/", |walk| told(walk, Step::Ping)),
    ("GET /v2", |walk| told(walk, Step::PingBare)),
    ("realm", |walk| param(walk, "realm")),
    ("service", |walk| param(walk, "service")),
    ("POST token", |walk| told(walk, Step::TokenPost)),
    ("GET token", |walk| told(walk, Step::TokenGet)),
    ("authorized", |walk| told(walk, Step::Authorized)),
    ("refused early", |walk| early(walk, Step::EarlyAnswer)),
    ("… chunked", |walk| early(walk, Step::EarlyAnswerChunked)),
    ("POST upload", |walk| told(walk, Step::UploadStart)),
    ("Location", location),
    ("PATCH", |walk| told(walk, Step::UploadChunk)),
    ("PATCH chunked", |walk| told(walk, Step::UploadChunkChunked)),
    ("PUT", |walk| told(walk, Step::UploadCommit)),
    ("DELETE", |walk| told(walk, Step::UploadCancel)),
    ("largest body", largest),
    ("idle", |walk| told(walk, Step::Idle)),
    ("Server", |walk| header(walk, "server")),
    ("Via", |walk| header(walk, "via")),
    ("Set-Cookie", |walk| {
        let cookie = header(walk, "set-cookie")?;
        Some(cookie.split('=').next().unwrap_or_default().to_owned())
    }),
];

fn told(walk: &Walk, step: Step) -> Option<String> {
    walk.first(step).map(outcome)
}

fn short(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unresolved(_) => "no address".to_owned(),
        Trouble::Refused => "refused".to_owned(),
        Trouble::Unreachable(_) => "unreachable".to_owned(),
        Trouble::ProxyRefused(_) => "refused by the proxy".to_owned(),
        Trouble::TimedOut(after) => format!("silent {}", seconds(*after)),
        Trouble::Cut => "cut".to_owned(),
        Trouble::Tls(_) => "TLS failed".to_owned(),
        Trouble::ClientCertificate(_) => "no certificate".to_owned(),
        Trouble::NotTls => "no TLS".to_owned(),
        Trouble::NotHttp(_) => "no HTTP".to_owned(),
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

fn early(walk: &Walk, step: Step) -> Option<String> {
    Some(match &walk.first(step)?.result {
        Ok(answer) => format!("{} at once", answer.status),
        Err(trouble) => short(trouble),
    })
}

pub(crate) fn param(walk: &Walk, name: &str) -> Option<String> {
    let answer = walk.answer(Step::Ping)?;
    let mut bearer = answer.challenges().filter(|one| one.is_bearer());
    bearer.find_map(|one| Some(clean(&one.param(name)?.value)))
}

/// Scheme and authority; the path is each upload's own.
pub(crate) fn location(walk: &Walk) -> Option<String> {
    location_of(walk.answer(Step::UploadStart)?)
}

pub(crate) fn location_of(answer: &ResponseSeen) -> Option<String> {
    let value = answer.header("location")?;
    let end = match value.find("://") {
        Some(at) => value[at + 3..].find('/').map(|slash| at + 3 + slash),
        None => value.find("/v2/").map(|at| at + 4),
    };
    let shown = &value[..end.unwrap_or(value.len())];
    Some(match end {
        Some(_) if !shown.contains("://") => format!("{}…", clean(shown)),
        Some(_) | None => clean(shown),
    })
}

pub(crate) fn largest(walk: &Walk) -> Option<String> {
    let bodies = || walk.all(Step::Body).chain(walk.all(Step::BodyLimit));
    let taken = bodies()
        .filter(|one| one.is_success())
        .map(|one| one.request.body.size())
        .max();
    let refused = bodies()
        .filter(|one| !one.is_success())
        .map(|one| one.request.body.size())
        .min();
    match (taken, refused) {
        // A limit that was found to the byte.
        (Some(taken), Some(refused)) if refused == taken + 1 => {
            Some(format!("at most {}", bytes(taken)))
        }
        (Some(taken), Some(refused)) => Some(format!("{}, under {}", bytes(taken), bytes(refused))),
        (Some(taken), None) => Some(bytes(taken)),
        (None, Some(refused)) => Some(format!("under {}", bytes(refused))),
        (None, None) => None,
    }
}

fn header(walk: &Walk, name: &str) -> Option<String> {
    walk.answer(Step::Ping)?.header(name).map(clean)
}
