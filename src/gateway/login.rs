//! Passwords on their way to Harbor, in whatever a request carries them: who guesses is made to
//! wait, and each answer of Harbor's is counted.

use super::answer::Refusal;
use super::context::RequestContext;
use super::request::content_length;
use crate::edge::login::Login;
use crate::live::Attempt;
use crate::registry::answer::Answer;
use crate::registry::login::{self, Asked, Password, Way};
use crate::registry::token::Credential;
use http::Method;
use http::header::{CONTENT_TYPE, EXPECT};
use pingora::proxy::Session;
use std::time::Duration;

/// A form comes with its header, or right behind it.
const FORM_TIME: Duration = Duration::from_secs(2);

/// A login that a request tries.
pub(super) struct Trying {
    login: Login,
    way: Way,
    path: String,
}

/// Notes the login that Authorization holds.
///
/// # Errors
/// The refusal of who guesses passwords.
pub(super) fn settle(path: &str, ctx: &mut RequestContext) -> Result<(), Refusal> {
    let Credential::Basic(login) = &ctx.authorization.credential else {
        return Ok(());
    };
    let login = *login;
    try_it(login, Way::Basic, path.to_owned(), ctx)
}

/// Whether this is the login form, as loosely as Harbor's router takes it: with a slash at its end,
/// and with some endings.
pub(super) fn is_form(method: &Method, path: &str) -> bool {
    method == Method::POST && path.starts_with(login::FORM_PATH)
}

/// Reads the login form, if that is what comes. One that is too large, late or no such form is
/// passed on as it comes, and counts as one account's with all others like it.
///
/// # Errors
/// The refusal of who guesses passwords.
pub(super) async fn read_form(
    session: &mut Session,
    ctx: &mut RequestContext,
) -> Result<(), Refusal> {
    let Some(query) = ctx.login_form.take() else {
        return Ok(());
    };
    let login = match form(session).await {
        Some(body) => Login::from_form(&body, Some(&query)),
        None => Login::unreadable(b""),
    };
    try_it(login, Way::Form, login::FORM_PATH.to_owned(), ctx)
}

/// The whole body; none where it can't be had soon, or is none to be kept.
async fn form(session: &mut Session) -> Option<Vec<u8>> {
    let headers = &session.req_header().headers;
    let length = content_length(headers)?;
    let is_form = headers.get(CONTENT_TYPE).is_some_and(login::is_form);
    if length > login::FORM_LENGTH || !is_form || headers.contains_key(EXPECT) {
        return None;
    }
    // Must come before the first read: what is read is kept there, and goes to Harbor from there.
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

fn try_it(login: Login, way: Way, path: String, ctx: &mut RequestContext) -> Result<(), Refusal> {
    let checked = match attempt(&login, ctx) {
        Some(attempt) => ctx.shared.logins.check(attempt),
        None => Ok(()),
    };
    if let Err(wait) = checked {
        ctx.metrics().authorization.logins_limited.inc();
        // In whole seconds, and never too early.
        let seconds = wait.as_secs() + 1;
        return Err(Refusal::AnswerWith(
            Answer::LoginLimited,
            "Retry-After",
            seconds.to_string(),
        ));
    }
    ctx.login = Some(Trying { login, way, path });
    Ok(())
}

fn attempt<'a>(login: &'a Login, ctx: &'a RequestContext) -> Option<Attempt<'a>> {
    Some(Attempt {
        client: ctx.client?,
        registry: ctx.harbor()?.registry.name.as_str(),
        login,
    })
}

/// Harbor answered; what its status says counts, where its body won't say more.
pub(super) fn answered(status: u16, ctx: &mut RequestContext) {
    let Some(trying) = &ctx.login else {
        return;
    };
    let asked = Asked {
        way: trying.way,
        operation: ctx.operation,
        path: &trying.path,
    };
    let password = login::password(&asked, status);
    let is_left_to_the_body = ctx.token_answer.is_some() && password == Password::Doubtful;
    if !is_left_to_the_body {
        count(password, ctx);
    }
}

/// Counts what Harbor made of the login, once.
pub(super) fn count(password: Password, ctx: &mut RequestContext) {
    let Some(trying) = ctx.login.take() else {
        return;
    };
    if let Some(attempt) = attempt(&trying.login, ctx) {
        ctx.shared.logins.answered(attempt, password);
    }
}

/// The request is over. An answer of Harbor's that was not read to its end may have told the client
/// what it wanted to know.
pub(super) fn ended(ctx: &mut RequestContext) {
    if ctx.times.is_answered() {
        count(Password::Doubtful, ctx);
    }
}
