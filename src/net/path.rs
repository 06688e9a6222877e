//! Request targets: from the bytes a client sent to the one path that is classified, routed and
//! sent upstream.
//!
//! The principle: the path that goes upstream means exactly what was classified. Harbor's
//! core decodes percent escapes and merges slashes but leaves dot segments alone; Harbor's nginx
//! does all three and decodes `%2F` too. So a path is brought into a form that both read the same
//! way, that form goes upstream, and what has no such form is refused:
//!
//! | In the path | Answer |
//! |---|---|
//! | escaped unreserved characters (`%6c`) | decoded |
//! | `//` | merged |
//! | `.` and `..` segments, escaped or not | resolved; above the root: refused |
//! | `%2F` | a slash, as Harbor reads it; below `/api/` kept inside a parameter, elsewhere there refused |
//! | `%25` | kept (Harbor's UI escapes the slash of a repository name twice); below `/v2` and `/service` refused |
//! | other escapes | kept as they are |
//! | `..;x` | refused: some servers drop the part behind the semicolon |
//! | backslash, control characters, non-ASCII bytes, broken escapes, escapes that aren't UTF-8 | refused |
//!
//! The query is kept byte for byte. What this file deliberately doesn't know: which operation a
//! path is, and whether it is public.

use super::query;
use std::borrow::Cow;

/// A request target in its normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NormalPath<'t> {
    path: Cow<'t, str>,
    query: Option<Cow<'t, str>>,
    differs: bool,
}

impl<'t> NormalPath<'t> {
    /// Reads a target in origin form (RFC 9112, 3.2.1): a path with an optional query.
    pub fn parse(target: &'t [u8]) -> Result<NormalPath<'t>, PathError> {
        if target.first() != Some(&b'/') {
            return Err(PathError::Form);
        }
        let end = target
            .iter()
            .position(|&b| b == b'?')
            .unwrap_or(target.len());
        let query = match target.get(end + 1..) {
            Some(query) => Some(Cow::Borrowed(sound_query(query)?)),
            None => None,
        };
        let path = sound_path(&target[..end])?;
        if is_normal(path) {
            return Ok(NormalPath {
                path: Cow::Borrowed(path),
                query,
                differs: false,
            });
        }
        let normal = normalise(path)?;
        let differs = normal != path;
        Ok(NormalPath {
            path: Cow::Owned(normal),
            query,
            differs,
        })
    }

    /// The path that was classified and goes upstream: begins with exactly one slash.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What stood behind the first `?`, byte for byte.
    pub fn query(&self) -> Option<&str> {
        self.query.as_deref()
    }

    /// True where the target that goes upstream is not the one that came.
    pub(crate) fn differs(&self) -> bool {
        self.differs
    }

    /// The same path without these parameters of its query.
    pub fn without(self, parameters: &[&str]) -> NormalPath<'t> {
        match self
            .query()
            .and_then(|query| query::without(query, parameters))
        {
            Some(query) => NormalPath {
                path: self.path,
                query: Some(query.into()).filter(|query: &Cow<'_, str>| !query.is_empty()),
                differs: true,
            },
            None => self,
        }
    }

    /// The target to send upstream where it differs from the one that came.
    pub fn upstream_target(&self) -> Option<String> {
        match (self.differs, &self.query) {
            (false, _) => None,
            (true, None) => Some(self.path.to_string()),
            (true, Some(query)) => Some(format!("{}?{query}", self.path)),
        }
    }
}

/// Why a target is refused with 400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the request target is not a path that begins with a slash")]
    Form,
    #[error("the path contains a character that must be percent-encoded")]
    Character,
    #[error("the path contains an encoded control character or backslash")]
    EncodedCharacter,
    #[error("the path contains a percent sign that is not followed by two hexadecimal digits")]
    Escape,
    #[error("the decoded path is not UTF-8")]
    NotUtf8,
    #[error("the path leads above its root, or has a dot segment with a parameter")]
    DotSegment,
    #[error("the path contains an encoded slash where it could mean two things")]
    EncodedSlash,
    #[error("the path is percent-encoded twice")]
    EncodedTwice,
    #[error("the query contains a space, a control character or a fragment")]
    Query,
    #[error("the request target contains a fragment")]
    Fragment,
}

