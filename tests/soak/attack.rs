//! What a stranger does, from another network than the clients', to the replica that stays.

use crate::book::{Book, Chaos};
use crate::client::HUB;
use crate::common::attackers::frame;
use crate::random::Random;
use crate::stage::IN_FLIGHT;
use bytes::Bytes;
use http::Request;
use rustls::pki_types::ServerName;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const ALL: [Chaos; 6] = [
    Chaos::ZeroWindows,
    Chaos::IdleConnections,
    Chaos::RefusedUploads,
    Chaos::Trickles,
    Chaos::ResetFlood,
    Chaos::PingFlood,
];

/// How long one attack goes on and the pause after it, in milliseconds.
const LASTS: Range<u64> = 5000..12_000;
const PAUSE: Range<u64> = 1000..4000;

/// Where the attacker is.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(127, 66, 6, 6);

/// What is attacked.
#[derive(Clone)]
pub struct Target {
    pub tls: SocketAddr,
    pub plain: SocketAddr,
    pub trust: Arc<rustls::ClientConfig>,
}

/// Attacks until `until`, one kind after another.
pub async fn rage(target: &Target, book: &Arc<Book>, random: &mut Random, until: Instant) {
    let mut bag = Vec::new();
    loop {
        let lasts = Duration::from_millis(random.between(LASTS));
        if Instant::now() + lasts + Duration::from_secs(2) > until {
            tokio::time::sleep_until(until.into()).await;
            return;
        }
        if bag.is_empty() {
            bag = ALL.to_vec();
            random.shuffle(&mut bag);
        }
        let Some(chaos) = bag.pop() else { continue };
        let episode = book.begin(chaos);
        let mut attackers = JoinSet::new();
        for _ in 0..count(chaos) {
            attackers.spawn(again(target.clone(), chaos));
        }
        tokio::time::sleep(lasts).await;
        attackers.shutdown().await;
        book.end(episode);
        tokio::time::sleep(Duration::from_millis(random.between(PAUSE))).await;
    }
}

/// How many of the places for requests an attack would hold: twice as many as there are.
const PLACES: usize = IN_FLIGHT * 2;

/// How many connections do it at once.
fn count(chaos: Chaos) -> usize {
    match chaos {
        Chaos::ZeroWindows => PLACES / STREAMS,
        Chaos::RefusedUploads => PLACES,
        Chaos::IdleConnections | Chaos::Trickles => 1000,
        _ => 4,
    }
}

/// Streams on a connection: as many as the gateway lets there be.
const STREAMS: usize = 128;

/// A connection that was ended is followed by another.
async fn again(target: Target, chaos: Chaos) {
    loop {
        // What becomes of it is the attacker's trouble.
        let _ = once(&target, chaos).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn once(target: &Target, chaos: Chaos) -> io::Result<()> {
    match chaos {
        Chaos::ZeroWindows => zero_windows(target).await,
        Chaos::IdleConnections => stay(connect(target.plain).await?).await,
        Chaos::RefusedUploads => refused_upload(target).await,
        Chaos::Trickles => trickle(target).await,
        Chaos::ResetFlood => reset_flood(target).await,
        _ => ping_flood(target).await,
    }
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((ATTACKER, 0)))?;
    socket.connect(address).await
}

async fn shake(target: &Target) -> io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(HUB).expect("a name");
    let mut config = (*target.trust).clone();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = connect(target.tls).await?;
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

/// Reads until the other side has had enough.
async fn stay(mut socket: TcpStream) -> io::Result<()> {
    let mut scratch = [0; 1024];
    while socket.read(&mut scratch).await? > 0 {}
    Ok(())
}

fn get() -> Request<()> {
    let uri = format!("https://{HUB}/v2/");
    Request::get(uri).body(()).expect("a request")
}

async fn zero_windows(target: &Target) -> io::Result<()> {
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(0);
    let shaken = builder.handshake::<_, Bytes>(shake(target).await?).await;
    let (sender, connection) = shaken.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        let mut ready = sender.clone().ready().await.map_err(io::Error::other)?;
        open.push(ready.send_request(get(), true).map_err(io::Error::other)?);
    }
    let _ = driver.await;
    Ok(())
}

async fn refused_upload(target: &Target) -> io::Result<()> {
    let mut socket = connect(target.plain).await?;
    let head = format!(
        "POST /v2/lab/soak/blobs/uploads/ HTTP/1.1\r\nHost: {HUB}\r\nContent-Length: 1000000\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(&[0; 1024]).await?;
    stay(socket).await
}

/// A header that comes a byte at a time.
async fn trickle(target: &Target) -> io::Result<()> {
    let mut socket = connect(target.plain).await?;
    socket.write_all(b"GET /v2/ HTTP/1.1\r\nX: ").await?;
    loop {
        socket.write_all(b"x").await?;
        tokio::time::sleep(Duration::from_millis(1000)).await;
    }
}

/// A connection with the preface and settings.
async fn begun(target: &Target) -> io::Result<TlsStream<TcpStream>> {
    let mut stream = shake(target).await?;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await?;
    stream.write_all(&frame(4, 0, 0, &[])).await?;
    Ok(stream)
}

/// Each stream is opened and reset at once. What comes back is not read.
async fn reset_flood(target: &Target) -> io::Result<()> {
    let mut stream = begun(target).await?;
    let field = |index: u8, value: &str| {
        let length = u8::try_from(value.len()).expect("a short value");
        [&[index, length], value.as_bytes()].concat()
    };
    // GET, https, and two names of the static table (RFC 7541, A).
    let block = [vec![0x82, 0x87], field(4, "/v2/"), field(1, HUB)].concat();
    for number in (1..).step_by(2) {
        let opened = frame(1, 5, number, &block);
        let reset = frame(3, 0, number, &[0, 0, 0, 8]);
        stream.write_all(&[opened, reset].concat()).await?;
    }
    Ok(())
}

async fn ping_flood(target: &Target) -> io::Result<()> {
    let mut stream = begun(target).await?;
    let many = frame(6, 0, 0, &[7; 8]).repeat(64);
    loop {
        stream.write_all(&many).await?;
        stream.flush().await?;
    }
}
