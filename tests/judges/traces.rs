//! Rotel, an OpenTelemetry collector, gets the traces, over each protocol and over TLS.

use crate::common::ca::Ca;
use crate::common::gateway::Gateway;
use crate::common::process::{self, Process};
use crate::common::{tools, wait};
use crate::stage::{HUB, serve};
use crate::tools::packaged;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(20);

const CLIENT: &str = "00f067aa0ba902b7";

/// The collector, and a proxy before it where TLS ends.
struct Collector {
    process: Process,
    _tls: Process,
    grpc: u16,
    http: u16,
    tls: u16,
}

impl Collector {
    fn start(ca: &Ca) -> Collector {
        let (grpc, http, tls) = (wait::free_port(), wait::free_port(), wait::free_port());
        let mut command = packaged("rotel/rotel-agent");
        command.args(["start", "--exporter", "blackhole"]);
        command.args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"]);
        command.arg(format!("--otlp-grpc-endpoint=127.0.0.1:{grpc}"));
        command.arg(format!("--otlp-http-endpoint=127.0.0.1:{http}"));
        let process = Process::start("rotel", command);
        let own = ca.issue(&["localhost"]);
        let mut command = Command::new(tools::path("nghttpx"));
        command.args(["--workers=1", "--conf=/dev/null"]);
        command.arg(format!("--frontend=127.0.0.1,{tls}"));
        command.arg(format!("--backend=127.0.0.1,{http};/v1/traces"));
        command.arg(format!("--backend=127.0.0.1,{grpc};/;proto=h2"));
        command.arg(&own.key).arg(&own.cert);
        let before = Process::start("nghttpx", command);
        for port in [grpc, http, tls] {
            wait::until_it_accepts((Ipv4Addr::LOCALHOST, port).into(), START);
        }
        Collector {
            process,
            _tls: before,
            grpc,
            http,
            tls,
        }
    }

    /// What it printed of each span of a trace, once there are so many.
    fn spans(&self, trace: &str, count: usize) -> Vec<String> {
        wait::until(&format!("{count} spans of {trace}"), SOON, || {
            let printed = self.process.stdout() + &self.process.stderr();
            let spans = printed.split("\nSpan #").skip(1);
            let spans: Vec<String> = spans
                .filter(|span| span.contains(trace))
                .map(ToOwned::to_owned)
                .collect();
            (spans.len() >= count).then_some(spans)
        })
    }
}

/// The word behind a name that the collector printed.
fn said<'s>(span: &'s str, name: &str) -> &'s str {
    let line = span.lines().find(|line| line.trim().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no {name} in {span}"));
    line.split_once(": ").expect("a value").1.trim()
}

/// What a Harbor that answers everything with 200 heard as `traceparent`.
type Heard = Arc<Mutex<Vec<String>>>;

fn harbor(heard: &Heard) -> crate::stage::Served {
    let heard = heard.clone();
    serve(move |mut stream| {
        let mut text = String::new();
        let mut piece = [0; 4096];
        while !text.contains("\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(count @ 1..) => text.push_str(&String::from_utf8_lossy(&piece[..count])),
                Ok(0) | Err(_) => return,
            }
        }
        let told = text.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("traceparent")
                .then(|| value.to_owned())
        });
        heard.lock().expect("what was heard").extend(told);
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(answer.as_bytes());
    })
}

fn gateway(harbor: SocketAddr, variables: &[String]) -> Gateway {
    let yaml = format!(
        "threads: 1\nadmin: {{ address: 127.0.0.1:0 }}\nlisteners:\n  - address: 127.0.0.1:0\n\
         trusted_proxies: [127.0.0.0/8]\nregistries:\n  - name: hq\n    public: [http://{HUB}]\n    \
         upstream: {{ endpoints: [http://{harbor}], health: {{ path: /, interval: 1h }} }}\n"
    );
    let within: Vec<String> = std::iter::once("env".to_owned())
        .chain(variables.iter().cloned())
        .collect();
    Gateway::within(&within, &yaml)
}

#[test]
fn a_collector_sees_one_trace_from_the_client_to_harbor() {
    let home = TempDir::new().expect("a folder");
    let ca = Ca::new(home.path());
    let collector = Collector::start(&ca);
    let Collector {
        grpc, http, tls, ..
    } = collector;
    let heard = Heard::default();
    let harbor = harbor(&heard);
    const MACHINES: &str = "SSL_CERT_FILE";
    const OWN: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    let over_tls = format!("https://localhost:{tls}");
    let over_grpc = format!("http://127.0.0.1:{grpc}");
    let over_http = format!("http://127.0.0.1:{http}");
    for (number, (protocol, endpoint, compression, trust)) in [
        ("grpc", &over_grpc, "none", MACHINES),
        ("grpc", &over_grpc, "gzip", MACHINES),
        ("grpc", &over_tls, "none", MACHINES),
        ("grpc", &over_tls, "none", OWN),
        ("http/protobuf", &over_http, "none", MACHINES),
        ("http/protobuf", &over_http, "gzip", MACHINES),
        ("http/protobuf", &over_tls, "none", MACHINES),
        ("http/protobuf", &over_tls, "none", OWN),
    ]
    .into_iter()
    .enumerate()
    {
        let gateway = gateway(
            harbor.address,
            &[
                format!("OTEL_EXPORTER_OTLP_ENDPOINT={endpoint}"),
                format!("OTEL_EXPORTER_OTLP_PROTOCOL={protocol}"),
                format!("OTEL_EXPORTER_OTLP_COMPRESSION={compression}"),
                "OTEL_BSP_SCHEDULE_DELAY=20".to_owned(),
                format!("{trust}={}", ca.bundle().display()),
            ],
        );
        let trace = format!("4bf92f3577b34da6a3ce929d0e0e47{number:02}");
        let mut curl = Command::new(tools::path("curl"));
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "20"]);
        curl.args(["--header", &format!("Host: {HUB}")]);
        curl.args(["--header", &format!("traceparent: 00-{trace}-{CLIENT}-01")]);
        curl.arg(format!(
            "http://{}/v2/lab/app/manifests/v1",
            gateway.http[0]
        ));
        process::must(curl);
        let spans = collector.spans(&trace, 2);
        let find = |name: &str| {
            let mut found = spans.iter().filter(|span| said(span, "Name ") == name);
            let span = found.next();
            span.unwrap_or_else(|| panic!("{protocol} {endpoint}: no {name} in {spans:#?}"))
        };
        let (request, attempt) = (find("GET manifest_get"), find("GET"));
        assert_eq!(said(request, "Parent ID "), CLIENT);
        assert_eq!(said(request, "Kind "), "SPAN_KIND_SERVER");
        assert_eq!(said(attempt, "Parent ID "), said(request, "ID "));
        assert_eq!(said(attempt, "Kind "), "SPAN_KIND_CLIENT");
        let told = format!("00-{trace}-{}-01", said(attempt, "ID "));
        let heard = heard.lock().expect("what was heard");
        assert!(heard.contains(&told), "{told} not in {heard:#?}");
    }
}
