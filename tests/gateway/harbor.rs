//! Harbor's side of the connection: parses requests as strictly as a server may, keeps them, and sends
//! the bytes of a test at the test's times.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Got {
    pub connection: usize,
    /// Request line and header, without the empty line.
    pub head: String,
    pub body: Vec<u8>,
    pub end: BodyEnd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEnd {
    /// Not read to its end.
    Open,
    Complete,
    /// The connection ended first.
    Cut,
}

impl Got {
    pub fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }

    /// The values of a field, whatever its case, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1);
        lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// A field's value, empty where there is none.
    ///
    /// # Panics
    /// When it stands twice.
    pub fn header(&self, name: &str) -> &str {
        let values = self.all(name);
        assert!(values.len() < 2, "{name} stands twice: {}", self.head);
        values.first().copied().unwrap_or_default()
    }
}

/// What Harbor does with one request.
#[derive(Clone, Debug)]
pub struct Plan {
    read: Read,
    /// Between two reads of the body.
    pace: Duration,
    /// Silence before the answer.
    pause: Duration,
    say: Vec<u8>,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    All,
    /// So many bytes of the body, and the answer then, whether more comes or not.
    First(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The rest of the body is read, and the next request after it.
    Next,
    /// Nothing more is read, and the connection stays open.
    Deaf,
    Close,
    Reset,
}

impl Plan {
    /// Reads the whole request, then says this.
    pub fn say(bytes: impl Into<Vec<u8>>) -> Plan {
        Plan {
            read: Read::All,
            pace: Duration::ZERO,
            pause: Duration::ZERO,
            say: bytes.into(),
            then: Then::Next,
        }
    }

    /// 200 with this body.
    pub fn ok(body: &str) -> Plan {
        Plan::status("200 OK", "", body)
    }

    /// This status with header lines (each with its end) and a body.
    pub fn status(status: &str, lines: &str, body: &str) -> Plan {
        Plan::say(format!(
            "HTTP/1.1 {status}\r\n{lines}Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Answers once `count` bytes of the body were read.
    pub fn after(self, count: usize) -> Plan {
        let read = Read::First(count);
        Plan { read, ..self }
    }

    /// Waits so long after each read of a body.
    pub fn pace(self, pace: Duration) -> Plan {
        Plan { pace, ..self }
    }

    pub fn pause(self, pause: Duration) -> Plan {
        Plan { pause, ..self }
    }

    /// Reads nothing more and keeps the connection open.
    pub fn then_deaf(self) -> Plan {
        let then = Then::Deaf;
        Plan { then, ..self }
    }

    pub fn then_close(self) -> Plan {
        let then = Then::Close;
        Plan { then, ..self }
    }

    pub fn then_reset(self) -> Plan {
        let then = Then::Reset;
        Plan { then, ..self }
    }
}

type Script = dyn Fn(&Got) -> Plan + Send + Sync;

#[derive(Default)]
struct Notes {
    got: Vec<Got>,
    violations: Vec<String>,
}

/// A scripted Harbor; dropping it closes everything.
pub struct Harbor {
    pub address: SocketAddr,
    notes: Arc<Mutex<Notes>>,
    task: JoinHandle<()>,
}

impl Drop for Harbor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Harbor {
    /// Does as `script` says for each request but the health probe's, which gets 200, and the one
    /// that proves a credential (see `push::prove`), which gets 202; neither is kept. The script
    /// sees a request before its body.
    pub async fn start(script: impl Fn(&Got) -> Plan + Send + Sync + 'static) -> Harbor {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        Harbor::on(socket, script)
    }

    /// Answers everything with 200.
    pub async fn content() -> Harbor {
        Harbor::start(|_| Plan::ok("fine")).await
    }

    pub fn on(
        socket: TcpListener,
        script: impl Fn(&Got) -> Plan + Send + Sync + 'static,
    ) -> Harbor {
        let address = socket.local_addr().expect("its address");
        let notes = Arc::new(Mutex::new(Notes::default()));
        let script: Arc<Script> = Arc::new(script);
        let kept = notes.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let Ok((stream, _)) = socket.accept().await else {
                    return;
                };
                let wire = Wire {
                    stream,
                    buffer: Vec::new(),
                    number,
                    notes: kept.clone(),
                };
                connections.spawn(wire.serve(script.clone()));
            }
        });
        Harbor {
            address,
            notes,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What arrived so far. Fails when anything arrived that is no HTTP.
    pub fn got(&self) -> Vec<Got> {
        let notes = self.notes.lock().expect("the notes");
        assert!(
            notes.violations.is_empty(),
            "malformed requests: {:#?}",
            notes.violations
        );
        notes.got.clone()
    }

    /// Requests whose line contains `part`.
    pub fn got_with(&self, part: &str) -> Vec<Got> {
        let got = self.got();
        got.into_iter()
            .filter(|got| got.line().contains(part))
            .collect()
    }
}

struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
    number: usize,
    notes: Arc<Mutex<Notes>>,
}

enum Framing {
    Length(usize),
    Chunked,
}

/// The connection is over.
struct Over;

impl Wire {
    async fn serve(mut self, script: Arc<Script>) {
        // Nobody to tell: what there was is in the notes.
        let _ = self.requests(&*script).await;
    }

