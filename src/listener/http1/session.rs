//! One request over HTTP/1.1 as Pingora's proxy sees it. Unlike Pingora's own session it allocates no
//! buffer while nothing arrives, it doesn't copy bodies, and it keeps no copy of a body's beginning for
//! a retry, because a request with a body is never retried.

use super::exchange::{Http1Exchange, drain};
use super::framing::{BodyFraming, of_answer};
use super::request_header::ParsedHeader;
use crate::listener::connection_state::ConnectionState;
use crate::listener::form_body_copy::KeptForm;
use crate::listener::session_methods::{Messages, common_methods};
use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONNECTION, DATE, HOST, HeaderValue};
use parking_lot::{Mutex, MutexGuard};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session;
use pingora::protocols::http::date::get_cached_date;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, Result};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Http1Session {
    request: RequestHeader,
    raw: Bytes,
    written: Option<Box<ResponseHeader>>,
    form: KeptForm,
    exchange: Arc<Mutex<Http1Exchange>>,
    digest: Arc<Digest>,
    life: Arc<ConnectionState>,
}

impl Http1Session {
    pub(super) fn new(
        header: ParsedHeader,
        exchange: Arc<Mutex<Http1Exchange>>,
        digest: Arc<Digest>,
        life: Arc<ConnectionState>,
    ) -> Http1Session {
        Http1Session {
            request: header.request,
            raw: header.raw,
            written: None,
            form: KeptForm::default(),
            exchange,
            digest,
            life,
        }
    }

    fn exchange(&self) -> MutexGuard<'_, Http1Exchange> {
        self.exchange.lock()
    }

    /// Adds what the connection says of itself, and writes the header, but sends nothing. Only the
    /// first final one counts.
    fn write_header(&mut self, mut header: Box<ResponseHeader>) -> Result<()> {
        let is_answered = self.written.as_ref();
        if is_answered.is_some_and(|written| !written.status.is_informational()) {
            return Ok(());
        }
        let mut exchange = self.exchange.lock();
        if !self.life.reads_rest() && !exchange.body.is_done() {
            self.life.ends_with_this_request();
        }
        if header.status.is_informational() {
            exchange.answer.interim(&header)?;
        } else {
            let framing = of_answer(&self.request.method, header.status, &header.headers);
            if framing == BodyFraming::Close {
                self.life.ends_with_this_request();
            }
            header.insert_header(DATE, get_cached_date())?;
            let connection = if self.life.has_last_request() {
                "close"
            } else {
                "keep-alive"
            };
            header.insert_header(CONNECTION, connection)?;
            exchange.answer.header(&header, framing)?;
        }
        drop(exchange);
        self.written = Some(header);
        Ok(())
    }

    async fn send(&self) -> Result<()> {
        poll_fn(|cx| self.exchange().poll_send(cx)).await
    }
}

#[async_trait]
impl Session for Http1Session {
    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let piece = poll_fn(|cx| self.exchange().poll_piece(cx)).await?;
        self.form.came(piece.as_deref().unwrap_or_default());
        Ok(piece)
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        drain(&self.exchange).await
    }

    async fn write_response_header(
        &mut self,
        header: Box<ResponseHeader>,
        _end: bool,
    ) -> Result<()> {
        self.write_header(header)?;
        self.send().await
    }

    async fn write_response_header_ref(
        &mut self,
        header: &ResponseHeader,
        end: bool,
    ) -> Result<()> {
        self.write_response_header(Box::new(header.clone()), end)
            .await
    }

    async fn write_body(&mut self, piece: Bytes, end: bool) -> Result<()> {
        {
            let mut exchange = self.exchange();
            exchange.answer.pieces(vec![piece]);
            if end {
                exchange.answer.end()?;
            }
        }
        self.send().await
    }

    /// They are dropped, as Pingora drops them.
    async fn write_trailers(&mut self, _trailers: HeaderMap) -> Result<()> {
        Ok(())
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let (mut is_last, mut failed) = (false, None);
        let mut pieces = Vec::with_capacity(tasks.len());
        for task in tasks {
            is_last = match task {
                HttpTask::Header(header, end) => {
                    self.write_header(header)
                        .map_err(|error| error.into_down())?;
                    end
                }
                HttpTask::Body(piece, end) => {
                    pieces.extend(piece);
                    end
                }
                HttpTask::Trailer(_) | HttpTask::Done => true,
                HttpTask::UpgradedBody(..) => {
                    return Error::e_explain(ErrorType::InternalError, "an upgrade");
                }
                HttpTask::Failed(error) => {
                    failed = Some(error);
                    break;
                }
            };
        }
        let is_complete = {
            let mut exchange = self.exchange();
            exchange.answer.pieces(pieces);
            if is_last && failed.is_none() {
                exchange.answer.end().map_err(|error| error.into_down())?;
            }
            exchange.answer.is_complete()
        };
        self.send().await.map_err(|error| error.into_down())?;
        match failed {
            Some(error) => Err(error),
            None => Ok(is_last || is_complete),
        }
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        let mut exchange = self.exchange();
        exchange.read_timeout = timeout;
        exchange.body.restart_timer();
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.exchange().read_timeout
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.exchange().write_timeout = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.exchange().write_timeout
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.exchange().drain_timeout = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.exchange().drain_timeout
    }

    fn request_summary(&self) -> String {
        let Http1Session { request, .. } = self;
        let host = request.headers.get(HOST).map(HeaderValue::as_bytes);
        format!(
            "{} {}, Host: {}",
            request.method,
            String::from_utf8_lossy(request.raw_path()),
            String::from_utf8_lossy(host.unwrap_or_default())
        )
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_deref()
    }

    async fn shutdown(&mut self, _code: u32, _context: &str) {
        self.life.ends_with_this_request();
        poll_fn(|cx| self.exchange().poll_shutdown(cx)).await;
    }

    fn is_body_done(&mut self) -> bool {
        self.exchange().body.is_done()
    }

    async fn finish(&mut self) -> Result<()> {
        self.exchange().answer.end()?;
        self.send().await
    }

    fn is_body_empty(&mut self) -> bool {
        self.exchange().body.is_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && !self.is_body_done() {
            return self.read_body_bytes().await;
        }
        poll_fn(|cx| self.exchange().poll_idle(cx)).await
    }

    fn body_bytes_sent(&self) -> usize {
        self.exchange().answer.sent
    }

    fn body_bytes_read(&self) -> usize {
        self.exchange().body.received
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        self.raw.clone()
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    common_methods!();
}
