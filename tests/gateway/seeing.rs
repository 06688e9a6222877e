//! What an operator sees: every series from the start, each request counted once however it ends,
//! and no secret in any log.

use crate::client::{Conn, get, request, with_length};
use crate::client_h2::{Finish, request as h2_request};
use crate::harbor::{Got, Harbor, Plan};
use crate::push;
use crate::setup::{Registry, Setup, World, connect, trust, until};
use crate::tracing;
use bytes::Bytes;
use harbormouth::observe::metrics::{
    ConnectionRefused, FAMILIES, HandshakeFailure, MetricKind, STATUS_CLASSES,
};
use harbormouth::observe::push::{PushFinding, UploadEnd};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Outcome, Quality, Reason};
use harbormouth::oci::repair::Repair;
use harbormouth::oci::request_class::Class;
use harbormouth::oci::upstream_error::UpstreamError;
use harbormouth::oci::user_agent::ClientFamily;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";

#[tokio::test]
async fn every_series_of_a_registry_is_there_from_the_start() {
    let harbor = Harbor::content().await;
    let mut hq = Registry::new("hq", harbor.url());
    hq.more = "    owner: team-storage\n".to_owned();
    let mut other = Registry::new("branch", harbor.url());
    other.public = vec!["https://branch.example.com"];
    let world = Setup::of(vec![hq, other]).start();
    let text = world.gateway.metrics();
    let has = |family: &str, labels: &[(&str, &str)]| {
        let found = text.lines().any(|line| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels
                    .iter()
                    .all(|(name, value)| line.contains(&format!("{name}=\"{value}\"")))
        });
        assert!(found, "{family} {labels:?}");
    };
    // What comes with a canary, a filter, a rule or a mirror is looked for where there is one.
    let elsewhere = [
        "harbormouth_canary_",
        "harbormouth_filter_",
        "harbormouth_identity_",
        "harbormouth_project_",
        "harbormouth_routed_",
        "harbormouth_rule_",
    ];
    let is_here = |name: &str| !elsewhere.iter().any(|prefix| name.starts_with(prefix));
    for family in FAMILIES.iter().filter(|family| is_here(family.name)) {
        let name = family.name;
        assert!(
            text.contains(&format!("# TYPE {name} {}\n", family.kind.as_str())),
            "{name}"
        );
        assert!(text.contains(&format!("# HELP {name} ")), "{name}");
        match family.kind {
            MetricKind::Histogram => has(&format!("{name}_count"), &[]),
            MetricKind::Counter | MetricKind::Gauge => has(name, &[]),
        }
    }
    for registry in ["hq", "branch"] {
        let registry = ("registry", registry);
        for operation in Operation::ALL {
            let operation = ("operation", operation.as_str());
            for class in STATUS_CLASSES {
                has(
                    "harbormouth_requests_total",
                    &[registry, operation, ("status", class)],
                );
            }
            has(
                "harbormouth_request_duration_seconds_count",
                &[registry, operation],
            );
            has(
                "harbormouth_upstream_first_byte_seconds_count",
                &[registry, operation],
            );
        }
        for direction in ["upload", "download"] {
            has(
                "harbormouth_body_bytes_total",
                &[registry, ("direction", direction)],
            );
        }
        for cause in UpstreamError::ALL {
            has(
                "harbormouth_upstream_errors_total",
                &[registry, ("cause", cause.as_str())],
            );
        }
        for kind in Repair::ALL {
            has(
                "harbormouth_repairs_total",
                &[registry, ("kind", kind.as_str())],
            );
        }
        has(
            "harbormouth_commit_wait_seconds_bucket",
            &[registry, ("le", "30")],
        );
        for operation in Operation::ALL {
            for reason in Reason::ALL.iter().filter(|r| r.outcome() != Outcome::Ok) {
                if reason.can_end(operation) && operation.needs_proof() {
                    let labels = [registry, ("reason", reason.as_str())];
                    has("harbormouth_unproven_failures_total", &labels);
                }
                if reason.can_end(operation) && !reason.is_unproven() {
                    let labels = [
                        registry,
                        ("operation", operation.as_str()),
                        ("outcome", reason.outcome().as_str()),
                        ("reason", reason.as_str()),
                        ("fault", reason.fault().as_str()),
                    ];
                    has("harbormouth_request_failures_total", &labels);
                }
            }
        }
        for quality in Quality::ALL.map(|quality| ("quality", quality.as_str())) {
            for operation in Operation::PUSH {
                let operation = ("operation", operation.as_str());
                has(
                    "harbormouth_push_requests_total",
                    &[registry, operation, quality],
                );
            }
            for client in ClientFamily::ALL {
                has(
                    "harbormouth_push_requests_by_client_total",
                    &[registry, ("client", client.as_str()), quality],
                );
            }
        }
        for end in UploadEnd::all() {
            has(
                "harbormouth_uploads_finished_total",
                &[registry, ("end", end.as_str())],
            );
        }
        for finding in PushFinding::ALL {
            has(
                "harbormouth_findings_total",
                &[registry, ("finding", finding.as_str())],
            );
        }
        has("harbormouth_uploads_started_total", &[registry]);
        has("harbormouth_uploads_open", &[registry]);
        has("harbormouth_upload_silence_seconds", &[registry]);
        for class in Class::ALL {
            let labels = [registry, ("class", class.as_str())];
            has("harbormouth_requests_in_flight", &labels);
        }
        has("harbormouth_upstream_retries_total", &[registry]);
        has("harbormouth_foreign_redirects_total", &[registry]);
    }
    for cause in HandshakeFailure::ALL {
        has(
            "harbormouth_tls_handshake_failures_total",
            &[("cause", cause.as_str())],
        );
    }
    for reason in ConnectionRefused::ALL {
        has(
            "harbormouth_connections_refused_total",
            &[("reason", reason.as_str())],
        );
    }
    has("process_resident_memory_bytes", &[]);
    for line in text.lines().filter(|line| line.starts_with("harbormouth_")) {
        let value = line.rsplit(' ').next().unwrap_or_default();
        let start = [
            "harbormouth_upstream_healthy",
            "harbormouth_build_info",
            "harbormouth_thread_responsive",
            "harbormouth_registry_owner_info",
            "harbormouth_sealing_key_info",
            "harbormouth_opening_key_info",
            "harbormouth_objective_ratio",
            "harbormouth_in_flight_limit",
            "harbormouth_body_memory_limit_bytes",
            "harbormouth_certificate_expiry_timestamp_seconds",
            "harbormouth_config_last_reload",
        ];
        let may_be_set = start.iter().any(|family| line.starts_with(family));
        assert!(value == "0" || may_be_set, "{line}");
    }
}

