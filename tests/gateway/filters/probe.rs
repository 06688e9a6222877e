//! A gateway with two filters that log all that they see, and that do wrong what a repository's name
//! asks for: `lab/panic` panics, and so on. Only for the tests beside it.

use harbormouth::filter::{
    Decision, End, ErrorCode, Filter, Request, Response, UpstreamHeaders, async_trait,
};
use std::future::pending;

struct Probe(&'static str);

impl Probe {
    fn is_asked(&self, request: &Request, repository: &str) -> bool {
        self.0 == "first" && request.repository() == Some(repository)
    }

    async fn misbehave(&self, phase: &str, request: &Request) {
        if self.is_asked(request, &format!("lab/panic-{phase}")) {
            panic!("as asked");
        }
        if self.is_asked(request, &format!("lab/slow-{phase}")) {
            pending::<()>().await;
        }
    }
}

#[async_trait]
impl Filter for Probe {
    fn name(&self) -> &str {
        self.0
    }

    async fn request(&self, request: &Request) -> Decision {
        log::info!("probe {} request {request:?}", self.0);
        self.misbehave("request", request).await;
        let sentence = "closed until Monday,\r\nask \"ops\"";
        match request.repository() {
            Some("lab/deny") if self.0 == "first" => {
                Decision::deny(403, ErrorCode::Denied, sentence)
            }
            Some("lab/deny-late") if self.0 == "second" => {
                Decision::deny(429, ErrorCode::TooManyRequests, sentence).with_retry_after(30)
            }
            Some("lab/challenge") => Decision::deny(401, ErrorCode::Unauthorized, sentence),
            _ => Decision::Continue,
        }
    }

    async fn upstream(&self, request: &Request, headers: &mut UpstreamHeaders) {
        log::info!("probe {} upstream {}", self.0, request.id());
        for name in PROTECTED {
            let outcomes = [
                headers.set(name, "evil"),
                headers.add(name, "evil"),
                headers.remove(name),
            ];
            if outcomes.iter().any(Result::is_ok) {
                log::error!("probe: {name} can be changed");
            }
        }
        let _ = headers.set("X-Last", self.0);
        let _ = headers.add("X-Each", self.0);
        let _ = headers.remove("X-Unwanted");
        self.misbehave("upstream", request).await;
    }

    async fn response(&self, request: &Request, response: &mut Response) {
        log::info!("probe {} response {} {response:?}", self.0, request.id());
        for name in READ_ONLY {
            let outcomes = [
                response.set(name, "evil"),
                response.add(name, "evil"),
                response.remove(name),
            ];
            if outcomes.iter().any(Result::is_ok) {
                log::error!("probe: {name} can be changed");
            }
        }
        let _ = response.set("X-Last", self.0);
        let _ = response.add("X-Each", self.0);
        let _ = response.remove("X-Unwanted");
        self.misbehave("response", request).await;
    }

    fn ended(&self, request: &Request, end: &End) {
        log::info!(
            "probe {} ended {} outcome={} reason={} fault={} status={:?} received={} sent={} waited={}",
            self.0,
            request.id(),
            end.outcome.as_str(),
            end.reason,
            end.fault.as_str(),
            end.status,
            end.received,
            end.sent,
            end.upstream_wait.is_some(),
        );
        if self.is_asked(request, "lab/panic-ended") {
            panic!("as asked");
        }
    }
}

const PROTECTED: [&str; 12] = [
    "Host",
    "Authorization",
    "Cookie",
    "Connection",
    "Content-Length",
    "Transfer-Encoding",
    "Content-Type",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "Forwarded",
];

const READ_ONLY: [&str; 8] = [
    "Location",
    "Link",
    "WWW-Authenticate",
    "Set-Cookie",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Docker-Content-Digest",
];

fn main() -> Result<(), harbormouth::Error> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let server = harbormouth::Server::from_file(&arguments[0])?.filter(Probe("first"));
    match arguments.get(1).map(String::as_str) {
        Some("same-name") => server.filter(Probe("first")).run(),
        Some("bad-name") => server.filter(Probe("Not a label")).run(),
        _ => server.filter(Probe("second")).run(),
    }
}
