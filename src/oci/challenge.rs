//! WWW-Authenticate (RFC 9110, 11.6.1): the realm of a Bearer challenge made the public one.
//!
//! Harbor names its configured external URL or its internal core URL; clients need the name they
//! typed, over https. Only the realm's value is replaced, every other byte stays. A realm that isn't
//! Harbor's token service stays, too.
//!
//! Harbor answers every refused Authorization with a Basic challenge, also a refused token. Clients
//! then send the password with each request, or give up; a Bearer challenge with an error makes them
//! fetch another token. What this file deliberately doesn't know: statuses, and
//! which client reads it.

use super::link::quoted_end;
use super::routing::Naming;
use super::scope::Scope;
use super::token::Claims;
use crate::net::origin::Origin;
use crate::str_enum::str_enum;
use std::borrow::Cow;
use std::ops::Range;

/// The realm of a public origin's token service.
pub fn realm(public: &Origin) -> String {
    format!("{public}{TOKEN_PATH}")
}

/// The path of Harbor's token service.
pub const TOKEN_PATH: &str = "/service/token";

/// The field value with this realm in each Bearer challenge; none if it is right already, has no such
/// challenge, or can't be read.
pub fn repair_challenge(value: &str, realm: &str) -> Option<String> {
    edit_bearer(value, |param| {
        let is_ours = param.name.eq_ignore_ascii_case("realm") && !is_foreign_realm(&param.value);
        (is_ours && param.value != realm).then(|| realm.to_owned())
    })
}

/// The field value with the scope of each Bearer challenge in the names of a mirror.
pub(crate) fn rename_scopes(value: &str, naming: &Naming) -> Option<String> {
    edit_bearer(value, |param| {
        let is_scope = param.name.eq_ignore_ascii_case("scope");
        is_scope.then(|| naming.scopes_here(&param.value))
    })
}

/// The field value with other values of the parameters of Bearer challenges; every other byte stays.
fn edit_bearer(value: &str, edit: impl Fn(&Param<'_>) -> Option<String>) -> Option<String> {
    let challenges = parse(value)?;
    let mut edited = String::new();
    let mut copied = 0;
    let bearers = challenges.iter().filter(|challenge| challenge.is_bearer());
    for param in bearers.flat_map(|challenge| &challenge.params) {
        let Some(new) = edit(param) else {
            continue;
        };
        edited.push_str(&value[copied..param.raw.start]);
        edited.push_str(&quoted(&new));
        copied = param.raw.end;
    }
    if copied == 0 {
        return None;
    }
    edited.push_str(&value[copied..]);
    Some(edited)
}

/// As a quoted string; what comes from outside may not end the string or the field.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            ' '..='~' => quoted.push(c),
            _ => {}
        }
    }
    quoted.push('"');
    quoted
}

/// The exception to the rule for realms: one that isn't Harbor's token service, by its path, is
/// somebody else's and stays as it came.
fn is_foreign_realm(realm: &str) -> bool {
    let path = realm.split(['?', '#']).next().unwrap_or("");
    !path.ends_with(TOKEN_PATH)
}

/// The service that Harbor's tokens are for.
pub(crate) const SERVICE: &str = "harbor-registry";

str_enum! {
    /// What is wrong with a token (RFC 6750, 3.1).
    pub enum TokenError {
        /// Expired, revoked, damaged, or another instance's: another one may do.
        InvalidToken "invalid_token",
        /// Its access list doesn't have what is asked.
        InsufficientScope "insufficient_scope",
    }
}

/// Why Harbor most likely refused the token with these claims, at `now` in seconds since 1970. A sound-looking one
/// that lists what was asked was revoked, or is another instance's: a fresh one is worth asking for.
pub(crate) fn judge_rejection(claims: Option<&Claims>, now: u64, scopes: &[Scope]) -> TokenError {
    match claims {
        Some(claims)
            if !claims.is_expired(now) && scopes.iter().any(|scope| !claims.grants(scope)) =>
        {
            TokenError::InsufficientScope
        }
        Some(_) | None => TokenError::InvalidToken,
    }
}

/// How much younger than a token its project may be, in seconds: Harbor forgives clocks that much
/// (goharbor/harbor, `common.JwtLeeway`).
const LEEWAY: u64 = 60;

