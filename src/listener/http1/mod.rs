//! HTTP/1.1 from clients: messages are framed here and not by Pingora, because its sessions keep two
//! buffers of 64 KiB for an upload that waits, and copy each body.
//!
//! A connection has one request at a time. What the client sends before its answer is there waits.

mod chunked;
mod exchange;
mod framing;
mod request_body;
mod request_header;
mod response;
mod session;
mod write_queue;

use super::connection_state::ConnectionState;
use super::limited_stream::LimitedStream;
use exchange::{Http1Exchange, drain};
use framing::{BodyFraming, of_request};
use http::Method;
use http::header::{CONNECTION, DATE};
use parking_lot::Mutex;
use pingora::Result;
use pingora::protocols::Digest;
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::date::get_cached_date;
use session::Http1Session;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

/// The read timeout of a body until a hook sets another.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

/// A client's connection.
pub(super) struct Http1Connection {
    exchange: Arc<Mutex<Http1Exchange>>,
    digest: Arc<Digest>,
    life: Arc<ConnectionState>,
}

impl Http1Connection {
    pub(super) fn new(stream: LimitedStream, life: &Arc<ConnectionState>) -> Http1Connection {
        let exchange = Http1Exchange::new(stream);
        Http1Connection {
            digest: Arc::new(exchange.digest()),
            exchange: Arc::new(Mutex::new(exchange)),
            life: Arc::clone(life),
        }
    }

    /// Waits for the next request: false when none comes.
    pub(super) async fn awaits_request(&self) -> bool {
        poll_fn(|cx| self.exchange.lock().poll_request(cx)).await
    }

    /// Reads its header. An invalid header is answered here and ends the connection; a header that
    /// doesn't come ends it as well.
    pub(super) async fn request(&self) -> Option<ServerSession> {
        let bytes = poll_fn(|cx| self.exchange.lock().poll_header(cx)).await?;
        let header = match request_header::parse(bytes).await {
            Ok(header) => header,
            Err(error) => {
                log::debug!("a request that is none: {error}");
                // A client that has disconnected meanwhile doesn't want an answer.
                let _ = self.refuse().await;
                return None;
            }
        };
        // Pingora refuses CONNECT and closes the connection.
        if header.is_last || header.request.method == Method::CONNECT {
            self.life.ends_with_this_request();
        }
        let body = of_request(&header.request.headers);
        self.exchange.lock().begin(body, READ_TIMEOUT);
        let (exchange, digest) = (Arc::clone(&self.exchange), Arc::clone(&self.digest));
        let session = Http1Session::new(header, exchange, digest, Arc::clone(&self.life));
        Some(ServerSession::new_custom(Box::new(session)))
    }

    /// Answers 400, as Pingora does.
    async fn refuse(&self) -> Result<()> {
        let mut header = ServerSession::generate_error(400);
        header.insert_header(DATE, get_cached_date())?;
        header.insert_header(CONNECTION, "close")?;
        let framing = BodyFraming::Length(0);
        self.exchange.lock().answer.header(&header, framing)?;
        poll_fn(|cx| self.exchange.lock().poll_send(cx)).await?;
        poll_fn(|cx| self.exchange.lock().poll_shutdown(cx)).await;
        Ok(())
    }

    /// Whether the connection can serve another request. If not, closes it properly, unless the answer
    /// broke off: then the client must not mistake it for a complete one.
    pub(super) async fn is_kept(&self) -> bool {
        if !self.exchange.lock().answer.is_complete() {
            return false;
        }
        if self.life.has_last_request() {
            poll_fn(|cx| self.exchange.lock().poll_shutdown(cx)).await;
            return false;
        }
        let drained = drain(&self.exchange).await;
        drained.is_ok() && self.exchange.lock().body.is_whole()
    }
}
