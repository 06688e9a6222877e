//! A small reverse proxy that breaks things as people's second proxies do: it changes Host, loses
//! the scheme, drops Authorization. Streaming both ways, one upstream connection a request.

use super::connection::{FakeConnection, Listening, dial, listen};
use super::forward::{bad_gateway, hand_on};
use super::response::{FakeResponse, ResponseExt, by_core, field, full};
use crate::net::origin::{Origin, Scheme};
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// How a hop is set up.
#[derive(Clone)]
pub struct FakeProxyConfig {
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

impl FakeProxyConfig {
    /// A hop on a free loopback port that breaks nothing.
    pub fn honest(upstream: Origin) -> FakeProxyConfig {
        FakeProxyConfig {
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
            gate: Gate(Arc::new(watch::Sender::new(true))),
        }
    }
}

/// Stops the PATCHes and PUTs of uploads while it is closed: in that time what gave out an upload's
/// Location can die or change its keys. Open at first. Clones are the same gate.
#[derive(Clone)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// How many requests stand before it.
    pub fn waiting(&self) -> usize {
        self.0.receiver_count()
    }

    async fn pass(&self) {
        // Fails when the sender is gone, which `self` holds.
        let _ = self.0.subscribe().wait_for(|is_open| *is_open).await;
    }
}

/// A running hop; dropping it closes its socket and every connection.
pub struct FakeProxy(Listening);

impl FakeProxy {
    pub async fn start(config: FakeProxyConfig) -> io::Result<FakeProxy> {
        let (bind, tls) = (config.bind, config.tls.clone());
        let config = Arc::new(config);
        let handler = Arc::new(move |request, link| {
            let config = config.clone();
            async move { Ok(pass(&config, request, link).await) }.boxed()
        });
        Ok(FakeProxy(listen(bind, tls, handler).await?))
    }

    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    pub async fn stop(self) {
        self.0.stop().await;
    }
}

async fn pass(
    config: &FakeProxyConfig,
    request: Request<Incoming>,
    link: Arc<FakeConnection>,
) -> FakeResponse {
    let (mut head, body) = request.into_parts();
    if !body.is_end_stream() {
        // The upstream may answer early, and then this connection ends with content unread.
        link.leaves_unread();
    }
    if is_upload_write(&head.method, head.uri.path()) {
        config.gate.pass().await;
    }
    edit(config, &head.method, &mut head.headers, &link);
    let body = match config.buffer {
        Buffering::None => body.map_err(io::Error::other).boxed_unsync(),
        Buffering::Request => match body.collect().await {
            Ok(all) => full(all.to_bytes()),
            Err(_) => return by_core(400).plain("Bad Request"),
        },
    };
    let upstream = &config.upstream;
    let address = match config.upstream_address {
        Some(address) => address.to_string(),
        None => format!("{}:{}", upstream.host, upstream.port),
    };
    let stream = match (upstream.scheme, &config.upstream_tls) {
        (Scheme::Http, _) => dial(address, None).await,
        (Scheme::Https, Some(tls)) => dial(address, Some((tls, upstream.host.bare()))).await,
        (Scheme::Https, None) => Err(io::Error::other("no trust for an https upstream is set")),
    };
    match hand_on(stream, head, body).await {
        Ok(mut answer) => {
            make_absolute(config, answer.headers_mut());
            answer
        }
        Err(error) => bad_gateway(&error),
    }
}

fn edit(config: &FakeProxyConfig, method: &Method, headers: &mut HeaderMap, link: &FakeConnection) {
    let own = if link.tls {
        Scheme::Https
    } else {
        Scheme::Http
    };
    let host = match &config.host {
        HostRule::Keep => None,
        HostRule::WithDefaultPort => field(headers, "host")
            .filter(|host| !host.rsplit(']').next().unwrap_or_default().contains(':'))
            .map(|host| format!("{host}:{}", own.default_port())),
        HostRule::Fixed(host) => Some(host.clone()),
    };
    if let Some(host) = host {
        put(headers, "host", &host);
    }
    const PROTO: &str = "x-forwarded-proto";
    match &config.proto {
        ProtoRule::Keep if headers.contains_key(PROTO) => {}
        ProtoRule::Keep => put(headers, PROTO, own.as_str()),
        ProtoRule::Drop => {
            headers.remove(PROTO);
        }
        ProtoRule::Set(value) => put(headers, PROTO, value),
    }
    if let Some(host) = &config.forwarded_host {
        put(headers, "x-forwarded-host", host);
    }
    if config.strip_authorization_on.contains(method) {
        headers.remove(header::AUTHORIZATION);
    }
    put(headers, "x-forwarded-for", &link.peer.ip().to_string());
}

fn is_upload_write(method: &Method, path: &str) -> bool {
    (method == Method::PATCH || method == Method::PUT) && path.contains("/blobs/uploads/")
}

fn make_absolute(config: &FakeProxyConfig, headers: &mut HeaderMap) {
    let relative = field(headers, "location").filter(|location| location.starts_with('/'));
    if let (Some(front), Some(relative)) = (&config.absolute_location, relative) {
        let absolute = format!("{front}{relative}");
        put(headers, "location", &absolute);
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
