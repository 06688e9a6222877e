//! Where a message's body ends (RFC 9112, 6.3). Pure; the headers were checked before: Pingora's
//! parser refuses lengths that contradict each other and codings that don't end with `chunked`.

use super::chunked::Chunked;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, StatusCode};

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyFraming {
    /// After so many bytes more.
    Length(u64),
    Chunked,
    /// With the connection.
    Close,
}

/// A request's body: one without any word of it has none.
pub(super) fn of_request(headers: &HeaderMap) -> RequestBody {
    if is_chunked(headers) {
        RequestBody::Chunked(Chunked::new())
    } else {
        RequestBody::Length(length(headers).unwrap_or(0))
    }
}

/// A request's body on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestBody {
    Length(u64),
    Chunked(Chunked),
}

impl RequestBody {
    /// How much of the next bytes may be read at once: what follows a length is not the body's.
    pub(super) fn at_most(self, room: usize) -> usize {
        match self {
            RequestBody::Length(left) => usize::try_from(left).map_or(room, |left| left.min(room)),
            RequestBody::Chunked(_) => room,
        }
    }

    pub(super) fn is_done(self) -> bool {
        match self {
            RequestBody::Length(left) => left == 0,
            RequestBody::Chunked(chunked) => chunked.is_done(),
        }
    }
}

/// A final answer's body.
pub(super) fn of_answer(method: &Method, status: StatusCode, headers: &HeaderMap) -> BodyFraming {
    let is_bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if is_bodyless || method == Method::HEAD {
        BodyFraming::Length(0)
    } else if is_chunked(headers) {
        BodyFraming::Chunked
    } else {
        length(headers).map_or(BodyFraming::Close, BodyFraming::Length)
    }
}

fn is_chunked(headers: &HeaderMap) -> bool {
    let last = headers.get_all(TRANSFER_ENCODING).iter().next_back();
    last.is_some_and(|value| {
        let last = value.as_bytes().rsplit(|byte| *byte == b',').next();
        last.is_some_and(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"))
    })
}

/// The first of several lengths, which are the same.
fn length(headers: &HeaderMap) -> Option<u64> {
    let value = headers.get(CONTENT_LENGTH)?.to_str().ok()?;
    value.split(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_ends_as_its_header_says() {
        const CHUNKED: RequestBody = RequestBody::Chunked(Chunked::new());
        for (lines, request, answer) in [
            ("", RequestBody::Length(0), BodyFraming::Close),
            (
                "content-length: 0",
                RequestBody::Length(0),
                BodyFraming::Length(0),
            ),
            (
                "content-length: 7",
                RequestBody::Length(7),
                BodyFraming::Length(7),
            ),
            (
                "content-length: 7, 7",
                RequestBody::Length(7),
                BodyFraming::Length(7),
            ),
            ("transfer-encoding: chunked", CHUNKED, BodyFraming::Chunked),
            (
                "transfer-encoding: gzip, Chunked ",
                CHUNKED,
                BodyFraming::Chunked,
            ),
            (
                "transfer-encoding: gzip\ntransfer-encoding: chunked",
                CHUNKED,
                BodyFraming::Chunked,
            ),
            (
                "transfer-encoding: chunked\ncontent-length: 7",
                CHUNKED,
                BodyFraming::Chunked,
            ),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in lines.lines().filter_map(|line| line.split_once(": ")) {
                let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
                headers.append(name, value.parse().unwrap());
            }
            let of_answer = |method, status| of_answer(&method, status, &headers);
            assert_eq!(of_request(&headers), request, "{lines}");
            assert_eq!(of_answer(Method::GET, StatusCode::OK), answer, "{lines}");
            for (method, status) in [
                (Method::HEAD, StatusCode::OK),
                (Method::GET, StatusCode::NO_CONTENT),
                (Method::GET, StatusCode::NOT_MODIFIED),
            ] {
                assert_eq!(of_answer(method, status), BodyFraming::Length(0), "{lines}");
            }
        }
    }
}
