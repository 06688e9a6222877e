//! Writes an answer: interim headers, a header, its body, and an end.

use super::framing::BodyFraming;
use super::write_queue::WriteQueue;
use bytes::{BufMut, Bytes, BytesMut};
use http::Version;
use pingora::http::ResponseHeader;
use pingora::{Error, ErrorType, Result};

/// Most headers.
const HEADER: usize = 1024;

/// As Pingora calls it.
const PREMATURE_BODY_END: ErrorType = ErrorType::new("PrematureBodyEnd");

/// The answer to one request.
#[derive(Default)]
pub(super) struct Http1Response {
    state: ResponseState,
    /// Bytes of its body.
    pub(super) sent: usize,
    pub(super) outgoing: WriteQueue,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ResponseState {
    /// No final header was written.
    #[default]
    Open,
    Body(BodyFraming),
    Done,
}

impl Http1Response {
    pub(super) fn is_open(&self) -> bool {
        self.state == ResponseState::Open
    }

    /// Nothing of the body is missing.
    pub(super) fn is_complete(&self) -> bool {
        matches!(
            self.state,
            ResponseState::Done | ResponseState::Body(BodyFraming::Length(0))
        )
    }

    /// An interim header, of which any number may come before the final one.
    ///
    /// # Errors
    /// For one of another version of HTTP.
    pub(super) fn interim(&mut self, header: &ResponseHeader) -> Result<()> {
        self.outgoing.push(wire(header)?);
        self.outgoing.flush();
        Ok(())
    }

    /// The final header, and how its body ends.
    ///
    /// # Errors
    /// For one of another version of HTTP.
    pub(super) fn header(&mut self, header: &ResponseHeader, framing: BodyFraming) -> Result<()> {
        self.outgoing.push(wire(header)?);
        self.state = ResponseState::Body(framing);
        match framing {
            // What is short leaves in one go.
            BodyFraming::Length(1..) => {}
            BodyFraming::Length(0) | BodyFraming::Chunked | BodyFraming::Close => {
                self.outgoing.flush()
            }
        }
        Ok(())
    }

    /// The body's next pieces. What goes over its length is left out.
    pub(super) fn pieces(&mut self, pieces: Vec<Bytes>) {
        let ResponseState::Body(framing) = self.state else {
            return;
        };
        let length: usize = pieces.iter().map(Bytes::len).sum();
        if length == 0 {
            return;
        }
        let mut room = length;
        match framing {
            BodyFraming::Length(left) => {
                room = usize::try_from(left).unwrap_or(length).min(length);
                let left = left - room as u64;
                self.state = ResponseState::Body(BodyFraming::Length(left));
                if left == 0 {
                    self.outgoing.flush();
                }
            }
            BodyFraming::Chunked => {
                self.outgoing.push(format!("{length:X}\r\n").into());
                self.outgoing.flush();
            }
            BodyFraming::Close => self.outgoing.flush(),
        }
        self.sent += room;
        for mut piece in pieces {
            piece.truncate(room);
            room -= piece.len();
            self.outgoing.push(piece);
        }
        if framing == BodyFraming::Chunked {
            self.outgoing.push(Bytes::from_static(b"\r\n"));
        }
    }

    /// The end.
    ///
    /// # Errors
    /// For a body that is shorter than its header said.
    pub(super) fn end(&mut self) -> Result<()> {
        let ResponseState::Body(framing) = self.state else {
            return Ok(());
        };
        self.outgoing.flush();
        match framing {
            BodyFraming::Length(0) | BodyFraming::Close => {}
            BodyFraming::Length(left) => {
                return Error::e_explain(
                    PREMATURE_BODY_END,
                    format!("{left} bytes of the length that was told are missing"),
                );
            }
            BodyFraming::Chunked => self.outgoing.push(Bytes::from_static(b"0\r\n\r\n")),
        }
        self.state = ResponseState::Done;
        Ok(())
    }
}

fn wire(header: &ResponseHeader) -> Result<Bytes> {
    let version = match header.version {
        Version::HTTP_10 => "HTTP/1.0 ",
        Version::HTTP_11 => "HTTP/1.1 ",
        other => {
            return Error::e_explain(ErrorType::WriteError, format!("a header of {other:?}"));
        }
    };
    let mut wire = BytesMut::with_capacity(HEADER);
    wire.put_slice(version.as_bytes());
    wire.put_slice(header.status.as_str().as_bytes());
    wire.put_u8(b' ');
    wire.put_slice(header.get_reason_phrase().unwrap_or_default().as_bytes());
    wire.put_slice(b"\r\n");
    header.header_to_h1_wire(&mut wire);
    wire.put_slice(b"\r\n");
    Ok(wire.freeze())
}
