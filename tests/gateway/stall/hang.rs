//! A thread that hangs is noticed and named, new connections avoid it, and after a limit the process
//! ends.
//!
//! The test makes a thread hang from outside: a tracer holds it in the system call with which it waits
//! for work.

use crate::client::{Conn, get, with_length};
use crate::common::plain_http::{Answer, ask};
use crate::common::process::Process;
use crate::common::process::is_running;
use crate::common::tools;
use crate::harbor::Harbor;
use crate::setup::{PATIENCE, Setup, World, until};
use std::os::unix::net::UnixDatagram;
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The status of a process that ended itself because a part of it hung.
const HUNG: i32 = 70;

/// Holds a thread of the gateway for as long as what this returns lives.
fn hang(world: &World, thread: &str) -> Process {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", world.gateway.pid()));
    let mut tasks = tasks.expect("its threads").flatten();
    // The first thread has the program's name.
    let wanted = if thread == "main" {
        "harbormouth"
    } else {
        thread
    };
    let named = |task: &std::fs::DirEntry| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim_end() == wanted)
    };
    let task = tasks.find(named).unwrap_or_else(|| panic!("no {thread}"));
    let mut command = Command::new(tools::path("strace"));
    command.args(["-qq", "-e", "trace=epoll_wait,epoll_pwait,epoll_pwait2"]);
    command.args([
        "-e",
        "inject=epoll_wait,epoll_pwait,epoll_pwait2:delay_enter=600s",
    ]);
    command.arg("-p").arg(task.file_name());
    Process::start("strace", command)
}

fn live(world: &World) -> Answer {
    ask(world.gateway.admin.expect("admin"), "GET", "/livez", &[])
}

/// How it ended. What is left of a process is kept from being cleared away by a tracer that holds one
/// of its threads.
async fn ended(mut world: World, held: Option<Process>) -> (ExitStatus, String) {
    let pid = world.gateway.pid();
    until("its end", || {
        let threads = std::fs::read_dir(format!("/proc/{pid}/task")).map(Iterator::count);
        // Nothing is left but the first thread, or that has ended.
        (threads.is_ok_and(|threads| threads == 1) || !is_running(pid)).then_some(())
    })
    .await;
    drop(held);
    let status = until("its end", || world.gateway.ended()).await;
    (status, world.gateway.stderr())
}

fn setup(harbor: &Harbor, silence: &str) -> Setup {
    let mut setup = Setup::new(harbor.url());
    setup.top = format!("liveness: {{ silence: {silence} }}\ndrain: {{ timeout: 300ms }}\n");
    setup
}

