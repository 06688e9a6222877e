//! From an error that a person has in front of him to the findings that bring it about: what
//! `clients.yaml` knows of the clients' messages, read backwards. Pure.

use super::clients::{Client, messages};
use super::kind::Kind;
use std::collections::BTreeMap;

/// A finding that makes clients say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    pub kind: Kind,
    pub(crate) clients: Vec<Client>,
    /// The message, as it is known.
    pub(crate) message: String,
    /// How many letters of it stand in the text: the more, the less it can be another's.
    letters: usize,
}

/// A message of fewer letters stands in many texts.
const SHORTEST: usize = 12;

/// What brings these lines about, the most telling message first. A message counts where its fixed
/// parts stand in the text one behind the other, in whatever letters.
pub fn explain(text: &str) -> Vec<Explanation> {
    let text = plain(text);
    let mut found: BTreeMap<(Kind, String), Explanation> = BTreeMap::new();
    for (kind, client, message) in messages() {
        let Some(letters) = matched(&message, &text) else {
            continue;
        };
        let of = found.entry((kind, message.clone()));
        let of = of.or_insert_with(|| Explanation {
            kind,
            clients: Vec::new(),
            message,
            letters,
        });
        if !of.clients.contains(&client) {
            of.clients.push(client);
        }
    }
    let mut found: Vec<Explanation> = found.into_values().collect();
    found.sort_by_key(|one| (std::cmp::Reverse(one.letters), one.kind));
    // Half of the best tells of something else.
    let best = found.first().map_or(0, |one| one.letters);
    found.retain(|one| one.letters * 2 > best);
    // One finding is said once, by its best message.
    let mut kinds: Vec<Kind> = Vec::new();
    found.retain(|one| {
        let is_new = !kinds.contains(&one.kind);
        kinds.push(one.kind);
        is_new
    });
    found
}

/// In small letters, and with one space wherever there is room.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// The letters of the message's fixed parts, if they all stand there in their order. Before a colon
/// newer versions of a client name what was asked, where older ones don't.
fn matched(message: &str, text: &str) -> Option<usize> {
    let (mut rest, mut letters) = (text, 0);
    let parts = message.split('…').flat_map(|part| part.split(": "));
    for part in parts.map(plain).filter(|part| !part.is_empty()) {
        let at = rest.find(&part)?;
        rest = &rest[at + part.len()..];
        letters += part.len();
    }
    (letters >= SHORTEST).then_some(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        explain(text).into_iter().map(|one| one.kind).collect()
    }

    #[test]
    fn what_people_paste_leads_to_what_is_wrong() {
        for (text, kind) in [
            (
                "failed to push: unexpected status from PUT request to https://hub.example.com/v2/lab/app/blobs/uploads/x: 401 Unauthorized",
                Kind::LocationPort,
            ),
            (
                "ERRO[0031] Copying failed: Unexpected   status: 401 Unauthorized",
                Kind::LocationPort,
            ),
            (
                "Error: writing blob: uploading layer to https://h/v2/a/blobs/uploads/1: unauthorized: authentication required",
                Kind::AuthorizationLost,
            ),
            (
                "error parsing HTTP 413 response body: invalid character '<' looking for beginning of value",
                Kind::BodyLimit,
            ),
            (
                "x509: certificate signed by unknown authority",
                Kind::CertificateUntrusted,
            ),
            (
                "Get \"https://h/v2/\": http: server gave HTTP response to HTTPS client",
                Kind::PlainHttpOnTlsPort,
            ),
            (
                "failed to resolve reference \"docker.io/library/nginx:1\": pulling from host hub.example.com failed with status code [manifests 1]: 401 Unauthorized",
                Kind::MirrorPrefixMissing,
            ),
            (
                "(Mirrors also failed: [hub.example.com/library/nginx:1: reading manifest 1 in hub.example.com/library/nginx: unauthorized: unauthorized to access repository: library/nginx, action: pull]): docker.io/library/nginx:1: pinging",
                Kind::MirrorPrefixMissing,
            ),
            (
                "missing content-length header for request",
                Kind::HeaderLost,
            ),
        ] {
            let found = kinds(text);
            assert!(found.contains(&kind), "{text}: {found:?}");
        }
    }

    #[test]
    fn the_longest_message_comes_first_and_each_finding_once() {
        let found = explain("reading blob: x509: certificate has expired or is not yet valid: t");
        assert_eq!(found[0].kind, Kind::CertificateExpired);
        let mut kinds: Vec<Kind> = found.iter().map(|one| one.kind).collect();
        kinds.dedup();
        assert_eq!(kinds.len(), found.len());
    }

    #[test]
    fn what_nobody_says_is_nothing() {
        for text in ["", "hello", "no space left on device"] {
            assert_eq!(explain(text), [], "{text}");
        }
    }
}
