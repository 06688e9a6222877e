//! The origin: writes down each request as RFC 9112 reads it, and answers with its target.

use crate::stage::{Served, serve};
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

#[derive(Clone, Debug)]
pub struct Seen {
    pub line: String,
    pub body: Vec<u8>,
}

#[derive(Default)]
struct Notes {
    seen: Vec<Seen>,
    strays: Vec<String>,
}

pub struct Recorder {
    served: Served,
    notes: Arc<Mutex<Notes>>,
}

impl Recorder {
    pub fn start() -> Recorder {
        let notes = Arc::new(Mutex::new(Notes::default()));
        let kept = notes.clone();
        let served = serve(move |stream| connection(&stream, &kept));
        Recorder { served, notes }
    }

    pub fn address(&self) -> SocketAddr {
        self.served.address
    }

    /// The requests whose line contains this.
    pub fn seen(&self, part: &str) -> Vec<Seen> {
        let notes = self.notes.lock().expect("the notes");
        let of_part = notes.seen.iter().filter(|seen| seen.line.contains(part));
        of_part.cloned().collect()
    }

    /// What came that is no request.
    pub fn strays(&self) -> Vec<String> {
        self.notes.lock().expect("the notes").strays.clone()
    }
}

/// Why a connection ends.
enum End {
    /// The other side left; in the middle of a request, that is none.
    Left,
    Stray(String),
}

fn connection(stream: &TcpStream, notes: &Mutex<Notes>) {
    let mut reader = BufReader::new(stream);
    loop {
        match request(&mut reader) {
            Ok(seen) => {
                let target = seen.line.split(' ').nth(1).unwrap_or_default().to_owned();
                let length = target.len();
                if target != "/api/v2.0/ping" {
                    notes.lock().expect("the notes").seen.push(seen);
                }
                let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{target}");
                let mut stream = stream;
                if stream.write_all(answer.as_bytes()).is_err() {
                    return;
                }
            }
            Err(End::Left) => return,
            Err(End::Stray(what)) => {
                notes.lock().expect("the notes").strays.push(what);
                return;
            }
        }
    }
}

fn line(reader: &mut impl BufRead) -> Result<String, End> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).map_err(|_| End::Left)?;
    if !line.ends_with(b"\n") {
        return Err(End::Left);
    }
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    match text.strip_suffix("\r\n") {
        Some(text) if !text.contains(['\r', '\n', '\0']) => Ok(text.to_owned()),
        _ => Err(End::Stray(format!("a line {text:?}"))),
    }
}

fn request(reader: &mut impl BufRead) -> Result<Seen, End> {
    let first = line(reader)?;
    let words: Vec<&str> = first.split(' ').collect();
    let is_request = words.len() == 3
        && words[0].bytes().all(|byte| byte.is_ascii_uppercase())
        && words[1].starts_with('/')
        && matches!(words[2], "HTTP/1.1" | "HTTP/1.0");
    if !is_request {
        return Err(End::Stray(format!("no request: {first:?}")));
    }
    let (mut lengths, mut codings) = (Vec::new(), Vec::new());
    loop {
        let field = line(reader)?;
        if field.is_empty() {
            break;
        }
        let Some((name, value)) = field.split_once(':') else {
            return Err(End::Stray(format!("{first}: no field: {field:?}")));
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim().to_owned()),
            "transfer-encoding" => codings.push(value.trim().to_ascii_lowercase()),
            name if name.is_empty() || name.trim() != name => {
                return Err(End::Stray(format!("{first}: no field: {field:?}")));
            }
            _ => {}
        }
    }
    let body = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Vec::new(),
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            let length = length.parse().map_err(|_| End::Stray(first.clone()))?;
            exactly(reader, length)?
        }
        ([], [coding]) if coding == "chunked" => chunks(reader)?,
        framing => return Err(End::Stray(format!("{first}: framed by {framing:?}"))),
    };
    Ok(Seen { line: first, body })
}

fn exactly(reader: &mut impl BufRead, count: usize) -> Result<Vec<u8>, End> {
    let mut bytes = vec![0; count];
    reader.read_exact(&mut bytes).map_err(|_| End::Left)?;
    Ok(bytes)
}

fn chunks(reader: &mut impl BufRead) -> Result<Vec<u8>, End> {
    let mut body = Vec::new();
    loop {
        let head = line(reader)?;
        let size = head.split(';').next().unwrap_or_default();
        let is_size = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(size) = is_size
            .then(|| usize::from_str_radix(size, 16).ok())
            .flatten()
        else {
            return Err(End::Stray(format!("no chunk: {head:?}")));
        };
        if size == 0 {
            while !line(reader)?.is_empty() {}
            return Ok(body);
        }
        body.extend(exactly(reader, size)?);
        let end = line(reader)?;
        if !end.is_empty() {
            return Err(End::Stray(format!("a chunk of {size} goes on: {end:?}")));
        }
    }
}