    async fn requests(&mut self, script: &Script) -> Result<(), Over> {
        loop {
            let head = self.head().await?;
            let framing = self.framing(&head)?;
            let mut body = Body::new(framing);
            let got = Got {
                connection: self.number,
                head,
                body: Vec::new(),
                end: if body.done {
                    BodyEnd::Complete
                } else {
                    BodyEnd::Open
                },
            };
            if got.line().contains(" /api/v2.0/ping ") && got.header("connection") == "close" {
                let said = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                let _ = self.stream.write_all(said).await;
                return Err(Over);
            }
            if got.line().starts_with("POST /v2/proof/") {
                let said = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
                self.stream.write_all(said).await.map_err(|_| Over)?;
                continue;
            }
            let plan = script(&got);
            let index = {
                let mut notes = self.notes.lock().expect("the notes");
                notes.got.push(got);
                notes.got.len() - 1
            };
            match plan.read {
                Read::All => {
                    while self.piece(&mut body, index).await? {
                        if !plan.pace.is_zero() {
                            tokio::time::sleep(plan.pace).await;
                        }
                    }
                }
                Read::First(count) => {
                    while body.read < count && self.piece(&mut body, index).await? {}
                }
            }
            if !self.buffer.is_empty() && body.done {
                self.violation("bytes before the answer");
                return Err(Over);
            }
            tokio::time::sleep(plan.pause).await;
            self.stream.write_all(&plan.say).await.map_err(|_| Over)?;
            match plan.then {
                Then::Next => while self.piece(&mut body, index).await? {},
                Then::Deaf => std::future::pending().await,
                Then::Close => {
                    let _ = self.stream.shutdown().await;
                    // As Go's server: the answer gets half a second before the reset.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    return Err(Over);
                }
                Then::Reset => {
                    let socket = socket2::SockRef::from(&self.stream);
                    let _ = socket.set_linger(Some(Duration::ZERO));
                    return Err(Over);
                }
            }
        }
    }

