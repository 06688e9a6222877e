//! Audit lines that wait to be written, within bounds. Pure: it knows no thread and no file.

use crate::config::OnFull;
use std::collections::VecDeque;

/// How many bytes may wait before requests do, or lines are dropped: some 8,000 lines, which a disk that
/// is written back takes a moment later.
pub(super) const ROOM: usize = 4 << 20;

/// How many may wait at all. What was under way when [`ROOM`] ran out still ends, and is written down: no
/// more lines than `max_in_flight` has requests, of some 500 bytes each.
const MOST: usize = 64 << 20;

/// What is written at once: room is given back in such pieces.
const PIECE: usize = 64 << 10;

/// Lines in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pieces: VecDeque<Vec<u8>>,
    /// Bytes that aren't written yet; those of a piece that was taken are until it is.
    unwritten: usize,
}

impl Queue {
    /// Takes a line, with its end, unless there is no room.
    pub(super) fn push(&mut self, line: &[u8], on_full: OnFull) -> bool {
        let most = match on_full {
            // Whoever found room before it went to Harbor finds it now.
            OnFull::Block => MOST,
            OnFull::Drop => ROOM,
        };
        if self.unwritten + line.len() > most {
            return false;
        }
        self.unwritten += line.len();
        match self.pieces.back_mut() {
            Some(piece) if piece.len() + line.len() <= PIECE => piece.extend_from_slice(line),
            Some(_) | None => self.pieces.push_back(line.to_vec()),
        }
        true
    }

    /// The oldest lines.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        self.pieces.pop_front()
    }

    /// So many bytes are written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.unwritten -= bytes;
    }

    pub(super) fn unwritten(&self) -> usize {
        self.unwritten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: [u8; 1000] = [b'x'; 1000];

    fn filled(queue: &mut Queue, on_full: OnFull) -> usize {
        let mut lines = 0;
        while queue.push(&LINE, on_full) {
            lines += 1;
        }
        lines
    }

    #[test]
    fn lines_that_may_be_dropped_leave_room_for_those_that_may_not() {
        let mut queue = Queue::default();
        assert_eq!(filled(&mut queue, OnFull::Drop), 4194);
        assert_eq!(filled(&mut queue, OnFull::Drop), 0);
        assert_eq!(filled(&mut queue, OnFull::Block), 67_108 - 4194);
        assert_eq!(queue.unwritten(), 67_108_000);
    }

    #[test]
    fn what_is_taken_counts_until_it_is_written() {
        let mut queue = Queue::default();
        filled(&mut queue, OnFull::Drop);
        let piece = queue.take().unwrap();
        assert_eq!(piece.len(), 65_000);
        assert!(!queue.push(&LINE, OnFull::Drop));
        queue.wrote(piece.len());
        assert_eq!(filled(&mut queue, OnFull::Drop), 65);
        let mut rest = 0;
        while let Some(piece) = queue.take() {
            rest += piece.len();
            queue.wrote(piece.len());
        }
        assert_eq!((rest, queue.unwritten()), (4_194_000, 0));
    }
}
