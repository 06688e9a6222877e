//! The flow-control windows of one connection: when they are checked, which measurements they grow by,
//! and what is announced to the client. `window_growth` computes their size.

use super::flow_control::UploadFlow;
use super::window_growth::{WindowGrowth, WindowSize};
use crate::net::client_network::Owner;
use crate::runtime::{BodyMemory, HeldMemory};
use bytes::Bytes;
use h2::server::Connection;
use h2::{Ping, PingPong};
use pingora::protocols::Stream;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

/// Out of what larger windows come.
pub(super) struct Budget {
    pub(super) memory: Arc<BodyMemory>,
    pub(super) owner: Owner,
    pub(super) limit: u64,
}

/// One connection's windows.
pub(super) struct ConnectionWindows {
    pub(super) flow: Arc<UploadFlow>,
    growth: WindowGrowth,
    pings: Option<PingPong>,
    /// When the ping that is under way was sent.
    pinged: Option<Instant>,
    budget: Budget,
    /// What the windows have more than at first.
    held: Vec<HeldMemory>,
}

impl ConnectionWindows {
    pub(super) fn new(pings: Option<PingPong>, budget: Budget) -> ConnectionWindows {
        let growth = WindowGrowth::new(Instant::now());
        ConnectionWindows {
            flow: Arc::new(UploadFlow::new(growth.mark())),
            growth,
            pings,
            pinged: None,
            budget,
            held: Vec::new(),
        }
    }

    pub(super) fn upload_begins(&mut self) {
        self.growth.begins(self.flow.taken(), Instant::now());
        self.flow.set_mark(self.growth.mark());
        self.ping();
    }

    /// Measures the round trip, unless it is being measured. A balancer in between answers TCP for
    /// the client, but not this.
    fn ping(&mut self) {
        if self.pinged.is_none()
            && let Some(pings) = &mut self.pings
            && pings.send_ping(Ping::opaque()).is_ok()
        {
            self.pinged = Some(Instant::now());
        }
    }

    /// Resolves when the windows are to be looked at.
    pub(super) fn moved(&mut self) -> impl Future<Output = ()> {
        let ConnectionWindows {
            flow,
            growth,
            pings,
            pinged,
            ..
        } = self;
        let pong = poll_fn(move |cx| match (&mut *pings, *pinged) {
            (Some(pings), Some(sent)) => pings.poll_pong(cx).map(|pong| {
                *pinged = None;
                if pong.is_ok() {
                    growth.round_trip(sent.elapsed());
                }
            }),
            _ => Poll::Pending,
        });
        async move {
            tokio::select! {
                () = pong => {}
                () = flow.reached_mark() => {}
            }
        }
    }

    /// Sets aside what the client may send more than before.
    fn set_aside(&self, window: WindowSize) -> Option<HeldMemory> {
        let more = window.connection - self.growth.window().connection;
        let Budget {
            memory,
            owner,
            limit,
        } = &self.budget;
        memory.hold(*owner, more.into(), *limit)
    }

    /// Lets the client send further ahead, if that is what it waits for.
    pub(super) fn grow(&mut self, connection: &mut Connection<Stream, Bytes>) {
        let taken = self.flow.taken();
        let awaits_pong = self.pinged.is_some() && !self.growth.knows_round_trip();
        if taken < self.growth.mark() || awaits_pong {
            return;
        }
        let wanted = self.growth.wanted(taken, Instant::now());
        if let Some(window) = wanted
            && let Some(held) = self.set_aside(window)
        {
            // Refused while the client has not acknowledged the last one.
            if connection.set_initial_window_size(window.stream).is_ok() {
                connection.set_target_window_size(window.connection);
                self.growth.grew(window);
                self.held.push(held);
            }
        }
        self.growth.look_again(taken, Instant::now());
        self.flow.set_mark(self.growth.mark());
        self.ping();
    }
}
