//! Which answers an HTTP/2 client leaves unread, judged by its flow-control windows (RFC 9113, 5.2):
//! how much it allows on each stream, and how much was sent. Pure: the time is an argument.
//!
//! A window of one byte, renewed again and again, is as good as none: a stream counts as read only when
//! enough was sent on it that its answer makes progress.

use super::h2_frame_reader::{
    DATA, FrameHeader, FramePart, FrameReader, HEADERS, PREFACE, RST_STREAM, SETTINGS,
    WINDOW_UPDATE,
};
use std::collections::HashMap;
use std::time::Instant;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A window that is smaller lets no answer through.
const SHUT: i64 = 1024;

/// A DATA frame that is smaller makes its receiver no work: it may be renewed for a byte.
const WORTH_AN_UPDATE: usize = 64;

/// One connection's two directions, and the windows in them.
#[derive(Debug)]
pub(super) struct UnreadResponses {
    came: FrameReader,
    went: FrameReader,
    entries: Entries,
    windows: SendWindows,
}

/// The windows of one connection. What a client does to streams that were not answered yet is kept,
/// too: many grant a window with the request.
#[derive(Debug)]
struct SendWindows {
    initial: i64,
    connection: i64,
    streams: HashMap<u32, StreamWindow>,
    last_stream: u32,
    /// How many bytes of an answer are progress.
    progress: u64,
    /// WINDOW_UPDATE frames that came, and that DATA frames were the reason for.
    updates: u32,
    wanted: u32,
}

#[derive(Clone, Copy, Debug)]
struct StreamWindow {
    window: i64,
    /// Bytes since it last counted as read, and since when that is. None before its answer began.
    read: Option<(u64, Instant)>,
}

/// What is read of payloads.
enum WindowEntry {
    Setting(u16, u32),
    Increment(u32, u32),
}

impl UnreadResponses {
    pub(super) fn new(progress: u64) -> UnreadResponses {
        UnreadResponses {
            came: FrameReader::new(PREFACE),
            went: FrameReader::new(0),
            entries: Entries::default(),
            windows: SendWindows {
                initial: 65_535,
                connection: 65_535,
                streams: HashMap::new(),
                last_stream: 0,
                progress: progress.max(1),
                updates: 0,
                wanted: 0,
            },
        }
    }

    /// A piece came from the client.
    pub(super) fn came(&mut self, piece: &[u8]) {
        let UnreadResponses {
            entries, windows, ..
        } = self;
        self.came.take(piece, |part| match part {
            FramePart::Begins(head) => {
                entries.filled = 0;
                windows.heard(head);
            }
            FramePart::Payload(head, piece) => {
                entries.take(head, piece, |entry| windows.told(entry))
            }
            FramePart::Ends => {}
        });
    }

    /// A piece went to the client.
    pub(super) fn went(&mut self, piece: &[u8], now: Instant) {
        let windows = &mut self.windows;
        self.went.take(piece, |part| match part {
            FramePart::Begins(head) => windows.said(head, now),
            FramePart::Payload(..) | FramePart::Ends => {}
        });
    }

    /// WINDOW_UPDATE frames since this was asked last, but for those that answers were the reason
    /// for.
    pub(super) fn needless_updates(&mut self) -> u32 {
        let windows = &mut self.windows;
        let needed = windows.updates.min(windows.wanted);
        windows.wanted -= needed;
        std::mem::take(&mut windows.updates) - needed
    }

    /// Since when the answer that has been left unread longest is.
    pub(super) fn unread_since(&self) -> Option<Instant> {
        let shut = |stream: &&StreamWindow| stream.window.min(self.windows.connection) < SHUT;
        let unread = self.windows.streams.values().filter(shut);
        unread.filter_map(|stream| Some(stream.read?.1)).min()
    }
}

impl SendWindows {
    /// A frame began to come.
    fn heard(&mut self, head: FrameHeader) {
        match head.kind {
            HEADERS if head.stream > self.last_stream => {
                self.last_stream = head.stream;
                let window = self.initial;
                let stream = StreamWindow { window, read: None };
                self.streams.insert(head.stream, stream);
            }
            RST_STREAM => {
                self.streams.remove(&head.stream);
            }
            WINDOW_UPDATE => self.updates = self.updates.saturating_add(1),
            _ => {}
        }
    }

    /// What a frame that came says of windows.
    fn told(&mut self, entry: WindowEntry) {
        match entry {
            WindowEntry::Setting(INITIAL_WINDOW_SIZE, size) => {
                let change = i64::from(size) - self.initial;
                self.initial = i64::from(size);
                for stream in self.streams.values_mut() {
                    stream.window += change;
                }
            }
            WindowEntry::Setting(..) => {}
            WindowEntry::Increment(0, bytes) => self.connection += i64::from(bytes),
            WindowEntry::Increment(stream, bytes) => {
                if let Some(stream) = self.streams.get_mut(&stream) {
                    stream.window += i64::from(bytes);
                }
            }
        }
    }