#[tokio::test]
async fn a_worker_that_hangs_is_named_and_gone_round_until_it_answers_again() {
    let harbor = Harbor::content().await;
    let place = tempfile::tempdir().expect("a directory");
    let socket = place.path().join("notify");
    let manager = UnixDatagram::bind(&socket).expect("a socket");
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    std::thread::spawn(move || {
        while manager.recv(&mut [0; 1024]).is_ok() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let mut setup = setup(&harbor, "9s");
    setup.threads = 2;
    let notify = format!("NOTIFY_SOCKET={}", socket.display());
    setup.within = vec!["env".into(), notify, "WATCHDOG_USEC=200000".into()];
    let world = setup.start();
    assert_eq!(live(&world).body, "alive\n");
    let responsive = |thread| {
        let family = "harbormouth_thread_responsive";
        world.gateway.metric(family, &[("thread", thread)])
    };
    for thread in ["main", "accept", "admin", "worker-0", "worker-1"] {
        assert_eq!(responsive(thread), 1.0, "{thread}");
    }
    let held = hang(&world, "worker-0");
    let said = until("/livez to say so", || {
        let answer = live(&world);
        (answer.status == 503).then_some(answer.body)
    })
    .await;
    assert_eq!(said, "not answering: worker-0\n");
    world
        .logged(&["error", "thread worker-0 has not answered"])
        .await;
    assert_eq!((responsive("worker-0"), responsive("worker-1")), (0.0, 1.0));
    // The service manager's watchdog hears nothing more.
    let before = heard.load(Ordering::Relaxed);
    assert!(before > 3, "{before}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    // One may have been on its way.
    let after = heard.load(Ordering::Relaxed);
    assert!(after <= before + 1, "it says that it is alive");
    // Who comes now is served by the other one, though it has more connections.
    let mut conns: Vec<Conn> = Vec::new();
    for _ in 0..10 {
        let mut conn = world.http().await;
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
        conns.push(conn);
    }
    drop(held);
    world
        .logged(&["warn", "thread worker-0 answers again"])
        .await;
    assert_eq!(live(&world).status, 200);
    assert_eq!(responsive("worker-0"), 1.0);
    assert!(world.gateway.terminate(PATIENCE).success());
}

#[tokio::test]
async fn a_thread_that_hangs_for_good_ends_the_process() {
    let harbor = Harbor::content().await;
    let held: Vec<_> = ["worker-0", "accept", "admin", "main"]
        .into_iter()
        .map(|thread| {
            let world = setup(&harbor, "2s").start();
            let held = hang(&world, thread);
            (thread, held, world)
        })
        .collect();
    for (thread, held, world) in held {
        let (status, log) = ended(world, Some(held)).await;
        assert_eq!(status.code(), Some(HUNG), "{thread}\n{log}");
        let line = format!("thread {thread} has not answered for 2.0 s (liveness.silence)");
        assert!(log.contains(&line), "{log}");
    }
}

#[tokio::test]
async fn signals_end_it_in_bounded_time_whatever_hangs() {
    let harbor = Harbor::content().await;
    let upload = "/v2/lab/app/blobs/uploads/1?_state=x";
    let mut all = Vec::new();
    for (signal, thread, twice, code) in [
        ("TERM", "worker-0", false, 0),
        ("QUIT", "worker-0", false, 0),
        ("TERM", "admin", false, 0),
        ("TERM", "accept", true, 0),
        ("QUIT", "main", true, HUNG),
    ] {
        let world = setup(&harbor, "60s").start();
        // Something is under way.
        let mut conn = world.http().await;
        let whole = with_length("PATCH", upload, &[], b"0123456789");
        conn.write(&whole[..whole.len() - 1]).await.expect("write");
        let part = || (!harbor.got_with("uploads").is_empty()).then_some(());
        until("an upload", part).await;
        all.push((
            signal,
            thread,
            twice,
            code,
            hang(&world, thread),
            world,
            conn,
        ));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let began = Instant::now();
    for (signal, _, twice, _, _, world, _) in &all {
        world.gateway.signal(signal);
        if *twice {
            tokio::time::sleep(Duration::from_millis(100)).await;
            world.gateway.signal(signal);
        }
    }
    for (signal, thread, _, code, held, world, conn) in all {
        let (status, log) = ended(world, Some(held)).await;
        let took = began.elapsed();
        assert!(
            took < Duration::from_secs(15),
            "{signal} {thread}: {took:?}"
        );
        assert_eq!(status.code(), Some(code), "{signal} {thread}\n{log}");
        drop(conn);
    }
}

/// As nginx has it, and images whose STOPSIGNAL it is.
#[tokio::test]
async fn sigquit_drains() {
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.http().await;
    let upload = with_length(
        "PATCH",
        "/v2/lab/app/blobs/uploads/1?_state=x",
        &[],
        b"0123456789",
    );
    let (first, rest) = upload.split_at(upload.len() - 5);
    conn.write(first).await.expect("write");
    until("an upload", || {
        (!harbor.got_with("uploads").is_empty()).then_some(())
    })
    .await;
    world.gateway.signal("QUIT");
    world.logged(&["SIGQUIT: draining"]).await;
    conn.write(rest).await.expect("the rest");
    assert_eq!(conn.answer().await.status, 200);
    let (status, log) = ended(world, None).await;
    assert!(status.success(), "{status:?}\n{log}");
}
