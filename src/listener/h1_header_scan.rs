//! Counts the fields and bytes of an incomplete HTTP/1.1 header. Pingora reads headers of up to 1 MiB
//! and parses them again from the start after each piece, so a client that sends single bytes could
//! keep a core busy. Pure; Pingora parses the header's content.

/// Pingora itself answers more fields than this, with an empty 400.
const PARSED_FIELDS: usize = 256;

/// How large a header may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HeaderLimits {
    pub(super) fields: usize,
    pub(super) bytes: u64,
}

/// The verdict on the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanVerdict {
    /// A part of a header, or a whole one that Pingora can parse: the gateway's hooks judge the request.
    Acceptable,
    TooLarge,
}

/// One header while it arrives.
#[derive(Debug, Default)]
pub(super) struct HeaderScan {
    bytes: u64,
    fields: usize,
    /// Bytes of the line that has not ended.
    line: usize,
    /// The last of them.
    last: u8,
    request_line: bool,
    complete: bool,
}

impl HeaderScan {
    /// Scans the next piece. Bytes behind the header's end are ignored.
    pub(super) fn take(&mut self, piece: &[u8], limits: HeaderLimits) -> ScanVerdict {
        let mut rest = piece;
        while let (false, Some(end)) = (self.complete, memchr::memchr(b'\n', rest)) {
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            self.extend(line);
            self.end_line();
            self.bytes += 1;
            rest = after;
        }
        if !self.complete {
            self.extend(rest);
        }
        // The hooks answer a complete header: only they know its registry and its client.
        let is_over = self.bytes > limits.bytes || self.fields > limits.fields;
        if self.fields > PARSED_FIELDS || (is_over && !self.complete) {
            ScanVerdict::TooLarge
        } else {
            ScanVerdict::Acceptable
        }
    }

    /// Where the header ends, once that has come; its first byte may be of an empty line.
    pub(super) fn end(&self) -> Option<usize> {
        let end = self.complete.then_some(self.bytes)?;
        usize::try_from(end).ok()
    }

    pub(super) fn has_request_line(&self) -> bool {
        self.request_line
    }

    fn extend(&mut self, part: &[u8]) {
        self.bytes += part.len() as u64;
        self.line += part.len();
        self.last = part.last().copied().unwrap_or(self.last);
    }

    /// Empty lines before the request are skipped (RFC 9112, 2.2).
    fn end_line(&mut self) {
        let is_empty = self.line == 0 || (self.line == 1 && self.last == b'\r');
        match (self.request_line, is_empty) {
            (false, true) => {}
            (false, false) => self.request_line = true,
            (true, true) => self.complete = true,
            (true, false) => self.fields += 1,
        }
        self.line = 0;
    }
}

/// Whether these bytes can be the beginning of a request; where the first line has ended, whether it
/// can be a request's line. A client of another protocol is not let wait for its header's end.
pub(super) fn may_be_a_request(beginning: &[u8]) -> bool {
    let beginning = beginning.trim_ascii_start();
    let end = memchr::memchr(b'\n', beginning);
    let line = &beginning[..end.unwrap_or(beginning.len())];
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let is_ended = end.is_some();
    method.iter().copied().all(is_token) && (!is_ended || names_a_version(line.trim_ascii_end()))
}

/// What a method may have (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn names_a_version(line: &[u8]) -> bool {
    let last = line.rsplit(|byte| *byte == b' ').next();
    last.is_some_and(|last| last.starts_with(b"HTTP/") && last.len() < line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_protocol_is_told_by_its_first_bytes() {
        for (beginning, may_be) in [
            (&b""[..], true),
            (b"G", true),
            (b"GET / HT", true),
            (b"\r\nGET / HTTP/1.1\r\nHost: a", true),
            (b"GET /a b HTTP/1.0\n", true),
            (b"\x16\x03\x01\x02\x00", false),
            (b"GET /\r\n", false),
            (b"HTTP/1.1\r\n", false),
            (b"SSH-2.0-OpenSSH_9.2\r\n", false),
            (b"G(T / HTTP/1.1\r\n", false),
        ] {
            assert_eq!(may_be_a_request(beginning), may_be, "{beginning:?}");
        }
    }

    #[test]
    fn the_end_is_where_the_body_begins() {
        for (text, end) in [
            ("PUT / HTTP/1.1\r\na: b\r\n\r\nbody", Some(24)),
            ("\r\nPUT / HTTP/1.1\na: b\n\nbody", Some(23)),
            ("PUT / HTTP/1.1\r\na: b\r\n", None),
        ] {
            let mut header = HeaderScan::default();
            header.take(text.as_bytes(), LIMITS);
            assert_eq!(header.end(), end, "{text:?}");
        }
    }

    const LIMITS: HeaderLimits = HeaderLimits {
        fields: 3,
        bytes: 60,
    };

    /// What is seen of `text` whole, and of it in pieces of one byte.
    fn seen(text: &str) -> (ScanVerdict, ScanVerdict) {
        let whole = HeaderScan::default().take(text.as_bytes(), LIMITS);
        let mut header = HeaderScan::default();
        let mut pieces = text.as_bytes().chunks(1);
        let dripped = pieces.find(|piece| header.take(piece, LIMITS) == ScanVerdict::TooLarge);
        let dripped = dripped.map_or(ScanVerdict::Acceptable, |_| ScanVerdict::TooLarge);
        (whole, dripped)
    }

    #[test]
    fn a_header_is_measured_until_it_ends() {
        use ScanVerdict::{Acceptable, TooLarge};
        let long = format!("GET / HTTP/1.1\r\na: {}", "x".repeat(60));
        let many = "a:\r\n".repeat(300);
        for (name, text, whole, dripped) in [
            ("nothing", "", Acceptable, Acceptable),
            ("a part", "GET / HTTP/1.1\r\na: b", Acceptable, Acceptable),
            (
                "three fields",
                "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\n\r\n",
                Acceptable,
                Acceptable,
            ),
            (
                "bare line feeds",
                "GET / HTTP/1.1\na:\nb:\nc:\n\n",
                Acceptable,
                Acceptable,
            ),
            // Told apart by the gateway, unless it comes in pieces.
            (
                "four fields",
                "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n",
                Acceptable,
                TooLarge,
            ),
            (
                "four and more",
                "GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n",
                TooLarge,
                TooLarge,
            ),
            ("no end", &long, TooLarge, TooLarge),
            ("an end", &format!("{long}\r\n\r\n"), Acceptable, TooLarge),
            (
                "too many to parse",
                &format!("GET / HTTP/1.1\r\n{many}\r\n"),
                TooLarge,
                TooLarge,
            ),
            (
                "a body",
                &format!("PUT / HTTP/1.1\r\n\r\n{many}"),
                Acceptable,
                Acceptable,
            ),
            (
                "empty lines first",
                "\r\n\r\nGET / HTTP/1.1\r\na:\r\n\r\n",
                Acceptable,
                Acceptable,
            ),
            ("only empty lines", &"\r\n".repeat(40), TooLarge, TooLarge),
        ] {
            assert_eq!(seen(text), (whole, dripped), "{name}");
        }
    }
}
