//! Section 5 of RFC 9113: the states of a stream, and what h2spec calls generic 2.

use super::case::{
    CONTINUATION, Case, Code, END_HEADERS, END_STREAM, HEADERS, PING, See, Step, UNKNOWN,
    WITH_PRIORITY, block, broken, case, data, fatal, field, frame, get, harmless, headers, ping,
    post, priority, reset, settings, window,
};
use super::peer::Settings;

pub fn cases(limits: Settings) -> Vec<Case> {
    let mut cases = states();
    cases.extend(closed());
    cases.extend(identifiers(limits));
    cases.extend(generic());
    cases
}

/// The rest of a header block for stream 1.
fn rest() -> Vec<u8> {
    frame(CONTINUATION, END_HEADERS, 1, &field("x-rest", "of it"))
}

fn states() -> Vec<Case> {
    vec![
        case(
            "http2/5.1/1",
            &[data(1, END_STREAM, b"test")],
            See::StreamError(vec![Code::Protocol, Code::StreamClosed]),
        ),
        fatal("http2/5.1/2", Code::Protocol, &[reset(1)]),
        fatal("http2/5.1/3", Code::Protocol, &[window(1, 100)]),
        fatal(
            "http2/5.1/4",
            Code::Protocol,
            &[frame(CONTINUATION, END_HEADERS, 1, &block(0x82))],
        ),
        broken(
            "http2/5.1/5",
            Code::StreamClosed,
            &[get(1), data(1, END_STREAM, b"test")],
        ),
        broken("http2/5.1/6", Code::StreamClosed, &[get(1), get(1)]),
        case(
            "http2/5.1/7",
            &[get(1), rest()],
            See::StreamError(vec![Code::StreamClosed, Code::Protocol]),
        ),
        broken(
            "http2/5.1/8",
            Code::StreamClosed,
            &[post(1), reset(1), data(1, END_STREAM, b"test")],
        ),
        broken(
            "http2/5.1/9",
            Code::StreamClosed,
            &[post(1), reset(1), get(1)],
        ),
        case(
            "http2/5.1/10",
            &[post(1), reset(1), rest()],
            See::StreamError(vec![Code::StreamClosed, Code::Protocol]),
        ),
    ]
}

/// What comes on a stream after the answer.
fn closed() -> Vec<Case> {
    let after = |number, late: Vec<u8>, see| Case {
        number,
        bare: false,
        steps: vec![Step::Send(get(1)), Step::UntilClosed, Step::Send(late)],
        see,
    };
    // The same as one after the other, each for itself.
    let apart = vec![
        Step::Send(post(1)),
        Step::UntilRead,
        Step::Send(reset(1)),
        Step::UntilRead,
        Step::Send(get(1)),
    ];
    vec![
        Case {
            number: "http2/5.1/9",
            bare: false,
            steps: apart,
            see: See::StreamError(vec![Code::StreamClosed]),
        },
        after(
            "http2/5.1/11",
            data(1, END_STREAM, b"test"),
            See::StreamError(vec![Code::StreamClosed]),
        ),
        after(
            "http2/5.1/12",
            get(1),
            See::ConnectionError(vec![Code::StreamClosed]),
        ),
        after(
            "http2/5.1/13",
            rest(),
            See::ConnectionError(vec![Code::StreamClosed, Code::Protocol]),
        ),
        after(
            "generic/2/5",
            [priority(1, 0, 255), ping()].concat(),
            See::Pong,
        ),
    ]
}

fn identifiers(limits: Settings) -> Vec<Case> {
    // Nothing may be sent to us, so that every stream stays.
    let mut too_many = vec![settings(4, 0)];
    too_many.extend((0..=limits.max_streams).map(|number| get(number * 2 + 1)));
    let codes = vec![Code::Protocol, Code::RefusedStream];
    let mut on_itself = 1u32.to_be_bytes().to_vec();
    on_itself.push(255);
    on_itself.extend(block(0x82));
    let bad_ping = || frame(PING, 0, 3, &[0; 8]);
    let unknown = || frame(UNKNOWN, 0, 0, &[0; 8]);
    let open = frame(HEADERS, END_STREAM, 1, &block(0x82));
    vec![
        fatal("http2/5.1.1/1", Code::Protocol, &[get(2)]),
        fatal("http2/5.1.1/2", Code::Protocol, &[get(5), get(3)]),
        case("http2/5.1.2/1", &too_many, See::StreamError(codes)),
        broken(
            "http2/5.3.1/1",
            Code::Protocol,
            &[headers(1, END_STREAM | WITH_PRIORITY, &on_itself)],
        ),
        broken("http2/5.3.1/2", Code::Protocol, &[priority(1, 1, 255)]),
        case("http2/5.4.1/1", &[bad_ping()], See::End),
        case("http2/5.4.1/2", &[bad_ping()], See::Goaway(Code::Protocol)),
        harmless("http2/5.5/1", &[unknown()]),
        fatal("http2/5.5/2", Code::Protocol, &[open, unknown()]),
    ]
}

fn generic() -> Vec<Case> {
    let shut = || settings(4, 0);
    vec![
        harmless("generic/2/1", &[priority(1, 0, 255)]),
        case(
            "generic/2/2",
            &[shut(), get(1), window(1, 100)],
            See::Content(None),
        ),
        case(
            "generic/2/3",
            &[shut(), get(1), priority(1, 0, 255), window(1, 100)],
            See::Content(None),
        ),
        case("generic/2/4", &[get(1), reset(1), ping()], See::PongOrEnd),
    ]
}
