//! `/service/token`: who asks, for what, and which token that makes.

use super::account::Account;
use super::core::{Core, FakeExchange};
use super::response::{FakeResponse, JSON, PLAIN, ResponseExt, by_core};
use super::token::{GrantedScope, IssuedClaims, SERVICE};
use crate::epoch::since_epoch;
use http::Method;
use std::time::{Duration, SystemTime};

impl Core {
    pub(super) async fn token_service(&self, exchange: &FakeExchange) -> FakeResponse {
        if exchange.method() != Method::GET {
            return by_core(405).plain("Method Not Allowed");
        }
        let service = exchange.query.get("service").unwrap_or_default();
        if service != SERVICE {
            return by_core(400).text(PLAIN, format!("Unable to handle service: {service}"));
        }
        let account = self.basic(exchange).await;
        let scopes: Vec<&str> = exchange
            .query
            .all("scope")
            .flat_map(str::split_whitespace)
            .collect();
        if scopes.is_empty() && account.is_none() {
            return by_core(401);
        }
        let seconds = since_epoch(SystemTime::now()).as_secs();
        let issued = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let Some(token) = self.issue(account, &scopes, issued) else {
            return by_core(500);
        };
        let lifetime = self.config.token_lifetime.as_secs();
        let issued = humantime::format_rfc3339_seconds(issued);
        let body = format!(
            "{{\"token\":\"{token}\",\"access_token\":\"\",\"expires_in\":{lifetime},\
             \"issued_at\":\"{issued}\"}}"
        );
        by_core(200).text(JSON, body)
    }

    /// The token for these scopes that the service gave at `issued`.
    pub(super) fn issue(
        &self,
        account: Option<&Account>,
        scopes: &[&str],
        issued: SystemTime,
    ) -> Option<String> {
        let granted = scopes.iter().map(|scope| self.grant(account, scope));
        let access: Vec<GrantedScope> = granted.collect();
        self.key.mint(&IssuedClaims::new(
            account.map(|account| account.name.as_str()),
            (!access.is_empty()).then_some(access),
            since_epoch(issued).as_secs(),
            self.config.token_lifetime.as_secs(),
        ))
    }

    /// Everything the caller may do within a scope; what was asked for plays no part.
    fn grant(&self, account: Option<&Account>, scope: &str) -> GrantedScope {
        let (kind, rest) = scope.split_once(':').unwrap_or((scope, ""));
        let name = rest.rsplit_once(':').map_or(rest, |(name, _)| name);
        let project = name
            .split_once('/')
            .and_then(|(project, _)| self.project(project));
        let rights = project.map(|project| project.rights(account));
        let actions: Vec<String> = match (kind, name) {
            ("registry", "catalog") if account.is_some_and(Account::is_admin) => vec!["*".into()],
            ("repository", _) => rights
                .unwrap_or_default()
                .iter()
                .map(ToString::to_string)
                .collect(),
            _ => Vec::new(),
        };
        GrantedScope {
            kind: kind.into(),
            name: name.into(),
            actions,
        }
    }
}
