//! The PROXY protocol: from the first bytes of a connection to what a proxy in front says about
//! who sends the rest (haproxy.org, doc/proxy-protocol.txt, versions 1 and 2).
//!
//! What this file deliberately doesn't know: sockets, time, and whether the peer may be believed.
//!
//! The reading of addresses and TLVs is the crate `ppp`'s. What it leaves to its caller is here:
//! where a header ends, how long it may be, LOCAL (whose address block is to be ignored, whatever
//! it says), the checksum, and what a TLV means.

use super::origin::Scheme;
use crc::{CRC_32_ISCSI, Crc};
use ppp::v1;
use ppp::v2::{self, TypeLengthValues};
use std::net::SocketAddr;

const V1: &[u8] = b"PROXY ";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A line of version 1 with its end (section 2.1).
const V1_MAX: usize = 107;

/// A header of version 2. The format allows 64 KiB; addresses, a server name, ids and the words
/// about TLS are a few hundred bytes, and with a client certificate among them 4 KiB still do.
pub const MAX_LENGTH: usize = 4096;

/// The fixed part of version 2: signature, version and command, family, length.
const V2_FIXED: usize = 16;

/// What the first bytes of a connection are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Too few to tell.
    Unfinished,
    /// No PROXY header.
    Other,
    Header {
        header: ProxyHeader,
        /// How many bytes it has; what follows is the client's.
        length: usize,
    },
    Refused(ProxyHeaderError),
}

/// What a PROXY header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyHeader {
    pub(crate) sender: Sender,
    /// What the client spoke to the proxy, where it says so.
    pub(crate) client_side: Option<Scheme>,
    /// The AWS VPC endpoint that the connection came through, fit for a log.
    pub vpc_endpoint: Option<String>,
}

/// Who sends what comes after the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// The peer itself: a proxy's health check.
    Peer,
    /// Somebody behind the proxy that it can't name.
    Unknown,
    Client(SocketAddr),
}

/// Why a PROXY header is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyHeaderError {
    #[error("the PROXY header is malformed")]
    Malformed,
    #[error("the PROXY header is longer than {MAX_LENGTH} bytes")]
    TooLong,
    #[error("the PROXY header's checksum is wrong")]
    Checksum,
}

impl Beginning {
    /// Reads as many bytes as there are. Once it isn't `Unfinished`, more bytes change nothing.
    pub fn read(bytes: &[u8]) -> Beginning {
        let found = if begins(bytes, V1) {
            v1(bytes)
        } else if begins(bytes, V2) {
            v2(bytes)
        } else {
            return Beginning::Other;
        };
        match found {
            Ok(Some((header, length))) => Beginning::Header { header, length },
            Ok(None) => Beginning::Unfinished,
            Err(error) => Beginning::Refused(error),
        }
    }
}

/// The header and its length; `None` while it is incomplete.
type Found = Result<Option<(ProxyHeader, usize)>, ProxyHeaderError>;

/// Whether one is the beginning of the other.
fn begins(bytes: &[u8], signature: &[u8]) -> bool {
    let common = bytes.len().min(signature.len());
    bytes[..common] == signature[..common]
}

fn v1(bytes: &[u8]) -> Found {
    let within = &bytes[..bytes.len().min(V1_MAX)];
    let Some(end) = within.iter().position(|&byte| byte == b'\n') else {
        return match within.len() {
            V1_MAX => Err(ProxyHeaderError::Malformed),
            _ => Ok(None),
        };
    };
    let line = &within[..=end];
    let sender = if is_unknown(line) {
        Sender::Unknown
    } else {
        let header = v1::Header::try_from(line).map_err(|_| ProxyHeaderError::Malformed)?;
        match header.addresses {
            v1::Addresses::Tcp4(ip) => Sender::Client((ip.source_address, ip.source_port).into()),
            v1::Addresses::Tcp6(ip) => Sender::Client((ip.source_address, ip.source_port).into()),
            v1::Addresses::Unknown => Sender::Unknown,
        }
    };
    let header = ProxyHeader {
        sender,
        client_side: None,
        vpc_endpoint: None,
    };
    Ok(Some((header, line.len())))
}

/// `UNKNOWN`, and anything up to the line's end, which is to be ignored (section 2.1).
fn is_unknown(line: &[u8]) -> bool {
    let rest = line.strip_prefix(b"PROXY UNKNOWN");
    rest.is_some_and(|rest| rest == b"\r\n" || (rest.starts_with(b" ") && rest.ends_with(b"\r\n")))
}

