//! What the injected faults do to one request: before Harbor would see it, and to its answer.

use super::answer::{Answer, Body, full};
use super::faults::{End, Fault};
use super::link::{Ended, Link};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Strikes the request. `Some` is an answer in Harbor's place.
pub(super) async fn before(
    faults: &[Fault],
    body: &mut Body,
    link: &Link,
) -> Result<Option<Answer>, Ended> {
    for fault in faults {
        match fault {
            Fault::StopReading(pause) => tokio::time::sleep(*pause).await,
            Fault::StallRequest { after, pause } => {
                let inner = std::mem::replace(body, full(Bytes::new()));
                *body = Stalling::new(inner, *after, *pause).boxed_unsync();
            }
            Fault::CutRequest { after, end } => {
                read(body, *after).await;
                return Err(link.last_words(Bytes::new(), *end));
            }
            Fault::AnswerEarly { status, body, end } => {
                let words = format!(
                    "HTTP/1.1 {} {}\r\nContent-Type: application/json; charset=utf-8\r\n\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    status.as_u16(),
                    status.canonical_reason().unwrap_or_default(),
                    body.len(),
                );
                return Err(link.last_words(words, *end));
            }
            Fault::Answer {
                status,
                content_type,
                body: words,
            } => {
                read(body, u64::MAX).await;
                let mut answer = Response::new(full(words.clone()));
                *answer.status_mut() = *status;
                set(&mut answer, "content-type", content_type);
                return Ok(Some(answer));
            }
            Fault::Raw { bytes, end } => {
                read(body, u64::MAX).await;
                return Err(link.last_words(bytes.clone(), *end));
            }
            Fault::Delay(_)
            | Fault::CutResponse { .. }
            | Fault::Location(_)
            | Fault::SetHeader(..)
            | Fault::RemoveHeader(_)
            | Fault::Chunked
            | Fault::Trailers(_)
            | Fault::Informational(_)
            | Fault::ConnectionClose
            | Fault::CloseAfter => {}
        }
    }
    Ok(None)
}

/// Strikes the answer.
pub(super) async fn after(
    faults: &[Fault],
    mut answer: Answer,
    link: &Link,
) -> Result<Answer, Ended> {
    for fault in faults {
        match fault {
            Fault::Delay(pause) => tokio::time::sleep(*pause).await,
            Fault::CutResponse { after } => {
                answer = announce_length(answer);
                answer = answer.map(|body| {
                    Cut {
                        inner: body,
                        left: *after,
                    }
                    .boxed_unsync()
                });
            }
            Fault::Location(location) => set(&mut answer, "location", location),
            Fault::SetHeader(name, value) => set(&mut answer, name, value),
            Fault::RemoveHeader(name) => {
                answer.headers_mut().remove(*name);
            }
            Fault::Chunked => {
                answer.headers_mut().remove(header::CONTENT_LENGTH);
                answer = answer.map(|body| {
                    Cut {
                        inner: body,
                        left: u64::MAX,
                    }
                    .boxed_unsync()
                });
            }
            Fault::Trailers(trailers) => {
                let words = chunked_with_trailers(answer, trailers).await;
                return Err(link.last_words(words, End::Close));
            }
            Fault::Informational(interim) => {
                for (status, headers) in interim {
                    let mut words = format!("HTTP/1.1 {status} Interim\r\n");
                    for (name, value) in headers {
                        words.push_str(&format!("{name}: {value}\r\n"));
                    }
                    words.push_str("\r\n");
                    link.say_before(words.as_bytes());
                }
            }
            Fault::ConnectionClose => {
                answer
                    .headers_mut()
                    .insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Fault::CloseAfter => link.close_after(),
            Fault::StopReading(_)
            | Fault::StallRequest { .. }
            | Fault::CutRequest { .. }
            | Fault::AnswerEarly { .. }
            | Fault::Answer { .. }
            | Fault::Raw { .. } => {}
        }
    }
    Ok(answer)
}

/// Reads at least `count` bytes, or to the end.
async fn read(body: &mut Body, count: u64) {
    let mut read = 0;
    while read < count {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, |data| data.len() as u64),
            Some(Err(_)) | None => return,
        }
    }
}

fn set(answer: &mut Answer, name: &str, value: &str) {
    let parsed = (
        HeaderName::from_bytes(name.as_bytes()),
        HeaderValue::from_str(value),
    );
    if let (Ok(name), Ok(value)) = parsed {
        answer.headers_mut().insert(name, value);
    }
}

/// The length that hyper would have sent, before the body is wrapped into one without.
fn announce_length(mut answer: Answer) -> Answer {
    if let Some(length) = answer.body().size_hint().exact() {
        answer
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    answer
}

async fn chunked_with_trailers(answer: Answer, trailers: &[(&'static str, String)]) -> Vec<u8> {
    let (head, body) = answer.into_parts();
    let content = body
        .collect()
        .await
        .map(|all| all.to_bytes())
        .unwrap_or_default();
    let names: Vec<&str> = trailers.iter().map(|(name, _)| *name).collect();
    let mut words = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
    let mut headers: HeaderMap = head.headers;
    headers.remove(header::CONTENT_LENGTH);
    for (name, value) in &headers {
        words.extend_from_slice(name.as_str().as_bytes());
        words.extend_from_slice(b": ");
        words.extend_from_slice(value.as_bytes());
        words.extend_from_slice(b"\r\n");
    }
    let framing = format!(
        "Trailer: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        names.join(", ")
    );
    words.extend_from_slice(framing.as_bytes());
    if !content.is_empty() {
        words.extend_from_slice(format!("{:x}\r\n", content.len()).as_bytes());
        words.extend_from_slice(&content);
        words.extend_from_slice(b"\r\n");
    }
    words.extend_from_slice(b"0\r\n");
    for (name, value) in trailers {
        words.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    words.extend_from_slice(b"\r\n");
    words
}

/// Content without a known length that breaks after `left` bytes.
struct Cut {
    inner: Body,
    left: u64,
}

impl HttpBody for Cut {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into())));
        }
        Pin::new(&mut self.inner)
            .poll_frame(cx)
            .map_ok(|frame| match frame.into_data() {
                Ok(mut data) => {
                    data.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
                    self.left -= data.len() as u64;
                    Frame::data(data)
                }
                Err(frame) => frame,
            })
    }
}

/// Content that pauses once after `left` bytes.
struct Stalling {
    inner: Body,
    left: u64,
    pause: Pin<Box<tokio::time::Sleep>>,
    length: Duration,
    state: Stall,
}

#[derive(PartialEq, Eq)]
enum Stall {
    Ahead,
    Pausing,
    Over,
}

impl Stalling {
    fn new(inner: Body, after: u64, pause: Duration) -> Stalling {
        Stalling {
            inner,
            left: after,
            pause: Box::pin(tokio::time::sleep(Duration::ZERO)),
            length: pause,
            state: Stall::Ahead,
        }
    }
}

impl HttpBody for Stalling {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.state == Stall::Ahead && self.left == 0 {
            self.state = Stall::Pausing;
            let until = tokio::time::Instant::now() + self.length;
            self.pause.as_mut().reset(until);
        }
        if self.state == Stall::Pausing {
            std::task::ready!(self.pause.as_mut().poll(cx));
            self.state = Stall::Over;
        }
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.left = self.left.saturating_sub(length);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}
