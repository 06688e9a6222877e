//! Where a Location leads the doctor, and whether it would lead every client there too.

use crate::net::origin::Origin;

/// Where a URL leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UploadReference {
    /// None where it has none, or none that can be read.
    pub(super) origin: Option<Origin>,
    /// Path and query.
    pub(super) target: String,
}

impl UploadReference {
    pub(super) fn read(text: &str) -> Option<UploadReference> {
        let target = follow(text)?;
        let text = text.trim().split('#').next().unwrap_or_default();
        let front = text.strip_suffix(target.as_str());
        Some(UploadReference {
            origin: front.and_then(|front| Origin::parse(front).ok()),
            target,
        })
    }
}

/// Its path and query, whatever stands in front of them; none where they can't be told.
pub(super) fn follow(value: &str) -> Option<String> {
    let text = value.trim();
    let text = text.split('#').next().unwrap_or_default();
    let before_query = text.split('?').next().unwrap_or_default();
    let behind = match before_query.find("//") {
        Some(0) => &text[2..],
        Some(at) if before_query[..at].ends_with(':') => &text[at + 2..],
        Some(_) | None => text,
    };
    let path = if behind.len() == text.len() {
        text
    } else {
        let authority = behind.find(['/', '?'])?;
        &behind[authority..]
    };
    let is_sound = path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic());
    is_sound.then(|| path.to_owned())
}

/// Whether it is path-absolute, or names scheme and authority exactly as clients type them.
pub(super) fn is_right(value: &str, typed: &str) -> bool {
    let path = value.strip_prefix(typed).unwrap_or(value);
    path.starts_with('/') && !path.starts_with("//") && !path.starts_with("/\\")
}

/// The authority that it names, as written.
pub(super) fn authority(value: &str) -> Option<&str> {
    let (_, behind) = value.split_once("//")?;
    behind.split(['/', '?', '#']).next()
}

/// A target with one more parameter.
pub(super) fn with_parameter(target: &str, name: &str, value: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!("{target}{separator}{name}={value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_query_are_followed_wherever_a_location_points() {
        let path = Some("/v2/lab/x/blobs/uploads/u?_state=s%3D");
        for (value, expected) in [
            ("/v2/lab/x/blobs/uploads/u?_state=s%3D", path),
            ("https://hub/v2/lab/x/blobs/uploads/u?_state=s%3D", path),
            ("http://in:5000/v2/lab/x/blobs/uploads/u?_state=s%3D", path),
            ("//hub/v2/lab/x/blobs/uploads/u?_state=s%3D#f", path),
            (
                " https, http://a/v2/lab/x/blobs/uploads/u?_state=s%3D",
                path,
            ),
            ("https:///v2/lab/x/blobs/uploads/u?_state=s%3D", path),
            ("/a//b?c=http://d/e", Some("/a//b?c=http://d/e")),
            ("", None),
            ("https://hub", None),
            ("https://hub?x=/y", None),
            ("uploads/u?_state=s", None),
            ("v2/lab/x", None),
            ("/v2/a b", None),
            ("/v2/é", None),
        ] {
            assert_eq!(follow(value).as_deref(), expected, "{value:?}");
        }
    }

    #[test]
    fn a_location_is_right_when_no_client_minds_it() {
        let plain = "https://hub.example.com";
        let ported = "https://hub.example.com:8443";
        for (value, target, expected) in [
            ("/v2/x", plain, true),
            ("https://hub.example.com/v2/x", plain, true),
            ("https://hub.example.com:443/v2/x", plain, false),
            ("http://hub.example.com/v2/x", plain, false),
            ("https://hub.example.com.evil/v2/x", plain, false),
            ("https://hub.example.com:8443/v2/x", ported, true),
            ("https://hub.example.com/v2/x", ported, false),
            ("//hub.example.com/v2/x", plain, false),
            ("/\\hub.example.com/v2/x", plain, false),
            ("v2/x", plain, false),
            ("", plain, false),
        ] {
            assert_eq!(is_right(value, target), expected, "{value} for {target}");
        }
    }

    #[test]
    fn parameters_are_added_where_others_are_or_not() {
        assert_eq!(with_parameter("/u", "digest", "d"), "/u?digest=d");
        assert_eq!(with_parameter("/u?a=b", "digest", "d"), "/u?a=b&digest=d");
        assert_eq!(authority("http://in:5000/v2/"), Some("in:5000"));
        assert_eq!(authority("/v2/"), None);
    }
}
