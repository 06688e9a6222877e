//! The audit log's file: made, rotated, replaced, torn, or not there.

use super::{Audited, audited, lines_of, said};
use crate::client::{Conn, get};
use crate::common::gateway::Gateway;
use crate::common::process::{Process, run};
use crate::harbor::{Got, Harbor, Plan};
use crate::setup::{PATIENCE, Setup, World, until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

const READ: &str = "the configuration was read again";

async fn harbor() -> Harbor {
    Harbor::start(|_: &Got| Plan::status("200 OK", "", "{}")).await
}

async fn pull(conn: &mut Conn, tag: &str) {
    let path = format!("/v2/lab/app/manifests/{tag}");
    assert_eq!(conn.ask(get(&path, &[])).await.status, 200);
}

fn tags(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .filter_map(|line| line["tag"].as_str())
        .collect()
}

/// Whether the process has a thread that writes audit lines.
fn has_thread(world: &World) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", world.gateway.pid())).expect("threads");
    let names = tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    names.into_iter().any(|name| name == "audit\n")
}

#[tokio::test]
async fn a_rotated_log_goes_on_in_a_new_file_at_sighup() {
    let harbor = harbor().await;
    let audited = audited(Setup::new(harbor.url()), "block");
    let mut conn = audited.world.http().await;
    pull(&mut conn, "v1").await;
    audited.lines(1).await;
    let (file, rotated) = (audited.file(), audited.folder.path().join("audit.jsonl.1"));
    fs::rename(&file, &rotated).expect("rotate");
    // Until it is told.
    pull(&mut conn, "v2").await;
    assert_eq!(tags(&lines_of(&rotated, 2).await), ["v1", "v2"]);
    assert!(!file.exists());
    audited.world.gateway.signal("HUP");
    until("a new file", || file.exists().then_some(())).await;
    pull(&mut conn, "v3").await;
    assert_eq!(tags(&audited.lines(1).await), ["v3"]);
    assert_eq!(lines_of(&rotated, 2).await.len(), 2);
    let mode = fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A drain may take as long as the slowest upload.
#[tokio::test]
async fn a_log_is_rotated_while_the_process_drains() {
    let harbor = harbor().await;
    let mut setup = Setup::new(harbor.url());
    setup.top = "drain: { delay: 1h }\n".into();
    let mut audited = audited(setup, "block");
    let mut conn = audited.world.http().await;
    audited.world.gateway.signal("TERM");
    audited.world.logged(&["draining"]).await;
    fs::remove_file(audited.file()).expect("take it away");
    audited.world.gateway.signal("HUP");
    let file = audited.file();
    until("a new file", || file.exists().then_some(())).await;
    pull(&mut conn, "v1").await;
    audited.lines(1).await;
    audited.world.gateway.signal("TERM");
    until("its end", || audited.world.gateway.ended()).await;
}

#[tokio::test]
async fn a_reload_names_another_file_or_none() {
    let harbor = harbor().await;
    let audited = audited(Setup::new(harbor.url()), "block");
    let Audited { world, folder } = &audited;
    let mut conn = world.http().await;
    pull(&mut conn, "v1").await;
    audited.lines(1).await;
    let other = folder.path().join("other.jsonl");
    let (first, second) = (said(&audited.file(), "block"), said(&other, "drop"));
    world.gateway.reload(&world.yaml.replace(&first, &second));
    world.logged(&[READ, "settings for all have changed"]).await;
    pull(&mut conn, "v2").await;
    assert_eq!(tags(&lines_of(&other, 1).await), ["v2"]);
    // A name that can't be opened changes nothing, and says so.
    let nowhere = folder.path().join("none/audit.jsonl");
    world
        .gateway
        .reload(&world.yaml.replace(&first, &said(&nowhere, "block")));
    world
        .logged(&[
            "nothing changes",
            "audit.file:",
            "can't be opened",
            "No such file or directory",
        ])
        .await;
    pull(&mut conn, "v3").await;
    assert_eq!(tags(&lines_of(&other, 2).await), ["v2", "v3"]);
    assert!(has_thread(world));
    world.gateway.reload(&world.yaml.replace(&first, ""));
    until("no thread", || (!has_thread(world)).then_some(())).await;
    pull(&mut conn, "v4").await;
    assert_eq!(lines_of(&other, 2).await.len(), 2);
    assert_eq!(audited.lines(1).await.len(), 1);
    let ready = world.gateway.admin_page("/readyz");
    assert!(!ready.contains("audit"), "{ready}");
}

#[tokio::test]
async fn without_it_there_is_no_thread_and_no_file() {
    let harbor = harbor().await;
    let world = Setup::new(harbor.url()).start();
    pull(&mut world.http().await, "v1").await;
    assert!(!has_thread(&world));
}

/// Killed at any moment: what was written stays, and the next process begins on a line of its own.
#[tokio::test]
async fn a_kill_loses_nothing_that_was_written() {
    let harbor = harbor().await;
    let mut first = audited(Setup::new(harbor.url()), "block");
    let mut conn = first.world.http().await;
    for number in 0..50 {
        pull(&mut conn, &format!("v{number}")).await;
    }
    let written = first
        .world
        .gateway
        .metric("harbormouth_audit_lines_total", &[]);
    first.world.gateway.signal("KILL");
    until("its end", || first.world.gateway.ended()).await;
    let text = fs::read_to_string(first.file()).expect("the lines");
    let whole = text.lines().filter(|line| line.ends_with('}')).count();
    assert!(
        whole as f64 >= written && written > 40.0,
        "{whole} {written}"
    );
    // As if the last line had been cut.
    fs::write(first.file(), format!("{text}{{\"time\":\"2026")).expect("write");
    let mut setup = Setup::new(harbor.url());
    setup.top = said(&first.file(), "block");
    let world = setup.start();
    pull(&mut world.http().await, "after").await;
    let last = until("the next line", || {
        let text = fs::read_to_string(first.file()).expect("the lines");
        text.ends_with("}\n")
            .then(|| text.lines().last().map(str::to_owned))?
    })
    .await;
    assert_eq!(super::read(&last)["tag"], "after");
}

#[tokio::test]
async fn a_file_that_can_not_be_opened_ends_the_start() {
    let folder = TempDir::new().expect("a folder");
    for (file, why) in [
        (
            folder.path().join("none/audit.jsonl"),
            "No such file or directory",
        ),
        (folder.path().to_owned(), "Is a directory"),
    ] {
        let yaml = configuration(&file);
        let name = folder.path().join("harbormouth.yaml");
        fs::write(&name, yaml).expect("write");
        let mut command = Gateway::command();
        command.args(["serve", "--config"]).arg(&name);
        let mut process = Process::start("harbormouth", command);
        assert!(!process.wait_for_end(PATIENCE).success());
        let stderr = process.stderr();
        for word in ["audit.file: ", "can't be opened to append", why] {
            assert!(stderr.contains(word), "{stderr}");
        }
        // Whoever checks a configuration may do so on another machine.
        let mut check = Gateway::command();
        check.args(["check", "--config"]).arg(&name);
        assert!(run(check, PATIENCE).succeeded());
    }
}

fn configuration(file: &Path) -> String {
    format!(
        "listeners: [{{ address: 127.0.0.1:0 }}]\nadmin: {{ address: 127.0.0.1:0 }}\n{}registries:\n  \
         - {{ name: hq, public: [http://hub.example.com], upstream: {{ endpoints: [http://127.0.0.1:9] }} }}\n",
        said(file, "block")
    )
}
