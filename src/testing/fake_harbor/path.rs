//! Which part of Harbor a path addresses. Core decodes percent-escapes and merges slashes before
//! it looks; dot segments it leaves alone, and then doesn't recognise them.

use crate::net::query::decoded_pairs;
use crate::oci::repository::RepositoryName;
use percent_encoding::percent_decode_str;

/// A path under `/v2/`, as core's router and its access rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Ping,
    Catalog,
    /// Some part of a repository.
    Of(String, RegistryPart),
    /// One path component where project and repository are needed.
    NoProject(String),
    Unknown,
}

/// What of a repository is addressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RegistryPart {
    Tags,
    /// By its tag or digest.
    Manifest(String),
    /// By its digest.
    Blob(String),
    /// `…/blobs/uploads/`, with or without the slash.
    Uploads {
        slash: bool,
    },
    /// By its UUID.
    Upload(String),
    /// By the digest of the subject.
    Referrers(String),
}

/// The path that core's router works on.
pub(super) fn normalise(raw: &str) -> String {
    let decoded = percent_decode_str(raw).decode_utf8_lossy();
    let mut path = String::with_capacity(decoded.len());
    for character in decoded.chars() {
        if character != '/' || !path.ends_with('/') {
            path.push(character);
        }
    }
    path
}

/// Reads a normalised path under `/v2/`.
pub(super) fn route(path: &str) -> Route {
    match path.strip_prefix("/v2/") {
        Some("") => Route::Ping,
        Some("_catalog" | "_catalog/") => Route::Catalog,
        Some(rest) => match resource(rest) {
            Some((name, _)) if RepositoryName::parse(name).is_none() => Route::Unknown,
            Some((name, _)) if !name.contains('/') => Route::NoProject(name.to_owned()),
            Some((name, part)) => Route::Of(name.to_owned(), part),
            None => Route::Unknown,
        },
        None => Route::Unknown,
    }
}

fn resource(rest: &str) -> Option<(&str, RegistryPart)> {
    let leaf = |tail: &str| (!tail.contains('/')).then(|| tail.to_owned());
    if let Some((name, tail)) = rest.rsplit_once("/tags/list") {
        return matches!(tail, "" | "/").then_some((name, RegistryPart::Tags));
    }
    if let Some((name, tail)) = rest.rsplit_once("/blobs/uploads") {
        let part = match tail {
            "" => RegistryPart::Uploads { slash: false },
            "/" => RegistryPart::Uploads { slash: true },
            _ => RegistryPart::Upload(leaf(tail.strip_prefix('/')?)?),
        };
        return Some((name, part));
    }
    if let Some((name, tail)) = rest.rsplit_once("/manifests/") {
        return Some((name, RegistryPart::Manifest(leaf(tail)?)));
    }
    if let Some((name, tail)) = rest.rsplit_once("/blobs/") {
        let digest = leaf(tail).filter(|digest| !digest.is_empty())?;
        return Some((name, RegistryPart::Blob(digest)));
    }
    let (name, tail) = rest.rsplit_once("/referrers/")?;
    Some((name, RegistryPart::Referrers(leaf(tail)?)))
}

/// `sha256:` and 64 lower-case hex digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// The grammar of tags: up to 128 characters, no leading dot or dash.
pub(super) fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128
        && text.chars().next().is_some_and(word)
        && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

/// A decoded query, in order; a key may stand in it more than once.
#[derive(Clone, Debug, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(raw: &str) -> Query {
        Query(decoded_pairs(raw).collect())
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.all(key).next()
    }

    pub(super) fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        let pairs = self.0.iter().filter(move |(name, _)| name == key);
        pairs.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_core_takes_them_for() {
        let of = |part| Route::Of("lab/x".into(), part);
        let manifest = |reference: &str| of(RegistryPart::Manifest(reference.into()));
        for (raw, expected) in [
            ("/v2/", Route::Ping),
            ("//v2//", Route::Ping),
            ("/v2/_catalog/", Route::Catalog),
            ("/v2/%6cab/x/manifests/v1", manifest("v1")),
            ("/v2/lab%2Fx/manifests/v1", manifest("v1")),
            ("/v2/lab/x//manifests/v1", manifest("v1")),
            ("/v2/lab/x/manifests/", manifest("")),
            ("/v2/lab/x/tags/list/", of(RegistryPart::Tags)),
            (
                "/v2/lab/x/blobs/uploads",
                of(RegistryPart::Uploads { slash: false }),
            ),
            (
                "/v2/lab/x/blobs/uploads/",
                of(RegistryPart::Uploads { slash: true }),
            ),
            ("/v2/lab/x/blobs/", Route::Unknown),
            ("/v2/lab/../_catalog", Route::Unknown),
            ("/v2/lab/UPPER/blobs/uploads/", Route::Unknown),
            ("/v2/lab/blobs/uploads/", Route::NoProject("lab".into())),
            ("/v2/lab/x/nosuch/v1", Route::Unknown),
            ("/v2/_nosuch", Route::Unknown),
            ("/v2", Route::Unknown),
        ] {
            assert_eq!(route(&normalise(raw)), expected, "{raw}");
        }
    }
}
