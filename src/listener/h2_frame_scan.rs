//! The HTTP/2 frames of a client (RFC 9113, 4.1), as far as limits need them: whether the connection
//! has begun, whether a header block is incomplete, and how often the client cancels streams or sends
//! frames that cost the gateway work and the client nothing. Pure: no clock; h2 parses the content.

use super::h2_frame_reader::{
    CONTINUATION, DATA, FrameHeader, FramePart, FrameReader, HEADERS, PREFACE, RST_STREAM,
    SETTINGS, WINDOW_UPDATE,
};

const END_HEADERS: u8 = 4;

/// The largest frame that is neither of a header nor of a body, and before the first request the
/// largest one that isn't of a header: h2 keeps a frame until it has it whole. It is what each peer
/// may send in any case (RFC 9113, 4.2), and none of these has a use for more.
const LARGEST: usize = 16 * 1024;

/// What one piece brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ScannedFrames {
    /// Streams that were opened.
    pub(super) streams: u32,
    /// Streams that the client gave up.
    pub(super) resets: u32,
    /// Frames that carry nothing of a request: PING, SETTINGS, PRIORITY and unknown ones.
    pub(super) control: u32,
    /// A frame began that is larger than it may be.
    pub(super) is_too_large: bool,
}

/// The frames of one connection.
#[derive(Debug)]
pub(super) struct FrameScan {
    reader: FrameReader,
    seen: FrameState,
}

/// What is known of those that came.
#[derive(Debug, Default)]
struct FrameState {
    has_begun: bool,
    last_stream: u32,
    /// Header blocks that began.
    blocks: u64,
    is_in_block: bool,
    /// The current frame is the last of its header block.
    ends_block: bool,
}

impl FrameScan {
    pub(super) fn new() -> FrameScan {
        FrameScan {
            reader: FrameReader::new(PREFACE),
            seen: FrameState::default(),
        }
    }

    /// The preface and the first frame, which are SETTINGS, came.
    pub(super) fn has_begun(&self) -> bool {
        self.seen.has_begun
    }

    /// The number of the header block that is under way, if one is.
    pub(super) fn block(&self) -> Option<u64> {
        self.seen.is_in_block.then_some(self.seen.blocks)
    }

    /// The next piece came.
    pub(super) fn take(&mut self, piece: &[u8]) -> ScannedFrames {
        let mut brought = ScannedFrames::default();
        let FrameScan { reader, seen } = self;
        reader.take(piece, |part| match part {
            FramePart::Begins(head) => seen.begin_frame(head, &mut brought),
            FramePart::Payload(..) => {}
            FramePart::Ends => seen.end_frame(),
        });
        brought
    }
}

impl FrameState {
    fn begin_frame(&mut self, head: FrameHeader, brought: &mut ScannedFrames) {
        self.ends_block = false;
        brought.is_too_large |= head.length > LARGEST && !self.may_be_large(head.kind);
        match head.kind {
            HEADERS => {
                self.blocks += 1;
                self.is_in_block = true;
                self.ends_block = head.flags & END_HEADERS != 0;
                // Not trailers.
                if head.stream > self.last_stream {
                    self.last_stream = head.stream;
                    brought.streams += 1;
                }
            }
            CONTINUATION => self.ends_block = head.flags & END_HEADERS != 0,
            RST_STREAM => brought.resets += 1,
            // h2 bounds empty and small pieces itself, and flow control the others; updates are
            // measured by what they are for (see `h2_unread_responses`).
            DATA | WINDOW_UPDATE => {}
            SETTINGS if !self.has_begun => {}
            _ => brought.control += 1,
        }
    }

    /// What a header and a body may be has bounds of its own.
    fn may_be_large(&self, kind: u8) -> bool {
        match kind {
            HEADERS | CONTINUATION => true,
            DATA => self.last_stream > 0,
            _ => false,
        }
    }

