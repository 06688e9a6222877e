//! One request of the gateway's own to whatever URL a service names, on a connection that isn't kept. No
//! redirect is followed.

use super::dns;
use super::endpoint::{Trust, peer_template, to_address};
use super::fetch::{self, Answer};
use crate::config::Timeouts;
use crate::net::origin::Origin;
use bytes::Bytes;
use http::Request;
use http::header::HOST;
use pingora::http::RequestHeader;
use pingora::upstreams::peer::HttpPeer;
use std::time::Duration;

/// Long enough for an authority that signs while one waits.
const SILENCE: Duration = Duration::from_secs(30);

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    between_bytes: SILENCE,
    commit: SILENCE,
};

/// A name has addresses of two families, of which one may lead nowhere.
const MOST_ADDRESSES: usize = 3;

/// A certificate chain has some ten KiB.
const LONGEST: usize = 256 * 1024;

/// Asks the host of the request's URL, which is absolute.
///
/// # Errors
/// What stands in the way of an answer, in words.
pub(crate) async fn call(trust: &Trust, request: Request<Bytes>) -> Result<Answer, String> {
    let uri = request.uri();
    let origin = match (uri.scheme_str(), uri.authority()) {
        (Some(scheme), Some(authority)) => Origin::parse(&format!("{scheme}://{authority}")),
        (_, _) => return Err(format!("{uri} is no URL of a service")),
    };
    let origin = origin.map_err(|error| format!("{uri}: {error}"))?;
    let template = peer_template(&origin, origin.host.bare(), trust, &TIMEOUTS);
    let mut failed = "its name has no address".to_owned();
    let found = dns::lookup(&origin).await?;
    for address in found.into_iter().take(MOST_ADDRESSES) {
        let peer = to_address(&template, address, SILENCE);
        match ask(&peer, &origin, &request).await {
            Ok(answer) => return Ok(answer),
            Err(error) => failed = error.to_string(),
        }
    }
    Err(failed)
}

async fn ask(
    peer: &HttpPeer,
    origin: &Origin,
    request: &Request<Bytes>,
) -> pingora::Result<Answer> {
    let target = request.uri().path_and_query();
    let target = target.map_or("/", |target| target.as_str());
    let mut header = RequestHeader::build(request.method().clone(), target.as_bytes(), Some(8))?;
    for (name, value) in request.headers() {
        header.append_header(name.clone(), value.clone())?;
    }
    header.insert_header(HOST, origin.authority().to_string())?;
    fetch::send(peer, header, request.body().clone(), LONGEST).await
}
