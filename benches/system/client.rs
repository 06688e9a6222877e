//! The client: the same requests to every proxy, written straight to the socket so that it costs
//! little itself.

use crate::origin;
use crate::proxies::Addresses;
use crate::work::{AT_ONCE, Load, Sizes, Way, What, Work};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::{TLS13_AES_128_GCM_SHA256, TLS13_AES_256_GCM_SHA384};
use rustls::pki_types::{CertificateDer, ServerName};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};
use tokio_rustls::TlsConnector;

/// The name that is asked for, whatever the port, and the one whose certificate is of RSA.
pub const NAME: &str = "hub.example.com";
pub const RSA_NAME: &str = "rsa.example.com";
const PUT_PATH: &str =
    "/v2/lab/app/blobs/uploads/6b2f2f5e?_state=Zm9v&digest=sha256:e3b0c44298fc1c149afbf4c8996fb924";
/// The origin reads nothing of what is put here.
const STALL_PATH: &str = "/v2/lab/stall/blobs/uploads/6b2f2f5e?_state=Zm9v&digest=sha256:e3b0c44298fc1c149afbf4c8996fb924";
const GET_PATH: &str = "/v2/lab/app/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb924";
const HEAD_PATH: &str = "/v2/lab/app/manifests/latest";
const TOKEN_PATH: &str =
    "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
const TOKEN: &str = "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA";
const PIECE: usize = 64 * 1024;
const SLOW_PIECE: usize = 16 * 1024;
static ZEROS: [u8; PIECE] = [0; PIECE];

/// Large enough that the client never limits a transfer over HTTP/2.
const H2_WINDOW: u32 = 16 << 20;

/// Streams of one connection, where there are many requests over HTTP/2.
const STREAMS: usize = 8;

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

type Wire = Box<dyn Socket>;

#[derive(Clone)]
pub struct Client {
    aes_128: TlsConnector,
    aes_256: TlsConnector,
    http2: TlsConnector,
}

/// Requests and connections that last for as long as this.
pub struct Held {
    _tasks: JoinSet<Result<()>>,
    _idle: Vec<Wire>,
}