    /// A frame began to go.
    fn said(&mut self, head: FrameHeader, now: Instant) {
        let ends = matches!(head.kind, DATA | HEADERS) && head.flags & END_STREAM != 0;
        if ends || head.kind == RST_STREAM {
            self.streams.remove(&head.stream);
        }
        let sent = i64::try_from(head.length).unwrap_or(0);
        if head.kind == DATA {
            self.connection -= sent;
            let worth = if head.length < WORTH_AN_UPDATE { 0 } else { 4 };
            self.wanted = self.wanted.saturating_add(worth);
        }
        let Some(stream) = self.streams.get_mut(&head.stream) else {
            return;
        };
        match head.kind {
            HEADERS => stream.read = Some((0, now)),
            DATA => {
                stream.window -= sent;
                let bytes = stream.read.map_or(0, |(bytes, _)| bytes) + head.length as u64;
                if bytes >= self.progress {
                    stream.read = Some((0, now));
                } else if let Some((counted, _)) = &mut stream.read {
                    *counted = bytes;
                }
            }
            _ => {}
        }
    }
}

/// What is read of payloads: the entries of SETTINGS, the increment of WINDOW_UPDATE.
#[derive(Debug, Default)]
struct Entries {
    entry: [u8; 6],
    filled: usize,
}

impl Entries {
    fn take(&mut self, head: FrameHeader, mut piece: &[u8], mut on: impl FnMut(WindowEntry)) {
        let size = match head.kind {
            SETTINGS if head.flags & ACK == 0 => 6,
            WINDOW_UPDATE => 4,
            _ => return,
        };
        while !piece.is_empty() {
            let wanted = (size - self.filled).min(piece.len());
            self.entry[self.filled..self.filled + wanted].copy_from_slice(&piece[..wanted]);
            self.filled += wanted;
            piece = &piece[wanted..];
            if self.filled < size {
                return;
            }
            self.filled = 0;
            let [a, b, c, d, e, f] = self.entry;
            on(match size {
                6 => WindowEntry::Setting(
                    u16::from_be_bytes([a, b]),
                    u32::from_be_bytes([c, d, e, f]),
                ),
                _ => WindowEntry::Increment(head.stream, u32::from_be_bytes([a & 0x7f, b, c, d])),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::h2_frame_reader::written as frame;
    use super::*;
    use std::time::Duration;

    /// A client's beginning with this window for each stream, and one request.
    fn begun(window: u32) -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut settings = vec![0, 3, 0, 0, 0, 100, 0, 4];
        settings.extend(window.to_be_bytes());
        bytes.extend(frame(SETTINGS, 0, 0, &settings));
        bytes.extend(frame(HEADERS, 5, 1, &[0x82; 40]));
        bytes
    }

    fn grant(stream: u32, bytes: u32) -> Vec<u8> {
        frame(WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes())
    }

    fn data(length: usize) -> Vec<u8> {
        frame(DATA, 0, 1, &vec![7; length])
    }

    #[test]
    fn an_answer_is_unread_while_its_window_is_shut() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        for size in [1, 5, 9, 4096] {
            let mut flow = UnreadResponses::new(1000);
            let come = |flow: &mut UnreadResponses, bytes: &[u8]| {
                bytes.chunks(size).for_each(|piece| flow.came(piece));
            };
            let go = |flow: &mut UnreadResponses, bytes: &[u8], now| {
                bytes.chunks(size).for_each(|piece| flow.went(piece, now));
            };
            come(&mut flow, &begun(0));
            assert_eq!(flow.unread_since(), None, "not answered yet");
            go(&mut flow, &frame(HEADERS, 4, 1, &[0x88]), at(1));
            assert_eq!(flow.unread_since(), Some(at(1)));
            come(&mut flow, &grant(1, 5000));
            assert_eq!(flow.unread_since(), None, "the window is open");
            go(&mut flow, &data(4500), at(2));
            assert_eq!(flow.unread_since(), Some(at(2)));
            // A byte now and then changes nothing.
            for second in 3..20 {
                come(&mut flow, &grant(1, 1));
                go(&mut flow, &data(1), at(second));
            }
            assert_eq!(flow.unread_since(), Some(at(2)));
            go(&mut flow, &frame(DATA, END_STREAM, 1, &[]), at(30));
            assert_eq!(flow.unread_since(), None, "it ended");
        }
    }

    #[test]
    fn the_connections_window_shuts_all_its_streams() {
        let now = Instant::now();
        let mut flow = UnreadResponses::new(1000);
        flow.came(&begun(1 << 20));
        flow.went(&frame(HEADERS, 4, 1, &[0x88]), now);
        flow.went(&data(65_000), now);
        assert_eq!(flow.unread_since(), Some(now));
        flow.came(&grant(0, 1 << 20));
        assert_eq!(flow.unread_since(), None);
        // A smaller initial window goes for the streams that are open, too.
        flow.came(&frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]));
        assert_eq!(flow.unread_since(), Some(now));
        flow.came(&frame(RST_STREAM, 0, 1, &[0; 4]));
        assert_eq!(flow.unread_since(), None, "it was given up");
    }

    #[test]
    fn an_update_for_each_piece_is_no_flood() {
        let now = Instant::now();
        let mut flow = UnreadResponses::new(1000);
        flow.came(&begun(1 << 20));
        flow.went(&frame(HEADERS, 4, 1, &[0x88]), now);
        for _ in 0..100 {
            flow.went(&data(1000), now);
            flow.came(&grant(0, 1000));
            flow.came(&grant(1, 1000));
            assert_eq!(flow.needless_updates(), 0);
        }
        let credit = 100 * 4 - 200;
        (0..credit + 7).for_each(|_| flow.came(&grant(0, 1)));
        assert_eq!(flow.needless_updates(), 7);
        for _ in 0..10 {
            flow.went(&data(1), now);
            flow.came(&grant(1, 1));
        }
        assert_eq!(flow.needless_updates(), 10);
    }
}
