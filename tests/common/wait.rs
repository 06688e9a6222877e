//! Waiting for something to become true, bounded.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Time between two looks. Short against what is waited for, long against what a look costs.
pub const PAUSE: Duration = Duration::from_millis(10);

/// Looks until `look` gives a value.
///
/// # Panics
/// After `limit`, saying what it waited for.
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        assert!(
            start.elapsed() < limit,
            "waited {limit:?} in vain for {what}"
        );
        std::thread::sleep(PAUSE);
    }
}

/// Looks until `look` gives a value, and lets other tasks of its thread go on meanwhile.
///
/// # Panics
/// After `limit`, saying what it waited for.
pub async fn until_async<T>(
    limit: Duration,
    mut look: impl FnMut() -> Option<T>,
    what: impl FnOnce() -> String,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = look() {
            return value;
        }
        if start.elapsed() >= limit {
            panic!("waited {limit:?} in vain for {}", what());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits until something accepts connections at `address`.
pub fn until_it_accepts(address: SocketAddr, limit: Duration) {
    until(&format!("a listener at {address}"), limit, || {
        TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()
    });
}

/// A loopback port that was free a moment ago. For programs that can't be told to choose one
/// themselves; ours take port 0.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind a loopback port");
    listener.local_addr().expect("its address").port()
}
