//! Request targets for logs: no secrets, no control characters, a bounded length.
//!
//! Only query values of an allow list are shown: `_state`, tickets, tokens, codes and any unknown
//! parameter appear as `***`.

use std::fmt::Write;

/// What a log line may hold of one target.
const MAX_LENGTH: usize = 1024;

const HIDDEN: &str = "***";

/// Parameters whose values say nothing secret: the registry API's, the token service's, and the
/// Harbor API's for paging and filtering.
const SHOWN: [&str; 27] = [
    "artifact_digest",
    "artifactType",
    "client_id",
    "digest",
    "from",
    "last",
    "mount",
    "n",
    "name",
    "ns",
    "offline_token",
    "page",
    "page_size",
    "project_id",
    "project_name",
    "public",
    "q",
    "scope",
    "service",
    "sort",
    "tag",
    "with_accessory",
    "with_detail",
    "with_label",
    "with_scan_overview",
    "with_signature",
    "with_tag",
];

/// The target as it may stand in a log.
pub fn redacted(path: &str, query: Option<&str>) -> String {
    let mut shown = String::with_capacity(path.len() + query.map_or(0, str::len) + 1);
    push_escaped(&mut shown, path);
    if let Some(query) = query {
        shown.push('?');
        for (index, pair) in query.split('&').enumerate() {
            if index > 0 {
                shown.push('&');
            }
            push_pair(&mut shown, pair);
        }
    }
    cut(shown)
}

/// A Location that can't be read, as it may stand in a log: what comes before anything that could be
/// a query or a parameter, without a user and a password.
pub(crate) fn redacted_location(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let end = text
        .find(['?', '#', '&', ';', '=', '%'])
        .unwrap_or(text.len());
    // A password may hold each of these itself.
    let (hidden, begin) = match text.rfind('@') {
        Some(at) => (HIDDEN, at),
        None => ("", 0),
    };
    let mut shown = hidden.to_owned();
    if begin <= end {
        push_escaped(&mut shown, &text[begin..end]);
        if end < text.len() {
            shown.push_str(HIDDEN);
        }
    }
    cut(shown)
}

fn push_pair(shown: &mut String, pair: &str) {
    match pair.split_once('=') {
        Some((name, value)) if SHOWN.contains(&name) => {
            push_escaped(shown, name);
            shown.push('=');
            push_escaped(shown, value);
        }
        Some((name, _)) if is_plain_name(name) => {
            shown.push_str(name);
            shown.push('=');
            shown.push_str(HIDDEN);
        }
        None if pair.is_empty() || SHOWN.contains(&pair) => shown.push_str(pair),
        // A name that is no name may itself be the secret.
        Some(_) | None => shown.push_str(HIDDEN),
    }
}

fn is_plain_name(name: &str) -> bool {
    name.len() <= 32
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

fn push_escaped(shown: &mut String, text: &str) {
    // As nearly all are.
    if text.bytes().all(|b| b.is_ascii_graphic()) {
        shown.push_str(text);
        return;
    }
    for c in text.chars() {
        if c.is_ascii_graphic() {
            shown.push(c);
        } else {
            // Writing into a String cannot fail.
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

fn cut(mut shown: String) -> String {
    if shown.len() > MAX_LENGTH {
        // Everything in it is ASCII by now.
        shown.truncate(MAX_LENGTH);
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_reach_the_log() {
        for (path, query, expected) in [
            ("/v2/", None, "/v2/"),
            ("/v2/", Some(""), "/v2/?"),
            (
                "/v2/lab/x/blobs/uploads/u",
                Some("_state=hvxiC9K%3D&digest=sha256%3Aaa"),
                "/v2/lab/x/blobs/uploads/u?_state=***&digest=sha256%3Aaa",
            ),
            ("/v2/", Some("n=1&n=2&last=a"), "/v2/?n=1&n=2&last=a"),
            (
                "/service/token",
                Some(
                    "account=alice&service=harbor-registry&scope=repository:lab/x:pull&password=p",
                ),
                "/service/token?account=***&service=harbor-registry&scope=repository:lab/x:pull&password=***",
            ),
            (
                "/c/oidc/callback",
                Some("code=c&state=s"),
                "/c/oidc/callback?code=***&state=***",
            ),
            ("/x", Some("eyJhbGciOi.J9"), "/x?***"),
            ("/x", Some("eyJhbGciOi.J9=1"), "/x?***"),
            ("/x", Some("Digest=1"), "/x?Digest=***"),
            ("/x", Some("_st%61te=1"), "/x?***"),
            ("/x", Some("a=b=c"), "/x?a=***"),
            ("/x", Some("a-b=1&n&&tag"), "/x?a-b=***&n&&tag"),
            ("/a\n\u{1b}é b", None, "/a\\u{a}\\u{1b}\\u{e9}\\u{20}b"),
            ("/x", Some("q=\r"), "/x?q=\\u{d}"),
        ] {
            assert_eq!(redacted(path, query), expected, "{path} {query:?}");
        }
    }

    #[test]
    fn a_location_that_is_none_gives_nothing_away() {
        for (value, expected) in [
            (&b"uploads/u?_state=hvxi"[..], "uploads/u***"),
            (
                b"https://hub/up\\loads/u?_state=hvxi",
                "https://hub/up\\loads/u***",
            ),
            (b"http:///%3F_state=hvxi", "http:///***"),
            (b"/u&_state=hvxi", "/u***"),
            (b"https://me:pw@hub/u", "***@hub/u"),
            (b"https://me:p?w@hub/u?_state=hvxi", "***"),
            (b"u?_state=a@b", "***"),
            (b"\xff\n/u", "\\u{fffd}\\u{a}/u"),
            (b"", ""),
        ] {
            let shown = redacted_location(value);
            assert_eq!(shown, expected, "{}", value.escape_ascii());
        }
        assert!(redacted_location(&[b'a'; 100_000]).len() <= MAX_LENGTH + 3);
    }

    #[test]
    fn a_log_line_is_bounded() {
        let long = "a&".repeat(100_000);
        assert!(redacted(&long, Some(&long)).len() <= MAX_LENGTH + 3);
        assert!(redacted("/", Some(&long)).len() <= MAX_LENGTH + 3);
        let most = "a".repeat(1024);
        assert_eq!(redacted(&most, None), most);
        assert_eq!(redacted(&format!("{most}a"), None), format!("{most}..."));
    }

    #[test]
    fn a_long_name_may_be_a_secret() {
        for (length, is_shown) in [(32, true), (33, false)] {
            let name = "a".repeat(length);
            let shown = redacted("/", Some(&format!("{name}=1")));
            assert_eq!(shown.contains(&name), is_shown, "{length}");
        }
    }
}
