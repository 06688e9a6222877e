//! Splits bytes into HTTP/2 frames (RFC 9113, 4.1), whatever pieces the bytes arrive in. Other files
//! parse the content of frames.

/// "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" (RFC 9113, 3.4). What it says is h2's to check.
pub(super) const PREFACE: usize = 24;
const HEAD: usize = 9;

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

/// One frame's head.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    /// Of the payload.
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
}

/// What a piece brought of a frame.
pub(super) enum FramePart<'p> {
    Begins(FrameHeader),
    /// Some of its payload.
    Payload(FrameHeader, &'p [u8]),
    Ends,
}

/// Tells frames apart.
#[derive(Debug)]
pub(super) struct FrameReader {
    /// Bytes that are still to come before the first frame.
    preface: usize,
    head: [u8; HEAD],
    have: usize,
    /// Bytes of the payload that are still to come.
    payload: usize,
}

impl FrameReader {
    /// So many bytes come before the first frame.
    pub(super) fn new(preface: usize) -> FrameReader {
        FrameReader {
            preface,
            head: [0; HEAD],
            have: 0,
            payload: 0,
        }
    }

    pub(super) fn take(&mut self, piece: &[u8], mut on: impl FnMut(FramePart<'_>)) {
        let skipped = self.preface.min(piece.len());
        self.preface -= skipped;
        let mut rest = &piece[skipped..];
        while !rest.is_empty() {
            if self.have < HEAD {
                let wanted = (HEAD - self.have).min(rest.len());
                self.head[self.have..self.have + wanted].copy_from_slice(&rest[..wanted]);
                self.have += wanted;
                rest = &rest[wanted..];
                if self.have < HEAD {
                    return;
                }
                self.payload = self.head().length;
                on(FramePart::Begins(self.head()));
            }
            let taken = self.payload.min(rest.len());
            if taken > 0 {
                on(FramePart::Payload(self.head(), &rest[..taken]));
            }
            self.payload -= taken;
            rest = &rest[taken..];
            if self.payload == 0 {
                self.have = 0;
                on(FramePart::Ends);
            }
        }
    }

    fn head(&self) -> FrameHeader {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        FrameHeader {
            length: usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c),
            kind,
            flags,
            stream: u32::from_be_bytes(stream) & 0x7fff_ffff,
        }
    }
}

/// A frame as a peer would write it.
#[cfg(test)]
pub(super) fn written(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .unwrap_or(u32::MAX)
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
