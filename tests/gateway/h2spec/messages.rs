//! Section 8 of RFC 9113: what a request consists of.

use super::case::{
    Case, Code, END_HEADERS, END_STREAM, PUSH_PROMISE, authority, block, broken, data, fatal,
    field, frame, headers, path, post,
};

pub fn cases() -> Vec<Case> {
    let mut cases = pseudo_fields();
    cases.extend(request_fields());
    cases.extend(others());
    cases
}

/// A GET with these fields at its end, which breaks the stream.
fn with(number: &'static str, fields: &[Vec<u8>]) -> Case {
    request(number, &[&[block(0x82)], fields].concat())
}

fn request(number: &'static str, parts: &[Vec<u8>]) -> Case {
    let whole = headers(1, END_STREAM, &parts.concat());
    broken(number, Code::Protocol, &[whole])
}

fn pseudo_fields() -> Vec<Case> {
    vec![
        with("http2/8.1.2.1/1", &[field(":unheard-of", "yes")]),
        with("http2/8.1.2.1/2", &[field(":status", "200")]),
        broken(
            "http2/8.1.2.1/3",
            Code::Protocol,
            &[
                post(1),
                data(1, 0, b"test"),
                // Not END_STREAM, as in h2spec's: with it, h2 drops what has no business in trailers.
                headers(1, 0, &field(":method", "POST")),
            ],
        ),
        request(
            "http2/8.1.2.1/4",
            &[
                vec![0x82],
                path("/v2/"),
                authority(),
                field("x-regular", "yes"),
                vec![0x87],
            ],
        ),
        with("http2/8.1.2.2/1", &[field("connection", "keep-alive")]),
        with("http2/8.1.2.2/2", &[field("te", "gzip")]),
    ]
}

fn request_fields() -> Vec<Case> {
    let (get, https) = (|| vec![0x82], || vec![0x87]);
    let root = || path("/v2/");
    vec![
        request("http2/8.1.2.3/1", &[get(), https(), path(""), authority()]),
        request("http2/8.1.2.3/2", &[https(), root(), authority()]),
        request("http2/8.1.2.3/3", &[get(), root(), authority()]),
        request("http2/8.1.2.3/4", &[get(), https(), authority()]),
        request(
            "http2/8.1.2.3/5",
            &[get(), get(), https(), root(), authority()],
        ),
        request(
            "http2/8.1.2.3/6",
            &[get(), https(), https(), root(), authority()],
        ),
        request(
            "http2/8.1.2.3/7",
            &[get(), https(), root(), root(), authority()],
        ),
    ]
}

fn others() -> Vec<Case> {
    let sized = |size: &str| {
        let block = [block(0x83), field("content-length", size)].concat();
        headers(1, 0, &block)
    };
    let promise = [vec![0, 0, 0, 2], block(0x82)].concat();
    vec![
        broken(
            "http2/8.1.2.6/1",
            Code::Protocol,
            &[sized("1"), data(1, END_STREAM, b"test")],
        ),
        broken(
            "http2/8.1.2.6/2",
            Code::Protocol,
            &[
                sized("1"),
                data(1, 0, b"test"),
                data(1, END_STREAM, b"test"),
            ],
        ),
        with("http2/8.1.2/1", &[field("X-UPPER", "yes")]),
        broken(
            "http2/8.1/1",
            Code::Protocol,
            &[post(1), headers(1, 0, &field("x-trailer", "early"))],
        ),
        fatal(
            "http2/8.2/1",
            Code::Protocol,
            &[frame(PUSH_PROMISE, END_HEADERS, 1, &promise)],
        ),
    ]
}
