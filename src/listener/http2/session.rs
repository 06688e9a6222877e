//! One request over HTTP/2 as Pingora's proxy sees it. Unlike Pingora's own session it releases the
//! flow-control window of a piece only when Harbor has the piece, and it keeps no copy of a body's
//! beginning for a retry, because a request with a body is never retried.

use super::flow_control::{HeldPiece, UploadFlow};
use super::response::Http2Response;
use crate::listener::form_body_copy::KeptForm;
use crate::listener::session_methods::{Messages, common_methods};
use async_trait::async_trait;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::protocols::Digest;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::custom::CustomMessageWrite;
use pingora::protocols::http::custom::server::Session;
use pingora::protocols::http::v1::client::http_req_header_to_wire;
use pingora::protocols::l4::socket::SocketAddr;
use pingora::{Error, ErrorType, OrErr, Result};
use std::sync::Arc;
use std::time::Duration;

/// The kernels between us and Harbor take so much of an upload that Harbor doesn't read.
const UNPROVEN: usize = 512 * 1024;

pub(super) struct Http2Session {
    request: RequestHeader,
    body: RecvStream,
    answer: Http2Response,
    received: usize,
    form: KeptForm,
    digest: Arc<Digest>,
    flow: Arc<UploadFlow>,
    read_timeout: Option<Duration>,
    drain_timeout: Option<Duration>,
}

impl Http2Session {
    pub(super) fn new(
        request: RequestHeader,
        body: RecvStream,
        respond: SendResponse<Bytes>,
        digest: Arc<Digest>,
        flow: Arc<UploadFlow>,
    ) -> Http2Session {
        Http2Session {
            request,
            body,
            answer: Http2Response::new(respond),
            received: 0,
            form: KeptForm::default(),
            digest,
            flow,
            read_timeout: None,
            drain_timeout: None,
        }
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>> {
        let piece = self.body.data().await.transpose();
        let piece = piece.or_err(ErrorType::ReadError, "reading a request's body")?;
        self.received += piece.as_ref().map_or(0, Bytes::len);
        self.form.came(piece.as_deref().unwrap_or_default());
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
}

#[async_trait]
impl Session for Http2Session {
    async fn read_body_bytes(&mut self) -> Result<Option<Bytes>> {
        let piece = self.next_piece().await?;
        let room = self.body.flow_control();
        let moves = self.received > UNPROVEN || self.flow.taken() > 0;
        Ok(piece.map(|piece| HeldPiece::wrap(piece, room, &self.flow, moves)))
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
        self.answer.write_header(header, end)
    }

    async fn write_response_header_ref(
        &mut self,
        header: &ResponseHeader,
        end: bool,
    ) -> Result<()> {
        self.answer.write_header(Box::new(header.clone()), end)
    }

    async fn write_body(&mut self, piece: Bytes, end: bool) -> Result<()> {
        self.answer.write_piece(piece, end).await
    }

    async fn write_trailers(&mut self, trailers: HeaderMap) -> Result<()> {
        self.answer.write_last(trailers)
    }

    async fn response_duplex_vec(&mut self, tasks: Vec<HttpTask>) -> Result<bool> {
        let mut is_last = false;
        for task in tasks {
            is_last |= self.answer.write_task(task).await?;
        }
        if is_last {
            self.answer.end().map_err(|error| error.into_down())?;
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
        self.answer.timeout = timeout;
    }

    fn get_write_timeout(&self) -> Option<Duration> {
        self.answer.timeout
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
        self.answer.written.as_deref()
    }

    async fn shutdown(&mut self, _code: u32, _context: &str) {
        self.answer.reset();
    }

    fn is_body_done(&mut self) -> bool {
        self.is_done()
    }

    async fn finish(&mut self) -> Result<()> {
        self.answer.end()
    }

    fn is_body_empty(&mut self) -> bool {
        self.is_empty()
    }

    async fn read_body_or_idle(&mut self, no_body_expected: bool) -> Result<Option<Bytes>> {
        if !no_body_expected && !self.is_done() {
            return self.read_body_bytes().await;
        }
        // Until the client gives it up.
        let reason = self.answer.is_reset().await?;
        Error::e_explain(
            ErrorType::H2Error,
            format!("the client gave the stream up: {reason}"),
        )
    }

    fn body_bytes_sent(&self) -> usize {
        self.answer.sent
    }

    fn body_bytes_read(&self) -> usize {
        self.received
    }

    fn pseudo_raw_h1_request_header(&self) -> Bytes {
        http_req_header_to_wire(&self.request).map_or_else(Bytes::new, |wire| wire.freeze())
    }

    async fn finish_custom(&mut self) -> Result<()> {
        Ok(())
    }

    common_methods!();
}
