//! Answers in the shape of Harbor's core and of the registry behind it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use std::io;

/// A body on its way out, or on its way in with its origin forgotten.
pub(crate) type FakeBody = UnsyncBoxBody<Bytes, io::Error>;
pub(crate) type FakeResponse = Response<FakeBody>;

pub(super) const JSON: &str = "application/json; charset=utf-8";
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

pub(crate) fn full(bytes: impl Into<Bytes>) -> FakeBody {
    let body = Full::new(bytes.into()).map_err(|never| match never {});
    body.boxed_unsync()
}

/// Nothing, for where a body must be given.
pub(crate) fn nothing() -> FakeBody {
    full(Bytes::new())
}

/// A header as text; `None` where it is absent or no text.
pub(crate) fn field<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

/// An answer of core's own, without content. No length is set for 204 and 304 (RFC 9110, 8.6).
pub(super) fn by_core(status: u16) -> FakeResponse {
    let mut answer = Response::new(nothing());
    // All that are written here are statuses.
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    answer
}

/// An answer of the registry, or of core in its name: only these carry the version.
pub(super) fn by_registry(status: u16) -> FakeResponse {
    by_core(status).with("docker-distribution-api-version", "registry/2.0")
}

/// The headers and body of a response, added piece by piece.
pub(super) trait ResponseExt: Sized {
    /// With a header set to a text; one that can't stand in a header is left out.
    fn with(self, name: &'static str, value: &str) -> Self;

    /// With one more cookie.
    fn with_cookie(self, cookie: &str) -> Self;

    fn saying(self, content: Bytes) -> Self;

    fn text(self, kind: &str, text: impl Into<Bytes>) -> Self {
        self.with("content-type", kind).saying(text.into())
    }

    /// Go's `http.Error`: plain text with a line feed.
    fn plain(self, message: &str) -> Self {
        let answer = self.text(PLAIN, format!("{message}\n"));
        answer.with("x-content-type-options", "nosniff")
    }

    /// Go's word for what its router doesn't know; to be said with 404.
    fn page_not_found(self) -> Self {
        self.plain("404 page not found")
    }

    /// An OCI error body without a detail.
    fn error(self, code: &str, message: &str) -> Self {
        // Written out: the order of the keys is part of what was recorded.
        let (code, message) = (json!(code), json!(message));
        let body = format!("{{\"errors\":[{{\"code\":{code},\"message\":{message}}}]}}\n");
        self.text(JSON, body)
    }

    /// An OCI error body with a detail, as the registry writes it.
    fn error_about(self, code: &str, message: &str, detail: &Value) -> Self {
        let (code, message) = (json!(code), json!(message));
        let error = format!("{{\"code\":{code},\"message\":{message},\"detail\":{detail}}}");
        self.text(JSON, format!("{{\"errors\":[{error}]}}\n"))
    }
}

impl ResponseExt for FakeResponse {
    fn with(mut self, name: &'static str, value: &str) -> FakeResponse {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers_mut().insert(name, value);
        }
        self
    }

    fn with_cookie(mut self, cookie: &str) -> FakeResponse {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            self.headers_mut().append(header::SET_COOKIE, cookie);
        }
        self
    }

    fn saying(self, content: Bytes) -> FakeResponse {
        self.map(|_| full(content))
    }
}
