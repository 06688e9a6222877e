//! A small reverse proxy that breaks things as people's second proxies do: it changes Host, loses
//! the scheme, drops Authorization. Streaming both ways, one upstream connection a request.

use super::answer::{Answer, Voice, full, nothing, plain};
use super::forward::strip_hop_by_hop;
use super::gate::Gate;
use super::link::{Ended, Link, Listening, listen, send};
use crate::edge::origin::{Origin, Scheme};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use rustls::pki_types::ServerName;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How a hop is set up.
#[derive(Clone)]
pub struct HopConfig {
    pub bind: SocketAddr,
    /// The origin behind; its scheme says whether TLS is spoken to it.
    pub upstream: Origin,
    /// Where the upstream is, when its name resolves nowhere.
    pub upstream_address: Option<SocketAddr>,
    /// Trust towards an https upstream.
    pub upstream_tls: Option<Arc<rustls::ClientConfig>>,
    /// Serves TLS with this configuration; plain HTTP without.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    pub host: HostRule,
    pub proto: ProtoRule,
    /// Sets X-Forwarded-Host to this.
    pub forwarded_host: Option<String>,
    /// Requests with these methods lose their Authorization.
    pub strip_authorization_on: Vec<Method>,
    pub buffer: Buffering,
    /// Makes the relative Locations of answers absolute, with this in front.
    pub absolute_location: Option<String>,
    /// What the PATCHes and PUTs of uploads have to pass before the upstream sees anything of them.
    pub gate: Gate,
}

/// What the upstream gets as Host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostRule {
    Keep,
    /// `name:443` (or `name:80`) where the client wrote `name`: the story's bug.
    WithDefaultPort,
    Fixed(String),
}

/// What the upstream gets as X-Forwarded-Proto.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProtoRule {
    /// The client side's own scheme, or what it sent.
    Keep,
    Drop,
    Set(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Buffering {
    None,
    /// The whole request is read before the upstream sees any of it.
    Request,
}

impl HopConfig {
    /// A hop on a free loopback port that breaks nothing.
    pub fn honest(upstream: Origin) -> HopConfig {
        HopConfig {
            bind: SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0)),
            upstream,
            upstream_address: None,
            upstream_tls: None,
            tls: None,
            host: HostRule::Keep,
            proto: ProtoRule::Keep,
            forwarded_host: None,
            strip_authorization_on: Vec::new(),
            buffer: Buffering::None,
            absolute_location: None,
            gate: Gate::default(),
        }
    }
}

/// A running hop; dropping it closes its socket and every connection.
pub struct Hop(Listening);

impl Hop {
    pub async fn start(config: HopConfig) -> io::Result<Hop> {
        let (bind, tls) = (config.bind, config.tls.clone());
        let config = Arc::new(config);
        let listening = listen(bind, tls, move |request, link| {
            let config = config.clone();
            async move { Ok::<Answer, Ended>(pass(&config, request, &link).await) }
        });
        Ok(Hop(listening.await?))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn pass(config: &HopConfig, request: Request<Incoming>, link: &Link) -> Answer {
    let (mut head, body) = request.into_parts();
    if !body.is_end_stream() {
        // The upstream may answer early, and then this connection ends with content unread.
        link.leaves_unread();
    }
    if is_upload_write(&head.method, head.uri.path()) {
        config.gate.pass().await;
    }
    edit(config, &head.method, &mut head.headers, link);
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let mut onward = Request::new(nothing());
    if let Ok(uri) = target.parse() {
        *onward.uri_mut() = uri;
    }
    *onward.method_mut() = head.method;
    *onward.headers_mut() = head.headers;
    *onward.body_mut() = match config.buffer {
        Buffering::None => body.map_err(io::Error::other).boxed_unsync(),
        Buffering::Request => match body.collect().await {
            Ok(all) => full(all.to_bytes()),
            Err(_) => return plain(StatusCode::BAD_REQUEST, Voice::Core, "Bad Request"),
        },
    };
    match dial(config).await {
        Ok(stream) => match send(stream, onward).await {
            Ok(response) => {
                let (mut head, body) = response.into_parts();
                strip_hop_by_hop(&mut head.headers);
                make_absolute(config, &mut head.headers);
                Answer::from_parts(head, body.map_err(io::Error::other).boxed_unsync())
            }
            Err(error) => bad_gateway(&error),
        },
        Err(error) => bad_gateway(&error),
    }
}

fn edit(config: &HopConfig, method: &Method, headers: &mut HeaderMap, link: &Link) {
    strip_hop_by_hop(headers);
    let own = if link.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let received = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = match &config.host {
        HostRule::Keep => None,
        HostRule::WithDefaultPort => received
            .filter(|host| !host.rsplit(']').next().unwrap_or_default().contains(':'))
            .map(|host| format!("{host}:{}", own.default_port())),
        HostRule::Fixed(host) => Some(host.clone()),
    };
    if let Some(host) = host {
        put(headers, header::HOST, &host);
    }
    let proto = HeaderName::from_static("x-forwarded-proto");
    match &config.proto {
        ProtoRule::Keep if headers.contains_key(&proto) => {}
        ProtoRule::Keep => put(headers, proto, own.as_str()),
        ProtoRule::Drop => {
            headers.remove(proto);
        }
        ProtoRule::Set(value) => put(headers, proto, value),
    }
    if let Some(host) = &config.forwarded_host {
        put(headers, HeaderName::from_static("x-forwarded-host"), host);
    }
    if config.strip_authorization_on.contains(method) {
        headers.remove(header::AUTHORIZATION);
    }
    put(
        headers,
        HeaderName::from_static("x-forwarded-for"),
        &link.peer.ip().to_string(),
    );
}

fn is_upload_write(method: &Method, path: &str) -> bool {
    (method == Method::PATCH || method == Method::PUT) && path.contains("/blobs/uploads/")
}

fn make_absolute(config: &HopConfig, headers: &mut HeaderMap) {
    let Some(front) = &config.absolute_location else {
        return;
    };
    let location = headers
        .get(header::LOCATION)
        .and_then(|location| location.to_str().ok());
    if let Some(relative) = location.filter(|location| location.starts_with('/')) {
        let absolute = format!("{front}{relative}");
        put(headers, header::LOCATION, &absolute);
    }
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn dial(config: &HopConfig) -> io::Result<Box<dyn Stream>> {
    let tcp = match config.upstream_address {
        Some(address) => TcpStream::connect(address).await?,
        None => TcpStream::connect((config.upstream.host.bare(), config.upstream.port)).await?,
    };
    // Failing costs only time.
    let _ = tcp.set_nodelay(true);
    match (config.upstream.scheme, &config.upstream_tls) {
        (Scheme::Http, _) => Ok(Box::new(tcp)),
        (Scheme::Https, Some(tls)) => {
            let name = ServerName::try_from(config.upstream.host.bare().to_owned())
                .map_err(io::Error::other)?;
            Ok(Box::new(
                TlsConnector::from(tls.clone()).connect(name, tcp).await?,
            ))
        }
        (Scheme::Https, None) => Err(io::Error::other("no trust for an https upstream is set")),
    }
}

fn bad_gateway(error: &io::Error) -> Answer {
    log::debug!("hop: the upstream could not be asked: {error}");
    plain(StatusCode::BAD_GATEWAY, Voice::Core, "Bad Gateway")
}
