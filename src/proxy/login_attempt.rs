//! Logins on their way to Harbor, wherever a request carries the password: clients that guess
//! passwords have to wait, and each answer of Harbor is counted.

use super::answered::Answered;
use super::expect_continue::may_skip_body;
use super::message_header::content_length;
use super::refusal::Refusal;
use super::request::{ProxyRequest, Routed};
use crate::net::login::Login;
use crate::oci::local_reply::LocalReply;
use crate::oci::login_response::{self, LoginKind, LoginRequest, Password};
use crate::oci::token::{self, Credential};
use crate::runtime::LoginAttempt;
use http::Method;
use http::header::CONTENT_TYPE;
use pingora::proxy::Session;
use std::time::Duration;

/// The time for a login form to arrive: it comes with its header or right behind it.
const FORM_TIME: Duration = Duration::from_secs(2);

/// A login that a request attempts.
pub(super) struct PasswordTry {
    login: Login,
    way: LoginKind,
    path: String,
}

/// Checks the login in Authorization against the login limit.
///
/// # Errors
/// The refusal of a client that guesses passwords.
pub(super) fn settle(path: &str, request: Routed<'_>) -> Result<Option<PasswordTry>, Refusal> {
    match &request.authorization.credential {
        Credential::Basic(login) => {
            try_it(*login, LoginKind::Basic, path.to_owned(), request).map(Some)
        }
        Credential::Bearer(_) | Credential::Other | Credential::None => Ok(None),
    }
}

/// Whether this is the login form, as loosely as Harbor's router takes it: with a slash at its end,
/// and with some endings.
pub(super) fn is_form(method: &Method, path: &str) -> bool {
    method == Method::POST && path.starts_with(login_response::FORM_PATH)
}

/// The login form of a request.
pub(super) struct LoginForm {
    pub(super) login: Login,
    /// The account's name, if it can be shown.
    pub(super) name: Option<String>,
}

/// Reads the login form. A body that is too large, late or no such form is passed on as it comes; all of
/// these count for one account together.
pub(super) async fn read_form(session: &mut Session, query: &str) -> LoginForm {
    match form(session).await {
        Some(body) => LoginForm {
            login: Login::from_form(&body, Some(query)),
            name: Login::name_in_form(&body, Some(query)).filter(|name| token::is_shown(name)),
        },
        None => LoginForm {
            login: Login::unreadable(b""),
            name: None,
        },
    }
}

/// Checks the login of a form against the login limit.
///
/// # Errors
/// The refusal of a client that guesses passwords.
pub(super) fn settle_form(form: &LoginForm, request: Routed<'_>) -> Result<PasswordTry, Refusal> {
    let path = login_response::FORM_PATH.to_owned();
    try_it(form.login, LoginKind::Form, path, request)
}

/// The whole body; none if it doesn't come soon or isn't a form.
async fn form(session: &mut Session) -> Option<Vec<u8>> {
    let headers = &session.req_header().headers;
    let length = content_length(headers)?;
    let is_form = headers
        .get(CONTENT_TYPE)
        .is_some_and(login_response::is_form);
    if length > login_response::FORM_LENGTH || !is_form || may_skip_body(headers) {
        return None;
    }
    // Must be called before the first read: it keeps what is read, and Harbor gets it from there.
    session.enable_retry_buffering();
    let mut body = Vec::new();
    let read = async {
        while let Ok(Some(piece)) = session.read_request_body().await {
            body.extend_from_slice(&piece);
        }
    };
    let _ = tokio::time::timeout(FORM_TIME, read).await;
    (body.len() as u64 == length).then_some(body)
}

fn try_it(
    login: Login,
    way: LoginKind,
    path: String,
    request: Routed<'_>,
) -> Result<PasswordTry, Refusal> {
    check(&login, request)?;
    Ok(PasswordTry { login, way, path })
}

/// Checks a login against the login limit.
///
/// # Errors
/// The refusal of a client that guesses.
pub(super) fn check(login: &Login, request: Routed<'_>) -> Result<(), Refusal> {
    let checked = match attempt(login, request) {
        Some(attempt) => request.shared.logins.check(attempt),
        None => Ok(()),
    };
    checked.map_err(|wait| {
        request.metrics().authorization.logins_limited.inc();
        // Rounded up to whole seconds.
        let seconds = wait.as_secs() + 1;
        Refusal::RetryAfter(LocalReply::LoginLimited, seconds.to_string())
    })
}

/// Counts a verdict on a login.
pub(super) fn judged(login: &Login, password: Password, request: Routed<'_>) {
    if let Some(attempt) = attempt(login, request) {
        request.shared.logins.answered(attempt, password);
    }
}

fn attempt<'a>(login: &'a Login, request: Routed<'a>) -> Option<LoginAttempt<'a>> {
    Some(LoginAttempt {
        client: request.downstream.client?,
        registry: request.registry_name(),
        login,
    })
}

/// Counts the login by Harbor's status, unless the body will say more; returns what the status says.
pub(super) fn answered(
    login: &mut Option<PasswordTry>,
    answered: &Answered,
    request: Routed<'_>,
) -> Option<Password> {
    let (trying, status) = login.as_ref().zip(answered.status)?;
    let asked = LoginRequest {
        way: trying.way,
        operation: request.asked.operation,
        path: &trying.path,
    };
    let password = login_response::password(&asked, status);
    let is_body_read = answered.token_answer.is_some();
    let is_left_to_the_body = is_body_read && password == Password::Doubtful;
    if !is_left_to_the_body {
        count(login, password, &request);
    }
    Some(password)
}

/// Counts Harbor's verdict on the login, once.
pub(super) fn count(login: &mut Option<PasswordTry>, password: Password, request: &ProxyRequest) {
    if let Some((trying, request)) = login.take().zip(request.routed()) {
        judged(&trying.login, password, request);
    }
}
