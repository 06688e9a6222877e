//! What a Harbor answers beside the registry: the few API paths that probes and people use, the
//! login, and a page where the portal would stand.

use super::access::Caller;
use super::core::{Core, FakeExchange};
use super::csrf;
use super::path::Query;
use super::response::{FakeBody, FakeResponse, PLAIN, ResponseExt, by_core};
use http_body_util::BodyExt;
use serde_json::json;

const VERSION: &str = "v2.9.5-672ec4a";
const PORTAL: &str = "<!doctype html>\n<html><head><title>Harbor</title></head>\
                      <body><harbor-app>Loading...</harbor-app></body></html>\n";
const NOT_FOUND: &str = "<!DOCTYPE HTML>\n<html><head><title>404 - Page Not Found</title></head>\
                         <body>Page Not Found</body></html>\n";
const COMPONENTS: [&str; 7] = [
    "core",
    "database",
    "jobservice",
    "portal",
    "redis",
    "registry",
    "registryctl",
];

impl Core {
    pub(super) async fn beside_the_registry(
        &self,
        exchange: &FakeExchange,
        body: &mut FakeBody,
    ) -> FakeResponse {
        let method = exchange.method().as_str();
        match (method, exchange.path.as_str()) {
            ("GET", "/api/v2.0/ping") => by_core(200).text("text/plain", "Pong"),
            (_, "/api/v2.0/ping") => by_core(405).error(
                "METHOD_NOT_ALLOWED",
                &format!("method {method} is not allowed, but [GET] are"),
            ),
            ("GET", "/api/v2.0/health") => health(),
            ("GET", "/api/v2.0/systeminfo") => self.system_info(exchange).await,
            ("GET", "/api/version") => by_core(200).text(PLAIN, "{\"version\":\"v2.0\"}\n"),
            ("GET", "/api/v2.0/users/current") => self.who_am_i(exchange).await,
            (_, path) if path.starts_with("/api/v2.0/internalconfig") => by_core(401).error(
                "UNAUTHORIZED",
                "only internal service is allowed to call this API",
            ),
            (_, path) if path.starts_with("/api/v2.0/") => {
                by_core(404).error("NOT_FOUND", &format!("path {path} was not found"))
            }
            ("POST", "/c/login") => self.login(body).await,
            ("GET", "/c/log_out") => by_core(200),
            // Never public: an edge that lets this through is found by its 500.
            (_, path) if path.starts_with("/service/notifications") => by_core(500),
            ("GET" | "HEAD", "/" | "/index.html" | "/devcenter-api-2.0") => {
                by_core(200).text("text/html", PORTAL)
            }
            _ => by_core(404).text("text/html; charset=utf-8", NOT_FOUND),
        }
    }

    async fn who_am_i(&self, exchange: &FakeExchange) -> FakeResponse {
        match self.caller(exchange).await {
            Caller::Account(account) => {
                let body = format!("{{\"username\":{}}}\n", json!(account.name));
                by_core(200).text("application/json", body)
            }
            Caller::Anonymous | Caller::Bearer(_) => {
                by_core(401).error("UNAUTHORIZED", "unauthorized")
            }
        }
    }

    async fn system_info(&self, exchange: &FakeExchange) -> FakeResponse {
        let detail = match self.caller(exchange).await {
            Caller::Account(_) => format!("\"external_url\":\"{}\",", self.config.external_url),
            Caller::Anonymous | Caller::Bearer(_) => String::new(),
        };
        let body = format!(
            "{{\"auth_mode\":\"db_auth\",\"banner_message\":\"\",{detail}\"harbor_version\":\
             \"{VERSION}\",\"primary_auth_mode\":false,\"self_registration\":false}}\n"
        );
        by_core(200).text("application/json", body)
    }

    /// A login sets `sid` twice: the visitor's, and then the one that counts.
    async fn login(&self, body: &mut FakeBody) -> FakeResponse {
        let Ok(form) = body.collect().await else {
            return by_core(400);
        };
        let form = Query::parse(&String::from_utf8_lossy(&form.to_bytes()));
        let is_known = self.config.accounts.iter().any(|account| {
            form.get("principal") == Some(&account.name)
                && form.get("password") == Some(&account.password)
        });
        if !is_known {
            return by_core(401);
        }
        let answer = by_core(200).with_cookie(&csrf::session());
        answer.with_cookie(&csrf::session())
    }
}

fn health() -> FakeResponse {
    let part = |name| format!("{{\"name\":\"{name}\",\"status\":\"healthy\"}}");
    let parts = COMPONENTS.map(part).join(",");
    let body = format!("{{\"components\":[{parts}],\"status\":\"healthy\"}}\n");
    by_core(200).text("application/json", body)
}
