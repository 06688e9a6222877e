//! An answer of the admin listener, with the headers that every such answer has.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;

pub(super) type AdminResponse = Response<Full<Bytes>>;

pub(super) fn json(value: &impl Serialize) -> AdminResponse {
    match serde_json::to_vec(value) {
        Ok(mut body) => {
            body.push(b'\n');
            with_type(StatusCode::OK, "application/json", Bytes::from(body))
        }
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

pub(super) fn text(status: StatusCode, body: String) -> AdminResponse {
    with_type(status, "text/plain; charset=utf-8", Bytes::from(body))
}

/// What was asked isn't understood, and why.
pub(super) fn bad_request(why: String) -> AdminResponse {
    text(StatusCode::BAD_REQUEST, why + "\n")
}

/// An answer with what all of them carry: nobody keeps it, guesses its type, sends on where it was
/// read, or puts it into a page of another origin.
pub(super) fn with_type(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> AdminResponse {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}