fn sound_query(query: &[u8]) -> Result<&str, PathError> {
    let unsound = |b: &u8| *b <= b' ' || *b == 0x7F || *b == b'#';
    if query.iter().any(unsound) {
        return Err(PathError::Query);
    }
    std::str::from_utf8(query).map_err(|_| PathError::Query)
}

fn sound_path(path: &[u8]) -> Result<&str, PathError> {
    let unsound = |b: &u8| *b <= b' ' || *b >= 0x7F || *b == b'\\' || *b == b'#';
    if path.iter().any(unsound) {
        return Err(PathError::Character);
    }
    std::str::from_utf8(path).map_err(|_| PathError::Character)
}

/// True when nothing has to be decoded, merged or resolved: every path that a registry client
/// sends, so this is the way without an allocation.
fn is_normal(path: &str) -> bool {
    let bytes = path.as_bytes();
    path != "/v2"
        && !bytes.contains(&b'%')
        && bytes
            .windows(2)
            .all(|pair| pair[0] != b'/' || (pair[1] != b'/' && pair[1] != b'.'))
}

fn normalise(path: &str) -> Result<String, PathError> {
    let read = unescape(path)?;
    let merged = resolve(&read.slashes_decoded)?;
    let mut segments = merged.path.split('/').skip(1);
    let (first, second) = (segments.next().unwrap_or(""), segments.next().unwrap_or(""));
    if matches!(first, "v2" | "service") && merged.path.contains("%25") {
        return Err(PathError::EncodedTwice);
    }
    if first != "api" || !read.has_encoded_slash {
        // Core answers 401 to `/v2` and Harbor's nginx redirects it; clients mean `/v2/`.
        return Ok(if merged.path == "/v2" {
            "/v2/".to_owned()
        } else {
            merged.path
        });
    }
    // Core's router sees `%2F` as part of a parameter, Harbor's nginx as a slash. Both find the
    // same API as long as the escape stands behind the version and nothing has to be resolved.
    let kept = resolve(&read.slashes_kept)?;
    let prefix = format!("/api/{second}/");
    if merged.had_dots || !kept.path.starts_with(&prefix) || merged.path.contains("%25") {
        return Err(PathError::EncodedSlash);
    }
    Ok(kept.path)
}

/// A path with its unreserved characters decoded, once with `%2F` read as a slash and once with it
/// left alone.
struct Unescaped {
    slashes_decoded: String,
    slashes_kept: String,
    has_encoded_slash: bool,
}

fn unescape(path: &str) -> Result<Unescaped, PathError> {
    let mut read = Unescaped {
        slashes_decoded: String::with_capacity(path.len()),
        slashes_kept: String::with_capacity(path.len()),
        has_encoded_slash: false,
    };
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (plain, escape) = rest.split_at(at);
        read.push_both(plain);
        decoded.extend_from_slice(plain.as_bytes());
        let digits = escape.get(1..3).ok_or(PathError::Escape)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(PathError::Escape);
        }
        let byte = u8::from_str_radix(digits, 16).map_err(|_| PathError::Escape)?;
        decoded.push(byte);
        match byte {
            0..=0x1F | 0x7F | b'\\' => return Err(PathError::EncodedCharacter),
            b'/' => {
                read.has_encoded_slash = true;
                read.slashes_decoded.push('/');
                read.slashes_kept.push_str(&escape[..3]);
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                read.slashes_decoded.push(byte as char);
                read.slashes_kept.push(byte as char);
            }
            _ => read.push_both(&escape[..3]),
        }
        rest = &escape[3..];
    }
    read.push_both(rest);
    decoded.extend_from_slice(rest.as_bytes());
    match std::str::from_utf8(&decoded) {
        Ok(_) => Ok(read),
        Err(_) => Err(PathError::NotUtf8),
    }
}

