//! slowhttptest in its four modes at once, with a healthy client beside them.

use crate::common::process::{self, Finished};
use crate::common::tools;
use crate::stage::{HUB, Stage, exchange, serve};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CONNECTIONS: usize = 150;
const SECONDS: &str = "6";
/// Larger than all buffers on the way.
const LARGE: usize = 8 << 20;

const LIMITS: &str = "limits: { header_time: 1s, upload_progress: 64KiB }\n";
const TIMEOUTS: &str = "    timeouts: { between_bytes: 2s }\n";

/// A Harbor that reads what comes and has a large blob.
fn answer(mut stream: TcpStream) {
    let mut kept = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        kept.extend_from_slice(&piece[..count]);
        let Some(end) = kept.windows(4).position(|part| part == b"\r\n\r\n") else {
            continue;
        };
        let head = String::from_utf8_lossy(&kept[..end]).to_ascii_lowercase();
        let length = head.split("content-length:").nth(1);
        let length = length.and_then(|rest| rest.lines().next()?.trim().parse().ok());
        let body: usize = length.unwrap_or(0);
        if kept.len() < end + 4 + body {
            continue;
        }
        kept.drain(..end + 4 + body);
        let size = if head.contains("/large") { LARGE } else { 2 };
        let said = format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n");
        // A body after the answer to a HEAD would be the beginning of the next answer.
        let follows = if head.starts_with("head ") { 0 } else { size };
        let sent = stream.write_all(said.as_bytes());
        let sent = sent.and_then(|()| stream.write_all(&vec![b'x'; follows]));
        if sent.is_err() {
            return;
        }
    }
}

/// The mode's switch and what it needs more.
const MODES: [(&str, &str, &[&str]); 4] = [
    ("-H", "/v2/", &["-i", "1", "-x", "24"]),
    (
        "-B",
        "/v2/lab/app/blobs/uploads/1",
        &["-i", "1", "-s", "1000000", "-t", "POST", "-x", "10"],
    ),
    ("-R", "/v2/", &["-t", "HEAD", "-a", "5", "-b", "3000"]),
    (
        "-X",
        "/v2/lab/app/blobs/large",
        &["-w", "10", "-y", "20", "-n", "1", "-z", "32", "-k", "2"],
    ),
];

fn attack(address: SocketAddr, mode: &(&str, &str, &[&str])) -> Finished {
    let (switch, path, more) = mode;
    let count = CONNECTIONS.to_string();
    let mut command = Command::new(tools::path("slowhttptest"));
    // It names the host that it is told, which the gateway knows.
    command
        .args([
            *switch, "-c", &count, "-r", &count, "-l", SECONDS, "-p", "3",
        ])
        .args(*more)
        .args(["-u", &format!("http://{address}{path}")]);
    process::run(command, Duration::from_secs(60))
}

#[test]
fn slow_clients_are_ended_and_nobody_else_notices() {
    tools::require(&["slowhttptest"]);
    let harbor = serve(answer);
    let port = crate::common::wait::free_port();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let public = format!(", http://{address}");
    let stage = Stage::listening(
        &address.to_string(),
        harbor.address,
        LIMITS,
        TIMEOUTS,
        &public,
    );
    let over = AtomicBool::new(false);
    let (failures, asked) = std::thread::scope(|scope| {
        let healthy = scope.spawn(|| {
            let (mut failures, mut asked) = (Vec::new(), 0);
            while !over.load(Ordering::Relaxed) {
                asked += 1;
                let request =
                    format!("GET /v2/ HTTP/1.1\r\nHost: {HUB}\r\nConnection: close\r\n\r\n");
                let wait = Duration::from_secs(5);
                let said = exchange(address, request.as_bytes(), wait, wait);
                if !said.starts_with(b"HTTP/1.1 200") {
                    failures.push(String::from_utf8_lossy(&said).into_owned());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            (failures, asked)
        });
        let attacks = MODES.map(|mode| (mode, scope.spawn(move || attack(address, &mode))));
        for (mode, attack) in attacks {
            let finished = attack.join().expect("it ran");
            let said = finished.output();
            // Its own probe got an answer to the end.
            let available = said
                .lines()
                .rev()
                .find(|line| line.contains("service available"));
            assert!(
                available.is_some_and(|line| line.contains("YES")),
                "{mode:?}: {said}"
            );
        }
        over.store(true, Ordering::Relaxed);
        healthy.join().expect("it ran")
    });
    assert_eq!(failures, [""; 0]);
    assert!(asked >= 3, "{asked}");
    // Each bound is seen to have held somebody.
    let gateway = &stage.gateway;
    let counted = |family, reason| gateway.metric(family, &[("reason", reason)]);
    let slow = counted("harbormouth_connections_refused_total", "slow_header");
    assert!(slow >= 1.0, "slow headers: {slow}");
    let stalled = counted("harbormouth_request_failures_total", "client_stalled");
    assert!(stalled >= 1.0, "slow bodies: {stalled}");
    crate::common::wait::until(
        "the places to be given back",
        Duration::from_secs(20),
        || {
            let left = gateway.metric("harbormouth_requests_in_flight", &[]);
            (left == 0.0).then_some(())
        },
    );
}
