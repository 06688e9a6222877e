//! Core's access check on `/v2/`: who is calling, what the path asks for, and the challenge that
//! an unwelcome caller gets. The order of the checks is Harbor's, and it shows in the answers.

use super::RefusedMount;
use super::account::{Account, AccountKind};
use super::answer::{Answer, Voice, error, set};
use super::core::Core;
use super::csrf::BareName;
use super::path::{Query, Route};
use super::token::{Claims, SERVICE};
use crate::epoch::since_epoch;
use crate::registry::scope::Action;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, Method, StatusCode, header};
use std::time::{Instant, SystemTime};

/// Go's decoder, which core has: bits beyond the last byte may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Who is calling.
pub(super) enum Caller<'a> {
    Anonymous,
    Account(&'a Account),
    Bearer(Claims),
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
    pub(super) async fn caller(&self, headers: &HeaderMap) -> Caller<'_> {
        if let Some(account) = self.basic(headers).await {
            return Caller::Account(account);
        }
        let bearer = authorization(headers).and_then(|value| value.strip_prefix("Bearer "));
        let (now, leeway) = (
            since_epoch(SystemTime::now()).as_secs(),
            self.config.token_leeway.as_secs(),
        );
        match bearer.and_then(|token| self.key.verify(token, now, leeway)) {
            Some(claims) => Caller::Bearer(claims),
            None => Caller::Anonymous,
        }
    }

    /// The account of correct Basic credentials. Wrong ones are answered late, and lock a user
    /// (not a robot) meanwhile.
    pub(super) async fn basic(&self, headers: &HeaderMap) -> Option<&Account> {
        let encoded = authorization(headers)?.strip_prefix("Basic ")?;
        let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
        let (name, password) = decoded.split_once(':')?;
        let account = self
            .config
            .accounts
            .iter()
            .find(|account| account.name == name);
        let locked = self
            .locked
            .lock()
            .get(name)
            .is_some_and(|until| Instant::now() < *until);
        match account {
            Some(account) if !locked && account.password == password => Some(account),
            Some(account) => {
                let until = Instant::now() + self.config.failed_login_delay;
                if account.kind != AccountKind::Robot {
                    self.locked.lock().insert(name.to_owned(), until);
                }
                tokio::time::sleep(self.config.failed_login_delay).await;
                None
            }
            None => {
                tokio::time::sleep(self.config.failed_login_delay).await;
                None
            }
        }
    }

    /// The refusal, if there is one.
    pub(super) async fn check(
        &self,
        method: &Method,
        path: &str,
        route: &Route,
        query: &Query,
        headers: &HeaderMap,
    ) -> Option<Answer> {
        let caller = self.caller(headers).await;
        let carried = authorization(headers).is_some_and(|value| !value.is_empty());
        let repository = match route {
            Route::NoProject { name } => return Some(no_project(name)),
            Route::Ping if caller.is_known() => return None,
            Route::Ping => {
                return Some(unauthorized(
                    &self.challenge(headers, carried, &[]),
                    "unauthorized",
                ));
            }
            Route::Catalog => {
                let admin = matches!(caller, Caller::Account(account) if Core::is_admin(account));
                let refusal =
                    || unauthorized("Basic realm=\"harbor\"", "unauthorized to list catalog");
                return (!admin).then(refusal);
            }
            Route::Unknown => return Some(unrecognised(method, path)),
            Route::Tags { repository }
            | Route::Manifest { repository, .. }
            | Route::Blob { repository, .. }
            | Route::Uploads { repository, .. }
            | Route::Upload { repository, .. }
            | Route::Referrers { repository, .. } => repository.as_str(),
        };
        let Some(action) = action(method) else {
            return Some(unrecognised(method, path));
        };
        let mut wanted = vec![(repository, action)];
        if let (Route::Uploads { .. }, Some(_), Some(from)) =
            (route, query.get("mount"), query.get("from"))
        {
            wanted.push((from, Action::Pull));
        }
        if !carried && (method == Method::GET || method == Method::HEAD) {
            let challenge = self.challenge(headers, carried, &wanted);
            return Some(unauthorized(
                &challenge,
                "authorize header needed to send HEAD to repository",
            ));
        }
        self.denied(&caller, &wanted, || {
            self.challenge(headers, carried, &wanted)
        })
    }

    /// The refusal for the first of what is wanted that the caller may not.
    fn denied(
        &self,
        caller: &Caller<'_>,
        wanted: &[(&str, Action)],
        challenge: impl Fn() -> String,
    ) -> Option<Answer> {
        wanted.iter().enumerate().find_map(|(at, (name, action))| {
            let project = name.split('/').next().unwrap_or_default();
            let Some(project) = self.project(project) else {
                return Some(unauthorized("", &format!("project {project} not found")));
            };
            let allowed = match caller {
                Caller::Anonymous => project.rights(None).contains(action),
                Caller::Account(account) => project.rights(Some(account)).contains(action),
                Caller::Bearer(claims) => claims.allows(&project.name, *action),
            };
            let refusal = || {
                let challenge = challenge();
                let message =
                    format!("unauthorized to access repository: {name}, action: {action}");
                match (at, self.config.refused_mount) {
                    (0, _) | (_, RefusedMount::Unauthorized) => unauthorized(&challenge, &message),
                    (_, RefusedMount::Forbidden) => {
                        error(StatusCode::FORBIDDEN, Voice::Registry, "DENIED", &message)
                    }
                }
            };
            (!allowed).then(refusal)
        })
    }

    fn challenge(&self, headers: &HeaderMap, carried: bool, wanted: &[(&str, Action)]) -> String {
        if carried {
            return "Basic realm=\"harbor\"".into();
        }
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok());
        let realm = match &self.config.core_url {
            Some(core) if Some(core.authority().as_str()) == host => core,
            _ => &self.config.external_url,
        };
        let mut challenge = format!("Bearer realm=\"{realm}/service/token\",service=\"{SERVICE}\"");
        if !wanted.is_empty() {
            let scopes: Vec<String> = wanted
                .iter()
                .map(|(name, action)| match action {
                    Action::Pull => format!("repository:{name}:pull"),
                    Action::Push => format!("repository:{name}:pull,push"),
                    Action::Delete => format!("repository:{name}:delete"),
                })
                .collect();
            challenge.push_str(&format!(",scope=\"{}\"", scopes.join(" ")));
        }
        challenge
    }
}

fn no_project(name: &str) -> Answer {
    let message = format!("bad request: invalid repository name: {name}");
    let mut answer = error(
        StatusCode::BAD_REQUEST,
        Voice::Core,
        "BAD_REQUEST",
        &message,
    );
    answer.extensions_mut().insert(BareName);
    answer
}

/// A header that stands there twice is taken as Go takes it: the first.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
}

fn action(method: &Method) -> Option<Action> {
    match method.as_str() {
        "GET" | "HEAD" => Some(Action::Pull),
        "POST" | "PUT" | "PATCH" => Some(Action::Push),
        "DELETE" => Some(Action::Delete),
        _ => None,
    }
}

fn unrecognised(method: &Method, path: &str) -> Answer {
    unauthorized("", &format!("un-recognized request: {method} {path}"))
}

/// Harbor says its message twice, and sets the challenge even when it is empty.
fn unauthorized(challenge: &str, message: &str) -> Answer {
    let message = format!("{message}: {message}");
    let mut answer = error(
        StatusCode::UNAUTHORIZED,
        Voice::Registry,
        "UNAUTHORIZED",
        &message,
    );
    set(&mut answer, "www-authenticate", challenge);
    answer
}
