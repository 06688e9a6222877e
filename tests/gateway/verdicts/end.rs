//! Requests that the gateway's shutdown cuts. The counters end with the process, so the tests read the
//! access record.

use super::Row;
use super::proof::recorded;
use super::scene::{BLOB, COMMIT, TOKEN, UPLOAD, bodyless, headers, id, whole};
use crate::client::request;
use crate::client_h2::{push, request as h2_request};
use crate::common::process::is_running;
use crate::harbor::{Got, Harbor, Plan};
use crate::life::terminate;
use crate::setup::{Setup, World, until};
use bytes::Bytes;
use std::time::{Duration, Instant};

rows! {
    upload_cut UploadChunk 0 Drained;
    upload_cut_over_http2 UploadCommit 0 Drained;
    silent_commit_cut UploadCommit 0 Drained;
    download_cut BlobGet 200 Drained;
}

const DRAIN: Duration = Duration::from_millis(700);

/// What a process takes to end once nothing holds it up.
const MARGIN: Duration = Duration::from_secs(2);

struct Scene {
    harbor: Harbor,
    world: World,
}

impl Scene {
    async fn new(plan: Plan) -> Scene {
        let harbor = Harbor::start(move |_: &Got| plan.clone()).await;
        let mut setup = Setup::new(harbor.url());
        setup.top = "drain: { timeout: 700ms }\n".into();
        let world = setup.start();
        Scene { harbor, world }
    }

    async fn arrived(&self, bytes: usize) {
        until("the request at Harbor", || {
            let got = self.harbor.got();
            got.iter().any(|got| got.body.len() >= bytes).then_some(())
        })
        .await;
    }

    /// The gateway ends in time and says what it cut.
    async fn is_cut(&self, row: &Row) -> String {
        let start = Instant::now();
        terminate(&self.world);
        let pid = self.world.gateway.pid();
        until("the end of the gateway", || {
            (!is_running(pid)).then_some(())
        })
        .await;
        let took = start.elapsed();
        assert!(
            took >= DRAIN.mul_f32(0.9) && took < DRAIN + MARGIN,
            "{took:?}"
        );
        recorded(&self.world, row, row.name).await
    }
}

fn silent() -> Plan {
    Plan::ok("late").pause(Duration::from_secs(600))
}

async fn upload_cut(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut conn = scene.world.http().await;
    let lines = [&id(row), TOKEN, "Content-Length: 20"];
    let asked = request("PATCH", UPLOAD, &lines, b"0123456789");
    conn.write(asked).await.expect("write");
    scene.arrived(10).await;
    let record = scene.is_cut(row).await;
    assert!(record.contains(" in=10 "), "{record}");
    assert!(conn.read(false).await.is_err());
}

async fn upload_cut_over_http2(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut h2 = scene.world.h2().await;
    let asked = h2_request("PUT", COMMIT, &headers(row));
    let (response, mut stream) = h2.open(asked, false).await;
    let piece = Bytes::from_static(b"0123456789");
    push(&mut stream, piece, false).await.expect("send");
    scene.arrived(10).await;
    let record = scene.is_cut(row).await;
    assert!(record.contains(" in=10 "), "{record}");
    assert!(crate::client_h2::reply(response).await.is_err());
}

async fn silent_commit_cut(row: &Row) {
    let scene = Scene::new(silent()).await;
    let mut conn = scene.world.http().await;
    let asked = whole(row, "PUT", COMMIT, b"content");
    conn.write(asked).await.expect("write");
    scene.arrived(7).await;
    scene.is_cut(row).await;
    assert!(conn.read(false).await.is_err());
}

async fn download_cut(row: &Row) {
    // More than the gateway gathers before it writes.
    let mut half = b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n".to_vec();
    half.resize(half.len() + 1_000_000, b'x');
    let scene = Scene::new(Plan::say(half).then_deaf()).await;
    let mut conn = scene.world.http().await;
    let asked = bodyless(row, "GET", BLOB);
    conn.write(asked).await.expect("write");
    let mut byte = [0];
    let read = tokio::io::AsyncReadExt::read(&mut conn.io, &mut byte).await;
    assert_eq!(read.expect("a byte"), 1);
    scene.is_cut(row).await;
}
