//! Credentials, and the claims of a Bearer token.
//!
//! Claims are decoded and never verified: they explain an answer of Harbor, and never replace one.

use super::repository::project;
use super::scope::{Action, Scope};
use crate::net::login::Login;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;
use zeroize::Zeroizing;

/// Longer ones are no tokens of Harbor's, which are of one or two KiB.
const MAX_TOKEN: usize = 64 * 1024;

/// Harbor's own limit of an account's name.
const LONGEST_ACCOUNT: usize = 255;

/// What an Authorization header holds. Schemes have no case here (RFC 9110, 11.1); Harbor itself
/// reads no `bearer` in lower case, and its refusal is then explained like any other. A token is one
/// wherever Harbor finds it (see `Written`).
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credential {
    /// There is no such header, or nothing in it: Harbor treats both alike.
    #[default]
    None,
    Basic(Login),
    Bearer(Bearer),
    Other,
}

impl Credential {
    /// Reads the value of an Authorization header that is there.
    pub fn read(value: &[u8]) -> Credential {
        match Written::read(&String::from_utf8_lossy(value)) {
            Written::Nothing => Credential::None,
            Written::Basic(encoded) => Credential::Basic(Login::from_basic(encoded)),
            Written::Bearer(token) => Credential::Bearer(Bearer::new(token.to_owned())),
            Written::Other => Credential::Other,
        }
    }
}

/// What stands in an Authorization header, taken apart as Harbor does it.
enum Written<'v> {
    Nothing,
    Basic(&'v str),
    Bearer(&'v str),
    Other,
}

impl<'v> Written<'v> {
    /// Harbor's core doesn't ask for the scheme: a token is what stands between the first `Bearer` and the
    /// second, wherever these are (`bearerToken` in its `src/server/middleware/security/utils.go`), and it
    /// looks for a token before it looks for a password. What has no dot is no token: `Bearer` stands in
    /// the base64 of some password, too.
    fn read(value: &'v str) -> Written<'v> {
        let text = value.trim();
        let found = text.split("Bearer").nth(1).map(str::trim);
        if let Some(token) = found.filter(|token| token.contains('.')) {
            return Written::Bearer(token);
        }
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        match rest.trim() {
            "" if text.is_empty() => Written::Nothing,
            "" => Written::Other,
            rest if scheme.eq_ignore_ascii_case("bearer") => Written::Bearer(rest),
            rest if scheme.eq_ignore_ascii_case("basic") => Written::Basic(rest),
            _ => Written::Other,
        }
    }
}

/// The value of an Authorization header for a user with a password (RFC 7617).
pub(crate) fn basic_credentials(user: &str, password: &str) -> Zeroizing<String> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    Zeroizing::new(format!("Basic {}", encoded.as_str()))
}

/// The account that a login names in the value of an Authorization header. Nothing of it is verified. None
/// where it names nobody, or not in words that can be shown.
pub(crate) fn login_name(value: &[u8]) -> Option<String> {
    match Written::read(&String::from_utf8_lossy(value)) {
        Written::Basic(encoded) => Login::name_in_basic(encoded).filter(|name| is_shown(name)),
        Written::Bearer(_) | Written::Other | Written::Nothing => None,
    }
}

/// Whether a name can be an account's, and be shown.
pub(crate) fn is_shown(account: &str) -> bool {
    let is_sound = !account.is_empty() && account.len() <= LONGEST_ACCOUNT;
    is_sound && !account.contains(char::is_control)
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Credential::None => "None",
            Credential::Basic(_) => "Basic",
            Credential::Bearer(_) => "Bearer",
            Credential::Other => "Other",
        })
    }
}

/// A token, and what it says of itself: read when somebody asks, and once.
#[derive(Clone)]
pub struct Bearer {
    text: Zeroizing<String>,
    claims: OnceLock<Option<Box<Claims>>>,
    account: OnceLock<Option<String>>,
}

