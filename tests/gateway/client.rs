//! A client that writes HTTP/1.1 byte by byte and reads answers strictly.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// No answer takes longer than this unless a test is broken.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One connection.
pub struct Conn {
    pub io: Box<dyn Io>,
    buffer: Vec<u8>,
}

/// One answer; names of headers in lower case.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The body ended where its framing said.
    pub complete: bool,
}

impl Reply {
    /// A field's value, empty where there is none.
    ///
    /// # Panics
    /// When it stands twice.
    pub fn header(&self, name: &str) -> &str {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} stands twice: {:?}", self.headers);
        values.first().copied().unwrap_or_default()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let of_name = self.headers.iter().filter(|(field, _)| field == name);
        of_name.map(|(_, value)| value.as_str()).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The error's code and message in an OCI error body; checks its form and the request id.
    pub fn oci_error(&self) -> (String, String) {
        let body: serde_json::Value = serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"));
        let error = &body["errors"][0];
        let id = error["detail"]["request_id"].as_str();
        assert_eq!(id, Some(self.header("x-request-id")), "{body}");
        assert_eq!(
            self.header("docker-distribution-api-version"),
            "registry/2.0"
        );
        let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
        (text("code"), text("message"))
    }
}

impl Conn {
    pub fn new(io: impl Io + 'static) -> Conn {
        Conn {
            io: Box::new(io),
            buffer: Vec::new(),
        }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.io.write_all(bytes.as_ref()).await?;
        self.io.flush().await
    }

    /// Writes a request and reads its answer.
    pub async fn ask(&mut self, request: impl AsRef<[u8]>) -> Reply {
        let request = request.as_ref();
        let head = request.starts_with(b"HEAD ");
        self.write(request).await.expect("write the request");
        if head {
            self.answer_to_head().await
        } else {
            self.answer().await
        }
    }

    /// Reads an answer, without interim ones before it.
    pub async fn answer(&mut self) -> Reply {
        self.read(false).await.expect("an answer")
    }

    pub async fn answer_to_head(&mut self) -> Reply {
        self.read(true).await.expect("an answer")
    }

    /// Reads an answer; an interim one (1xx) is an answer, too.
    ///
    /// # Errors
    /// When the connection ends before an answer's header is complete.
    pub async fn read(&mut self, to_head: bool) -> io::Result<Reply> {
        let reading = self.read_unbounded(to_head);
        let read = tokio::time::timeout(ANSWER_LIMIT, reading).await;
        read.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }

    async fn read_unbounded(&mut self, to_head: bool) -> io::Result<Reply> {
        let head = self.take_through(b"\r\n\r\n").await?;
        let head = String::from_utf8_lossy(&head).into_owned();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap_or_default();
        let malformed = || io::Error::other(format!("not an answer: {head:?}"));
        let status = status.strip_prefix("HTTP/1.1 ").ok_or_else(malformed)?;
        let status = status[..3].parse().map_err(|_| malformed())?;
        let mut reply = Reply {
            status,
            ..Reply::default()
        };
        for line in lines {
            let (name, value) = line.split_once(':').ok_or_else(malformed)?;
            reply
                .headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        if to_head || status < 200 || status == 204 || status == 304 {
            reply.complete = true;
            return Ok(reply);
        }
        match self.body(&reply).await {
            Ok(body) => {
                reply.body = body;
                reply.complete = true;
            }
            Err(partial) => reply.body = partial,
        }
        Ok(reply)
    }

    /// The body; what there is of it where it is cut.
    async fn body(&mut self, reply: &Reply) -> Result<Vec<u8>, Vec<u8>> {
        let length: Option<usize> = reply.header("content-length").parse().ok();
        if reply.header("transfer-encoding") == "chunked" {
            assert_eq!(length, None, "{reply:?}");
            let mut body = Vec::new();
            loop {
                let Ok(line) = self.take_through(b"\r\n").await else {
                    return Err(body);
                };
                let line = String::from_utf8_lossy(&line).into_owned();
                let size = line.trim_end().split(';').next().unwrap_or_default();
                let size = usize::from_str_radix(size, 16).expect("a chunk's size");
                if size == 0 {
                    while self.take_through(b"\r\n").await.map_err(|_| body.clone())? != b"\r\n" {}
                    return Ok(body);
                }
                match self.take(size + 2).await {
                    Ok(chunk) => body.extend_from_slice(&chunk[..size]),
                    Err(part) => {
                        body.extend_from_slice(&part);
                        return Err(body);
                    }
                }
            }
        }
        match length {
            Some(length) => self.take(length).await,
            None => {
                while matches!(self.fill().await, Ok(1..)) {}
                Ok(std::mem::take(&mut self.buffer))
            }
        }
    }

    async fn take(&mut self, count: usize) -> Result<Vec<u8>, Vec<u8>> {
        while self.buffer.len() < count {
            if !matches!(self.fill().await, Ok(1..)) {
                return Err(std::mem::take(&mut self.buffer));
            }
        }
        let rest = self.buffer.split_off(count);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    async fn take_through(&mut self, end: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let found = self.buffer.windows(end.len()).position(|w| w == end);
            if let Some(at) = found {
                let rest = self.buffer.split_off(at + end.len());
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        let mut piece = vec![0; 64 * 1024];
        let count = self.io.read(&mut piece).await?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// True when the gateway closes the connection without another byte within `limit`.
    pub async fn is_closed_within(&mut self, limit: Duration) -> bool {
        assert!(self.buffer.is_empty(), "unread: {:?}", self.buffer);
        match tokio::time::timeout(limit, self.fill()).await {
            Ok(Ok(0) | Err(_)) => true,
            Ok(Ok(_)) => panic!("bytes after the answer: {:?}", self.buffer),
            Err(_) => false,
        }
    }
}

/// A GET's or HEAD's bytes with these header lines.
pub fn get(path: &str, lines: &[&str]) -> Vec<u8> {
    request("GET", path, lines, b"")
}

/// A request's bytes. Host is added, framing is not.
pub fn request(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: hub.example.com\r\n");
    for line in lines {
        text.push_str(line);
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A request with a Content-Length.
pub fn with_length(method: &str, path: &str, lines: &[&str], body: &[u8]) -> Vec<u8> {
    let length = format!("Content-Length: {}", body.len());
    let mut all = lines.to_vec();
    all.push(&length);
    request(method, path, &all, body)
}
