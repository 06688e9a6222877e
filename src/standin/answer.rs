//! Answers in the shape of Harbor's core and of the registry behind it.

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::json;
use std::io;

/// A body on its way out, or on its way in with its origin forgotten.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type Answer = Response<Body>;

/// Who is speaking: only the registry (and core in its name) sets the version header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voice {
    Core,
    Registry,
}

pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// An answer without content. No length is set for 204 and 304 (RFC 9110, 8.6).
pub(super) fn empty(status: StatusCode, voice: Voice) -> Answer {
    let mut answer = Response::new(full(Bytes::new()));
    *answer.status_mut() = status;
    speak(&mut answer, voice);
    answer
}

pub(super) fn text(status: StatusCode, voice: Voice, kind: &'static str, body: String) -> Answer {
    let mut answer = Response::new(full(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    speak(&mut answer, voice);
    answer
}

/// Go's `http.Error`: plain text with a line feed.
pub(super) fn plain(status: StatusCode, voice: Voice, message: &str) -> Answer {
    let mut answer = text(
        status,
        voice,
        "text/plain; charset=utf-8",
        format!("{message}\n"),
    );
    answer.headers_mut().insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    answer
}

/// An OCI error body without a detail.
pub(super) fn error(status: StatusCode, voice: Voice, code: &str, message: &str) -> Answer {
    // Written out: the order of the keys is part of what was recorded.
    let body = format!(
        "{{\"errors\":[{{\"code\":{},\"message\":{}}}]}}\n",
        json!(code),
        json!(message)
    );
    text(status, voice, "application/json; charset=utf-8", body)
}

/// An OCI error body with a detail, as the registry writes it.
pub(super) fn error_detail(
    status: StatusCode,
    code: &str,
    message: &str,
    detail: &serde_json::Value,
) -> Answer {
    let body = format!(
        "{{\"errors\":[{{\"code\":{},\"message\":{},\"detail\":{detail}}}]}}\n",
        json!(code),
        json!(message)
    );
    text(
        status,
        Voice::Registry,
        "application/json; charset=utf-8",
        body,
    )
}

pub(super) fn page_not_found(voice: Voice) -> Answer {
    plain(StatusCode::NOT_FOUND, voice, "404 page not found")
}

/// Sets a header to a text; a text that can't stand in a header is left out.
pub(super) fn set(answer: &mut Answer, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

fn speak(answer: &mut Answer, voice: Voice) {
    match voice {
        Voice::Core => {}
        Voice::Registry => {
            answer.headers_mut().insert(
                "docker-distribution-api-version",
                HeaderValue::from_static("registry/2.0"),
            );
        }
    }
}

/// Nothing, for where a body must be given.
pub(super) fn nothing() -> Body {
    full(bytes::Bytes::new())
}
