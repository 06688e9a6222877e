//! Traffic that a gateway lives through: pushes, pulls and tokens that work, and everything that
//! can go wrong with them on one machine. [`live_through`] is the whole of it; whoever adds a
//! metric adds the request that moves it.

use crate::client::{Conn, get, request, with_length};
use crate::common::wait::free_port;
use crate::push::{alice, basic, bearer, begin, commit};
use crate::setup::{Registry, Setup, World, connect, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harbormouth::testing::fake_harbor::content::digest;
use harbormouth::testing::fake_harbor::{ConnectionEnd, FakeHarbor, InjectedFault, Match, Times};
use http::{Method, StatusCode};
use std::path::Path;
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

/// A registry whose Harbor isn't there.
pub const GONE: &str = "gone";

const MIRROR: &str =
    "mirrors:\n  - { public: [https://mirror.example.com], registry: hq, project: lab }\n";

/// A rule that only counts, and an identity to whose issuer no token here belongs.
const RULES_AND_IDENTITIES: &str = "rules:\n  - { name: pushes, when: operation.writes, report: {} }\n\
    identities:\n  - { name: job, registry: hq, issuer: 'http://127.0.0.1:9', audience: hub, when: 'true', credentials: { file: CREDENTIALS } }\n";

const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json";
const TYPE: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json";
const CONTAINERD: &str = "User-Agent: containerd/1.6.20";
/// Bodies from 8 MiB on are timed.
const LARGE: usize = 9 << 20;

/// A gateway before a Harbor (`hq`), before one that isn't there, with a registry that is closed to
/// pushes, and with one that nobody uses but its canary; another canary's way leads nowhere.
/// `detail` is that of its metrics.
pub async fn gateway(harbor: &FakeHarbor, quiet: &FakeHarbor, detail: &str) -> World {
    let mut hq = Registry::new("hq", harbor.origin());
    hq.interval = "1s";
    // A port that is taken, by a socket that doesn't listen: connections to it are refused.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("bind");
    let nobody = socket.local_addr().expect("its address");
    Box::leak(Box::new(socket));
    let mut gone = Registry::new(GONE, format!("http://{nobody}"));
    gone.public = vec!["https://gone.example.com", "http://gone.example.com"];
    gone.interval = "1s";
    let top = "trusted_proxies: [127.0.0.0/8]\nrestore_authorization_from: \
               [X-Forwarded-Authorization]\nlogin_limit: { failures: 3, within: 10m }\n";
    let mut closed = Registry::new("closed", harbor.origin());
    closed.public = vec!["https://closed.example.com", "http://closed.example.com"];
    closed.more = "    maintenance: pushes\n    owner: team-storage\n".to_owned();
    // A canary walks through the public origin: here to a listener, whose port is known before.
    let listener = format!("127.0.0.1:{}", free_port());
    let public: &'static str = format!("http://{listener}").leak();
    let mut watched = Registry::new("watched", quiet.origin());
    watched.public = vec![public];
    let credentials = Path::new(env!("CARGO_TARGET_TMPDIR")).join("canary.credentials");
    std::fs::write(&credentials, "admin:Harbor12345\n").expect("write credentials");
    let rules = RULES_AND_IDENTITIES.replace("CREDENTIALS", &credentials.display().to_string());
    let canary = |registry| {
        format!(
            "  - {{ registry: {registry}, repository: lab/canary, credentials: {}, interval: 10s }}\n",
            credentials.display()
        )
    };
    let audit = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{detail}.jsonl"));
    let audit = format!("audit: {{ file: {} }}\naccounting: {{}}\n", audit.display());
    let metrics = format!("metrics: {{ detail: {detail} }}\n");
    Setup {
        top: format!(
            "{top}{audit}{metrics}{MIRROR}{rules}canary:\n{}{}",
            canary("watched"),
            canary(GONE)
        ),
        listeners: format!("  - address: {listener}\n"),
        ..Setup::of(vec![hq, gone, closed, watched])
    }
    .start()
}

/// Both canaries have had a run.
pub async fn canaries_run(world: &World) {
    for (registry, result) in [("watched", "good"), (GONE, "bad")] {
        let labels = [("registry", registry), ("result", result)];
        until(&format!("a {result} run of the canary"), || {
            let runs = world
                .gateway
                .metric("harbormouth_canary_runs_total", &labels);
            (runs > 0.0).then_some(())
        })
        .await;
    }
}

/// Everything, as fast as it goes. What comes back holds an upload that is under way and still.
#[must_use]
pub async fn live_through(world: &World, harbor: &FakeHarbor) -> Conn {
    a_change_that_waits(world).await;
    let mut conn = world.https().await;
    // Nothing else here takes seconds: it runs beside the rest.
    let (mut waiting, token) = (world.https().await, bearer(&mut conn).await);
    let upload = begin(&mut waiting, &token).await;
    tokio::join!(
        left_while_harbor_was_silent(waiting, token, upload, harbor),
        async {
            a_push_and_a_pull(&mut conn).await;
            by_a_mirror(&mut conn).await;
            large_bodies(&mut conn).await;
            refusals(&mut conn).await;
            lost_authorization(world, &mut conn).await;
            harbor_fails(world, harbor).await;
            clients_leave(world).await;
            hops_and_strangers(world, harbor).await;
        }
    );
    canaries_run(world).await;
    stands_still(world).await
}

/// A reload that only a restart puts into force.
async fn a_change_that_waits(world: &World) {
    let other = world.yaml.replace("threads: 1", "threads: 2");
    world.gateway.reload(&other);
    let family = "harbormouth_config_restart_required";
    world.metric_becomes(family, &[], 1.0).await;
}

async fn a_push_and_a_pull(conn: &mut Conn) {
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 401);
    let token = bearer(conn).await;
    let blob = b"a layer".as_slice();
    let config = b"{}".as_slice();
    for content in [blob, config] {
        let path = format!("/v2/lab/app/blobs/{}", digest(content));
        let head = conn.ask(request("HEAD", &path, &[&token], b"")).await;
        assert_eq!(head.status, 404);
        let location = begin(conn, &token).await;
        let chunk = with_length("PATCH", &location, &[&token, CONTAINERD], content);
        let chunk = conn.ask(chunk).await;
        assert_eq!(chunk.status, 202, "{chunk:?}");
        let location = chunk.header("location").to_owned();
        let status = conn.ask(get(&location, &[&token])).await;
        assert_eq!(status.status, 204, "{status:?}");
        let put = format!("{location}&digest={}", digest(content));
        let done = conn.ask(with_length("PUT", &put, &[&token], b"")).await;
        assert_eq!(done.status, 201, "{done:?}");
    }
    let manifest = manifest(config, blob);
    let path = "/v2/lab/app/manifests/v1";
    let put = with_length("PUT", path, &[&token, TYPE], manifest.as_bytes());
    assert_eq!(conn.ask(put).await.status, 201);
    let pull = conn.ask(get(path, &[&token, ACCEPT])).await;
    assert_eq!(pull.text(), manifest);
    let path = format!("/v2/lab/app/blobs/{}", digest(blob));
    assert_eq!(conn.ask(get(&path, &[&token])).await.body, blob);
}

