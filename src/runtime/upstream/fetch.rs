//! Small requests of the gateway's own: one answer, of a bounded length, on a connection that isn't kept.
//! No redirect is followed.

use bytes::Bytes;
use http::Response;
use http::header::{self, CONNECTION, CONTENT_LENGTH, HOST};
use pingora::connectors::http::Connector;
use pingora::http::RequestHeader;
use pingora::protocols::http::client::HttpSession;
use pingora::upstreams::peer::HttpPeer;
use std::sync::LazyLock;

/// One for all endpoints: it holds the system's authorities, a third of a MiB. No connection is kept.
pub(super) static CONNECTOR: LazyLock<Connector> = LazyLock::new(|| Connector::new(None));

/// Who asks.
pub(super) const USER_AGENT: &str = concat!("harbormouth/", env!("CARGO_PKG_VERSION"));

/// How the client came, for what stands before Harbor and redirects whatever didn't come by https.
pub(crate) const FORWARDED_PROTO: &str = "X-Forwarded-Proto";

/// The answer to one request; its body up to a length.
pub(crate) type Answer = Response<Bytes>;

/// One request by GET.
pub(crate) struct Fetch<'a> {
    /// Path and query.
    pub(crate) target: &'a str,
    pub(crate) host: &'a str,
    /// One more header, with its value.
    pub(crate) header: Option<(&'static str, &'static str)>,
    /// How much of the answer's body is read, in bytes.
    pub(crate) longest: usize,
}

/// Asks one address; how long each read may take, the peer says.
///
/// # Errors
/// Where there is no answer.
pub(crate) async fn get(peer: &HttpPeer, fetch: &Fetch<'_>) -> pingora::Result<Answer> {
    let mut header = RequestHeader::build("GET", fetch.target.as_bytes(), Some(4))?;
    header.insert_header(HOST, fetch.host)?;
    if let Some((name, value)) = fetch.header {
        header.insert_header(name, value)?;
    }
    send(peer, header, Bytes::new(), fetch.longest).await
}

/// Sends one request; its header needs nothing more of this gateway's own, nor of the body.
///
/// # Errors
/// Where there is no answer.
pub(super) async fn send(
    peer: &HttpPeer,
    mut header: RequestHeader,
    body: Bytes,
    longest: usize,
) -> pingora::Result<Answer> {
    let (mut session, _) = CONNECTOR.get_http_session(peer).await?;
    header.insert_header(header::USER_AGENT, USER_AGENT)?;
    header.insert_header(CONNECTION, "close")?;
    if !body.is_empty() {
        header.insert_header(CONTENT_LENGTH, body.len())?;
    }
    session.write_request_header(Box::new(header)).await?;
    if !body.is_empty() {
        session.write_request_body(body, true).await?;
    }
    session.finish_request_body().await?;
    let (answer, _) = read_answer(&mut session, longest).await?;
    session.shutdown().await;
    Ok(answer)
}

/// Reads an answer, up to a length, and says whether that is all of it.
///
/// # Errors
/// Where it doesn't come, or breaks off.
pub(super) async fn read_answer(
    session: &mut HttpSession,
    longest: usize,
) -> pingora::Result<(Answer, bool)> {
    session.read_response_header().await?;
    let mut answer = Response::new(Bytes::new());
    if let Some(header) = session.response_header() {
        *answer.status_mut() = header.status;
        *answer.headers_mut() = header.headers.clone();
    }
    let mut body = Vec::new();
    let mut is_whole = false;
    while body.len() < longest && !is_whole {
        match session.read_response_body().await? {
            Some(piece) => body.extend_from_slice(&piece[..piece.len().min(longest - body.len())]),
            None => is_whole = true,
        }
    }
    *answer.body_mut() = body.into();
    Ok((answer, is_whole))
}
