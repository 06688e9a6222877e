//! A request's header, from the received bytes to Pingora's type. Pingora's own parser reads it, so that
//! the same requests are refused; only the connection is ours.

use bytes::{Bytes, BytesMut};
use pingora::http::RequestHeader;
use pingora::protocols::http::v1::server::HttpSession;
use pingora::{Error, ErrorType, Result};
use std::io::Cursor;

pub(super) struct ParsedHeader {
    pub(super) request: RequestHeader,
    /// As it came.
    pub(super) raw: Bytes,
    /// The client, or its version of HTTP, wants no other request on this connection.
    pub(super) is_last: bool,
}

/// Reads a whole header.
///
/// # Errors
/// For what is none.
pub(super) async fn parse(bytes: BytesMut) -> Result<ParsedHeader> {
    let bytes = Vec::from(bytes);
    let mut parser = HttpSession::new(Box::new(Cursor::new(bytes)));
    if parser.read_request().await?.is_none() {
        return Error::e_explain(ErrorType::InvalidHTTPHeader, "nothing");
    }
    let raw = parser.get_headers_raw_bytes();
    let is_last = parser.get_keepalive_timeout().is_none();
    let none = RequestHeader::build("GET", b"/", Some(0))?;
    let request = std::mem::replace(parser.req_header_mut(), none);
    Ok(ParsedHeader {
        request,
        raw,
        is_last,
    })
}
