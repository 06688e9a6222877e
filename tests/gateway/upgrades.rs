//! SIGUSR2: another process takes over, and no client notices.

use crate::client::{get, request, with_length};
use crate::client_h2::request as h2_request;
use crate::common::plain_http;
use crate::common::process::{self, is_running};
use crate::life::refuses_connections;
use crate::push::{self, bearer, begin};
use crate::setup::{Setup, World, until};
use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, LocalSet, spawn_local};

const GOES_ON: &str = "this process goes on as before";

/// SIGUSR2 to the process that leads, and another one does.
async fn upgrade(world: &World) {
    let before = world.gateway.successors().len();
    process::signal("USR2", world.gateway.leader());
    let replaced = || (world.gateway.successors().len() > before).then_some(());
    until("another process to take over", replaced).await;
}

async fn have_ended(processes: &[u32]) {
    let gone = || (!processes.iter().any(|pid| is_running(*pid))).then_some(());
    until("the end of processes", gone).await;
}

/// SIGTERM to the one that leads, and all end.
async fn end(world: &World) {
    process::signal("TERM", world.gateway.leader());
    have_ended(&world.gateway.successors()).await;
    have_ended(&[world.gateway.pid()]).await;
}

/// What clients do until they are told to stop. One that is refused or cut panics.
#[derive(Clone)]
struct Load {
    world: Rc<World>,
    over: Rc<Cell<bool>>,
    done: Rc<Cell<usize>>,
}

impl Load {
    fn start(&self, turn: impl AsyncFn(&World) + 'static) -> JoinHandle<()> {
        let load = self.clone();
        spawn_local(async move {
            while !load.over.get() {
                turn(&load.world).await;
                load.done.set(load.done.get() + 1);
            }
        })
    }

    async fn goes_on(&self) {
        let enough = self.done.get() + 5;
        until("clients that go on", || {
            (self.done.get() > enough).then_some(())
        })
        .await;
    }
}

