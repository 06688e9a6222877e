//! HTTP/2 from clients: this module drives h2 instead of Pingora, because only the driver of h2 controls
//! the flow-control windows.
//!
//! The gateway has to hold whatever a client may send and Harbor has not taken. So windows begin small,
//! a piece's window is released only when Harbor has the piece, and windows grow for uploads that make
//! progress.

mod flow_control;
mod request_check;
mod response;
mod session;
mod window_growth;
mod windows;

use super::limited_stream::LimitedStream;
use crate::config::Limits;
use crate::net::client_network::Owner;
use crate::runtime::BodyMemory;
use bytes::Bytes;
use flow_control::UploadFlow;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::{Request, Response, StatusCode};
use pingora::protocols::http::ServerSession;
use pingora::protocols::http::v2::server::{default_h2_options, handshake};
use pingora::protocols::{Digest, GetProxyDigest, GetSocketDigest, GetTimingDigest, Ssl};
use request_check::Malformed;
pub(crate) use request_check::Shortened;
use session::Http2Session;
use std::sync::Arc;
use tokio::sync::watch;
use window_growth::{FIRST_CONNECTION, FIRST_STREAM};
use windows::{Budget, ConnectionWindows};

/// A frame is buffered whole. Larger ones cost somewhat less for each byte, and a client that has
/// begun one holds it.
const FRAME: u32 = 64 * 1024;

/// What is buffered of an answer for each stream, beside the piece that waits for room.
const SEND_BUFFER: usize = 128 * 1024;

/// Requests that no request can be, on one connection: a client makes a few by mistake.
const MALFORMED: usize = 32;

/// Serves a connection until it ends: each request is given to `take`. `leaving` turns true when the
/// client is to be told to go.
pub(super) async fn serve(
    stream: LimitedStream,
    limits: &Limits,
    memory: Arc<BodyMemory>,
    mut leaving: watch::Receiver<bool>,
    take: impl Fn(ServerSession),
) {
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    let budget = Budget {
        memory,
        owner: owner(&digest),
        limit: limits.body_memory,
    };
    let mut connection = match handshake(Box::new(stream), Some(options(limits))).await {
        Ok(connection) => connection,
        Err(error) => {
            log::debug!("HTTP/2 didn't begin: {error}");
            return;
        }
    };
    let mut windows = ConnectionWindows::new(connection.ping_pong(), budget);
    let (mut malformed, mut has_left) = (0, false);
    while malformed < MALFORMED {
        let accepted = tokio::select! {
            biased;
            _ = leaving.wait_for(|leaving| *leaving), if !has_left => {
                connection.graceful_shutdown();
                has_left = true;
                continue;
            }
            () = windows.moved() => {
                windows.grow(&mut connection);
                continue;
            }
            accepted = connection.accept() => accepted,
        };
        let (request, respond) = match accepted {
            Some(Ok(accepted)) => accepted,
            // Clients often disconnect without closing the connection properly.
            Some(Err(error)) => {
                log::debug!("an HTTP/2 connection ended: {error}");
                return;
            }
            None => return,
        };
        if !request.body().is_end_stream() {
            windows.upload_begins();
        }
        let session = admit(request, respond, limits, &digest, &windows.flow);
        match session {
            Some(session) => take(session),
            None => malformed += 1,
        }
    }
}

fn options(limits: &Limits) -> Builder {
    // They carry Pingora's bounds for what h2 leaves open.
    let mut options = default_h2_options();
    options.initial_window_size(FIRST_STREAM);
    options.initial_connection_window_size(FIRST_CONNECTION);
    options.max_frame_size(FRAME);
    options.max_send_buffer_size(SEND_BUFFER);
    options.max_concurrent_streams(limits.http2_streams);
    // h2 answers a larger header with 431, without telling us.
    let bytes = u32::try_from(request_check::largest(limits));
    options.max_header_list_size(bytes.unwrap_or(u32::MAX));
    options
}

/// A request that may be one. What can't be is answered here, and is none of its neighbours'
/// business.
fn admit(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    limits: &Limits,
    digest: &Arc<Digest>,
    flow: &Arc<UploadFlow>,
) -> Option<ServerSession> {
    let (head, body) = request.into_parts();
    let mut head = head.into();
    match request_check::check(&head) {
        Ok(()) => {
            request_check::shorten(&mut head, limits);
            let (digest, flow) = (Arc::clone(digest), Arc::clone(flow));
            let session = Http2Session::new(head, body, respond, digest, flow);
            Some(ServerSession::new_custom(Box::new(session)))
        }
        Err(Malformed::Framing) => {
            respond.send_reset(h2::Reason::PROTOCOL_ERROR);
            None
        }
        Err(Malformed::Authority) => {
            let mut response = Response::new(());
            *response.status_mut() = StatusCode::BAD_REQUEST;
            // A client that has reset the stream meanwhile doesn't want an answer.
            let _ = respond.send_response(response, true);
            None
        }
    }
}

/// Whose the connection is, as far as it is told without a request.
fn owner(digest: &Digest) -> Owner {
    let socket = digest.socket_digest.as_ref();
    let peer = socket.and_then(|socket| socket.peer_addr()?.as_inet());
    Owner::of(peer.map(|peer| peer.ip()))
}