impl Bearer {
    pub(crate) fn new(text: String) -> Bearer {
        Bearer {
            text: Zeroizing::new(text),
            claims: OnceLock::new(),
            account: OnceLock::new(),
        }
    }

    /// As it stands behind `Bearer`.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// None where it is no JSON Web Token.
    pub(crate) fn claims(&self) -> Option<&Claims> {
        let read = || Claims::read(&self.text).map(Box::new);
        self.claims.get_or_init(read).as_deref()
    }

    /// The account that it names, as [`login_name`] has it. Reads no more than that: it is asked for at
    /// every request's end.
    pub(crate) fn account(&self) -> Option<&str> {
        let read = || {
            let subject = match self.claims.get() {
                Some(claims) => claims.as_deref()?.subject.clone(),
                None => read::<Subject>(&self.text)?.subject,
            };
            is_shown(&subject).then_some(subject)
        };
        self.account.get_or_init(read).as_deref()
    }
}

impl PartialEq for Bearer {
    fn eq(&self, other: &Bearer) -> bool {
        self.text == other.text
    }
}

impl Eq for Bearer {}

/// What a token of Harbor's token service says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    /// Seconds since 1970.
    #[serde(rename = "exp")]
    pub(crate) expires: Option<u64>,
    #[serde(rename = "iat")]
    pub(crate) issued: Option<u64>,
    /// The account; absent in a token for nobody.
    #[serde(rename = "sub", default)]
    pub(crate) subject: String,
    /// Everything that is granted; none where the token doesn't say.
    #[serde(default)]
    pub(crate) access: Option<Vec<GrantedScope>>,
}

/// The only claim that a record shows.
#[derive(Deserialize)]
struct Subject {
    #[serde(rename = "sub", default)]
    subject: String,
}

/// One granted scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedScope {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub name: String,
    /// Harbor writes null where there are none.
    #[serde(default, deserialize_with = "none_if_null")]
    pub actions: Vec<String>,
}

fn none_if_null<'de, D: Deserializer<'de>>(actions: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(actions)?.unwrap_or_default())
}

impl Claims {
    /// Decodes the middle of a JSON Web Token; none where it is none.
    pub(crate) fn read(token: &str) -> Option<Claims> {
        read(token)
    }

    /// Whether its time is over. Harbor itself forgives 60 s.
    pub(crate) fn is_expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }

    /// How long it was good for from the start.
    pub(crate) fn life(&self) -> Option<Duration> {
        let seconds = self.expires?.checked_sub(self.issued?)?;
        Some(Duration::from_secs(seconds))
    }

    /// Whether the access list has what the scope asks. Harbor takes a token for one repository in
    /// its whole project.
    pub(crate) fn grants(&self, scope: &Scope) -> bool {
        let granted = |access: &GrantedScope| {
            let mut actions = access.actions.iter();
            access.kind == "repository"
                && project(&access.name) == project(&scope.repository)
                && actions.any(|action| action == scope.action.as_str() || action == "*")
        };
        self.access.iter().flatten().any(granted)
    }

    /// Whether anything at all is granted for what the token service was asked: a type and a name.
    pub(crate) fn grants_something(&self, kind: &str, name: &str) -> bool {
        let granted = |access: &GrantedScope| {
            access.kind == kind && access.name == name && !access.actions.is_empty()
        };
        self.access.iter().flatten().any(granted)
    }
}

/// Decodes the middle of a JSON Web Token, as much of it as is asked for.
fn read<T: DeserializeOwned>(token: &str) -> Option<T> {
    if token.len() > MAX_TOKEN {
        return None;
    }
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    let decoded = URL_SAFE_NO_PAD.decode(claims).ok()?;
    serde_json::from_slice(&decoded).ok()
}

