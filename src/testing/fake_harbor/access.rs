//! Core's access check on `/v2/`: who is calling, what the path needs, and the challenge for a caller
//! without access. The checks have Harbor's order, because the order is visible in the answers.

use super::RefusedMount;
use super::account::{Account, AccountKind};
use super::core::{Core, FakeExchange};
use super::path::{RegistryPart, Route};
use super::response::{FakeResponse, ResponseExt, by_core, by_registry};
use super::token::{IssuedClaims, SERVICE};
use crate::epoch::since_epoch;
use crate::oci::scope::{Action, Scope};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::Method;
use std::time::{Instant, SystemTime};

/// Go's decoder, which core has: bits beyond the last byte may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

const BASIC: &str = "Basic realm=\"harbor\"";

/// Who is calling.
pub(super) enum Caller<'a> {
    Anonymous,
    Account(&'a Account),
    Bearer(IssuedClaims),
}

impl Caller<'_> {
    fn is_known(&self) -> bool {
        match self {
            Caller::Anonymous => false,
            Caller::Account(_) => true,
            Caller::Bearer(claims) => !claims.sub.is_empty(),
        }
    }
}

impl Core {
    pub(super) async fn caller(&self, exchange: &FakeExchange) -> Caller<'_> {
        if let Some(account) = self.basic(exchange).await {
            return Caller::Account(account);
        }
        // As Harbor's `bearerToken` (`src/server/middleware/security/utils.go`) finds it: anywhere.
        let bearer = authorization(exchange).split("Bearer").nth(1);
        let bearer = bearer.map(str::trim);
        let now = since_epoch(SystemTime::now()).as_secs();
        let leeway = self.config.token_leeway.as_secs();
        let claims = bearer.and_then(|token| self.key.verify(token, now, leeway));
        claims.map_or(Caller::Anonymous, Caller::Bearer)
    }

    /// The caller of a request about these: nobody, if the token is older than one of their projects
    /// (Harbor 2.13.5, goharbor/harbor#22900; a mount's source counts, #23270).
    async fn caller_about(&self, exchange: &FakeExchange, wanted: &[Scope]) -> Caller<'_> {
        let caller = self.caller(exchange).await;
        let Caller::Bearer(claims) = &caller else {
            return caller;
        };
        let created = self.created.lock();
        let leeway = self.config.token_leeway.as_secs();
        let is_older = |scope: &Scope| {
            let project = scope.repository.split('/').next().unwrap_or_default();
            let created = created.get(project).copied().unwrap_or_default();
            claims.is_older_than(created, leeway)
        };
        if wanted.iter().any(is_older) {
            return Caller::Anonymous;
        }
        caller
    }

    /// The account of correct Basic credentials. Wrong ones are answered late, and lock a user
    /// (not a robot) meanwhile.
    pub(super) async fn basic(&self, exchange: &FakeExchange) -> Option<&Account> {
        let encoded = authorization(exchange).strip_prefix("Basic ")?;
        let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        let mut accounts = self.config.accounts.iter();
        let account = accounts.find(|account| account.name == name);
        let until = self.locked.lock().get(name).copied();
        let is_locked = until.is_some_and(|until| Instant::now() < until);
        if let Some(account) = account {
            if !is_locked && account.password == password {
                return Some(account);
            }
            if account.kind != AccountKind::Robot {
                let until = Instant::now() + self.config.failed_login_delay;
                self.locked.lock().insert(name.to_owned(), until);
            }
        }
        tokio::time::sleep(self.config.failed_login_delay).await;
        None
    }

    /// The refusal, if there is one.
    pub(super) async fn check(
        &self,
        exchange: &FakeExchange,
        route: &Route,
    ) -> Option<FakeResponse> {
        let (repository, part) = match route {
            Route::NoProject(name) => {
                let message = format!("bad request: invalid repository name: {name}");
                return Some(by_core(400).error("BAD_REQUEST", &message));
            }
            Route::Ping if self.caller(exchange).await.is_known() => return None,
            Route::Ping => {
                return Some(unauthorized(&self.challenge(exchange, &[]), "unauthorized"));
            }
            Route::Catalog => {
                let caller = self.caller(exchange).await;
                let is_admin = matches!(caller, Caller::Account(account) if account.is_admin());
                let refusal = || unauthorized(BASIC, "unauthorized to list catalog");
                return (!is_admin).then(refusal);
            }
            Route::Unknown => return Some(unrecognised(exchange)),
            Route::Of(repository, part) => (repository, part),
        };
        let Some(action) = action(exchange.method()) else {
            return Some(unrecognised(exchange));
        };
        let wanted = |repository: &str, action| Scope {
            repository: repository.to_owned(),
            action,
        };
        let mut scopes = vec![wanted(repository, action)];
        if let (RegistryPart::Uploads { .. }, Some(_), Some(from)) = (
            part,
            exchange.query.get("mount"),
            exchange.query.get("from"),
        ) {
            scopes.push(wanted(from, Action::Pull));
        }
        if authorization(exchange).is_empty() && action == Action::Pull {
            return Some(unauthorized(
                &self.challenge(exchange, &scopes),
                "authorize header needed to send HEAD to repository",
            ));
        }
        let caller = self.caller_about(exchange, &scopes).await;
        self.denied(exchange, &caller, &scopes)
    }

    /// The refusal for the first of what is wanted that the caller may not.
    fn denied(
        &self,
        exchange: &FakeExchange,
        caller: &Caller<'_>,
        wanted: &[Scope],
    ) -> Option<FakeResponse> {
        wanted.iter().enumerate().find_map(|(at, scope)| {
            let Scope { repository, action } = scope;
            let project = repository.split('/').next().unwrap_or_default();
            let Some(project) = self.project(project) else {
                return Some(unauthorized("", &format!("project {project} not found")));
            };
            let is_allowed = match caller {
                Caller::Anonymous => project.rights(None).contains(action),
                Caller::Account(account) => project.rights(Some(account)).contains(action),
                Caller::Bearer(claims) => claims.allows(&project.name, *action),
            };
            if is_allowed {
                return None;
            }
            let message =
                format!("unauthorized to access repository: {repository}, action: {action}");
            Some(match (at, self.config.refused_mount) {
                (0, _) | (_, RefusedMount::Unauthorized) => {
                    unauthorized(&self.challenge(exchange, wanted), &message)
                }
                (_, RefusedMount::Forbidden) => by_registry(403).error("DENIED", &message),
            })
        })
    }

    fn challenge(&self, exchange: &FakeExchange, wanted: &[Scope]) -> String {
        if !authorization(exchange).is_empty() {
            return BASIC.into();
        }
        let host = exchange.header("host");
        let realm = match &self.config.core_url {
            Some(core) if Some(core.authority().as_str()) == host => core,
            _ => &self.config.external_url,
        };
        let challenge = format!("Bearer realm=\"{realm}/service/token\",service=\"{SERVICE}\"");
        if wanted.is_empty() {
            return challenge;
        }
        let scopes: Vec<String> = wanted.iter().map(ToString::to_string).collect();
        format!("{challenge},scope=\"{}\"", scopes.join(" "))
    }
}

/// What stands in the header; nothing where there is none.
fn authorization(exchange: &FakeExchange) -> &str {
    exchange.header("authorization").unwrap_or_default()
}

fn action(method: &Method) -> Option<Action> {
    match method.as_str() {
        "GET" | "HEAD" => Some(Action::Pull),
        "POST" | "PUT" | "PATCH" => Some(Action::Push),
        "DELETE" => Some(Action::Delete),
        _ => None,
    }
}

fn unrecognised(exchange: &FakeExchange) -> FakeResponse {
    let (method, path) = (exchange.method(), &exchange.path);
    unauthorized("", &format!("un-recognized request: {method} {path}"))
}

/// Harbor says its message twice, and sets the challenge even when it is empty.
fn unauthorized(challenge: &str, message: &str) -> FakeResponse {
    let answer = by_registry(401).error("UNAUTHORIZED", &format!("{message}: {message}"));
    answer.with("www-authenticate", challenge)
}