/// In either form: who asked, by which name, listener and protocols.
#[tokio::test]
async fn a_record_says_who_came_and_where() {
    let harbor = push::fake_harbor().await;
    for (format, fields) in [
        (
            "text",
            [
                " account=\"alice b\" origin=http://hub.example.com listener=127.0.0.1:0 http=1.1 endpoint=",
                " origin=https://hub.example.com listener=127.0.0.1:0 http=2 tls=1.3 endpoint=",
                " client=none listener=127.0.0.1:0 http=1.1 outcome=refused reason=unknown_host",
            ],
        ),
        (
            "json",
            [
                "\"account\":\"alice b\",\"origin\":\"http://hub.example.com\",\"listener\":\"127.0.0.1:0\",\"http\":\"1.1\",\"endpoint\"",
                "\"origin\":\"https://hub.example.com\",\"listener\":\"127.0.0.1:0\",\"http\":\"2\",\"tls\":\"1.3\",\"endpoint\"",
                "\"client_family\":\"none\",\"listener\":\"127.0.0.1:0\",\"http\":\"1.1\",\"outcome\":\"refused\"",
            ],
        ),
    ] {
        let mut setup = Setup::new(harbor.origin());
        setup.top = format!("log: {{ format: {format} }}\n");
        let world = setup.start();
        let mut conn = world.http().await;
        let asked = get("/v2/account", &[&push::basic("alice b", "x")]);
        conn.ask(asked).await;
        let mut h2 = world.h2().await;
        h2.ask(h2_request("GET", "/v2/h2", &[]))
            .await
            .expect("an answer");
        let stranger = "GET /v2/stranger HTTP/1.1\r\nHost: evil.example.com\r\n\r\n";
        conn.ask(stranger).await;
        for (path, fields) in ["/v2/account", "/v2/h2", "/v2/stranger"].iter().zip(fields) {
            let line = world.logged(&[path]).await;
            assert!(line.contains(fields), "{line}");
        }
    }
}

