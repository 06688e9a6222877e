//! What the injected faults do to one request: before Harbor would see it, and to its answer.

use super::connection::{ConnectionEnded, FakeConnection};
use super::faults::InjectedFault;
use super::response::{FakeBody, FakeResponse, ResponseExt, by_core};
use http_body_util::BodyExt;
use std::time::Duration;

/// After how many bytes of content reading pauses, and for how long.
pub(super) fn stall(faults: &[InjectedFault]) -> Option<(u64, Duration)> {
    faults.iter().find_map(|fault| {
        let InjectedFault::StallRequest { after, pause } = fault else {
            return None;
        };
        Some((*after, *pause))
    })
}

/// Strikes the request. `Some` is an answer in Harbor's place.
pub(super) async fn before(
    faults: &[InjectedFault],
    content: &mut FakeBody,
    link: &FakeConnection,
) -> Result<Option<FakeResponse>, ConnectionEnded> {
    for fault in faults {
        match fault {
            InjectedFault::CutRequest { after, end } => {
                read(content, *after).await;
                return Err(link.last_words("", *end));
            }
            InjectedFault::AnswerEarly { status, body, end } => {
                let words = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len(),
                );
                return Err(link.last_words(words, *end));
            }
            InjectedFault::Answer {
                status,
                content_type,
                body,
            } => {
                read(content, u64::MAX).await;
                let answer = by_core(status.as_u16());
                return Ok(Some(answer.text(content_type, body.clone())));
            }
            InjectedFault::Raw { bytes, end } => {
                read(content, u64::MAX).await;
                return Err(link.last_words(bytes.clone(), *end));
            }
            InjectedFault::StallRequest { .. }
            | InjectedFault::Delay(_)
            | InjectedFault::SetHeader(..)
            | InjectedFault::RemoveHeader(_) => {}
        }
    }
    Ok(None)
}

/// Strikes the answer.
pub(super) async fn after(faults: &[InjectedFault], mut answer: FakeResponse) -> FakeResponse {
    for fault in faults {
        match fault {
            InjectedFault::Delay(pause) => tokio::time::sleep(*pause).await,
            InjectedFault::SetHeader(name, value) => answer = answer.with(name, value),
            InjectedFault::RemoveHeader(name) => {
                answer.headers_mut().remove(*name);
            }
            InjectedFault::StallRequest { .. }
            | InjectedFault::CutRequest { .. }
            | InjectedFault::AnswerEarly { .. }
            | InjectedFault::Answer { .. }
            | InjectedFault::Raw { .. } => {}
        }
    }
    answer
}

/// Reads this many bytes or some more; whether the content ended before, in whatever way.
pub(super) async fn read(content: &mut FakeBody, count: u64) -> bool {
    let mut read = 0;
    while read < count {
        match content.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) | None => return true,
        }
    }
    false
}