/// Whether a refused token with these claims may be older than its project: it is valid and grants what
/// was asked, and is older than a minute. From 2.13.5 on, Harbor refuses what was issued before the
/// project was made, and what doesn't say when it was issued: the project of that name was another one.
pub(crate) fn may_predate_project(claims: &Claims, now: u64, scopes: &[Scope]) -> bool {
    let is_old = claims.issued.is_none_or(|issued| issued + LEEWAY < now);
    let is_sound = !claims.is_expired(now) && !scopes.is_empty();
    is_old && is_sound && scopes.iter().all(|scope| claims.grants(scope))
}

/// A challenge as Harbor gives it to who comes without Authorization, with the public realm. One,
/// since some clients read only the first.
///
/// No client loops over it. containerd (core/remotes/docker/authorizer.go, `AddResponses` and
/// `invalidAuthorization`) reads any `error` alike: after the first answer to a request it drops
/// its cached token, fetches a fresh one and tries again; after the second it ends the push with
/// `server message: <error>`. Without an `error` it uses the cached token until its attempts are
/// used up.
pub fn bearer_challenge(realm: &str, scopes: &[Scope], error: Option<TokenError>) -> String {
    let mut challenge = format!("Bearer realm=\"{realm}\",service=\"{SERVICE}\"");
    if !scopes.is_empty() {
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        challenge.push_str(",scope=");
        // A repository comes from the client's path.
        challenge.push_str(&quoted(&scopes.join(" ")));
    }
    if let Some(error) = error {
        challenge.push_str(",error=\"");
        challenge.push_str(error.as_str());
        challenge.push('"');
    }
    challenge
}

/// One challenge: a scheme and its parameters, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'v> {
    pub scheme: &'v str,
    pub params: Vec<Param<'v>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param<'v> {
    pub name: &'v str,
    /// Without quotes and backslashes.
    pub value: Cow<'v, str>,
    /// Where the value stands in the field, quotes included.
    raw: Range<usize>,
}

impl Challenge<'_> {
    pub fn is_bearer(&self) -> bool {
        self.scheme.eq_ignore_ascii_case("bearer")
    }

    /// The first parameter of that name; names have no case.
    pub fn param(&self, name: &str) -> Option<&Param<'_>> {
        self.params
            .iter()
            .find(|param| param.name.eq_ignore_ascii_case(name))
    }
}

/// Reads all challenges of one field value; none where it breaks the grammar.
pub fn parse(value: &str) -> Option<Vec<Challenge<'_>>> {
    let mut reader = ChallengeReader { value, at: 0 };
    let mut challenges: Vec<Challenge<'_>> = Vec::new();
    loop {
        // Empty list elements are allowed (RFC 9110, 5.6.1.2).
        reader.skip(|b| matches!(b, b' ' | b'\t' | b','));
        if reader.is_done() {
            return Some(challenges);
        }
        let word = reader.token()?;
        if let Some(param) = reader.param(word) {
            challenges.last_mut()?.params.push(param?);
            reader.end_of_element()?;
            continue;
        }
        // A word that is no parameter's name is the next scheme.
        challenges.push(Challenge {
            scheme: word,
            params: Vec::new(),
        });
        if !reader.skip(|b| matches!(b, b' ' | b'\t')) {
            reader.end_of_element()?;
            continue;
        }
        reader.token68();
    }
}

struct ChallengeReader<'v> {
    value: &'v str,
    at: usize,
}

