//! `/service/token`: who asks, for what, and which token that makes.

use super::account::Account;
use super::answer::{Answer, Voice, empty, plain, text};
use super::core::Core;
use super::path::Query;
use super::token::{Access, Claims, SERVICE};
use crate::epoch::since_epoch;
use http::{HeaderMap, Method, StatusCode};
use std::time::{Duration, SystemTime};

impl Core {
    pub(super) async fn token_service(
        &self,
        method: &Method,
        headers: &HeaderMap,
        query: &Query,
    ) -> Answer {
        if method != Method::GET {
            return plain(
                StatusCode::METHOD_NOT_ALLOWED,
                Voice::Core,
                "Method Not Allowed",
            );
        }
        let service = query.get("service").unwrap_or_default();
        if service != SERVICE {
            let message = format!("Unable to handle service: {service}");
            return text(
                StatusCode::BAD_REQUEST,
                Voice::Core,
                "text/plain; charset=utf-8",
                message,
            );
        }
        let account = self.basic(headers).await;
        let scopes: Vec<&str> = query.all("scope").flat_map(str::split_whitespace).collect();
        if scopes.is_empty() && account.is_none() {
            return empty(StatusCode::UNAUTHORIZED, Voice::Core);
        }
        let access = (!scopes.is_empty()).then(|| {
            scopes
                .into_iter()
                .map(|scope| self.grant(account, scope))
                .collect()
        });
        let now = SystemTime::now();
        let seconds = since_epoch(now).as_secs();
        let lifetime = self.config.token_lifetime.as_secs();
        let claims = Claims::new(
            account.map(|account| account.name.as_str()),
            access,
            seconds,
            lifetime,
        );
        let Some(token) = self.key.mint(&claims) else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR, Voice::Core);
        };
        let issued = humantime::format_rfc3339_seconds(
            SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
        );
        let body = format!(
            "{{\"token\":\"{token}\",\"access_token\":\"\",\"expires_in\":{lifetime},\"issued_at\":\"{issued}\"}}"
        );
        text(
            StatusCode::OK,
            Voice::Core,
            "application/json; charset=utf-8",
            body,
        )
    }

    /// Everything the caller may do within a scope; what was asked for plays no part.
    fn grant(&self, account: Option<&Account>, scope: &str) -> Access {
        let (kind, rest) = scope.split_once(':').unwrap_or((scope, ""));
        let name = rest.rsplit_once(':').map_or(rest, |(name, _)| name);
        let project = name
            .split_once('/')
            .and_then(|(project, _)| self.project(project));
        let actions: Vec<String> = match (kind, name) {
            ("registry", "catalog") if account.is_some_and(Core::is_admin) => vec!["*".into()],
            ("repository", _) => project
                .map(|project| project.rights(account))
                .unwrap_or_default()
                .iter()
                .map(|action| action.as_str().to_owned())
                .collect(),
            _ => Vec::new(),
        };
        Access {
            kind: kind.into(),
            name: name.into(),
            actions,
        }
    }
}
