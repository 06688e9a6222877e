//! One request without a body, and its answer, by HTTP/2 on a connection that is there.

use super::connect::io_trouble;
use super::exchange::{ByteStream, headers};
use super::request::{WireRequest, WireResponse, WireResult};
use crate::doctor::trace::Trouble;
use bytes::BytesMut;
use http::{HeaderName, Request, Uri};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use tokio::time::{Instant, timeout};

/// Within the request's patience for an answer.
pub(super) async fn exchange<S: ByteStream>(stream: S, ask: WireRequest) -> WireResult {
    let began = Instant::now();
    let patience = ask.patience.answer;
    let result = match timeout(patience, ask_once(stream, ask)).await {
        Ok(result) => result,
        Err(_) => Err(Trouble::TimedOut(patience)),
    };
    WireResult {
        result,
        sent: 0,
        took: began.elapsed(),
        silence: Some(began.elapsed()),
    }
}

async fn ask_once<S: ByteStream>(stream: S, ask: WireRequest) -> Result<WireResponse, Trouble> {
    let keep = ask.keep;
    let request = request(ask)?;
    let (mut sender, connection) = h2::client::handshake(stream).await.map_err(trouble)?;
    let answering = async {
        let (response, _) = sender.send_request(request, true).map_err(trouble)?;
        let (parts, mut content) = response.await.map_err(trouble)?.into_parts();
        let mut body = BytesMut::new();
        while body.len() < keep
            && let Some(piece) = content.data().await
        {
            let piece = piece.map_err(trouble)?;
            // Where the connection is gone nothing more comes.
            let _ = content.flow_control().release_capacity(piece.len());
            body.extend_from_slice(&piece[..piece.len().min(keep - body.len())]);
        }
        Ok(WireResponse {
            status: parts.status.as_u16(),
            headers: headers(&parts.headers),
            body: body.freeze(),
        })
    };
    let (mut connection, mut answering) = (pin!(connection), pin!(answering));
    let mut is_over = false;
    poll_fn(|cx| {
        // How it ended, the answer says as well.
        is_over = is_over || connection.as_mut().poll(cx).is_ready();
        match answering.as_mut().poll(cx) {
            Poll::Pending if is_over => Poll::Ready(Err(Trouble::Cut)),
            answered => answered,
        }
    })
    .await
}

fn request(ask: WireRequest) -> Result<Request<()>, Trouble> {
    let unusable = |what: &str| Trouble::NotHttp(format!("{what} can't be sent in a request"));
    let uri = format!("https://{}{}", ask.host, ask.target);
    let uri: Uri = uri.parse().map_err(|_| unusable("its path"))?;
    let mut request = Request::builder().method(ask.method).uri(uri);
    for (name, value) in &ask.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable("a header"))?;
        request = request.header(name, value);
    }
    request.body(()).map_err(|_| unusable("a header"))
}

fn trouble(error: h2::Error) -> Trouble {
    match error.get_io() {
        Some(io) => io_trouble(io).unwrap_or(Trouble::Cut),
        None => Trouble::NotHttp(error.to_string()),
    }
}
