//! A connection through a forward proxy: CONNECT (RFC 9110, 9.3.6), on a connection that is there.

use super::connect::io_trouble;
use crate::doctor::proxies::ProxyLogin;
use crate::doctor::trace::Trouble;
use crate::oci::token::basic_credentials;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use zeroize::Zeroizing;

/// A proxy connects in this time, or gives up itself.
const ANSWER: Duration = Duration::from_secs(30);

/// Of an answer's header.
const MOST_HEADER: usize = 16 * 1024;

/// How a request gets past the proxy whose address it is sent to.
#[derive(Clone, Debug)]
pub(crate) struct ProxyPassage {
    /// `host:port` of whom it is for.
    pub(crate) authority: String,
    pub(crate) authorization: Option<ProxyAuthorization>,
}

/// The value of Proxy-Authorization.
#[derive(Clone)]
pub(crate) struct ProxyAuthorization(Zeroizing<String>);

impl ProxyAuthorization {
    pub(crate) fn basic(login: &ProxyLogin) -> ProxyAuthorization {
        ProxyAuthorization(basic_credentials(&login.user, &login.password))
    }

    pub(super) fn value(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ProxyAuthorization {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProxyAuthorization")
    }
}

/// Makes the connection one to whom the passage is for.
pub(super) async fn open(stream: TcpStream, passage: &ProxyPassage) -> Result<TcpStream, Trouble> {
    match timeout(ANSWER, connect(stream, passage)).await {
        Ok(opened) => opened,
        Err(_) => Err(Trouble::TimedOut(ANSWER)),
    }
}

async fn connect(mut stream: TcpStream, passage: &ProxyPassage) -> Result<TcpStream, Trouble> {
    let cut = |error: std::io::Error| io_trouble(&error).unwrap_or(Trouble::Cut);
    let authority = &passage.authority;
    let mut request = Zeroizing::new(format!(
        "CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
    ));
    if let Some(authorization) = &passage.authorization {
        request.push_str("Proxy-Authorization: ");
        request.push_str(authorization.value());
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(cut)?;
    let mut header = Vec::new();
    // One byte at a time: what follows is the other side's.
    while !header.ends_with(b"\r\n\r\n") {
        if header.len() == MOST_HEADER {
            return Err(Trouble::NotHttp("the proxy's answer has no end".to_owned()));
        }
        header.push(stream.read_u8().await.map_err(cut)?);
    }
    match status(&header) {
        None => Err(Trouble::NotHttp(
            "the proxy's answer has no status".to_owned(),
        )),
        Some(("2", _)) => Ok(stream),
        Some((_, status)) => Err(Trouble::ProxyRefused(status)),
    }
}

/// The first digit of a status, and all of it with its words.
fn status(header: &[u8]) -> Option<(&str, String)> {
    let line = header.split(|byte| *byte == b'\r').next()?;
    let (version, status) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let digits = status.get(..3)?;
    let is_status = version.starts_with("HTTP/1.") && digits.bytes().all(|b| b.is_ascii_digit());
    is_status.then(|| (&digits[..1], status.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_its_words() {
        for (header, expected) in [
            (
                "HTTP/1.1 200 Connection established\r\n\r\n",
                Some(("2", "200 Connection established")),
            ),
            ("HTTP/1.0 200\r\n\r\n", Some(("2", "200"))),
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\nA: b\r\n\r\n",
                Some(("4", "407 Proxy Authentication Required")),
            ),
            ("HTTP/1.1 20\r\n\r\n", None),
            ("SSH-2.0-x 200 y\r\n\r\n", None),
            ("\r\n\r\n", None),
        ] {
            let read = status(header.as_bytes());
            let read = read.as_ref().map(|(class, words)| (*class, words.as_str()));
            assert_eq!(read, expected, "{header}");
        }
    }
}
