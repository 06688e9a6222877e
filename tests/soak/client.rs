//! A registry client that notices how a request failed. HTTP/1.1 or HTTP/2, over TLS.

use crate::book::Trouble;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub const HUB: &str = "hub.example.com";

/// Nothing that moves takes longer: the gateway gives up a Harbor that stands still long before.
const ANSWER_LIMIT: Duration = Duration::from_secs(45);

pub type Body = UnsyncBoxBody<Bytes, Infallible>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

pub struct Connection {
    sender: Sender,
    was_used: bool,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> String {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    }
}

impl Connection {
    pub async fn open(
        address: SocketAddr,
        tls: &rustls::ClientConfig,
        protocol: Protocol,
    ) -> Result<Connection, Trouble> {
        let opening = async {
            let socket = TcpStream::connect(address).await.map_err(broken)?;
            let mut tls = tls.clone();
            tls.alpn_protocols = match protocol {
                Protocol::Http1 => vec![b"http/1.1".to_vec()],
                Protocol::Http2 => vec![b"h2".to_vec()],
            };
            let name = ServerName::try_from(HUB).expect("a name");
            let stream = TlsConnector::from(Arc::new(tls)).connect(name, socket);
            let stream = TokioIo::new(stream.await.map_err(broken)?);
            Ok(match protocol {
                Protocol::Http1 => {
                    let shaken = http1::handshake(stream).await;
                    let (sender, connection) = shaken.map_err(broken)?;
                    tokio::spawn(connection);
                    Sender::Http1(sender)
                }
                Protocol::Http2 => {
                    let shaken = http2::handshake(TokioExecutor::new(), stream).await;
                    let (sender, connection) = shaken.map_err(broken)?;
                    tokio::spawn(connection);
                    Sender::Http2(sender)
                }
            })
        };
        let opened = tokio::time::timeout(ANSWER_LIMIT, opening).await;
        Ok(Connection {
            sender: opened.map_err(|_| Trouble::Late)??,
            was_used: false,
        })
    }

    /// Whether the other side still takes requests here.
    pub async fn is_open(&mut self) -> bool {
        let ready = async {
            match &mut self.sender {
                Sender::Http1(sender) => sender.ready().await.is_ok(),
                Sender::Http2(sender) => sender.ready().await.is_ok(),
            }
        };
        tokio::time::timeout(ANSWER_LIMIT, ready).await == Ok(true)
    }

    /// Sends a request and reads its answer to the end.
    pub async fn ask(&mut self, request: Request<Body>) -> Result<Answer, Trouble> {
        let was_used = std::mem::replace(&mut self.was_used, true);
        let asking = async {
            let answered = match &mut self.sender {
                Sender::Http1(sender) => sender.send_request(request).await,
                Sender::Http2(sender) => sender.send_request(request).await,
            };
            let answer = answered.map_err(|error| {
                if was_used && is_stale(&error) {
                    Trouble::Stale
                } else {
                    Trouble::Broken
                }
            })?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(broken)?;
            Ok(Answer {
                status: head.status,
                headers: head.headers,
                body: body.to_bytes(),
            })
        };
        let answered = tokio::time::timeout(ANSWER_LIMIT, asking).await;
        answered.map_err(|_| Trouble::Late)?
    }
}

fn broken<E>(_: E) -> Trouble {
    Trouble::Broken
}

/// The other side closed without a word of this request.
fn is_stale(error: &hyper::Error) -> bool {
    use std::error::Error;
    let http2 = error
        .source()
        .and_then(|cause| cause.downcast_ref::<h2::Error>());
    let refused = http2.is_some_and(|error| {
        let reason = error.reason();
        reason == Some(h2::Reason::REFUSED_STREAM)
            || (error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
    });
    refused || error.is_canceled() || error.is_incomplete_message() || error.is_closed()
}

/// A request for the hub.
pub fn request(
    protocol: Protocol,
    method: &str,
    path: &str,
    headers: &[(&str, String)],
    body: Body,
) -> Request<Body> {
    let request = Request::builder().method(method);
    let mut request = match protocol {
        Protocol::Http1 => request.uri(path).header(header::HOST, HUB),
        Protocol::Http2 => request.uri(format!("https://{HUB}{path}")),
    };
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    request.body(body).expect("a request")
}

pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A body in pieces of this size with a pause before each; nobody is told its length.
pub fn paced(bytes: Bytes, piece: usize, pause: Duration) -> Body {
    let pieces: Vec<Bytes> = (0..bytes.len())
        .step_by(piece.max(1))
        .map(|from| bytes.slice(from..(from + piece).min(bytes.len())))
        .collect();
    let frames = stream::iter(pieces).then(move |piece| async move {
        tokio::time::sleep(pause).await;
        Ok(Frame::data(piece))
    });
    StreamBody::new(frames).boxed_unsync()
}
