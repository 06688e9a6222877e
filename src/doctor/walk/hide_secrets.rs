//! From the received data to the recorded data: no secret is recorded.
//!
//! Hidden are the values of cookies, of queries (unless they are known not to be secret), of headers
//! with names that suggest secrets, every token, and the secrets of this walk wherever they appear: a
//! hop may echo what it received. Scheme, authority and path of a URL are recorded unchanged, because
//! the doctor examines them.

use crate::doctor::step::Step;
use crate::doctor::trace::{Exchange, ResponseSeen, SentRequest};
use crate::doctor::wire::{WireResponse, WireResult};
use crate::oci::redact::redacted;
use std::net::SocketAddr;
use zeroize::Zeroizing;

/// What is kept of a body: an error's words, or the title of a page.
const MOST_TEXT: usize = 2048;

/// Shorter ones are words that stand in answers for other reasons.
const LEAST_SECRET: usize = 8;

const HIDDEN: &str = "***";

/// What this walk knows and nobody may read.
#[derive(Default)]
pub(super) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub(super) fn learn(&mut self, secret: &str) {
        let is_new = self.0.iter().all(|known| known.as_str() != secret);
        if secret.len() >= LEAST_SECRET && is_new {
            self.0.push(Zeroizing::new(secret.to_owned()));
            // A secret that has another in it is hidden whole.
            self.0.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// The values in the query of a target: the state of an upload is one.
    pub(super) fn learn_query(&mut self, target: &str) {
        let Some((_, query)) = target.split_once('?') else {
            return;
        };
        for pair in query.split('&') {
            let shown = redacted("", Some(pair));
            if shown.ends_with(HIDDEN) {
                self.learn(pair.split_once('=').map_or(pair, |(_, value)| value));
            }
        }
    }

    fn hide(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for secret in &self.0 {
            if shown.contains(secret.as_str()) {
                shown = shown.replace(secret.as_str(), HIDDEN);
            }
        }
        shown
    }
}

/// The exchange as it is kept. `expected` is the content that was to come back.
pub(super) fn capture(
    step: Step,
    request: SentRequest,
    told: &WireResult,
    address: SocketAddr,
    expected: Option<&[u8]>,
    secrets: &Secrets,
) -> Exchange {
    let answer = |reply: &WireResponse| answer(step, reply, expected, secrets);
    Exchange {
        step,
        request: SentRequest {
            url: secrets.hide(&request.url),
            ..request
        },
        result: told.result.as_ref().map(answer).map_err(Clone::clone),
        sent: told.sent,
        took: told.took,
        silence: told.silence,
        address,
    }
}

fn answer(
    step: Step,
    reply: &WireResponse,
    expected: Option<&[u8]>,
    secrets: &Secrets,
) -> ResponseSeen {
    let headers = reply.headers.iter();
    let is_content = (200..300).contains(&reply.status);
    let body = match step {
        // A token, or what was pushed: neither says anything.
        Step::TokenPost
        | Step::TokenGet
        | Step::ManifestGet
        | Step::BlobGet
        | Step::BlobRange
        | Step::TagGet
        | Step::LayerRange
        | Step::SlowDownload
            if is_content =>
        {
            String::new()
        }
        _ => secrets.hide(&text(&reply.body)),
    };
    ResponseSeen {
        status: reply.status,
        headers: headers
            .map(|(name, value)| (name.clone(), secrets.hide(&header(name, value))))
            .collect(),
        body,
        content_matches: match expected {
            Some(expected) if is_content => Some(reply.body[..] == *expected),
            Some(_) | None => None,
        },
    }
}

/// A header's value as it may be shown; the name is in lower case.
fn header(name: &str, value: &str) -> String {
    const NAMED_AFTER_SECRETS: [&str; 8] = [
        "authorization",
        "cookie",
        "credential",
        "csrf",
        "key",
        "secret",
        "session",
        "token",
    ];
    match name {
        "location" | "content-location" | "link" | "refresh" => url(value),
        "set-cookie" => cookie(value),
        _ if NAMED_AFTER_SECRETS.iter().any(|part| name.contains(part)) => HIDDEN.to_owned(),
        _ => value.to_owned(),
    }
}

/// Everything in front of the query as it came, save a password.
fn url(value: &str) -> String {
    let (front, query) = match value.find(['?', '#']) {
        Some(at) if value[at..].starts_with('?') => (&value[..at], Some(&value[at + 1..])),
        Some(at) => (&value[..at], None),
        None => (value, None),
    };
    let shown = without_user(front);
    match query.map(|query| query.split('#').next().unwrap_or_default()) {
        Some(query) => shown + &redacted("", Some(query)) + escaped_twice(query),
        None => shown,
    }
}

/// The first character of a query that was escaped, and its percent sign again: `%253D`. No secret by
/// itself, and the only trace of who does that.
fn escaped_twice(query: &str) -> &str {
    let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found = query
        .match_indices("%25")
        .filter_map(|(at, _)| query.get(at..at + 5));
    found.find(|text| is_hex(&text[3..])).unwrap_or_default()
}

fn without_user(front: &str) -> String {
    let Some(at) = front.find("//").map(|at| at + 2) else {
        return front.to_owned();
    };
    let (before, behind) = front.split_at(at);
    let (authority, path) = behind.split_at(behind.find('/').unwrap_or(behind.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{before}{HIDDEN}@{host}{path}"),
        None => front.to_owned(),
    }
}

/// `name=***; Path=/; HttpOnly`.
fn cookie(value: &str) -> String {
    let (pair, attributes) = match value.find(';') {
        Some(at) => value.split_at(at),
        None => (value, ""),
    };
    match pair.split_once('=') {
        Some((name, _)) => format!("{name}={HIDDEN}{attributes}"),
        None => format!("{HIDDEN}{attributes}"),
    }
}

/// The beginning of a body. What would move a terminal's cursor does not get through.
fn text(body: &[u8]) -> String {
    let start = &body[..body.len().min(MOST_TEXT)];
    let text = String::from_utf8_lossy(start);
    // The last character may have been cut.
    let whole = if body.len() > start.len() {
        text.trim_end_matches(char::REPLACEMENT_CHARACTER)
    } else {
        &text
    };
    let is_shown = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
    whole.chars().filter(is_shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::trace::{Body, Carried, Trouble};
    use bytes::Bytes;
    use std::time::Duration;

    fn secrets() -> Secrets {
        let mut secrets = Secrets::default();
        for secret in ["hunter22hunter", "hunter22", "short", "eyJh.bGci.Oi"] {
            secrets.learn(secret);
        }
        secrets.learn_query("/v2/x/blobs/uploads/u?_state=hvxiC9K%3D&digest=sha256:aabbccdd");
        secrets
    }

    #[test]
    fn headers_show_what_is_looked_for_and_no_secret() {
        for (name, value, expected) in [
            (
                "location",
                "https, http://hub:443/v2/lab/x/blobs/uploads/u?_state=abc&digest=sha256:aa",
                "https, http://hub:443/v2/lab/x/blobs/uploads/u?_state=***&digest=sha256:aa",
            ),
            ("location", "/v2/x#eyJ", "/v2/x"),
            (
                "location",
                "/v2/x?_state=a%253D%253D",
                "/v2/x?_state=***%253D",
            ),
            ("location", "/v2/x?_state%253Da%25zz", "/v2/x?***%253D"),
            ("location", "/v2/x?_state=a%3D%25", "/v2/x?_state=***"),
            ("location", "/v2/x?a=b#eyJ", "/v2/x?a=***"),
            ("location", "http://me:pw@in:1/v2/", "http://***@in:1/v2/"),
            ("location", "", ""),
            (
                "content-location",
                "https://s3/b?X-Amz-Signature=abc&n=1",
                "https://s3/b?X-Amz-Signature=***&n=1",
            ),
            (
                "set-cookie",
                "sid=abc; Path=/; HttpOnly",
                "sid=***; Path=/; HttpOnly",
            ),
            ("set-cookie", "abc; Path=/", "***; Path=/"),
            ("x-harbor-csrf-token", "abc", "***"),
            ("x-session-id", "abc", "***"),
            ("x-echo", "Bearer eyJh.bGci.Oi", "Bearer ***"),
            ("x-echo", "hunter22hunter hunter22!", "*** ***!"),
            ("x-echo", "short hvxiC9K%3D", "short ***"),
            (
                "www-authenticate",
                r#"Bearer realm="http://core/service/token",service="harbor-registry""#,
                r#"Bearer realm="http://core/service/token",service="harbor-registry""#,
            ),
            (
                "docker-content-digest",
                "sha256:aabbccdd",
                "sha256:aabbccdd",
            ),
        ] {
            let shown = secrets().hide(&header(name, value));
            assert_eq!(shown, expected, "{name}: {value}");
        }
    }

    #[test]
    fn bodies_show_an_errors_words_and_no_secret() {
        let long = "é".repeat(MOST_TEXT);
        let cut = "é".repeat(MOST_TEXT / 2);
        for (name, step, status, body, expected) in [
            ("words", Step::Ping, 502, "Bad\n\tGateway", "Bad\n\tGateway"),
            ("terminal", Step::Ping, 502, "\u{1b}[31mred\r", "[31mred"),
            ("echo", Step::UploadCommit, 401, "got hunter22", "got ***"),
            ("token", Step::TokenGet, 200, r#"{"token":"x"}"#, ""),
            ("posted", Step::TokenPost, 200, r#"{"token":"x"}"#, ""),
            ("refusal", Step::TokenGet, 403, "denied", "denied"),
            ("content", Step::BlobGet, 200, "standin", ""),
            ("long", Step::Ping, 404, &long, &cut),
        ] {
            let told = WireResult {
                result: Ok(WireResponse {
                    status,
                    headers: Vec::new(),
                    body: Bytes::copy_from_slice(body.as_bytes()),
                }),
                sent: 0,
                took: Duration::ZERO,
                silence: None,
            };
            let kept = capture(step, sent(), &told, address(), None, &secrets());
            assert_eq!(kept.result.unwrap().body, expected, "{name}");
        }
    }

    #[test]
    fn content_is_compared_where_it_came() {
        for (name, status, body, expected) in [
            ("same", 200, "abc", Some(true)),
            ("other", 200, "abd", Some(false)),
            ("less", 200, "ab", Some(false)),
            ("refused", 404, "abc", None),
        ] {
            let reply = WireResponse {
                status,
                headers: Vec::new(),
                body: Bytes::copy_from_slice(body.as_bytes()),
            };
            let kept = answer(Step::BlobGet, &reply, Some(b"abc"), &secrets());
            assert_eq!(kept.content_matches, expected, "{name}");
        }
    }

    #[test]
    fn troubles_are_kept_as_they_are() {
        let told = WireResult {
            result: Err(Trouble::Cut),
            sent: 7,
            took: Duration::from_secs(1),
            silence: None,
        };
        let kept = capture(Step::Body, sent(), &told, address(), None, &secrets());
        assert_eq!((kept.result, kept.sent), (Err(Trouble::Cut), 7));
    }

    fn sent() -> SentRequest {
        SentRequest {
            method: "GET".into(),
            url: "https://hub/v2/".into(),
            authorization: Carried::Nothing,
            body: Body::None,
            headers: Vec::new(),
        }
    }

    fn address() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 1))
    }
}
