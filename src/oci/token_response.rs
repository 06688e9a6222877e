//! What a token grants. Harbor answers both a wrong password and a missing role with status 200 and a
//! token that grants nothing: the client takes it for a success until its next request.

use super::routing::{TokenScope, token_scopes};
use super::token::Bearer;
use serde::Deserialize;

/// How much of what was asked a token grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Some of it, or nothing was asked.
    Granted,
    /// Nothing of it.
    Empty,
    /// No token that can be read.
    Unreadable,
}

/// What an answer of the token service says.
pub(crate) struct TokenResponse {
    pub(crate) grant: Grant,
    /// The token, where it is somebody's: the password was right.
    pub(crate) somebodys: Option<Bearer>,
}

#[derive(Deserialize)]
struct TokenBody {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

/// Reads the answer to a request for a token with this query.
pub(crate) fn parse_token_response(asked: &str, body: &[u8]) -> TokenResponse {
    let unreadable = TokenResponse {
        grant: Grant::Unreadable,
        somebodys: None,
    };
    let Some(token) = token(body) else {
        return unreadable;
    };
    let Some(claims) = token.claims() else {
        return unreadable;
    };
    let scopes = token_scopes(asked);
    let is_granted = |asked: &TokenScope| claims.grants_something(&asked.kind, &asked.name);
    let grant = if scopes.is_empty() || scopes.iter().any(is_granted) {
        Grant::Granted
    } else {
        Grant::Empty
    };
    let is_somebodys = !claims.subject.is_empty();
    TokenResponse {
        grant,
        somebodys: is_somebodys.then_some(token),
    }
}

/// Whether a request for a token with this query asks to push. Clients write the actions in either
/// order: docker asks for `push,pull`, the others for `pull,push`.
pub(crate) fn asks_for_push(asked: &str) -> bool {
    token_scopes(asked).iter().any(TokenScope::writes)
}

/// The token itself.
pub(crate) fn token(body: &[u8]) -> Option<Bearer> {
    let answer: TokenBody = serde_json::from_slice(body).ok()?;
    Some(Bearer::new(if answer.token.is_empty() {
        answer.access_token
    } else {
        answer.token
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn body(field: &str, claims: &str) -> String {
        let claims = URL_SAFE_NO_PAD.encode(claims);
        format!("{{\"{field}\":\"e30.{claims}.AA\",\"expires_in\":1800}}")
    }

    #[test]
    fn who_asks_to_push_is_seen() {
        for (name, asked, expected) in [
            ("as most ask", "scope=repository:lab/app:pull,push", true),
            (
                "as docker asks",
                "scope=repository%3Alab%2Fapp%3Apush%2Cpull",
                true,
            ),
            (
                "one of several",
                "scope=repository:a/b:pull+repository:a/c:pull,push",
                true,
            ),
            (
                "one of two values",
                "scope=repository:a/b:push&scope=repository:a/c:pull",
                true,
            ),
            ("to pull", "service=x&scope=repository:lab/app:pull", false),
            (
                "a name with the word",
                "scope=repository:lab/push:pull",
                false,
            ),
            ("nothing", "service=harbor-registry", false),
        ] {
            assert_eq!(asks_for_push(asked), expected, "{name}");
        }
    }

    #[test]
    fn an_empty_grant_is_seen() {
        let push = r#"{"sub":"alice","access":[{"type":"repository","name":"lab/app","actions":["pull","push"]}]}"#;
        let none =
            r#"{"sub":"alice","access":[{"type":"repository","name":"lab/app","actions":[]}]}"#;
        let nobody = r#"{"access":[{"type":"repository","name":"lab/app","actions":[]}]}"#;
        let asked = "service=harbor-registry&scope=repository%3Alab%2Fapp%3Apull%2Cpush";
        for (name, asked, claims, grant, has_subject) in [
            ("granted", asked, push, Grant::Granted, true),
            ("no role", asked, none, Grant::Empty, true),
            ("wrong password", asked, nobody, Grant::Empty, false),
            ("nothing asked", "service=x", none, Grant::Granted, true),
            (
                "another repository",
                "scope=repository:lab/other:pull",
                push,
                Grant::Empty,
                true,
            ),
            (
                "one of two",
                "scope=repository:a/b:pull+repository:lab/app:pull",
                push,
                Grant::Granted,
                true,
            ),
            (
                "one of two fields",
                "scope=repository:a/b:pull&scope=repository:lab/app:pull",
                push,
                Grant::Granted,
                true,
            ),
        ] {
            let said = parse_token_response(asked, body("token", claims).as_bytes());
            assert_eq!(
                (said.grant, said.somebodys.is_some()),
                (grant, has_subject),
                "{name}"
            );
        }
        let other = parse_token_response(asked, body("access_token", push).as_bytes());
        assert_eq!(other.grant, Grant::Granted);
        for body in [
            "",
            "{}",
            "{\"token\":\"opaque\"}",
            "<html>",
            "{\"token\":5}",
        ] {
            assert_eq!(
                parse_token_response(asked, body.as_bytes()).grant,
                Grant::Unreadable,
                "{body}"
            );
        }
    }
}
