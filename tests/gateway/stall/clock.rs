//! A wall clock that is set, by a day forward and back, breaks nothing: the real binary under
//! libfaketime, which reads the offset from a file.

use crate::client::{Conn, get, request, with_length};
use crate::push::{alice, bearer, begin, commit, fake_harbor};
use crate::setup::{Setup, World};
use harbormouth::testing::fake_harbor::content::digest;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const OFFSETS: [&str; 5] = ["+0", "+1d", "+0", "-1d", "+0"];

struct Clock(PathBuf);

impl Clock {
    fn set(&self, offset: &str) {
        // As a whole, so that nobody reads half of it.
        let new = self.0.with_extension("new");
        std::fs::write(&new, format!("{offset}\n")).expect("write the offset");
        std::fs::rename(&new, &self.0).expect("set the clock");
    }
}

fn library() -> PathBuf {
    let below = ["x86_64-linux-gnu", "aarch64-linux-gnu"];
    let of = |below: &str| format!("/usr/lib/{below}/faketime/libfaketimeMT.so.1");
    let mut files = below.iter().map(|below| PathBuf::from(of(below)));
    let found = files.find(|file| file.exists());
    found.expect("libfaketime: install with `tests/install.sh` (Debian; as root or with sudo)")
}

fn world(harbor: String, directory: &TempDir) -> (World, Clock) {
    let clock = Clock(directory.path().join("offset"));
    clock.set("+0");
    let mut setup = Setup::new(harbor).registry(|registry| registry.interval = "100ms");
    setup.within = vec![
        "env".into(),
        format!("LD_PRELOAD={}", library().display()),
        format!("FAKETIME_TIMESTAMP_FILE={}", clock.0.display()),
        "FAKETIME_NO_CACHE=1".into(),
        "FAKETIME_DONT_FAKE_MONOTONIC=1".into(),
    ];
    (setup.start(), clock)
}

/// A layer in two parts, the clock being set between all steps; with its own Authorization, or with
/// what its ticket holds.
async fn push_while(clock: &Clock, conn: &mut Conn, token: &str, with_token: bool, name: &str) {
    let line = if with_token { token } else { "X-Nothing: here" };
    let mut location = begin(conn, token).await;
    let mut whole = Vec::new();
    for (number, offset) in OFFSETS.into_iter().enumerate() {
        clock.set(offset);
        let part = format!("{name} {number}");
        whole.extend_from_slice(part.as_bytes());
        let patch = with_length("PATCH", &location, &[line], part.as_bytes());
        let reply = conn.ask(patch).await;
        assert_eq!(reply.status, 202, "{offset} {name}: {reply:?}");
        location = reply.header("location").to_owned();
        let status = conn.ask(request("GET", &location, &[line], b"")).await;
        assert_eq!(status.status, 204, "{offset} {name}");
    }
    let path = format!("{location}&digest={}", digest(&whole));
    let done = conn
        .ask(request("PUT", &path, &[line, "Content-Length: 0"], b""))
        .await;
    assert_eq!(done.status, 201, "{name}: {done:?}");
}

#[tokio::test]
async fn a_clock_that_is_set_breaks_no_push() {
    let harbor = fake_harbor().await;
    let directory = TempDir::new().expect("a directory");
    let (world, clock) = world(harbor.origin().to_string(), &directory);
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    push_while(&clock, &mut conn, &token, true, "with its token").await;
    push_while(&clock, &mut conn, &token, false, "by its ticket").await;
    for offset in ["+1d", "-1d", "+0"] {
        clock.set(offset);
        // New connections, with handshakes and timeouts of their own; new logins; whole pushes.
        for mut conn in [world.https().await, world.http().await] {
            let token = bearer(&mut conn).await;
            let location = begin(&mut conn, &token).await;
            let content = format!("whole {offset}");
            let done = commit(&mut conn, &token, &location, content.as_bytes()).await;
            assert_eq!(done.status, 201, "{offset}: {done:?}");
        }
        let wrong = get("/v2/", &["Authorization: Basic YWxpY2U6d3Jvbmc="]);
        assert_eq!(conn.ask(wrong).await.status, 401, "{offset}");
        assert_eq!(
            conn.ask(get("/v2/", &[&alice()])).await.status,
            200,
            "{offset}"
        );
        // Probes go on, and the process believes itself alive.
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(
            world.gateway.metric("harbormouth_upstream_healthy", &[]),
            1.0
        );
        assert_eq!(world.gateway.admin_page("/livez"), "alive\n");
    }
    let open = world.gateway.metric("harbormouth_uploads_open", &[]);
    assert_eq!(open, 0.0);
    let bad = world
        .gateway
        .metric("harbormouth_push_requests_total", &[("quality", "bad")]);
    assert_eq!(bad, 0.0, "{}", world.gateway.stderr());
    assert!(world.gateway.terminate(Duration::from_secs(10)).success());
}