/// Pushes a layer and a manifest, and pulls them back. Gives the secrets that were used.
async fn push_and_pull(world: &World) -> Vec<String> {
    let mut conn = world.https().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 401);
    let login = push::bearer(&mut conn).await;
    let lines = [
        login.as_str(),
        "Cookie: sid=cookiesecret0; harbor-lang=en",
        "User-Agent: docker/29.7.0",
    ];
    let missing = request("HEAD", "/v2/lab/app/blobs/sha256:0000", &lines, b"");
    conn.ask(missing).await;
    let location = push::begin(&mut conn, &login).await;
    let content = vec![5; 100_000];
    let reply = push::commit(&mut conn, &login, &location, &content).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let digest = harbormouth::testing::fake_harbor::content::digest(&content);
    let path = format!("/v2/lab/app/blobs/{digest}");
    let blob = conn.ask(get(&path, &lines)).await;
    assert_eq!(blob.body, content);
    let manifest = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\
         \"config\":{{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"{digest}\",\"size\":100000}},\
         \"layers\":[]}}"
    );
    let mut with_type = lines.to_vec();
    with_type.push("Content-Type: application/vnd.oci.image.manifest.v1+json");
    let put = with_length(
        "PUT",
        "/v2/lab/app/manifests/v1",
        &with_type,
        manifest.as_bytes(),
    );
    assert_eq!(conn.ask(put).await.status, 201);
    // Secrets where nobody expects them.
    let asked = "/service/token?service=harbor-registry&account=alice&password=querysecret1&refresh_token=querysecret2";
    conn.ask(get(asked, &[&push::basic("alice", "wrongsecret3")]))
        .await;
    conn.ask(get(
        "/c/oidc/callback?code=querysecret4&state=querysecret5",
        &[],
    ))
    .await;
    conn.ask(get("/v2/lab/%zz?_state=querysecret6", &[])).await;
    let absolute = "GET http://hub.example.com/v2/x?_state=querysecret7 HTTP/1.1\r\nHost: hub.example.com\r\n\r\n";
    conn.ask(absolute).await;
    let mut secrets: Vec<String> = (1..=7).map(|n| format!("querysecret{n}")).collect();
    secrets.retain(|secret| secret != "querysecret3");
    secrets.extend([
        "cookiesecret0".to_owned(),
        "Alice12345".to_owned(),
        "wrongsecret3".to_owned(),
    ]);
    for line in [login, push::alice(), push::basic("alice", "wrongsecret3")] {
        let (_, credentials) = line.rsplit_once(' ').expect("credentials");
        secrets.push(credentials.to_owned());
    }
    let state = location.split_once("_state=").expect("a state").1;
    secrets.push(state.to_owned());
    secrets
}

