//! The smallest HTTP client that hides nothing: one connection a request.

use bytes::Bytes;
use harbormouth::testing::fake_harbor::FakeHarbor;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;

pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The content ended before its time.
    pub cut: bool,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub fn cookies(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|value| value.to_str().unwrap())
    }
}

pub fn request(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(target);
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        request = request.header("host", "hub.example.com");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request
        .body(Full::new(Bytes::copy_from_slice(body)))
        .unwrap()
}

pub async fn exchange<B>(fake_harbor: &FakeHarbor, request: Request<B>) -> Reply
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let asked = format!("{} {}", request.method(), request.uri());
    match try_exchange(fake_harbor, request).await {
        Ok(reply) => reply,
        Err(error) => panic!("{asked}: {error:?}"),
    }
}

pub async fn try_exchange<B>(
    fake_harbor: &FakeHarbor,
    request: Request<B>,
) -> Result<Reply, hyper::Error>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    send(fake_harbor.address(), request).await
}

pub async fn send<B>(address: SocketAddr, request: Request<B>) -> Result<Reply, hyper::Error>
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (head, mut content) = response.into_parts();
    let mut body = Vec::new();
    let mut cut = false;
    while let Some(frame) = content.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => body.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => {
                cut = true;
                break;
            }
        }
    }
    connection.abort();
    Ok(Reply {
        status: head.status.as_u16(),
        headers: head.headers,
        body: body.into(),
        cut,
    })
}

pub fn basic(name: &str, password: &str) -> String {
    use base64::Engine;
    let pair = format!("{name}:{password}");
    format!(
        "Basic {}",
        base64::engine::general_purpose::STANDARD.encode(pair)
    )
}

/// `Bearer …` for some scopes, space-separated; no name is an anonymous token.
pub async fn bearer(fake_harbor: &FakeHarbor, name: &str, password: &str, scope: &str) -> String {
    let mut target = "/service/token?service=harbor-registry".to_owned();
    for scope in scope.split(' ').filter(|scope| !scope.is_empty()) {
        target.push_str(&format!("&scope={scope}"));
    }
    let credentials = basic(name, password);
    let headers: &[(&str, &str)] = match name {
        "" => &[],
        _ => &[("authorization", &credentials)],
    };
    let reply = exchange(fake_harbor, request("GET", &target, headers, b"")).await;
    assert_eq!(reply.status, 200, "{target}");
    let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    format!("Bearer {}", body["token"].as_str().unwrap())
}

/// Alice's token for pushes to `lab/app`.
pub async fn alices_bearer(fake_harbor: &FakeHarbor) -> String {
    let scope = "repository:lab/app:pull,push";
    bearer(fake_harbor, "alice", "Alice12345", scope).await
}

/// Polls until it is so; gives up after ten seconds.
pub async fn until(mut so: impl FnMut() -> bool) {
    let look = || so().then_some(());
    crate::wait::until_async(Duration::from_secs(10), look, || "it to be so".to_owned()).await;
}
