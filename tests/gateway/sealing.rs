//! Sealing keys of running gateways: shared by replicas, rotated without losing an upload, and
//! shown.

use crate::client::Conn;
use crate::push::{self, bearer, begin, commit};
use crate::setup::{Setup, World, until};
use harbormouth::testing::fake_harbor::FakeHarbor;
use harbormouth::tickets::SealingKey;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const BARE: &str = "X-Nothing: here";

/// Key files that several gateways read.
struct Keys {
    directory: TempDir,
}

impl Keys {
    fn new(current: u8, previous: u8) -> Keys {
        let keys = Keys {
            directory: TempDir::new().expect("a directory"),
        };
        keys.write(current, previous);
        keys
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, current: u8, previous: u8) {
        for (name, key) in [("current", current), ("previous", previous)] {
            let text = SealingKey::new([key; 32]).write();
            std::fs::write(self.file(name), text.as_bytes()).expect("write a key");
        }
    }

    fn start(&self, harbor: &FakeHarbor) -> World {
        Setup {
            top: format!(
                "reattach: {{ keys: {{ current: {}, previous: [{}] }} }}\n",
                self.file("current").display(),
                self.file("previous").display()
            ),
            ..Setup::new(harbor.origin())
        }
        .start()
    }
}

fn id(key: u8) -> String {
    SealingKey::new([key; 32]).id().to_string()
}

fn hang_up(world: &World) {
    let pid = world.gateway.pid().to_string();
    let sent = Command::new("kill").args(["-HUP", &pid]).status();
    assert!(sent.expect("run kill").success());
}

/// SIGHUP, and waits until it has been heard for the `times`-th time.
async fn reload(world: &World, times: usize) {
    hang_up(world);
    until("the keys to be read again", || {
        let log = world.gateway.stderr();
        (log.matches("the configuration was read again").count() == times).then_some(())
    })
    .await;
}

fn shows(world: &World, key: u8) {
    let metrics = world.gateway.metrics();
    let lines: Vec<_> = metrics
        .lines()
        .filter(|line| line.starts_with("harbormouth_sealing_key_info{"))
        .collect();
    let expected = format!(
        "harbormouth_sealing_key_info{{key_id=\"{}\",registry=\"hq\"}} 1",
        id(key)
    );
    assert_eq!(lines, [expected]);
}

#[tokio::test]
async fn any_replica_with_the_key_goes_on_with_an_upload() {
    let harbor = push::fake_harbor().await;
    let keys = Keys::new(1, 2);
    let (one, two) = (keys.start(&harbor), keys.start(&harbor));
    let mut first = one.https().await;
    let token = bearer(&mut first).await;
    let location = begin(&mut first, &token).await;
    drop(first);
    assert!(one.gateway.terminate(crate::setup::PATIENCE).success());
    let reply = commit(&mut two.https().await, BARE, &location, b"x").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    // One with a key of its own doesn't.
    let other = Keys::new(3, 4).start(&harbor);
    let location = begin(&mut two.https().await, &token).await;
    let reply = commit(&mut other.https().await, BARE, &location, b"x").await;
    assert_eq!(reply.status, 401);
    let labels = [("reason", "unknown_key")];
    let family = "harbormouth_tickets_refused_total";
    assert_eq!(other.gateway.metric(family, &labels), 1.0);
}

/// Accept-only, promote, drop: at each moment some replica is a step behind.
#[tokio::test]
async fn a_key_is_rotated_without_losing_an_upload() {
    let harbor = push::fake_harbor().await;
    let keys = [Keys::new(1, 9), Keys::new(1, 9)];
    let (one, two) = (keys[0].start(&harbor), keys[1].start(&harbor));
    let mut conns: [Conn; 2] = [one.https().await, two.https().await];
    let token = bearer(&mut conns[0]).await;
    let mut reloads = 0;
    for (current, previous) in [(1, 2), (2, 1), (2, 9)] {
        reloads += 1;
        // One replica is ahead: what either begins, the other goes on with. But for the last step,
        // before which the old key's uploads are done.
        keys[0].write(current, previous);
        reload(&one, reloads).await;
        pushes(&mut conns, &token).await;
        keys[1].write(current, previous);
        reload(&two, reloads).await;
        pushes(&mut conns, &token).await;
        shows(&one, current);
        shows(&two, current);
    }
}

/// A push that begins here and ends there, both ways round.
async fn pushes([one, two]: &mut [Conn; 2], token: &str) {
    let location = begin(one, token).await;
    assert_eq!(commit(two, BARE, &location, b"x").await.status, 201);
    let location = begin(two, token).await;
    assert_eq!(commit(one, BARE, &location, b"x").await.status, 201);
}

#[tokio::test]
async fn a_wrong_key_file_changes_nothing() {
    let harbor = push::fake_harbor().await;
    let keys = Keys::new(1, 2);
    let world = keys.start(&harbor);
    std::fs::write(keys.file("current"), "-----BEGIN PRIVATE KEY-----").expect("write");
    hang_up(&world);
    let line = world.logged(&["SIGHUP", "nothing changes"]).await;
    assert!(!line.contains("BEGIN"), "{line}");
    let log = world.gateway.stderr();
    assert!(log.contains("reattach.keys.current"), "{log}");
    shows(&world, 1);
}

#[tokio::test]
async fn without_keys_a_random_one_is_made_and_said_so_once() {
    let harbor = push::fake_harbor().await;
    let mut second = crate::setup::Registry::new("branch", harbor.origin());
    second.public = vec!["https://branch.example.com"];
    let first = crate::setup::Registry::new("hq", harbor.origin());
    let world = Setup::of(vec![first, second]).start();
    let line = world.logged(&["no reattach.keys for hq, branch"]).await;
    for word in ["random", "restart", "replica", "harbormouth keygen"] {
        assert!(line.contains(word), "{word}: {line}");
    }
    let log = world.gateway.stderr();
    assert_eq!(log.matches("no reattach.keys").count(), 1, "{log}");
    // A reload keeps it.
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    reload(&world, 1).await;
    assert_eq!(commit(&mut conn, BARE, &location, b"x").await.status, 201);
}
