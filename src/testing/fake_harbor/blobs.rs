//! Blobs: HEAD, GET with ranges, DELETE.

use super::core::{Core, FakeExchange};
use super::path::is_digest;
use super::response::{FakeBody, FakeResponse, PLAIN, ResponseExt, by_core, by_registry};
use super::store::Blob;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use std::io;
use std::time::Duration;

impl Core {
    pub(super) fn blob(
        &self,
        exchange: &FakeExchange,
        repository: &str,
        digest: &str,
    ) -> FakeResponse {
        let blob = self.store.lock().blob(repository, digest);
        match (exchange.method().as_str(), blob) {
            ("HEAD" | "GET", Some(blob)) => read(exchange, digest, &blob),
            ("HEAD", None) if !self.store.lock().has_anywhere(digest) => {
                by_core(404).error("NOT_FOUND", &format!("blob {digest} not found"))
            }
            ("DELETE", Some(_)) => {
                self.store.lock().unlink_blob(repository, digest);
                by_registry(202)
            }
            ("HEAD" | "GET" | "DELETE", None) if is_digest(digest) => by_registry(404).error_about(
                "BLOB_UNKNOWN",
                "blob unknown to registry",
                &json!(digest),
            ),
            ("HEAD" | "GET" | "DELETE", None) => by_registry(400).error_about(
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
                &json!({}),
            ),
            _ => by_registry(404).page_not_found(),
        }
    }
}

fn read(exchange: &FakeExchange, digest: &str, blob: &Blob) -> FakeResponse {
    let size = blob.size;
    let tag = format!("\"{digest}\"");
    let described = |answer: FakeResponse| {
        let answer = answer.with("cache-control", "max-age=31536000");
        answer
            .with("docker-content-digest", digest)
            .with("etag", &tag)
    };
    if exchange.header("if-none-match") == Some(&tag) {
        return described(by_registry(304));
    }
    let range = exchange.header("range").and_then(|value| span(value, size));
    let (status, from, to) = match range {
        None => (200, 0, size),
        Some((from, to)) if from < to => (206, from, to),
        Some(_) => return described(unsatisfiable(size)),
    };
    let mut answer = described(by_registry(status))
        .with("accept-ranges", "bytes")
        .with("content-type", "application/octet-stream")
        .with("content-length", &(to - from).to_string());
    if status == 206 {
        answer = answer.with("content-range", &format!("bytes {from}-{}/{size}", to - 1));
    }
    if exchange.method() == Method::HEAD || from == to {
        return answer;
    }
    match blob.pieces(from, to) {
        Some(pieces) => {
            let frames = pieces.map(|piece| Ok(Frame::data(piece)));
            answer.map(|_| StreamBody::new(stream::iter(frames)).boxed_unsync())
        }
        None => {
            by_registry(500).error("UNKNOWN", "this stand-in kept only the digest of this blob")
        }
    }
}

/// As recorded: the whole blob's length over 33 bytes of text, and then the connection ends.
fn unsatisfiable(size: u64) -> FakeResponse {
    by_registry(416)
        .with("content-type", PLAIN)
        .with("x-content-type-options", "nosniff")
        .with("content-range", &format!("bytes */{size}"))
        .with("content-length", &size.to_string())
        .map(|_| cut("invalid range: failed to overlap\n"))
}

/// Content that breaks after this text.
fn cut(text: &'static str) -> FakeBody {
    /// Hyper throws away what it has not written when content breaks, so it gets time to write.
    const PARTING: Duration = Duration::from_millis(20);
    let frames = stream::unfold(Some(text), |said| async move {
        if let Some(text) = said {
            return Some((Ok(Frame::data(Bytes::from_static(text.as_bytes()))), None));
        }
        tokio::time::sleep(PARTING).await;
        Some((Err(io::ErrorKind::ConnectionAborted.into()), None))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n` as a half-open span, empty where nothing of the blob lies
/// in it; anything else is no range.
fn span(value: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => Some((first, last.saturating_add(1).min(size))),
        (Ok(first), Err(_)) if last.is_empty() => Some((first, size)),
        (Err(_), Ok(count)) if first.is_empty() => Some((size.saturating_sub(count), size)),
        _ => None,
    }
}
