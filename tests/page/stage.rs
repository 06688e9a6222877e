//! Serves the page as the admin listener does, with answers from files in place of a gateway's:
//! states that take a day to come about.

use bytes::Bytes;
use harbormouth::net::query;
use harbormouth::oci::reason::Reason;
use harbormouth::server::admin::page;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

pub struct Stage {
    pub address: SocketAddr,
    shown: Arc<Shown>,
    task: AbortHandle,
}

struct Shown {
    folder: PathBuf,
    /// Paths and queries, in the order in which they were asked for.
    asked: Mutex<Vec<String>>,
    /// Changes answers on their way: the path, and what the file says.
    change: Mutex<Box<Change>>,
}

type Change = dyn FnMut(&str, &mut Value) + Send;

impl Stage {
    /// Answers from the files of `tests/fixtures/page/NAME`.
    pub async fn start(name: &str) -> Stage {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shown = Arc::new(Shown {
            folder: root.join("tests/fixtures/page").join(name),
            asked: Mutex::new(Vec::new()),
            change: Mutex::new(Box::new(|_, _| {})),
        });
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let address = socket.local_addr().expect("its address");
        let task = tokio::spawn(serve(socket, Arc::clone(&shown))).abort_handle();
        Stage {
            address,
            shown,
            task,
        }
    }

    /// From now on answers are changed so.
    pub fn change(&self, change: impl FnMut(&str, &mut Value) + Send + 'static) {
        *self.shown.change.lock().expect("no panic") = Box::new(change);
    }

    pub fn asked(&self) -> Vec<String> {
        self.shown.asked.lock().expect("no panic").clone()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: TcpListener, shown: Arc<Shown>) {
    // Ends with this task, so that a stage that is gone answers nobody.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = socket.accept().await.expect("accept");
        let shown = Arc::clone(&shown);
        connections.spawn(async move {
            let service = service_fn(|request: Request<Incoming>| {
                let response = shown.answer(request.uri());
                async move { Ok::<_, Infallible>(response) }
            });
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

impl Shown {
    fn answer(&self, uri: &http::Uri) -> Response<Full<Bytes>> {
        if let Some(asset) = page::asset(uri.path()) {
            return asset.answer();
        }
        self.asked.lock().expect("no panic").push(uri.to_string());
        let mut value = match uri.path() {
            "/reasons" => reasons(),
            path @ ("/overview" | "/pushes" | "/failures") => {
                let file = self.folder.join(format!("{}.json", &path[1..]));
                let text = std::fs::read(&file).unwrap_or_else(|e| panic!("{file:?}: {e}"));
                serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{file:?}: {e}"))
            }
            path => panic!("the page asked for {path}"),
        };
        if uri.path() == "/failures" {
            filter(&mut value, uri.query().unwrap_or_default());
        }
        let mut change = self.change.lock().expect("no panic");
        change(uri.path(), &mut value);
        let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
        let json = http::HeaderValue::from_static("application/json");
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, json);
        response
    }
}

/// What the tracker does with a filter.
fn filter(list: &mut Value, query: &str) {
    let mut limit = usize::MAX;
    let failures = list["failures"].as_array_mut().expect("a list");
    for (name, value) in query::decoded_pairs(query) {
        match name.as_str() {
            "limit" => limit = value.parse().expect("a number"),
            "search" => failures.retain(|one| {
                let has = |key: &str| one[key].as_str().is_some_and(|it| it.contains(&value));
                ["repository", "reference", "request_id", "account", "client"]
                    .into_iter()
                    .any(has)
            }),
            _ => failures.retain(|one| one[&name] == value.as_str()),
        }
    }
    failures.truncate(limit);
}

fn reasons() -> Value {
    let reasons: Vec<Value> = Reason::ALL
        .iter()
        .map(|reason| {
            json!({
                "reason": reason.as_str(),
                "meaning": reason.meaning(),
                "advice": reason.advice(),
            })
        })
        .collect();
    json!({ "reasons": reasons })
}
