//! Section 6 of RFC 9113, frame by frame, and what h2spec calls generic 3.1 to 3.3 and 3.10.

use super::case::{
    CONTINUATION, Case, Code, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PADDED, PING,
    PRIORITY, RST_STREAM, SETTINGS, See, Step, WINDOW_UPDATE, WITH_PRIORITY, block, broken, case,
    data, fatal, field, fine, frame, get, headers, post, priority, reset, setting, settings,
    window,
};

pub fn cases() -> Vec<Case> {
    let mut cases = content();
    cases.extend(headers_and_priority());
    cases.extend(control());
    cases.extend(setting_values());
    cases.extend(windows());
    cases.extend(initial_windows());
    cases.extend(continuations());
    cases.extend(good_ones());
    cases
}

fn content() -> Vec<Case> {
    vec![
        fatal(
            "http2/6.1/1",
            Code::Protocol,
            &[post(1), data(0, 0, b"test")],
        ),
        broken(
            "http2/6.1/2",
            Code::StreamClosed,
            &[get(1), data(1, END_STREAM, b"test")],
        ),
        // More padding than there is payload.
        fatal(
            "http2/6.1/3",
            Code::Protocol,
            &[post(1), data(1, END_STREAM | PADDED, b"\x06test")],
        ),
    ]
}

fn headers_and_priority() -> Vec<Case> {
    let open = || frame(HEADERS, END_STREAM, 1, &block(0x82));
    let padded = [vec![200], block(0x82)].concat();
    vec![
        fatal(
            "http2/6.2/1",
            Code::Protocol,
            &[open(), priority(1, 0, 255)],
        ),
        fatal("http2/6.2/2", Code::Protocol, &[open(), get(3)]),
        fatal("http2/6.2/3", Code::Protocol, &[get(0)]),
        broken(
            "http2/6.2/4",
            Code::Protocol,
            &[headers(1, END_STREAM | PADDED, &padded)],
        ),
        fatal("http2/6.3/1", Code::Protocol, &[priority(0, 0, 255)]),
        broken(
            "http2/6.3/2",
            Code::FrameSize,
            &[post(1), frame(PRIORITY, 0, 1, &[0x80, 0, 0, 1])],
        ),
    ]
}

fn control() -> Vec<Case> {
    let unknown_code = [0, 0, 0, 0xff];
    let farewell = [[0; 4], unknown_code].concat();
    let either = vec![Code::Protocol, Code::FrameSize];
    let ping = super::case::ping;
    vec![
        fatal("http2/6.4/1", Code::Protocol, &[reset(0)]),
        fatal("http2/6.4/2", Code::Protocol, &[reset(1)]),
        broken(
            "http2/6.4/3",
            Code::FrameSize,
            &[post(1), frame(RST_STREAM, 0, 1, &[0, 0, 0])],
        ),
        fatal(
            "http2/6.5/1",
            Code::FrameSize,
            &[frame(SETTINGS, 1, 0, &[0])],
        ),
        fatal(
            "http2/6.5/2",
            Code::Protocol,
            &[frame(SETTINGS, 0, 1, &setting(3, 100))],
        ),
        case(
            "http2/6.5/3",
            &[frame(SETTINGS, 0, 0, &[0, 3, 0])],
            See::StreamError(either),
        ),
        fatal("http2/6.7/3", Code::Protocol, &[frame(PING, 0, 1, &[0; 8])]),
        fatal(
            "http2/6.7/4",
            Code::FrameSize,
            &[frame(PING, 0, 0, &[0; 6])],
        ),
        fatal(
            "http2/6.8/1",
            Code::Protocol,
            &[frame(GOAWAY, 0, 1, &[0; 8])],
        ),
        case(
            "http2/7/1",
            &[frame(GOAWAY, 0, 0, &farewell), ping()],
            See::PongOrEnd,
        ),
        case(
            "http2/7/2",
            &[post(1), frame(RST_STREAM, 0, 1, &unknown_code), ping()],
            See::PongOrEnd,
        ),
    ]
}

fn setting_values() -> Vec<Case> {
    let twice = [setting(4, 100), setting(4, 1)].concat();
    vec![
        fatal("http2/6.5.2/1", Code::Protocol, &[settings(2, 2)]),
        fatal("http2/6.5.2/2", Code::FlowControl, &[settings(4, 1 << 31)]),
        fatal("http2/6.5.2/3", Code::Protocol, &[settings(5, 16_383)]),
        fatal("http2/6.5.2/4", Code::Protocol, &[settings(5, 1 << 24)]),
        Case {
            number: "http2/6.5.3/1",
            bare: false,
            steps: vec![
                Step::Send(frame(SETTINGS, 0, 0, &twice)),
                Step::UntilSettingsAck,
                Step::Send(get(1)),
            ],
            see: See::Content(Some(1)),
        },
    ]
}

