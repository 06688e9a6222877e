//! Issuers by their URL.

use crate::net::origin::Scheme;
use crate::net::url::Url;
use std::fmt;

/// Issuers for the jobs of whoever opens an account.
const EVERYBODYS: [&str; 3] = [
    "https://token.actions.githubusercontent.com",
    "https://gitlab.com",
    "https://accounts.google.com",
];

/// Who issues tokens: what stands in `iss`, byte for byte, and where its keys are looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Issuer(String);

impl Issuer {
    /// The accepted form, for the error message.
    pub const ACCEPTED: &str = "an issuer's URL as it stands in the claim iss of its tokens, such as https://token.actions.githubusercontent.com; http only where it is a loopback address";

    /// Reads an issuer (OpenID Connect Discovery, 3): an https URL without query and fragment; `None`
    /// where it is none. The port is left out or not as its tokens have it.
    pub fn parse(text: &str) -> Option<Issuer> {
        let url = Url::parse(text).ok()?;
        let is_issuer = !text.contains('?') && is_secure(&url);
        is_issuer.then(|| Issuer(text.to_owned()))
    }

    /// As it stands in `iss`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether everybody can have a token of it, for any audience: what a job is has to be asked then.
    pub(crate) fn is_everybodys(&self) -> bool {
        EVERYBODYS.contains(&self.0.trim_end_matches('/'))
    }

    /// Whether the two differ by a slash at the end alone: the mistake that is easy to make.
    pub(crate) fn is_nearly(&self, other: &str) -> bool {
        self.0 != other && self.0.trim_end_matches('/') == other.trim_end_matches('/')
    }

    /// Where it says where its keys are (OpenID Connect Discovery, 4); `None` never, since it was read
    /// as a URL.
    pub(crate) fn discovery(&self) -> Option<Url> {
        let base = self.0.strip_suffix('/').unwrap_or(&self.0);
        Url::parse(&format!("{base}/.well-known/openid-configuration")).ok()
    }
}

/// Whether what comes from there comes from nobody else.
pub(super) fn is_secure(url: &Url) -> bool {
    match url.origin.scheme {
        Scheme::Https => true,
        Scheme::Http => url.is_loopback(),
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers_are_secure_urls() {
        for (text, discovery) in [
            (
                "https://token.actions.githubusercontent.com",
                Some("/.well-known/openid-configuration"),
            ),
            (
                "https://git.example.com:8443/gitlab/",
                Some("/gitlab/.well-known/openid-configuration"),
            ),
            (
                "https://hub.example.com/_services/token",
                Some("/_services/token/.well-known/openid-configuration"),
            ),
            (
                "http://127.0.0.1:8080",
                Some("/.well-known/openid-configuration"),
            ),
            (
                "http://[::1]:8080",
                Some("/.well-known/openid-configuration"),
            ),
            (
                "http://localhost",
                Some("/.well-known/openid-configuration"),
            ),
            ("http://issuer.example.com", None),
            ("http://10.0.0.1", None),
            ("http://localhost.example.com", None),
            ("https://a.example.com/?x", None),
            ("https://a.example.com/#x", None),
            ("https://me:pw@a.example.com", None),
            ("https://a.example.com/a b", None),
            ("https://a.example.com\\b", None),
            ("ftp://a.example.com", None),
            ("a.example.com", None),
            ("https://", None),
            ("", None),
        ] {
            let issuer = Issuer::parse(text);
            let found = issuer.as_ref().and_then(Issuer::discovery);
            let found = found.map(|url| url.target);
            assert_eq!(found.as_deref(), discovery, "{text}");
            assert!(issuer.is_none_or(|issuer| issuer.as_str() == text));
        }
    }

    #[test]
    fn a_slash_makes_another_issuer() {
        let issuer = Issuer::parse("https://git.example.com").unwrap();
        for (other, expected) in [
            ("https://git.example.com/", true),
            ("https://git.example.com", false),
            ("https://git.example.org/", false),
        ] {
            assert_eq!(issuer.is_nearly(other), expected, "{other}");
        }
    }
}
