//! Writing the answers that the gateway itself gives.

use super::admission::SOON;
use super::context::RequestContext;
use super::request::content_length;
use crate::registry::answer::{Again, Answer};
use crate::registry::error_body::{ErrorCode, error_body};
use crate::registry::verdict::Failure;
use bytes::Bytes;
use http::header::STRICT_TRANSPORT_SECURITY;
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use std::time::Duration;

/// The type of an OCI error body, as Harbor writes it.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// What the connection's own task needs to send on what it was given: a turn, and a socket that
/// takes it.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Go's servers read up to this much of a body before they answer (net/http, server.go).
const READ_FIRST: u64 = 256 * 1024;

/// A quarter of a MiB takes a slow client a few seconds.
const READ_FIRST_LIMIT: Duration = Duration::from_secs(5);

/// What a request is answered with before it goes to Harbor.
pub(super) enum Refusal {
    Answer(Answer),
    /// With a header field that belongs to it.
    AnswerWith(Answer, &'static str, String),
    /// A filter's own.
    Denied {
        status: u16,
        code: ErrorCode,
        sentence: String,
    },
    /// To the https origin, with method and body kept: 301 and 302 would turn a write into a GET.
    RedirectToHttps(String),
}

impl Refusal {
    /// What of the table of answers it says: nothing for a redirect, or in a filter's words.
    pub(super) fn answer(&self) -> Option<Answer> {
        match self {
            Refusal::Answer(answer) | Refusal::AnswerWith(answer, ..) => Some(*answer),
            Refusal::Denied { .. } | Refusal::RedirectToHttps(_) => None,
        }
    }
}

/// Reads a small body before its request is refused, as Go's servers do, Harbor among them. Clients
/// rely on it: containerd 1.6.20, told 401 before it had written its manifest, hung in six of twelve
/// pushes. A client that waits for 100 Continue has not begun.
pub(super) async fn read_small_body(session: &mut Session) {
    let length = content_length(&session.req_header().headers);
    let is_small = length.is_some_and(|length| length <= READ_FIRST);
    if is_small && session.get_header("expect").is_none() {
        // Late or broken: the answer goes out all the same.
        let _ = tokio::time::timeout(READ_FIRST_LIMIT, session.drain_request_body()).await;
    }
}

/// Answers instead of Harbor. The connection stays open: what the client is still sending is
/// drained when the session ends.
pub(super) async fn write(
    session: &mut Session,
    ctx: &RequestContext,
    refusal: Refusal,
) -> Result<()> {
    match refusal {
        Refusal::Answer(answer) => {
            let (response, body) = error(answer, ctx)?;
            send(session, response, body).await
        }
        Refusal::AnswerWith(answer, field, value) => {
            let (mut response, body) = error(answer, ctx)?;
            response.insert_header(field, value)?;
            send(session, response, body).await
        }
        Refusal::Denied {
            status,
            code,
            sentence,
        } => {
            let body = error_body(code, &sentence, &ctx.request_id);
            send(session, error_header(status, &body, ctx)?, body).await
        }
        Refusal::RedirectToHttps(location) => {
            let mut response = header(308, 0, ctx)?;
            response.insert_header("Location", location)?;
            send(session, response, String::new()).await
        }
    }
}

/// Answers after a try at Harbor failed, if anything can still be said, and reads for a while what
/// the client is still sending, so that the answer isn't lost in a reset. Returns the status, 0
/// for none.
pub(super) async fn after_failure(
    session: &mut Session,
    ctx: &RequestContext,
    failure: Failure,
    drain: Duration,
) -> u16 {
    let Some(answer) = answer_to(failure, ctx) else {
        return 0;
    };
    let begun = session
        .response_written()
        .is_some_and(|response| !response.status.is_informational());
    if begun {
        // The client sees a body that ends early, which is the truth. Over HTTP/2 the stream is
        // reset next, and what its connection has not sent by then is lost: the status as well.
        if is_http2(session) {
            tokio::time::sleep(LAST_WORDS).await;
        }
        return 0;
    }
    session.set_keepalive(None);
    let refusal = match failure {
        Failure::GaveWay => Refusal::AnswerWith(answer, "Retry-After", SOON.to_owned()),
        Failure::Upstream(_)
        | Failure::ClientGone
        | Failure::ClientStalled
        | Failure::BadRequest
        | Failure::Drained
        | Failure::Internal => Refusal::Answer(answer),
    };
    if write(session, ctx, refusal).await.is_err() {
        return 0;
    }
    if !matches!(failure, Failure::ClientStalled | Failure::GaveWay) {
        let _ = tokio::time::timeout(drain, session.drain_request_body()).await;
    }
    answer.status()
}

/// Whether no body follows the header of this answer (RFC 9110, 6.4.1).
pub(super) fn has_no_body(session: &Session, response: &ResponseHeader) -> bool {
    session.req_header().method == http::Method::HEAD
        || matches!(response.status.as_u16(), 204 | 304)
        || content_length(&response.headers) == Some(0)
}

/// Whether the client speaks HTTP/2. For Pingora such a session is one that it doesn't know.
pub(super) fn is_http2(session: &Session) -> bool {
    session.req_header().version == http::Version::HTTP_2
}

/// Whether the final answer that is about to be written says no to a client that asked with Expect
/// and was not told to go on.
pub(super) fn is_refusal_before_the_body(session: &Session) -> bool {
    session.get_header("expect").is_some() && session.response_written().is_none()
}

/// `None` where nobody is left to be told.
fn answer_to(failure: Failure, ctx: &RequestContext) -> Option<Answer> {
    match failure {
        Failure::Upstream(error) => Some(Answer::Upstream(error)),
        Failure::ClientGone | Failure::Drained => None,
        Failure::ClientStalled => Some(Answer::ClientStalled),
        Failure::GaveWay => Some(Answer::Overloaded(Again::of(ctx.client_family))),
        Failure::BadRequest => Some(Answer::BadRequest),
        Failure::Internal => Some(Answer::Internal),
    }
}

fn error(answer: Answer, ctx: &RequestContext) -> Result<(ResponseHeader, String)> {
    let registry = ctx.harbor().map(|harbor| harbor.registry.name.as_str());
    let body = answer.body(registry, &ctx.request_id);
    Ok((error_header(answer.status(), &body, ctx)?, body))
}

fn error_header(status: u16, body: &str, ctx: &RequestContext) -> Result<ResponseHeader> {
    let mut response = header(status, body.len(), ctx)?;
    response.insert_header("Content-Type", JSON)?;
    response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
    Ok(response)
}

fn header(status: u16, length: usize, ctx: &RequestContext) -> Result<ResponseHeader> {
    let mut response = ResponseHeader::build(status, Some(8))?;
    response.set_content_length(length)?;
    response.insert_header("Cache-Control", "no-store")?;
    response.insert_header("X-Request-Id", ctx.request_id.as_str())?;
    if let Some(hsts) = ctx.hsts() {
        response.insert_header(STRICT_TRANSPORT_SECURITY, hsts)?;
    }
    Ok(response)
}

pub(super) async fn send(
    session: &mut Session,
    response: ResponseHeader,
    body: String,
) -> Result<()> {
    let bodyless = body.is_empty() || session.req_header().method == http::Method::HEAD;
    session
        .write_response_header(Box::new(response), bodyless)
        .await?;
    if !bodyless {
        session
            .write_response_body(Some(Bytes::from(body)), true)
            .await?;
    }
    Ok(())
}
