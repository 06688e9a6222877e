//! Distance: a relay that passes bytes, and the end of them, on a while after they came. Its rate
//! is not limited.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What one side said, and when; nothing is its end.
type Said = (Instant, Vec<u8>);

const PIECE: usize = 64 * 1024;

/// Relays `listen` to `to`, each way late by `lag`. It lives as long as the test binary.
pub fn start(listen: SocketAddr, to: SocketAddr, lag: Duration) {
    let listener = TcpListener::bind(listen).expect("bind a relay");
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            // The client believes it is connected: a refusal is an end to it, which is what a TCP
            // balancer makes of it, too.
            let Ok(far) = TcpStream::connect(to) else {
                continue;
            };
            connect(near, far, lag);
        }
    });
}

fn connect(near: TcpStream, far: TcpStream, lag: Duration) {
    for side in [&near, &far] {
        side.set_nodelay(true).expect("no delay");
    }
    let twins = near.try_clone().and_then(|n| Ok((n, far.try_clone()?)));
    let (near_twin, far_twin) = twins.expect("clone a connection");
    for (mut from, to) in [(near, far), (far_twin, near_twin)] {
        let (said, hear) = channel::<Said>();
        std::thread::spawn(move || {
            let mut piece = vec![0; PIECE];
            loop {
                let count = from.read(&mut piece).unwrap_or(0);
                let is_gone = said
                    .send((Instant::now(), piece[..count].to_vec()))
                    .is_err();
                if count == 0 || is_gone {
                    return;
                }
            }
        });
        std::thread::spawn(move || pass_on(&hear, to, lag));
    }
}

fn pass_on(hear: &Receiver<Said>, mut to: TcpStream, lag: Duration) {
    for (when, bytes) in hear {
        std::thread::sleep((when + lag).saturating_duration_since(Instant::now()));
        if bytes.is_empty() {
            let _ = to.shutdown(Shutdown::Write);
            return;
        }
        if to.write_all(&bytes).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}
