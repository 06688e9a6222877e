//! What a Harbor answers beside the registry: the few API paths that probes and people use, the
//! login, and a page where the portal would stand.

use super::access::Caller;
use super::answer::{Answer, Body, Voice, empty, error, text};
use super::core::{Core, Exchange};
use super::csrf;
use super::path::Query;
use http::{Method, StatusCode};
use http_body_util::BodyExt;

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
    pub(super) async fn beside_the_registry(&self, exchange: &Exchange, body: &mut Body) -> Answer {
        match (exchange.method.as_str(), exchange.path.as_str()) {
            ("GET", "/api/v2.0/ping") => {
                text(StatusCode::OK, Voice::Core, "text/plain", "Pong".into())
            }
            (_, "/api/v2.0/ping") => error(
                StatusCode::METHOD_NOT_ALLOWED,
                Voice::Core,
                "METHOD_NOT_ALLOWED",
                &format!("method {} is not allowed, but [GET] are", exchange.method),
            ),
            ("GET", "/api/v2.0/health") => health(),
            ("GET", "/api/v2.0/systeminfo") => self.system_info(exchange).await,
            ("GET", "/api/version") => text(
                StatusCode::OK,
                Voice::Core,
                "text/plain; charset=utf-8",
                "{\"version\":\"v2.0\"}\n".into(),
            ),
            ("GET", "/api/v2.0/users/current") => self.who_am_i(exchange).await,
            (_, path) if path.starts_with("/api/v2.0/internalconfig") => error(
                StatusCode::UNAUTHORIZED,
                Voice::Core,
                "UNAUTHORIZED",
                "only internal service is allowed to call this API",
            ),
            (_, path) if path.starts_with("/api/v2.0/") => error(
                StatusCode::NOT_FOUND,
                Voice::Core,
                "NOT_FOUND",
                &format!("path {path} was not found"),
            ),
            ("POST", "/c/login") => self.login(exchange, body).await,
            ("GET", "/c/log_out") => empty(StatusCode::OK, Voice::Core),
            // Never public: an edge that lets this through is found by its 500.
            (_, path) if path.starts_with("/service/notifications") => {
                empty(StatusCode::INTERNAL_SERVER_ERROR, Voice::Core)
            }
            ("GET" | "HEAD", "/" | "/index.html" | "/devcenter-api-2.0") => {
                text(StatusCode::OK, Voice::Core, "text/html", PORTAL.into())
            }
            _ => text(
                StatusCode::NOT_FOUND,
                Voice::Core,
                "text/html; charset=utf-8",
                NOT_FOUND.into(),
            ),
        }
    }

    async fn who_am_i(&self, exchange: &Exchange) -> Answer {
        match self.caller(&exchange.headers).await {
            Caller::Account(account) => {
                let body = format!("{{\"username\":{}}}\n", serde_json::json!(account.name));
                text(StatusCode::OK, Voice::Core, "application/json", body)
            }
            Caller::Anonymous | Caller::Bearer(_) => error(
                StatusCode::UNAUTHORIZED,
                Voice::Core,
                "UNAUTHORIZED",
                "unauthorized",
            ),
        }
    }

    async fn system_info(&self, exchange: &Exchange) -> Answer {
        let detail = match self.caller(&exchange.headers).await {
            Caller::Account(_) => format!("\"external_url\":\"{}\",", self.config.external_url),
            Caller::Anonymous | Caller::Bearer(_) => String::new(),
        };
        let body = format!(
            "{{\"auth_mode\":\"db_auth\",\"banner_message\":\"\",{detail}\"harbor_version\":\
             \"{VERSION}\",\"primary_auth_mode\":false,\"self_registration\":false}}\n"
        );
        text(StatusCode::OK, Voice::Core, "application/json", body)
    }

    /// A login sets `sid` twice: the visitor's, and then the one that counts.
    async fn login(&self, exchange: &Exchange, body: &mut Body) -> Answer {
        debug_assert_eq!(exchange.method, Method::POST);
        let form = match body.collect().await {
            Ok(all) => all.to_bytes(),
            Err(_) => return empty(StatusCode::BAD_REQUEST, Voice::Core),
        };
        let form = Query::parse(std::str::from_utf8(&form).ok());
        let known = self.config.accounts.iter().any(|account| {
            form.get("principal") == Some(&account.name)
                && form.get("password") == Some(&account.password)
        });
        if !known {
            return empty(StatusCode::UNAUTHORIZED, Voice::Core);
        }
        let mut answer = empty(StatusCode::OK, Voice::Core);
        csrf::add_cookie(&mut answer, &csrf::session());
        csrf::add_cookie(&mut answer, &csrf::session());
        answer
    }
}

fn health() -> Answer {
    let parts: Vec<String> = COMPONENTS
        .iter()
        .map(|name| format!("{{\"name\":\"{name}\",\"status\":\"healthy\"}}"))
        .collect();
    let body = format!(
        "{{\"components\":[{}],\"status\":\"healthy\"}}\n",
        parts.join(",")
    );
    text(StatusCode::OK, Voice::Core, "application/json", body)
}
