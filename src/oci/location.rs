//! Location: where a client goes next, made path-absolute.
//!
//! Clients compare a Location's scheme and authority with what they typed, some as raw text, and
//! send no Authorization when they differ. A path-absolute one (`/v2/…`) has nothing to compare.
//! Path and query are kept byte for byte; only the slashes that a path begins with are merged, so
//! that the result can never be read as `//authority`.
//!
//! What this file deliberately doesn't know: upload tickets, logs, and what is counted.

use super::authorities::{AuthorityKnowledge, KnownAuthorities};
use super::operation::Operation;
use super::repair::Repair;
use crate::net::origin::{Authority, Origin};
use std::borrow::Cow;

/// What has to be known about an answer to judge its Location or Link.
#[derive(Clone, Copy, Debug)]
pub struct LocationContext<'a> {
    pub operation: Operation,
    pub status: u16,
    /// The public origin that the client used.
    pub public: &'a Origin,
    pub known: &'a KnownAuthorities,
}

/// What is to be done with a Location.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationRepair<'v> {
    /// It is right: leave it.
    Unchanged,
    /// Send `value` instead.
    Relative {
        value: Cow<'v, str>,
        kind: Repair,
        /// The authority, where nobody configured it: worth one line in the log.
        unknown: Option<&'v str>,
    },
    /// It leads elsewhere on purpose, to object storage or to an identity provider: leave it.
    Foreign,
    /// It is broken and nothing can be taken from it: leave it, and count it.
    Unusable,
}

/// Judges the value of a Location field.
pub fn repair_location<'v>(value: &'v [u8], reply: &LocationContext<'_>) -> LocationRepair<'v> {
    let Ok(text) = std::str::from_utf8(value) else {
        return LocationRepair::Unusable;
    };
    match LocationReference::read(text.trim_matches([' ', '\t'])) {
        LocationReference::PathAbsolute => LocationRepair::Unchanged,
        LocationReference::Absolute(url) => repair_absolute(url, reply),
        LocationReference::Bare(text) if reply.operation.is_registry() => repair_bare(text, reply),
        // A path relative to the request's, which is legal, and nothing a registry client sees.
        LocationReference::Bare(_) => LocationRepair::Unchanged,
    }
}

/// A reference (RFC 3986, 4.1), read as leniently as the broken ones demand.
enum LocationReference<'v> {
    PathAbsolute,
    Absolute(LocationUrl<'v>),
    Bare(&'v str),
}

#[derive(Clone, Copy)]
struct LocationUrl<'v> {
    /// What stood before `://`; none for `//authority/…`.
    scheme: Option<&'v str>,
    authority: &'v str,
    /// Path, query and fragment.
    rest: &'v str,
}

impl<'v> LocationReference<'v> {
    fn read(text: &'v str) -> LocationReference<'v> {
        if let Some(behind) = text.strip_prefix("//") {
            return LocationReference::Absolute(LocationUrl::new(None, behind));
        }
        if text.starts_with('/') && !text.starts_with("/\\") {
            return LocationReference::PathAbsolute;
        }
        let before_query = text.split(['?', '#']).next().unwrap_or("");
        match before_query.find("://") {
            Some(at) => {
                LocationReference::Absolute(LocationUrl::new(Some(&text[..at]), &text[at + 3..]))
            }
            None => LocationReference::Bare(text),
        }
    }
}

impl<'v> LocationUrl<'v> {
    fn new(scheme: Option<&'v str>, behind: &'v str) -> LocationUrl<'v> {
        let end = behind.find(['/', '?', '#', '\\']).unwrap_or(behind.len());
        let (authority, rest) = behind.split_at(end);
        LocationUrl {
            scheme,
            authority,
            rest,
        }
    }
}

fn repair_absolute<'v>(url: LocationUrl<'v>, reply: &LocationContext<'_>) -> LocationRepair<'v> {
    let authority = Authority::parse(url.authority).ok();
    let familiarity = match &authority {
        Some(authority) => reply.known.familiarity(authority),
        None => AuthorityKnowledge::Unknown,
    };
    let is_redirect = (300..400).contains(&reply.status);
    let is_ours = if !reply.operation.is_registry() {
        // An identity provider may live on the same host under another port.
        familiarity == AuthorityKnowledge::Authority
    } else if !is_registry_path(url.rest) {
        // Storage, even where it stands on the same host.
        return if is_redirect {
            LocationRepair::Foreign
        } else {
            LocationRepair::Unusable
        };
    } else {
        // An answer to a write names the registry's own resource, whoever it believes to be.
        !is_redirect || familiarity != AuthorityKnowledge::Unknown || url.authority.is_empty()
    };
    if !is_ours {
        return LocationRepair::Foreign;
    }
    let Some(value) = path_absolute(url.rest) else {
        return LocationRepair::Unusable;
    };
    let is_unknown = familiarity == AuthorityKnowledge::Unknown && !url.authority.is_empty();
    LocationRepair::Relative {
        kind: kind(&url, authority.as_ref(), familiarity, reply.public),
        unknown: is_unknown.then_some(url.authority),
        value,
    }
}

