//! httplint on every kind of answer that the gateway makes itself, and redbot on those that a plain GET
//! gets.

use crate::common::process;
use crate::stage::{HUB, Stage, exchange, serve};
use crate::tools::program;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

/// What httplint finds fault with, and why it is right so. (Words of the finding, why.)
const EXPECTED: &[(&str, &str)] = &[(
    "The server didn't understand the request.",
    "what it says of every 400",
)];

const WAIT: Duration = Duration::from_secs(5);
/// An answer is written at once.
const QUIET: Duration = Duration::from_millis(300);
/// httplint at once.
const AT_ONCE: usize = 4;

/// An answer and what it was asked by.
struct Answer {
    name: &'static str,
    status: u16,
    text: Vec<u8>,
}

fn ask(name: &'static str, status: u16, to: SocketAddr, request: &str) -> Answer {
    let text = exchange(to, request.replace("HOST", HUB).as_bytes(), QUIET, WAIT);
    Answer { name, status, text }
}

/// A Harbor that is there, and says nothing.
fn all(stage: &Stage) -> Vec<Answer> {
    let (plain, admin) = (
        stage.plain(),
        stage.gateway.admin.expect("an admin listener"),
    );
    let get =
        |path: &str| format!("GET {path} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n");
    let many = "X-Many: x\r\n".repeat(300);
    let large = format!("X-Large: {}\r\n", "x".repeat(100_000));
    // The admin listener answers to its address.
    let inner = |path: &str| get(path).replace("HOST", &admin.to_string());
    let with = |lines: &str| format!("GET /v2/ HTTP/1.1\r\nHost: HOST\r\n{lines}\r\n");
    let upload =
        "POST /v2/lab/app/blobs/uploads/ HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n";
    let login = "GET /service/token?service=harbor-registry HTTP/1.1\r\nHost: HOST\r\n\
                 Authorization: Basic YWxpY2U6d3Jvbmc=\r\nConnection: close\r\n\r\n";
    vec![
        ask("Harbor: a wrong password", 401, plain, login),
        ask("a wrong password again", 429, plain, login),
        ask("a path that climbs", 400, plain, &get("/v2/../../secret")),
        ask("no host", 400, plain, "GET /v2/ HTTP/1.1\r\n\r\n"),
        ask(
            "another host",
            421,
            plain,
            "GET /v2/ HTTP/1.1\r\nHost: other.example\r\n\r\n",
        ),
        ask("many fields", 431, plain, &with(&many)),
        ask("a large header", 431, plain, &with(&large)),
        ask("not exposed", 404, plain, &get("/api/v2.0/projects")),
        ask("maintenance", 503, plain, upload),
        ask("Harbor is silent", 504, plain, &get("/v2/")),
        ask("redirect", 308, stage.redirecting(), &get("/v2/")),
        ask("health", 200, plain, &get("/healthz")),
        ask("livez", 200, admin, &inner("/livez")),
        ask("readyz", 200, admin, &inner("/readyz")),
        ask("metrics", 200, admin, &inner("/metrics")),
        ask("page", 200, admin, &inner("/")),
        ask("overview", 200, admin, &inner("/overview")),
        ask("pushes", 200, admin, &inner("/pushes")),
        ask("failures", 200, admin, &inner("/failures")),
        ask("admin: another's name", 421, admin, &get("/overview")),
        ask("admin: nothing there", 404, admin, &inner("/nothing")),
        ask(
            "admin: method",
            405,
            admin,
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
    ]
}

fn lint(home: &Path, answer: &Answer) -> Vec<String> {
    let file = home.join("answer");
    let mut written = std::fs::File::create(&file).expect("a file");
    written.write_all(&answer.text).expect("written");
    let mut shell = Command::new("sh");
    let httplint = program("httplint");
    shell
        .args(["-c", "exec \"$1\" < \"$2\"", "sh"])
        .arg(httplint.get_program())
        .arg(&file);
    let finished = process::run(shell, Duration::from_secs(60));
    assert!(
        finished.succeeded(),
        "{}: {}",
        answer.name,
        finished.output()
    );
    faults(answer.name, &finished.stdout)
}

/// The lines that find fault and aren't expected to.
fn faults(name: &str, said: &str) -> Vec<String> {
    let is_fault = |line: &&str| line.contains("[BAD]") || line.contains("[WARN]");
    let is_unexpected = |line: &&str| EXPECTED.iter().all(|(words, _)| !line.contains(words));
    let lines = said.lines().filter(is_fault).filter(is_unexpected);
    lines
        .map(|line| format!("{name}: {}", line.trim()))
        .collect()
}

/// A stage whose Harbor knows no password and says nothing else, closed for new uploads.
fn silent() -> (crate::stage::Served, Stage) {
    let harbor = serve(|stream| {
        let mut stream = stream;
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            if piece[..count].starts_with(b"GET /service/token") {
                let said = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(said);
            }
        }
    });
    let registry = "    maintenance: pushes\n    expose: [registry]\n    \
                    timeouts: { between_bytes: 1s, commit: 1s }\n";
    let stage = Stage::start(
        harbor.address,
        "login_limit: { failures: 1 }\n",
        registry,
        "",
    );
    (harbor, stage)
}

#[test]
fn httplint_finds_no_fault_with_any_answer_of_ours() {
    let (_harbor, stage) = silent();
    let mut wrong = Vec::new();
    let answers = all(&stage);
    for answer in &answers {
        let line = format!("HTTP/1.1 {}", answer.status);
        if !answer.text.starts_with(line.as_bytes()) {
            let said = String::from_utf8_lossy(&answer.text[..answer.text.len().min(200)]);
            wrong.push(format!("{}: not {}: {said}", answer.name, answer.status));
        }
    }
    let left = Mutex::new(answers);
    let next = || left.lock().expect("the answers").pop();
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                let home = tempfile::TempDir::new().expect("a directory");
                // The first of Harbor's answers isn't ours.
                while let Some(answer) = next().filter(|answer| !answer.name.starts_with("Harbor:"))
                {
                    found
                        .lock()
                        .expect("what was found")
                        .extend(lint(home.path(), &answer));
                }
            });
        }
    });
    wrong.extend(found.into_inner().expect("what was found"));
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn redbot_finds_no_fault_with_what_anybody_can_get() {
    let (_harbor, stage) = silent();
    let admin = stage.gateway.admin.expect("an admin listener");
    let mut wrong = Vec::new();
    for path in ["/", "/livez", "/metrics", "/overview"] {
        let mut redbot = program("redbot");
        redbot.arg(format!("http://{admin}{path}"));
        let finished = process::run(redbot, Duration::from_secs(60));
        assert!(
            finished.stdout.contains("200"),
            "{path}: {}",
            finished.output()
        );
        wrong.extend(faults(path, &finished.stdout));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
