//! Small requests of the gateway's own: one answer, of a bounded length, on a connection that isn't kept.
//! No redirect is followed.

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

/// The answer to one request.
pub(crate) struct Fetched {
    pub(crate) status: u16,
    /// Where it says that the answer is; anybody's text.
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

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
pub(crate) async fn get(peer: &HttpPeer, fetch: &Fetch<'_>) -> pingora::Result<Fetched> {
    let (mut session, _) = CONNECTOR.get_http_session(peer).await?;
    let mut request = RequestHeader::build("GET", fetch.target.as_bytes(), Some(4))?;
    request.insert_header("Host", fetch.host)?;
    if let Some((name, value)) = fetch.header {
        request.insert_header(name, value)?;
    }
    request.insert_header("User-Agent", USER_AGENT)?;
    request.insert_header("Connection", "close")?;
    session.write_request_header(Box::new(request)).await?;
    session.finish_request_body().await?;
    let (answer, _) = read_answer(&mut session, fetch.longest).await?;
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
) -> pingora::Result<(Fetched, bool)> {
    session.read_response_header().await?;
    let header = session.response_header();
    let location = header.and_then(|header| header.headers.get("location"));
    let mut fetched = Fetched {
        status: header.map_or(0, |header| header.status.as_u16()),
        location: location.and_then(|it| it.to_str().ok()).map(str::to_owned),
        body: Vec::new(),
    };
    while fetched.body.len() < longest {
        let Some(piece) = session.read_response_body().await? else {
            return Ok((fetched, true));
        };
        let room = longest - fetched.body.len();
        fetched
            .body
            .extend_from_slice(&piece[..room.min(piece.len())]);
    }
    Ok((fetched, false))
}