async fn by_a_mirror(conn: &mut Conn) {
    let asked = get("/v2/app/manifests/v1", &[&alice(), ACCEPT]);
    let asked = String::from_utf8_lossy(&asked).replace("hub.example.com", "mirror.example.com");
    assert_eq!(conn.ask(asked).await.status, 200);
}

fn manifest(config: &[u8], layer: &[u8]) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",
        "config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{}","size":{}}},
        "layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"{}","size":{}}}]}}"#,
        digest(config),
        config.len(),
        digest(layer),
        layer.len()
    )
}

async fn large_bodies(conn: &mut Conn) {
    let token = bearer(conn).await;
    let location = begin(conn, &token).await;
    let large = vec![b'x'; LARGE];
    assert_eq!(commit(conn, &token, &location, &large).await.status, 201);
    let path = format!("/v2/lab/app/blobs/{}", digest(&large));
    assert_eq!(conn.ask(get(&path, &[&token])).await.body.len(), LARGE);
}

/// Refusals that are right: wrong digest, missing role, wrong password, unknown blobs.
async fn refusals(conn: &mut Conn) {
    let token = bearer(conn).await;
    let location = begin(conn, &token).await;
    let put = format!("{location}&digest={}", digest(b"something else"));
    let wrong = conn.ask(with_length("PUT", &put, &[&token], b"this")).await;
    assert_eq!(wrong.status, 400, "{wrong:?}");
    let unknown = manifest(b"never", b"pushed");
    let put = with_length(
        "PUT",
        "/v2/lab/app/manifests/v2",
        &[&token, TYPE],
        unknown.as_bytes(),
    );
    assert!(conn.ask(put).await.status >= 400);
    let (guest, post) = (basic("bob", "Bob123456"), "/v2/lab/app/blobs/uploads/");
    let denied = conn.ask(with_length("POST", post, &[&guest], b"")).await;
    assert_eq!(denied.status, 401, "{denied:?}");
    let asked = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
    // A token of Harbor's own is no ID token of an issuer that is trusted here.
    let stray = expired();
    let stray = basic("oidc", stray.trim_start_matches("Authorization: Bearer "));
    let stray = conn.ask(get(asked, &[&stray])).await;
    assert_eq!(stray.status, 401, "{stray:?}");
    let statuses = [200, 200, 200, 429];
    for (attempt, status) in statuses.into_iter().enumerate() {
        let wrong = basic("eve", &format!("guess{attempt}"));
        let reply = conn.ask(get(asked, &[&wrong])).await;
        assert_eq!(reply.status, status, "{attempt} {reply:?}");
    }
}

