//! The least of an HTTPS client that keeps its connection: to see which certificate is shown, and
//! what becomes of a connection that lives through a change.

use crate::world::World;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that speaks HTTP/1.1 in TLS.
pub struct Https {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    host: String,
}

pub struct Reply {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(each, _)| each == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Https {
    /// Shakes hands.
    pub fn connect(world: &World, address: SocketAddr, host: &str) -> io::Result<Https> {
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(world.ca.bundle()).expect("the authority") {
            roots.add(root.expect("a certificate")).expect("a root");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned()).expect("a host's name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a TLS client");
        let mut socket = TcpStream::connect(address)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_nodelay(true)?;
        tls.complete_io(&mut socket)?;
        Ok(Https {
            stream: BufReader::new(StreamOwned::new(tls, socket)),
            host: host.to_owned(),
        })
    }

    /// The certificate that the gateway showed.
    pub fn certificate(&self) -> Vec<u8> {
        let shown = self.stream.get_ref().conn.peer_certificates();
        let first = shown.and_then(|chain| chain.first());
        first.expect("a certificate").as_ref().to_vec()
    }

    /// Sends a request's header, and this much of its content.
    pub fn begin(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        content: &[u8],
    ) -> io::Result<()> {
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for line in headers {
            head.push_str(line);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(content);
        self.send(&bytes)
    }

    /// More of a request's content.
    pub fn send(&mut self, content: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(content)?;
        stream.flush()
    }

    /// The next answer.
    pub fn reply(&mut self, method: &str) -> io::Result<Reply> {
        let status = self.line()?;
        let status = status.split(' ').nth(1).and_then(|word| word.parse().ok());
        let status = status.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let is_empty = method == "HEAD" || matches!(status, 204 | 304);
        if is_empty {
            return Ok(reply);
        }
        if reply.header("transfer-encoding").is_some() {
            loop {
                let size = usize::from_str_radix(self.line()?.trim(), 16);
                let size = size.map_err(|_| io::ErrorKind::InvalidData)?;
                let mut chunk = vec![0; size + 2];
                self.stream.read_exact(&mut chunk)?;
                if size == 0 {
                    return Ok(reply);
                }
                reply.body.extend_from_slice(&chunk[..size]);
            }
        }
        let length = reply.header("content-length").map(str::parse);
        let length = length.and_then(Result::ok).unwrap_or(0);
        reply.body = vec![0; length];
        self.stream.read_exact(&mut reply.body)?;
        Ok(reply)
    }

    /// A request with its whole content, and its answer.
    pub fn ask(
        &mut self,
        method: &str,
        target: &str,
        headers: &[&str],
        content: &[u8],
    ) -> io::Result<Reply> {
        let length = format!("Content-Length: {}", content.len());
        let mut all = headers.to_vec();
        if !content.is_empty() || method != "GET" {
            all.push(&length);
        }
        self.begin(method, target, &all, content)?;
        self.reply(method)
    }

    /// Whether the other side ends the connection within the time that an answer may take.
    pub fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    }
}
