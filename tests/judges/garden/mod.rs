//! One request in is at most one request at the origin, as it was meant, or none: through the
//! gateway and a real proxy behind it, and through a real proxy in front of it.

mod hops;
mod payloads;
mod recorder;

use crate::stage::{HUB, Stage, exchange};
use hops::{Hop, Kind};
use payloads::{Payload, Wanted};
use recorder::Recorder;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

/// A proxy forwards what it has in a few milliseconds; what it waits for never comes.
const QUIET: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_millis(1200);
/// Payloads at once.
const AT_ONCE: usize = 16;

/// What the gateway takes though RFC 9112 would have it refused, and why that misleads nobody: what
/// leaves here is written anew. (Payload, why.)
const TAKEN: [(&str, &str); 6] = [
    (
        "target: two",
        "the space is sent on as %20 (3.2: ought to be refused)",
    ),
    ("coding: two fields", "taken and sent as chunked once (6.1)"),
    (
        "coding: twice in a list",
        "taken and sent as chunked once (6.1)",
    ),
    (
        "chunk size: empty",
        "the body ends there, and the connection with it (7.1)",
    ),
    (
        "chunk: a line more before the last",
        "the body ends there, and the connection with it (7.1)",
    ),
    (
        "last chunk: two bytes for its end",
        "read up to an empty line as trailers, which are dropped (7.1.2)",
    ),
];

/// Who judges what the origin saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum First {
    /// The gateway is the first to read the payload: it has to be right.
    Gateway,
    /// Another proxy is: what it makes of the payload is its own, if the gateway makes no more of it.
    Front,
}

#[test]
fn no_proxy_behind_sees_what_was_not_sent() {
    let mut wrong = String::new();
    for kind in Kind::ALL {
        let recorder = Recorder::start();
        let hop = Hop::start(kind, recorder.address());
        let stage = Stage::start(hop.address, "", "", "");
        try_all(
            &format!("before {kind:?}"),
            First::Gateway,
            stage.plain(),
            &recorder,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_proxy_in_front_makes_the_gateway_send_what_was_not_sent() {
    let mut wrong = String::new();
    for kind in Kind::ALL {
        let recorder = Recorder::start();
        let stage = Stage::start(recorder.address(), "", "", "");
        let hop = Hop::start(kind, stage.plain());
        try_all(
            &format!("behind {kind:?}"),
            First::Front,
            hop.address,
            &recorder,
            &mut wrong,
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Sends each payload, then looks whether connections that are kept still carry what belongs
/// together.
fn try_all(
    chain: &str,
    first: First,
    entrance: SocketAddr,
    recorder: &Recorder,
    wrong: &mut String,
) {
    let left = Mutex::new(payloads::all().into_iter().enumerate().collect::<Vec<_>>());
    let next = || left.lock().expect("the payloads").pop();
    let answers = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((number, payload)) = next() {
                    let said = exchange(entrance, &payload.bytes(number), QUIET, LIMIT);
                    answers
                        .lock()
                        .expect("the answers")
                        .push((number, payload, said));
                }
            });
        }
    });
    let answers = answers.into_inner().expect("the answers");
    for (number, payload, said) in &answers {
        if let Some(complaint) = judge(first, recorder, *number, payload, said) {
            let said = String::from_utf8_lossy(&said[..said.len().min(60)]);
            let _ = writeln!(
                wrong,
                "{chain}: {}: {complaint}; told {said:?}",
                payload.name
            );
        }
    }
    for number in 0..20 {
        let target = format!("/v2/plain{number}/x");
        let request = format!("GET {target} HTTP/1.1\r\nHost: {HUB}\r\nConnection: close\r\n\r\n");
        let said = exchange(entrance, request.as_bytes(), LIMIT, LIMIT * 4);
        let said = String::from_utf8_lossy(&said);
        // The recorder answers with the target.
        if !(said.starts_with("HTTP/1.1 200") && said.ends_with(&target)) {
            let _ = writeln!(wrong, "{chain}: {target} is answered with {said:?}");
        }
    }
    for stray in recorder.strays() {
        let _ = writeln!(wrong, "{chain}: at the origin: {stray}");
    }
}

fn judge(
    first: First,
    recorder: &Recorder,
    number: usize,
    payload: &Payload,
    said: &[u8],
) -> Option<String> {
    let seen = recorder.seen(&payloads::prefix(number));
    let lines: Vec<String> = seen.iter().map(|seen| seen.line.clone()).collect();
    let count = |start: &[u8]| {
        said.windows(start.len())
            .filter(|part| *part == start)
            .count()
    };
    let answers = count(b"HTTP/1.1 ") - count(b"HTTP/1.1 100 ");
    if seen.len() > 1 || lines.iter().any(|line| !line.contains("/asked")) {
        return Some(format!("the origin saw {lines:?}"));
    }
    if first == First::Front {
        return None;
    }
    if answers > 1 {
        return Some(format!("{answers} answers"));
    }
    let only = seen.first()?;
    let is_wanted = match &payload.wanted {
        Wanted::Nothing => TAKEN.iter().any(|(name, _)| *name == payload.name),
        Wanted::Once(method, body) => {
            only.line
                .starts_with(&format!("{method} {} ", payloads::target(number)))
                && body.is_none_or(|body| body == only.body)
        }
    };
    (!is_wanted).then(|| {
        let body = String::from_utf8_lossy(&only.body);
        format!("the origin saw {lines:?} with {body:?}")
    })
}
