//! A token: where it came from, what it says, and how long it is good for.

use super::hide_secrets::Secrets;
use super::location::with_parameter;
use super::request::{Site, WalkCredential};
use crate::doctor::trace::{Carried, TokenGrant};
use crate::oci::token::{Claims, basic_credentials};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// What a token is good for where its service doesn't say
/// (distribution.github.io/distribution/spec/auth/token: 60 seconds).
const UNSAID: Duration = Duration::from_secs(60);

/// A way in.
#[derive(Clone)]
pub(super) struct WalkLogin {
    pub(super) carry: WalkCredential,
    pub(super) grant: Option<TokenGrant>,
    pub(super) came: LoginOrigin,
    /// With what something is deleted.
    pub(super) deleting: Deleting,
}

/// Where a login came from.
#[derive(Clone)]
pub(super) enum LoginOrigin {
    /// From the person.
    Typed,
    /// From a token service.
    Given {
        source: Box<TokenSource>,
        at: Instant,
        good_for: Duration,
    },
}

/// With what something is deleted.
#[derive(Clone)]
pub(super) enum Deleting {
    /// With what all else is done with: Harbor's tokens carry everything that the account may.
    AsAllElse,
    /// With a token of its own, which was asked for when the first was refused.
    With(WalkCredential),
    /// Without a token.
    Refused,
}

/// Where tokens are asked for.
#[derive(Clone)]
pub(super) struct TokenSource {
    pub(super) site: Site,
    /// Path and query of the realm.
    pub(super) realm: String,
    pub(super) service: Option<String>,
    /// What is asked for; nothing where only the login is to be tried.
    pub(super) repository: Option<String>,
}

impl WalkLogin {
    /// Whether it may end before the next steps do.
    pub(super) fn is_old(&self) -> bool {
        match &self.came {
            LoginOrigin::Typed => false,
            LoginOrigin::Given { at, good_for, .. } => at.elapsed() > *good_for / 2,
        }
    }

    /// It is all that there is: it counts as new.
    pub(super) fn bear_with(&mut self) {
        match &mut self.came {
            LoginOrigin::Typed => {}
            LoginOrigin::Given { at, .. } => *at = Instant::now(),
        }
    }

    pub(super) fn source(&self) -> Option<&TokenSource> {
        match &self.came {
            LoginOrigin::Typed => None,
            LoginOrigin::Given { source, .. } => Some(source),
        }
    }

    pub(super) fn teach(&self, secrets: &mut Secrets) {
        for carry in [Some(&self.carry), self.deleting.carry()]
            .into_iter()
            .flatten()
        {
            carry.teach(secrets);
        }
    }
}

impl Deleting {
    pub(super) fn carry(&self) -> Option<&WalkCredential> {
        match self {
            Deleting::With(carry) => Some(carry),
            Deleting::AsAllElse | Deleting::Refused => None,
        }
    }
}

impl WalkCredential {
    pub(super) fn bearer(token: &str) -> WalkCredential {
        WalkCredential {
            kind: Carried::Bearer,
            value: Zeroizing::new(format!("Bearer {token}")),
        }
    }

    pub(super) fn basic(user: &str, password: &str) -> WalkCredential {
        WalkCredential {
            kind: Carried::Basic,
            value: basic_credentials(user, password),
        }
    }

    pub(super) fn teach(&self, secrets: &mut Secrets) {
        if let Some((_, secret)) = self.value.split_once(' ') {
            secrets.learn(secret);
        }
    }
}

impl TokenSource {
    /// The GET of a token for these actions.
    pub(super) fn target(&self, actions: &str) -> String {
        let mut target = self.realm.clone();
        for (name, value) in self.parameters(actions) {
            target = with_parameter(&target, name, &value);
        }
        target
    }

    /// The POST of a token, as OAuth's clients write it, without a password.
    pub(super) fn form(&self, actions: &str) -> String {
        let mut form = String::from("grant_type=password&client_id=harbormouth-doctor");
        for (name, value) in self.parameters(actions) {
            form.push_str(&format!("&{name}={value}"));
        }
        form
    }

    fn parameters(&self, actions: &str) -> Vec<(&'static str, String)> {
        /// What has a meaning in a query, and nothing that a scope is written with.
        const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
            .remove(b'-')
            .remove(b'.')
            .remove(b'_')
            .remove(b'~')
            .remove(b':')
            .remove(b'/')
            .remove(b',');
        let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
        let service = self
            .service
            .as_deref()
            .map(|text| ("service", escaped(text)));
        let scope = self.repository.as_ref().map(|repository| {
            let scope = format!("repository:{repository}:{actions}");
            ("scope", escaped(&scope))
        });
        service.into_iter().chain(scope).collect()
    }
}

