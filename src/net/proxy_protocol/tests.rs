use super::*;
use proptest::prelude::*;

/// A header of version 2.
fn v2_header(command: u8, family: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    [V2, &[command, family], &length, payload].concat()
}

const PROXY: u8 = 0x21;
const LOCAL: u8 = 0x20;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

/// 203.0.113.9:40000 to 10.0.0.1:443.
const IPV4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x9C, 0x40, 0x01, 0xBB];

/// [2001:db8::9]:40000 to [fd00::1]:443.
const IPV6: [u8; 36] = [
    0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, //
    0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x9C, 0x40, 0x01, 0xBB,
];

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind], &length[..], value].concat()
}

fn client(address: &str) -> Sender {
    Sender::Client(address.parse().unwrap())
}

fn with_tlvs(tlvs: &[Vec<u8>]) -> Vec<u8> {
    v2_header(PROXY, TCP4, &[&IPV4[..], &tlvs.concat()].concat())
}

/// What `bytes` and bytes of the client's own behind them are read as.
fn read(bytes: &[u8]) -> Beginning {
    Beginning::read(&[bytes, b"\x16\x03\x01 and so on"].concat())
}

#[test]
fn version_1_names_the_client() {
    let longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
                   ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    for (line, sender) in [
        (
            "PROXY TCP4 203.0.113.9 10.0.0.1 40000 443\r\n",
            client("203.0.113.9:40000"),
        ),
        (
            "PROXY TCP6 2001:db8::9 fd00::1 40000 443\r\n",
            client("[2001:db8::9]:40000"),
        ),
        (
            "PROXY TCP6 ::ffff:203.0.113.9 fd00::1 0 0\r\n",
            client("[::ffff:203.0.113.9]:0"),
        ),
        (
            longest,
            client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"),
        ),
        ("PROXY UNKNOWN\r\n", Sender::Unknown),
        ("PROXY UNKNOWN 1.1.1.1 2.2.2.2 1 2\r\n", Sender::Unknown),
        (
            "PROXY UNKNOWN what ever it may be, all of it\r\n",
            Sender::Unknown,
        ),
    ] {
        let header = ProxyHeader {
            sender,
            client_side: None,
            vpc_endpoint: None,
        };
        let length = line.len();
        let expected = Beginning::Header { header, length };
        assert_eq!(read(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn version_1_is_one_short_line_of_five_words() {
    let endless = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107));
    for line in [
        "PROXY \r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 40000\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 40000 443 7\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 40000 443 \r\n",
        "PROXY TCP4  203.0.113.9 10.0.0.1 40000 443\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 40000 443\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 -1 443\r\n",
        "PROXY TCP4 203.0.113.9 10.0.0.1 040000 443\r\n",
        "PROXY TCP4 203.0.113.256 10.0.0.1 40000 443\r\n",
        "PROXY TCP4 hub.example.com 10.0.0.1 40000 443\r\n",
        "PROXY TCP4 2001:db8::9 fd00::1 40000 443\r\n",
        "PROXY TCP6 203.0.113.9 10.0.0.1 40000 443\r\n",
        "PROXY TCP6 [2001:db8::9] fd00::1 40000 443\r\n",
        "PROXY tcp4 203.0.113.9 10.0.0.1 40000 443\r\n",
        "PROXY UDP4 203.0.113.9 10.0.0.1 40000 443\r\n",
        "PROXY TCP4 203.0.113.9\r10.0.0.1 40000 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY UNKNOWN\n",
        &endless,
    ] {
        let refused = Beginning::Refused(ProxyHeaderError::Malformed);
        assert_eq!(read(line.as_bytes()), refused, "{line:?}");
    }
    let not_text = b"PROXY TCP4 \xff\xfe 10.0.0.1 40000 443\r\n";
    assert_eq!(
        read(not_text),
        Beginning::Refused(ProxyHeaderError::Malformed)
    );
}

#[test]
fn version_2_names_the_client_where_it_is_tcp() {
    let unix = [b'/'; 216];
    for (name, header, sender) in [
        (
            "IPv4",
            v2_header(PROXY, TCP4, &IPV4),
            client("203.0.113.9:40000"),
        ),
        (
            "IPv6",
            v2_header(PROXY, TCP6, &IPV6),
            client("[2001:db8::9]:40000"),
        ),
        ("local", v2_header(LOCAL, 0, &[]), Sender::Peer),
        (
            "local, with addresses",
            v2_header(LOCAL, TCP4, &IPV4),
            Sender::Peer,
        ),
        (
            "local, of no known family",
            v2_header(LOCAL, 0xFF, &[1, 2, 3]),
            Sender::Peer,
        ),
        ("unspecified", v2_header(PROXY, 0, &[]), Sender::Unknown),
        (
            "unspecified, with something",
            v2_header(PROXY, 0, &[0xFF; 40]),
            Sender::Unknown,
        ),
        ("UNIX", v2_header(PROXY, 0x31, &unix), Sender::Unknown),
        (
            "IPv4 datagrams",
            v2_header(PROXY, 0x12, &IPV4),
            Sender::Unknown,
        ),
        (
            "IPv6 of no protocol",
            v2_header(PROXY, 0x20, &IPV6),
            Sender::Unknown,
        ),
    ] {
        let length = header.len();
        let expected = ProxyHeader {
            sender,
            client_side: None,
            vpc_endpoint: None,
        };
        let expected = Beginning::Header {
            header: expected,
            length,
        };
        assert_eq!(read(&header), expected, "{name}");
    }
}

#[test]
fn what_a_proxy_says_stands_behind_the_addresses_of_each_family() {
    let tls = tlv(0x20, &[1, 0, 0, 0, 0]);
    for (name, family, addresses) in [
        ("IPv4", TCP4, &IPV4[..]),
        ("IPv6", TCP6, &IPV6),
        ("UNIX", 0x31, &[b'/'; 216]),
        ("none", 0, &[]),
    ] {
        let header = v2_header(PROXY, family, &[addresses, &tls].concat());
        let is_told = matches!(
            read(&header),
            Beginning::Header { header, .. } if header.client_side == Some(Scheme::Https)
        );
        assert!(is_told, "{name}");
    }
}

#[test]
fn version_2_must_be_well_formed() {
    use ProxyHeaderError::{Checksum, Malformed, TooLong};
    let mut future = v2_header(PROXY, TCP4, &IPV4);
    future[12] = 0x31;
    let long = |length: usize| v2_header(PROXY, TCP4, &vec![0; length]);
    for (name, header, error) in [
        ("version 3", future, Malformed),
        ("no command", v2_header(0x2F, TCP4, &IPV4), Malformed),
        ("no family", v2_header(PROXY, 0x41, &IPV4), Malformed),
        ("no protocol", v2_header(PROXY, 0x13, &IPV4), Malformed),
        (
            "too few addresses",
            v2_header(PROXY, TCP4, &IPV4[..11]),
            Malformed,
        ),
        (
            "IPv4 addresses as IPv6",
            v2_header(PROXY, TCP6, &IPV4),
            Malformed,
        ),
        ("too long", long(MAX_LENGTH - V2_FIXED + 1), TooLong),
        ("much too long", long(65535), TooLong),
        ("too long, local", v2_header(LOCAL, 0, &[0; 4081]), TooLong),
        ("half a TLV", with_tlvs(&[vec![4, 0]]), Malformed),
        (
            "a TLV that ends late",
            with_tlvs(&[vec![4, 0, 2, 0]]),
            Malformed,
        ),
        ("a short checksum", with_tlvs(&[tlv(3, &[0; 3])]), Malformed),
        ("a wrong checksum", with_tlvs(&[tlv(3, &[0; 4])]), Checksum),
        (
            "a short SSL",
            with_tlvs(&[tlv(0x20, &[1, 0, 0, 0])]),
            Malformed,
        ),
        (
            "a wrong checksum, local",
            v2_header(LOCAL, 0, &tlv(3, &[0; 4])),
            Checksum,
        ),
    ] {
        assert_eq!(read(&header), Beginning::Refused(error), "{name}");
    }
    let padding = tlv(4, &vec![0; MAX_LENGTH - V2_FIXED - IPV4.len() - 3]);
    let longest = with_tlvs(&[padding]);
    let is_taken =
        matches!(read(&longest), Beginning::Header { length, .. } if length == MAX_LENGTH);
    assert!(is_taken, "up to {MAX_LENGTH} bytes");
}

#[test]
fn tlvs_are_read_or_passed_over() {
    // Calculated by another program, bit by bit.
    let sum = [0x5F, 0x6B, 0x97, 0xC4];
    for (name, tlvs, client_side, vpc_endpoint) in [
        ("padding", vec![tlv(4, &[0; 9])], None, None),
        (
            "nobody knows",
            vec![tlv(0xE9, b"\xff\0"), tlv(0, b"")],
            None,
            None,
        ),
        (
            "a name that is no text",
            vec![tlv(2, b"\xff\xfe")],
            None,
            None,
        ),
        ("a checksum", vec![tlv(3, &sum), tlv(4, &[0])], None, None),
        (
            "TLS",
            vec![tlv(0x20, &[7, 0, 0, 0, 0, 0x21, 0, 1, b'x'])],
            Some(Scheme::Https),
            None,
        ),
        (
            "a certificate and no TLS",
            vec![tlv(0x20, &[6, 0, 0, 0, 0])],
            Some(Scheme::Http),
            None,
        ),
        (
            "an AWS endpoint",
            vec![tlv(0xEA, b"\x01vpce-08d2bf15fac5001c9")],
            None,
            Some("vpce-08d2bf15fac5001c9"),
        ),
        (
            "an endpoint that forges a log line",
            vec![tlv(0xEA, b"\x01a\nb\x1b[0m\"\xff")],
            None,
            Some("a\\nb\\x1b[0m\\\"\\xff"),
        ),
        (
            "another AWS value",
            vec![tlv(0xEA, b"\x02vpce")],
            None,
            None,
        ),
        ("an empty AWS value", vec![tlv(0xEA, b"")], None, None),
    ] {
        let bytes = with_tlvs(&tlvs);
        let header = ProxyHeader {
            sender: client("203.0.113.9:40000"),
            client_side,
            vpc_endpoint: vpc_endpoint.map(ToOwned::to_owned),
        };
        let length = bytes.len();
        let expected = Beginning::Header { header, length };
        assert_eq!(read(&bytes), expected, "{name}");
    }
    let endless = with_tlvs(&[tlv(0xEA, &[1; 1000])]);
    let Beginning::Header { header, .. } = read(&endless) else {
        panic!("no header");
    };
    let shown = header.vpc_endpoint.unwrap();
    assert_eq!(shown, "\\x01".repeat(VPC_ENDPOINT_SHOWN));
}

#[test]
fn every_bit_of_addresses_and_tlvs_is_under_the_checksum() {
    let sum = [0x5F, 0x6B, 0x97, 0xC4];
    let sound = with_tlvs(&[tlv(3, &sum), tlv(4, &[0])]);
    assert!(matches!(read(&sound), Beginning::Header { .. }));
    for at in V2_FIXED..sound.len() {
        for bit in 0..8 {
            let mut broken = sound.clone();
            broken[at] ^= 1 << bit;
            let read = Beginning::read(&broken);
            let is_checksum_itself = at == V2_FIXED + IPV4.len();
            // A type that is no checksum's any more leaves nothing to check.
            assert!(
                is_checksum_itself || matches!(read, Beginning::Refused(_)),
                "byte {at}, bit {bit}: {read:?}"
            );
        }
    }
}

#[test]
fn other_protocols_are_told_apart_early() {
    for (bytes, beginning) in [
        (&b""[..], Beginning::Unfinished),
        (b"P", Beginning::Unfinished),
        (b"PROXY", Beginning::Unfinished),
        (b"PROXY TCP4 203.0.113.9", Beginning::Unfinished),
        (b"PROXY UNKNOWN\r", Beginning::Unfinished),
        (b"\r\n", Beginning::Unfinished),
        (b"\r\n\r\n\0\r\nQUIT\n", Beginning::Unfinished),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0", Beginning::Unfinished),
        (b"\x16", Beginning::Other),
        (b"\x16\x03\x01\x02", Beginning::Other),
        (b"GET / HTTP/1.1\r\n", Beginning::Other),
        (b"PUT /", Beginning::Other),
        (b"POST", Beginning::Other),
        (b"PROPFIND", Beginning::Other),
        (b"PROXYX", Beginning::Other),
        (b"proxy ", Beginning::Other),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Beginning::Other),
        (b"\r\nGET / HTTP/1.1\r\n", Beginning::Other),
        (b"\r\n\r\nGET", Beginning::Other),
    ] {
        assert_eq!(
            Beginning::read(bytes),
            beginning,
            "{}",
            bytes.escape_ascii()
        );
    }
}

/// Pieces that make headers, and break them.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known = |bytes: &'static [u8]| Just(bytes.to_vec());
    prop_oneof![
        known(V1),
        known(V2),
        known(b"TCP4 203.0.113.9 10.0.0.1 40000 443"),
        known(b"TCP6 2001:db8::9 fd00::1 40000 443"),
        known(b"UNKNOWN"),
        known(b"\r\n"),
        known(&[PROXY, TCP4, 0, 12]),
        known(&[LOCAL, 0, 0, 0]),
        known(&[PROXY, TCP6, 0, 43]),
        known(&IPV4),
        known(&IPV6),
        known(&[3, 0, 4, 0, 0, 0, 0]),
        known(&[0x20, 0, 5, 1, 0, 0, 0, 0]),
        proptest::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    /// However the bytes come, the first answer that is one is the answer to all of them.
    #[test]
    fn splits_change_nothing(pieces in proptest::collection::vec(piece(), 0..8)) {
        let bytes = pieces.concat();
        let whole = Beginning::read(&bytes);
        let mut seen = Beginning::Unfinished;
        for end in 0..=bytes.len() {
            let read = Beginning::read(&bytes[..end]);
            if seen == Beginning::Unfinished {
                seen = read;
            } else {
                prop_assert_eq!(&seen, &read, "{} of {} bytes", end, bytes.len());
            }
        }
        prop_assert_eq!(&seen, &whole);
        if let Beginning::Header { length, .. } = whole {
            prop_assert!(length <= bytes.len() && length <= MAX_LENGTH);
        }
        prop_assert!(whole != Beginning::Unfinished || bytes.len() < MAX_LENGTH);
    }
}
