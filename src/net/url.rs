//! URLs that the gateway itself asks. What this file deliberately doesn't know: which of them may be asked.

use super::origin::{Origin, OriginError};
use std::fmt;
use std::net::IpAddr;

/// Longer ones are nobody's.
const LONGEST: usize = 1024;

/// An http or https URL that is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) origin: Origin,
    /// Path and query.
    pub(crate) target: String,
}

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UrlError {
    Origin(OriginError),
    /// It has no scheme, a fragment, a character that has to be escaped, or is too long.
    Form,
}

impl Url {
    /// Reads a URL without user and fragment.
    ///
    /// # Errors
    /// Where it is none.
    pub(crate) fn parse(text: &str) -> Result<Url, UrlError> {
        let is_sound = |byte: u8| byte.is_ascii_graphic() && !b"#\\<>\"`{}|^".contains(&byte);
        let scheme = text.find("://");
        let (Some(scheme), true) = (scheme, text.len() <= LONGEST && text.bytes().all(is_sound))
        else {
            return Err(UrlError::Form);
        };
        let authority = scheme + "://".len();
        let length = text[authority..].find(['/', '?']);
        let (origin, target) = text.split_at(length.map_or(text.len(), |at| authority + at));
        let lead = if target.starts_with('/') { "" } else { "/" };
        Ok(Url {
            origin: Origin::parse(origin).map_err(UrlError::Origin)?,
            target: format!("{lead}{target}"),
        })
    }

    /// Whether it names this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.origin.host.bare();
        let address = host.parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|ip| ip.to_canonical().is_loopback())
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_an_origin_and_what_is_asked_there() {
        let long = format!("https://a/{}", "a".repeat(LONGEST));
        let origin = |error| Err(UrlError::Origin(error));
        let form = Err(UrlError::Form);
        for (text, expected) in [
            ("https://a.example.com", Ok("https://a.example.com/")),
            ("https://a:8443/k?v=%7e", Ok("https://a:8443/k?v=%7e")),
            ("http://[::1]:80?v", Ok("http://[::1]/?v")),
            ("https://me:pw@a/", origin(OriginError::UserInfo)),
            ("ftp://a/", origin(OriginError::Scheme)),
            ("https://a:0/", origin(OriginError::Port)),
            ("https:///k", origin(OriginError::Host)),
            ("a/k", form),
            ("", form),
            ("https://a/#k", form),
            ("https://a/ k", form),
            ("https://a\\b", form),
            ("https://a/\r\nHost: b", form),
            ("https://a/\u{e4}", form),
            (&long, form),
        ] {
            let read = Url::parse(text).map(|url| url.to_string());
            assert_eq!(read.as_deref().map_err(|error| *error), expected, "{text}");
        }
    }
}