impl<'v> ChallengeReader<'v> {
    fn rest(&self) -> &'v [u8] {
        &self.value.as_bytes()[self.at..]
    }

    fn is_done(&self) -> bool {
        self.rest().is_empty()
    }

    fn skip(&mut self, skipped: impl Fn(u8) -> bool) -> bool {
        let length = self.rest().iter().take_while(|b| skipped(**b)).count();
        self.at += length;
        length > 0
    }

    fn token(&mut self) -> Option<&'v str> {
        let start = self.at;
        self.skip(is_token_char)
            .then(|| &self.value[start..self.at])
    }

    /// The parameter whose name was just read: none if no `=` follows, and none inside if what
    /// follows it is no value.
    fn param(&mut self, name: &'v str) -> Option<Option<Param<'v>>> {
        let before = self.at;
        self.skip(|b| matches!(b, b' ' | b'\t'));
        if self.rest().first() != Some(&b'=') {
            self.at = before;
            return None;
        }
        self.at += 1;
        self.skip(|b| matches!(b, b' ' | b'\t'));
        let start = self.at;
        if self.rest().first() != Some(&b'"') {
            let value = self.token().map(Cow::Borrowed);
            return Some(value.map(|value| Param {
                name,
                value,
                raw: start..self.at,
            }));
        }
        let Some(end) = quoted_end(self.value.as_bytes(), start) else {
            return Some(None);
        };
        self.at = end;
        let value = unquote(&self.value[start + 1..end - 1]);
        Some(Some(Param {
            name,
            value,
            raw: start..end,
        }))
    }

    /// Steps over a token68 (`Negotiate abc==`), if that is what stands here.
    fn token68(&mut self) {
        let before = self.at;
        self.skip(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b));
        self.skip(|b| b == b'=');
        if self.end_of_element().is_none() {
            self.at = before;
        }
    }

    fn end_of_element(&mut self) -> Option<()> {
        let before = self.at;
        self.skip(|b| matches!(b, b' ' | b'\t'));
        if self.is_done() || self.rest().first() == Some(&b',') {
            return Some(());
        }
        self.at = before;
        None
    }
}

