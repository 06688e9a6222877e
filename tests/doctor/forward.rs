//! A small forward proxy: CONNECT, and requests whose target names an authority. It leads to one place,
//! whatever is named.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub struct ForwardProxy {
    pub address: SocketAddr,
    /// The headers that it was sent.
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for ForwardProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ForwardProxy {
    /// Lets everything through.
    pub async fn open(upstream: SocketAddr) -> ForwardProxy {
        ForwardProxy::start(upstream, None).await
    }

    /// Answers everything with this status.
    pub async fn refusing(status: &'static str) -> ForwardProxy {
        ForwardProxy::start(SocketAddr::from(([127, 0, 0, 1], 1)), Some(status)).await
    }

    async fn start(upstream: SocketAddr, status: Option<&'static str>) -> ForwardProxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let told = asked.clone();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, upstream, status, told.clone()));
            }
        });
        ForwardProxy {
            address,
            asked,
            serving,
        }
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(
    mut client: TcpStream,
    upstream: SocketAddr,
    status: Option<&'static str>,
    asked: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    asked.lock().unwrap().push(text.clone());
    if let Some(status) = status {
        let answer = format!(
            "HTTP/1.1 {status}\r\nProxy-Authenticate: Basic realm=\"corp\"\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        client.write_all(answer.as_bytes()).await.ok()?;
        return client.shutdown().await.ok();
    }
    let mut upstream = TcpStream::connect(upstream).await.ok()?;
    if text.starts_with("CONNECT ") {
        let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
        client.write_all(answer).await.ok()?;
    } else {
        // What names an authority is asked for its path.
        let (method, rest) = text.split_once(" http://")?;
        let (_, path) = rest.split_once('/')?;
        let head = format!("{method} /{path}");
        upstream.write_all(head.as_bytes()).await.ok()?;
    }
    copy_bidirectional(&mut client, &mut upstream).await.ok()?;
    None
}
