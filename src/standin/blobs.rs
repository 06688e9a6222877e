//! Blobs: HEAD, GET with ranges, DELETE.

use super::answer::{Answer, Voice, empty, error, error_detail, page_not_found, plain, set};
use super::core::{Core, Exchange};
use super::path::is_digest;
use super::store::Blob;
use futures_util::stream;
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::json;
use std::sync::Arc;

impl Core {
    pub(super) fn blob(&self, exchange: &Exchange, repository: &str, digest: &str) -> Answer {
        let blob = self.store().blob(repository, digest);
        match (exchange.method.as_str(), blob) {
            ("HEAD" | "GET", Some(blob)) => read(exchange, digest, blob),
            ("HEAD", None) if !self.store().has_anywhere(digest) => {
                let message = format!("blob {digest} not found");
                error(StatusCode::NOT_FOUND, Voice::Core, "NOT_FOUND", &message)
            }
            ("DELETE", Some(_)) => {
                self.store().unlink_blob(repository, digest);
                empty(StatusCode::ACCEPTED, Voice::Registry)
            }
            ("HEAD" | "GET" | "DELETE", None) if is_digest(digest) => error_detail(
                StatusCode::NOT_FOUND,
                "BLOB_UNKNOWN",
                "blob unknown to registry",
                &json!(digest),
            ),
            ("HEAD" | "GET" | "DELETE", None) => error_detail(
                StatusCode::BAD_REQUEST,
                "DIGEST_INVALID",
                "provided digest did not match uploaded content",
                &json!({}),
            ),
            _ => page_not_found(Voice::Registry),
        }
    }
}

fn read(exchange: &Exchange, digest: &str, blob: Arc<Blob>) -> Answer {
    let size = blob.size;
    let tag = format!("\"{digest}\"");
    if header(&exchange.headers, header::IF_NONE_MATCH) == Some(&tag) {
        let mut answer = empty(StatusCode::NOT_MODIFIED, Voice::Registry);
        describe(&mut answer, digest, &tag);
        return answer;
    }
    let range = header(&exchange.headers, header::RANGE).and_then(|value| span(value, size));
    let (status, from, to) = match range {
        None => (StatusCode::OK, 0, size),
        Some(Ok((from, to))) => (StatusCode::PARTIAL_CONTENT, from, to),
        Some(Err(Unsatisfiable)) => return unsatisfiable(digest, &tag, size),
    };
    let mut answer = empty(status, Voice::Registry);
    describe(&mut answer, digest, &tag);
    set(&mut answer, "accept-ranges", "bytes");
    set(&mut answer, "content-type", "application/octet-stream");
    if status == StatusCode::PARTIAL_CONTENT {
        set(
            &mut answer,
            "content-range",
            &format!("bytes {from}-{}/{size}", to - 1),
        );
    }
    set(&mut answer, "content-length", &(to - from).to_string());
    if exchange.method == Method::HEAD || from == to {
        return answer;
    }
    match blob.pieces(from, to) {
        Some(pieces) => {
            let frames = pieces.map(|piece| Ok(Frame::data(piece)));
            answer.map(|_| StreamBody::new(stream::iter(frames)).boxed_unsync())
        }
        None => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            Voice::Registry,
            "UNKNOWN",
            "this stand-in kept only the digest of this blob",
        ),
    }
}

/// As recorded: the whole blob's length over 33 bytes of text, and then the connection ends.
fn unsatisfiable(digest: &str, tag: &str, size: u64) -> Answer {
    let text = "invalid range: failed to overlap";
    let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE, Voice::Registry, text);
    describe(&mut answer, digest, tag);
    set(&mut answer, "content-range", &format!("bytes */{size}"));
    set(&mut answer, "content-length", &size.to_string());
    answer.map(|body| {
        // As a stream, so that hyper believes the header.
        let words = body.into_data_stream();
        StreamBody::new(futures_util::StreamExt::map(words, |data| {
            data.map(Frame::data)
        }))
        .boxed_unsync()
    })
}

fn describe(answer: &mut Answer, digest: &str, tag: &str) {
    set(answer, "cache-control", "max-age=31536000");
    set(answer, "docker-content-digest", digest);
    set(answer, "etag", tag);
}

struct Unsatisfiable;

/// `bytes=a-b`, `bytes=a-` or `bytes=-n` as a half-open span; anything else is no range.
fn span(value: &str, size: u64) -> Option<Result<(u64, u64), Unsatisfiable>> {
    let (first, last) = value.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Ok(first), Err(_)) if last.is_empty() => (first, size),
        (Err(_), Ok(count)) if first.is_empty() => (size.saturating_sub(count), size),
        _ => return None,
    };
    Some(if from < to {
        Ok((from, to))
    } else {
        Err(Unsatisfiable)
    })
}

fn header(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
