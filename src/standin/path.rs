//! Which part of Harbor a path addresses. Core decodes percent-escapes and merges slashes before
//! it looks; dot segments it leaves alone, and then doesn't recognise them.

use percent_encoding::percent_decode_str;

/// A path under `/v2/`, as core's router and its access rules see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Ping,
    Catalog,
    Tags {
        repository: String,
    },
    Manifest {
        repository: String,
        reference: String,
    },
    Blob {
        repository: String,
        digest: String,
    },
    /// `…/blobs/uploads/`, with or without the slash.
    Uploads {
        repository: String,
        slash: bool,
    },
    Upload {
        repository: String,
        uuid: String,
    },
    Referrers {
        repository: String,
        digest: String,
    },
    /// One path component where project and repository are needed.
    NoProject {
        name: String,
    },
    Unknown,
}

impl Route {
    pub(super) fn repository(&self) -> Option<&str> {
        match self {
            Route::Tags { repository }
            | Route::Manifest { repository, .. }
            | Route::Blob { repository, .. }
            | Route::Uploads { repository, .. }
            | Route::Upload { repository, .. }
            | Route::Referrers { repository, .. } => Some(repository),
            Route::Ping | Route::Catalog | Route::NoProject { .. } | Route::Unknown => None,
        }
    }
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
    let Some(rest) = path.strip_prefix("/v2/") else {
        return Route::Unknown;
    };
    match rest {
        "" => return Route::Ping,
        "_catalog" | "_catalog/" => return Route::Catalog,
        _ => {}
    }
    match resource(rest) {
        None => Route::Unknown,
        Some(route) => match route.repository() {
            Some(name) if !is_repository(name) => Route::Unknown,
            Some(name) if !name.contains('/') => Route::NoProject {
                name: name.to_owned(),
            },
            _ => route,
        },
    }
}

fn resource(rest: &str) -> Option<Route> {
    let split = |marker: &str| {
        rest.rfind(marker)
            .map(|at| (rest[..at].to_owned(), rest[at + marker.len()..].to_owned()))
    };
    if let Some((repository, tail)) = split("/tags/list") {
        return (tail.is_empty() || tail == "/").then_some(Route::Tags { repository });
    }
    if let Some((repository, uuid)) = split("/blobs/uploads") {
        return match uuid.strip_prefix('/') {
            None if uuid.is_empty() => Some(Route::Uploads {
                repository,
                slash: false,
            }),
            Some("") => Some(Route::Uploads {
                repository,
                slash: true,
            }),
            Some(uuid) if !uuid.contains('/') => Some(Route::Upload {
                repository,
                uuid: uuid.to_owned(),
            }),
            _ => None,
        };
    }
    let leaf = |tail: &str| !tail.contains('/');
    if let Some((repository, reference)) = split("/manifests/") {
        return leaf(&reference).then_some(Route::Manifest {
            repository,
            reference,
        });
    }
    if let Some((repository, digest)) = split("/blobs/") {
        let known = leaf(&digest) && !digest.is_empty();
        return known.then_some(Route::Blob { repository, digest });
    }
    let (repository, digest) = split("/referrers/")?;
    leaf(&digest).then_some(Route::Referrers { repository, digest })
}

/// The grammar of repository names (distribution spec, "Pulling manifests").
fn is_repository(name: &str) -> bool {
    let sound = |part: &str| {
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        edge(part.chars().next())
            && edge(part.chars().last())
            && part.chars().all(|c| {
                c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-')
            })
    };
    name.split('/').all(sound)
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
    pub(super) fn parse(raw: Option<&str>) -> Query {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let pairs = raw
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty());
        Query(
            pairs
                .map(|part| {
                    let (key, value) = part.split_once('=').unwrap_or((part, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(k, _)| k == key)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(k, _)| k == key)
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_mean_what_core_takes_them_for() {
        let repository = || "lab/x".to_owned();
        for (raw, expected) in [
            ("/v2/", Route::Ping),
            ("//v2//", Route::Ping),
            ("/v2/_catalog/", Route::Catalog),
            ("/v2/%6cab/x/manifests/v1", manifest("lab/x", "v1")),
            ("/v2/lab%2Fx/manifests/v1", manifest("lab/x", "v1")),
            ("/v2/lab/x//manifests/v1", manifest("lab/x", "v1")),
            ("/v2/lab/x/manifests/", manifest("lab/x", "")),
            (
                "/v2/lab/x/tags/list/",
                Route::Tags {
                    repository: repository(),
                },
            ),
            (
                "/v2/lab/x/blobs/uploads",
                Route::Uploads {
                    repository: repository(),
                    slash: false,
                },
            ),
            (
                "/v2/lab/x/blobs/uploads/",
                Route::Uploads {
                    repository: repository(),
                    slash: true,
                },
            ),
            ("/v2/lab/x/blobs/", Route::Unknown),
            ("/v2/lab/../_catalog", Route::Unknown),
            ("/v2/lab/UPPER/blobs/uploads/", Route::Unknown),
            (
                "/v2/lab/blobs/uploads/",
                Route::NoProject { name: "lab".into() },
            ),
            ("/v2/lab/x/nosuch/v1", Route::Unknown),
            ("/v2/_nosuch", Route::Unknown),
            ("/v2", Route::Unknown),
        ] {
            assert_eq!(route(&normalise(raw)), expected, "{raw}");
        }
    }

    fn manifest(repository: &str, reference: &str) -> Route {
        Route::Manifest {
            repository: repository.into(),
            reference: reference.into(),
        }
    }
}
