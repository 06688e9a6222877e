//! Lines that wait to be written, within bounds. Pure: it knows no clock, no thread and no file.
//!
//! Each kind of line has its own share, which the others can't fill: a flood of successful requests
//! doesn't push failed ones out of the log, and neither of them pushes out the gateway's own messages.

use crate::str_enum::str_enum;

str_enum! {
    /// What a line is, as far as its place in a full queue goes.
    pub(crate) enum LineKind {
        /// The access record of a request that ended well.
        Access "access",
        /// That of one that did not.
        Failure "failure",
        /// What the gateway itself has to say.
        Message "message",
    }
}

impl LineKind {
    /// How many bytes may wait. A reader that falls behind for a moment (a busy log collector, a
    /// disk that is written back) costs nothing: 4 MiB are about 14,000 records. Whoever reads
    /// nothing for longer is not worth more memory.
    fn share(self) -> usize {
        match self {
            LineKind::Access => 4 << 20,
            LineKind::Failure | LineKind::Message => 1 << 20,
        }
    }
}

/// Whole lines in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    /// Which kind the lines up to an offset are.
    runs: Vec<(LineKind, usize)>,
}

/// How many lines, by kind.
pub(super) type LineCounts = [u64; LineKind::ALL.len()];

/// Memory that a batch keeps for the next one.
const KEPT: usize = 128 * 1024;

impl Batch {
    fn push(&mut self, kind: LineKind, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        let end = self.bytes.len();
        match self.runs.last_mut() {
            Some((last, last_end)) if *last == kind => *last_end = end,
            Some(_) | None => self.runs.push((kind, end)),
        }
    }

    /// The lines of which a part, or all, lies behind this offset.
    pub(super) fn lines_from(&self, written: usize) -> LineCounts {
        let mut counts = LineCounts::default();
        let mut begin = 0;
        for (kind, end) in &self.runs {
            let rest = &self.bytes[begin.max(written).min(*end)..*end];
            counts[*kind as usize] += memchr::memchr_iter(b'\n', rest).count() as u64;
            begin = *end;
        }
        counts
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.bytes.shrink_to(KEPT);
        self.runs.shrink_to(KEPT / size_of::<(LineKind, usize)>());
    }
}

/// The lines that wait, and how many were dropped because too many did.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Batch,
    held: [usize; LineKind::ALL.len()],
    dropped: LineCounts,
}

impl Queue {
    /// Takes a line, with its end, unless its share is full.
    pub(super) fn push(&mut self, kind: LineKind, line: &[u8]) -> bool {
        let held = &mut self.held[kind as usize];
        let is_room = *held + line.len() <= kind.share();
        if is_room {
            *held += line.len();
            self.waiting.push(kind, line);
        } else {
            self.dropped[kind as usize] += 1;
        }
        is_room
    }

    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.waiting.bytes.len()
    }

    /// Gives all that waits for an empty batch, and how many lines were dropped after it.
    pub(super) fn swap(&mut self, batch: &mut Batch) -> LineCounts {
        std::mem::swap(&mut self.waiting, batch);
        self.held = [0; LineKind::ALL.len()];
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(queue: &mut Queue, kind: LineKind) -> u64 {
        let line = [[b'x'; 999].as_slice(), b"\n"].concat();
        let mut lines = 0;
        while queue.push(kind, &line) {
            lines += 1;
        }
        lines
    }

    #[test]
    fn each_kind_has_a_share_that_the_others_do_not_fill() {
        let mut queue = Queue::default();
        let lines = LineKind::ALL.map(|kind| filled(&mut queue, kind));
        assert_eq!(lines, [4194, 1048, 1048]);
        assert!(queue.len() <= 6 << 20);
        let mut batch = Batch::default();
        assert_eq!(queue.swap(&mut batch), [1, 1, 1]);
        assert_eq!((queue.len(), batch.lines_from(0)), (0, lines));
        assert!(queue.push(LineKind::Access, b"again\n"));
        batch.clear();
        assert_eq!(queue.swap(&mut batch), [0, 0, 0]);
        assert_eq!(batch.bytes, b"again\n");
    }

    #[test]
    fn what_was_not_written_is_counted_by_whole_lines() {
        let mut queue = Queue::default();
        for (kind, line) in [
            (LineKind::Access, "aa\n"),
            (LineKind::Access, "bb\n"),
            (LineKind::Message, "mm\n"),
            (LineKind::Failure, "ff\n"),
        ] {
            assert!(queue.push(kind, line.as_bytes()));
        }
        let mut batch = Batch::default();
        queue.swap(&mut batch);
        for (written, lines) in [
            (0, [2, 1, 1]),
            (2, [2, 1, 1]),
            (3, [1, 1, 1]),
            (7, [0, 1, 1]),
            (9, [0, 1, 0]),
            (12, [0, 0, 0]),
        ] {
            assert_eq!(batch.lines_from(written), lines, "{written}");
        }
    }
}
