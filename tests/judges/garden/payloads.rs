//! The classes of payloads by which the HTTP Garden found bugs in servers and proxies, and a few
//! of the same kind.
//!
//! `EVIL` marks bytes that are not a request but that a wrong parser takes for one: within a body, or
//! after a request that has to be refused.

use crate::stage::HUB;

/// What the origin may have seen, if it has seen anything.
#[derive(Clone, Copy, Debug)]
pub enum Wanted {
    Nothing,
    /// This method at the target, with this body if that is certain.
    Once(&'static str, Option<&'static [u8]>),
}

pub struct Payload {
    pub name: &'static str,
    /// `TARGET`, `HOST` and `EVIL` are filled in.
    text: Vec<u8>,
    pub wanted: Wanted,
}

/// What all targets of a payload have in common.
pub fn prefix(number: usize) -> String {
    format!("/v2/garden{number}/")
}

/// What the payload asks for.
pub fn target(number: usize) -> String {
    format!("{}asked", prefix(number))
}

impl Payload {
    pub fn bytes(&self, number: usize) -> Vec<u8> {
        // As long as the sizes in the table say.
        let evil = format!("GET {}evil HTTP/1.1\r\nHost: a\r\n\r\n", prefix(number));
        let text = evil;
        let length = text.len().to_string();
        let chunk = format!("{:x}", text.len() + 5);
        [
            ("TARGET", target(number)),
            ("HOST", HUB.to_owned()),
            ("LENGTH", length),
            ("CHUNK", chunk),
            ("EVIL", text),
        ]
        .iter()
        .fold(self.text.clone(), |bytes, (from, to)| {
            replace(&bytes, from.as_bytes(), to.as_bytes())
        })
    }
}

fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|part| part == from) {
        out.extend(&rest[..at]);
        out.extend(to);
        rest = &rest[at + from.len()..];
    }
    out.extend(rest);
    out
}

/// A request with these lines after Host, and this after the header.
fn with(name: &'static str, method: &str, lines: &[u8], body: &[u8], wanted: Wanted) -> Payload {
    let head = format!("{method} TARGET HTTP/1.1\r\nHost: HOST\r\n");
    Payload {
        name,
        text: [head.as_bytes(), lines, b"\r\n", body].concat(),
        wanted,
    }
}

