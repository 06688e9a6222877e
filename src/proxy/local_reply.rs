//! Writing the answers that the gateway itself gives.

use super::expect_continue::may_skip_body;
use super::message_header::{content_length, is_http2};
use super::refusal::{Refusal, SOON};
use super::request::{ProxyRequest, Routed};
use crate::config::FallbackWhen;
use crate::oci::error_body::error_body;
use crate::oci::local_reply::{LocalReply, OverloadStatus};
use crate::oci::operation::Operation;
use crate::oci::token::Credential;
use crate::oci::upstream_error::UpstreamError;
use crate::oci::user_agent::ClientFamily;
use crate::oci::verdict::Failure;
use bytes::Bytes;
use http::header::{STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use std::time::Duration;

/// The type of an OCI error body, as Harbor writes it.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// The time for the connection's own task to send what it was given: it needs a turn, and a socket that
/// takes the bytes.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Go's servers read up to this much of a body before they answer (net/http, server.go).
const READ_FIRST: u64 = 256 * 1024;

/// A quarter of a MiB takes a slow client a few seconds.
const READ_FIRST_LIMIT: Duration = Duration::from_secs(5);

/// Reads a small body before its request is refused, as Go's servers do, Harbor among them. Clients
/// rely on it: containerd 1.6.20, told 401 before it had written its manifest, hung in six of twelve
/// pushes. A client that waits for 100 Continue has not begun.
pub(super) async fn read_small_body(session: &mut Session) {
    let headers = &session.req_header().headers;
    let is_small = content_length(headers).is_some_and(|length| length <= READ_FIRST);
    if is_small && !may_skip_body(headers) {
        // The answer goes out even if the body is late or broken.
        let _ = tokio::time::timeout(READ_FIRST_LIMIT, session.drain_request_body()).await;
    }
}

/// Answers instead of Harbor. The connection stays open: what the client is still sending is
/// drained when the session ends.
pub(super) async fn write(
    session: &mut Session,
    request: &ProxyRequest,
    refusal: Refusal,
) -> Result<()> {
    match refusal {
        Refusal::Answer(answer) => {
            let (response, body) = error(answer, request)?;
            send(session, response, body).await
        }
        Refusal::Explained {
            answer,
            sentence,
            challenge,
        } => {
            let (mut response, body) = match sentence {
                Some(sentence) => {
                    let sentence = answer.explained(&sentence);
                    let id = &request.downstream.request_id;
                    let body = error_body(answer.code(), &sentence, id);
                    (error_header(answer.status(), &body, request)?, body)
                }
                None => error(answer, request)?,
            };
            if let Some(challenge) = challenge {
                response.insert_header(WWW_AUTHENTICATE, challenge)?;
            }
            send(session, response, body).await
        }
        Refusal::RetryAfter(answer, seconds) => {
            let (mut response, body) = error(answer, request)?;
            response.insert_header("Retry-After", seconds)?;
            send(session, response, body).await
        }
        Refusal::Denied {
            status,
            code,
            sentence,
            retry_after,
        } => {
            let body = error_body(code, &sentence, &request.downstream.request_id);
            let mut response = error_header(status, &body, request)?;
            if let Some(seconds) = retry_after {
                response.insert_header("Retry-After", seconds.to_string())?;
            }
            send(session, response, body).await
        }
        Refusal::RedirectToHttps(location) => {
            let mut response = header(308, 0, request)?;
            response.insert_header("Location", location)?;
            send(session, response, String::new()).await
        }
        Refusal::NoLogin => {
            let body = "{}".to_owned();
            send(session, error_header(200, &body, request)?, body).await
        }
    }
}

/// Answers after a try at Harbor failed, if anything can still be said, and reads for a while what
/// the client is still sending, so that the answer isn't lost in a reset. Returns the status, 0
/// for none.
pub(super) async fn after_failure(
    session: &mut Session,
    request: &ProxyRequest,
    failure: Failure,
    drain: Duration,
) -> u16 {
    let Some(refusal) = refusal_of(failure, request) else {
        return 0;
    };
    let status = match refusal {
        Refusal::NoLogin => 200,
        _ => refusal.answer().map_or(0, LocalReply::status),
    };
    let begun = session
        .response_written()
        .is_some_and(|response| !response.status.is_informational());
    if begun {
        // The client sees a body that ends early, as it did. Over HTTP/2 the stream is reset next, and
        // unsent bytes of its connection are lost, the status included.
        if is_http2(session) {
            tokio::time::sleep(LAST_WORDS).await;
        }
        return 0;
    }
    request.arrival.life.ends_with_this_request();
    if write(session, request, refusal).await.is_err() {
        return 0;
    }
    if !matches!(failure, Failure::ClientStalled | Failure::GaveWay) {
        let _ = tokio::time::timeout(drain, session.drain_request_body()).await;
    }
    status
}

/// `None` if the client is gone.
fn refusal_of(failure: Failure, request: &ProxyRequest) -> Option<Refusal> {
    Some(Refusal::Answer(match failure {
        Failure::Upstream(error) if needs_no_login(error, request) => {
            return Some(Refusal::NoLogin);
        }
        Failure::Upstream(error) => LocalReply::Upstream(error),
        Failure::ClientGone | Failure::Drained => return None,
        Failure::ClientStalled => LocalReply::ClientStalled,
        Failure::GaveWay => {
            let again = OverloadStatus::of(request.downstream.client_family);
            return Some(Refusal::RetryAfter(
                LocalReply::Overloaded(again),
                SOON.into(),
            ));
        }
        Failure::BadRequest => LocalReply::BadRequest,
        Failure::Internal => LocalReply::Internal,
    }))
}

/// Whether clients may go on without a login: the Harbor itself can't be reached, and what is public comes
/// from another site. Most of them ask for nothing before they have an answer to this.
fn needs_no_login(error: UpstreamError, request: &ProxyRequest) -> bool {
    let is_unreachable = matches!(
        error,
        UpstreamError::Unresolved
            | UpstreamError::Connect
            | UpstreamError::ConnectTimeout
            | UpstreamError::Tls
    );
    let gives_way = |request: Routed<'_>| {
        let mut sites = request.harbor.other_sites.iter();
        sites.any(|site| site.is_for(FallbackWhen::Unreachable))
    };
    // The others go on to what they want, and `docker login` would take it for a good password.
    // go-containerregistry pings before it sets its name (measured: crane 0.20.7).
    let stops_there = matches!(
        request.downstream.client_family,
        ClientFamily::Skopeo | ClientFamily::Containers | ClientFamily::GoHttp
    );
    let is_anonymous = request.authorization.credential == Credential::None;
    is_unreachable
        && stops_there
        && is_anonymous
        && request.asked.operation == Operation::Ping
        && request.routed().is_some_and(gives_way)
}

fn error(answer: LocalReply, request: &ProxyRequest) -> Result<(ResponseHeader, String)> {
    let registry = request.routed().map(|routed| routed.registry_name());
    let body = answer.body(registry, &request.downstream.request_id);
    Ok((error_header(answer.status(), &body, request)?, body))
}

fn error_header(status: u16, body: &str, request: &ProxyRequest) -> Result<ResponseHeader> {
    let mut response = header(status, body.len(), request)?;
    response.insert_header("Content-Type", JSON)?;
    response.insert_header("Docker-Distribution-Api-Version", "registry/2.0")?;
    Ok(response)
}

fn header(status: u16, length: usize, request: &ProxyRequest) -> Result<ResponseHeader> {
    let mut response = ResponseHeader::build(status, Some(8))?;
    response.set_content_length(length)?;
    response.insert_header("Cache-Control", "no-store")?;
    response.insert_header("X-Request-Id", request.downstream.request_id.as_str())?;
    if let Some(hsts) = request.routed().as_ref().and_then(Routed::hsts) {
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
