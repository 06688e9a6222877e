//! The answer's side of a stream: one header, pieces of a body, trailers, and an end, each at most
//! once.

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{CONNECTION, DATE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, Response};
use pingora::http::ResponseHeader;
use pingora::protocols::http::HttpTask;
use pingora::protocols::http::date::get_cached_date;
use pingora::protocols::http::v2::write_body;
use pingora::{Error, ErrorType, OrErr, Result};
use std::future::poll_fn;
use std::time::Duration;

/// As much of a body as makes one record of TLS (RFC 8446, 5.1) together with its frame's head: h2
/// hands frames over one by one, and a full one would become a record of 16,384 bytes and one of 9.
const PACKED: usize = 16_384 - 9;

pub(super) struct Http2Response {
    respond: SendResponse<Bytes>,
    stream: Option<SendStream<Bytes>>,
    pub(super) written: Option<Box<ResponseHeader>>,
    /// The end of the answer is on its way.
    has_ended: bool,
    pub(super) sent: usize,
    /// For each piece of a body.
    pub(super) timeout: Option<Duration>,
}

impl Http2Response {
    pub(super) fn new(respond: SendResponse<Bytes>) -> Http2Response {
        Http2Response {
            respond,
            stream: None,
            written: None,
            has_ended: false,
            sent: 0,
            timeout: None,
        }
    }

    /// Resolves when the client gives the stream up.
    pub(super) async fn is_reset(&mut self) -> Result<Reason> {
        let reset = poll_fn(|cx| match &mut self.stream {
            Some(stream) => stream.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        });
        reset
            .await
            .or_err(ErrorType::H2Error, "waiting for the answer")
    }

    pub(super) fn write_header(
        &mut self,
        mut header: Box<ResponseHeader>,
        end: bool,
    ) -> Result<()> {
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
        let stream = self.respond.send_response(response, end);
        self.stream = Some(stream.or_err(ErrorType::WriteError, "writing an answer's header")?);
        self.written = Some(header);
        self.has_ended = end;
        Ok(())
    }

    fn stream(&mut self) -> Result<&mut SendStream<Bytes>> {
        self.stream
            .as_mut()
            .ok_or_else(|| Error::explain(ErrorType::H2Error, "a body before the answer's header"))
    }

    pub(super) async fn write_piece(&mut self, piece: Bytes, end: bool) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        let (length, limit) = (piece.len(), self.timeout);
        let stream = self.stream()?;
        let mut rest = piece;
        while rest.len() > PACKED {
            let first = rest.split_to(PACKED);
            let written = write_body(stream, first, false, limit).await;
            written.map_err(|error| error.into_down())?;
        }
        let written = write_body(stream, rest, end, limit).await;
        written.map_err(|error| error.into_down())?;
        self.sent += length;
        self.has_ended = end;
        Ok(())
    }

    pub(super) fn write_last(&mut self, trailers: HeaderMap) -> Result<()> {
        if self.has_ended {
            return Ok(());
        }
        let sent = self.stream()?.send_trailers(trailers);
        sent.or_err(ErrorType::WriteError, "writing an answer's trailers")?;
        self.has_ended = true;
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<()> {
        // A stream without an answer is reset when it is dropped.
        if let Some(answer) = self.stream.as_mut().filter(|_| !self.has_ended) {
            let sent = answer.send_data(Bytes::new(), true);
            sent.or_err(ErrorType::WriteError, "ending an answer")?;
            self.has_ended = true;
        }
        Ok(())
    }

    pub(super) fn reset(&mut self) {
        if !self.has_ended {
            self.respond.send_reset(Reason::INTERNAL_ERROR);
        }
    }

    pub(super) async fn write_task(&mut self, task: HttpTask) -> Result<bool> {
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
