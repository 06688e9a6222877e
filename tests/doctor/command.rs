//! The command itself: whose credentials it takes, what it writes where, how it exits, and what an
//! interruption leaves.

use crate::forward::ForwardProxy;
use crate::stage::{Plan, REPOSITORY, Stage};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use harbormouth::testing::fake_harbor::certificates::CertificateAuthority;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::Method;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};

/// A debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary with nothing of the caller's environment but `home`, where docker's file would be.
fn doctor(stage: &Stage, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command
        .env_clear()
        .env("HOME", home)
        .env("SSL_CERT_FILE", stage.options.authorities.as_ref().unwrap())
        .env("PATH", format!("{}:/usr/bin:/bin", home.display()))
        .arg("doctor")
        .arg(stage.options.target.to_string())
        .args(["--repository", REPOSITORY, "--body", "64KiB"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn end(mut child: Child, typed: &str) -> Output {
    let mut input = child.stdin.take().unwrap();
    // It may have ended by now, without a look at what is typed.
    let _ = input.write_all(typed.as_bytes()).await;
    drop(input);
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    ended.expect("the doctor ends").unwrap()
}

/// What `docs/doctor.schema.json` says against a document.
fn complaints(document: &Value) -> Vec<String> {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/doctor.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn docker_config(home: &TempDir, config: &Value) {
    let directory = home.path().join(".docker");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("config.json"), config.to_string()).unwrap();
}

#[tokio::test]
async fn credentials_are_those_of_docker_unless_some_are_typed() {
    let stage = Stage::honest().await;
    let host = stage.options.target.authority();
    let auth = STANDARD.encode("admin:Harbor12345");
    let in_file = serde_json::json!({ "auths": { host.clone(): { "auth": auth } } });
    let helper = serde_json::json!({ "credHelpers": { host: "fake" } });
    let nothing = serde_json::json!({});
    for (name, config, arguments, typed, user, exit) in [
        (
            "docker's file",
            &in_file,
            &["--json"][..],
            "",
            Some("admin"),
            0,
        ),
        ("a helper", &helper, &["--json"], "", Some("alice"), 0),
        (
            "typed ones count before docker's",
            &in_file,
            &["--json", "--user", "alice", "--password-stdin"],
            "Alice12345\n",
            Some("alice"),
            0,
        ),
        (
            "a wrong password",
            &nothing,
            &["--json", "--user", "alice", "--password-stdin"],
            "wrong-password\n",
            Some("alice"),
            2,
        ),
        ("none at all", &nothing, &["--json"], "", None, 0),
    ] {
        let home = TempDir::new().unwrap();
        docker_config(&home, config);
        let program = home.path().join("docker-credential-fake");
        let script = "#!/bin/sh\nread -r server\n\
             printf '{\"ServerURL\":\"%s\",\"Username\":\"alice\",\"Secret\":\"Alice12345\"}' \"$server\"\n";
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let output = end(
            doctor(&stage, home.path(), arguments).spawn().unwrap(),
            typed,
        )
        .await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(exit), "{name}: {out}{err}");
        assert_eq!(err, "", "{name}");
        let document: Value = serde_json::from_str(&out).unwrap();
        let used = document["walks"][0]["user"]["name"].as_str();
        assert_eq!(used, user, "{name}: {document:#}");
        for secret in ["Harbor12345", "Alice12345", "wrong-password", &auth] {
            assert!(!out.contains(secret), "{name}: {secret}");
        }
    }
}

#[tokio::test]
async fn the_document_of_a_whole_walk_is_as_the_schema_says() {
    for (name, plan, exit) in [
        ("honest", Plan::honest(), 0),
        (
            "Authorization gets lost",
            Plan::hop(|hop| hop.strip_authorization_on = vec![Method::PATCH]),
            1,
        ),
    ] {
        let stage = Stage::set(plan).await;
        let home = TempDir::new().unwrap();
        let inner = stage.fake_harbor.origin().to_string();
        let arguments = [
            "--json",
            "--push",
            "--commit-wait",
            "--idle",
            "1s",
            "--via",
            &inner,
            "--user",
            "admin",
            "--password-stdin",
        ];
        let child = doctor(&stage, home.path(), &arguments).spawn().unwrap();
        let output = end(child, "Harbor12345\n").await;
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(exit), "{name}: {out}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(complaints(&document), Vec::<String>::new(), "{name}");
        let walks = document["walks"].as_array().unwrap();
        assert_eq!(walks.len(), 2, "{name}");
        let steps = walks[0]["steps"].as_array().unwrap();
        assert!(steps.len() > 20, "{name}: {steps:#?}");
    }
}

#[tokio::test]
async fn a_report_for_others_is_all_that_is_written() {
    let stage = Stage::honest().await;
    let home = TempDir::new().unwrap();
    for (format, first, last) in [
        ("markdown", "# harbormouth doctor: ", "are left out.\n"),
        ("html", "<!DOCTYPE html>\n", "</html>\n"),
        ("junit", "<?xml ", "</testsuite>\n"),
    ] {
        let arguments = ["--report", format, "--user", "admin", "--password-stdin"];
        let child = doctor(&stage, home.path(), &arguments).spawn().unwrap();
        let output = end(child, "Harbor12345\n").await;
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{format}: {out}");
        assert!(out.starts_with(first) && out.ends_with(last), "{out}");
        assert!(!out.contains("Harbor12345"), "{out}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_looked_past_only_where_that_is_said() {
    let stage = Stage::honest().await;
    let home = TempDir::new().unwrap();
    let other = home.path().join("other.pem");
    let authority = CertificateAuthority::new("another one").unwrap();
    std::fs::write(&other, authority.pem()).unwrap();
    for (more, is_sent) in [(&[][..], false), (&["--insecure"], true)] {
        let arguments = ["--json", "--user", "admin", "--password-stdin"];
        let mut command = doctor(&stage, home.path(), &arguments);
        command.args(more).env("SSL_CERT_FILE", &other);
        let output = end(command.spawn().unwrap(), "Harbor12345\n").await;
        let out = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{more:?}: {out}");
        let document: Value = serde_json::from_str(&out).unwrap();
        let kind = &document["findings"][0]["kind"];
        assert_eq!(kind, "certificate_untrusted", "{more:?}: {out}");
        let steps = document["walks"][0]["steps"].as_array().unwrap();
        let has_password = |step: &Value| step["request"]["authorization"] == "basic";
        assert_eq!(steps.iter().any(has_password), is_sent, "{more:?}: {out}");
        let is_committed = steps.iter().any(|step| step["step"] == "upload_commit");
        assert_eq!(is_committed, is_sent, "{more:?}: {out}");
    }
}

#[tokio::test]
async fn what_cannot_be_begun_is_said_on_standard_error() {
    let stage = Stage::honest().await;
    let home = TempDir::new().unwrap();
    docker_config(&home, &serde_json::json!({ "auths": [] }));
    for (name, arguments, typed, said) in [
        ("docker's file", &[][..], "", "config.json"),
        (
            "an empty password",
            &["--user", "alice", "--password-stdin"],
            "\n",
            "standard input contains no password",
        ),
        (
            "authorities that aren't there",
            &[
                "--user",
                "alice",
                "--password-stdin",
                "--ca",
                "/nowhere.pem",
            ],
            "x",
            "/nowhere.pem",
        ),
    ] {
        let output = end(
            doctor(&stage, home.path(), arguments).spawn().unwrap(),
            typed,
        )
        .await;
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{name}: {out}{err}");
        assert_eq!(out, "", "{name}");
        assert!(err.contains(said), "{name}: {err}");
    }
}

#[tokio::test]
async fn an_interruption_ends_the_walk_and_cleans_up_first() {
    let stage = Stage::set(Plan::honest()).await;
    let home = TempDir::new().unwrap();
    let slow = Match::method(Method::GET).path_contains("/blobs/uploads/");
    let delay = InjectedFault::Delay(Duration::from_secs(8));
    stage
        .fake_harbor
        .faults()
        .inject(slow, Times::Always, delay);
    let arguments = ["--user", "admin", "--password-stdin", "--all"];
    let mut child = doctor(&stage, home.path(), &arguments).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"Harbor12345\n").await.unwrap();
    drop(input);
    let began = Instant::now();
    while stage.fake_harbor.open_uploads() == 0 {
        assert!(began.elapsed() < PATIENCE, "no upload was opened");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let pid = i32::try_from(child.id().unwrap()).unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ended = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = ended.expect("the doctor ends").unwrap();
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{out}");
    assert!(out.contains("DELETE the upload"), "{out}");
    assert_eq!(stage.fake_harbor.open_uploads(), 0, "{out}");
}

/// Nothing is contacted, and the exit status is that of a walk.
#[test]
fn a_file_is_judged_by_itself() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/offline");
    for (file, code, words) in [
        ("story.conf", 1, "story.conf:13"),
        (
            "right/nginx.conf",
            0,
            "Nothing in this file breaks a client.",
        ),
        ("right", 2, ""),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        let typed = format!("file:{}", folder.join(file).display());
        let output = command
            .env_clear()
            .args(["doctor", &typed])
            .output()
            .unwrap();
        let shown = text(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{file}: {shown}");
        assert!(shown.contains(words), "{file}: {shown}");
        assert_eq!(code == 2, !output.stderr.is_empty(), "{file}");
    }
}

#[tokio::test]
async fn people_are_told_in_their_language_and_machines_in_english() {
    // Bound, so that nobody else gets it, and never listening.
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let target = format!("https://{}", silent.local_addr().unwrap());
    let (english, chinese) = ("No address of 127.0.0.1", "127.0.0.1 的所有地址");
    for (locale, arguments, expected) in [
        ("C.UTF-8", &[][..], english),
        ("zh_CN.UTF-8", &[], chinese),
        ("zh_CN.UTF-8", &["--lang", "en"], english),
        ("C.UTF-8", &["--lang", "zh"], chinese),
        ("zh_CN.UTF-8", &["--json"], english),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        command.env_clear().env("LANG", locale);
        command.arg("doctor").arg(&target).args(arguments);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let said = text(&output.unwrap().unwrap().stdout);
        assert!(said.contains(expected), "{locale} {arguments:?}: {said}");
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    command.args(["doctor", "explain", "--lang", "zh", "blob upload unknown"]);
    let said = text(&command.output().await.unwrap().stdout);
    assert!(
        said.contains("docs/findings/zh/upload_unknown.md"),
        "{said}"
    );
}

/// The proxy leads to the registry, and nothing else does.
#[tokio::test]
async fn the_environments_proxy_is_gone_through_and_named_unless_told_otherwise() {
    let stage = Stage::honest().await;
    let home = TempDir::new().unwrap();
    let proxy = ForwardProxy::open(stage.hop.address()).await;
    for (arguments, exit, words) in [
        // The certificate is for another name.
        (&[][..], 1, format!("through the proxy {}", proxy.address)),
        (&["--no-proxy"], 2, "name_unresolved".to_owned()),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
        let login = format!("http://al:s3cr3t-word@{}", proxy.address);
        command
            .env_clear()
            .env("HOME", home.path())
            .env("https_proxy", login)
            .args(["doctor", "https://hub.invalid:8443"])
            .args(arguments);
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = ended.expect("the doctor ends").unwrap();
        let told = text(&output.stdout);
        assert!(told.contains(&words), "{arguments:?}: {told}");
        assert!(!told.contains("s3cr3t"), "{arguments:?}: {told}");
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {told}");
    }
}
