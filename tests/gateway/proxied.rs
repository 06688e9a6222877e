//! Connections that begin with a PROXY header, from a peer that the gateway may trust or not.

use crate::client::Io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};

/// The only trusted proxy of the tests: what connects without choosing an address.
pub const TRUSTED: &str = "127.0.0.1";

/// Another address of this machine.
pub const STRANGER: &str = "127.0.0.2";

pub const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
pub const PROXY: u8 = 0x21;
pub const LOCAL: u8 = 0x20;
pub const TCP4: u8 = 0x11;
pub const TCP6: u8 = 0x21;

/// 203.0.113.9:40000 to 10.0.0.1:443.
pub const IPV4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x9C, 0x40, 0x01, 0xBB];

/// [2001:db8::9]:40000 to [fd00::1]:443.
pub const IPV6: [u8; 36] = [
    0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, //
    0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x9C, 0x40, 0x01, 0xBB,
];

/// A header of version 1.
pub fn v1(client: &str) -> Vec<u8> {
    let family = if client.contains(':') { "TCP6" } else { "TCP4" };
    format!("PROXY {family} {client} {client} 40000 443\r\n").into_bytes()
}

/// A header of version 2.
pub fn v2(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a length");
    [
        SIGNATURE,
        &[command, family],
        &length.to_be_bytes(),
        payload,
    ]
    .concat()
}

/// A header of version 2 for 203.0.113.9 with these TLVs.
pub fn with_tlvs(tlvs: &[(u8, &[u8])]) -> Vec<u8> {
    let mut payload = IPV4.to_vec();
    for (kind, value) in tlvs {
        payload.push(*kind);
        let length = u16::try_from(value.len()).expect("a length");
        payload.extend_from_slice(&length.to_be_bytes());
        payload.extend_from_slice(value);
    }
    v2(PROXY, TCP4, &payload)
}

/// A connection from one address of this machine.
pub async fn connect_from(source: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    let source: SocketAddr = format!("{source}:0").parse().expect("an address");
    socket.bind(source).expect("bind");
    let stream = socket.connect(to).await.expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// How the bytes of a header come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pieces {
    /// In one segment with what follows.
    WithTheRest,
    /// One by one.
    Single,
}

/// A connection that begins with `header`.
pub async fn begun(mut stream: TcpStream, header: &[u8], pieces: Pieces) -> impl Io + use<> {
    let mut before = header.to_vec();
    if pieces == Pieces::Single {
        use tokio::io::AsyncWriteExt;
        for byte in before.drain(..) {
            stream.write_all(&[byte]).await.expect("write");
            // Lets the gateway read it before the next.
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }
    Begun { before, stream }
}

/// Writes what stands before together with the first bytes.
struct Begun {
    before: Vec<u8>,
    stream: TcpStream,
}

impl AsyncWrite for Begun {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let this = self.get_mut();
        let both = [this.before.as_slice(), data].concat();
        let written = std::task::ready!(Pin::new(&mut this.stream).poll_write(cx, &both))?;
        // A few hundred bytes on a fresh connection.
        assert!(written > this.before.len(), "the header is written at once");
        let of_data = written - this.before.len();
        this.before.clear();
        Poll::Ready(Ok(of_data))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}
