//! What arrived: the requests as the fake Harbor received them, for tests to look at.

use super::response::{FakeBody, field};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::sleep;

/// How many requests are remembered; a benchmark sends millions.
pub(crate) const KEPT: usize = 4096;

/// One request, and what became of it so far.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub method: Method,
    /// The request target, byte for byte.
    pub target: String,
    pub headers: HeaderMap,
    pub framing: RecordedFraming,
    /// Bytes of content received so far.
    pub received: u64,
    pub body: BodyEnd,
    /// The status it was answered with, once it was.
    pub status: Option<StatusCode>,
}

impl RecordedRequest {
    /// A header as text; empty when absent, so that tests compare in one step.
    pub fn header(&self, name: &str) -> &str {
        field(&self.headers, name).unwrap_or_default()
    }
}

/// How the request said where its content ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordedFraming {
    /// Neither header: no content.
    None,
    Length(u64),
    Chunked,
}

/// How far the content was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// Not to the end: still coming, or never read.
    Open,
    Complete,
    /// The connection ended first.
    Broken,
}

/// The memory of one fake Harbor.
#[derive(Default)]
pub(super) struct RequestLog(Mutex<VecDeque<Arc<Mutex<RecordedRequest>>>>);

/// The entry of one request, to be filled in as it goes on.
#[derive(Clone)]
pub(super) struct LogEntry(Arc<Mutex<RecordedRequest>>);

impl RequestLog {
    pub(super) fn begin<B>(&self, request: &http::Request<B>) -> LogEntry {
        let seen = Arc::new(Mutex::new(RecordedRequest {
            method: request.method().clone(),
            target: request.uri().to_string(),
            headers: request.headers().clone(),
            framing: framing(request.headers()),
            received: 0,
            body: BodyEnd::Open,
            status: None,
        }));
        let mut log = self.0.lock();
        if log.len() == KEPT {
            log.pop_front();
        }
        log.push_back(seen.clone());
        LogEntry(seen)
    }

    pub(super) fn all(&self) -> Vec<RecordedRequest> {
        let log = self.0.lock();
        log.iter().map(|entry| entry.lock().clone()).collect()
    }
}

impl LogEntry {
    pub(super) fn answered(&self, status: StatusCode) {
        self.0.lock().status = Some(status);
    }

    /// The request's content, counted as it is read. After so many bytes nothing is read for a while.
    pub(super) fn read(&self, incoming: Incoming, stall: Option<(u64, Duration)>) -> FakeBody {
        if incoming.is_end_stream() {
            self.0.lock().body = BodyEnd::Complete;
        }
        let pause = |(after, pause)| -> (u64, BoxFuture<'static, ()>) {
            // Its time begins when it is first asked.
            (after, Box::pin(async move { sleep(pause).await }))
        };
        let counted = Counted {
            inner: incoming,
            entry: self.clone(),
            stall: stall.map(pause),
        };
        counted.boxed_unsync()
    }
}

struct Counted {
    inner: Incoming,
    entry: LogEntry,
    stall: Option<(u64, BoxFuture<'static, ()>)>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let received = self.entry.0.lock().received;
        if let Some((after, pause)) = &mut self.stall
            && received >= *after
        {
            ready!(pause.as_mut().poll(cx));
            self.stall = None;
        }
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let mut seen = self.entry.0.lock();
        match &frame {
            Some(Ok(frame)) => {
                seen.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                if self.inner.is_end_stream() {
                    seen.body = BodyEnd::Complete;
                }
            }
            Some(Err(_)) => seen.body = BodyEnd::Broken,
            // Hyper ends a broken body, too, once it has said so.
            None if seen.body == BodyEnd::Open => seen.body = BodyEnd::Complete,
            None => {}
        }
        Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

fn framing(headers: &HeaderMap) -> RecordedFraming {
    if headers.contains_key(header::TRANSFER_ENCODING) {
        return RecordedFraming::Chunked;
    }
    let length = field(headers, "content-length").and_then(|text| text.parse().ok());
    length.map_or(RecordedFraming::None, RecordedFraming::Length)
}