/// `v2/…` without its slash, or `authority/v2/…` without a scheme.
fn repair_bare<'v>(text: &'v str, reply: &LocationContext<'_>) -> LocationRepair<'v> {
    let path_only = text.split(['?', '#']).next().unwrap_or("");
    if path_only.starts_with("v2/") && path_absolute(text).is_some() {
        return LocationRepair::Relative {
            value: Cow::Owned(format!("/{text}")),
            kind: Repair::LocationMalformed,
            unknown: None,
        };
    }
    match path_only.find("/v2/") {
        Some(at) => {
            let before = text[..at].trim_end_matches('/');
            // `https:/v2/…` has a scheme and no authority.
            let authority = if before.ends_with(':') { "" } else { before };
            repair_absolute(
                LocationUrl {
                    scheme: Some(""),
                    authority,
                    rest: &text[at..],
                },
                reply,
            )
        }
        None => LocationRepair::Unusable,
    }
}

fn is_registry_path(rest: &str) -> bool {
    rest.trim_start_matches('/').starts_with("v2/") && rest.starts_with('/')
}

/// Path and query as a reference that begins with exactly one slash.
fn path_absolute(rest: &str) -> Option<Cow<'_, str>> {
    if rest.bytes().any(|b| b <= b' ' || b >= 0x7F || b == b'\\') {
        return None;
    }
    let behind = rest.trim_start_matches('/');
    if behind.len() == rest.len() {
        return Some(Cow::Owned(format!("/{rest}")));
    }
    Some(Cow::Borrowed(&rest[rest.len() - behind.len() - 1..]))
}