#[tokio::test]
async fn a_push_is_counted_and_its_secrets_are_in_no_log() {
    for format in ["text", "json"] {
        let harbor = push::fake_harbor().await;
        let traces = tracing::receiver().await;
        let folder = tempfile::tempdir().expect("a folder");
        let audit = folder.path().join("audit.jsonl");
        let mut setup = Setup::new(harbor.origin());
        setup.top = format!(
            "log: {{ format: {format} }}\naudit: {{ file: {} }}\n",
            audit.display()
        );
        setup.within = tracing::exporting_to(&traces, &[]);
        let world = setup.start();
        let secrets = push_and_pull(&world).await;
        for (operation, status, count) in [
            ("ping", "4xx", 1.0),
            ("token", "2xx", 1.0),
            ("blob_head", "4xx", 1.0),
            ("upload_start", "2xx", 1.0),
            ("upload_commit", "2xx", 1.0),
            ("blob_get", "2xx", 1.0),
            ("manifest_put", "2xx", 1.0),
        ] {
            let labels = [
                ("registry", "hq"),
                ("operation", operation),
                ("status", status),
            ];
            world
                .metric_becomes("harbormouth_requests_total", &labels, count)
                .await;
        }
        let hq = ("registry", "hq");
        world
            .metric_becomes("harbormouth_commit_wait_seconds_count", &[hq], 1.0)
            .await;
        world
            .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
            .await;
        let up = world.gateway.metric(
            "harbormouth_body_bytes_total",
            &[hq, ("direction", "upload")],
        );
        assert!((100_000.0..101_000.0).contains(&up), "{up}");
        let down = world.gateway.metric(
            "harbormouth_body_bytes_total",
            &[hq, ("direction", "download")],
        );
        assert!((100_000.0..110_000.0).contains(&down), "{down}");
        let locations = [hq, ("kind", "location_absolute")];
        assert!(
            world
                .gateway
                .metric("harbormouth_repairs_total", &locations)
                >= 1.0
        );

        world.logged(&["/v2/x"]).await;
        let log = world.gateway.stderr();
        let audited = std::fs::read_to_string(&audit).expect("the audit log");
        assert!(audited.contains("\"push\""), "{audited}");
        let traced = tracing::every_byte_once(&traces, "PUT manifest_put").await;
        for secret in &secrets {
            for log in [&log, &audited, &traced] {
                assert!(
                    !log.contains(secret.as_str()),
                    "{format}: {secret:?} in\n{log}"
                );
            }
        }
        assert!(!log.to_ascii_lowercase().contains("bearer ey"), "{log}");
        if format == "json" {
            let mut records = 0;
            for line in log.lines() {
                let record: serde_json::Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
                assert!(record["time"].is_string(), "{line}");
                if record["operation"] == "upload_commit" {
                    assert_eq!(record["status"], 201);
                    assert_eq!(record["bytes_received"], 100_000);
                    assert_eq!(record["repository"], "lab/app");
                    assert_eq!(record["client"], "127.0.0.1");
                    assert!(record["duration_ms"].as_f64() >= record["body_ms"].as_f64());
                    assert!(record["upstream_wait_ms"].is_number());
                    for (field, expected) in [
                        ("account", "alice"),
                        ("origin", "https://hub.example.com"),
                        ("listener", "127.0.0.1:0"),
                        ("http", "1.1"),
                        ("tls", "1.3"),
                    ] {
                        assert_eq!(record[field], expected, "{line}");
                    }
                    records += 1;
                }
                if record["operation"] == "manifest_put" {
                    assert_eq!(record["client_family"], "docker_classic", "{line}");
                    records += 1;
                }
            }
            assert_eq!(records, 2);
        } else {
            let commit = world.logged(&["201 hq upload_commit PUT"]).await;
            for part in [
                " in=100000 ",
                " took=",
                " upstream=",
                " body=",
                " endpoint=http://",
                " id=",
            ] {
                assert!(commit.contains(part), "{part}: {commit}");
            }
        }
    }
}

