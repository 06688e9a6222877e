//! A hop that looks at sizes, pauses and ages: what the fake Harbor's own hop doesn't do. Plain HTTP, one
//! request a connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Clone, Copy)]
pub struct Rules {
    /// Longer bodies are refused, by a page with 413.
    pub limit: u64,
    /// Both connections are cut where nothing comes for so long.
    pub idle: Duration,
    /// Both are cut so long after a write's header, whatever flows.
    pub upload: Duration,
    /// The same after a GET's.
    pub download: Duration,
}

pub struct Middle {
    /// How many bodies were refused.
    pub refused: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Drop for Middle {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Middle {
    /// `bind` is a port that the fake Harbor's external URL has already.
    pub async fn start(bind: SocketAddr, upstream: SocketAddr, rules: Rules) -> Option<Middle> {
        let listener = TcpListener::bind(bind).await.ok()?;
        let refused = Arc::new(AtomicUsize::new(0));
        let counted = refused.clone();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, upstream, rules, counted.clone()));
            }
        });
        Some(Middle { refused, serving })
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    rules: Rules,
    refused: Arc<AtomicUsize>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<u64>().ok());
    if length.is_some_and(|length| length > rules.limit) {
        refused.fetch_add(1, Ordering::SeqCst);
        let page = "<html><title>413 Request Entity Too Large</title></html>";
        let answer = format!(
            "HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/html\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        );
        client.write_all(answer.as_bytes()).await.ok()?;
        client.shutdown().await.ok()?;
        // So that the answer isn't lost to a reset.
        let mut rest = vec![0; 64 * 1024];
        while client.read(&mut rest).await.ok()? > 0 {}
        return None;
    }
    let mut upstream = TcpStream::connect(upstream).await.ok()?;
    upstream.write_all(&head).await.ok()?;
    let (from_client, to_client) = client.into_split();
    let (from_upstream, to_upstream) = upstream.into_split();
    let age = if text.starts_with("get ") {
        rules.download
    } else {
        rules.upload
    };
    // Whichever ends first ends both.
    tokio::select! {
        () = pass(from_client, to_upstream, rules.idle) => {}
        () = pass(from_upstream, to_client, Duration::from_secs(60)) => {}
        () = tokio::time::sleep(age) => {}
    }
    None
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, idle: Duration) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match tokio::time::timeout(idle, from.read(&mut buffer)).await {
            Ok(Ok(0)) | Ok(Err(_)) | Err(_) => return,
            Ok(Ok(count)) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}
