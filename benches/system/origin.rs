//! The registry behind all proxies: discards what is put, gives as much as is asked for, by http and by
//! https.

use crate::proxies::Addresses;
use anyhow::Result;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use futures_util::stream;
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const PIECE: usize = 64 * 1024;

/// Runs until the process ends, on a thread of its own.
pub async fn start(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<Addresses> {
    let acceptor = acceptor(certificate, key)?;
    let (plain, plain_address) = listen()?;
    let (tls, tls_address) = listen()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::spawn(move || {
        runtime.block_on(async move {
            let plain = accept(plain, serve);
            let tls = accept(tls, |stream| {
                let accepted = acceptor.accept(stream);
                async move {
                    if let Ok(stream) = accepted.await {
                        serve(stream).await;
                    }
                }
            });
            tokio::join!(plain, tls)
        })
    });
    Ok(Addresses {
        plain: plain_address,
        tls: tls_address,
    })
}

/// The suite that the clients have too, or each proxy takes another one.
fn acceptor(
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor> {
    let provider = rustls::crypto::CryptoProvider {
        cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
        ..rustls::crypto::ring::default_provider()
    };
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn listen() -> Result<(std::net::TcpListener, SocketAddr)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

async fn accept<F>(listener: std::net::TcpListener, serve: impl Fn(TcpStream) -> F) -> Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve(stream));
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin) {
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer));
    let _ = served.await;
}

/// For longer than any load is held.
const UNREAD: Duration = Duration::from_secs(60);

async fn answer(
    mut request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let mut response = Response::new(Full::default().boxed());
    let headers = response.headers_mut();
    headers.insert(
        "docker-distribution-api-version",
        http::HeaderValue::from_static("registry/2.0"),
    );
    headers.insert(
        "docker-content-digest",
        http::HeaderValue::from_static("sha256:e3b0c44298fc1c149afbf4c8996fb924"),
    );
    match *request.method() {
        // What is put here nobody reads. Whoever sent it is gone by then; what the kernel holds of
        // thousands of such bodies would keep later works from the memory that TCP may take.
        Method::PUT if request.uri().path().starts_with("/v2/lab/stall/") => {
            tokio::time::sleep(UNREAD).await;
            let close = http::HeaderValue::from_static("close");
            response
                .headers_mut()
                .insert(http::header::CONNECTION, close);
        }
        Method::PUT => {
            while let Some(frame) = request.body_mut().frame().await {
                frame?;
            }
            *response.status_mut() = StatusCode::CREATED;
        }
        Method::GET if request.uri().path() == "/service/token" => {
            let headers = response.headers_mut();
            let json = http::HeaderValue::from_static("application/json; charset=utf-8");
            headers.insert(http::header::CONTENT_TYPE, json);
            *response.body_mut() = Full::from(token_answer()).boxed();
        }
        Method::GET => {
            let asked = request
                .uri()
                .query()
                .and_then(|query| query.strip_prefix("n=")?.parse().ok());
            let size: u64 = asked.unwrap_or(0);
            response
                .headers_mut()
                .insert(http::header::CONTENT_LENGTH, size.into());
            *response.body_mut() = content(size);
        }
        _ => {
            response
                .headers_mut()
                .insert(http::header::CONTENT_LENGTH, 527u64.into());
        }
    }
    Ok(response)
}

/// A token as Harbor 2.9 gives it, of its usual length.
pub fn token_answer() -> &'static str {
    static ANSWER: LazyLock<String> = LazyLock::new(|| {
        let claims = concat!(
            r#"{"iss":"harbor-token-issuer","sub":"robot$ci","aud":"harbor-registry","#,
            r#""exp":4102444800,"nbf":1700000000,"iat":1700000000,"access":[{"type":"repository","#,
            r#""name":"lab/app","actions":["pull","push"]}]}"#
        );
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256"}"#);
        let (claims, signature) = (URL_SAFE_NO_PAD.encode(claims), "A".repeat(683));
        format!(
            r#"{{"token":"{header}.{claims}.{signature}","access_token":"","expires_in":1800,"issued_at":"2026-11-28T09:00:00Z"}}"#
        )
    });
    &ANSWER
}

fn content(size: u64) -> BoxBody<Bytes, Infallible> {
    static ZEROS: [u8; PIECE] = [0; PIECE];
    let pieces = stream::unfold(size, |left| async move {
        if left == 0 {
            return None;
        }
        let length = left.min(PIECE as u64);
        let piece = Bytes::from_static(&ZEROS[..length as usize]);
        Some((Ok(Frame::data(piece)), left - length))
    });
    BodyExt::boxed(StreamBody::new(pieces))
}
