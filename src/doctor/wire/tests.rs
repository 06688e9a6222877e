//! The wire against servers of a few lines each, and against the fake Harbor.

mod early;
mod requests;
mod tls;
mod troubles;

use super::request::MOST_BODY;
use super::*;
use crate::doctor::trace::Distrust;
use crate::testing::fake_harbor::certificates::CertificateAuthority;
use bytes::Bytes;
use http::Method;
use rustls::pki_types::pem::PemObject;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than anything here takes on a busy machine.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// Serves each connection with `handler`, until the test's runtime ends.
async fn serve<H, F>(handler: H) -> SocketAddr
where
    H: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(handler(stream));
        }
    });
    address
}

/// Answers each request with these bytes, once its header is there, and closes.
async fn serve_answer(answer: &'static [u8]) -> SocketAddr {
    serve(move |mut stream| async move {
        header(&mut stream).await;
        stream.write_all(answer).await.unwrap();
        stream.shutdown().await.unwrap();
        // Until the client closes as well: no reset of ours is to get in its way.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
}

/// Reads until a request's header is there, and returns it with what came behind it.
async fn header(stream: &mut (impl AsyncRead + Unpin)) -> (String, Vec<u8>) {
    let mut got = Vec::new();
    loop {
        if let Some(at) = got.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let rest = got.split_off(at + 4);
            return (String::from_utf8(got).unwrap(), rest);
        }
        assert_ne!(stream.read_buf(&mut got).await.unwrap(), 0, "no header");
    }
}

fn plain(address: SocketAddr) -> WireTarget {
    WireTarget {
        address,
        passage: None,
        scheme: Scheme::Http,
        server_name: Host::parse("hub.example.com").unwrap(),
        trust: Trust::Waived,
    }
}

fn secure(address: SocketAddr, trust: Trust) -> WireTarget {
    WireTarget {
        scheme: Scheme::Https,
        trust,
        ..plain(address)
    }
}

fn ask(method: Method, payload: Payload) -> WireRequest {
    WireRequest {
        method,
        target: "/v2/".to_owned(),
        host: "hub.example.com".to_owned(),
        authorization: None,
        headers: Vec::new(),
        payload,
        protocol: super::Protocol::Http1,
        reading: Duration::ZERO,
        keep: super::MOST_BODY,
        patience: ResponseTimeouts {
            answer: LONG,
            progress: LONG,
        },
    }
}

fn made(size: u64, framing: Framing) -> Payload {
    Payload::Generated {
        size,
        seed: 7,
        framing,
        pace: super::Pace::Full,
    }
}

/// Trusts these and nobody else.
fn trusting(authorities: &[&str]) -> Wire {
    let certificates = authorities
        .iter()
        .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
        .collect();
    Wire::trusting(certificates, Vec::new()).unwrap()
}

async fn tell(place: &WireTarget, ask: WireRequest) -> WireResult {
    trusting(&[]).ask(place, ask, &mut |_| {}).await
}

/// Walks are taken in tasks of their own as well.
#[test]
fn requests_can_be_made_from_any_task() {
    fn is_send(_: &impl Send) {}
    let wire = trusting(&[]);
    let place = plain(SocketAddr::from(([127, 0, 0, 1], 1)));
    let mut progress = |_| {};
    is_send(&wire.look(&place));
    is_send(&wire.ask(&place, ask(Method::GET, Payload::None), &mut progress));
}
