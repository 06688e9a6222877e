//! No file descriptors left: requests fail with the gateway's own fault, log and metrics show it, and
//! the gateway recovers.

use crate::client::{Conn, get};
use crate::client_h2::{H2, reply, request};
use crate::common::gateway::Gateway;
use crate::common::plain_http::ask;
use crate::common::process::run;
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup, World, connect, until};
use std::process::Command;
use std::time::Duration;
use tokio::net::TcpStream;

const FEW: usize = 160;

fn few_descriptors(harbor: &Harbor) -> World {
    let mut setup = Setup::new(harbor.url()).registry(|registry| registry.interval = "100ms");
    setup.within = vec!["prlimit".into(), format!("--nofile={FEW}:{FEW}")];
    setup.start()
}

/// Many requests at once, each of which needs a connection to Harbor of its own.
async fn many(h2: &mut H2) -> Vec<u16> {
    let mut asked = Vec::new();
    for number in 0..120 {
        let slow = request("GET", &format!("/v2/lab/slow{number}/tags/list"), &[]);
        asked.push(h2.open(slow, true).await.0);
    }
    let mut statuses = Vec::new();
    for response in asked {
        statuses.push(reply(response).await.expect("an answer").status);
    }
    statuses
}

#[tokio::test]
async fn no_socket_for_harbor_is_not_harbors_fault() {
    let slow = |got: &Got| {
        let seconds = u64::from(got.line().contains("slow")) * 2;
        Plan::ok("fine").pause(Duration::from_secs(seconds))
    };
    let harbor = Harbor::start(slow).await;
    let world = few_descriptors(&harbor);
    let mut h2 = world.h2().await;
    let mut second = world.h2().await;
    let (one, other) = tokio::join!(many(&mut h2), many(&mut second));
    let statuses = [one, other].concat();
    let count = |status| statuses.iter().filter(|other| **other == status).count();
    assert_eq!(count(200) + count(503), 240, "{statuses:?}");
    assert!(count(200) > 20 && count(503) > 20, "{statuses:?}");
    let labels = [
        ("reason", "no_socket"),
        ("fault", "gateway"),
        ("outcome", "failed"),
    ];
    let failures = world
        .gateway
        .metric("harbormouth_request_failures_total", &labels);
    assert_eq!(failures as usize, count(503));
    let causes = "harbormouth_upstream_errors_total";
    assert_eq!(
        world.gateway.metric(causes, &[("cause", "no_socket")]) as usize,
        count(503)
    );
    let log = world.gateway.stderr();
    let healthy = world.gateway.metric("harbormouth_upstream_healthy", &[]);
    assert_eq!(healthy, 1.0, "{log}");
    let told = log.matches("no connection to Harbor can be opened").count();
    assert_eq!(told, 1, "{log}");
    assert!(!log.contains("is unhealthy"), "{log}");
    // It passes.
    let answer = h2.ask(request("GET", "/v2/", &[])).await;
    assert_eq!(answer.expect("an answer").status, 200);
}

#[tokio::test]
async fn clients_wait_and_the_operator_does_not_when_none_are_left() {
    let never = |got: &Got| {
        let seconds = u64::from(got.line().contains("slow")) * 600;
        Plan::ok("fine").pause(Duration::from_secs(seconds))
    };
    let harbor = Harbor::start(never).await;
    let world = few_descriptors(&harbor);
    let mut using = Vec::new();
    let mut asked = Vec::new();
    for _ in 0..2 {
        let mut h2 = world.h2().await;
        for number in 0..100 {
            let slow = request("GET", &format!("/v2/lab/slow{number}/tags/list"), &[]);
            asked.push(h2.open(slow, true).await);
        }
        using.push(h2);
    }
    until("all descriptors in use", || {
        let open = std::fs::read_dir(format!("/proc/{}/fd", world.gateway.pid()));
        (open.ok()?.count() >= FEW).then_some(())
    })
    .await;
    // The system takes them; they are accepted when there is a descriptor.
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(TcpStream::connect(world.plain()).await.expect("connect"));
    }
    let admin = world.gateway.admin.expect("admin");
    until("pauses", || {
        let page = ask(admin, "GET", "/metrics", &[]);
        let family = "harbormouth_accept_pauses_total{";
        let mut of_family = page.body.lines().filter(|line| line.starts_with(family));
        of_family.any(|line| !line.ends_with(" 0")).then_some(())
    })
    .await;
    assert_eq!(ask(admin, "GET", "/livez", &[]).status, 200);
    let log = world.gateway.stderr();
    let told = log.matches("no connection can be accepted").count();
    assert_eq!(told, 1, "{log}");
    drop((asked, using));
    for socket in waiting {
        let mut conn = Conn::new(socket);
        assert_eq!(conn.ask(get("/v2/", &[])).await.status, 200);
    }
}

#[tokio::test]
async fn more_clients_than_there_are_descriptors_for_is_said_and_not_tried() {
    let harbor = Harbor::content().await;
    let world = few_descriptors(&harbor);
    let warning = world
        .logged(&["warn", "limits.connections", "this process may have 160"])
        .await;
    assert!(warning.contains("it takes 20 clients at most"), "{warning}");
    let mut open = Vec::new();
    for _ in 0..20 {
        open.push(connect(world.plain()).await);
    }
    let over = connect(world.plain()).await;
    world
        .metric_becomes(
            "harbormouth_connections_refused_total",
            &[("reason", "connections")],
            1.0,
        )
        .await;
    drop((open, over));
    // `check` says the same before anything is started.
    let file = tempfile::NamedTempFile::with_suffix(".yaml").expect("a file");
    std::fs::write(file.path(), &world.yaml).expect("the configuration");
    let mut check = Command::new("prlimit");
    check.arg(format!("--nofile={FEW}:{FEW}"));
    check.arg(Gateway::command().get_program());
    check.args(["check", "--config"]).arg(file.path());
    let checked = run(check, PATIENCE);
    assert!(checked.succeeded(), "{}", checked.output());
    for part in ["warning: limits.connections", "it takes 20 clients at most"] {
        assert!(checked.stderr.contains(part), "{}", checked.stderr);
    }
    assert!(
        checked.stdout.contains("connections: 16384"),
        "{}",
        checked.stdout
    );
}
