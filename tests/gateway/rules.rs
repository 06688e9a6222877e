//! Rules: what they deny and in which words, what nobody gets around, and what services and rates do.

mod reloads;

use crate::client::{get, request, with_length};
use crate::client_h2;
use crate::common::process;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::{alice, basic, bearer, fake_harbor};
use crate::setup::{Registry, Setup, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::process::Command;
use std::time::{Duration, Instant};

const DECISIONS: &str = "harbormouth_rule_decisions_total";

fn ruled(endpoint: impl ToString, rules: &str) -> World {
    let mut setup = Setup::new(endpoint);
    setup.top = format!(
        "trusted_proxies: [127.0.0.1]\nnetworks: {{ office: [192.0.2.0/24] }}\nrules:\n{rules}\n"
    );
    setup.start()
}

async fn fine() -> Harbor {
    Harbor::start(|_: &Got| Plan::ok("fine")).await
}

/// A token that says whose it is, signed by nobody.
pub fn forged(subject: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = format!("{{\"sub\":\"{subject}\",\"exp\":9999999999,\"access\":[]}}");
    let (head, claims) = (part("{\"alg\":\"RS256\"}"), part(&claims));
    format!("Authorization: Bearer {head}.{claims}.AAAA")
}

const PROD: &str = "  - name: only CI pushes to prod
    when: 'operation.writes && project == \"prod\" && !account.startsWith(\"robot$ci\")'
    deny: { message: prod is pushed by CI only }
  - name: secrets stay in the office
    when: 'project == \"secret\" && !(client in office)'
    deny: {}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_denial_has_its_words_its_reason_and_the_rules_name() {
    let harbor = fine().await;
    let world = ruled(harbor.url(), PROD);
    let mut conn = world.http().await;
    let put = with_length("PUT", "/v2/prod/app/manifests/v1", &[&alice()], b"{}");
    let reply = conn.ask(put).await;
    let (code, message) = reply.oci_error();
    assert_eq!((reply.status, code.as_str()), (403, "DENIED"));
    assert_eq!(message, "prod is pushed by CI only");
    let reply = conn.ask(get("/v2/secret/app/tags/list", &[])).await;
    let (_, message) = reply.oci_error();
    let expected = "the rule \"secrets stay in the office\" of this registry doesn't allow it";
    assert_eq!((reply.status, message.as_str()), (403, expected));
    assert!(harbor.got().is_empty(), "nothing was sent");

    let denied = [("rule", "only CI pushes to prod"), ("decision", "deny")];
    world.metric_becomes(DECISIONS, &denied, 1.0).await;
    let record = world
        .logged(&["reason=rule", "rule=\"only CI pushes to prod\""])
        .await;
    assert!(
        record.contains("filter=rules") && record.contains("outcome=refused"),
        "{record}"
    );
    let failures = world.gateway.admin_page("/failures");
    assert!(
        failures.contains("\"rule\":\"only CI pushes to prod\""),
        "{failures}"
    );

    let office = "X-Forwarded-For: 192.0.2.7";
    let pull = get("/v2/secret/app/tags/list", &[office]);
    assert_eq!(conn.ask(pull).await.status, 200);
    let robot = basic("robot$ci+app", "secret");
    let put = with_length("PUT", "/v2/prod/app/manifests/v1", &[&robot], b"{}");
    assert_eq!(conn.ask(put).await.status, 200);
}

/// What an attacker tries to get around a rule by.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_around_a_rule() {
    let harbor = fine().await;
    let world = ruled(harbor.url(), PROD);
    let mallory = alice();
    let forged = forged("robot$ci");
    let put = |path: &str, lines: &[&str]| with_length("PUT", path, lines, b"{}");
    let session = "Cookie: sid=abc";
    for (what, asked) in [
        (
            "another user",
            put("/v2/prod/app/manifests/v1", &[&mallory]),
        ),
        ("nobody", put("/v2/prod/app/manifests/v1", &[])),
        (
            "a session beside a forged token",
            put("/v2/prod/app/manifests/v1", &[&forged, session]),
        ),
        (
            "a session alone",
            put("/v2/prod/app/manifests/v1", &[session]),
        ),
        (
            "another scheme",
            put(
                "/v2/prod/app/manifests/v1",
                &["Authorization: Harbor-Secret robot$ci"],
            ),
        ),
        (
            "an account with a line's end",
            put("/v2/prod/app/manifests/v1", &[&basic("x\nrobot$ci", "y")]),
        ),
        (
            "an account like it",
            put("/v2/prod/app/manifests/v1", &[&basic("ROBOT$ci", "y")]),
        ),
        (
            "an account that looks like it",
            put(
                "/v2/prod/app/manifests/v1",
                &[&basic("rob\u{43e}t$ci", "y")],
            ),
        ),
        ("slashes", put("/v2//prod/app/manifests/v1", &[&mallory])),
        ("dots", put("/v2/lab/../prod/app/manifests/v1", &[&mallory])),
        (
            "encoded dots",
            put("/v2/lab/%2e%2e/prod/app/manifests/v1", &[&mallory]),
        ),
        (
            "encoded letters",
            put("/v2/%70rod/app/manifests/v1", &[&mallory]),
        ),
        (
            "an encoded slash",
            put("/v2/prod%2Fapp/manifests/v1", &[&mallory]),
        ),
        (
            "encoded twice",
            put("/v2/%2570rod/app/manifests/v1", &[&mallory]),
        ),
        ("upper case", put("/v2/PROD/app/manifests/v1", &[&mallory])),
        (
            "letters that look alike",
            put("/v2/pr%D0%BEd/app/manifests/v1", &[&mallory]),
        ),
        (
            "an invented address",
            put(
                "/v2/prod/app/manifests/v1",
                &["X-Real-IP: 192.0.2.7", &mallory],
            ),
        ),
        (
            "an upload",
            request(
                "POST",
                "/v2/prod/app/blobs/uploads/",
                &[&mallory, "Content-Length: 0"],
                b"",
            ),
        ),
        (
            "a chunk",
            with_length(
                "PATCH",
                "/v2/prod/app/blobs/uploads/u?_state=x",
                &[&mallory],
                b"x",
            ),
        ),
        (
            "a deletion",
            request("DELETE", "/v2/prod/app/manifests/v1", &[&mallory], b""),
        ),
        (
            "a pull of secrets",
            get("/v2/secret/app/manifests/v1", &[&forged]),
        ),
        (
            "a method by a header",
            request(
                "POST",
                "/v2/prod/app/blobs/uploads/",
                &[&mallory, "X-HTTP-Method-Override: GET", "Content-Length: 0"],
                b"",
            ),
        ),
    ] {
        let reply = world.http().await.ask(asked).await;
        let through: Vec<String> = harbor
            .got()
            .iter()
            .map(|got| got.line().to_owned())
            .collect();
        // What isn't denied is no path of prod's to Harbor either.
        let is_harmless = through
            .iter()
            .all(|line| !line.contains("/v2/prod/") && !line.contains("secret"));
        assert!(is_harmless, "{what}: {reply:?} {through:?}");
    }
    // A rule only takes away: a forged name that it lets pass is Harbor's to refuse.
    let allowed = put("/v2/prod/app/manifests/v1", &[&forged]);
    world.http().await.ask(allowed).await;
    let got = harbor.got();
    let got = got.last().expect("it went on");
    assert_eq!(
        format!("Authorization: {}", got.header("authorization")),
        forged
    );
}