/// A layer in three requests on three connections. The last two have no Authorization: what stands in for
/// it was sealed by whoever led at the first.
async fn push_in_three(world: &World) {
    let token = bearer(&mut world.https().await).await;
    let location = begin(&mut world.https().await, &token).await;
    let layer = b"a layer".as_slice();
    let bare = "X-Nothing: here";
    let patch = with_length("PATCH", &location, &[bare], layer);
    let reply = world.https().await.ask(patch).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    let digest = harbormouth::testing::fake_harbor::content::digest(layer);
    let path = format!("{}&digest={digest}", reply.header("location"));
    let put = with_length("PUT", &path, &[bare], b"");
    let reply = world.https().await.ask(put).await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

async fn connect_and_ask(world: &World) {
    let reply = world.http().await.ask(get("/healthz", &[])).await;
    assert_eq!(reply.status, 200);
    let mut h2 = world.h2().await;
    let reply = h2.ask(h2_request("GET", "/v2/", &[])).await;
    assert_eq!(reply.expect("an answer").status, 401);
}

/// Keeps its connection for as long as it may. A balancer does so and must never hear that the address is
/// to be left.
async fn ask_and_keep(world: &World) {
    let mut conn = world.https().await;
    for _ in 0..200 {
        let reply = conn.ask(get("/healthz", &[])).await;
        assert_eq!(reply.status, 200);
        if reply.all("connection").contains(&"close") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn probe(world: &World) {
    let admin = world.gateway.admin.expect("admin");
    let asked = move || plain_http::ask(admin, "GET", "/readyz", &[]);
    let answer = tokio::task::spawn_blocking(asked).await.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.body);
    tokio::time::sleep(Duration::from_millis(10)).await;
}

#[tokio::test]
async fn twenty_upgrades_lose_nothing_and_refuse_nobody() {
    const UPGRADES: usize = 20;
    let harbor = push::fake_harbor().await;
    let world = Rc::new(Setup::new(harbor.origin()).start());
    let mut slow = world.http().await;
    let token = bearer(&mut slow).await;
    let location = begin(&mut slow, &token).await;
    let length = format!("Content-Length: {}", UPGRADES + 2);
    let patch = request("PATCH", &location, &[&length, &token], b".");
    slow.write(patch).await.expect("write");
    let load = Load {
        world: Rc::clone(&world),
        over: Rc::default(),
        done: Rc::default(),
    };
    let clients = async {
        let clients = [
            load.start(push_in_three),
            load.start(push_in_three),
            load.start(connect_and_ask),
            load.start(ask_and_keep),
            load.start(probe),
        ];
        for _ in 0..UPGRADES {
            upgrade(&world).await;
            slow.write(b".").await.expect("a piece");
            load.goes_on().await;
        }
        load.over.set(true);
        for client in clients {
            client.await.expect("a client that nothing happens to");
        }
    };
    LocalSet::new().run_until(clients).await;
    let first = world.gateway.pid();
    assert!(is_running(first), "it has an upload to finish");
    slow.write(b".").await.expect("the last piece");
    let reply = slow.answer().await;
    assert_eq!((reply.status, reply.header("connection")), (202, "close"));
    assert_eq!(reply.header("range"), format!("0-{}", UPGRADES + 1));
    println!("{UPGRADES} upgrades, {} turns of clients", load.done.get());
    // Nobody waits for old processes, and they end all the same.
    let successors = world.gateway.successors();
    let old = &successors[..UPGRADES - 1];
    have_ended(old).await;
    have_ended(&[first]).await;
    let failed = world
        .gateway
        .metric("harbormouth_upgrade_failures_total", &[]);
    assert!(failed.abs() < f64::EPSILON, "{failed}");
    end(&world).await;
    refuses_connections(&world).await;
}

#[tokio::test]
async fn a_new_process_that_does_not_start_changes_nothing() {
    let harbor = push::fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let kept = &mut world.https().await;
    assert_eq!(kept.ask(get("/v2/", &[])).await.status, 401);
    world.gateway.rewrite("nonsense");
    process::signal("USR2", world.gateway.pid());
    world
        .logged(&["ended before it was ready (exit status: 1)", GOES_ON])
        .await;
    world
        .metric_becomes("harbormouth_upgrade_failures_total", &[], 1.0)
        .await;
    assert_eq!(kept.ask(get("/v2/", &[])).await.status, 401);
    push_in_three(&world).await;
    assert_eq!(world.gateway.successors(), [0_u32; 0]);
    world.gateway.rewrite(&world.yaml);
    upgrade(&world).await;
    push_in_three(&world).await;
    end(&world).await;
}

/// Who stops the service stops the old process, too; its upload has drain.timeout from then on, and a
/// second signal ends it.
#[tokio::test]
async fn a_replaced_process_can_be_asked_to_end() {
    let harbor = push::fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.top = "drain: { timeout: 1s }\n".into();
    let world = setup.start();
    let first = world.gateway.pid();
    let mut slow = world.http().await;
    let token = bearer(&mut slow).await;
    let location = begin(&mut slow, &token).await;
    let patch = request("PATCH", &location, &["Content-Length: 20", &token], b".");
    slow.write(patch).await.expect("write");
    upgrade(&world).await;
    // Longer than drain.timeout, and a signal that has no meaning any more.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    process::signal("USR2", first);
    world.logged(&["this process ends already"]).await;
    assert!(is_running(first));
    process::signal("TERM", first);
    world
        .logged(&["SIGTERM: draining, drain.timeout at most"])
        .await;
    world.logged(&["drain.timeout: 1 requests are cut"]).await;
    have_ended(&[first]).await;
    push_in_three(&world).await;
    end(&world).await;
}

/// What a reload can't do: other listeners.
#[tokio::test]
async fn listeners_come_and_go_with_an_upgrade() {
    let harbor = push::fake_harbor().await;
    let mut setup = Setup::new(harbor.origin());
    setup.listeners = "  - address: 127.0.0.2:0\n".into();
    let world = setup.start();
    let gone = world.gateway.http[0];
    assert!(TcpStream::connect(gone).await.is_ok());
    let other = world.yaml.replace("127.0.0.2:0", "127.0.0.3:0");
    world.gateway.rewrite(&other);
    upgrade(&world).await;
    world
        .logged(&[&format!("{gone} is no listener's any more")])
        .await;
    until("the old listener to close", || {
        std::net::TcpStream::connect(gone).is_err().then_some(())
    })
    .await;
    push_in_three(&world).await;
    end(&world).await;
}