fn kind(
    url: &LocationUrl<'_>,
    authority: Option<&Authority>,
    familiarity: AuthorityKnowledge,
    public: &Origin,
) -> Repair {
    let is_http = url.scheme.is_none_or(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    });
    let (Some(authority), true, false) = (authority, is_http, url.rest.starts_with("//")) else {
        return Repair::LocationMalformed;
    };
    let has_scheme = |scheme: &str| scheme.eq_ignore_ascii_case(public.scheme.as_str());
    let typed_port = (public.port != public.scheme.default_port()).then_some(public.port);
    if familiarity == AuthorityKnowledge::Unknown {
        Repair::LocationUnknown
    } else if authority.host != public.host {
        Repair::LocationAlias
    } else if authority.port != typed_port {
        Repair::LocationPort
    } else if url.scheme.is_some_and(|scheme| !has_scheme(scheme)) {
        Repair::LocationScheme
    } else {
        Repair::LocationAbsolute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPLOAD: &str =
        "/v2/lab/rec-c/blobs/uploads/ca3340ff-6d54-4cb5-84ae-f65d4b93a823?_state=hvxiC9K-_DH%3D%3D";

    fn judge(value: &str, operation: Operation, status: u16) -> LocationRepair<'_> {
        let origins = [
            "https://harbor-a.lab.test",
            "https://hub.lan.test:8443",
            "http://10.0.0.5",
            "http://core:8080",
        ]
        .map(|text| Origin::parse(text).unwrap());
        let known = KnownAuthorities::new(&origins);
        let reply = LocationContext {
            operation,
            status,
            public: &origins[0],
            known: &known,
        };
        repair_location(value.as_bytes(), &reply)
    }

    #[test]
    fn upload_locations_lose_their_authority_and_keep_every_other_byte() {
        for (before, kind, unknown) in [
            ("https://harbor-a.lab.test", Repair::LocationAbsolute, None),
            ("https://HARBOR-A.lab.test.", Repair::LocationAbsolute, None),
            ("//harbor-a.lab.test", Repair::LocationAbsolute, None),
            ("https://harbor-a.lab.test:443", Repair::LocationPort, None),
            ("https://harbor-a.lab.test:8443", Repair::LocationPort, None),
            ("http://harbor-a.lab.test", Repair::LocationScheme, None),
            ("http://core:8080", Repair::LocationAlias, None),
            ("http://core", Repair::LocationAlias, None),
            ("https://hub.lan.test:8443", Repair::LocationAlias, None),
            ("http://10.0.0.5:80", Repair::LocationAlias, None),
            (
                "https://other.lab.test:444",
                Repair::LocationUnknown,
                Some("other.lab.test:444"),
            ),
            (
                "//other.lab.test",
                Repair::LocationUnknown,
                Some("other.lab.test"),
            ),
            (
                "https, http://harbor-a.lab.test",
                Repair::LocationMalformed,
                None,
            ),
            (
                "https, http://x.test",
                Repair::LocationMalformed,
                Some("x.test"),
            ),
            (
                "https://one, two",
                Repair::LocationMalformed,
                Some("one, two"),
            ),
            ("://harbor-a.lab.test", Repair::LocationMalformed, None),
            ("http://", Repair::LocationMalformed, None),
            ("https:", Repair::LocationMalformed, None),
            ("harbor-a.lab.test", Repair::LocationMalformed, None),
            (
                "https://harbor-a.lab.test/",
                Repair::LocationMalformed,
                None,
            ),
            ("///", Repair::LocationMalformed, None),
        ] {
            let value = format!("{before}{UPLOAD}");
            assert_eq!(
                judge(&value, Operation::UploadStart, 202),
                LocationRepair::Relative {
                    value: Cow::Borrowed(UPLOAD),
                    kind,
                    unknown
                },
                "{before}"
            );
        }
    }

    #[test]
    fn what_needs_no_repair_or_bears_none_is_left() {
        let unusable = LocationRepair::Unusable;
        for (value, expected) in [
            (UPLOAD, LocationRepair::Unchanged),
            ("/v2/lab/rec-c/blobs/uploads/", LocationRepair::Unchanged),
            ("/v2/x?next=https://a/b", LocationRepair::Unchanged),
            ("", unusable.clone()),
            ("uploads/x", unusable.clone()),
            ("https://harbor-a.lab.test", unusable.clone()),
            ("https://harbor-a.lab.test/other/x", unusable.clone()),
            ("https://harbor-a.lab.test\\v2/x", unusable.clone()),
            ("https://harbor-a.lab.test/v2/x\\y", unusable.clone()),
            ("https://harbor-a.lab.test/v2/x y", unusable.clone()),
            ("https://harbor-a.lab.test/v2/é", unusable.clone()),
            ("?x=/v2/", unusable),
        ] {
            assert_eq!(
                judge(value, Operation::UploadStart, 202),
                expected,
                "{value}"
            );
        }
        let slashless = judge("v2/lab/x/blobs/uploads/u", Operation::UploadStart, 202);
        let value = Cow::Borrowed("/v2/lab/x/blobs/uploads/u");
        let kind = Repair::LocationMalformed;
        assert_eq!(
            slashless,
            LocationRepair::Relative {
                value,
                kind,
                unknown: None
            }
        );
    }

    #[test]
    fn redirects_that_lead_elsewhere_stay() {
        let relative = |value: &'static str, kind| LocationRepair::Relative {
            value: Cow::Borrowed(value),
            kind,
            unknown: None,
        };
        for (value, operation, status, expected) in [
            (
                "https://bucket.s3.example.com/docker/registry/v2/blobs/sha256/aa/data?X-Sig=b%2F",
                Operation::BlobGet,
                307,
                LocationRepair::Foreign,
            ),
            (
                "http://harbor-a.lab.test:9000/minio/x",
                Operation::BlobGet,
                307,
                LocationRepair::Foreign,
            ),
            (
                "https://other.test/v2/lab/x/blobs/a:b",
                Operation::BlobHead,
                307,
                LocationRepair::Foreign,
            ),
            (
                "http://core:8080/v2/lab/x/blobs/a:b",
                Operation::BlobGet,
                307,
                relative("/v2/lab/x/blobs/a:b", Repair::LocationAlias),
            ),
            (
                "http://other.test/v2/lab/x/manifests/a:b",
                Operation::ManifestPut,
                201,
                LocationRepair::Relative {
                    value: Cow::Borrowed("/v2/lab/x/manifests/a:b"),
                    kind: Repair::LocationUnknown,
                    unknown: Some("other.test"),
                },
            ),
            (
                "http://core:8080/harbor/projects",
                Operation::Ui,
                302,
                relative("/harbor/projects", Repair::LocationAlias),
            ),
            (
                "http://harbor-a.lab.test//evil.test/x",
                Operation::Ui,
                302,
                relative("/evil.test/x", Repair::LocationMalformed),
            ),
            (
                "https://sso.test/auth?redirect_uri=https://x",
                Operation::Oidc,
                302,
                LocationRepair::Foreign,
            ),
            (
                "https://harbor-a.lab.test:8443/auth",
                Operation::Oidc,
                302,
                LocationRepair::Foreign,
            ),
            (
                "harbor/projects",
                Operation::Ui,
                302,
                LocationRepair::Unchanged,
            ),
            (
                "/harbor/projects",
                Operation::Ui,
                302,
                LocationRepair::Unchanged,
            ),
            (
                "https://api.test/api/v2.0/projects/1",
                Operation::Api,
                201,
                LocationRepair::Foreign,
            ),
        ] {
            assert_eq!(judge(value, operation, status), expected, "{value}");
        }
        let bare = judge("http://harbor-a.lab.test?a=b", Operation::Ui, 302);
        let value = Cow::Borrowed("/?a=b");
        let kind = Repair::LocationScheme;
        assert_eq!(
            bare,
            LocationRepair::Relative {
                value,
                kind,
                unknown: None
            }
        );
    }
}
