//! The operator's own listener: is it alive, is it ready, and its numbers. Never public: it has an
//! address of its own, and answers until the process ends, through a drain as well.

use crate::metrics::Metrics;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// A scraper or kubelet sends its header at once.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failed `accept`, so that others can release file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where the process stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Starting,
    Serving,
    Draining,
}

/// The admin listener.
pub struct Admin {
    socket: TcpListener,
    metrics: Arc<Metrics>,
    phase: watch::Receiver<Phase>,
}

impl Admin {
    /// # Errors
    /// When the address is taken or not ours.
    pub async fn bind(
        address: SocketAddr,
        metrics: Arc<Metrics>,
        phase: watch::Receiver<Phase>,
    ) -> io::Result<Admin> {
        Ok(Admin {
            socket: TcpListener::bind(address).await?,
            metrics,
            phase,
        })
    }

    /// The address that was bound, with the port that the system chose for port 0.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Serves for ever.
    pub async fn run(self) {
        let Admin {
            socket,
            metrics,
            phase,
        } = self;
        loop {
            let stream = match socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    log::warn!("admin: accept failed: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (metrics, phase) = (Arc::clone(&metrics), phase.clone());
            tokio::spawn(async move {
                let service = service_fn(|request: Request<Incoming>| {
                    let phase = *phase.borrow();
                    let response = respond(request.method(), request.uri().path(), phase, &metrics);
                    async move { Ok::<_, Infallible>(response) }
                });
                let served = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                if let Err(error) = served {
                    log::debug!("admin: {error}");
                }
            });
        }
    }
}

fn respond(method: &Method, path: &str, phase: Phase, metrics: &Metrics) -> Response<Full<Bytes>> {
    let known = matches!(path, "/livez" | "/readyz" | "/metrics");
    if known && !matches!(*method, Method::GET | Method::HEAD) {
        let mut response = text(
            StatusCode::METHOD_NOT_ALLOWED,
            "only GET and HEAD\n".to_owned(),
        );
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    match path {
        "/livez" => text(StatusCode::OK, "alive\n".to_owned()),
        "/readyz" => ready(phase),
        "/metrics" => match metrics.text() {
            Ok(families) => {
                let mut response = text(StatusCode::OK, families);
                let format = HeaderValue::from_static(prometheus::TEXT_FORMAT);
                response.headers_mut().insert(CONTENT_TYPE, format);
                response
            }
            Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        },
        _ => text(
            StatusCode::NOT_FOUND,
            "not here; there are /livez, /readyz and /metrics\n".to_owned(),
        ),
    }
}

/// Ready while listening, through a drain as well: leaving the endpoints is what stops new
/// traffic, and a balancer that saw a failed check would cut uploads. Harbor's health is no part
/// of it: one dead Harbor must not take the edge away.
fn ready(phase: Phase) -> Response<Full<Bytes>> {
    let status = match phase {
        Phase::Starting => StatusCode::SERVICE_UNAVAILABLE,
        Phase::Serving | Phase::Draining => StatusCode::OK,
    };
    let body = serde_json::json!({ "phase": phase });
    let mut response = text(status, format!("{body}\n"));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    response
}
