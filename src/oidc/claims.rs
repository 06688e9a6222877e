//! What a token says: whose it is, for whom, and when it is good.

use super::refused::Refused;
use crate::net::bounded_text::Text;
use serde_json::Value;

/// How much clocks may differ, in seconds: what Harbor itself forgives its own tokens.
const LEEWAY: f64 = 60.0;

/// What is shown of one claim: GitHub's subjects have some hundred bytes.
const SHOWN: usize = 255;

/// The claims of one token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Claims(Value);

impl Claims {
    /// Of what a token holds, which is an object.
    pub(super) fn new(claims: Value) -> Claims {
        Claims(claims)
    }

    /// All of them, as the token has them.
    pub(crate) fn all(&self) -> &Value {
        &self.0
    }

    /// None where it isn't one text.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// Whom it is about; empty where it doesn't say.
    pub(crate) fn subject(&self) -> &str {
        self.text("sub").unwrap_or_default()
    }

    /// Whether it is for this audience, alone or among others (RFC 7519, 4.1.3).
    pub(crate) fn is_for(&self, audience: &str) -> bool {
        self.audiences().any(|one| one == audience)
    }

    fn audiences(&self) -> impl Iterator<Item = &str> {
        let (alone, several) = match self.0.get("aud") {
            Some(Value::String(alone)) => (Some(alone.as_str()), None),
            Some(Value::Array(several)) => (None, Some(several)),
            _ => (None, None),
        };
        let several = several.into_iter().flatten().filter_map(Value::as_str);
        alone.into_iter().chain(several)
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Whether it is good at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Why it isn't.
    pub(crate) fn check_times(&self, now: u64) -> Result<(), Refused> {
        // Seconds since 1970 are exact in 53 bits for some million years.
        let now = now as f64;
        let time = |name| match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(Refused::NoTime { name }),
        };
        let expires = time("exp")?.ok_or(Refused::NoTime { name: "exp" })?;
        if expires + LEEWAY <= now {
            return Err(Refused::Expired {
                ago: seconds(now - expires),
            });
        }
        match time("nbf")? {
            Some(begins) if begins - LEEWAY > now => Err(Refused::NotYet {
                until: seconds(begins - now),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// The issuer as it may be shown.
    pub(crate) fn shown_issuer(&self) -> String {
        shown(self.issuer().unwrap_or_default())
    }

    /// The subject as it may be shown, and kept.
    pub(crate) fn shown_subject(&self) -> String {
        shown(self.subject())
    }

    /// Its audiences as they may be shown.
    pub(crate) fn shown_audience(&self) -> String {
        let all: Vec<&str> = self.audiences().collect();
        shown(&all.join(", "))
    }
}

fn shown(text: &str) -> String {
    Text::name(text, SHOWN).to_string()
}

/// Whole ones; a time that is no time of this world is as long as a number can be.
fn seconds(duration: f64) -> u64 {
    duration.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn claims(text: &str) -> Claims {
        Claims::new(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn a_token_is_for_those_that_it_names() {
        for (text, is_for) in [
            (r#"{"aud":"https://hub.example.com"}"#, true),
            (r#"{"aud":["a","https://hub.example.com"]}"#, true),
            (r#"{"aud":["https://hub.example.com",1]}"#, true),
            (r#"{"aud":"https://hub.example.com/"}"#, false),
            (r#"{"aud":"https://hub.example.com,a"}"#, false),
            (r#"{"aud":["a"]}"#, false),
            (r#"{"aud":[]}"#, false),
            (r#"{"aud":{"https://hub.example.com":1}}"#, false),
            (r#"{"aud":[["https://hub.example.com"]]}"#, false),
            (r#"{"aud":null}"#, false),
            ("{}", false),
        ] {
            assert_eq!(
                claims(text).is_for("https://hub.example.com"),
                is_for,
                "{text}"
            );
        }
    }

    #[test]
    fn an_issuer_is_one_text() {
        for (text, issuer) in [
            (r#"{"iss":"https://a"}"#, Some("https://a")),
            (r#"{"iss":["https://a"]}"#, None),
            (r#"{"iss":1}"#, None),
            ("{}", None),
        ] {
            assert_eq!(claims(text).issuer(), issuer, "{text}");
        }
    }

    #[test]
    fn a_token_is_good_between_its_times() {
        let no_time = |name| Err(Refused::NoTime { name });
        for (text, expected) in [
            (format!(r#"{{"exp":{}}}"#, NOW + 1), Ok(())),
            (format!(r#"{{"exp":{}.5}}"#, NOW), Ok(())),
            (format!(r#"{{"exp":{}}}"#, NOW - 59), Ok(())),
            (
                format!(r#"{{"exp":{}}}"#, NOW - 60),
                Err(Refused::Expired { ago: 60 }),
            ),
            (
                r#"{"exp":0}"#.to_owned(),
                Err(Refused::Expired { ago: NOW }),
            ),
            (
                r#"{"exp":-1}"#.to_owned(),
                Err(Refused::Expired { ago: NOW + 1 }),
            ),
            (format!(r#"{{"exp":{NOW},"nbf":{}}}"#, NOW + 60), Ok(())),
            (
                format!(r#"{{"exp":{NOW},"nbf":{}}}"#, NOW + 61),
                Err(Refused::NotYet { until: 61 }),
            ),
            (
                format!(r#"{{"exp":{NOW},"nbf":1e300}}"#),
                Err(Refused::NotYet { until: u64::MAX }),
            ),
            (r#"{"exp":1e300}"#.to_owned(), Ok(())),
            ("{}".to_owned(), no_time("exp")),
            (r#"{"exp":"1900000000"}"#.to_owned(), no_time("exp")),
            (r#"{"exp":null}"#.to_owned(), no_time("exp")),
            (r#"{"exp":true}"#.to_owned(), no_time("exp")),
            (format!(r#"{{"exp":{NOW},"nbf":"soon"}}"#), no_time("nbf")),
            (format!(r#"{{"exp":{NOW},"nbf":null}}"#), no_time("nbf")),
        ] {
            assert_eq!(claims(&text).check_times(NOW), expected, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_short_and_on_one_line() {
        let long = claims(&format!(r#"{{"sub":"a\nb\u202e{}"}}"#, "x".repeat(300)));
        let shown = long.shown_subject();
        assert_eq!(shown.len(), 255);
        assert!(shown.starts_with("abxx"), "{shown}");
        let several = claims(r#"{"aud":["a","b"],"sub":7}"#);
        assert_eq!(several.shown_audience(), "a, b");
        assert_eq!(several.subject(), "");
    }
}