pub fn all() -> Vec<Payload> {
    [
        chunk_sizes(),
        chunk_lines(),
        lengths(),
        codings(),
        both(),
        request_lines(),
        fields(),
        connections(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const HELLO: Wanted = Wanted::Once("POST", Some(b"hello"));
const NOTHING: Wanted = Wanted::Nothing;

fn chunk_sizes() -> Vec<Payload> {
    let sized = |name, size: &str, wanted| {
        let body = format!("{size}\r\nhello\r\n0\r\n\r\n");
        with(
            name,
            "POST",
            b"Transfer-Encoding: chunked\r\n",
            body.as_bytes(),
            wanted,
        )
    };
    vec![
        sized("chunk size: right", "5", HELLO),
        sized("chunk size: zeros in front", "0005", HELLO),
        sized("chunk size: 17 digits", "00000000000000005", HELLO),
        sized("chunk size: underscore", "0_5", NOTHING),
        sized("chunk size: 0x", "0x5", NOTHING),
        sized("chunk size: plus", "+5", NOTHING),
        sized("chunk size: minus", "-5", NOTHING),
        sized("chunk size: minus 0x0", "-0x0", NOTHING),
        sized("chunk size: space in front", "     5", NOTHING),
        sized("chunk size: letters behind", "5ZZ", NOTHING),
        sized("chunk size: no digit", "ZZ", NOTHING),
        sized("chunk size: empty", "", NOTHING),
        sized("chunk size: 64 bits and more", "10000000000000005", NOTHING),
        sized("chunk size: 32 bits and more", "100000005", NOTHING),
        sized("chunk size: NUL behind", "5\0", NOTHING),
        sized("chunk extension: right", "5;a=b", HELLO),
        sized("chunk extension: quoted", "5;a=\"b\"", HELLO),
        sized("chunk extension: CR in it", "5;a\rb", NOTHING),
        sized("chunk extension: CR before it", "5\r\r;a", NOTHING),
        sized(
            "chunk extension: LF in it",
            "5;\nhello\r\n0\r\n\r\n",
            NOTHING,
        ),
    ]
}

fn chunk_lines() -> Vec<Payload> {
    let chunked = |name, body: &[u8], wanted| {
        with(
            name,
            "POST",
            b"Transfer-Encoding: chunked\r\n",
            body,
            wanted,
        )
    };
    vec![
        chunked(
            "chunk: two bytes for its end",
            b"5\r\nhelloXX0\r\n\r\nEVIL",
            NOTHING,
        ),
        chunked("chunk: LF for its end", b"5\r\nhello\n0\r\n\r\n", NOTHING),
        chunked(
            "chunk: LF after its size",
            b"5\nhello\r\n0\r\n\r\n",
            NOTHING,
        ),
        chunked(
            "chunk: CR after its size",
            b"5\r\rhello\r\n0\r\n\r\nEVIL",
            NOTHING,
        ),
        chunked(
            "chunk: longer than its size",
            b"2\r\nhello\r\n0\r\n\r\nEVIL",
            NOTHING,
        ),
        chunked(
            "chunk: no chunk, then a request",
            b"NO CHUNK\r\nEVIL",
            NOTHING,
        ),
        chunked(
            "chunk: a line more before the last",
            b"5\r\nhello\r\n\r\n0\r\n\r\n",
            NOTHING,
        ),
        chunked(
            "chunk: a request in it",
            b"CHUNK\r\n0\r\n\r\nEVIL\r\n0\r\n\r\n",
            Wanted::Once("POST", None),
        ),
        chunked("last chunk: LF only", b"0\n\n", NOTHING),
        chunked("last chunk: two bytes for its end", b"0\r\nXXEVIL", NOTHING),
        chunked(
            "last chunk: a request for a trailer",
            b"0\r\nX:EVIL",
            Wanted::Once("POST", Some(b"")),
        ),
        chunked(
            "trailer: right",
            b"5\r\nhello\r\n0\r\nX-A: b\r\n\r\n",
            HELLO,
        ),
        chunked(
            "trailer: a length",
            b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n",
            HELLO,
        ),
        chunked(
            "trailer: no field",
            b"5\r\nhello\r\n0\r\nno field\r\n\r\n",
            HELLO,
        ),
    ]
}

fn lengths() -> Vec<Payload> {
    let sized = |name, length: &[u8], wanted| {
        let line = [b"Content-Length:", length, b"\r\n"].concat();
        with(name, "POST", &line, b"0123456789", wanted)
    };
    let ten = Wanted::Once("POST", Some(b"0123456789"));
    vec![
        sized("length: right", b" 10", ten),
        sized("length: zero in front", b" 010", ten),
        sized("length: plus", b" +10", NOTHING),
        sized("length: minus", b" -10", NOTHING),
        sized("length: 0x", b" 0x10", NOTHING),
        sized("length: underscore", b" 1_0", NOTHING),
        sized("length: letters behind", b" 10Z", NOTHING),
        sized("length: space in it", b" 1 0", NOTHING),
        sized("length: empty", b" ", NOTHING),
        sized(
            "length: more than 64 bits",
            b" 18446744073709551626",
            NOTHING,
        ),
        sized("length: the same twice", b" 10, 10", ten),
        sized("length: two in a list", b" 10, 1", NOTHING),
        sized("length: no-break space", b" \xa010", NOTHING),
        sized("length: next line behind", b" 10\x85", NOTHING),
        sized("length: NUL behind", b" 10\0", NOTHING),
        sized("length: vertical tab", b" \x0b10", NOTHING),
        with(
            "length: two fields, small first",
            "POST",
            b"Content-Length: 0\r\nContent-Length: LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: two fields, small last",
            "POST",
            b"Content-Length: LENGTH\r\nContent-Length: 0\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: two fields, empty first",
            "POST",
            b"Content-Length: \r\nContent-Length: LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: two equal fields",
            "POST",
            b"Content-Length: 5\r\nContent-Length: 5\r\n",
            b"hello",
            HELLO,
        ),
        with(
            "length: of a GET",
            "GET",
            b"Content-Length: LENGTH\r\n",
            b"EVIL",
            Wanted::Once("GET", None),
        ),
        with(
            "length: of a HEAD",
            "HEAD",
            b"Content-Length: LENGTH\r\n",
            b"EVIL",
            Wanted::Once("HEAD", None),
        ),
        with(
            "length: space before the colon",
            "POST",
            b"Content-Length : LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: no colon",
            "POST",
            b"Content-Length LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: next line before the colon",
            "POST",
            b"Content-Length\x85: LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: name on two lines",
            "POST",
            b"Content-\r\nLength: LENGTH\r\n",
            b"EVIL",
            NOTHING,
        ),
        with(
            "length: value on the next line",
            "POST",
            b"Content-Length:\r\n LENGTH\r\n",
            b"EVIL",
            Wanted::Once("POST", None),
        ),
    ]
}

/// Codings that aren't `chunked` alone. The body is one for who takes it as chunked, and none for
/// who doesn't.
fn codings() -> Vec<Payload> {
    let coded = |name, coding: &[u8]| {
        let line = [b"Transfer-Encoding:", coding, b"\r\n"].concat();
        with(name, "POST", &line, b"5\r\nhello\r\n0\r\n\r\n", NOTHING)
    };
    vec![
        with(
            "coding: other case",
            "POST",
            b"transfer-ENCODING: CHUNKED\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            HELLO,
        ),
        with(
            "coding: tab in front",
            "POST",
            b"Transfer-Encoding:\tchunked\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            HELLO,
        ),
        with(
            "coding: comma in front",
            "POST",
            b"Transfer-Encoding: ,chunked\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            HELLO,
        ),
        with(
            "coding: comma behind",
            "POST",
            b"Transfer-Encoding: chunked,\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            HELLO,
        ),
        coded("coding: twice in a list", b" chunked, chunked"),
        coded("coding: unknown", b" unheard-of"),
        coded("coding: identity", b" identity"),
        coded("coding: not last", b" chunked, gzip"),
        coded("coding: letter in front", b" xchunked"),
        coded("coding: quoted", b" \"chunked\""),
        coded("coding: parameter", b" chunked;q=1"),
        coded("coding: no-break spaces", b" \xa0chunked\xa0"),
        coded("coding: 0xff", b" \xffchunked\xff"),
        coded("coding: NUL behind", b" chunked\0"),
        coded("coding: vertical tab", b" \x0bchunked"),
        coded("coding: CR in front", b" \rchunked"),
        with(
            "coding: two fields",
            "POST",
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            b"0\r\n\r\n",
            NOTHING,
        ),
        with(
            "coding: space before the colon",
            "POST",
            b"Transfer-Encoding : chunked\r\n",
            b"0\r\n\r\n",
            NOTHING,
        ),
        with(
            "coding: name on two lines",
            "POST",
            b"Transfer-\r\nEncoding: chunked\r\n",
            b"0\r\n\r\n",
            NOTHING,
        ),
        with(
            "coding: of a GET",
            "GET",
            b"Transfer-Encoding: chunked\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            Wanted::Once("GET", None),
        ),
    ]
}

/// A length and a coding. Who takes either for the only one sees a request in the body.
fn both() -> Vec<Payload> {
    let both = |name, lines: &[u8]| with(name, "POST", lines, b"0\r\n\r\nEVIL", NOTHING);
    vec![
        // RFC 9112, 6.3 lets it be taken as chunked, if the connection is closed then.
        with(
            "both: length first",
            "POST",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            b"0\r\n\r\n",
            Wanted::Once("POST", Some(b"")),
        ),
        with(
            "both: coding first, more behind",
            "POST",
            b"Transfer-Encoding: chunked\r\nContent-Length: 60\r\n",
            b"0\r\n\r\nEVIL",
            Wanted::Once("POST", Some(b"")),
        ),
        both(
            "both: unknown coding",
            b"Content-Length: 60\r\nTransfer-Encoding: unheard-of\r\n",
        ),
        both(
            "both: next line around the coding",
            b"Content-Length: 60\r\nTransfer-Encoding: \x85chunked\r\n",
        ),
        both(
            "both: coding with a space before the colon",
            b"Content-Length: 60\r\nTransfer-Encoding : chunked\r\n",
        ),
        both(
            "both: coding after a CR",
            b"Content-Length: 60\r\nX: y\rTransfer-Encoding: chunked\r\n",
        ),
    ]
}

fn request_lines() -> Vec<Payload> {
    let line = |name, line: &[u8]| Payload {
        name,
        text: [line, b"\r\nHost: HOST\r\n\r\n"].concat(),
        wanted: NOTHING,
    };
    vec![
        line("method: no token", b"G=\":<>(e),[T];?\" TARGET HTTP/1.1"),
        line("method: NUL", b"\0 TARGET HTTP/1.1"),
        line("method: control byte behind", b"GET\x0b TARGET HTTP/1.1"),
        line("target: no path", b"GET !TARGET HTTP/1.1"),
        line("target: LF for a space", b"GET TARGET\nHTTP/1.1"),
        line("target: NUL", b"GET TARGET\0 HTTP/1.1"),
        line("target: two", b"GET TARGET TARGET HTTP/1.1"),
        line("target: CR", b"GET TARGET\rx HTTP/1.1"),
        line("version: CRs", b"GET TARGET HTTP/\r\r1.1"),
        line("version: large", b"GET TARGET HTTP/4294967295.255"),
        line("version: no number", b"GET TARGET HTTP/............0596.7407."),
        line("version: none", b"GET TARGET"),
        line("version: 2.0", b"GET TARGET HTTP/2.0"),
        line("version: long", b"GET TARGET HTTP/1.11"),
        Payload {
            name: "version: 1.0 and chunked",
            text: b"POST TARGET HTTP/1.0\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nEVIL".to_vec(),
            wanted: Wanted::Once("POST", Some(b"")),
        },
    ]
}

fn fields() -> Vec<Payload> {
    let get = Wanted::Once("GET", Some(b""));
    let field =
        |name, line: &[u8], wanted| with(name, "GET", &[line, b"\r\n"].concat(), b"", wanted);
    vec![
        field("field: NUL in its value", b"X-A: a\0b", NOTHING),
        field("field: CR in its value", b"X-A: a\rb", NOTHING),
        field("field: CR, then a field", b"X-A: a\rX-B: c", NOTHING),
        // RFC 9112, 2.2 lets a line end so.
        field("field: LF, then a field", b"X-A: a\nX-B: c", get),
        field("field: value on two lines", b"X-A: a\r\n b", get),
        field("field: 0x85 around its value", b"X-A: \x85a\xa0", get),
        field("field: name with 0xef", b"\xefX-A: a", NOTHING),
        field("field: name with 0x85", b"X-A\x85: a", NOTHING),
        field("field: name with a space", b"X A: a", NOTHING),
        field(
            "field: name with control bytes",
            b"\x01\x02\x03\x04: a",
            NOTHING,
        ),
        field(
            "field: name with separators",
            b"(),/;<=>?@[/]{}: a",
            NOTHING,
        ),
        field("field: no name", b": a", NOTHING),
        field("field: neither name nor value", b":", NOTHING),
        field("field: no colon", b"no colon", NOTHING),
        field("field: NUL after its name", b"X-A: b\r\nc\0", NOTHING),
        field(
            "header: ends with CR LF CR X",
            b"X-A: b\r\n\rXEVIL",
            NOTHING,
        ),
        field("host: two", b"Host: other.example.com", NOTHING),
        Payload {
            name: "host: NUL in it",
            text: b"GET TARGET HTTP/1.1\r\nHost: HOST\0.example.org\r\n\r\n".to_vec(),
            wanted: NOTHING,
        },
        Payload {
            name: "field: tab before the first name",
            text: b"GET TARGET HTTP/1.1\r\n\tX-A: b\r\nHost: HOST\r\n\r\n".to_vec(),
            wanted: get,
        },
        Payload {
            name: "header: LFs only",
            text: b"GET TARGET HTTP/1.1\nHost: HOST\nConnection: close\n\n".to_vec(),
            wanted: get,
        },
        Payload {
            name: "header: a line before the request",
            text: b"\r\n\r\nGET TARGET HTTP/1.1\r\nHost: HOST\r\n\r\n".to_vec(),
            wanted: get,
        },
    ]
}

/// What a hop is told to take away, and what waits for an answer.
fn connections() -> Vec<Payload> {
    let body = Wanted::Once("POST", None);
    vec![
        with("connection: names the length", "POST", b"Connection: content-length\r\nContent-Length: LENGTH\r\n", b"EVIL", body),
        with("connection: names the coding", "POST", b"Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n", b"CHUNK\r\n0\r\n\r\nEVIL\r\n0\r\n\r\n", body),
        with("connection: names Host", "GET", b"Connection: host\r\n", b"", Wanted::Once("GET", Some(b""))),
        with("upgrade: h2c, with a body", "POST", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nContent-Length: LENGTH\r\n", b"EVIL", body),
        with("upgrade: websocket, with a request behind", "GET", b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: c3Nzc3Nzc3Nzc3Nzc3Nzcw==\r\nContent-Length: LENGTH\r\n", b"EVIL", Wanted::Once("GET", None)),
        with("expect: with a body", "POST", b"Expect: 100-continue\r\nContent-Length: LENGTH\r\n", b"EVIL", body),
        with("expect: unknown", "POST", b"Expect: 200-ok\r\nContent-Length: LENGTH\r\n", b"EVIL", body),
    ]
}