impl Client {
    pub fn new(authority: CertificateDer<'static>) -> Result<Client> {
        let connector = |suite: SupportedCipherSuite, protocol: &[u8]| -> Result<TlsConnector> {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.clone())?;
            // One suite for all, or each server takes another one.
            let provider = rustls::crypto::CryptoProvider {
                cipher_suites: vec![suite],
                ..rustls::crypto::ring::default_provider()
            };
            let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(roots)
                .with_no_client_auth();
            // Go's clients, which nearly all registry clients are, resume nothing by themselves.
            config.resumption = rustls::client::Resumption::disabled();
            config.alpn_protocols = vec![protocol.to_vec()];
            Ok(TlsConnector::from(Arc::new(config)))
        };
        Ok(Client {
            aes_128: connector(TLS13_AES_128_GCM_SHA256, b"http/1.1")?,
            aes_256: connector(TLS13_AES_256_GCM_SHA384, b"http/1.1")?,
            http2: connector(TLS13_AES_128_GCM_SHA256, b"h2")?,
        })
    }

    pub async fn work(&self, work: Work, to: Addresses, sizes: &Sizes) -> Result<()> {
        let (way, size) = (work.way, sizes.layer);
        match (work.what, way) {
            (What::Put, Way::Http2) => self.put_http2(to, sizes.body).await,
            (What::Put, _) => self.put(way, to, sizes.body).await,
            (What::Get, Way::Http2) => self.get_http2(to, sizes.body).await,
            (What::Get, _) => self.get(way, to, sizes.body).await,
            (What::Head, Way::Http2) => self.heads_http2(to, sizes.requests).await,
            (What::Head, _) => self.repeat(way, to, sizes.requests, HEAD).await,
            (What::Token, _) => self.repeat(way, to, sizes.requests, TOKEN_REQUEST).await,
            (What::Connect, _) => self.connects(way, to, work.connections(sizes)).await,
            (What::Pulls, _) => {
                let pull = |client: Client| async move { client.get(way, to, size).await };
                self.at_once(sizes.layers, pull).await
            }
            (What::Pushes, _) => {
                let push = |client: Client| async move { client.put(way, to, size).await };
                self.at_once(sizes.layers, push).await
            }
        }
    }

    async fn at_once<F>(&self, count: usize, one: impl Fn(Client) -> F) -> Result<()>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let mut tasks = JoinSet::new();
        for _ in 0..count {
            tasks.spawn(one(self.clone()));
        }
        all(tasks).await
    }

    async fn connect(&self, way: Way, to: Addresses) -> Result<Wire> {
        let tls = |connector: TlsConnector, name: &'static str| async move {
            let stream = dial(to.tls).await?;
            let stream = connector.connect(ServerName::try_from(name)?, stream);
            anyhow::Ok(Box::new(stream.await?) as Wire)
        };
        match way {
            Way::Plain => Ok(Box::new(dial(to.plain).await?)),
            Way::Tls | Way::TlsBothSides => tls(self.aes_128.clone(), NAME).await,
            Way::TlsAes256 => tls(self.aes_256.clone(), NAME).await,
            Way::TlsRsa => tls(self.aes_128.clone(), RSA_NAME).await,
            Way::Http2 => tls(self.http2.clone(), NAME).await,
        }
    }

    pub async fn put(&self, way: Way, to: Addresses, size: u64) -> Result<()> {
        let mut wire = self.connect(way, to).await?;
        write_put_head(&mut wire, way, to, PUT_PATH, size).await?;
        let mut left = size;
        while left > 0 {
            let length = left.min(PIECE as u64) as usize;
            wire.write_all(&ZEROS[..length]).await?;
            left -= length as u64;
        }
        wire.flush().await?;
        let (head, _) = read_head(&mut wire).await?;
        ensure!(head.starts_with("HTTP/1.1 201"), "PUT: {head}");
        Ok(())
    }

    pub async fn get(&self, way: Way, to: Addresses, size: u64) -> Result<()> {
        let mut wire = self.connect(way, to).await?;
        let head = request("GET", &format!("{GET_PATH}?n={size}"), way, to, "");
        wire.write_all(head.as_bytes()).await?;
        let (head, mut received) = read_head(&mut wire).await?;
        ensure!(head.starts_with("HTTP/1.1 200"), "GET: {head}");
        let mut buffer = vec![0; 256 * 1024];
        while received < size {
            match wire.read(&mut buffer).await? {
                0 => bail!("GET: ended after {received} bytes"),
                read => received += read as u64,
            }
        }
        Ok(())
    }

    async fn http2(&self, to: Addresses) -> Result<h2::client::SendRequest<Bytes>> {
        let wire = self.connect(Way::Http2, to).await?;
        let (sender, connection) = h2::client::Builder::new()
            .initial_window_size(H2_WINDOW)
            .initial_connection_window_size(H2_WINDOW)
            .handshake(wire)
            .await?;
        tokio::spawn(connection);
        Ok(sender.ready().await?)
    }

    async fn put_http2(&self, to: Addresses, size: u64) -> Result<()> {
        let mut sender = self.http2(to).await?;
        let request = http2_request("PUT", PUT_PATH, to).header("content-length", size);
        let (response, mut body) = sender.send_request(request.body(())?, false)?;
        send(&mut body, size).await?;
        let status = response.await?.status();
        ensure!(status == 201, "PUT over HTTP/2: {status}");
        Ok(())
    }

    async fn get_http2(&self, to: Addresses, size: u64) -> Result<()> {
        let mut sender = self.http2(to).await?;
        let request = http2_request("GET", &format!("{GET_PATH}?n={size}"), to).body(())?;
        let (response, _) = sender.send_request(request, true)?;
        let response = response.await?;
        ensure!(
            response.status() == 200,
            "GET over HTTP/2: {}",
            response.status()
        );
        let mut body = response.into_body();
        let mut received = 0;
        while let Some(piece) = body.data().await {
            let piece = piece?;
            body.flow_control().release_capacity(piece.len())?;
            received += piece.len() as u64;
        }
        ensure!(received == size, "GET over HTTP/2: {received} bytes");
        Ok(())
    }

    async fn repeat(&self, way: Way, to: Addresses, total: usize, ask: Ask) -> Result<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let mut wire = self.connect(way, to).await?;
            tasks.spawn(async move {
                for _ in 0..total / AT_ONCE {
                    ask.once(&mut wire, way, to).await?;
                }
                Ok(())
            });
        }
        all(tasks).await
    }

    /// One after the other, on one connection.
    pub async fn heads_in_a_row(&self, way: Way, to: Addresses, total: u64) -> Result<()> {
        let mut wire = self.connect(way, to).await?;
        for _ in 0..total {
            HEAD.once(&mut wire, way, to).await?;
        }
        Ok(())
    }

    pub async fn logins_in_a_row(&self, to: Addresses, total: u64) -> Result<()> {
        let mut wire = self.connect(Way::Plain, to).await?;
        for _ in 0..total {
            TOKEN_REQUEST.once(&mut wire, Way::Plain, to).await?;
        }
        Ok(())
    }

    async fn heads_http2(&self, to: Addresses, total: usize) -> Result<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE / STREAMS {
            let sender = self.http2(to).await?;
            for _ in 0..STREAMS {
                let mut sender = sender.clone();
                tasks.spawn(async move {
                    for _ in 0..total / AT_ONCE {
                        let request = http2_request("HEAD", HEAD_PATH, to).body(())?;
                        let (response, _) = sender.send_request(request, true)?;
                        let status = response.await?.status();
                        ensure!(status == 200, "HEAD over HTTP/2: {status}");
                        sender = sender.ready().await?;
                    }
                    Ok(())
                });
            }
        }
        all(tasks).await
    }

    async fn connects(&self, way: Way, to: Addresses, total: usize) -> Result<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..AT_ONCE {
            let client = self.clone();
            tasks.spawn(async move {
                for _ in 0..total.div_ceil(AT_ONCE) {
                    let mut wire = client.connect(way, to).await?;
                    HEAD.once(&mut wire, way, to).await?;
                }
                Ok(())
            });
        }
        all(tasks).await
    }

    /// Requests at a steady pace, spread over the connections; how long each took from when it was
    /// due, the shortest first.
    pub async fn paced(
        &self,
        way: Way,
        to: Addresses,
        every: Duration,
        during: Duration,
    ) -> Result<Vec<Duration>> {
        let mut tasks = JoinSet::new();
        let end = Instant::now() + during;
        for number in 0..AT_ONCE {
            let mut wire = self.connect(way, to).await?;
            let begin = Instant::now() + every.mul_f64(number as f64 / AT_ONCE as f64);
            tasks.spawn(async move {
                let mut took = Vec::new();
                let mut due = tokio::time::interval_at(begin, every);
                while Instant::now() < end {
                    let due = due.tick().await;
                    HEAD.once(&mut wire, way, to).await?;
                    took.push(due.elapsed());
                }
                anyhow::Ok(took)
            });
        }
        let mut took = Vec::new();
        while let Some(done) = tasks.join_next().await {
            took.append(&mut done??);
        }
        took.sort();
        Ok(took)
    }

    /// Brings a load about, which lasts until what is returned is dropped.
    pub async fn hold(&self, load: Load, to: Addresses, sizes: &Sizes) -> Result<Held> {
        let mut held = Held {
            _tasks: JoinSet::new(),
            _idle: Vec::new(),
        };
        let count = load.count(sizes);
        match load {
            Load::LargeUpload => self.put(Way::Tls, to, sizes.large_body).await?,
            Load::IdleConnections(way) => {
                for _ in 0..count {
                    held._idle.push(self.connect(way, to).await?);
                }
            }
            Load::SlowUploads(Way::Http2) | Load::StalledUploads(Way::Http2) => {
                for _ in 0..count {
                    held._tasks
                        .spawn(held_http2(self.http2(to).await?, to, load));
                }
            }
            Load::SlowUploads(way) | Load::StalledUploads(way) => {
                for _ in 0..count {
                    held._tasks
                        .spawn(held_upload(self.connect(way, to).await?, way, to, load));
                }
            }
            Load::SlowDownloads(way) => {
                for _ in 0..count {
                    held._tasks
                        .spawn(slow_download(self.connect(way, to).await?, way, to));
                }
            }
        }
        Ok(held)
    }
}

