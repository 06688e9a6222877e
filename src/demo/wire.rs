//! Requests on the wire, for the demo's client: one TLS connection each, as older clients do.

use crate::sample::content::Pattern;
use crate::standin::link::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) fn nothing() -> Body {
    full(Bytes::new())
}

pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A pattern's content, counted as it is taken for sending.
pub(super) fn counted(content: Pattern, sent: Arc<AtomicU64>) -> Body {
    let frames = stream::iter(content.chunks()).map(move |chunk| {
        sent.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        Ok(Frame::data(chunk))
    });
    StreamBody::new(frames).boxed_unsync()
}
