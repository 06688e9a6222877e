//! A client that speaks HTTP/2, with a body that ends as a test wants it to end.

use crate::client::{ANSWER_LIMIT, Io, Reply};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, SendStream};
use http::{HeaderMap, Request};
use std::future::poll_fn;
use tokio::task::JoinHandle;

/// One connection.
pub struct H2 {
    pub send: SendRequest<Bytes>,
    /// Ends when the connection does.
    pub driver: JoinHandle<Result<(), h2::Error>>,
}

/// How a request's body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// The last piece carries END_STREAM.
    WithLast,
    /// An empty DATA frame carries it, as Go's client does it for a body of unknown length.
    EmptyData,
    Trailers,
}

impl H2 {
    pub async fn new(io: impl Io + 'static) -> H2 {
        let built = h2::client::Builder::new()
            .initial_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .handshake(io);
        let (send, connection) = built.await.expect("an HTTP/2 handshake");
        H2 {
            send,
            driver: tokio::spawn(connection),
        }
    }

    /// Opens a stream.
    pub async fn open(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let ready = self.send.clone().ready().await.expect("ready");
        self.send = ready;
        self.send.send_request(request, end).expect("a stream")
    }

    /// A request without a body.
    pub async fn ask(&mut self, request: Request<()>) -> Result<Reply, h2::Error> {
        let (response, _) = self.open(request, true).await;
        reply(response).await
    }

    /// A request with a body of these pieces. Writes everything before it reads.
    pub async fn send(
        &mut self,
        request: Request<()>,
        pieces: &[Bytes],
        finish: Finish,
    ) -> Result<Reply, h2::Error> {
        let (response, mut stream) = self.open(request, false).await;
        let last = pieces.len() - 1;
        for (index, piece) in pieces.iter().enumerate() {
            let end = index == last && finish == Finish::WithLast;
            if push(&mut stream, piece.clone(), end).await.is_err() {
                return reply(response).await;
            }
        }
        // An answer that ended the stream early makes these fail.
        match finish {
            Finish::WithLast => {}
            Finish::EmptyData => drop(stream.send_data(Bytes::new(), true)),
            Finish::Trailers => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-checksum", "abc".parse().expect("a value"));
                drop(stream.send_trailers(trailers));
            }
        }
        reply(response).await
    }
}

/// Sends one piece as the windows allow it.
///
/// # Errors
/// When the stream was reset.
pub async fn push(
    stream: &mut SendStream<Bytes>,
    mut piece: Bytes,
    end: bool,
) -> Result<(), h2::Error> {
    if piece.is_empty() {
        return stream.send_data(piece, end);
    }
    while !piece.is_empty() {
        stream.reserve_capacity(piece.len());
        let granted = match poll_fn(|cx| stream.poll_capacity(cx)).await {
            Some(granted) => granted?,
            None => return Err(Reason::NO_ERROR.into()),
        };
        let part = piece.split_to(granted.min(piece.len()));
        if !part.is_empty() {
            stream.send_data(part, end && piece.is_empty())?;
        }
    }
    Ok(())
}

/// Reads an answer.
///
/// # Errors
/// When the stream is reset before the header; a body that breaks is an incomplete reply.
pub async fn reply(response: ResponseFuture) -> Result<Reply, h2::Error> {
    let reading = async {
        let response = response.await?;
        let (head, mut body) = response.into_parts();
        let mut reply = Reply {
            status: head.status.as_u16(),
            complete: true,
            ..Reply::default()
        };
        for (name, value) in &head.headers {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            reply.headers.push((name.as_str().to_owned(), value));
        }
        while let Some(piece) = body.data().await {
            match piece {
                Ok(piece) => {
                    let _ = body.flow_control().release_capacity(piece.len());
                    reply.body.extend_from_slice(&piece);
                }
                Err(_) => {
                    reply.complete = false;
                    break;
                }
            }
        }
        Ok(reply)
    };
    let read = tokio::time::timeout(ANSWER_LIMIT, reading).await;
    read.expect("an answer in time")
}

/// A request for the hub.
pub fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .method(method)
        .uri(format!("https://hub.example.com{path}"))
        .version(http::Version::HTTP_2);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}