/// Harbor finds a token anywhere in Authorization, so its account is the request's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_found_wherever_harbor_finds_it() {
    let harbor = fine().await;
    let people = "  - name: people don't push
    when: 'operation.writes && account != \"\" && !account.is_robot'
    deny: {}";
    let world = ruled(harbor.url(), people);
    let forged = forged("mallory");
    let token = forged.trim_start_matches("Authorization: Bearer ");
    for written in [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("Bearer{token}"),
        format!("Bearer\t{token}"),
        format!("xBearer {token}"),
        format!("Basic eA==Bearer {token}"),
        format!("Bearer {token}Bearer"),
    ] {
        let line = format!("Authorization: {written}");
        let put = with_length("PUT", "/v2/prod/app/manifests/v1", &[&line], b"{}");
        let reply = world.http().await.ask(put).await;
        assert_eq!(reply.status, 403, "{written}");
    }
    assert!(harbor.got().is_empty());
}

/// A mount reads the repository that it takes the blob from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mount_from_a_closed_project_is_a_plain_upload() {
    let harbor = Harbor::start(|_: &Got| Plan::status("202 Accepted", "", "")).await;
    let world = ruled(harbor.url(), PROD);
    let digest = format!("sha256:{}", "a".repeat(64));
    for (from, line) in [
        (
            "secret/app",
            "POST /v2/lab/app/blobs/uploads/ HTTP/1.1".to_owned(),
        ),
        (
            "lab/base",
            format!("POST /v2/lab/app/blobs/uploads/?mount={digest}&from=lab/base HTTP/1.1"),
        ),
    ] {
        let path = format!("/v2/lab/app/blobs/uploads/?mount={digest}&from={from}");
        let reply = world
            .http()
            .await
            .ask(with_length("POST", &path, &[&alice()], b""))
            .await;
        assert_eq!(reply.status, 202, "{from}");
        assert_eq!(harbor.got().last().unwrap().line(), line, "{from}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirrors_open_no_way_around_a_rule() {
    let harbor = fine().await;
    let mut setup = Setup::of(vec![Registry::new("hq", harbor.url())]);
    setup.top = format!(
        "mirrors:\n  - {{ public: [http://mirror.example.com], registry: hq, project: secret }}\nnetworks: {{ office: [192.0.2.0/24] }}\nrules:\n{PROD}\n"
    );
    let world = setup.start();
    let asked = b"GET /v2/app/manifests/v1 HTTP/1.1\r\nHost: mirror.example.com\r\n\r\n";
    assert_eq!(world.http().await.ask(asked).await.status, 403);
    assert!(harbor.got().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_ends_at_the_first_that_decides() {
    let harbor = fine().await;
    let rules = "  - { name: what if, when: 'project == \"lab\"', report: {} }
  - { name: friends, when: 'account == \"alice\"', allow: {} }
  - { name: odd, when: 'headers[\"range\"] == \"x\" && project == \"odd\"', deny: {} }
  - { name: odd but fine, on_error: allow, when: 'headers[\"via\"] == \"x\" && project == \"fine\"', deny: {} }
  - { name: closed, when: 'project == \"closed\"', deny: { status: 404 } }";
    let world = ruled(harbor.url(), rules);
    let path = |project: &str| format!("/v2/{project}/app/tags/list");
    for (project, lines, status) in [
        ("lab", vec![], 200),
        ("odd", vec![], 403),
        ("lab", vec!["Range: y"], 200),
        ("closed", vec!["Range: y"], 404),
        ("closed", vec![alice().leak() as &str], 200),
        ("odd", vec!["Range: x"], 403),
        ("fine", vec!["Range: y"], 200),
    ] {
        let reply = world.http().await.ask(get(&path(project), &lines)).await;
        assert_eq!(
            reply.status,
            status,
            "{project} {lines:?}: {}",
            reply.text()
        );
    }
    for (rule, decision, times) in [
        ("what if", "report", 2.0),
        ("friends", "allow", 1.0),
        ("odd", "error", 1.0),
        ("closed", "deny", 1.0),
    ] {
        let labels = [("rule", rule), ("decision", decision)];
        world.metric_becomes(DECISIONS, &labels, times).await;
    }
    world.logged(&["rule \"what if\" holds for GET"]).await;
    world
        .logged(&[
            "rule \"odd\" can't be applied",
            "there is no \"range\"",
            "are denied",
        ])
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_changes_the_rules_and_a_bad_one_doesnt() {
    let harbor = fine().await;
    let world = ruled(harbor.url(), PROD);
    let asked = || get("/v2/secret/app/tags/list", &[]);
    assert_eq!(world.http().await.ask(asked()).await.status, 403);
    let open = world
        .yaml
        .replace("project == \"secret\"", "project == \"other\"");
    world
        .gateway
        .reload(&world.yaml.replace("project ==", "projects =="));
    world
        .metric_becomes("harbormouth_config_last_reload_successful", &[], 0.0)
        .await;
    world.logged(&["did you mean", "project"]).await;
    assert_eq!(world.http().await.ask(asked()).await.status, 403);
    world.gateway.reload(&open);
    world
        .metric_becomes("harbormouth_config_last_reload_successful", &[], 1.0)
        .await;
    assert_eq!(world.http().await.ask(asked()).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_each_clients_own_and_strangers_use_up_nobody_elses() {
    let harbor = fake_harbor().await;
    let rules = "  - { name: slow, when: 'operation == \"tags\"', rate: { per: project, requests: 2/h, burst: 2 } }";
    let world = ruled(harbor.origin(), rules);
    let mut conn = world.http().await;
    let token = bearer(&mut conn).await;
    let post = with_length("POST", "/v2/lab/app/blobs/uploads/", &[&token], b"");
    assert_eq!(conn.ask(post).await.status, 202, "Harbor accepts the token");
    let tags = |lines: &[&str]| get("/v2/lab/app/tags/list", lines);
    let one = "X-Forwarded-For: 198.51.100.1";
    let other = "X-Forwarded-For: 198.51.100.2";
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(conn.ask(tags(&[one])).await.status);
    }
    assert_eq!(statuses[2], 429, "{statuses:?}");
    assert_ne!(conn.ask(tags(&[other])).await.status, 429, "another client");
    for _ in 0..2 {
        assert_ne!(
            conn.ask(tags(&[&token])).await.status,
            429,
            "the project's own"
        );
    }
    let reply = conn.ask(tags(&[&token])).await;
    let (code, message) = reply.oci_error();
    assert_eq!((reply.status, code.as_str()), (429, "TOOMANYREQUESTS"));
    assert_eq!(reply.header("retry-after"), "1800");
    assert!(
        message.contains("the rule \"slow\" of this registry allows 2/h for each project"),
        "{message}"
    );
    let limited = [("rule", "slow"), ("decision", "limited")];
    world.metric_becomes(DECISIONS, &limited, 2.0).await;
}

/// Nothing can pass faster than its bandwidth, and nothing is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_slowed_down_and_not_cut() {
    let body = "x".repeat(512 * 1024);
    let answer = body.clone();
    let harbor = Harbor::start(move |_: &Got| Plan::ok(&answer)).await;
    let rules = "  - { name: slow, rate: { per: client, bytes: 256KiB/s } }";
    let world = ruled(harbor.url(), rules);
    let began = Instant::now();
    let put = with_length(
        "PATCH",
        "/v2/lab/app/blobs/uploads/u",
        &[&alice()],
        body.as_bytes(),
    );
    let reply = world.http().await.ask(put).await;
    assert_eq!((reply.status, reply.body.len()), (200, body.len()));
    assert_eq!(harbor.got()[0].body.len(), body.len());
    // 1 MiB, of which a quarter of a second's worth passes at once.
    assert!(
        began.elapsed() >= Duration::from_millis(3700),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_decides_and_is_asked_in_the_vocabularys_words() {
    let harbor = fine().await;
    let policy = Harbor::start(|got: &Got| match got.line().split(' ').nth(1) {
        Some("/no") => Plan::status(
            "403 Forbidden",
            "",
            "{\"message\":\"not on\\u001b Fridays\"}",
        ),
        Some("/broken") => Plan::status("500 Oops", "", ""),
        Some("/late") => Plan::ok("").pause(Duration::from_secs(30)),
        _ => Plan::ok(""),
    })
    .await;
    let rule = |project: &str| {
        let url = format!("{}/{project}", policy.url());
        format!(
            "  - {{ name: {project}, when: 'project == \"{project}\"', ask: {{ url: '{url}', cache: 1h }} }}\n"
        )
    };
    let rules = ["yes", "no", "broken", "late"].map(rule).concat();
    let world = ruled(harbor.url(), &rules);
    let ask = async |project: &str| {
        let path = format!("/v2/{project}/app/manifests/v1");
        let lines = [
            &alice() as &str,
            "Referer: http://secret",
            "User-Agent: docker/28.5",
        ];
        world.http().await.ask(get(&path, &lines)).await
    };
    assert_eq!(ask("yes").await.status, 200);
    assert_eq!(ask("yes").await.status, 200);
    let denied = ask("no").await;
    assert_eq!(
        (denied.status, denied.oci_error().1.as_str()),
        (403, "not on Fridays")
    );
    for project in ["broken", "late"] {
        let reply = ask(project).await;
        assert_eq!(reply.status, 403, "{project}");
        assert!(
            reply
                .oci_error()
                .1
                .contains("of this registry can't be applied")
        );
    }
    world
        .logged(&["rule \"broken\" can't be applied", "answered 500"])
        .await;

    let questions = policy.got();
    assert_eq!(questions.len(), 4, "the second was answered from the cache");
    let asked: serde_json::Value = serde_json::from_slice(&questions[0].body).unwrap();
    assert_eq!(questions[0].line(), "POST /yes HTTP/1.1");
    for (name, value) in [
        ("rule", "yes"),
        ("project", "yes"),
        ("repository", "yes/app"),
        ("operation", "manifest_get"),
        ("account", "alice"),
        ("tag", "v1"),
        ("client", "127.0.0.1"),
        ("client.family", "docker_classic"),
    ] {
        assert_eq!(asked[name], value, "{asked}");
    }
    assert_eq!(asked["headers"]["user-agent"], "docker/28.5");
    let text = String::from_utf8_lossy(&questions[0].body).into_owned();
    assert!(
        !text.contains("Alice12345") && !questions[0].head.contains("uthorization"),
        "{text}"
    );
    assert!(!text.contains("http://secret"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_away_holds_up_only_whom_its_rule_is_for() {
    let harbor = fine().await;
    let rules = "  - { name: away, when: 'project == \"asked\"', on_error: allow, ask: { url: 'http://127.0.0.1:9/' } }
  - { name: away too, when: 'project == \"denied\"', ask: { url: 'http://127.0.0.1:9/' } }";
    let world = ruled(harbor.url(), rules);
    for (project, status) in [("asked", 200), ("other", 200), ("denied", 403)] {
        let path = format!("/v2/{project}/app/tags/list");
        let reply = world.http().await.ask(get(&path, &[])).await;
        assert_eq!(reply.status, status, "{project}");
    }
    let errors = [("decision", "error")];
    world.metric_becomes(DECISIONS, &errors, 2.0).await;
}

#[test]
fn check_explains_which_rule_decides_and_why() {
    let file = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let yaml = format!(
        "listeners: [{{ address: 127.0.0.1:0 }}]\nregistries: [{{ name: hq, public: [http://hub.example.com], upstream: {{ endpoints: [http://10.0.0.5] }} }}]\nnetworks: {{ office: [192.0.2.0/24] }}\nrules:\n{PROD}\n"
    );
    std::fs::write(file.path(), yaml).unwrap();
    let explain = |asked: &str, more: &[&str]| {
        let mut command: Command = crate::common::gateway::Gateway::command();
        command.arg("check").arg("--config").arg(file.path());
        command.args(["--explain", asked]).args(more);
        let finished = process::run(command, Duration::from_secs(20));
        (finished.succeeded(), finished.output())
    };
    let put = "PUT http://hub.example.com/v2/prod/app/manifests/v1";
    let (passes, told) = explain(put, &["--as", "alice", "--from", "10.1.2.3"]);
    assert!(!passes, "{told}");
    for line in [
        "manifest_put of prod/app, v1 at registry hq",
        "rule \"only CI pushes to prod\": denies with 403, \"prod is pushed by CI only\"; operation.writes is true, project is \"prod\", account is \"alice\"",
        "denied by rule \"only CI pushes to prod\"",
    ] {
        assert!(told.lines().any(|told| told == line), "{line}:\n{told}");
    }
    let (passes, told) = explain(put, &["--as", "robot$ci"]);
    assert!(passes && told.contains("no rule denies it"), "{told}");
    let secret = "http://hub.example.com/v2/secret/app/tags/list";
    let (passes, told) = explain(secret, &["--from", "192.0.2.1"]);
    assert!(passes && told.contains("client is 192.0.2.1"), "{told}");
    let (passes, _) = explain(secret, &[]);
    assert!(!passes);
}

/// Over HTTP/2 the same holds: what counts is what the request is, not how it came.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http2_is_no_way_around_a_rule() {
    let harbor = fine().await;
    let world = ruled(harbor.url(), PROD);
    let mut h2 = world.h2().await;
    for (method, path) in [
        ("DELETE", "/v2/prod/app/manifests/v1"),
        ("delete", "/v2/prod/app/manifests/v1"),
        ("PUT", "/v2/lab/%2e%2e/prod/app/manifests/v1"),
        ("PUT", "/v2//prod/app/manifests/v1"),
        ("PUT", "//v2/prod/app/manifests/v1"),
        ("PUT", "/v2/%70rod%2Fapp/manifests/v1"),
        ("PUT", "/v2/PROD/app/manifests/v1"),
        ("GET", "/v2/secret/app/manifests/v1"),
    ] {
        let asked = client_h2::request(method, path, &[]);
        let refused = match h2.ask(asked).await {
            Ok(reply) => (400..500).contains(&reply.status) || path.contains("PROD"),
            Err(error) => error.is_reset(),
        };
        assert!(refused, "{method} {path}");
    }
    for got in harbor.got() {
        assert!(got.line().contains("/v2/PROD/"), "{}", got.line());
    }
}

/// What a client says in pseudo-headers decides as little as what it says in others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pseudo_headers_say_what_they_are_and_no_more() {
    let harbor = fine().await;
    let mut far = Registry::new("far", harbor.url());
    far.public = vec!["https://far.example.com", "http://far.example.com"];
    let rules = "  - { name: far is closed, when: 'public.contains(\"//far.\") || registry == \"far\"', deny: {} }
  - { name: nobody in clear, when: '!tls', deny: {} }";
    let world = Setup {
        top: format!("rules:\n{rules}\n"),
        ..Setup::of(vec![Registry::new("hq", harbor.url()), far])
    }
    .start();
    let path = "/v2/lab/app/tags/list";
    let ask = |uri: &str, headers: &[(&str, &str)]| {
        let mut request = client_h2::request("GET", path, headers);
        *request.uri_mut() = format!("{uri}{path}").parse().expect("a URI");
        request
    };
    let invented = [
        ("x-forwarded-proto", "http"),
        ("x-forwarded-host", "far.example.com"),
    ];
    let mut h2 = world.h2().await;
    for (name, asked, status) in [
        ("as it is", ask("https://hub.example.com", &[]), 200),
        (
            "the other authority",
            ask("https://far.example.com", &[]),
            403,
        ),
        // The connection is https, whatever the scheme says.
        ("another scheme", ask("http://hub.example.com", &[]), 200),
        (
            "two hosts",
            ask("https://hub.example.com", &[("host", "far.example.com")]),
            400,
        ),
        (
            "two hosts the other way",
            ask("https://far.example.com", &[("host", "hub.example.com")]),
            400,
        ),
        (
            "headers of proxies",
            ask("https://hub.example.com", &invented),
            200,
        ),
    ] {
        let before = harbor.got().len();
        let reply = h2.ask(asked).await.expect("an answer");
        assert_eq!(reply.status, status, "{name}");
        let went = harbor.got().len() > before;
        assert_eq!(went, status == 200, "{name}");
    }
    // In clear an absolute target says https, and is believed no more than a scheme.
    let target = format!("https://hub.example.com{path}");
    let reply = world.http().await.ask(get(&target, &[])).await;
    assert!(matches!(reply.status, 400 | 403), "{}", reply.status);
}