/// Tokens that get lost, expire, or come back in another header.
async fn lost_authorization(world: &World, conn: &mut Conn) {
    let token = bearer(conn).await;
    // Saved by its ticket, over TLS.
    let location = begin(conn, &token).await;
    let saved = commit(conn, CONTAINERD, &location, b"saved").await;
    assert_eq!(saved.status, 201, "{saved:?}");
    // No ticket in the clear, no token: lost.
    let mut plain = world.http().await;
    for _ in 0..12 {
        let location = begin(&mut plain, &token).await;
        let lost = commit(&mut plain, CONTAINERD, &location, b"lost").await;
        assert_eq!(lost.status, 401, "{lost:?}");
    }
    // A ticket that nobody sealed.
    let location = begin(conn, &token).await;
    let (start, _) = location
        .split_once("harbormouth_ticket=")
        .expect("a ticket");
    let forged = format!("{start}harbormouth_ticket=AAAA");
    assert_eq!(commit(conn, CONTAINERD, &forged, b"x").await.status, 401);
    // A token that is over.
    let location = begin(conn, &token).await;
    let reply = commit(conn, &expired(), &location, b"late").await;
    assert_eq!(reply.status, 401, "{reply:?}");
    let moved = token.replace("Authorization:", "X-Forwarded-Authorization:");
    let tags = conn.ask(get("/v2/lab/app/tags/list", &[&moved])).await;
    assert_eq!(tags.status, 200, "{tags:?}");
}

/// The `Authorization` line of a token that was good for half an hour and is over.
fn expired() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = since.expect("after 1970").as_secs();
    let claims = format!(
        r#"{{"iss":"harbor-token-issuer","sub":"alice","aud":"harbor-registry","exp":{},"nbf":{},"iat":{},"access":[{{"type":"repository","name":"lab/app","actions":["pull","push"]}}]}}"#,
        now - 90,
        now - 1890,
        now - 1890
    );
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!(
        "Authorization: Bearer {}.{}.{}",
        part(r#"{"alg":"RS256","typ":"JWT"}"#),
        part(&claims),
        part("no signature")
    )
}

