//! What an issuer says of itself, and where that may lead: a document that names a key set anywhere would
//! make the gateway ask its own neighbours.

use super::issuer::{Issuer, is_secure};
use crate::net::origin::Scheme;
use crate::net::url::Url;
use crate::oci::storage::is_public;
use serde::Deserialize;
use std::net::IpAddr;

/// Where an issuer's keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Discovered {
    pub(crate) keys: Url,
    /// They are at the issuer's own host, wherever that is; anywhere else has to be a public address,
    /// unless the issuer itself has none.
    pub(crate) is_at_home: bool,
}

/// Why a document says nothing that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DiscoveryFlaw {
    #[error("its configuration is no OpenID Connect document with issuer and jwks_uri")]
    Unreadable,
    #[error("its configuration is another issuer's")]
    OtherIssuer,
    #[error("its jwks_uri is no https URL that may be asked")]
    Forbidden,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

/// Reads the document of this issuer (OpenID Connect Discovery, 4.3).
///
/// # Errors
/// Where it isn't its, or leads where nothing may be asked.
pub(crate) fn discover(issuer: &Issuer, document: &[u8]) -> Result<Discovered, DiscoveryFlaw> {
    let read: Result<Document, _> = serde_json::from_slice(document);
    let document = read.map_err(|_| DiscoveryFlaw::Unreadable)?;
    if document.issuer != issuer.as_str() {
        return Err(DiscoveryFlaw::OtherIssuer);
    }
    let home = issuer.discovery().ok_or(DiscoveryFlaw::Unreadable)?;
    let keys = Url::parse(&document.jwks_uri).map_err(|_| DiscoveryFlaw::Forbidden)?;
    let is_at_home = keys.origin.host == home.origin.host;
    let is_downgrade = keys.origin.scheme == Scheme::Http && home.origin.scheme == Scheme::Https;
    if !is_secure(&keys) || is_downgrade || !is_at_home && is_inside(&keys) && !is_inside(&home) {
        return Err(DiscoveryFlaw::Forbidden);
    }
    Ok(Discovered { keys, is_at_home })
}

/// Whether the URL itself says that it is at no public address.
fn is_inside(url: &Url) -> bool {
    let address = url.origin.host.bare().parse::<IpAddr>();
    url.is_loopback() || address.is_ok_and(|address| !is_public(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_at(issuer: &str, jwks_uri: &str) -> Result<bool, DiscoveryFlaw> {
        let document = serde_json::json!({ "issuer": issuer, "jwks_uri": jwks_uri, "x": [1] });
        let issuer = Issuer::parse(issuer).unwrap();
        let found = discover(&issuer, document.to_string().as_bytes());
        found.map(|found| found.is_at_home)
    }

    #[test]
    fn keys_are_at_home_or_in_public() {
        let forbidden = Err(DiscoveryFlaw::Forbidden);
        let public = "https://accounts.example.com";
        for (issuer, jwks_uri, expected) in [
            (public, "https://accounts.example.com/keys", Ok(true)),
            (
                public,
                "https://accounts.example.com:8443/keys?v=1",
                Ok(true),
            ),
            (public, "https://keys.example.org/v3/certs", Ok(false)),
            (public, "https://192.0.2.1/keys", forbidden),
            (public, "https://52.95.110.1/keys", Ok(false)),
            (public, "http://accounts.example.com/keys", forbidden),
            (public, "http://127.0.0.1:9090/metrics", forbidden),
            (public, "https://127.0.0.1/keys", forbidden),
            (public, "https://localhost/keys", forbidden),
            (public, "https://[::1]/keys", forbidden),
            (public, "https://[::ffff:10.0.0.1]/keys", forbidden),
            (public, "https://10.0.0.1/keys", forbidden),
            (
                public,
                "https://169.254.169.254/latest/meta-data",
                forbidden,
            ),
            (
                public,
                "https://accounts.example.com@evil.example.org/",
                forbidden,
            ),
            (public, "file:///etc/passwd", forbidden),
            (public, "/keys", forbidden),
            (public, "https://a/\r\nHost: b", forbidden),
            ("https://10.0.0.5", "https://10.0.0.5/keys", Ok(true)),
            ("https://10.0.0.5", "https://10.0.0.6/keys", Ok(false)),
            ("https://127.0.0.1", "http://127.0.0.1/keys", forbidden),
            ("http://127.0.0.1:81", "http://127.0.0.1:82/keys", Ok(true)),
            ("http://127.0.0.1:81", "http://localhost:82/keys", Ok(false)),
            ("http://127.0.0.1:81", "http://10.0.0.1/keys", forbidden),
        ] {
            assert_eq!(keys_at(issuer, jwks_uri), expected, "{issuer} {jwks_uri}");
        }
    }

    #[test]
    fn a_document_is_its_issuers_own() {
        let issuer = Issuer::parse("https://a.example.com").unwrap();
        for (document, expected) in [
            ("", DiscoveryFlaw::Unreadable),
            ("<html>", DiscoveryFlaw::Unreadable),
            (
                r#"{"issuer":"https://a.example.com"}"#,
                DiscoveryFlaw::Unreadable,
            ),
            (
                r#"{"issuer":"https://a.example.com/","jwks_uri":"https://a.example.com/k"}"#,
                DiscoveryFlaw::OtherIssuer,
            ),
            (
                r#"{"issuer":"https://b.example.com","jwks_uri":"https://b.example.com/k"}"#,
                DiscoveryFlaw::OtherIssuer,
            ),
        ] {
            assert_eq!(
                discover(&issuer, document.as_bytes()),
                Err(expected),
                "{document}"
            );
        }
    }
}
