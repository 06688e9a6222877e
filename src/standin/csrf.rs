//! Cookies: the `sid` that every answer sets, and the trap that a client walks into by sending it
//! back on a write.

use super::answer::{Answer, Voice, error, set};
use super::core::{Core, Exchange};
use http::header::{self, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use sha2::{Digest, Sha256};

/// Harbor makes the token cookie for half a day.
const CSRF_ATTRIBUTES: &str = "Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict";

/// The refusal of a write that needs a CSRF token and has none.
pub(super) fn check(core: &Core, exchange: &Exchange) -> Option<Answer> {
    let writes = matches!(
        exchange.method,
        Method::POST | Method::PUT | Method::PATCH | Method::DELETE
    );
    if !writes || !guarded(exchange) {
        return None;
    }
    let sent = exchange
        .headers
        .get("x-harbor-csrf-token")
        .and_then(|token| token.to_str().ok());
    let expected = cookie(&exchange.headers, "_gorilla_csrf").map(|cookie| token(core, &cookie));
    if sent.is_some() && sent == expected.as_deref() {
        return None;
    }
    Some(error(
        StatusCode::FORBIDDEN,
        Voice::Core,
        "FORBIDDEN",
        "CSRF token invalid",
    ))
}

/// Sets the cookies that core sets.
pub(super) fn dress(core: &Core, exchange: &Exchange, answer: &mut Answer) {
    let has_session = cookie(&exchange.headers, "sid").is_some();
    // Refused before a session was begun, or before the access check could begin one.
    let sessionless = answer.status() == StatusCode::FORBIDDEN
        || (answer.status() == StatusCode::BAD_REQUEST && bare_name(answer));
    if guarded(exchange) {
        let carried = cookie(&exchange.headers, "_gorilla_csrf");
        let fresh = carried.clone().unwrap_or_else(random);
        if carried.is_none() {
            add_cookie(answer, &format!("_gorilla_csrf={fresh}; {CSRF_ATTRIBUTES}"));
        }
        set(answer, "x-harbor-csrf-token", &token(core, &fresh));
        set(answer, "vary", "Cookie");
    }
    if !has_session && !sessionless {
        add_cookie(answer, &session());
    }
    answer.extensions_mut().remove::<BareName>();
}

/// Marks the one 400 that core writes before it has a session.
#[derive(Clone, Copy)]
pub(super) struct BareName;

fn bare_name(answer: &Answer) -> bool {
    answer.extensions().get::<BareName>().is_some()
}

pub(super) fn session() -> String {
    format!("sid={}; Path=/; HttpOnly", random())
}

pub(super) fn add_cookie(answer: &mut Answer, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// Whether Harbor's CSRF protection looks at this request: always in the UI, elsewhere once a
/// session cookie is sent.
fn guarded(exchange: &Exchange) -> bool {
    let exempt = ["/v2/", "/api/", "/service/"]
        .iter()
        .any(|p| exchange.path.starts_with(p));
    !exempt || cookie(&exchange.headers, "sid").is_some()
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(|value| {
            value.split(';').find_map(|pair| {
                let (key, value) = pair.trim().split_once('=')?;
                (key == name).then(|| value.to_owned())
            })
        })
}

fn token(core: &Core, cookie: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(core.secret);
    hasher.update(cookie.as_bytes());
    super::content::digest_of(hasher).split_off("sha256:".len())
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
