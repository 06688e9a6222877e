//! The client: the same requests to every proxy, written straight to the socket so that it costs
//! little itself.

use crate::{Sizes, Work};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name that is asked for, whatever the port.
pub const NAME: &str = "hub.example.com";
const PUT_PATH: &str =
    "/v2/lab/app/blobs/uploads/6b2f2f5e?_state=Zm9v&digest=sha256:e3b0c44298fc1c149afbf4c8996fb924";
const GET_PATH: &str = "/v2/lab/app/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb924";
const HEAD_PATH: &str = "/v2/lab/app/manifests/latest";
const PIECE: usize = 64 * 1024;
static ZEROS: [u8; PIECE] = [0; PIECE];

/// Large enough that the client never limits a transfer over HTTP/2.
const H2_WINDOW: u32 = 16 << 20;

pub struct Client {
    http1: TlsConnector,
    http2: TlsConnector,
}

impl Client {
    pub fn new(authority: rustls::pki_types::CertificateDer<'static>) -> Result<Client> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(authority)?;
        // One suite for all, or each server takes another one: what docker's Go client prefers.
        let provider = rustls::crypto::CryptoProvider {
            cipher_suites: vec![rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256],
            ..rustls::crypto::ring::default_provider()
        };
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            TlsConnector::from(Arc::new(config))
        };
        Ok(Client {
            http1: connector(b"http/1.1"),
            http2: connector(b"h2"),
        })
    }

    pub async fn work(&self, work: Work, proxy: SocketAddr, sizes: &Sizes) -> Result<()> {
        match work {
            Work::PutHttp1 => self.put_http1(proxy, sizes.body).await,
            Work::GetHttp1 => self.get_http1(proxy, sizes.body).await,
            Work::PutHttp2 => self.put_http2(proxy, sizes.body).await,
            Work::Head => self.heads(proxy, sizes.heads, sizes.head_connections).await,
        }
    }

    pub async fn put_http1(&self, proxy: SocketAddr, size: u64) -> Result<()> {
        let mut stream = connect(&self.http1, proxy).await?;
        write_put_head(&mut stream, proxy, size).await?;
        let mut left = size;
        while left > 0 {
            let length = left.min(PIECE as u64) as usize;
            stream.write_all(&ZEROS[..length]).await?;
            left -= length as u64;
        }
        stream.flush().await?;
        let (head, _) = read_head(&mut stream).await?;
        ensure!(head.starts_with("HTTP/1.1 201"), "PUT: {head}");
        Ok(())
    }

    async fn get_http1(&self, proxy: SocketAddr, size: u64) -> Result<()> {
        let mut stream = connect(&self.http1, proxy).await?;
        stream
            .write_all(request("GET", &format!("{GET_PATH}?n={size}"), proxy, "").as_bytes())
            .await?;
        let (head, mut received) = read_head(&mut stream).await?;
        ensure!(head.starts_with("HTTP/1.1 200"), "GET: {head}");
        let mut buffer = vec![0; 256 * 1024];
        while received < size {
            match stream.read(&mut buffer).await? {
                0 => bail!("GET: ended after {received} bytes"),
                read => received += read as u64,
            }
        }
        Ok(())
    }

    async fn put_http2(&self, proxy: SocketAddr, size: u64) -> Result<()> {
        let stream = connect(&self.http2, proxy).await?;
        ensure!(
            stream.get_ref().1.alpn_protocol() == Some(b"h2"),
            "no HTTP/2"
        );
        let (mut sender, connection) = h2::client::Builder::new()
            .initial_window_size(H2_WINDOW)
            .initial_connection_window_size(H2_WINDOW)
            .handshake(stream)
            .await?;
        tokio::spawn(connection);
        sender = sender.ready().await?;
        let request = http::Request::put(format!("https://{NAME}:{}{PUT_PATH}", proxy.port()))
            .header("content-length", size)
            .header("user-agent", "docker/29.0")
            .body(())?;
        let (response, mut body) = sender.send_request(request, false)?;
        let mut left = size;
        while left > 0 {
            // One byte of room is asked for and a whole piece sent, as hyper does it: h2 keeps the
            // rest until there is room, and asking for more than its buffer takes never wakes.
            body.reserve_capacity(1);
            while body.capacity() == 0 {
                poll_fn(|cx| body.poll_capacity(cx))
                    .await
                    .context("stream closed")??;
            }
            let length = left.min(PIECE as u64) as usize;
            left -= length as u64;
            body.send_data(Bytes::from_static(&ZEROS[..length]), left == 0)?;
        }
        let response = response.await?;
        ensure!(
            response.status() == 201,
            "PUT over HTTP/2: {}",
            response.status()
        );
        Ok(())
    }

    async fn heads(&self, proxy: SocketAddr, total: usize, connections: usize) -> Result<()> {
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let mut stream = connect(&self.http1, proxy).await?;
            let request = request(
                "HEAD",
                HEAD_PATH,
                proxy,
                "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA\r\n",
            );
            tasks.spawn(async move {
                for _ in 0..total / connections {
                    stream.write_all(request.as_bytes()).await?;
                    let (head, _) = read_head(&mut stream).await?;
                    ensure!(head.starts_with("HTTP/1.1 200"), "HEAD: {head}");
                }
                Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(())
    }

    /// Uploads that trickle, all at once, for a while; then they are cut.
    pub async fn slow_uploads(
        &self,
        proxy: SocketAddr,
        count: usize,
        duration: Duration,
    ) -> Result<()> {
        let mut tasks = JoinSet::new();
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            streams.push(connect(&self.http1, proxy).await?);
        }
        let end = Instant::now() + duration;
        for mut stream in streams {
            tasks.spawn(async move {
                write_put_head(&mut stream, proxy, 1 << 30).await?;
                while Instant::now() < end {
                    stream.write_all(&ZEROS[..16 * 1024]).await?;
                    stream.flush().await?;
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Ok::<_, anyhow::Error>(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done?.context("a slow upload was cut")?;
        }
        Ok(())
    }
}

async fn connect(connector: &TlsConnector, proxy: SocketAddr) -> Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(proxy).await?;
    stream.set_nodelay(true)?;
    Ok(connector
        .connect(ServerName::try_from(NAME)?, stream)
        .await?)
}

fn request(method: &str, path: &str, proxy: SocketAddr, fields: &str) -> String {
    let port = proxy.port();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {NAME}:{port}\r\nUser-Agent: docker/29.0\r\nAccept: */*\r\n{fields}\r\n"
    )
}

async fn write_put_head(
    stream: &mut TlsStream<TcpStream>,
    proxy: SocketAddr,
    size: u64,
) -> Result<()> {
    let fields = format!("Content-Type: application/octet-stream\r\nContent-Length: {size}\r\n");
    stream
        .write_all(request("PUT", PUT_PATH, proxy, &fields).as_bytes())
        .await?;
    Ok(())
}

/// The answer's head, and how many bytes of its content came with it.
async fn read_head(stream: &mut TlsStream<TcpStream>) -> Result<(String, u64)> {
    let mut head = Vec::with_capacity(1024);
    loop {
        if stream.read_buf(&mut head).await? == 0 {
            bail!("closed before an answer");
        }
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            let content = head.len() - end - 4;
            head.truncate(end);
            return Ok((String::from_utf8_lossy(&head).into_owned(), content as u64));
        }
    }
}
