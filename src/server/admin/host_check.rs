//! The host names that the admin listener accepts. Pure.
//!
//! A stranger's web page can point its own name at the address of this listener (DNS rebinding); its
//! requests through an operator's browser then carry that name as Host. So the listener accepts only
//! names that no stranger can own, and those that are configured.

use super::sources::replica;
use crate::net::host::{HostError, requested_authority};
use crate::net::origin::Host;
use http::Uri;
use http::header::{HOST, HeaderMap};
use std::net::IpAddr;

/// Endings under which the public DNS gives no names: those of services in a Kubernetes cluster, and
/// what every browser resolves to itself.
const CLOSED: [&str; 3] = [".svc", ".cluster.local", ".localhost"];

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotOurs {
    #[error("{0}")]
    Unclear(HostError),
    #[error(
        "this listener doesn't answer to the name {0:?}: use its address, or add the name to \
         admin.hosts"
    )]
    Name(String),
}

/// Whether the request was meant for this listener. One that names no host, as probes of HTTP/1.0
/// do, comes from no browser.
pub(super) fn check(uri: &Uri, headers: &HeaderMap, configured: &[Host]) -> Result<(), NotOurs> {
    let hosts = headers
        .get_all(HOST)
        .iter()
        .map(http::HeaderValue::as_bytes);
    let authority = uri.authority().map(http::uri::Authority::as_str);
    let host = match requested_authority(authority, hosts) {
        Ok(authority) => authority.host,
        Err(HostError::Missing) => return Ok(()),
        Err(error @ (HostError::Several | HostError::Invalid(_))) => {
            return Err(NotOurs::Unclear(error));
        }
    };
    if is_known(&host, configured) {
        Ok(())
    } else {
        Err(NotOurs::Name(host.as_str().to_owned()))
    }
}

fn is_known(host: &Host, configured: &[Host]) -> bool {
    let name = host.as_str();
    host.bare().parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || CLOSED.iter().any(|ending| name.ends_with(ending))
        || name.eq_ignore_ascii_case(replica())
        || configured.contains(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(target: &str, hosts: &[&str]) -> Result<(), NotOurs> {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(HOST, host.parse().unwrap());
        }
        let configured = [Host::parse("gw.ops.example").unwrap()];
        check(&target.parse().unwrap(), &headers, &configured)
    }

    #[test]
    fn only_names_that_no_stranger_has_are_taken() {
        for (target, host, is_taken) in [
            ("/", "10.1.2.3:9090", true),
            ("/", "[::1]:9090", true),
            ("/", "[fd00::1]", true),
            ("/", "localhost:9090", true),
            ("/", "LocalHost", true),
            ("/", "gw.localhost", true),
            ("/", "harbormouth:9090", true),
            ("/", "harbormouth-admin.edge.svc:9090", true),
            (
                "/",
                "10-1-2-3.harbormouth-admin.edge.svc.cluster.local",
                true,
            ),
            ("/", "gw.ops.example", true),
            ("/", "GW.ops.example.:9090", true),
            ("/", "other.ops.example", false),
            ("/", "rebound.evil.example:9090", false),
            ("/", "10.1.2.3.evil.example", false),
            ("/", "localhost.evil.example", false),
            ("http://evil.example/", "evil.example", false),
            ("http://localhost/", "localhost", true),
        ] {
            assert_eq!(ask(target, &[host]).is_ok(), is_taken, "{target} {host}");
        }
        assert!(ask("/", &[]).is_ok());
        for (target, hosts) in [
            ("/", &["localhost", "localhost"][..]),
            ("/", &["a b"]),
            ("/", &["localhost:x"]),
            ("http://localhost/", &["evil.example"]),
        ] {
            assert!(ask(target, hosts).is_err(), "{target} {hosts:?}");
        }
    }
}
