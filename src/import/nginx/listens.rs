//! `listen` lines.

use super::lines::said;
use crate::doctor::offline::blocks::Directive;
use crate::import::edge::EdgeListener;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One of them.
#[derive(Debug)]
pub(super) struct Listen {
    /// 0 where no line says it.
    pub(super) line: usize,
    pub(super) said: String,
    /// None where it is no address.
    pub(super) address: Option<SocketAddr>,
    pub(super) is_tls: bool,
    pub(super) proxy_protocol: bool,
}

impl Default for Listen {
    /// What nginx does without one.
    fn default() -> Listen {
        Listen {
            line: 0,
            said: "listen 80 (the default)".to_owned(),
            address: address("80"),
            is_tls: false,
            proxy_protocol: false,
        }
    }
}

impl Listen {
    pub(super) fn port(&self) -> u16 {
        self.address.map_or(80, |address| address.port())
    }
}

/// Those of a server.
pub(super) fn listens(block: &[Directive]) -> Vec<Listen> {
    let ssl_on = block
        .iter()
        .any(|one| one.name() == "ssl" && one.value(0) == "on");
    let all = block.iter().filter(|one| one.name() == "listen");
    all.map(|one| {
        let has = |word: &str| one.values().iter().any(|value| value == word);
        Listen {
            line: one.line,
            said: said(one),
            // HTTP/3 has UDP's port of the same number.
            address: address(one.value(0)).filter(|_| !has("quic")),
            is_tls: ssl_on || has("ssl"),
            proxy_protocol: has("proxy_protocol"),
        }
    })
    .collect()
}

/// `443`, `*:443`, `[::]:443`, `10.0.0.5`, `localhost:80`.
fn address(text: &str) -> Option<SocketAddr> {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if let Ok(port) = text.parse::<u16>() {
        return Some(SocketAddr::new(any, port));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, 80));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "80"));
    let address = match host {
        "*" => any,
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        _ => return None,
    };
    Some(SocketAddr::new(address, port.parse().ok()?))
}

/// nginx's `[::]:443` is of IPv6 alone and stands beside `443`; ours takes both, and the second could not
/// be opened.
pub(super) fn without_twins(listeners: &mut Vec<EdgeListener>) {
    let v6 = |address: SocketAddr| SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), address.port());
    let all: Vec<SocketAddr> = listeners.iter().map(|one| one.address).collect();
    listeners.retain(|one| {
        let is_any = one.address.is_ipv4() && one.address.ip().is_unspecified();
        !(is_any && all.contains(&v6(one.address)))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_nginx_reads_them() {
        for (text, expected) in [
            ("443", Some("0.0.0.0:443")),
            ("*:80", Some("0.0.0.0:80")),
            ("[::]:443", Some("[::]:443")),
            ("10.0.0.5:8080", Some("10.0.0.5:8080")),
            ("10.0.0.5", Some("10.0.0.5:80")),
            ("[::1]", Some("[::1]:80")),
            ("localhost:81", Some("127.0.0.1:81")),
            ("unix:/run/nginx.sock", None),
            ("hub.example.com:80", None),
        ] {
            let read = address(text).map(|address| address.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        }
    }
}
