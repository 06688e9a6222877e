//! A wire behind the gateway: a relay of bytes that can be slow, and can damage what passes.
//!
//! Deliberately doesn't know HTTP, but for where a chunk's size may stand.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A running wire. It lives as long as the test binary.
pub struct Wire {
    pub address: SocketAddr,
    manners: Arc<Manners>,
}

/// Zero is no limit, and no damage.
#[derive(Default)]
struct Manners {
    /// Bytes a second, for each connection.
    up: AtomicU64,
    down: AtomicU64,
    /// Each time that a connection has carried this many up, one of a body's is damaged.
    damage: AtomicU64,
    /// Bytes that have passed down.
    passed_down: AtomicU64,
}

/// One read. At the rates that tests set, some ten milliseconds.
const PIECE: usize = 32 * 1024;

impl Wire {
    pub fn start(to: SocketAddr) -> Wire {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a wire");
        let address = listener.local_addr().expect("a wire's address");
        let manners = Arc::new(Manners::default());
        let shared = manners.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                connect(near, to, &shared);
            }
        });
        Wire { address, manners }
    }

    /// From now on requests pass at this many bytes a second.
    pub fn slow_up(&self, rate: u64) {
        self.manners.up.store(rate, Ordering::Relaxed);
    }

    /// From now on answers pass at this many bytes a second.
    pub fn slow_down(&self, rate: u64) {
        self.manners.down.store(rate, Ordering::Relaxed);
    }

    pub fn hurry(&self) {
        self.slow_up(0);
        self.slow_down(0);
    }

    /// Bytes of answers that have passed so far.
    pub fn passed_down(&self) -> u64 {
        self.manners.passed_down.load(Ordering::Relaxed)
    }

    /// Damages one byte of a body each time that a connection has carried this many up.
    pub fn damage_each(&self, bytes: u64) {
        self.manners.damage.store(bytes, Ordering::Relaxed);
    }
}

/// Which way bytes go.
#[derive(Clone, Copy)]
enum Way {
    Up,
    Down,
}

fn connect(near: TcpStream, to: SocketAddr, manners: &Arc<Manners>) {
    // Nobody there: the near side is closed.
    let Ok(far) = TcpStream::connect(to) else {
        return;
    };
    let twins = near.try_clone().and_then(|n| Ok((n, far.try_clone()?)));
    let (near_twin, far_twin) = twins.expect("clone a connection");
    for (from, to, way) in [(near, far, Way::Up), (far_twin, near_twin, Way::Down)] {
        let manners = manners.clone();
        std::thread::spawn(move || relay(from, to, way, &manners));
    }
}

fn relay(mut from: TcpStream, mut to: TcpStream, way: Way, manners: &Manners) {
    let mut piece = vec![0; PIECE];
    let mut passed = 0_u64;
    loop {
        let count = match from.read(&mut piece) {
            Ok(0) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(count) => count,
            Err(_) => break,
        };
        let rate = match way {
            Way::Up => &manners.up,
            Way::Down => &manners.down,
        };
        let rate = rate.load(Ordering::Relaxed);
        if rate > 0 {
            std::thread::sleep(Duration::from_secs(1) * count as u32 / rate as u32);
        }
        passed += count as u64;
        let damage = manners.damage.load(Ordering::Relaxed);
        let is_due = matches!(way, Way::Up) && damage > 0 && passed > damage;
        if is_due && damage_one(&mut piece[..count]) {
            passed = 0;
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        if matches!(way, Way::Down) {
            let counter = &manners.passed_down;
            counter.fetch_add(count as u64, Ordering::Relaxed);
        }
    }
    for side in [&from, &to] {
        let _ = side.shutdown(Shutdown::Both);
    }
}

/// Flips a bit of a byte that is no chunk's size: those stand between two line ends.
fn damage_one(piece: &mut [u8]) -> bool {
    const FAR: usize = 24;
    let middle = piece.len() / 2;
    if middle < FAR || piece[middle - FAR..middle + FAR].contains(&b'\n') {
        return false;
    }
    piece[middle] ^= 1;
    true
}
