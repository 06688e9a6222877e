//! The values that stand at a key: addresses, origins, durations, names. Text in, value or
//! complaint out.

use super::objective::Objective;
use super::problem::{Complaint, Shown};
use super::yaml::{Shape, Value};
use crate::edge::origin::{Host, Origin};
use http::HeaderName;
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const ADDRESS: &str = "an IP address with a port, such as 0.0.0.0:443 or \"[::]:443\"";
pub(super) const ORIGIN: &str = "scheme://host[:port], such as https://hub.example.com";
pub(super) const HOST: &str = "a DNS name or an IP address, without a port";
pub(super) const DURATION: &str = "a number with its unit, such as 5s, 15m or 1h 30m";
pub(super) const NAME: &str =
    "1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit, and not \"other\"";
pub(super) const SERVER_NAME: &str = "a DNS name or an IP address";
pub(super) const HEALTH_PATH: &str = "a path such as /api/v2.0/ping";
pub(super) const FILE: &str = "the name of a file; relative names start at this file's directory";
pub(super) const THREADS: &str = "a whole number from 1 to 1024";
pub(super) const LOG_FORMAT: &str = "text or json";
pub(super) const NETWORK: &str =
    "an IP address or a network, such as 10.0.0.5, 10.0.0.0/8 or \"fd00::/8\"";
pub(super) const HEADER: &str = "the name of a header that only carries the client's Authorization, such as X-Forwarded-Authorization";
pub(super) const CLIENT_ADDRESS_HEADER: &str = "the name of a header that holds the client's address and nothing else, such as CF-Connecting-IP";
pub(super) const FAILURES: &str = "a whole number from 0 to 10000; 0 limits nothing";

pub(super) const REPOSITORY: &str = "a repository's name without its registry, such as lab/canary";
pub(super) const CREDENTIALS: &str = "the name of a file whose first line is USER:PASSWORD; relative names start at this file's directory";

pub(super) const PROXY_PROTOCOL: &str = "off, accept or require";
pub(super) const MAINTENANCE: &str = "off, pushes or all";
pub(super) const HSTS: &str = "off, or for how long browsers remember it, such as 30d";

/// The registry label of requests that belong to no registry; see `metrics::NO_REGISTRY`.
const RESERVED_NAME: &str = "other";

