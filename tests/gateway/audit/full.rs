//! Lines that nobody takes: what would be audited waits and is refused, or lines are dropped and counted;
//! everything else goes on.

use super::said;
use crate::client::{Conn, get};
use crate::common::process::must;
use crate::common::tools;
use crate::common::wait;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup, World, until};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use tempfile::TempDir;

const LINES: &str = "harbormouth_audit_lines_total";
const FAILURES: &str = "harbormouth_request_failures_total";

/// A named pipe whose reader, who holds both ends, reads nothing.
fn pipe(folder: &Path) -> (PathBuf, File) {
    let path = folder.join("pipe");
    let mut command = Command::new("mkfifo");
    command.arg(&path);
    must(command);
    let options = OpenOptions::new().read(true).write(true).open(&path);
    (path, options.expect("open the pipe"))
}

async fn harbor() -> Harbor {
    Harbor::start(|_: &Got| Plan::status("200 OK", "", "{}")).await
}

fn world(harbor: &Harbor, file: &Path, on_full: &str) -> World {
    let mut setup = Setup::new(harbor.url());
    setup.top = said(file, on_full);
    setup.start()
}

/// A pull with names as long as they may be: some 1,100 bytes of a line.
fn pull(number: usize) -> Vec<u8> {
    let (long, tag) = ("a".repeat(249), "t".repeat(240));
    get(&format!("/v2/lab/{long}/manifests/{tag}{number}"), &[])
}

/// Pulls until one isn't served; how many were.
async fn pulls_until_it_is_full(conn: &mut Conn) -> usize {
    for number in 0..10_000 {
        let reply = conn.ask(pull(number)).await;
        if reply.status != 200 {
            assert_eq!(reply.status, 429, "{reply:?}");
            assert_eq!(reply.header("retry-after"), "5");
            let (code, message) = reply.oci_error();
            assert_eq!(code, "TOOMANYREQUESTS");
            assert!(message.contains("writes down what is pushed"), "{message}");
            return number;
        }
    }
    panic!("it is never full");
}

fn read(held: File) -> Receiver<String> {
    let (lines, read) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(held).lines().map_while(Result::ok) {
            // The test may have seen enough.
            let _ = lines.send(line);
        }
    });
    read
}

#[tokio::test]
async fn nothing_is_done_that_could_not_be_written_down() {
    let harbor = harbor().await;
    let folder = TempDir::new().expect("a folder");
    let (file, held) = pipe(folder.path());
    let world = world(&harbor, &file, "block");
    let mut conn = world.http().await;
    let served = pulls_until_it_is_full(&mut conn).await;
    assert!(served > 3000, "{served}");
    let asked = harbor.got_with("/manifests/").len();
    assert_eq!(asked, served, "what was refused didn't go to Harbor");
    // Requests that wait hold up nobody: neither on this worker, nor what isn't audited.
    let (mut waits, mut also) = (world.http().await, world.http().await);
    let (waiting, _) = tokio::join!(waits.ask(pull(0)), async {
        for _ in 0..100 {
            let layer = also.ask(get("/v2/lab/app/blobs/sha256:aa", &[])).await;
            assert_eq!(layer.status, 200);
        }
    });
    assert_eq!(waiting.status, 429);
    let reason = [("registry", "hq"), ("reason", "audit_full")];
    world.metric_becomes(FAILURES, &reason, 2.0).await;
    assert!(world.gateway.metric("harbormouth_audit_waiting_bytes", &[]) >= f64::from(4 << 20));
    // One who waits goes on as soon as somebody reads.
    let (waited, lines) = tokio::join!(conn.ask(pull(1)), async { read(held) });
    assert_eq!(waited.status, 200);
    world
        .metric_becomes(LINES, &[("result", "written")], (served + 1) as f64)
        .await;
    let read: Vec<String> = lines.try_iter().collect();
    assert!(read.len() > served / 2, "{}", read.len());
    for line in read {
        super::read(&line);
    }
    assert_eq!(world.gateway.metric(LINES, &[("result", "dropped")]), 0.0);
}

/// Nobody is told no by a rule without a line that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_waits_for_room_as_well() {
    let harbor = harbor().await;
    let folder = TempDir::new().expect("a folder");
    let (file, held) = pipe(folder.path());
    let mut setup = Setup::new(harbor.url());
    setup.top = said(&file, "block");
    setup.program = Some(tools::examples().join("probe"));
    let world = setup.start();
    let mut conn = world.http().await;
    let served = pulls_until_it_is_full(&mut conn).await;
    let denied = || get("/v2/lab/deny/blobs/sha256:aa", &[]);
    let full = conn.ask(denied()).await;
    assert_eq!(full.status, 429, "{full:?}");
    assert!(full.oci_error().1.contains("writes down"), "{full:?}");
    let lines = read(held);
    let written = served as f64;
    world
        .metric_becomes(LINES, &[("result", "written")], written)
        .await;
    assert_eq!(conn.ask(denied()).await.status, 403);
    wait::until("its line", PATIENCE, || {
        lines.try_iter().find(|line| line.contains("\"denial\""))
    });
}

#[tokio::test]
async fn lines_that_are_dropped_are_counted_and_nobody_waits() {
    let harbor = harbor().await;
    let folder = TempDir::new().expect("a folder");
    let (file, held) = pipe(folder.path());
    let world = world(&harbor, &file, "drop");
    let mut conn = world.http().await;
    let all = 8000;
    for number in 0..all {
        assert_eq!(conn.ask(pull(number)).await.status, 200);
    }
    world.logged(&["audit: lines are dropped"]).await;
    let lines = read(held);
    let count = |result| world.gateway.metric(LINES, &[("result", result)]);
    until("the rest", || {
        let (written, dropped) = (count("written"), count("dropped"));
        ((written + dropped - all as f64).abs() < 0.5 && dropped > 100.0).then_some(())
    })
    .await;
    let first = wait::until("a line", PATIENCE, || lines.try_iter().next());
    super::read(&first);
}

/// It says why to whoever asks, and keeps lines until there is room.
#[tokio::test]
async fn a_full_disk_is_told_and_its_lines_are_kept() {
    let harbor = harbor().await;
    let world = world(&harbor, Path::new("/dev/full"), "block");
    let mut conn = world.http().await;
    assert_eq!(conn.ask(pull(0)).await.status, 200);
    world
        .logged(&[
            "audit: /dev/full can't be written to: No space left",
            "kept and tried again",
        ])
        .await;
    let ready: serde_json::Value =
        serde_json::from_str(&world.gateway.admin_page("/readyz")).expect("JSON");
    let audit = &ready["audit"];
    assert_eq!(audit["file"], "/dev/full");
    assert!(audit["waiting_bytes"].as_u64() > Some(500), "{ready}");
    assert!(
        audit["problem"].to_string().contains("No space left"),
        "{ready}"
    );
    until("another try", || {
        let errors = world.gateway.metric("harbormouth_audit_errors_total", &[]);
        (errors >= 2.0).then_some(())
    })
    .await;
    assert_eq!(world.gateway.metric(LINES, &[]), 0.0);
    // It doesn't keep the process from ending, and what is lost then is said.
    let stderr = world.gateway.stderr();
    assert!(!stderr.contains("are lost"), "{stderr}");
    world.gateway.signal("TERM");
    world
        .logged(&["audit: ", "bytes of lines are lost", "/dev/full"])
        .await;
    assert!(world.gateway.terminate(PATIENCE).success());
}