    /// Reads a part of the body; false at its end.
    async fn piece(&mut self, body: &mut Body, index: usize) -> Result<bool, Over> {
        if body.done {
            return Ok(false);
        }
        let piece = match body.framing {
            Framing::Length(length) => {
                let left = length - body.read;
                if left > 0 && self.buffer.is_empty() {
                    self.fill_body(index).await?;
                }
                let count = left.min(self.buffer.len());
                body.done = count == left;
                self.buffer.drain(..count).collect::<Vec<u8>>()
            }
            Framing::Chunked => {
                let line = self.line_of_body(index).await?;
                let size = line.split(';').next().unwrap_or_default().to_owned();
                let Ok(size) = usize::from_str_radix(&size, 16) else {
                    self.violation(&format!("no chunk: {line:?}"));
                    return Err(Over);
                };
                if size == 0 {
                    while !self.line_of_body(index).await?.is_empty() {}
                    body.done = true;
                    Vec::new()
                } else {
                    while self.buffer.len() < size + 2 {
                        self.fill_body(index).await?;
                    }
                    let mut chunk: Vec<u8> = self.buffer.drain(..size + 2).collect();
                    if !chunk.ends_with(b"\r\n") {
                        self.violation("a chunk without its end");
                        return Err(Over);
                    }
                    chunk.truncate(size);
                    chunk
                }
            }
        };
        body.read += piece.len();
        let mut notes = self.notes.lock().expect("the notes");
        let got = &mut notes.got[index];
        // Large bodies are counted by the tests that send them, not kept.
        got.body
            .extend_from_slice(&piece[..piece.len().min(KEPT.saturating_sub(got.body.len()))]);
        if body.done {
            got.end = BodyEnd::Complete;
        }
        Ok(!body.done)
    }

    async fn line_of_body(&mut self, index: usize) -> Result<String, Over> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|w| w == b"\r\n") {
                let line: Vec<u8> = self.buffer.drain(..at + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..at]).into_owned());
            }
            self.fill_body(index).await?;
        }
    }

    async fn fill_body(&mut self, index: usize) -> Result<(), Over> {
        let filled = self.fill().await;
        if filled.is_err() {
            self.notes.lock().expect("the notes").got[index].end = BodyEnd::Cut;
        }
        filled
    }

    async fn head(&mut self) -> Result<String, Over> {
        loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = self.buffer.drain(..at + 4).collect();
                let head = String::from_utf8_lossy(&head[..at]).into_owned();
                let line = head.split("\r\n").next().unwrap_or_default();
                let words: Vec<&str> = line.split(' ').collect();
                let sound = words.len() == 3
                    && words[0].bytes().all(|byte| byte.is_ascii_uppercase())
                    && words[1].starts_with('/')
                    && words[2] == "HTTP/1.1";
                if !sound {
                    self.violation(&format!("no request: {head:?}"));
                    return Err(Over);
                }
                return Ok(head);
            }
            if self.fill().await.is_err() {
                if !self.buffer.is_empty() {
                    let stray = String::from_utf8_lossy(&self.buffer).into_owned();
                    self.violation(&format!("stray bytes: {stray:?}"));
                }
                return Err(Over);
            }
        }
    }

    fn framing(&self, head: &str) -> Result<Framing, Over> {
        let values = |name: &str| -> Vec<String> {
            head.split("\r\n")
                .filter_map(|line| line.split_once(':'))
                .filter(|(field, _)| field.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
                .collect()
        };
        let (lengths, codings) = (values("content-length"), values("transfer-encoding"));
        match (lengths.as_slice(), codings.as_slice()) {
            ([], []) => Ok(Framing::Length(0)),
            ([length], []) => match length.parse() {
                Ok(length) => Ok(Framing::Length(length)),
                Err(_) => {
                    self.violation(&format!("length {length:?}"));
                    Err(Over)
                }
            },
            ([], [coding]) if coding == "chunked" => Ok(Framing::Chunked),
            _ => {
                self.violation(&format!("framing: {head}"));
                Err(Over)
            }
        }
    }

    fn violation(&self, what: &str) {
        let mut notes = self.notes.lock().expect("the notes");
        notes
            .violations
            .push(format!("connection {}: {what}", self.number));
    }

    async fn fill(&mut self) -> Result<(), Over> {
        let mut piece = vec![0; 256 * 1024];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => Err(Over),
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Ok(())
            }
        }
    }
}

/// How much of a body is kept.
pub const KEPT: usize = 1 << 20;

struct Body {
    framing: Framing,
    read: usize,
    done: bool,
}

impl Body {
    fn new(framing: Framing) -> Body {
        Body {
            done: matches!(framing, Framing::Length(0)),
            framing,
            read: 0,
        }
    }
}