/// What a token service's answer holds.
pub(super) struct GivenToken {
    pub(super) token: Zeroizing<String>,
    pub(super) grant: TokenGrant,
    pub(super) good_for: Duration,
}

impl GivenToken {
    pub(super) fn read(body: &[u8]) -> Option<GivenToken> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        // Harbor sends both, and `access_token` empty; others send only that.
        let token = ["token", "access_token"]
            .into_iter()
            .filter_map(|name| answer.get(name)?.as_str())
            .find(|token| !token.is_empty())?;
        if !token.bytes().all(|b| b.is_ascii_graphic()) {
            return None;
        }
        let claims = Claims::read(token);
        let said = answer.get("expires_in").and_then(Value::as_u64);
        let lived = || Some(claims.as_ref()?.life()?.as_secs());
        let expires_in = said.filter(|seconds| *seconds > 0).or_else(lived);
        Some(GivenToken {
            good_for: expires_in.map_or(UNSAID, Duration::from_secs),
            grant: TokenGrant {
                access: claims.as_ref().and_then(|claims| claims.access.clone()),
                subject: claims
                    .map(|claims| claims.subject)
                    .filter(|subject| !subject.is_empty()),
                expires_in,
            },
            token: Zeroizing::new(token.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::wire::{Trust, WireTarget};
    use crate::net::origin::Origin;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn answers_of_token_services_are_read() {
        let claims = r#"{"sub":"alice","exp":1800,"iat":0,"access":[{"type":"repository","name":"lab/app","actions":["pull"]}]}"#;
        let jwt = format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(claims));
        for (name, body, token, expires_in, actions) in [
            (
                "Harbor's",
                format!(r#"{{"token":"{jwt}","access_token":"","expires_in":600}}"#),
                Some(jwt.as_str()),
                Some(600),
                Some(1),
            ),
            (
                "time from the token",
                format!(r#"{{"token":"{jwt}"}}"#),
                Some(&jwt),
                Some(1800),
                Some(1),
            ),
            (
                "opaque",
                r#"{"access_token":"abc"}"#.into(),
                Some("abc"),
                None,
                None,
            ),
            (
                "empty",
                r#"{"token":"","access_token":""}"#.into(),
                None,
                None,
                None,
            ),
            (
                "no header could have it",
                r#"{"token":"a\nb"}"#.into(),
                None,
                None,
                None,
            ),
            ("a page", "<html>".into(), None, None, None),
            ("a list", "[]".into(), None, None, None),
        ] {
            let given = GivenToken::read(body.as_bytes());
            let read = given.as_ref().map(|given| given.token.as_str());
            assert_eq!(read, token, "{name}");
            let grant = given.as_ref().map(|given| &given.grant);
            assert_eq!(
                grant.and_then(|grant| grant.expires_in),
                expires_in,
                "{name}"
            );
            let access = grant.and_then(|grant| grant.access.as_ref().map(Vec::len));
            assert_eq!(access, actions, "{name}");
        }
    }

    #[test]
    fn tokens_are_asked_for_as_the_realm_says() {
        let origin = Origin::parse("https://hub").unwrap();
        let source = |realm: &str, service: Option<&str>, repository: Option<&str>| TokenSource {
            site: Site {
                place: WireTarget {
                    address: ([127, 0, 0, 1], 1).into(),
                    passage: None,
                    scheme: origin.scheme,
                    server_name: origin.host.clone(),
                    trust: Trust::Waived,
                },
                origin: origin.clone(),
                host: "hub".into(),
                forwarded: Vec::new(),
            },
            realm: realm.into(),
            service: service.map(Into::into),
            repository: repository.map(Into::into),
        };
        for (source, expected) in [
            (
                source("/service/token", Some("harbor-registry"), Some("lab/app")),
                "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push",
            ),
            (
                source("/t?a=b", Some("a b&c"), None),
                "/t?a=b&service=a%20b%26c",
            ),
            (source("/t", None, None), "/t"),
        ] {
            assert_eq!(source.target("pull,push"), expected);
        }
        let form = source("/t", Some("s"), Some("lab/app")).form("pull,push");
        assert!(
            form.ends_with("&service=s&scope=repository:lab/app:pull,push"),
            "{form}"
        );
    }
}
