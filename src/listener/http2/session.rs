//! One request over HTTP/2 as Pingora's proxy sees it: what Pingora's own session does, but that a
//! piece of the body keeps its room until Harbor has it, and that no copy of the body's beginning is
//! kept for another try: what has a body is never tried again.

use super::flow::{Flow, Upload};
use crate::registry::login::{FORM_LENGTH, is_form};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::Method;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Response};
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session;
use pingora::protocols::http::date::get_cached_date;
use pingora::protocols::http::v1::client::http_req_header_to_wire;
use pingora::protocols::http::v2::write_body;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, OrErr, Result};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

type Messages = Box<dyn Stream<Item = Result<Bytes>> + Unpin + Send + Sync + 'static>;

pub(super) struct Http2Session {
    request: RequestHeader,
    body: RecvStream,
    respond: SendResponse<Bytes>,
    answer: Option<SendStream<Bytes>>,
    written: Option<Box<ResponseHeader>>,
    /// The end of the answer is on its way.
    has_ended: bool,
    received: usize,
    /// A small form: the portal's login is read before it goes on.
    form: Option<Vec<u8>>,
    sent: usize,
    digest: Arc<Digest>,
    upload: Arc<Upload>,
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
    drain_timeout: Option<Duration>,
}

impl Http2Session {
    pub(super) fn new(
        request: RequestHeader,
        body: RecvStream,
        respond: SendResponse<Bytes>,
        digest: Arc<Digest>,
        flow: Arc<Flow>,
    ) -> Http2Session {
        Http2Session {
            request,
            body,
            respond,
            answer: None,
            written: None,
            has_ended: false,
            received: 0,
            form: None,
            sent: 0,
            digest,
            upload: Arc::new(Upload::new(flow)),
            read_timeout: None,
            write_timeout: None,
            drain_timeout: None,
        }
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.body.data().await.transpose();
        let piece = piece.or_err(ErrorType::ReadError, "reading a request's body")?;
        self.received += piece.as_ref().map_or(0, Bytes::len);
        if let (Some(form), Some(piece)) = (&mut self.form, &piece) {
            form.extend_from_slice(piece);
        }
        Ok(piece)
    }

    async fn drain(&mut self) -> Result<()> {
        while let Some(piece) = self.next_piece().await? {
            // Fails only for a stream that is gone.
            let _ = self.body.flow_control().release_capacity(piece.len());
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.is_empty() || self.body.is_end_stream()
    }

    fn is_empty(&self) -> bool {
        let length = self.request.headers.get(CONTENT_LENGTH);
        let is_none = length.is_some_and(|length| length.as_bytes() == b"0");
        self.received == 0 && (is_none || self.body.is_end_stream())
    }

    fn write_header(&mut self, mut header: Box<ResponseHeader>, end: bool) -> Result<()> {
        // h2 sends one header for each stream; nobody waits for an informational one.
        if self.has_ended || self.written.is_some() || header.status.is_informational() {
            return Ok(());
        }
        header.insert_header(DATE, get_cached_date())?;
        // What speaks of a connection has no place in HTTP/2 (RFC 9113, 8.2.2).
        for name in [TRANSFER_ENCODING, CONNECTION, UPGRADE] {
            header.remove_header(&name);
        }
        header.remove_header("keep-alive");
        header.remove_header("proxy-connection");
        let response = Response::from_parts(header.as_owned_parts(), ());
        let answer = self.respond.send_response(response, end);
        self.answer = Some(answer.or_err(ErrorType::WriteError, "writing an answer's header")?);
        self.written = Some(header);
        self.has_ended = end;
        Ok(())
    }

    fn answer(&mut self) -> Result<&mut SendStream<Bytes>> {
        self.answer
            .as_mut()
            .ok_or_else(|| Error::explain(ErrorType::H2Error, "a body before the answer's header"))
    }

    async fn write_piece(&mut self, piece: Bytes, end: bool) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        let (length, limit) = (piece.len(), self.write_timeout);
        let written = write_body(self.answer()?, piece, end, limit).await;
        written.map_err(|error| error.into_down())?;
        self.sent += length;
        self.has_ended = end;
        Ok(())
    }

    fn write_last(&mut self, trailers: HeaderMap) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        let sent = self.answer()?.send_trailers(trailers);
        sent.or_err(ErrorType::WriteError, "writing an answer's trailers")?;
        self.has_ended = true;
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        // A stream without an answer is reset when it is dropped.
        if let Some(answer) = self.answer.as_mut().filter(|_| !self.has_ended) {
            let sent = answer.send_data(Bytes::new(), true);
            sent.or_err(ErrorType::WriteError, "ending an answer")?;
            self.has_ended = true;
        }
        Ok(())
    }

    fn reset(&mut self) {
        if !self.has_ended {
            self.respond.send_reset(Reason::INTERNAL_ERROR);
        }
    }

    async fn write_task(&mut self, task: HttpTask) -> Result<bool> {
        match task {
            HttpTask::Header(header, end) => {
                self.write_header(header, end)
                    .map_err(|error| error.into_down())?;
                Ok(end)
            }
            HttpTask::Body(piece, end) => {
                if let Some(piece) = piece.filter(|piece| !piece.is_empty()) {
                    self.write_piece(piece, end).await?;
                }
                Ok(end)
            }
            HttpTask::UpgradedBody(..) => {
                Error::e_explain(ErrorType::InternalError, "an upgrade over HTTP/2")
            }
            HttpTask::Trailer(Some(trailers)) => self.write_last(*trailers).map(|()| true),
            HttpTask::Trailer(None) | HttpTask::Done => Ok(true),
            HttpTask::Failed(error) => Err(error),
        }
    }
}

