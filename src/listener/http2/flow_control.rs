//! How much of a connection's uploads Harbor has taken; each piece keeps its flow-control window until
//! then.

use bytes::Bytes;
use h2::FlowControl;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Shared by a connection and its requests, all on one thread: nothing here is contended.
pub(super) struct UploadFlow {
    taken: AtomicU64,
    mark: AtomicU64,
    reached: Notify,
}

impl UploadFlow {
    pub(super) fn new(mark: u64) -> UploadFlow {
        UploadFlow {
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

/// A piece of a body on its way to Harbor. Its room is the client's again when it is dropped, which
/// is when Harbor's connection has it, or when the request is over.
pub(super) struct HeldPiece {
    bytes: Bytes,
    room: FlowControl,
    flow: Arc<UploadFlow>,
    moves: bool,
}

impl HeldPiece {
    /// The same bytes, that give their room back by themselves. `moves`: whether that they were taken
    /// says something about Harbor.
    pub(super) fn wrap(
        bytes: Bytes,
        room: &FlowControl,
        flow: &Arc<UploadFlow>,
        moves: bool,
    ) -> Bytes {
        Bytes::from_owner(HeldPiece {
            bytes,
            room: room.clone(),
            flow: Arc::clone(flow),
            moves,
        })
    }
}

impl AsRef<[u8]> for HeldPiece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for HeldPiece {
    fn drop(&mut self) {
        // Fails only for a stream that is gone, with its room.
        let _ = self.room.release_capacity(self.bytes.len());
        if self.moves {
            self.flow.took(self.bytes.len() as u64);
        }
    }
}
