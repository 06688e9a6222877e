//! One request and its answer, on a connection that is there.
//!
//! The connection is polled only here, so that it ends when the caller stops waiting.

use super::body::OutgoingBody;
use super::byte_counter::{ByteCounter, CountedStream};
use super::connect::io_trouble;
use super::request::{
    Framing, Payload, ResponseTimeouts, SendProgress, WireRequest, WireResponse, WireResult,
};
use super::tunnel::ProxyPassage;
use crate::doctor::trace::Trouble;
use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response, Uri};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};

/// Bounds an answer's header, and what is handed over without having been taken.
const BUFFER: usize = 64 * 1024;
/// The same of an answer that is read slowly: in small pieces, several a second.
const SLOW_BUFFER: usize = 8 * 1024;
/// How often bounds are looked at and progress is told.
const TICK: Duration = Duration::from_millis(50);
/// What can't stand in a request's first line, where a server's Location had it.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

type ProbeConnection<S> = http1::Connection<TokioIo<CountedStream<S>>, OutgoingBody>;

/// What a request goes over.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> ByteStream for S {}

pub(super) async fn exchange<S: ByteStream>(
    stream: S,
    ask: WireRequest,
    passage: Option<&ProxyPassage>,
    progress: SendProgress<'_>,
) -> WireResult {
    let meter = ByteCounter::new();
    let (patience, reading, keep) = (ask.patience, ask.reading, ask.keep);
    let began = Instant::now();
    let told = |result, silence| WireResult {
        result,
        sent: meter.sent(),
        took: began.elapsed(),
        silence,
    };
    let request = match request(ask, passage, meter.clone()) {
        Ok(request) => request,
        Err(trouble) => return told(Err(trouble), None),
    };
    let stream = TokioIo::new(CountedStream::new(stream, meter.clone()));
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true);
    if reading.is_zero() {
        builder.max_buf_size(BUFFER);
    } else {
        builder.read_buf_exact_size(Some(SLOW_BUFFER));
    }
    let shaken = builder.handshake(stream).await;
    let (mut sender, connection) = match shaken {
        Ok(pair) => pair,
        Err(error) => return told(Err(trouble(&error)), None),
    };
    let mut driven = Driven(Some(connection));
    let sending = sender.send_request(request);
    let result = header(&mut driven, sending, &meter, patience, progress).await;
    match result {
        Err(trouble) => told(Err(trouble), None),
        Ok(answer) => {
            let silence = meter.completed().map(|at| at.elapsed());
            let mut told = told(Err(Trouble::Cut), silence);
            told.result = Ok(reply(&mut driven, answer, patience, reading, keep).await);
            if !reading.is_zero() {
                told.took = began.elapsed();
            }
            told
        }
    }
}

/// Waits for the answer's header, as long as there is patience.
async fn header<S: ByteStream>(
    driven: &mut Driven<S>,
    sending: impl Future<Output = hyper::Result<Response<Incoming>>>,
    meter: &ByteCounter,
    patience: ResponseTimeouts,
    progress: SendProgress<'_>,
) -> Result<Response<Incoming>, Trouble> {
    let mut sending = pin!(sending);
    let mut told = 0;
    loop {
        let waited = timeout_at(Instant::now() + TICK, driven.along(sending.as_mut())).await;
        let sent = meter.sent();
        if sent > told {
            told = sent;
            progress(sent);
        }
        match waited {
            Ok(result) => return result.map_err(|error| trouble(&error)),
            Err(_) => {
                if let Some(bound) = meter.overdue(Instant::now(), patience) {
                    return Err(Trouble::TimedOut(bound));
                }
            }
        }
    }
}

async fn reply<S: ByteStream>(
    driven: &mut Driven<S>,
    answer: Response<Incoming>,
    patience: ResponseTimeouts,
    reading: Duration,
    keep: usize,
) -> WireResponse {
    let (parts, content) = answer.into_parts();
    let mut body = BytesMut::new();
    // The received bytes are kept, whatever ends the body early.
    let _ = timeout(
        patience.answer + reading,
        driven.along(collect(content, &mut body, reading, keep)),
    )
    .await;
    let headers = headers(&parts.headers);
    WireResponse {
        status: parts.status.as_u16(),
        headers,
        body: body.freeze(),
    }
}