/// What a duration may be, and why.
pub(super) struct Bounds {
    least: (Duration, &'static str),
    most: (Duration, &'static str),
    reason: &'static str,
}

const TENTH: (Duration, &str) = (Duration::from_millis(100), "100ms");
const DAY: (Duration, &str) = (Duration::from_secs(24 * 3600), "24h");

pub(super) const CONNECT: Bounds = Bounds {
    least: (Duration::from_millis(10), "10ms"),
    most: (Duration::from_secs(120), "2m"),
    reason: "Linux itself gives a connection up after about two minutes",
};
pub(super) const SILENCE: Bounds = Bounds {
    least: TENTH,
    most: DAY,
    reason: "less cuts healthy requests, more never ends dead ones",
};
pub(super) const INTERVAL: Bounds = Bounds {
    least: TENTH,
    most: (Duration::from_secs(3600), "1h"),
    reason: "probes more often load Harbor, less often leave a dead endpoint in use",
};
pub(super) const CANARY_INTERVAL: Bounds = Bounds {
    least: (Duration::from_secs(10), "10s"),
    most: DAY,
    reason: "more often loads Harbor, less often tells a night's failure in the morning",
};
pub(super) const WITHIN: Bounds = Bounds {
    least: (Duration::from_secs(1), "1s"),
    most: DAY,
    reason: "less forgets a guess before the next, more locks people out for days",
};
pub(super) const HEADER_TIME: Bounds = Bounds {
    least: TENTH,
    most: (Duration::from_secs(300), "5m"),
    reason: "a header is a few packets; whoever needs longer holds connections open on purpose",
};
pub(super) const UNREAD: Bounds = Bounds {
    least: TENTH,
    most: (Duration::from_secs(3600), "1h"),
    reason: "less ends answers on lines that lose a few packets, more lets a client that reads nothing keep them",
};
pub(super) const STANDS_STILL: Bounds = Bounds {
    least: TENTH,
    most: (Duration::from_secs(300), "5m"),
    reason: "less ends what a packet was lost of, more lets whoever stands still keep others out",
};
pub(super) const KEEPALIVE: Bounds = Bounds {
    least: (Duration::from_secs(1), "1s"),
    most: (Duration::from_secs(3600), "1h"),
    reason: "less makes clients open connections again and again, more keeps those of clients that left",
};
pub(super) const HSTS_MAX_AGE: Bounds = Bounds {
    least: (Duration::ZERO, "0s"),
    most: (Duration::from_secs(2 * 366 * 24 * 3600), "732d"),
    reason: "two years are what browsers' own lists ask for, and long enough to regret",
};
pub(super) const DRAIN: Bounds = Bounds {
    least: (Duration::ZERO, "0s"),
    most: DAY,
    reason: "no roll-out waits longer than a day",
};

pub(super) const LIVENESS: Bounds = Bounds {
    least: (Duration::from_secs(1), "1s"),
    most: (Duration::from_secs(600), "10m"),
    reason: "less ends processes that are only busy, more leaves clients with a thread that hangs",
};

pub(super) fn duration(text: &str, bounds: &Bounds) -> Result<Duration, Complaint> {
    let duration = humantime::parse_duration(text).map_err(|_| value(text, DURATION))?;
    if duration < bounds.least.0 || duration > bounds.most.0 {
        return Err(Complaint::OutOfBounds {
            value: Shown::new(text),
            least: bounds.least.1,
            most: bounds.most.1,
            reason: bounds.reason,
        });
    }
    Ok(duration)
}

pub(super) fn hsts_max_age(text: &str) -> Result<Duration, Complaint> {
    match humantime::parse_duration(text) {
        Ok(_) => duration(text, &HSTS_MAX_AGE),
        Err(_) => Err(value(text, HSTS)),
    }
}

pub(super) fn address(text: &str) -> Result<SocketAddr, Complaint> {
    text.parse().map_err(|_| value(text, ADDRESS))
}

pub(super) fn host(text: &str) -> Result<Host, Complaint> {
    Host::parse(text).map_err(|_| value(text, HOST))
}

pub(super) fn origin(text: &str) -> Result<Origin, Complaint> {
    Origin::parse(text).map_err(|error| Complaint::Origin {
        value: Shown::new(text),
        error,
    })
}

pub(super) fn registry_name(text: &str) -> Result<String, Complaint> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let sound = text.len() <= 63
        && text.bytes().next().is_some_and(letter)
        && text.bytes().all(|b| letter(b) || b == b'-' || b == b'_')
        && text != RESERVED_NAME;
    match sound {
        true => Ok(text.to_owned()),
        false => Err(value(text, NAME)),
    }
}

/// A name as the distribution specification has it (Pulling manifests): components of letters and
/// digits in lower case, with single separators within. 255 is Harbor's limit.
pub(super) fn repository(text: &str) -> Result<String, Complaint> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_separator = |part: &str| {
        matches!(part, "." | "_" | "__") || (!part.is_empty() && part.bytes().all(|b| b == b'-'))
    };
    let is_component = |component: &str| {
        let separators = component.split(letter).filter(|part| !part.is_empty());
        component.starts_with(letter)
            && component.ends_with(letter)
            && separators.into_iter().all(is_separator)
    };
    match text.len() <= 255 && text.split('/').all(is_component) {
        true => Ok(text.to_owned()),
        false => Err(value(text, REPOSITORY)),
    }
}

pub(super) fn objective(text: &str) -> Result<Objective, Complaint> {
    Objective::parse(text).ok_or_else(|| value(text, Objective::ACCEPTED))
}

pub(super) fn server_name(text: &str) -> Result<String, Complaint> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(_) => Ok(text.to_ascii_lowercase()),
        Err(_) => Err(value(text, SERVER_NAME)),
    }
}