fn windows() -> Vec<Case> {
    let most = (1 << 31) - 1;
    vec![
        fatal("http2/6.9/1", Code::Protocol, &[window(0, 0)]),
        broken("http2/6.9/2", Code::Protocol, &[post(1), window(1, 0)]),
        fatal(
            "http2/6.9/3",
            Code::FrameSize,
            &[frame(WINDOW_UPDATE, 0, 0, &[0, 0, 1])],
        ),
        Case {
            number: "http2/6.9.1/1",
            bare: false,
            steps: vec![
                Step::Send(settings(4, 1)),
                Step::UntilSettingsAck,
                Step::Send(get(1)),
            ],
            see: See::Content(Some(1)),
        },
        fatal(
            "http2/6.9.1/2",
            Code::FlowControl,
            &[window(0, most), window(0, most)],
        ),
        broken(
            "http2/6.9.1/3",
            Code::FlowControl,
            &[post(1), window(1, most), window(1, most)],
        ),
    ]
}

fn initial_windows() -> Vec<Case> {
    vec![
        Case {
            number: "http2/6.9.2/1",
            bare: false,
            steps: vec![
                Step::Send(settings(4, 0)),
                Step::UntilSettingsAck,
                Step::Send([get(1), settings(4, 1)].concat()),
            ],
            see: See::Content(Some(1)),
        },
        // Three are taken, the window shrinks to minus one, and grows by two.
        Case {
            number: "http2/6.9.2/2",
            bare: false,
            steps: vec![
                Step::Send(settings(4, 3)),
                Step::UntilSettingsAck,
                Step::Send(get(1)),
                Step::UntilContent(3),
                Step::Send(settings(4, 2)),
                Step::UntilSettingsAck,
                Step::Send(window(1, 2)),
            ],
            see: See::Content(Some(1)),
        },
        fatal("http2/6.9.2/3", Code::FlowControl, &[settings(4, 1 << 31)]),
    ]
}

fn continuations() -> Vec<Case> {
    let open = || frame(HEADERS, END_STREAM, 1, &block(0x82));
    let more = |flags, stream| frame(CONTINUATION, flags, stream, &field("x-more", "of it"));
    vec![
        fine("http2/6.10/1", &[open(), more(0, 1), more(END_HEADERS, 1)]),
        fatal(
            "http2/6.10/2",
            Code::Protocol,
            &[open(), more(0, 1), data(1, END_STREAM, b"test")],
        ),
        fatal(
            "http2/6.10/3",
            Code::Protocol,
            &[open(), more(END_HEADERS, 0)],
        ),
        fatal(
            "http2/6.10/4",
            Code::Protocol,
            &[get(1), more(END_HEADERS, 1)],
        ),
        fatal(
            "http2/6.10/5",
            Code::Protocol,
            &[open(), more(END_HEADERS, 1), more(END_HEADERS, 1)],
        ),
        fatal(
            "http2/6.10/6",
            Code::Protocol,
            &[open(), data(1, END_STREAM, b"test"), more(END_HEADERS, 1)],
        ),
        fine("generic/3.10/1", &[open(), more(END_HEADERS, 1)]),
        fine(
            "generic/3.10/2",
            &[open(), more(0, 1), more(0, 1), more(END_HEADERS, 1)],
        ),
    ]
}

fn good_ones() -> Vec<Case> {
    let padded = [vec![6], block(0x82), vec![0; 6]].concat();
    let ranked = [vec![0, 0, 0, 0, 255], block(0x82)].concat();
    let exclusive = 0x8000_0000 | 3;
    let content = |flags, payload: &[u8]| frame(DATA, flags, 1, payload);
    vec![
        fine("generic/3.1/1", &[post(1), content(END_STREAM, b"test")]),
        fine(
            "generic/3.1/2",
            &[post(1), content(0, b"test"), content(END_STREAM, b"test")],
        ),
        fine(
            "generic/3.1/3",
            &[
                post(1),
                content(END_STREAM | PADDED, b"\x06test\0\0\0\0\0\0"),
            ],
        ),
        fine("generic/3.2/1", &[get(1)]),
        fine("generic/3.2/2", &[headers(1, END_STREAM | PADDED, &padded)]),
        fine(
            "generic/3.2/3",
            &[headers(1, END_STREAM | WITH_PRIORITY, &ranked)],
        ),
        fine("generic/3.3/1", &[priority(1, 0, 0), get(1)]),
        fine("generic/3.3/2", &[priority(1, 0, 255), get(1)]),
        fine("generic/3.3/3", &[priority(1, 3, 255), get(1)]),
        fine("generic/3.3/4", &[priority(1, exclusive, 255), get(1)]),
        fine("generic/3.3/5", &[priority(3, 0, 255), get(1)]),
    ]
}
