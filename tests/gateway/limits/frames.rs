//! HTTP/2 frame by frame, for what no client library would send.

use crate::client::Io;
pub use crate::common::attackers::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS,
    WINDOW_UPDATE, frame,
};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// CANCEL.
pub const CANCEL: [u8; 4] = [0, 0, 0, 8];

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