impl Unescaped {
    fn push_both(&mut self, text: &str) {
        self.slashes_decoded.push_str(text);
        self.slashes_kept.push_str(text);
    }
}

struct Resolved {
    path: String,
    had_dots: bool,
}

/// Merges slashes and resolves dot segments (RFC 3986, 5.2.4, but climbing above the root is an
/// error: nobody means it).
fn resolve(path: &str) -> Result<Resolved, PathError> {
    let mut segments: Vec<&str> = Vec::new();
    let mut had_dots = false;
    let mut is_open = false;
    for segment in path.split('/') {
        is_open = matches!(segment, "" | "." | "..");
        match segment {
            "" => {}
            "." => had_dots = true,
            ".." => {
                had_dots = true;
                segments.pop().ok_or(PathError::DotSegment)?;
            }
            _ if is_dots_with_parameter(segment) => return Err(PathError::DotSegment),
            _ => segments.push(segment),
        }
    }
    let mut resolved = String::with_capacity(path.len());
    for segment in &segments {
        resolved.push('/');
        resolved.push_str(segment);
    }
    if is_open || segments.is_empty() {
        resolved.push('/');
    }
    Ok(Resolved {
        path: resolved,
        had_dots,
    })
}

fn is_dots_with_parameter(segment: &str) -> bool {
    let behind = segment.trim_start_matches('.');
    let dots = segment.len() - behind.len();
    let is_semicolon = behind.starts_with(';')
        || behind
            .get(..3)
            .is_some_and(|escape| escape.eq_ignore_ascii_case("%3b"));
    (1..=2).contains(&dots) && is_semicolon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_change_is_borrowed() {
        for target in [
            "/",
            "/v2/",
            "/v2/lab/x/manifests/v1.0",
            "/v2/lab/x/blobs/sha256:aa",
            "/v2/lab/x/blobs/uploads/?mount=sha256%3Aaa&from=a//b/../c",
            "/service/token?service=harbor-registry&scope=repository:lab/x:pull,push",
            "/api/v2.0/projects/lab/repositories?q=name%3D~a%5C",
            "/harbor/projects/1/repositories;publicAndNotLogged=yes",
        ] {
            let normal = NormalPath::parse(target.as_bytes()).unwrap();
            assert_eq!(normal.upstream_target(), None, "{target}");
            assert!(!normal.differs(), "{target}");
            assert!(matches!(normal.path, Cow::Borrowed(_)), "{target}");
            let shown = [normal.path(), normal.query().unwrap_or("")].join("?");
            assert_eq!(shown.trim_end_matches('?'), target, "{target}");
        }
    }

    #[test]
    fn targets_get_the_form_that_every_harbor_reads_alike() {
        for (target, upstream) in [
            ("/v2", "/v2/"),
            ("/v2?n=1", "/v2/?n=1"),
            ("//v2//", "/v2/"),
            ("/v2/.", "/v2/"),
            ("/x/../v2", "/v2/"),
            ("/%76%32", "/v2/"),
            ("/v2//foo/%2e%2e?x", "/v2/?x"),
            ("/v2/%6cab/x/manifests/v1", "/v2/lab/x/manifests/v1"),
            ("/v2/lab%2Fx/manifests/v1", "/v2/lab/x/manifests/v1"),
            ("/v2/lab%2f%2Fx/manifests/v1", "/v2/lab/x/manifests/v1"),
            ("/v2/lab/../_catalog", "/v2/_catalog"),
            ("/v2/lab/rec-c//manifests/v1", "/v2/lab/rec-c/manifests/v1"),
            ("//api//internal", "/api/internal"),
            ("/%61pi/%69nternal/x", "/api/internal/x"),
            ("/api/v2.0/../internal", "/api/internal"),
            ("/x/%2E%2e/service/notifications", "/service/notifications"),
            ("/v2/../?a=//../%2e", "/?a=//../%2e"),
            ("/a/b/..", "/a/"),
            ("/a//.b/..c", "/a/.b/..c"),
            ("/a//;x/...;y", "/a/;x/...;y"),
        ] {
            let normal = NormalPath::parse(target.as_bytes()).unwrap();
            assert_eq!(
                normal.upstream_target().as_deref(),
                Some(upstream),
                "{target}"
            );
            assert!(normal.differs(), "{target}");
        }
    }

    #[test]
    fn parameters_that_go_take_nothing_with_them() {
        for (target, upstream) in [
            (
                "/v2/lab/x/blobs/?a=1&mount=b&c=%2f",
                Some("/v2/lab/x/blobs/?a=1&c=%2f"),
            ),
            ("/v2/lab/x/blobs/?mount=b", Some("/v2/lab/x/blobs/")),
            ("/v2/lab/x/blobs/?a=1", None),
            ("/v2/lab/x/blobs/", None),
        ] {
            let normal = NormalPath::parse(target.as_bytes()).unwrap();
            let left = normal.without(&["mount"]);
            assert_eq!(left.upstream_target().as_deref(), upstream, "{target}");
        }
    }

    #[test]
    fn escapes_that_mean_something_are_kept() {
        for target in [
            "/api/v2.0/projects/x/repositories/a%252Fb/artifacts",
            "/api/v2.0/projects/x/repositories/a%2Fb/artifacts",
            "/api/v2.0/projects/x/repositories/a%2fb/artifacts/sha256%3Aaa",
            "/harbor/projects/1/repositories/a%252Fb/artifacts-tab",
            "/v2/lab/x/blobs/sha256%3Aaa",
            "/api/v2.0/users/J%C3%B6rg%20B",
        ] {
            let normal = NormalPath::parse(target.as_bytes()).unwrap();
            assert_eq!(normal.path(), target, "{target}");
        }
    }

    #[test]
    fn what_could_mean_two_things_is_refused() {
        for (target, error) in [
            ("", PathError::Form),
            ("*", PathError::Form),
            ("v2/", PathError::Form),
            ("http://hub.example.com/v2/", PathError::Form),
            ("/v2/a b", PathError::Character),
            ("/v2/a\\b", PathError::Character),
            ("/v2/a#b", PathError::Character),
            ("/v2/é", PathError::Character),
            ("/v2/%00", PathError::EncodedCharacter),
            ("/v2/%5c..", PathError::EncodedCharacter),
            ("/v2/%0d%0a", PathError::EncodedCharacter),
            ("/v2/%", PathError::Escape),
            ("/v2/%2", PathError::Escape),
            ("/v2/%+1", PathError::Escape),
            ("/v2/%zz", PathError::Escape),
            ("/v2/%c0%af", PathError::NotUtf8),
            ("/v2/%ff", PathError::NotUtf8),
            ("/..", PathError::DotSegment),
            ("/v2/%2e%2e/../x", PathError::DotSegment),
            ("/v2/..;/api/internal", PathError::DotSegment),
            ("/v2/.%2e%3B/x", PathError::DotSegment),
            ("/api%2Finternal", PathError::EncodedSlash),
            ("/api/internal%2Fx", PathError::EncodedSlash),
            ("/api/v2.0/a%2F..%2F..%2Finternal", PathError::EncodedSlash),
            ("/api/v2.0/a%2Fb/../c", PathError::EncodedSlash),
            ("/v2/lab%252Fx/manifests/v1", PathError::EncodedTwice),
            ("/service/%2574oken", PathError::EncodedTwice),
            ("/v2/?a b", PathError::Query),
            ("/v2/?a#b", PathError::Query),
            ("/v2/?a\x7f", PathError::Query),
        ] {
            assert_eq!(NormalPath::parse(target.as_bytes()), Err(error), "{target}");
        }
        assert_eq!(NormalPath::parse(b"/v2/?\xff"), Err(PathError::Query));
        assert_eq!(NormalPath::parse(b"/v2/\xff"), Err(PathError::Character));
    }
}
