//! HTTP/2 frame by frame, for what no client library would send.

use crate::client::Io;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// CANCEL.
pub const CANCEL: [u8; 4] = [0, 0, 0, 8];

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a length")
        .to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The header block of a GET at the hub, without an index.
pub fn get(path: &str) -> Vec<u8> {
    // :method GET and :scheme https stand in the static table (RFC 7541, A).
    let mut block = vec![0x82, 0x87];
    for (name, value) in [(4, path), (1, "hub.example.com")] {
        block.push(name);
        block.push(u8::try_from(value.len()).expect("a short value"));
        block.extend(value.as_bytes());
    }
    block
}

/// A connection that sends what it likes.
pub struct Raw {
    io: Box<dyn Io>,
}

impl Raw {
    pub fn new(io: impl Io + 'static) -> Raw {
        Raw { io: Box::new(io) }
    }

    /// With the preface and settings of this many bytes of window for each stream.
    pub async fn begun(io: impl Io + 'static, window: u32) -> Raw {
        let mut raw = Raw::new(io);
        let mut settings = vec![0, 4];
        settings.extend(window.to_be_bytes());
        let start = [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat();
        raw.send(&start).await.expect("the beginning");
        raw
    }

    /// # Errors
    /// When the gateway has closed the connection.
    pub async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.io.write_all(bytes).await?;
        self.io.flush().await
    }

    /// Reads and forgets until the gateway closes; false when it hasn't within `limit`.
    pub async fn is_closed_within(&mut self, limit: Duration) -> bool {
        let mut scratch = vec![0; 64 * 1024];
        let reading = async { while matches!(self.io.read(&mut scratch).await, Ok(1..)) {} };
        tokio::time::timeout(limit, reading).await.is_ok()
    }
}
