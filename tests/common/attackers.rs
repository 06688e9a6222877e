//! Attacks that cost a stranger almost nothing, from its own address: idle connections, streams with a
//! closed window, uploads that stand still, slow bytes and floods.
//!
//! On loopback every address of 127.0.0.0/8 is another client. This file knows no test's gateway: the
//! test passes the gateway's address and the authority to trust.

use rustls::pki_types::ServerName;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One HTTP/2 frame (RFC 9113, 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a length");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// One who attacks from `from`.
#[derive(Clone)]
pub struct Attacker {
    pub from: IpAddr,
    /// Where the gateway speaks HTTP/1.1 in the clear.
    pub plain: SocketAddr,
    /// Where it speaks TLS.
    pub tls: SocketAddr,
    /// The public host.
    pub host: String,
    /// With `h2` in its ALPN.
    pub trust: Arc<rustls::ClientConfig>,
}

impl Attacker {
    /// A connection; none where it is reset before it is one.
    pub async fn connects(&self, to: SocketAddr) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::new(self.from, 0))
            .expect("its own address");
        let stream = socket.connect(to).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(stream)
    }

    /// So many connections that say nothing.
    pub async fn idles(&self, count: usize) -> Vec<TcpStream> {
        let mut held = Vec::new();
        for _ in 0..count {
            held.extend(self.connects(self.plain).await);
        }
        held
    }

    /// So many connections that each say this, and no more.
    pub async fn says(&self, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
        let mut held = self.idles(count).await;
        for stream in &mut held {
            // Those that are refused, don't count.
            let _ = stream.write_all(bytes).await;
        }
        held
    }

    /// So many uploads of 1 GiB that have begun, in words of the registry `lab/app`.
    pub async fn uploads(&self, count: usize, lines: &str) -> Vec<TcpStream> {
        let start = format!(
            "PATCH /v2/lab/app/blobs/uploads/1?_state=x HTTP/1.1\r\nHost: {}\r\n{lines}\
             Content-Length: 1073741824\r\n\r\nbegin",
            self.host
        );
        self.says(count, start.as_bytes()).await
    }

    /// An HTTP/2 connection that grants each stream this window.
    ///
    /// # Errors
    /// When the gateway doesn't take it.
    pub async fn begins_h2(&self, window: u32) -> io::Result<TlsStream<TcpStream>> {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let socket = self.connects(self.tls).await.ok_or_else(refused)?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.trust));
        let mut stream = connector.connect(name, socket).await?;
        let mut settings = vec![0, 4];
        settings.extend(window.to_be_bytes());
        let start = [PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat();
        stream.write_all(&start).await?;
        stream.flush().await?;
        Ok(stream)
    }

    /// HTTP/2 connections with so many GETs each, whose streams have this window.
    ///
    /// # Errors
    /// When the gateway doesn't take them.
    pub async fn asks(
        &self,
        connections: usize,
        streams: u32,
        (path, window): (&str, u32),
    ) -> io::Result<Vec<TlsStream<TcpStream>>> {
        let mut held = Vec::new();
        for _ in 0..connections {
            let mut stream = self.begins_h2(window).await?;
            let block = self.get(path);
            for number in 0..streams {
                let flags = END_STREAM | END_HEADERS;
                let ask = frame(HEADERS, flags, number * 2 + 1, &block);
                stream.write_all(&ask).await?;
            }
            stream.flush().await?;
            held.push(stream);
        }
        Ok(held)
    }

    /// The header block of a GET, without an index (RFC 7541).
    pub fn get(&self, path: &str) -> Vec<u8> {
        // :method GET and :scheme https stand in the static table.
        let mut block = vec![0x82, 0x87];
        for (name, value) in [(4, path), (1, self.host.as_str())] {
            block.push(name);
            block.push(u8::try_from(value.len()).expect("a short value"));
            block.extend(value.as_bytes());
        }
        block
    }
}

/// Sends this over and over until the gateway closes, at most so often; how often it did.
pub async fn floods(stream: &mut TlsStream<TcpStream>, bytes: &[u8], most: usize) -> usize {
    let (mut reads, mut writes) = tokio::io::split(stream);
    let sending = async {
        for count in 0..most {
            if writes.write_all(bytes).await.is_err() || writes.flush().await.is_err() {
                return count;
            }
        }
        most
    };
    let reading = async {
        let mut scratch = vec![0; 16 * 1024];
        while matches!(reads.read(&mut scratch).await, Ok(1..)) {}
    };
    // What is answered is read, or nothing would move.
    tokio::select! {
        sent = sending => sent,
        sent = async { reading.await; 0 } => sent,
    }
}

/// Whether the gateway closes within `limit`; what it says until then is read and forgotten.
pub async fn is_closed_within(stream: &mut (impl AsyncReadExt + Unpin), limit: Duration) -> bool {
    let mut scratch = vec![0; 16 * 1024];
    let reading = async { while matches!(stream.read(&mut scratch).await, Ok(1..)) {} };
    tokio::time::timeout(limit, reading).await.is_ok()
}