/// Resets, 5xx, forgotten uploads and blobs, a Harbor that isn't there.
async fn harbor_fails(world: &World, harbor: &FakeHarbor) {
    let faults = harbor.faults();
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    let reset = InjectedFault::CutRequest {
        after: 0,
        end: ConnectionEnd::Reset,
    };
    faults.inject(Match::method(Method::PUT), Times::Once, reset.clone());
    let location = begin(&mut conn, &token).await;
    assert_eq!(commit(&mut conn, &token, &location, b"x").await.status, 504);
    let mut conn = world.https().await;
    let answer = |status, code: &str| InjectedFault::Answer {
        status,
        content_type: "application/json",
        body: format!(r#"{{"errors":[{{"code":"{code}","message":"as injected"}}]}}"#),
    };
    for (status, code) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN"),
        (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
        (StatusCode::FORBIDDEN, "DENIED"),
    ] {
        let location = begin(&mut conn, &token).await;
        faults.inject(
            Match::method(Method::PUT),
            Times::Once,
            answer(status, code),
        );
        let reply = commit(&mut conn, &token, &location, b"y").await;
        assert_eq!(reply.status, status.as_u16(), "{reply:?}");
    }
    // A connection that dies as it is used again: a read is sent once more.
    let tags = get("/v2/lab/app/tags/list", &[&token]);
    assert_eq!(conn.ask(&tags).await.status, 200);
    faults.inject(
        Match::method(Method::GET).path_contains("tags"),
        Times::Once,
        reset,
    );
    assert_eq!(conn.ask(&tags).await.status, 200);
    let elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: \
                      https://storage.example.org/blob\r\nContent-Length: 0\r\n\r\n";
    let elsewhere = InjectedFault::Raw {
        bytes: elsewhere.to_vec(),
        end: ConnectionEnd::Close,
    };
    let blob = format!("/v2/lab/app/blobs/{}", digest(b"a layer"));
    faults.inject(
        Match::method(Method::GET).path_contains("/blobs/"),
        Times::Once,
        elsewhere,
    );
    assert_eq!(conn.ask(get(&blob, &[&token])).await.status, 307);
    let nobody = get("/v2/", &[]);
    let nobody = String::from_utf8(nobody).expect("text");
    let nobody = nobody.replace("hub.example.com", "gone.example.com");
    assert_eq!(conn.ask(nobody).await.status, 504);
}

/// Uploads that stop in the middle.
async fn clients_leave(world: &World) {
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    for _ in 0..3 {
        let location = begin(&mut conn, &token).await;
        let mut leaving = world.http().await;
        let half = request(
            "PATCH",
            &location,
            &[&token, "Content-Length: 100000"],
            &[0; 5000],
        );
        leaving.write(half).await.expect("write");
    }
    let location = begin(&mut conn, &token).await;
    let cancelled = conn
        .ask(request("DELETE", &location, &[&alice()], b""))
        .await;
    assert!(cancelled.status < 500, "{cancelled:?}");
}

/// An upload that has begun and goes on no more, for as long as its connection is kept.
async fn stands_still(world: &World) -> Conn {
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    let lines = [token.as_str(), "Content-Length: 100000"];
    let half = request("PATCH", &location, &lines, &[0; 5000]);
    conn.write(half).await.expect("write");
    let family = "harbormouth_upload_silence_seconds";
    until("an upload that is shown to stand still", || {
        let silence = world.gateway.metric(family, &[("registry", "hq")]);
        (silence > 0.0).then_some(())
    })
    .await;
    conn
}

/// A client that waits six seconds for a commit, and leaves: five and more count as Harbor's.
async fn left_while_harbor_was_silent(
    mut conn: Conn,
    token: String,
    location: String,
    harbor: &FakeHarbor,
) {
    let upload = location.split('?').next().unwrap_or_default();
    let upload = upload.rsplit('/').next().unwrap_or_default().to_owned();
    let silent = InjectedFault::Delay(Duration::from_secs(20));
    let which = Match::method(Method::PUT).path(move |path| path.contains(&upload));
    harbor.faults().inject(which, Times::Once, silent);
    let put = format!("{location}&digest={}", digest(b"patience"));
    let put = with_length("PUT", &put, &[&token, CONTAINERD], b"patience");
    conn.write(put).await.expect("write");
    assert!(!conn.is_closed_within(Duration::from_secs(6)).await);
}

/// What comes to an open port: no HTTP, no TLS, names that nobody has, and a mount.
async fn hops_and_strangers(world: &World, harbor: &FakeHarbor) {
    let mut odd = world.http().await;
    odd.write("THIS IS NOT HTTP\r\n\r\n").await.expect("write");
    let _ = odd.read(false).await;
    let mut endless = world.http().await;
    let header = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(200_000));
    endless.write(header).await.expect("write");
    assert_eq!(endless.answer().await.status, 431);
    let mut no_tls = connect(world.tls()).await;
    no_tls
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("write");
    let mut conn = world.https().await;
    let stranger = String::from_utf8(get("/v2/", &[])).expect("text");
    let stranger = stranger.replace("hub.example.com", "nobody.example.com");
    assert!(conn.ask(stranger).await.status >= 400);
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    // A Location with a port that no client typed: repaired.
    let odd = "http://hub.example.com:443/v2/lab/app/blobs/uploads/1?_state=x".to_owned();
    let uploads = Match::method(Method::POST);
    harbor.faults().inject(
        uploads,
        Times::Once,
        InjectedFault::SetHeader("location", odd),
    );
    begin(&mut conn, &token).await;
    let mount = format!(
        "/v2/lab/other/blobs/uploads/?mount={}&from=lab/app",
        digest(b"a layer")
    );
    let mounted = conn
        .ask(with_length("POST", &mount, &[&alice()], b""))
        .await;
    assert!(matches!(mounted.status, 201 | 202), "{mounted:?}");
}