impl Held {
    /// Nothing of it has ended, as what is measured of it would be of less.
    pub async fn lasts(&mut self, time: Duration) -> Result<()> {
        match timeout(time, self._tasks.join_next()).await {
            Ok(Some(ended)) => {
                ended??;
                bail!("a request that was to last has ended");
            }
            Ok(None) => tokio::time::sleep(time).await,
            Err(_) => {}
        }
        Ok(())
    }
}

async fn all(mut tasks: JoinSet<Result<()>>) -> Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

async fn dial(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A small request that is made often.
#[derive(Clone, Copy)]
struct Ask {
    method: &'static str,
    path: &'static str,
    authorization: &'static str,
}

const HEAD: Ask = Ask {
    method: "HEAD",
    path: HEAD_PATH,
    authorization: TOKEN,
};

/// With a password, as docker asks before it pushes.
const TOKEN_REQUEST: Ask = Ask {
    method: "GET",
    path: TOKEN_PATH,
    authorization: "Basic cm9ib3QkY2k6c2VjcmV0",
};

impl Ask {
    async fn once(self, wire: &mut Wire, way: Way, to: Addresses) -> Result<()> {
        let fields = format!("Authorization: {}\r\n", self.authorization);
        let request = request(self.method, self.path, way, to, &fields);
        wire.write_all(request.as_bytes()).await?;
        let (head, mut received) = read_head(wire).await?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{}: {head}", self.method);
        if self.method == "GET" {
            let length = origin::token_answer().len() as u64;
            let mut buffer = vec![0; 4096];
            while received < length {
                match wire.read(&mut buffer).await? {
                    0 => bail!("the answer ended after {received} bytes"),
                    read => received += read as u64,
                }
            }
        }
        Ok(())
    }
}

async fn held_upload(mut wire: Wire, way: Way, to: Addresses, load: Load) -> Result<()> {
    let slow = matches!(load, Load::SlowUploads(_));
    let path = if slow { PUT_PATH } else { STALL_PATH };
    write_put_head(&mut wire, way, to, path, 1 << 30).await?;
    let mut second = interval(Duration::from_secs(1));
    loop {
        if slow {
            second.tick().await;
            wire.write_all(&ZEROS[..SLOW_PIECE]).await?;
        } else {
            wire.write_all(&ZEROS).await?;
        }
        wire.flush().await?;
    }
}

async fn held_http2(
    mut sender: h2::client::SendRequest<Bytes>,
    to: Addresses,
    load: Load,
) -> Result<()> {
    let slow = matches!(load, Load::SlowUploads(_));
    let path = if slow { PUT_PATH } else { STALL_PATH };
    let request = http2_request("PUT", path, to).header("content-length", 1u64 << 30);
    let (_response, mut body) = sender.send_request(request.body(())?, false)?;
    let mut second = interval(Duration::from_secs(1));
    loop {
        if slow {
            second.tick().await;
            body.send_data(Bytes::from_static(&ZEROS[..SLOW_PIECE]), false)?;
        } else {
            send_piece(&mut body, PIECE, false).await?;
        }
    }
}

async fn slow_download(mut wire: Wire, way: Way, to: Addresses) -> Result<()> {
    let head = request("GET", &format!("{GET_PATH}?n={}", 1 << 30), way, to, "");
    wire.write_all(head.as_bytes()).await?;
    let mut second = interval(Duration::from_secs(1));
    let mut buffer = vec![0; SLOW_PIECE];
    loop {
        second.tick().await;
        wire.read_exact(&mut buffer).await?;
    }
}

async fn send(body: &mut h2::SendStream<Bytes>, size: u64) -> Result<()> {
    let mut left = size;
    while left > 0 {
        let length = left.min(PIECE as u64) as usize;
        left -= length as u64;
        send_piece(body, length, left == 0).await?;
    }
    Ok(())
}

async fn send_piece(body: &mut h2::SendStream<Bytes>, length: usize, end: bool) -> Result<()> {
    // One byte of room is asked for and a whole piece sent, as hyper does it: h2 keeps the rest
    // until there is room, and asking for more than its buffer takes never wakes.
    body.reserve_capacity(1);
    while body.capacity() == 0 {
        poll_fn(|cx| body.poll_capacity(cx))
            .await
            .context("stream closed")??;
    }
    body.send_data(Bytes::from_static(&ZEROS[..length]), end)?;
    Ok(())
}

fn http2_request(method: &str, path: &str, to: Addresses) -> http::request::Builder {
    http::Request::builder()
        .method(method)
        .uri(format!("https://{NAME}:{}{path}", to.tls.port()))
        .header("user-agent", "docker/29.0")
        .header("authorization", TOKEN)
}

fn request(method: &str, path: &str, way: Way, to: Addresses, fields: &str) -> String {
    let (name, port) = match way {
        Way::Plain => (NAME, to.plain.port()),
        Way::Tls | Way::TlsAes256 | Way::Http2 | Way::TlsBothSides => (NAME, to.tls.port()),
        Way::TlsRsa => (RSA_NAME, to.tls.port()),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {name}:{port}\r\nUser-Agent: docker/29.0\r\nAccept: */*\r\n{fields}\r\n"
    )
}

async fn write_put_head(
    wire: &mut Wire,
    way: Way,
    to: Addresses,
    path: &str,
    size: u64,
) -> Result<()> {
    let fields = format!("Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n");
    let head = request("PUT", path, way, to, &fields);
    wire.write_all(head.as_bytes()).await?;
    Ok(())
}

/// The answer's head, and how many bytes of its content came with it.
async fn read_head(wire: &mut Wire) -> Result<(String, u64)> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if wire.read_buf(&mut head).await? == 0 {
            bail!("closed before an answer");
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let content = head.len() - end - 4;
            head.truncate(end);
            return Ok((String::from_utf8_lossy(&head).into_owned(), content as u64));
        }
    }
}