pub(super) fn health_path(text: &str) -> Result<String, Complaint> {
    let sound = text.starts_with('/')
        && !text.contains('#')
        && text.bytes().all(|b| b.is_ascii_graphic())
        && text.parse::<http::uri::PathAndQuery>().is_ok();
    match sound {
        true => Ok(text.to_owned()),
        false => Err(value(text, HEALTH_PATH)),
    }
}

/// A plain address is the network of that address alone.
pub(super) fn network(text: &str) -> Result<IpNet, Complaint> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let typed: IpNet = text.parse().map_err(|_| value(text, NETWORK))?;
    let network = canonical(typed);
    match network.trunc() == network {
        true => Ok(network),
        // Either could be meant, and one of them trusts the whole network.
        false => Err(Complaint::BitsBeyondPrefix {
            value: Shown::new(text),
            network: network.trunc(),
            address: network.addr(),
        }),
    }
}

/// Networks of IPv4 addresses written as IPv6 become IPv4: client addresses are compared as IPv4,
/// whatever kind of socket they came through.
fn canonical(network: IpNet) -> IpNet {
    let IpAddr::V4(address) = network.addr().to_canonical() else {
        return network;
    };
    let prefix = match network {
        IpNet::V4(_) => Some(network.prefix_len()),
        IpNet::V6(_) => network.prefix_len().checked_sub(96),
    };
    match prefix.map(|prefix| Ipv4Net::new(address, prefix)) {
        Some(Ok(network)) => network.into(),
        Some(Err(_)) | None => network,
    }
}

/// Headers that frame a message, route it, or are written by this gateway. What begins with
/// `content-` frames as well.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "authorization",
    "connection",
    "cookie",
    "date",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "location",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
];

pub(super) fn moved_header(text: &str) -> Result<HeaderName, Complaint> {
    let name: HeaderName = text.parse().map_err(|_| value(text, HEADER))?;
    match is_reserved(&name) {
        true => Err(Complaint::ReservedHeader {
            header: Shown::new(text),
            accepted: HEADER,
        }),
        false => Ok(name),
    }
}

pub(super) fn client_address_header(text: &str) -> Result<HeaderName, Complaint> {
    // The one of the reserved that names the client and nothing else.
    if text.eq_ignore_ascii_case("x-real-ip") {
        return Ok(HeaderName::from_static("x-real-ip"));
    }
    let name: HeaderName = text
        .parse()
        .map_err(|_| value(text, CLIENT_ADDRESS_HEADER))?;
    match is_reserved(&name) {
        true => Err(Complaint::ReservedHeader {
            header: Shown::new(text),
            accepted: CLIENT_ADDRESS_HEADER,
        }),
        false => Ok(name),
    }
}

fn is_reserved(name: &HeaderName) -> bool {
    name.as_str().starts_with("content-") || RESERVED_HEADERS.contains(&name.as_str())
}

pub(super) fn file_name(text: &str) -> Result<String, Complaint> {
    match text.is_empty() || text.contains('\0') {
        true => Err(value(text, FILE)),
        false => Ok(text.to_owned()),
    }
}

/// Somebody may have written the credentials themselves.
pub(super) fn credentials_file(text: &str) -> Result<String, Complaint> {
    match text.contains(':') {
        true => Err(value("***", CREDENTIALS)),
        false => file_name(text).map_err(|_| value(text, CREDENTIALS)),
    }
}

pub(super) fn value(text: &str, accepted: &'static str) -> Complaint {
    Complaint::Value {
        value: Shown::new(text),
        accepted,
    }
}

/// A whole number within bounds.
pub(super) fn whole<T: TryFrom<u64>>(value: &Value, bounds: RangeInclusive<u64>) -> Option<T> {
    let Shape::Number(number) = &value.shape else {
        return None;
    };
    let number = number.as_u64().filter(|number| bounds.contains(number))?;
    T::try_from(number).ok()
}

/// A number of bytes, with a unit or without.
pub(super) fn size(value: &Value, bounds: RangeInclusive<u64>) -> Option<u64> {
    let bytes = match &value.shape {
        Shape::Text(text) => text.parse::<bytesize::ByteSize>().ok()?.as_u64(),
        Shape::Number(number) => number.as_u64()?,
        _ => return None,
    };
    bounds.contains(&bytes).then_some(bytes)
}
