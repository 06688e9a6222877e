//! Which side limited the transfer of a large body, according to the kernel.

use crate::client::{get, request};
use crate::setup::{Setup, World, connect};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Over the 8 MiB from which speeds are kept, and far over what sockets buffer: ten to twenty MiB
/// between two ends were seen.
const SIZE: usize = 64 << 20;
const PIECE: usize = 1 << 20;

/// With [`PIECE`] some 50 MiB a second: far below what loopback can.
const PAUSE: Duration = Duration::from_millis(20);

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const BLOB: &str = "/v2/lab/app/blobs/sha256:x";

#[derive(Clone, Copy)]
enum Pace {
    Fast,
    Slow,
}

async fn pause(pace: Pace) {
    match pace {
        Pace::Fast => {}
        Pace::Slow => sleep(PAUSE).await,
    }
}

async fn write(to: &mut (impl AsyncWrite + Unpin), pace: Pace) {
    let piece = vec![b'x'; PIECE];
    for _ in 0..SIZE / PIECE {
        to.write_all(&piece).await.expect("write");
        pause(pace).await;
    }
}

async fn read(from: &mut (impl AsyncRead + Unpin), pace: Pace) {
    let mut piece = vec![0; PIECE];
    for _ in 0..SIZE / PIECE {
        from.read_exact(&mut piece).await.expect("read");
        pause(pace).await;
    }
}

async fn header(from: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(from.read_u8().await.expect("a header"));
    }
    String::from_utf8(head).expect("text")
}

/// Takes in uploads and gives out blobs, at its pace.
async fn harbor(pace: Pace) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("bind");
    let address = socket.local_addr().expect("its address");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = socket.accept().await.expect("accept");
            tokio::spawn(async move {
                let head = header(&mut stream).await;
                if head.starts_with("PUT") {
                    read(&mut stream, pace).await;
                    let answer = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
                    stream.write_all(answer.as_bytes()).await.expect("write");
                } else {
                    let length = if head.contains("/blobs/") { SIZE } else { 0 };
                    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.expect("write");
                    if length > 0 {
                        write(&mut stream, pace).await;
                    }
                }
                // Until the gateway has had enough.
                let _ = stream.read(&mut [0]).await;
            });
        }
    });
    address
}

async fn world(pace: Pace) -> World {
    Setup::new(format!("http://{}", harbor(pace).await)).start()
}

async fn upload(world: &World, pace: Pace) {
    let mut stream = connect(world.plain()).await;
    let length = format!("Content-Length: {SIZE}");
    let head = request("PUT", UPLOAD, &[&length], b"");
    stream.write_all(&head).await.expect("write");
    write(&mut stream, pace).await;
    let head = header(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
}

async fn download(world: &World, pace: Pace) {
    let mut stream = connect(world.plain()).await;
    stream.write_all(&get(BLOB, &[])).await.expect("write");
    let head = header(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    read(&mut stream, pace).await;
}

async fn is_counted(world: &World, direction: &str, limited_by: &str) {
    let labels = [("direction", direction), ("limited_by", limited_by)];
    let count = "harbormouth_transfer_bytes_per_second_count";
    world.metric_becomes(count, &labels, 1.0).await;
    assert_eq!(world.gateway.metric(count, &[]), 1.0, "nothing else");
    let sum = world
        .gateway
        .metric("harbormouth_transfer_bytes_per_second_sum", &labels);
    // What sockets buffer makes the end come early, but loopback would be faster by far.
    let paced = PIECE as f64 / PAUSE.as_secs_f64();
    assert!(sum > 0.0 && sum < 8.0 * paced, "{sum}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_uplink_limits_an_upload() {
    let world = world(Pace::Fast).await;
    upload(&world, Pace::Slow).await;
    is_counted(&world, "upload", "client").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_harbor_limits_an_upload() {
    let world = world(Pace::Slow).await;
    upload(&world, Pace::Fast).await;
    is_counted(&world, "upload", "upstream").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_limits_a_download() {
    let world = world(Pace::Fast).await;
    download(&world, Pace::Slow).await;
    is_counted(&world, "download", "client").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_harbor_limits_a_download() {
    let world = world(Pace::Slow).await;
    download(&world, Pace::Fast).await;
    is_counted(&world, "download", "upstream").await;
}