fn is_token_char(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

fn unquote(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::token::Bearer;

    fn repair(value: &str) -> Option<String> {
        repair_challenge(value, "https://hub.example.com/service/token")
    }

    #[test]
    fn the_realm_becomes_the_public_one_and_the_rest_stays() {
        for (value, expected) in [
            (
                r#"Bearer realm="http://core:8080/service/token",service="harbor-registry""#,
                r#"Bearer realm="https://hub.example.com/service/token",service="harbor-registry""#,
            ),
            (
                r#"Bearer realm="https://hub.example.com:443/service/token",service="harbor-registry",scope="repository:lab/mnt:pull,push repository:lab/rec-c:pull""#,
                r#"Bearer realm="https://hub.example.com/service/token",service="harbor-registry",scope="repository:lab/mnt:pull,push repository:lab/rec-c:pull""#,
            ),
            (
                r#"bearer  Service=a , REALM = "https, http://x/service/token" , error="invalid_token""#,
                r#"bearer  Service=a , REALM = "https://hub.example.com/service/token" , error="invalid_token""#,
            ),
            (
                r#"Basic realm="harbor", Bearer service="a\"b, realm=\"x",realm="http://a/service/token""#,
                r#"Basic realm="harbor", Bearer service="a\"b, realm=\"x",realm="https://hub.example.com/service/token""#,
            ),
            (
                r#"Negotiate YWJj==, Bearer realm="/service/token",service="a""#,
                r#"Negotiate YWJj==, Bearer realm="https://hub.example.com/service/token",service="a""#,
            ),
            (
                r#"Bearer realm="http:\/\/a/service/token""#,
                r#"Bearer realm="https://hub.example.com/service/token""#,
            ),
        ] {
            assert_eq!(repair(value).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_no_challenge() {
        for (value, challenges) in [
            ("", Some(0)),
            (" ,\t, ", Some(0)),
            ("Basic, Bearer a=b , c = d,Negotiate x==", Some(3)),
            ("=", None),
            ("a=b", None),
            ("Negotiate a=", Some(1)),
            ("Bearer a=b, c=", None),
            ("Bearer a=b, c=,d=e", None),
            ("Bearer a=b c=d", None),
            ("Bearer a=\"b", None),
            ("Bearer @", None),
        ] {
            let read = parse(value);
            assert_eq!(read.map(|read| read.len()), challenges, "{value}");
        }
    }

    #[test]
    fn what_is_right_foreign_or_unreadable_stays() {
        for value in [
            "",
            r#"Basic realm="harbor""#,
            r#"Basic realm="http://core/service/token""#,
            r#"Bearer realm="https://hub.example.com/service/token",service="harbor-registry""#,
            r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io""#,
            r#"Bearer realm="",service="a""#,
            r#"Bearer service="a""#,
            "Bearer",
            "Negotiate",
            r#"Bearer realm="http://core/service/token"#,
            r#"Bearer realm="http://core/service/token\"#,
            r#"Bearer realm="http://core/service/token" service="a""#,
            r#"Bearer realm=http://core/service/token"#,
            r#"realm="http://core/service/token""#,
            "Bearer realm=",
            "=",
        ] {
            assert_eq!(repair(value), None, "{value}");
        }
    }

    #[test]
    fn a_rejected_token_gets_a_challenge_that_says_why() {
        use super::super::operation::Operation;
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let public = Origin::parse("https://hub.example.com").unwrap();
        let claims =
            r#"{"exp":100,"access":[{"type":"repository","name":"lab/app","actions":["pull"]}]}"#;
        let token = format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(claims));
        let pull = Scope::asked(Operation::ManifestGet, "lab/app", None);
        let push = Scope::asked(Operation::ManifestPut, "lab/app", None);
        for (name, token, now, scopes, error, expected) in [
            (
                "expired",
                token.as_str(),
                100,
                &push,
                "invalid_token",
                "pull,push",
            ),
            (
                "no right to push",
                &token,
                99,
                &push,
                "insufficient_scope",
                "pull,push",
            ),
            ("revoked", &token, 99, &pull, "invalid_token", "pull"),
            ("opaque", "opaque", 99, &push, "invalid_token", "pull,push"),
        ] {
            let token = Bearer::new(token.to_owned());
            let judged = judge_rejection(token.claims(), now, scopes);
            assert_eq!(judged.as_str(), error, "{name}");
            let written = bearer_challenge(&realm(&public), scopes, Some(judged));
            let expected = format!(
                "Bearer realm=\"https://hub.example.com/service/token\",\
                 service=\"harbor-registry\",scope=\"repository:lab/app:{expected}\",\
                 error=\"{error}\""
            );
            assert_eq!(written, expected, "{name}");
        }
        let bare = bearer_challenge(&realm(&public), &[], None);
        assert_eq!(
            bare,
            "Bearer realm=\"https://hub.example.com/service/token\",service=\"harbor-registry\""
        );
        let quote = Scope::asked(Operation::ManifestGet, "a\"b\\c", None);
        let written = bearer_challenge(&realm(&public), &quote, None);
        let parsed = parse(&written).unwrap();
        assert_eq!(parsed.len(), 1);
        let scope = parsed[0].param("scope").map(|param| param.value.as_ref());
        assert_eq!(scope, Some("repository:a\"b\\c:pull"));
    }

    #[test]
    fn a_token_that_is_sound_and_old_may_be_older_than_its_project() {
        let (pull, other) = (Scope::push("lab/app"), Scope::push("pub/app"));
        let read = |times: &str| {
            let access = r#"[{"type":"repository","name":"lab/app","actions":["push"]}]"#;
            let claims = format!(r#"{{{times}"access":{access}}}"#);
            serde_json::from_str::<Claims>(&claims).unwrap()
        };
        let old = r#""iat":1000,"exp":2800,"#;
        for (name, times, now, scopes, expected) in [
            ("old", old, 1061, vec![pull.clone()], true),
            ("within the leeway", old, 1060, vec![pull.clone()], false),
            ("expired", old, 2800, vec![pull.clone()], false),
            (
                "without its age",
                r#""exp":2800,"#,
                0,
                vec![pull.clone()],
                true,
            ),
            ("for something else", old, 1061, vec![pull, other], false),
            ("for nothing", old, 1061, vec![], false),
        ] {
            let claims = read(times);
            assert_eq!(
                may_predate_project(&claims, now, &scopes),
                expected,
                "{name}"
            );
        }
    }

    #[test]
    fn challenges_are_read_by_the_grammar() {
        let value = r#"Negotiate, Basic realm="harbor", Digest YWJj, Bearer realm="r\"x", scope=a"#;
        let challenges = parse(value).unwrap();
        let schemes: Vec<_> = challenges
            .iter()
            .map(|challenge| challenge.scheme)
            .collect();
        assert_eq!(schemes, ["Negotiate", "Basic", "Digest", "Bearer"]);
        let text = |index: usize, name: &str| {
            let challenge: &Challenge<'_> = &challenges[index];
            challenge.param(name).map(|param| param.value.to_string())
        };
        assert_eq!(text(1, "Realm").as_deref(), Some("harbor"));
        assert_eq!(text(3, "realm").as_deref(), Some("r\"x"));
        assert_eq!(text(3, "scope").as_deref(), Some("a"));
        assert_eq!(text(0, "realm"), None);
    }
}