fn v2(bytes: &[u8]) -> Found {
    let Some((fixed, payload)) = bytes.split_first_chunk::<V2_FIXED>() else {
        return Ok(None);
    };
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if V2_FIXED + length > MAX_LENGTH {
        return Err(ProxyHeaderError::TooLong);
    }
    let is_local = fixed[12] == 0x20;
    if !is_local {
        // What the fixed part already tells.
        match v2::Header::try_from(bytes) {
            Ok(_) => {}
            Err(v2::ParseError::Incomplete(_) | v2::ParseError::Partial(..)) => return Ok(None),
            Err(_) => return Err(ProxyHeaderError::Malformed),
        }
    }
    let Some(payload) = payload.get(..length) else {
        return Ok(None);
    };
    let whole = &bytes[..V2_FIXED + length];
    let sender = if is_local {
        Sender::Peer
    } else {
        sender(whole)?
    };
    let is_named = matches!(sender, Sender::Client(_));
    let said = match said(whole, payload, addresses_length(fixed[13])) {
        Ok(said) => said,
        Err(ProxyHeaderError::Checksum) => return Err(ProxyHeaderError::Checksum),
        Err(error) if is_named => return Err(error),
        // What stands behind no addresses, or behind ones that are to be ignored, need not be TLVs.
        Err(_) => TlvFields::default(),
    };
    let header = ProxyHeader {
        sender,
        client_side: said.client_side,
        vpc_endpoint: said.vpc_endpoint,
    };
    Ok(Some((header, whole.len())))
}

/// TCP over IPv4 and IPv6 names a client; everything else (UNSPEC, UNIX, datagrams) doesn't.
fn sender(whole: &[u8]) -> Result<Sender, ProxyHeaderError> {
    let header = v2::Header::try_from(whole).map_err(|_| ProxyHeaderError::Malformed)?;
    Ok(match (header.protocol, header.addresses) {
        (v2::Protocol::Stream, v2::Addresses::IPv4(ip)) => {
            Sender::Client((ip.source_address, ip.source_port).into())
        }
        (v2::Protocol::Stream, v2::Addresses::IPv6(ip)) => {
            Sender::Client((ip.source_address, ip.source_port).into())
        }
        (
            v2::Protocol::Unspecified | v2::Protocol::Stream | v2::Protocol::Datagram,
            v2::Addresses::Unspecified
            | v2::Addresses::IPv4(_)
            | v2::Addresses::IPv6(_)
            | v2::Addresses::Unix(_),
        ) => Sender::Unknown,
    })
}

/// How long the addresses of a family are; the TLVs follow them.
fn addresses_length(family: u8) -> usize {
    match family >> 4 {
        1 => 12,
        2 => 36,
        3 => 216,
        _ => 0,
    }
}

/// PP2_TYPE_CRC32C.
const CHECKSUM: u8 = 0x03;
/// PP2_TYPE_SSL, and the bit PP2_CLIENT_SSL in its first byte.
const SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;
/// PP2_TYPE_AWS, and its subtype for an endpoint's id.
const AWS: u8 = 0xEA;
const AWS_VPC_ENDPOINT: u8 = 0x01;

/// An id as AWS makes them has 22 bytes.
const VPC_ENDPOINT_SHOWN: usize = 64;

/// What the TLVs say, as far as it is of interest here.
#[derive(Default)]
struct TlvFields {
    client_side: Option<Scheme>,
    vpc_endpoint: Option<String>,
}

fn said(whole: &[u8], payload: &[u8], addresses: usize) -> Result<TlvFields, ProxyHeaderError> {
    let tlvs = payload
        .get(addresses..)
        .ok_or(ProxyHeaderError::Malformed)?;
    let mut said = TlvFields::default();
    let mut at = V2_FIXED + addresses;
    for tlv in TypeLengthValues::from(tlvs) {
        let tlv = tlv.map_err(|_| ProxyHeaderError::Malformed)?;
        let value = at + 3;
        at = value + tlv.value.len();
        match (tlv.kind, tlv.value.as_ref()) {
            (CHECKSUM, sum) => {
                let sum = <[u8; 4]>::try_from(sum).map_err(|_| ProxyHeaderError::Malformed)?;
                if u32::from_be_bytes(sum) != checksum(&whole[..value], &whole[at..]) {
                    return Err(ProxyHeaderError::Checksum);
                }
            }
            (SSL, [client, _, _, _, _, ..]) => {
                said.client_side = Some(match client & CLIENT_SSL {
                    0 => Scheme::Http,
                    _ => Scheme::Https,
                });
            }
            (SSL, _) => return Err(ProxyHeaderError::Malformed),
            (AWS, [AWS_VPC_ENDPOINT, id @ ..]) => {
                let id = &id[..id.len().min(VPC_ENDPOINT_SHOWN)];
                said.vpc_endpoint = Some(id.escape_ascii().to_string());
            }
            _ => {}
        }
    }
    Ok(said)
}

const CRC32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

/// Over the whole header, with zeros where the checksum stands between the two parts
/// (section 2.2.3).
fn checksum(before: &[u8], after: &[u8]) -> u32 {
    let mut digest = CRC32C.digest();
    for part in [before, &[0; 4], after] {
        digest.update(part);
    }
    digest.finalize()
}

#[cfg(test)]
mod tests;
