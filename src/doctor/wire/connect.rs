//! Connections: TCP, TLS on top, and what can go wrong with both, in words.

use super::certificate::{Recorder, ShownCertificates};
use crate::doctor::trace::Trouble;
use crate::net::origin::Host;
use parking_lot::Mutex;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, PeerIncompatible};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::io::InspectReader;

/// A SYN that is lost is sent again after 1 s and after 3 s; what takes longer is not there.
const CONNECT: Duration = Duration::from_secs(5);
/// Go's clients give a handshake as long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Of what comes first; enough to tell HTTP.
const FIRST: usize = 16;

/// How much the kernel takes in before anybody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Window {
    Usual,
    /// So little that a server notices how slowly an answer is read.
    Small,
}

/// In bytes; the kernel doubles it.
const SMALL_WINDOW: u32 = 16 * 1024;

pub(super) async fn tcp(address: SocketAddr, window: Window) -> Result<TcpStream, Trouble> {
    match timeout(CONNECT, connect(address, window)).await {
        Ok(Ok(stream)) => {
            // Requests are small and wait for nobody. Failing costs only time.
            let _ = stream.set_nodelay(true);
            Ok(stream)
        }
        Ok(Err(error)) => Err(connect_trouble(&error)),
        Err(_) => Err(Trouble::TimedOut(CONNECT)),
    }
}

async fn connect(address: SocketAddr, window: Window) -> io::Result<TcpStream> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if window == Window::Small {
        socket.set_recv_buffer_size(SMALL_WINDOW)?;
    }
    socket.connect(address).await
}

/// Completes the handshake with any server; the result says whether its certificate is trusted.
pub(super) async fn tls(
    stream: TcpStream,
    config: &rustls::ClientConfig,
    recorder: Arc<Recorder>,
    host: &Host,
) -> Result<
    (
        TlsStream<impl AsyncRead + AsyncWrite + Unpin + Send>,
        ShownCertificates,
    ),
    Trouble,
> {
    let name = ServerName::try_from(host.bare().to_owned())
        .map_err(|_| Trouble::Tls(format!("{host} can't be the name of a TLS server")))?;
    let mut config = config.clone();
    config
        .dangerous()
        .set_certificate_verifier(recorder.clone());
    config.client_auth_cert_resolver = recorder.clone();
    let first = Arc::new(Mutex::new(Vec::with_capacity(FIRST)));
    let remembered = first.clone();
    let witnessed = InspectReader::new(stream, move |came: &[u8]| {
        let mut first = remembered.lock();
        let lacking = FIRST - first.len();
        first.extend_from_slice(&came[..came.len().min(lacking)]);
    });
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, witnessed);
    let stream = match timeout(HANDSHAKE, handshake).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let trouble = handshake_trouble(&error, &first.lock());
            return Err(without_certificate(trouble, recorder.asks_for()));
        }
        Err(_) => return Err(Trouble::TimedOut(HANDSHAKE)),
    };
    // Resumption is off, so that every handshake shows certificates.
    let shown = recorder
        .shown()
        .ok_or_else(|| Trouble::Tls("the server sent no certificate".to_owned()))?;
    Ok((stream, shown))
}

/// As OpenSSL writes it.
pub(super) fn version(session: &rustls::ClientConnection) -> String {
    match session.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        // No other is offered.
        Some(other) => format!("{other:?}"),
        None => String::new(),
    }
}

fn connect_trouble(error: &io::Error) -> Trouble {
    match error.kind() {
        ErrorKind::ConnectionRefused => Trouble::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Trouble::Cut,
        // The kernel's own patience, where it is set to less than ours.
        ErrorKind::TimedOut => Trouble::TimedOut(CONNECT),
        // Any other kind: the system's words say it.
        _ => Trouble::Unreachable(plainly(error)),
    }
}

fn handshake_trouble(error: &io::Error, first: &[u8]) -> Trouble {
    if speaks_http(first) {
        return Trouble::NotTls;
    }
    io_trouble(error).unwrap_or_else(|| Trouble::Tls(plainly(error)))
}

/// What the end of a handshake means in which the server asked for a client certificate, which the doctor
/// hasn't.
fn without_certificate(trouble: Trouble, asks_for: Option<Vec<String>>) -> Trouble {
    match (trouble, asks_for) {
        (Trouble::Cut | Trouble::Tls(_) | Trouble::ClientCertificate(_), Some(issuers)) => {
            Trouble::ClientCertificate(issuers)
        }
        (trouble, _) => trouble,
    }
}

/// What an error of a connection that was already there means; none where only its words tell.
pub(super) fn io_trouble(error: &io::Error) -> Option<Trouble> {
    let inner = error.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return Some(tls_trouble(error));
    }
    match error.kind() {
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::NotConnected
        | ErrorKind::UnexpectedEof => Some(Trouble::Cut),
        _ => None,
    }
}

/// Servers answer a ClientHello with 400; old nginx leaves the status line out.
fn speaks_http(first: &[u8]) -> bool {
    let first = first.to_ascii_lowercase();
    [b"http/".as_slice(), b"<html", b"<!doctype"]
        .iter()
        .any(|begin| first.starts_with(begin))
}

fn tls_trouble(error: &rustls::Error) -> Trouble {
    match error {
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::BadCertificate,
        ) => Trouble::ClientCertificate(Vec::new()),
        other => Trouble::Tls(tls_words(other)),
    }
}

fn tls_words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "the server has no certificate for this name (alert unrecognized_name)".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => {
            "the server speaks neither TLS 1.2 nor TLS 1.3".to_owned()
        }
        rustls::Error::AlertReceived(AlertDescription::HandshakeFailure) => {
            "the server refuses the handshake (alert handshake_failure): it shares no TLS version, \
             cipher or key type with the doctor (which lacks P-521 keys; Go's clients have them)"
                .to_owned()
        }
        rustls::Error::InvalidMessage(_) => format!("the answer is not TLS ({error})"),
        // Each of the many others has its own words.
        other => other.to_string(),
    }
}

/// An error without its number.
fn plainly(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