impl Scope {
    /// What a push into a repository needs.
    pub(crate) fn push(repository: &str) -> Scope {
        Scope {
            repository: repository.to_owned(),
            action: Action::Push,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;

    fn token(claims: &str) -> String {
        format!("e30.{}.AA", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn an_account_is_named_without_its_secret() {
        let basic = |pair: &str| format!("basic {}", STANDARD.encode(pair));
        let bearer =
            |subject: &str| format!("Bearer {}", token(&format!(r#"{{"sub":"{subject}"}}"#)));
        let (longest, long) = ("a".repeat(255), "a".repeat(256));
        for (value, expected) in [
            (basic(&format!("{longest}:x")), Some(longest.as_str())),
            (basic("alice:a:b"), Some("alice")),
            (basic("Alice:"), Some("Alice")),
            (basic("secret"), None),
            (basic(":secret"), None),
            (basic("a\nb:x"), None),
            (basic(&format!("{long}:x")), None),
            (bearer("robot$ci"), Some("robot$ci")),
            (bearer(""), None),
            (bearer("a\\nb"), None),
            ("Bearer opaque".to_owned(), None),
            ("Basic ???".to_owned(), None),
            (basic("alice:x").replace("basic", "Negotiate"), None),
            (
                bearer("alice").replace("Bearer ", "x=Bearer"),
                Some("alice"),
            ),
            (String::new(), None),
        ] {
            let Credential::Bearer(token) = Credential::read(value.as_bytes()) else {
                assert_eq!(login_name(value.as_bytes()).as_deref(), expected, "{value}");
                continue;
            };
            // However much of the token was read before.
            let whole = token.clone();
            whole.claims();
            assert_eq!(token.account(), expected, "{value}");
            assert_eq!(whole.account(), expected, "{value}");
        }
    }

    #[test]
    fn credentials_are_told_apart() {
        let alice = |password: &str| STANDARD.encode(format!("alice:{password}"));
        let nameless = |encoded: &str| Credential::Basic(Login::unreadable(encoded.as_bytes()));
        for (value, expected) in [
            (
                "Bearer a.b.c",
                Credential::Bearer(Bearer::new("a.b.c".into())),
            ),
            ("bearer  a ", Credential::Bearer(Bearer::new("a".into()))),
            ("Bearer", Credential::Other),
            ("Bearer ", Credential::Other),
            ("", Credential::None),
            (" ", Credential::None),
            ("Negotiate abc", Credential::Other),
            ("Negotiate abcBearer", Credential::Other),
            (
                &format!("Basic {}", alice("a:b")),
                Credential::Basic(Login::new(b"alice", b"a:b")),
            ),
            ("BASIC ???", nameless("???")),
            ("Basic YWxpY2U=", nameless("YWxpY2U=")),
        ] {
            assert!(Credential::read(value.as_bytes()) == expected, "{value}");
        }
        let bearer = |text: &str| Credential::Bearer(Bearer::new(text.to_owned()));
        assert!(bearer("a") != bearer("b"));
        // As Harbor finds it, whatever the scheme is.
        for value in [
            &b"Bearera.b.c"[..],
            b"Bearer\ta.b.c",
            b"xBearer a.b.c",
            b"Negotiate Bearer a.b.c ",
            b"Basic YQ==Bearer a.b.c",
            b"bearer x.y.z Bearer a.b.c",
            b"Bearer a.b.cBearer x.y.z",
            b"\xFF Bearer a.b.c",
        ] {
            let shown = String::from_utf8_lossy(value);
            assert!(Credential::read(value) == bearer("a.b.c"), "{shown}");
        }
        // `alice` with a password whose base64 has the word.
        let chance = Credential::read(b"Basic YWxpY2U6Bearerer");
        assert!(matches!(chance, Credential::Basic(_)));
        assert!(Credential::read(&[0xFF]) == Credential::Other);
        let shown = format!("{:?}", Credential::Bearer(Bearer::new("secret".into())));
        assert_eq!(shown, "Bearer");
    }

    #[test]
    fn claims_are_read_and_nothing_else() {
        let harbor = r#"{"iss":"harbor-token-issuer","sub":"alice","aud":"harbor-registry","exp":1800001800,"nbf":1800000000,"iat":1800000000,"jti":"x","access":[{"type":"repository","name":"lab/app","actions":["pull","push"]}]}"#;
        let claims = Claims::read(&token(harbor)).unwrap();
        assert_eq!(claims.subject, "alice");
        assert_eq!(claims.life(), Some(Duration::from_secs(1800)));
        for (now, expired) in [(0, false), (1_800_001_799, false), (1_800_001_800, true)] {
            assert_eq!(claims.is_expired(now), expired, "{now}");
        }
        let nothing = Claims::read(&token(r#"{"access":null}"#)).unwrap();
        assert_eq!(
            (nothing.life(), nothing.is_expired(u64::MAX)),
            (None, false)
        );
        let long = "a".repeat(MAX_TOKEN + 1);
        for other in [
            "",
            "opaque",
            "a.b",
            "a.!.c",
            "e30.W10.AA",
            &token("[]"),
            &long,
        ] {
            assert_eq!(Claims::read(other), None, "{other:.20}");
        }
    }

    #[test]
    fn a_token_is_read_up_to_its_longest() {
        let of_length = |length| {
            let short = token(r#"{"sub":"alice"}"#);
            short.clone() + &"A".repeat(length - short.len())
        };
        let longest = Bearer::new(of_length(65_536));
        assert_eq!(longest.as_str().len(), 65_536);
        assert_eq!(longest.claims().unwrap().subject, "alice");
        assert!(Bearer::new(of_length(65_537)).claims().is_none());
    }

    #[test]
    fn what_is_granted_is_told_whole() {
        let told = |claims: &str| {
            let claims = Claims::read(&token(claims)).unwrap();
            let told = |one: GrantedScope| format!("{} {} {:?}", one.kind, one.name, one.actions);
            Some(claims.access?.into_iter().map(told).collect::<Vec<_>>())
        };
        let access = r#"{"access":[{"type":"repository","name":"lab/app","actions":["pull"]},{"type":"registry","name":"catalog"}]}"#;
        let expected = [r#"repository lab/app ["pull"]"#, "registry catalog []"];
        assert_eq!(told(access), Some(expected.map(str::to_owned).to_vec()));
        assert_eq!(told(r#"{"access":[]}"#), Some(vec![]));
        assert_eq!(told("{}"), None);
    }

    #[test]
    fn grants_hold_for_the_project() {
        let claims = r#"{"access":[{"type":"repository","name":"lab/app","actions":["pull","push"]},{"type":"repository","name":"pub/x","actions":[]},{"type":"repository","name":"adm/x","actions":["*"]},{"type":"registry","name":"all","actions":["push"]},{"type":"repository","name":"nil/x","actions":null}]}"#;
        let claims = Claims::read(&token(claims)).unwrap();
        for (repository, action, granted) in [
            ("lab/app", Action::Push, true),
            ("lab/other/deep", Action::Pull, true),
            ("lab/app", Action::Delete, false),
            ("lab2/app", Action::Pull, false),
            ("pub/x", Action::Pull, false),
            ("adm/y", Action::Delete, true),
            ("all", Action::Push, false),
            ("nil/x", Action::Pull, false),
        ] {
            let scope = Scope {
                repository: repository.into(),
                action,
            };
            assert_eq!(claims.grants(&scope), granted, "{scope}");
        }
        assert!(claims.grants(&Scope::push("lab/app")));
        assert!(!claims.grants(&Scope::push("pub/x")));
        assert!(claims.grants_something("repository", "lab/app"));
        assert!(!claims.grants_something("repository", "pub/x"));
        assert!(!claims.grants_something("repository", "lab/other"));
    }
}