/// However a request ends, nothing stays in flight and it is counted once.
#[tokio::test]
async fn nothing_stays_in_flight() {
    let harbor = Harbor::start(|got: &Got| {
        let line = got.line();
        if line.contains("silent") {
            Plan::ok("late").pause(Duration::from_secs(60))
        } else if line.contains("reset") {
            Plan::say("").after(1).then_reset()
        } else if line.contains("half") {
            Plan::say("HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nhalf").then_deaf()
        } else {
            Plan::ok("fine")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let uploads = [
        (UPLOAD, true),
        ("/v2/silent/blobs/uploads/1?_state=x", true),
        ("/v2/reset/blobs/uploads/1?_state=x", false),
    ];
    let mut total = 0;
    for (path, abort) in uploads {
        // HTTP/1.1: half a body, then gone.
        let mut conn = world.http().await;
        let before = harbor.got().len();
        conn.write(request("PATCH", path, &["Content-Length: 100"], b"half"))
            .await
            .expect("write");
        until("the upload", || (harbor.got().len() > before).then_some(())).await;
        if abort {
            drop(conn);
        } else {
            let _ = conn.read(false).await;
        }
        // HTTP/2: the same on a stream, then on a connection.
        for whole in [false, true] {
            let before = harbor.got().len();
            let mut h2 = world.h2().await;
            let (response, mut stream) = h2.open(h2_request("PATCH", path, &[]), false).await;
            stream
                .send_data(Bytes::from_static(b"half"), false)
                .expect("send");
            until("the upload", || (harbor.got().len() > before).then_some(())).await;
            if !abort {
                let _ = crate::client_h2::reply(response).await;
            } else if whole {
                h2.driver.abort();
            } else {
                stream.send_reset(h2::Reason::CANCEL);
                until("the end of it", || {
                    let flying = world.gateway.metric("harbormouth_requests_in_flight", &[]);
                    (flying < 0.5).then_some(())
                })
                .await;
            }
        }
        total += 3;
    }
    for path in ["/v2/silent/manifests/1", "/v2/half/blobs/sha256:x"] {
        let before = harbor.got().len();
        let mut conn = world.http().await;
        conn.write(get(path, &[])).await.expect("write");
        until("the request", || {
            (harbor.got().len() > before).then_some(())
        })
        .await;
        drop(conn);
        let mut h2 = world.h2().await;
        let (response, _) = h2.open(h2_request("GET", path, &[]), true).await;
        until("the request", || {
            (harbor.got().len() > before + 1).then_some(())
        })
        .await;
        drop(response);
        h2.driver.abort();
        total += 2;
    }
    world
        .metric_becomes("harbormouth_requests_in_flight", &[], 0.0)
        .await;
    world
        .metric_becomes("harbormouth_connections", &[], 0.0)
        .await;
    let counted = world
        .gateway
        .metric("harbormouth_requests_total", &[("registry", "hq")]);
    assert_eq!(counted as u32, total, "{}", world.gateway.stderr());
    let durations = world
        .gateway
        .metric("harbormouth_request_duration_seconds_count", &[]);
    assert_eq!(durations as u32, total);
    let records = || {
        world
            .gateway
            .stderr()
            .lines()
            .filter(|line| line.contains(" id="))
            .count()
    };
    until("the records", || {
        (records() == total as usize).then_some(())
    })
    .await;
}

#[tokio::test]
async fn bytes_are_counted_once_also_over_http2() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut h2 = world.h2().await;
    let body = [Bytes::from(vec![1; 50_000]), Bytes::from(vec![2; 50_000])];
    let asked = h2_request("PATCH", UPLOAD, &[]);
    h2.send(asked, &body, Finish::EmptyData)
        .await
        .expect("an answer");
    let labels = [("registry", "hq"), ("direction", "upload")];
    world
        .metric_becomes("harbormouth_body_bytes_total", &labels, 100_000.0)
        .await;
    let labels = [("registry", "hq"), ("direction", "download")];
    world
        .metric_becomes("harbormouth_body_bytes_total", &labels, 4.0)
        .await;
    let record = world.logged(&["200 hq upload_chunk"]).await;
    assert!(record.contains(" in=100000 out=4 "), "{record}");
}

#[tokio::test]
async fn failed_handshakes_are_counted_by_cause() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let family = "harbormouth_tls_handshake_failures_total";
    let mut closed = 0.0;
    drop(connect(world.tls()).await);
    closed += 1.0;
    world
        .metric_becomes(family, &[("cause", "closed")], closed)
        .await;
    // The beginning of a ClientHello.
    let mut half = connect(world.tls()).await;
    half.write_all(&[0x16, 3, 1, 0, 200, 1])
        .await
        .expect("write");
    drop(half);
    closed += 1.0;
    world
        .metric_becomes(family, &[("cause", "closed")], closed)
        .await;

    let mut plain = Conn::new(connect(world.tls()).await);
    plain.write(get("/v2/", &[])).await.expect("write");
    world
        .metric_becomes(family, &[("cause", "protocol")], 1.0)
        .await;
    // A client that doesn't trust the certificate.
    let strangers = tempfile::TempDir::new().expect("a directory");
    let stranger = crate::common::ca::Ca::new(strangers.path());
    let connector = tokio_rustls::TlsConnector::from(Arc::new(trust(&stranger, &[])));
    let name = rustls::pki_types::ServerName::try_from("hub.example.com").expect("a name");
    assert!(
        connector
            .connect(name, connect(world.tls()).await)
            .await
            .is_err()
    );
    world
        .metric_becomes(family, &[("cause", "protocol")], 2.0)
        .await;
    world
        .metric_becomes("harbormouth_connections", &[], 0.0)
        .await;
    world
        .metric_becomes("harbormouth_connections_without_request_total", &[], 0.0)
        .await;
    let accepted = world
        .gateway
        .metric("harbormouth_connections_accepted_total", &[]);
    assert_eq!(accepted as u32, 4);
}
