//! A gate in a hop: the PATCHes and PUTs of uploads stop before it while it is closed. In that
//! time what gave out an upload's Location can die or change its keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// Open at first. Clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<Inner>);

struct Inner {
    state: watch::Sender<State>,
    waiting: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Closed,
}

impl Gate {
    pub fn open(&self) {
        self.0.state.send_replace(State::Open);
    }

    pub fn close(&self) {
        self.0.state.send_replace(State::Closed);
    }

    /// How many requests stand before it.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::SeqCst)
    }

    pub(super) async fn pass(&self) {
        let mut state = self.0.state.subscribe();
        let _waiting = Waiting::new(&self.0.waiting);
        // Fails when the sender is gone, which `self` holds.
        let _ = state.wait_for(|state| *state == State::Open).await;
    }
}

impl Default for Gate {
    fn default() -> Gate {
        Gate(Arc::new(Inner {
            state: watch::Sender::new(State::Open),
            waiting: AtomicUsize::new(0),
        }))
    }
}

/// Counts one request, also when its client goes away.
struct Waiting<'a>(&'a AtomicUsize);

impl Waiting<'_> {
    fn new(count: &AtomicUsize) -> Waiting<'_> {
        count.fetch_add(1, Ordering::SeqCst);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