    fn end_frame(&mut self) {
        self.has_begun = true;
        if self.ends_block {
            self.is_in_block = false;
            self.ends_block = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::h2_frame_reader::written;
    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: usize) -> Vec<u8> {
        written(kind, flags, stream, &vec![0xff; payload])
    }

    fn start() -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(SETTINGS, 0, 0, 18));
        bytes
    }

    /// What came, by whatever pieces it came in.
    fn taken(bytes: &[u8], size: usize) -> (FrameScan, ScannedFrames) {
        let mut frames = FrameScan::new();
        let mut sum = ScannedFrames::default();
        for piece in bytes.chunks(size) {
            let brought = frames.take(piece);
            sum.streams += brought.streams;
            sum.resets += brought.resets;
            sum.control += brought.control;
            sum.is_too_large |= brought.is_too_large;
        }
        (frames, sum)
    }

    #[test]
    fn frames_are_told_apart_whatever_the_pieces() {
        let mut bytes = start();
        for (kind, flags, stream, payload) in [
            (HEADERS, END_HEADERS, 1, 40),
            (HEADERS, 0, 3, 10),
            (CONTINUATION, 0, 3, 0),
            (CONTINUATION, END_HEADERS, 3, 10),
            (DATA, 0, 1, 70_000),
            (HEADERS, END_HEADERS | 1, 1, 12), // trailers
            (RST_STREAM, 0, 3, 4),
            (6, 0, 0, 8), // PING
            (SETTINGS, 1, 0, 0),
            (WINDOW_UPDATE, 0, 0, 4),
            (2, 0, 1, 5), // PRIORITY
        ] {
            bytes.extend(frame(kind, flags, stream, payload));
        }
        for size in [1, 2, 7, 9, 10, 4096, bytes.len()] {
            let (frames, brought) = taken(&bytes, size);
            let expected = ScannedFrames {
                streams: 2,
                resets: 1,
                control: 3,
                is_too_large: false,
            };
            assert_eq!(brought, expected, "{size}");
            assert_eq!((frames.has_begun(), frames.block()), (true, None), "{size}");
        }
    }

    #[test]
    fn a_frame_that_need_not_be_large_is_not() {
        let opened = frame(HEADERS, END_HEADERS, 1, 40);
        let unknown = 0xbe;
        for (name, kind, before, after) in [
            ("unknown", unknown, true, true),
            ("settings", SETTINGS, true, true),
            ("ping", 6, true, true),
            ("data", DATA, true, false),
            ("headers", HEADERS, false, false),
            ("continuation", CONTINUATION, false, false),
        ] {
            for (opened, too_large) in [(&[][..], before), (&opened, after)] {
                for (payload, too_large) in [(LARGEST, false), (LARGEST + 1, too_large)] {
                    let large = frame(kind, 0, 1, payload);
                    // Said before any of its payload came.
                    let bytes = [&start(), opened, &large[..9]].concat();
                    let (_, brought) = taken(&bytes, 7);
                    assert_eq!(brought.is_too_large, too_large, "{name} {payload}");
                }
            }
        }
    }

    #[test]
    fn a_header_block_ends_with_its_last_byte() {
        let mut bytes = start();
        let (frames, _) = taken(&bytes[..bytes.len() - 1], 5);
        assert!(!frames.has_begun(), "before the end of the settings");
        bytes.extend(frame(HEADERS, END_HEADERS, 1, 40));
        assert_eq!(taken(&bytes[..bytes.len() - 1], 5).0.block(), Some(1));
        assert_eq!(taken(&bytes, 5).0.block(), None);
        bytes.extend(frame(HEADERS, 0, 3, 40));
        assert_eq!(taken(&bytes, 5).0.block(), Some(2));
        bytes.extend(frame(CONTINUATION, 0, 3, 40));
        assert_eq!(taken(&bytes, 5).0.block(), Some(2));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 3, 0));
        assert_eq!(taken(&bytes, 5).0.block(), None);
    }
}