/// Names in lower case, and values as text.
pub(super) fn headers(headers: &http::HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect()
}

/// Until its end, the connection's, or the most that is kept.
async fn collect(mut content: Incoming, body: &mut BytesMut, reading: Duration, keep: usize) {
    let began = Instant::now();
    while let Some(Ok(frame)) = content.frame().await
        && body.len() < keep
    {
        let data = frame.into_data().unwrap_or_else(|_trailers| Bytes::new());
        body.extend_from_slice(&data[..data.len().min(keep - body.len())]);
        let share = body.len() as f64 / keep.max(1) as f64;
        tokio::time::sleep_until(began + reading.mul_f64(share)).await;
    }
}

/// A connection, polled by the caller that waits for something on it.
struct Driven<S: ByteStream>(Option<ProbeConnection<S>>);

impl<S: ByteStream> Driven<S> {
    async fn along<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            // How it ended, the request's future says as well.
            if let Some(connection) = &mut self.0
                && pin!(connection).poll(cx).is_ready()
            {
                self.0 = None;
            }
            future.as_mut().poll(cx)
        })
        .await
    }
}

/// Of a request that a proxy passes on, the target has the authority in it (RFC 9112, 3.2.2).
fn request(
    ask: WireRequest,
    passage: Option<&ProxyPassage>,
    meter: ByteCounter,
) -> Result<Request<OutgoingBody>, Trouble> {
    let unusable = |what: &str| Trouble::NotHttp(format!("{what} can't be sent in a request"));
    let mut headers = http::HeaderMap::new();
    let mut add = |name: HeaderName, value: &str| {
        let value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| unusable(&format!("the value of {name}")))?;
        headers.append(name, value);
        Ok(())
    };
    add(header::HOST, &ask.host)?;
    for (name, value) in &ask.headers {
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| unusable(&format!("the header {name:?}")))?;
        add(name, value)?;
    }
    if let Some(authorization) = &ask.authorization {
        add(header::AUTHORIZATION, authorization)?;
    }
    if let Some(authorization) = passage.and_then(|passage| passage.authorization.as_ref()) {
        add(header::PROXY_AUTHORIZATION, authorization.value())?;
    }
    match announced(&ask.payload, &ask.method) {
        None => {}
        Some((Framing::Length, size)) => add(header::CONTENT_LENGTH, &size.to_string())?,
        Some((Framing::Chunked, _)) => add(header::TRANSFER_ENCODING, "chunked")?,
    }
    let mut request = Request::new(OutgoingBody::new(ask.payload, meter));
    *request.method_mut() = ask.method;
    let target = target(&ask.target).ok_or_else(|| unusable("its path"))?;
    *request.uri_mut() = match passage {
        None => Uri::from(target),
        Some(_) => Uri::builder()
            .scheme("http")
            .authority(ask.host.as_str())
            .path_and_query(target)
            .build()
            .map_err(|_| unusable("its host"))?,
    };
    *request.headers_mut() = headers;
    Ok(request)
}

/// How the body is announced. Go's clients announce one of no bytes where a method usually has one
/// (RFC 9110, 8.6), and some hops insist.
fn announced(payload: &Payload, method: &Method) -> Option<(Framing, u64)> {
    let is_usual = [Method::POST, Method::PUT, Method::PATCH].contains(method);
    payload
        .announced()
        .or(is_usual.then_some((Framing::Length, 0)))
}

/// As it came, but for what would break the request's first line; that is escaped, as clients do.
fn target(text: &str) -> Option<PathAndQuery> {
    let slash = if text.starts_with('/') { "" } else { "/" };
    let text = format!("{slash}{}", utf8_percent_encode(text, UNSAFE));
    PathAndQuery::try_from(text).ok()
}

fn trouble(error: &hyper::Error) -> Trouble {
    if error.is_parse() {
        return Trouble::NotHttp(error.to_string());
    }
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(trouble) = inner.downcast_ref::<io::Error>().and_then(io_trouble) {
            return trouble;
        }
        cause = inner.source();
    }
    if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        return Trouble::Cut;
    }
    Trouble::NotHttp(error.to_string())
}
