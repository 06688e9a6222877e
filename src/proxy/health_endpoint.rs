//! The health path of the listeners that clients use, for balancers that ask over HTTP: whether
//! this process accepts requests, and nothing else. An unhealthy Harbor is no reason to take the
//! gateway out of a balancer, and its state is not for the public.

use super::local_reply::{read_small_body, send};
use super::message_header::path_and_query;
use http::Method;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;

const PATH: &[u8] = b"/healthz";

/// Whether the request asks for the gateway's health; any Host will do.
pub(super) fn is_asked(session: &Session) -> bool {
    let target = path_and_query(session.req_header());
    let rest = target.strip_prefix(PATH);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"?"))
}

/// Answers the health check.
pub(super) async fn answer(session: &mut Session, is_going: bool) -> Result<()> {
    let method = &session.req_header().method;
    let (status, body) = match (method == Method::GET || method == Method::HEAD, is_going) {
        (false, _) => (405, ""),
        (true, false) => (200, "ok\n"),
        (true, true) => (503, "draining\n"),
    };
    let mut response = ResponseHeader::build(status, Some(3))?;
    response.set_content_length(body.len())?;
    match status {
        405 => response.insert_header("Allow", "GET, HEAD")?,
        _ => response.insert_header("Content-Type", "text/plain")?,
    }
    response.insert_header("Cache-Control", "no-store")?;
    read_small_body(session).await;
    send(session, response, body.to_owned()).await
}
