//! Headers as filters see and set them: what is shown of those that came, and which no filter may
//! touch. Pure: edits are values, which the gateway applies when the filter is done.

use crate::net::forwarded::is_dropped;
use crate::oci::redact::redacted_location;
use http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use std::sync::Arc;

/// What stands in the place of a value that could be secret.
const HIDDEN: &str = "***";

/// Headers whose values hold no secret. Shown by permission, not hidden by suspicion: what a client, a
/// proxy or Harbor invents tomorrow comes out as `***`.
pub(crate) const SHOWN: [&str; 38] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "cache-control",
    "cf-ray",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "docker-content-digest",
    "docker-distribution-api-version",
    "docker-upload-uuid",
    "etag",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "last-modified",
    "oci-filters-applied",
    "oci-subject",
    "oci-tag",
    "range",
    "retry-after",
    "server",
    "strict-transport-security",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];

/// What no filter may touch in either direction: the framing of bodies and what they are, what is said
/// from hop to hop, credentials, and the request's id.
const PROTECTED: [&str; 20] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "cookie",
    "authorization",
    "expect",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-request-id",
];

/// Of requests: who is asked, and in which coding the answer may come (the token service's is read).
const PROTECTED_UPSTREAM: [&str; 3] = ["accept-encoding", "host", "referer"];

/// Of answers: where clients go next, what they sign in for, what they verify, and that nobody keeps an
/// upload's ticket.
const PROTECTED_RESPONSE: [&str; 8] = [
    "cache-control",
    "docker-content-digest",
    "docker-distribution-api-version",
    "docker-upload-uuid",
    "link",
    "location",
    "refresh",
    "www-authenticate",
];

/// Why a header stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// The gateway's own: pushes work because of it.
    #[error("the gateway itself sets {0}: no filter may change it")]
    Protected(String),
    /// HTTP has no such name.
    #[error("{0:?} can't be the name of a header")]
    Name(String),
    /// HTTP has no such value: it has control characters, or more than ASCII.
    #[error("the value of {0} has characters that no header may have")]
    Value(String),
}

/// What is to become of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Set(HeaderName, HeaderValue),
    Add(HeaderName, HeaderValue),
    Remove(HeaderName),
}

/// What a filter wants of headers, in its order.
#[derive(Debug, Default)]
struct Edits(Vec<Edit>);

impl Edits {
    fn set(&mut self, name: HeaderName, value: &str) -> Result<(), HeaderError> {
        let value = sound(&name, value)?;
        self.0.push(Edit::Set(name, value));
        Ok(())
    }

    fn add(&mut self, name: HeaderName, value: &str) -> Result<(), HeaderError> {
        let value = sound(&name, value)?;
        self.0.push(Edit::Add(name, value));
        Ok(())
    }

    fn remove(&mut self, name: HeaderName) {
        self.0.push(Edit::Remove(name));
    }
}

/// Headers that Harbor gets with this try. Beyond reach, because Harbor's answers and who it takes the
/// client for depend on them: Host, `X-Forwarded-*`, `Forwarded`, `X-Real-IP` and the like,
/// Authorization, cookies, the body's framing and type, and what is said from hop to hop.
#[derive(Debug, Default)]
pub struct UpstreamHeaders {
    edits: Edits,
    /// More that are the gateway's own, by its configuration.
    taken: Vec<HeaderName>,
}

impl UpstreamHeaders {
    pub(crate) fn but(taken: Vec<HeaderName>) -> UpstreamHeaders {
        UpstreamHeaders {
            edits: Edits::default(),
            taken,
        }
    }

    pub(crate) fn edits(self) -> Vec<Edit> {
        self.edits.0
    }

