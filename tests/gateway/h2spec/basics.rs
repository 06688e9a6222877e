//! Sections 3 and 4 of RFC 9113, and what h2spec calls generic 1 and 3.5 to 3.9.

use super::case::{
    Case, Code, DATA, END_STREAM, GOAWAY, HEADERS, PING, SETTINGS, See, Step, UNKNOWN, block, case,
    data, fatal, field, fine, frame, get, harmless, headers, ping, post, priority, reset, settings,
    window,
};
use super::peer::{PREFACE, Settings};

pub fn cases(limits: Settings) -> Vec<Case> {
    let mut cases = beginnings();
    cases.extend(formats(limits));
    cases.extend(good_frames());
    cases
}

fn beginnings() -> Vec<Case> {
    let start = [PREFACE, &settings(4, 65_535)].concat();
    let bare = |number, bytes: &[u8], see| Case {
        number,
        bare: true,
        steps: vec![Step::Send(bytes.to_vec())],
        see,
    };
    let wrong = b"NO PREFACE OF HTTP/2 AT ALL\r\n\r\n";
    vec![
        bare("http2/3.5/1", &start, See::SettingsFirst),
        bare(
            "http2/3.5/2",
            wrong,
            See::ConnectionError(vec![Code::Protocol]),
        ),
        bare("generic/1/1", &start, See::SettingsFirst),
    ]
}

fn formats(limits: Settings) -> Vec<Case> {
    let unknown = frame(UNKNOWN, 0, 0, &[0; 8]);
    let too_large = vec![0; limits.max_frame + 1];
    // No END_HEADERS: one literal field, whose value doesn't end in this frame.
    let open = frame(HEADERS, END_STREAM, 1, &block(0x82));
    let other = headers(3, END_STREAM, &block(0x82));
    let rest = frame(super::case::CONTINUATION, 4, 1, &field("x-rest", "of it"));
    vec![
        harmless("http2/4.1/1", &[unknown]),
        case("http2/4.1/2", &[frame(PING, 0x16, 0, &[0; 8])], See::Pong),
        case(
            "http2/4.1/3",
            &[frame(PING, 0x16, 0x8000_0000, &[0; 8])],
            See::Pong,
        ),
        fine(
            "http2/4.2/1",
            &[post(1), data(1, END_STREAM, &[b'x'; 16_384])],
        ),
        case(
            "http2/4.2/2",
            &[post(1), frame(DATA, END_STREAM, 1, &too_large)],
            See::StreamError(vec![Code::FrameSize]),
        ),
        fatal(
            "http2/4.2/3",
            Code::FrameSize,
            &[headers(1, END_STREAM, &too_large)],
        ),
        fatal(
            "http2/4.3/1",
            Code::Compression,
            // A literal field without a name.
            &[headers(1, END_STREAM, &[0x40])],
        ),
        fatal(
            "http2/4.3/2",
            Code::Protocol,
            &[open.clone(), priority(1, 0, 255), rest.clone()],
        ),
        fatal("http2/4.3/3", Code::Protocol, &[open, other, rest]),
    ]
}

fn good_frames() -> Vec<Case> {
    let farewell = [0, 0, 0, 0, 0, 0, 0, 0, b'b', b'y', b'e'];
    vec![
        case(
            "generic/3.4/1",
            &[post(1), reset(1), ping()],
            See::PongOrEnd,
        ),
        case("generic/3.5/1", &[settings(3, 100)], See::SettingsAck),
        harmless("generic/3.7/1", &[]),
        case(
            "generic/3.8/1",
            &[frame(GOAWAY, 0, 0, &farewell), ping()],
            See::PongOrEnd,
        ),
        harmless("generic/3.9/1", &[window(0, 1)]),
        fine(
            "generic/3.9/2",
            &[post(1), window(1, 1), data(1, END_STREAM, b"x")],
        ),
        harmless("http2/6.5.2/5", &[settings(0xff, 1)]),
        case(
            "http2/6.5.3/2",
            &[frame(SETTINGS, 0, 0, &[])],
            See::SettingsAck,
        ),
        harmless("http2/6.7/1", &[]),
        case(
            "http2/6.7/2",
            &[frame(PING, 1, 0, b"unwanted"), ping()],
            See::Pong,
        ),
        fine("generic/4/1", &[get(1)]),
        fine("generic/4/2", &[headers(1, END_STREAM, &head())]),
        fine("generic/4/3", &[post(1), data(1, END_STREAM, b"content")]),
        fine(
            "generic/4/4",
            &[
                post(1),
                data(1, 0, b"content"),
                headers(1, END_STREAM, &field("x-trailer", "rest")),
            ],
        ),
    ]
}

/// HEAD has no index in the static table.
fn head() -> Vec<u8> {
    let mut head = field(":method", "HEAD");
    head.extend(&block(0x82)[1..]);
    head
}
