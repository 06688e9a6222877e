//! How much of a connection's uploads Harbor has taken, and each piece's room until then.

use crate::listener::arrival::arrival;
use crate::listener::progress::Progress;
use bytes::Bytes;
use h2::FlowControl;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;

/// Shared by a connection and its requests, all on one thread: nothing here is contended.
pub(super) struct Flow {
    taken: AtomicU64,
    mark: AtomicU64,
    reached: Notify,
}

impl Flow {
    pub(super) fn new(mark: u64) -> Flow {
        Flow {
            taken: AtomicU64::new(0),
            mark: AtomicU64::new(mark),
            reached: Notify::new(),
        }
    }

    /// Bytes that Harbor took.
    pub(super) fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// Asks to be told when Harbor has taken so many.
    pub(super) fn set_mark(&self, mark: u64) {
        self.mark.store(mark, Ordering::Relaxed);
    }

    pub(super) async fn reached_mark(&self) {
        self.reached.notified().await;
    }

    fn took(&self, bytes: u64) {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if taken >= self.mark.load(Ordering::Relaxed) {
            self.mark.store(u64::MAX, Ordering::Relaxed);
            self.reached.notify_one();
        }
    }
}

/// The kernels between us and Harbor take so much of an upload that Harbor doesn't read.
const UNPROVEN: u64 = 512 * 1024;

/// Where ours says how much Harbor's hasn't confirmed, only Harbor's own receive buffer is left, which
/// begins with 64 KiB and grows only for who reads (Linux, `tcp_rmem`).
const UNREAD: u64 = 192 * 1024;

/// One request's body on its way to Harbor.
pub(super) struct Upload {
    flow: Arc<Flow>,
    /// Bytes that were written to Harbor's connection.
    taken: AtomicU64,
    /// Harbor reads: what it takes counts, from the first byte on.
    moves: AtomicBool,
    /// What knows Harbor's connection, once there is one.
    progress: OnceLock<Arc<Progress>>,
}

impl Upload {
    pub(super) fn new(flow: Arc<Flow>) -> Upload {
        Upload {
            flow,
            taken: AtomicU64::new(0),
            moves: AtomicBool::new(false),
            progress: OnceLock::new(),
        }
    }

    /// The same bytes, that give their room back by themselves.
    pub(super) fn wrap(self: &Arc<Self>, bytes: Bytes, room: &FlowControl) -> Bytes {
        self.progress.get_or_init(|| arrival().progress);
        Bytes::from_owner(Piece {
            bytes,
            room: room.clone(),
            upload: Arc::clone(self),
        })
    }

    fn took(&self, bytes: u64) {
        let taken = self.taken.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if self.moves.load(Ordering::Relaxed) {
            self.flow.took(bytes);
        } else if self.is_read(taken) {
            self.moves.store(true, Ordering::Relaxed);
            self.flow.took(taken);
        }
    }

    /// Whether Harbor has read of this upload, or of another on the same connection.
    fn is_read(&self, taken: u64) -> bool {
        let unconfirmed = || {
            self.progress
                .get()
                .and_then(|progress| progress.unconfirmed())
        };
        self.flow.taken() > 0
            || taken > UNPROVEN
            || taken > UNREAD
                && unconfirmed().is_some_and(|bytes| taken.saturating_sub(bytes) > UNREAD)
    }
}

/// A piece of a body on its way to Harbor. Its room is the client's again when it is dropped, which
/// is when Harbor's connection has it, or when the request is over.
struct Piece {
    bytes: Bytes,
    room: FlowControl,
    upload: Arc<Upload>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // Fails only for a stream that is gone, with its room.
        let _ = self.room.release_capacity(self.bytes.len());
        self.upload.took(self.bytes.len() as u64);
    }
}