    /// Gives a header this value, in the place of all that it has.
    ///
    /// # Errors
    /// When the header is the gateway's own, or no header at all.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let name = self.free(name)?;
        self.edits.set(name, value)
    }

    /// Gives a header one value more.
    ///
    /// # Errors
    /// As [`UpstreamHeaders::set`].
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let name = self.free(name)?;
        self.edits.add(name, value)
    }

    /// Takes a header off.
    ///
    /// # Errors
    /// When the header is the gateway's own, or no header at all.
    pub fn remove(&mut self, name: &str) -> Result<(), HeaderError> {
        self.edits.remove(self.free(name)?);
        Ok(())
    }

    fn free(&self, name: &str) -> Result<HeaderName, HeaderError> {
        let name = known(name)?;
        // As servers of the CGI kind read it: an underscore is a dash.
        let read = name.as_str().replace('_', "-");
        let is_protected = PROTECTED.contains(&read.as_str())
            || PROTECTED_UPSTREAM.contains(&read.as_str())
            || is_dropped(&read)
            || self.taken.iter().any(|taken| taken.as_str() == read)
            || self.taken.contains(&name);
        if is_protected {
            Err(HeaderError::Protected(name.to_string()))
        } else {
            Ok(name)
        }
    }
}

/// An answer of Harbor's, put right for the client, and the headers that it goes out with. Read-only,
/// because pushes and pulls work by them: Location, Link, challenges, cookies, `Docker-*`,
/// Cache-Control, the body's framing and type, and what is said from hop to hop.
#[derive(Debug)]
pub struct Response {
    status: u16,
    headers: Arc<HeaderMap>,
    edits: Edits,
}

impl Response {
    /// `headers` are those that may be shown (see [`shown`]).
    pub(crate) fn new(status: u16, headers: Arc<HeaderMap>) -> Response {
        Response {
            status,
            headers,
            edits: Edits::default(),
        }
    }

    pub(crate) fn edits(self) -> Vec<Edit> {
        self.edits.0
    }

    /// Its status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The first value of a header as Harbor sent it and the gateway put it right; nothing of what
    /// filters set. It is `***` where it isn't known to be harmless, and Location has no query.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// Gives a header this value, in the place of all that it has.
    ///
    /// # Errors
    /// When the header is read-only, or no header at all.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let name = writable(name)?;
        self.edits.set(name, value)
    }

    /// Gives a header one value more.
    ///
    /// # Errors
    /// As [`Response::set`].
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), HeaderError> {
        let name = writable(name)?;
        self.edits.add(name, value)
    }

    /// Takes a header off.
    ///
    /// # Errors
    /// When the header is read-only, or no header at all.
    pub fn remove(&mut self, name: &str) -> Result<(), HeaderError> {
        self.edits.remove(writable(name)?);
        Ok(())
    }
}

/// The headers with every value hidden that may not be shown.
pub(crate) fn shown(headers: &HeaderMap) -> HeaderMap {
    let mut shown = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let value = match name {
            name if SHOWN.contains(&name.as_str()) && value.to_str().is_ok() => value.clone(),
            name if *name == LOCATION => {
                HeaderValue::from_str(&redacted_location(value.as_bytes()))
                    .unwrap_or(HeaderValue::from_static(HIDDEN))
            }
            _ => HeaderValue::from_static(HIDDEN),
        };
        shown.append(name, value);
    }
    shown
}

/// The first value of a header among those that are shown, whatever the name's case.
pub(super) fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn known(name: &str) -> Result<HeaderName, HeaderError> {
    HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name(name.to_owned()))
}

fn writable(name: &str) -> Result<HeaderName, HeaderError> {
    let name = known(name)?;
    let is_read_only =
        PROTECTED.contains(&name.as_str()) || PROTECTED_RESPONSE.contains(&name.as_str());
    if is_read_only {
        Err(HeaderError::Protected(name.to_string()))
    } else {
        Ok(name)
    }
}

