//! If nobody reads the log, or it can't be written, lines are lost and counted, and nothing else fails.

use crate::client::{Conn, get};
use crate::common::plain_http::ask;
use crate::common::process::must;
use crate::common::wait;
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup, World, until};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const DROPPED: &str = "harbormouth_log_lines_dropped_total";

/// Makes a named pipe.
fn pipe(directory: &Path) -> PathBuf {
    let path = directory.join("pipe");
    let mut command = Command::new("mkfifo");
    command.arg(&path);
    must(command);
    path
}

/// Both ends, so that neither opening nor writing finds nobody.
fn hold(pipe: &Path) -> File {
    let options = OpenOptions::new().read(true).write(true).open(pipe);
    options.expect("open the pipe")
}

/// What runs the gateway with a descriptor on this file.
fn redirected(descriptor: u8, file: &Path) -> Vec<String> {
    let script = format!("exec \"$0\" \"$@\" {descriptor}>{}", file.display());
    ["sh", "-c", &script].map(str::to_owned).into()
}

fn world_with_log(harbor: &Harbor, file: &Path) -> World {
    let mut setup = Setup::new(harbor.url());
    setup.within = redirected(2, file);
    setup.start()
}

/// A path that makes a record of more than 1 KiB, which is what it shows of one.
fn long(folder: &str) -> String {
    format!("/v2/lab/{folder}/tags/list?n={}", "1".repeat(1200))
}

/// More than a pipe (64 KiB) and the log's queue hold: 4 MiB of records of requests that end well,
/// and 1 MiB of others.
async fn fill_the_log(conn: &mut Conn) {
    for (path, times, status) in [
        (long("app"), 4200, 200),
        ("/v2/lab/x%252fy".to_owned() + &long("app"), 1100, 400),
    ] {
        for _ in 0..times {
            assert_eq!(conn.ask(get(&path, &[])).await.status, status);
        }
    }
}

fn is_alive(world: &World) {
    let live = ask(world.gateway.admin.expect("admin"), "GET", "/livez", &[]);
    assert_eq!(live.status, 200);
}

#[tokio::test]
async fn nobody_waits_for_a_log_that_nobody_reads() {
    let harbor = Harbor::content().await;
    let directory = TempDir::new().expect("a directory");
    let pipe = pipe(directory.path());
    let held = hold(&pipe);
    let world = world_with_log(&harbor, &pipe);
    let mut conn = world.http().await;
    fill_the_log(&mut conn).await;
    // They go on, and what the gateway itself has to say still has room.
    for _ in 0..2000 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
    is_alive(&world);
    let dropped = |kind| world.gateway.metric(DROPPED, &[("kind", kind)]);
    let [access, failure, message] = ["access", "failure", "message"].map(dropped);
    assert!(access > 2000.0 && failure > 10.0, "{access} {failure}");
    assert!(message < 0.5, "{message}");
    // Whoever reads again is told what is missing.
    let reader = BufReader::new(held);
    let (lines, read) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in reader.lines().map_while(Result::ok) {
            // The test may have seen enough.
            let _ = lines.send(line);
        }
    });
    let told = wait::until("what is missing", PATIENCE, || {
        read.try_iter().find(|line| line.contains("missing here"))
    });
    // The last of them were written down after their answers: now they are all counted.
    let [access, failure] = ["access", "failure"].map(dropped);
    for part in [
        format!("{access} access records"),
        format!("{failure} of others"),
        "too slow".to_owned(),
    ] {
        assert!(told.contains(&part), "{told}");
    }
    // And it is a log again.
    assert_eq!(conn.ask(get("/v2/again/tags/list", &[])).await.status, 200);
    wait::until("the next record", PATIENCE, || {
        read.try_iter().find(|line| line.contains("/v2/again"))
    });
}

#[tokio::test]
async fn a_log_that_nobody_reads_keeps_nobody_from_ending_it() {
    let harbor = Harbor::content().await;
    for signal in ["TERM", "INT"] {
        let directory = TempDir::new().expect("a directory");
        let pipe = pipe(directory.path());
        let _held = hold(&pipe);
        let mut world = world_with_log(&harbor, &pipe);
        let mut conn = world.http().await;
        for _ in 0..200 {
            assert_eq!(conn.ask(get(&long("app"), &[])).await.status, 200);
        }
        drop(conn);
        let began = Instant::now();
        world.gateway.signal(signal);
        let status = until("its end", || world.gateway.ended()).await;
        assert!(status.success(), "{status:?}");
        assert!(began.elapsed() < Duration::from_secs(8), "{signal}");
    }
}

/// Where it listens is said by a thread of its own.
#[tokio::test]
async fn standard_output_that_nobody_reads_keeps_nobody_from_ending_it() {
    let harbor = Harbor::content().await;
    let directory = TempDir::new().expect("a directory");
    let pipe = pipe(directory.path());
    let mut held = hold(&pipe);
    let full = [b'x'; 64 << 10];
    std::io::Write::write_all(&mut held, &full).expect("fill the pipe");
    let mut command = Command::new("sh");
    let script = redirected(1, &pipe);
    command.args(&script[1..]);
    command.arg(crate::common::gateway::Gateway::command().get_program());
    command.args(["serve", "--public", "http://hub.example.com"]);
    command.args(["--upstream", &harbor.url()]);
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut process = crate::common::process::Process::start("harbormouth", command);
    // It listens by then.
    until("the thread that says so", || {
        let threads = std::fs::read_dir(format!("/proc/{}/task", process.pid())).ok()?;
        let name = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("comm"));
        let mut names = threads.flatten().filter_map(|thread| name(thread).ok());
        names.any(|name| name == "announce\n").then_some(())
    })
    .await;
    assert!(process.terminate(Duration::from_secs(8)).success());
}

#[tokio::test]
async fn a_full_disk_costs_lines_and_no_request() {
    let harbor = Harbor::content().await;
    let world = world_with_log(&harbor, Path::new("/dev/full"));
    let mut conn = world.http().await;
    for _ in 0..300 {
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
    // Each one is counted, once it was tried.
    world
        .metric_becomes(DROPPED, &[("kind", "access")], 300.0)
        .await;
    is_alive(&world);
    assert!(world.gateway.terminate(PATIENCE).success());
}

#[tokio::test]
async fn a_reader_that_went_is_missed_until_the_next_one_comes() {
    let harbor = Harbor::content().await;
    let directory = TempDir::new().expect("a directory");
    let pipe = pipe(directory.path());
    let held = hold(&pipe);
    let world = world_with_log(&harbor, &pipe);
    drop(held);
    let mut conn = world.http().await;
    assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    world
        .metric_becomes(DROPPED, &[("kind", "access")], 1.0)
        .await;
    let reader = BufReader::new(hold(&pipe));
    assert_eq!(conn.ask(get("/v2/again/tags/list", &[])).await.status, 200);
    // What the pipe still holds comes first.
    let lines = reader.lines().map_while(Result::ok);
    let mut lines = lines.skip_while(|line| !line.contains("/v2/again"));
    assert!(lines.next().is_some());
    let told = lines.next().expect("one more line");
    for part in ["1 access records", "Broken pipe"] {
        assert!(told.contains(part), "{told}");
    }
}
