//! A token taken apart (RFC 7515, 7.1). Nothing of it is verified here.

use super::algorithm::Algorithm;
use super::claims::Claims;
use super::refused::Refused;
use crate::net::bounded_text::Text;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// GitHub's are of one or two KiB, GitLab's of two. A request header that carries more than this is
/// refused by most proxies.
const LONGEST: usize = 16 * 1024;

/// What is shown of a word that isn't understood.
const SHOWN: usize = 40;

/// One token, as it came.
#[derive(Debug)]
pub(crate) struct Jwt<'t> {
    pub(super) algorithm: Algorithm,
    /// Which of its issuer's keys it is signed with, by its own word.
    pub(super) key: Option<String>,
    /// What of it nobody has vouched for yet.
    pub(crate) claims: Claims,
    /// The bytes that are signed.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
}

impl Jwt<'_> {
    /// Takes it apart.
    ///
    /// # Errors
    /// Where it is no token that can be verified here.
    pub(crate) fn read(text: &str) -> Result<Jwt<'_>, Refused> {
        if text.len() > LONGEST {
            return Err(Refused::TooLong);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Refused::NotAToken)?;
        let (header, claims) = signed.split_once('.').ok_or(Refused::NotAToken)?;
        let header = object(header).ok_or(Refused::NotAToken)?;
        let claims = object(claims).ok_or(Refused::NotAToken)?;
        let signature = URL_SAFE_NO_PAD.decode(signature);
        let signature = signature.map_err(|_| Refused::NotAToken)?;
        // What it names must be understood (RFC 7515, 4.1.11), and nothing of it is.
        if header.get("crit").is_some() {
            return Err(Refused::Critical);
        }
        let word = |name| header.get(name).and_then(Value::as_str);
        let named = word("alg").unwrap_or_default();
        let algorithm = Algorithm::parse(named).ok_or_else(|| Refused::Algorithm {
            named: Text::name(named, SHOWN).to_string(),
        })?;
        let key = match header.get("kid") {
            None => None,
            Some(Value::String(key)) => Some(key.clone()),
            Some(_) => return Err(Refused::NotAToken),
        };
        Ok(Jwt {
            algorithm,
            key,
            claims: Claims::new(claims),
            signed: signed.as_bytes(),
            signature,
        })
    }

    /// The key's name as it may be shown.
    pub(crate) fn shown_key(&self) -> String {
        let key = self.key.as_deref().unwrap_or_default();
        Text::name(key, SHOWN).to_string()
    }
}

/// An object in base64url without padding.
fn object(encoded: &str) -> Option<Value> {
    let decoded = URL_SAFE_NO_PAD.decode(encoded).ok()?;
    let value: Value = serde_json::from_slice(&decoded).ok()?;
    value.is_object().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, claims: &str) -> String {
        let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encoded(header), encoded(claims), encoded("s"))
    }

    #[test]
    fn what_is_no_token_is_refused_before_anything_is_verified() {
        let plain = r#"{"alg":"RS256","kid":"a"}"#;
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
        let alg = |named: &str| Refused::Algorithm {
            named: named.to_owned(),
        };
        for (name, text, expected) in [
            ("nothing", String::new(), Refused::NotAToken),
            ("a password", "Alice12345".to_owned(), Refused::NotAToken),
            ("two parts", "e30.e30".to_owned(), Refused::NotAToken),
            (
                "four parts",
                format!("{}.x", token(plain, "{}")),
                Refused::NotAToken,
            ),
            ("encrypted", "e30.a.b.c.d".to_owned(), Refused::NotAToken),
            ("padding", token(plain, "{}") + "=", Refused::NotAToken),
            ("a list", token(plain, "[]"), Refused::NotAToken),
            (
                "a header of text",
                token("\"RS256\"", "{}"),
                Refused::NotAToken,
            ),
            ("no JSON", token(plain, "{"), Refused::NotAToken),
            ("bytes behind it", token(plain, "{} {}"), Refused::NotAToken),
            ("too deep", token(plain, &deep), Refused::NotAToken),
            (
                "a key that is a number",
                token(r#"{"alg":"RS256","kid":1}"#, "{}"),
                Refused::NotAToken,
            ),
            ("alg none", token(r#"{"alg":"none"}"#, "{}"), alg("none")),
            ("no alg", token("{}", "{}"), alg("")),
            ("HMAC", token(r#"{"alg":"HS256"}"#, "{}"), alg("HS256")),
            (
                "alg twice",
                token(r#"{"alg":"RS256","alg":"none"}"#, "{}"),
                alg("none"),
            ),
            (
                "a list of alg",
                token(r#"{"alg":["RS256"]}"#, "{}"),
                alg(""),
            ),
            ("a line in alg", token(r#"{"alg":"a\nb"}"#, "{}"), alg("ab")),
            (
                "crit",
                token(r#"{"alg":"RS256","crit":["exp"]}"#, "{}"),
                Refused::Critical,
            ),
            (
                "crit of nothing",
                token(r#"{"alg":"RS256","crit":null}"#, "{}"),
                Refused::Critical,
            ),
            ("long", "a".repeat(LONGEST + 1), Refused::TooLong),
        ] {
            assert_eq!(Jwt::read(&text).unwrap_err(), expected, "{name}");
        }
    }

    #[test]
    fn headers_that_lead_to_other_keys_are_not_read() {
        let header = r#"{"alg":"ES256","kid":"a","jku":"https://evil.example.com/keys","x5u":"https://evil.example.com/x","jwk":{"kty":"oct","k":"AA"},"x5c":["AA"],"typ":"JWT"}"#;
        let text = token(header, r#"{"sub":"ü"}"#);
        let read = Jwt::read(&text).unwrap();
        assert_eq!(
            (
                read.algorithm,
                read.key.as_deref(),
                read.signature.as_slice()
            ),
            (Algorithm::Es256, Some("a"), &b"s"[..])
        );
        assert_eq!(read.claims.subject(), "ü");
        assert!(text.as_bytes().starts_with(read.signed));
        let shown = format!(
            "{:?}",
            Jwt::read(&token(r#"{"alg":"RS256"}"#, "{}")).unwrap().key
        );
        assert_eq!(shown, "None");
    }

    #[test]
    fn a_token_is_read_up_to_its_longest() {
        let short = token(r#"{"alg":"RS256"}"#, "{}");
        let signature = "A".repeat((LONGEST - short.len()) / 4 * 4);
        assert!(Jwt::read(&(short + &signature)).is_ok());
    }
}
