//! Whether Harbor's answer to a login means that the password was right.
//!
//! For the token service the body decides (see `token_response`). What this file deliberately doesn't know:
//! who logs in, and how many answers of which kind are too many.

use super::operation::{Action, Operation};
use http::HeaderValue;

/// Where the login form goes (Harbor's portal: `POST`, with `principal` and `password`).
pub(crate) const FORM_PATH: &str = "/c/login";

/// What is read of the form: the portal's has some hundred bytes.
pub(crate) const FORM_LENGTH: u64 = 16_384;

/// Only an account is told who it is.
const WHO_AM_I: &str = "/api/v2.0/users/current";

/// Whether a body of this Content-Type is read as the login form is: in any other, Harbor looks for
/// the account elsewhere.
pub(crate) fn is_form(content_type: &HeaderValue) -> bool {
    let media_type = content_type.to_str().unwrap_or_default().split(';').next();
    let media_type = media_type.unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// How a password came to Harbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginKind {
    /// In Authorization.
    Basic,
    /// In the login form.
    Form,
}

/// What an answer says about a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    Right,
    Wrong,
    /// Neither: only a right is missing, or everybody gets this answer. Harbor answers a wrong
    /// password late, so that any answer may tell a guesser something.
    Doubtful,
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginRequest<'a> {
    pub(crate) way: LoginKind,
    pub(crate) operation: Operation,
    pub(crate) path: &'a str,
}

/// What the status of Harbor's answer says. For a token that was given, the body says more.
pub(crate) fn password(asked: &LoginRequest<'_>, status: u16) -> Password {
    let is_done = (200..300).contains(&status);
    let needs_account = match asked.way {
        LoginKind::Form => true,
        // Harbor lets nobody write without an account; a public project is read by everybody.
        LoginKind::Basic => match (asked.operation, asked.operation.action()) {
            (Operation::Ping, _) | (_, Some(Action::Push | Action::Delete)) => true,
            (Operation::Api, _) => asked.path == WHO_AM_I,
            (_, Some(Action::Pull) | None) => false,
        },
    };
    let is_asked_for_one = match asked.way {
        LoginKind::Form => true,
        LoginKind::Basic => matches!(asked.operation, Operation::Ping | Operation::Token),
    };
    match status {
        _ if is_done && needs_account => Password::Right,
        401 if is_asked_for_one => Password::Wrong,
        _ => Password::Doubtful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_login_form_is_told_by_its_type() {
        for (content_type, expected) in [
            (&b"application/x-www-form-urlencoded"[..], true),
            (b"Application/X-WWW-Form-Urlencoded ; charset=utf-8", true),
            (b"multipart/form-data; boundary=a", false),
            (b"application/json", false),
            (b"\xff", false),
            (b"", false),
        ] {
            let value = HeaderValue::from_bytes(content_type).unwrap();
            assert_eq!(is_form(&value), expected, "{value:?}");
        }
    }

    #[test]
    fn an_answer_says_what_it_says_about_a_password() {
        use Operation::{Api, BlobHead, ManifestPut, Ping, Token, Ui, UploadStart};
        use Password::{Doubtful, Right, Wrong};
        for (way, operation, path, status, expected) in [
            (LoginKind::Basic, Ping, "/v2/", 200, Right),
            (LoginKind::Basic, Ping, "/v2/", 401, Wrong),
            (LoginKind::Basic, Ping, "/v2/", 502, Doubtful),
            (LoginKind::Basic, Token, "/service/token", 200, Doubtful),
            (LoginKind::Basic, Token, "/service/token", 401, Wrong),
            (
                LoginKind::Basic,
                UploadStart,
                "/v2/a/b/blobs/uploads/",
                202,
                Right,
            ),
            (
                LoginKind::Basic,
                UploadStart,
                "/v2/a/b/blobs/uploads/",
                401,
                Doubtful,
            ),
            (
                LoginKind::Basic,
                ManifestPut,
                "/v2/a/b/manifests/c",
                301,
                Doubtful,
            ),
            // Everybody reads a public project, whatever the password.
            (
                LoginKind::Basic,
                BlobHead,
                "/v2/a/b/blobs/sha256:c",
                200,
                Doubtful,
            ),
            (LoginKind::Basic, Api, "/api/v2.0/projects", 200, Doubtful),
            (LoginKind::Basic, Api, "/api/v2.0/users/current", 200, Right),
            (
                LoginKind::Basic,
                Api,
                "/api/v2.0/users/current",
                401,
                Doubtful,
            ),
            (LoginKind::Form, Ui, FORM_PATH, 200, Right),
            (LoginKind::Form, Ui, FORM_PATH, 401, Wrong),
            (LoginKind::Form, Ui, FORM_PATH, 403, Doubtful),
        ] {
            let asked = LoginRequest {
                way,
                operation,
                path,
            };
            assert_eq!(
                password(&asked, status),
                expected,
                "{operation} {path} {status}"
            );
        }
    }
}