fn sound(name: &HeaderName, value: &str) -> Result<HeaderValue, HeaderError> {
    let is_ascii = value.is_ascii().then(|| HeaderValue::from_str(value).ok());
    is_ascii
        .flatten()
        .ok_or_else(|| HeaderError::Value(name.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_pushes_work_by_is_out_of_reach() {
        let mut upstream = UpstreamHeaders::but(vec![HeaderName::from_static("x-moved")]);
        for name in [
            "Host",
            "host",
            "Authorization",
            "Proxy-Authorization",
            "Cookie",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Whatever",
            "x_forwarded_host",
            "X-Real-IP",
            "X-Original-URL",
            "X-Request-Id",
            "Content-Length",
            "content_length",
            "Content-Type",
            "Transfer-Encoding",
            "Connection",
            "Keep-Alive",
            "TE",
            "Trailer",
            "Upgrade",
            "Expect",
            "Accept-Encoding",
            "X-Moved",
            "x_moved",
        ] {
            let kept = Err(HeaderError::Protected(name.to_ascii_lowercase()));
            assert_eq!(upstream.set(name, "x"), kept, "{name}");
            assert_eq!(upstream.add(name, "x"), kept, "{name}");
            assert_eq!(upstream.remove(name), kept, "{name}");
        }
        assert_eq!(upstream.edits(), []);

        let mut response = Response::new(200, Arc::new(shown(&HeaderMap::new())));
        for name in [
            "Location",
            "link",
            "WWW-Authenticate",
            "Set-Cookie",
            "Content-Length",
            "Transfer-Encoding",
            "Connection",
            "Docker-Content-Digest",
            "Cache-Control",
            "X-Request-Id",
        ] {
            let kept = Err(HeaderError::Protected(name.to_ascii_lowercase()));
            assert_eq!(response.set(name, "x"), kept, "{name}");
            assert_eq!(response.add(name, "x"), kept, "{name}");
            assert_eq!(response.remove(name), kept, "{name}");
        }
        assert_eq!(response.edits(), []);
    }

    #[test]
    fn edits_are_kept_in_their_order() {
        let team = HeaderName::from_static("x-team");
        let value = HeaderValue::from_static;
        let expected = [
            Edit::Remove(team.clone()),
            Edit::Set(team.clone(), value("a")),
            Edit::Add(team, value("b")),
        ];
        let mut upstream = UpstreamHeaders::default();
        upstream.remove("X-Team").unwrap();
        upstream.set("X-Team", "a").unwrap();
        upstream.add("X-Team", "b").unwrap();
        assert_eq!(upstream.edits(), expected);
        let mut response = Response::new(200, Arc::new(shown(&HeaderMap::new())));
        response.remove("X-Team").unwrap();
        response.set("X-Team", "a").unwrap();
        response.add("X-Team", "b").unwrap();
        assert_eq!(response.edits(), expected);
    }

    #[test]
    fn nothing_is_smuggled_in() {
        let mut headers = UpstreamHeaders::default();
        for name in ["", "a b", "a:b", "a\r\nHost", "ä"] {
            let refused = Err(HeaderError::Name(name.to_owned()));
            assert_eq!(headers.set(name, "x"), refused, "{name:?}");
        }
        for value in ["a\r\nHost: b", "a\0", "ä", "\u{7f}"] {
            let refused = Err(HeaderError::Value("x-a".to_owned()));
            assert_eq!(headers.set("X-A", value), refused, "{value:?}");
        }
        assert_eq!(headers.edits(), []);
    }

    #[test]
    fn values_are_shown_by_permission() {
        let mut came = HeaderMap::new();
        for (name, value) in [
            ("user-agent", "docker/28"),
            ("authorization", "Bearer secret"),
            ("cookie", "sid=secret"),
            ("referer", "https://hub/v2/?_state=secret"),
            ("x-api-key", "secret"),
            (
                "location",
                "/v2/lab/app/blobs/uploads/1?_state=secret&hm_ticket=secret",
            ),
        ] {
            came.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let shown = shown(&came);
        for (name, expected) in [
            ("User-Agent", Some("docker/28")),
            ("Authorization", Some("***")),
            ("cookie", Some("***")),
            ("referer", Some("***")),
            ("x-api-key", Some("***")),
            ("location", Some("/v2/lab/app/blobs/uploads/1***")),
            ("accept", None),
        ] {
            assert_eq!(header(&shown, name), expected, "{name}");
        }
    }
}
