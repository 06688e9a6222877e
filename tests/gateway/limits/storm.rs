//! What the defaults must hold: a thousand clients behind one address that push at once.

use crate::client::with_length;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{Setup, World};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

const CLIENTS: usize = 1000;
const TOKEN: &str = "Authorization: Bearer opaque";
const START: &str = "/v2/lab/app/blobs/uploads/";
const UPLOAD: &str = "/v2/lab/app/blobs/uploads/1?_state=x";
const COMMIT: &str = "/v2/lab/app/blobs/uploads/1?_state=x&digest=sha256:ab";

async fn push(world: Arc<World>, together: Arc<Barrier>) {
    let mut conn = world.http().await;
    together.wait().await;
    let layer = [b'x'; 20_000];
    for (method, path, body) in [
        ("POST", START, &[][..]),
        ("PATCH", UPLOAD, &layer[..]),
        ("PUT", COMMIT, &[][..]),
        ("PUT", "/v2/lab/app/manifests/v1", b"{}"),
    ] {
        let reply = conn.ask(with_length(method, path, &[TOKEN], body)).await;
        assert_eq!(reply.status, 200, "{method} {path}: {reply:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_clients_behind_one_address_push_at_once() {
    // A client's and Harbor's end of each.
    let most = rlimit::increase_nofile_limit(8192).expect("a limit of open files");
    assert!(
        most >= 4096,
        "4096 open files are needed, {most} are allowed"
    );
    let harbor = Harbor::start(|_: &Got| Plan::ok("fine")).await;
    let world = Arc::new(Setup::new(harbor.url()).start());
    let together = Arc::new(Barrier::new(CLIENTS));
    let began = Instant::now();
    let mut pushes = JoinSet::new();
    for _ in 0..CLIENTS {
        pushes.spawn(push(Arc::clone(&world), Arc::clone(&together)));
    }
    pushes.join_all().await;
    println!("{CLIENTS} pushes in {:.1?}", began.elapsed());
    let refused = world.gateway.metric(super::REFUSED, &[]);
    assert!(refused < 0.5, "{refused}");
    let failed = world
        .gateway
        .metric("harbormouth_request_failures_total", &[]);
    assert!(failed < 0.5, "{failed}");
    assert_eq!(harbor.got_with("PUT ").len(), CLIENTS * 2);
}