#[async_trait]
impl Session for Http2Session {
    fn req_header(&self) -> &RequestHeader {
        &self.request
    }

    fn req_header_mut(&mut self) -> &mut RequestHeader {
        &mut self.request
    }

    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let piece = self.next_piece().await?;
        let room = self.body.flow_control();
        Ok(piece.map(|piece| self.upload.wrap(piece, room)))
    }

    async fn drain_request_body(&mut self) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        let Some(limit) = self.drain_timeout else {
            return self.drain().await;
        };
        let drained = tokio::time::timeout(limit, self.drain()).await;
        drained.unwrap_or_else(|_| {
            Error::e_explain(ErrorType::ReadTimedout, "draining a request's body")
        })
    }

    async fn write_response_header(
        &mut self,
        header: Box<ResponseHeader>,
        end: bool,
    ) -> Result<()> {
        self.write_header(header, end)
    }

    async fn write_response_header_ref(
        &mut self,
        header: &ResponseHeader,
        end: bool,
    ) -> Result<()> {
        self.write_header(Box::new(header.clone()), end)
    }

    async fn write_body(&mut self, piece: Bytes, end: bool) -> Result<()> {
        self.write_piece(piece, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.write_last(trailers)
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut is_last = false;
        for task in tasks {
            is_last |= self.write_task(task).await?;
        }
        if is_last {
            self.end().map_err(|error| error.into_down())?;
        }
        Ok(is_last)
    }

    fn set_read_timeout(&mut self, timeout: Option<Duration>) {
        self.read_timeout = timeout;
    }

    fn get_read_timeout(&self) -> Option<Duration> {
        self.read_timeout
    }

    fn set_write_timeout(&mut self, timeout: Option<Duration>) {
        self.write_timeout = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.write_timeout
    }

    fn set_total_drain_timeout(&mut self, timeout: Option<Duration>) {
        self.drain_timeout = timeout;
    }

    fn get_total_drain_timeout(&self) -> Option<Duration> {
        self.drain_timeout
    }

    fn request_summary(&self) -> String {
        let Http2Session { request, .. } = self;
        format!("{} {}", request.method, request.uri.path())
    }

    fn response_written(&self) -> Option<&ResponseHeader> {
        self.written.as_deref()
    }

    async fn shutdown(&mut self, _code: u32, _context: &str) {
        self.reset();
    }

    fn is_body_done(&mut self) -> bool {
        self.is_done()
    }

    async fn finish(&mut self) -> Result<()> {
        self.end()
    }

    fn is_body_empty(&mut self) -> bool {
        self.is_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && !self.is_done() {
            return self.read_body_bytes().await;
        }
        // Until the client gives it up.
        let reset = poll_fn(|cx| match &mut self.answer {
            Some(answer) => answer.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        });
        let reason = reset
            .await
            .or_err(ErrorType::H2Error, "waiting for the answer")?;
        Error::e_explain(
            ErrorType::H2Error,
            format!("the client gave the stream up: {reason}"),
        )
    }

    fn body_bytes_sent(&self) -> usize {
        self.sent
    }

    fn body_bytes_read(&self) -> usize {
        self.received
    }

    fn digest(&self) -> Option<&Digest> {
        Some(&self.digest)
    }

    fn digest_mut(&mut self) -> Option<&mut Digest> {
        Arc::get_mut(&mut self.digest)
    }

    fn client_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.peer_addr()
    }

    fn server_addr(&self) -> Option<&SocketAddr> {
        self.digest.socket_digest.as_ref()?.local_addr()
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        http_req_header_to_wire(&self.request).map_or_else(Bytes::new, |wire| wire.freeze())
    }

    /// Nothing is kept of a body but a small form's (see `gateway::login`).
    fn enable_retry_buffering(&mut self) {
        let length = self.request.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let is_kept = self.request.method == Method::POST
            && self.request.headers.get(CONTENT_TYPE).is_some_and(is_form)
            && length.is_some_and(|length| length <= FORM_LENGTH);
        if is_kept && self.received == 0 && self.form.is_none() {
            self.form = Some(Vec::new());
        }
    }

    fn retry_buffer_truncated(&self) -> bool {
        self.received > 0 && self.form.is_none()
    }

    fn get_retry_buffer(&self) -> Option<Bytes> {
        let form = self.form.as_ref().filter(|form| !form.is_empty())?;
        Some(Bytes::copy_from_slice(form))
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_reader(&mut self) -> Option<Messages> {
        None
    }

    fn restore_custom_message_reader(&mut self, _reader: Messages) -> Result<()> {
        Ok(())
    }

    fn take_custom_message_writer(&mut self) -> Option<Box<dyn CustomMessageWrite>> {
        None
    }

    fn restore_custom_message_writer(
        &mut self,
        _writer: Box<dyn CustomMessageWrite>,
    ) -> Result<()> {
        Ok(())
    }
}
