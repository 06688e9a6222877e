//! What a step's line says beside its mark: the title, the status, and what matters.

use super::answers::{is_put, told};
use crate::doctor::display::{bytes, clean, day, time};
use crate::doctor::language::Language;
use crate::doctor::step::Step;
use crate::doctor::trace::{AddressSeen, Body, Distrust, Exchange, TlsSeen, Trouble, Walk};
use crate::doctor::words::Word;
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
            let listed = listed.join(", ");
            Ok(match &walk.proxy {
                Some(proxy) => Word::OfTheProxy.filled(
                    walk.language,
                    &[("addresses", &listed), ("proxy", &clean(proxy))],
                ),
                None => listed,
            })
        }
        Err(why) => Err(clean(&why.told(walk.language))),
    };
    Some(Row::without_status(
        Step::Resolve.title(walk.language).to_owned(),
        told,
    ))
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
        let text = Word::MoreAddresses.filled(walk.language, &[("count", &more)]);
        rows.push(Row::without_status(String::new(), Ok(text)));
    }
    rows
}

fn connected(walk: &Walk, address: &AddressSeen) -> Option<Row> {
    let at = address.address;
    let told = match &address.connected {
        Ok(took) => {
            let values: [(&str, &dyn ToString); 2] = [("at", &at), ("time", &time(*took))];
            Ok(Word::ConnectedIn.filled(walk.language, &values))
        }
        Err(why) => {
            let why = why.told(walk.language);
            let values: [(&str, &dyn ToString); 2] = [("at", &at), ("why", &why)];
            Err(clean(&Word::NotConnected.filled(walk.language, &values)))
        }
    };
    Some(Row::without_status(
        Step::Connect.title(walk.language).to_owned(),
        told,
    ))
}

fn tls(walk: &Walk, address: &AddressSeen) -> Option<Row> {
    let told = match address.tls.as_ref()? {
        Ok(seen) => Ok(handshake(walk, seen)),
        Err(why) => Err(clean(&why.told(walk.language))),
    };
    Some(Row::without_status(
        Step::Tls.title(walk.language).to_owned(),
        told,
    ))
}

fn handshake(walk: &Walk, seen: &TlsSeen) -> String {
    let mut parts = vec![clean(&seen.version)];
    parts.extend(seen.alpn.as_deref().map(clean));
    let now = i64::try_from(walk.began).unwrap_or(i64::MAX);
    if let Some(certificate) = seen.chain.first() {
        parts.push(match (&seen.distrust, certificate.names.first()) {
            (Some(Distrust::WrongName), Some(name)) => {
                Word::For.filled(walk.language, &[("name", &clean(name))])
            }
            (Some(Distrust::UnknownIssuer), _) => {
                Word::From.filled(walk.language, &[("issuer", &clean(&certificate.issuer))])
            }
            _ => end(certificate.not_after, now, walk.language),
        });
    }
    parts.join(", ")
}

/// `until 2027-01-20, 60 days`.
fn end(not_after: i64, now: i64, language: Language) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let date = match u64::try_from(not_after) {
        Ok(seconds) => day(seconds),
        Err(_) => "before 1970".to_owned(),
    };
    let (left, past) = (not_after - now, now - not_after);
    let (word, count) = match past {
        1.. => (Word::Ended, past / DAY),
        _ => (Word::Until, left / DAY),
    };
    word.filled(language, &[("date", &date), ("count", &count)])
}

fn row(walk: &Walk, exchange: &Exchange) -> Row {
    let (status, detail) = match &exchange.result {
        Ok(answer) => (
            answer.status.to_string(),
            told(walk, exchange, answer).unwrap_or_default(),
        ),
        Err(trouble) => (String::new(), silence(exchange, trouble, walk.language)),
    };
    let slow = match exchange.took {
        took if took >= Duration::from_secs(1) && exchange.result.is_ok() => {
            Word::AfterTime.filled(walk.language, &[("time", &time(took))])
        }
        _ => String::new(),
    };
    let detail = match (detail.is_empty(), slow.is_empty()) {
        (_, true) => detail,
        (true, false) => slow,
        (false, false) => format!("{slow}{}{detail}", Word::Comma.told(walk.language)),
    };
    Row {
        title: sized(exchange, walk.language),
        status,
        detail,
        is_answer: exchange.result.as_ref().is_ok_and(|answer| {
            // A failed cleanup is listed among the leftovers, and is no fault of the chain.
            exchange.request.method != "DELETE" || answer.status < 400
        }),
    }
}

/// The title, with the size where it is what is tried.
fn sized(exchange: &Exchange, language: Language) -> String {
    let size = match exchange.request.body {
        Body::None => None,
        Body::Length(size) | Body::Chunked(size) => Some(bytes(size)),
    };
    match (exchange.step, size) {
        (Step::Body | Step::BodyLimit, Some(size)) => format!("PATCH {size}"),
        (Step::CommitWait, Some(size)) => format!("{} {size}", clean(&exchange.request.method)),
        (Step::CommitWait, None) if is_put(exchange) => Word::PutToCommit.told(language).to_owned(),
        (Step::CommitWait, None) => Word::DeleteMade.told(language).to_owned(),
        (step, _) => step.title(language).to_owned(),
    }
}

fn silence(exchange: &Exchange, why: &Trouble, language: Language) -> String {
    let words = clean(&why.told(language));
    match exchange.request.body {
        Body::Length(total) | Body::Chunked(total) if exchange.sent < total => {
            let (sent, total) = (bytes(exchange.sent), bytes(total));
            let values: [(&str, &dyn ToString); 3] =
                [("why", &words), ("sent", &sent), ("total", &total)];
            Word::AfterBytes.filled(language, &values)
        }
        Body::None | Body::Length(_) | Body::Chunked(_) => words,
    }
}
