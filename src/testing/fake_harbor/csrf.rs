//! Cookies: the `sid` that every answer sets, and the trap that a client walks into by sending it
//! back on a write.

use super::core::{Core, FakeExchange};
use super::path::{Route, route};
use super::response::{FakeResponse, ResponseExt, by_core};
use http::{Method, StatusCode};
use sha2::{Digest, Sha256};

/// Harbor makes the token cookie for half a day.
const CSRF_ATTRIBUTES: &str = "Path=/; Max-Age=43200; HttpOnly; Secure; SameSite=Strict";

/// The refusal of a write that needs a CSRF token and has none.
pub(super) fn check(core: &Core, exchange: &FakeExchange) -> Option<FakeResponse> {
    let writes = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    if !writes.contains(exchange.method()) || !guarded(exchange) {
        return None;
    }
    let sent = exchange.header("x-harbor-csrf-token");
    let expected = cookie(exchange, "_gorilla_csrf").map(|cookie| token(core, cookie));
    let is_right = sent.is_some() && sent == expected.as_deref();
    (!is_right).then(|| by_core(403).error("FORBIDDEN", "CSRF token invalid"))
}

/// Sets the cookies that core sets.
pub(super) fn dress(
    core: &Core,
    exchange: &FakeExchange,
    mut answer: FakeResponse,
) -> FakeResponse {
    // Refused before a session was begun, or before the access check could begin one.
    let is_sessionless = match answer.status() {
        StatusCode::FORBIDDEN => true,
        StatusCode::BAD_REQUEST => matches!(route(&exchange.path), Route::NoProject(_)),
        _ => false,
    };
    if guarded(exchange) {
        let token = match cookie(exchange, "_gorilla_csrf") {
            Some(carried) => token(core, carried),
            None => {
                let fresh = random();
                answer = answer.with_cookie(&format!("_gorilla_csrf={fresh}; {CSRF_ATTRIBUTES}"));
                token(core, &fresh)
            }
        };
        answer = answer
            .with("x-harbor-csrf-token", &token)
            .with("vary", "Cookie");
    }
    if cookie(exchange, "sid").is_some() || is_sessionless {
        return answer;
    }
    answer.with_cookie(&session())
}

pub(super) fn session() -> String {
    format!("sid={}; Path=/; HttpOnly", random())
}

/// Whether Harbor's CSRF protection looks at this request: always in the UI, elsewhere once a
/// session cookie is sent.
fn guarded(exchange: &FakeExchange) -> bool {
    let exempt = ["/v2/", "/api/", "/service/"];
    let is_exempt = exempt.iter().any(|start| exchange.path.starts_with(start));
    !is_exempt || cookie(exchange, "sid").is_some()
}

fn cookie<'e>(exchange: &'e FakeExchange, name: &str) -> Option<&'e str> {
    let values = exchange.head.headers.get_all("cookie").iter();
    let mut pairs = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
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
