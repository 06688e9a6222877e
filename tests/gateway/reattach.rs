//! Upload tickets: a push goes on without its Authorization, and nobody gets in with one.

use crate::client::{Conn, Reply, request, with_length};
use crate::client_h2::request as h2_request;
use crate::harbor::{Got, Harbor, Plan};
use crate::push::{self, alice, basic, bearer, begin, commit};
use crate::setup::{Registry, Setup, World};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harbormouth::testing::fake_harbor::FakeHarbor;
use harbormouth::testing::fake_harbor::content::digest;
use std::fmt::Write;
use std::time::{Duration, SystemTime};

const PARAMETER: &str = "harbormouth_ticket";
const BARE: &str = "X-Nothing: here";

struct Push {
    harbor: FakeHarbor,
    world: World,
    conn: Conn,
    token: String,
}

/// A Harbor behind a gateway, and a client with a token.
async fn push() -> Push {
    push_with(|setup| setup).await
}

async fn push_with(change: impl FnOnce(Setup) -> Setup) -> Push {
    let harbor = push::fake_harbor().await;
    let world = change(Setup::new(harbor.origin())).start();
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    Push {
        harbor,
        world,
        conn,
        token,
    }
}

impl Push {
    async fn begin(&mut self) -> String {
        begin(&mut self.conn, &self.token).await
    }

    fn refused(&self, reason: &str) -> f64 {
        let labels = [("registry", "hq"), ("reason", reason)];
        let family = "harbormouth_tickets_refused_total";
        self.world.gateway.metric(family, &labels)
    }

    fn reattached(&self, operation: &str) -> f64 {
        let labels = [("operation", operation)];
        self.world
            .gateway
            .metric("harbormouth_reattached_total", &labels)
    }
}

/// The ticket in a Location, and the Location without it.
fn taken_apart(location: &str) -> (String, String) {
    let (rest, ticket) = location
        .split_once(&format!("&{PARAMETER}="))
        .unwrap_or_else(|| panic!("no ticket: {location}"));
    (ticket.to_owned(), rest.to_owned())
}

fn assert_lost(reply: &Reply) {
    assert_eq!(reply.status, 401, "{reply:?}");
    let (code, message) = reply.oci_error();
    assert_eq!(code, "UNAUTHORIZED");
    assert!(message.contains("a proxy between"), "{message}");
    let challenge = reply.header("www-authenticate");
    for part in [
        "Bearer realm=\"http",
        "://hub.example.com/service/token\",service=\"harbor-registry\",",
        "scope=\"repository:lab/",
        ":pull,push\"",
    ] {
        assert!(challenge.contains(part), "{part}: {challenge}");
    }
}

/// Since then Harbor saw only requests without Authorization and without ticket, and refused them.
fn assert_refused_bare(harbor: &FakeHarbor, since: usize) {
    let seen = harbor.seen();
    assert!(seen.len() > since);
    // A probe may come at any time.
    let is_probe = |target: &str| target == "/api/v2.0/ping";
    for seen in seen[since..].iter().filter(|seen| !is_probe(&seen.target)) {
        assert!(
            !seen.headers.contains_key("authorization"),
            "{}",
            seen.target
        );
        assert!(!seen.target.contains(PARAMETER), "{}", seen.target);
        assert_eq!(seen.status.map(|status| status.as_u16()), Some(401));
    }
}

#[tokio::test]
async fn a_push_that_loses_its_token_at_every_step_arrives() {
    let mut push = push().await;
    let location = push.begin().await;
    let (ticket, _) = taken_apart(&location);
    assert!(ticket.len() < 1500, "{}", ticket.len());

    let patch = with_length("PATCH", &location, &[BARE], b"first ");
    let reply = push.conn.ask(patch).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    assert_eq!(reply.header("cache-control"), "no-store");
    let location = reply.header("location").to_owned();
    assert_ne!(taken_apart(&location).0, ticket);

    let status = push.conn.ask(request("GET", &location, &[BARE], b"")).await;
    assert_eq!(status.status, 204, "{status:?}");

    let whole = digest(b"first second");
    let put = format!("{location}&digest={whole}");
    let reply = push
        .conn
        .ask(with_length("PUT", &put, &[BARE], b"second"))
        .await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(push.harbor.has_blob("lab/app", &whole));
    for operation in ["upload_chunk", "upload_status", "upload_commit"] {
        assert_eq!(push.reattached(operation), 1.0, "{operation}");
    }
    let issued = "harbormouth_tickets_issued_total";
    assert_eq!(push.world.gateway.metric(issued, &[]), 3.0);
    let line = push
        .world
        .logged(&["came without its Authorization", "upload_commit", "PUT"])
        .await;
    for word in ["registry hq", "lab/app", "127.0.0.1", "hub.example.com"] {
        assert!(line.contains(word), "{word}: {line}");
    }
}

#[tokio::test]
async fn a_ticket_survives_how_clients_write_queries() {
    let mut push = push().await;
    for sorted in [true, false] {
        let content = format!("content {sorted}");
        let location = push.begin().await;
        let (path, query) = location.split_once('?').expect("a query");
        let mut pairs: Vec<String> = query.split('&').map(ToOwned::to_owned).collect();
        pairs.push(format!("digest={}", digest(content.as_bytes())));
        if sorted {
            // As Go's url.Values does it.
            pairs = pairs.iter().map(|pair| pair.replace(':', "%3A")).collect();
            pairs.sort();
        } else {
            pairs.reverse();
            pairs = pairs.iter().map(|pair| pair.replace('-', "%2d")).collect();
        }
        let put = format!("{path}?{}", pairs.join("&"));
        let put = with_length("PUT", &put, &[BARE], content.as_bytes());
        let reply = push.conn.ask(put).await;
        assert_eq!(reply.status, 201, "{sorted}: {reply:?}");
    }
}

#[tokio::test]
async fn over_http2_as_well() {
    let mut push = push().await;
    let location = push.begin().await;
    let put = format!("{location}&digest={}", digest(b""));
    let mut h2 = push.world.h2().await;
    let reply = h2
        .ask(h2_request("PUT", &put, &[]))
        .await
        .expect("an answer");
    assert_eq!(reply.status, 201, "{reply:?}");
    assert_eq!(push.reattached("upload_commit"), 1.0);
}

/// Each row: somebody has a ticket of `lab/app`, and tries something else with it.
#[tokio::test]
async fn a_ticket_is_worth_nothing_elsewhere() {
    let mut push = push().await;
    let mine = push.begin().await;
    let (ticket, _) = taken_apart(&mine);
    let other = taken_apart(&push.begin().await).1;
    let (own_path, own_query) = taken_apart(&mine).1.split_once('?').map_or_else(
        || panic!("no state: {mine}"),
        |(path, query)| (path.to_owned(), query.to_owned()),
    );
    let with = |target: &str| {
        let lead = if target.contains('?') { '&' } else { '?' };
        format!("{target}{lead}{PARAMETER}={ticket}&digest={}", digest(b"x"))
    };
    let rows = [
        ("another upload", with(&other)),
        (
            "another repository",
            with(&format!("{own_path}?{own_query}").replace("lab/app", "lab/other")),
        ),
        ("another state", with(&format!("{own_path}?{own_query}AA"))),
        ("no state", with(&own_path)),
        (
            "two states",
            with(&format!("{own_path}?{own_query}&{own_query}")),
        ),
        (
            "another upload's path",
            with(&format!(
                "{}?{own_query}",
                other.split('?').next().unwrap_or("")
            )),
        ),
    ];
    let before = push.harbor.seen().len();
    for (count, (name, target)) in rows.iter().enumerate() {
        for method in ["PUT", "PATCH"] {
            let reply = push
                .conn
                .ask(with_length(method, target, &[BARE], b"x"))
                .await;
            assert_lost(&reply);
            assert_eq!(reply.oci_error().0, "UNAUTHORIZED", "{name}");
        }
        assert_eq!(push.refused("invalid"), 2.0 * (count + 1) as f64, "{name}");
    }
    assert_refused_bare(&push.harbor, before);
    assert_eq!(push.reattached("upload_commit"), 0.0);

    // Two tickets are none.
    let twice = format!("{}&{PARAMETER}={ticket}", with(&taken_apart(&mine).1));
    assert_lost(
        &push
            .conn
            .ask(with_length("PUT", &twice, &[BARE], b"x"))
            .await,
    );
    assert_refused_bare(&push.harbor, before);

    // And it still opens where it belongs.
    let reply = commit(&mut push.conn, BARE, &mine, b"x").await;
    assert_eq!(reply.status, 201, "{reply:?}");
}

#[tokio::test]
async fn an_old_step_and_a_finished_upload_are_not_written_again() {
    let mut push = push().await;
    let first = push.begin().await;
    let patch = with_length("PATCH", &first, &[BARE], b"one");
    let second = push.conn.ask(patch).await.header("location").to_owned();
    // The first step's ticket at the second step.
    let (old, _) = taken_apart(&first);
    let (_, state) = taken_apart(&second);
    let mixed = format!("{state}&{PARAMETER}={old}");
    assert_lost(&commit(&mut push.conn, BARE, &mixed, b"").await);
    let done = format!("{second}&digest={}", digest(b"one"));
    let put = with_length("PUT", &done, &[BARE], b"");
    assert_eq!(push.conn.ask(&put).await.status, 201);
    // The same request once more: Harbor knows the upload no longer.
    let again = push.conn.ask(&put).await;
    assert_eq!(again.status, 404, "{again:?}");
}

#[tokio::test]
async fn other_requests_can_not_use_a_ticket() {
    let mut push = push().await;
    let location = push.begin().await;
    let (ticket, bare) = taken_apart(&location);
    let path = bare.split('?').next().unwrap_or("").to_owned();
    for (method, target, status) in [
        ("DELETE", location.clone(), 401),
        (
            "POST",
            format!("/v2/lab/app/blobs/uploads/?{PARAMETER}={ticket}"),
            401,
        ),
        (
            "PUT",
            format!("/v2/lab/app/manifests/v1?{PARAMETER}={ticket}"),
            401,
        ),
        (
            "GET",
            format!("/v2/lab/app/tags/list?{PARAMETER}={ticket}"),
            401,
        ),
        (
            "GET",
            format!("/v2/lab/app/manifests/v1?{PARAMETER}={ticket}"),
            401,
        ),
        ("POST", format!("{path}?{PARAMETER}={ticket}"), 401),
    ] {
        let reply = push
            .conn
            .ask(with_length(method, &target, &[BARE], b""))
            .await;
        assert!(
            reply.status == status || reply.status == 404,
            "{method} {target}: {reply:?}"
        );
    }
    for seen in push.harbor.seen() {
        assert!(!seen.target.contains(PARAMETER), "{}", seen.target);
        if seen.header("authorization").is_empty() && seen.target.starts_with("/v2/") {
            assert_ne!(seen.status.map(|status| status.is_success()), Some(true));
        }
    }
    assert_eq!(push.reattached("upload_cancel"), 0.0);
}

#[tokio::test]
async fn an_authorization_that_is_there_is_never_replaced() {
    let mut push = push().await;
    for wrong in [
        "Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
        "Authorization: Bearer",
        "Authorization:",
        "Authorization: Negotiate abc",
        &basic("nobody", "wrong"),
    ] {
        let location = push.begin().await;
        let reply = commit(&mut push.conn, wrong, &location, b"x").await;
        assert_eq!(reply.status, 401, "{wrong}: {reply:?}");
    }
    assert_eq!(push.reattached("upload_commit"), 0.0);
    assert!(!push.harbor.has_blob("lab/app", &digest(b"x")));
}

#[tokio::test]
async fn without_tls_there_is_no_ticket() {
    let mut push = push().await;
    let mut plain = push.world.http().await;
    let location = begin(&mut plain, &push.token).await;
    assert!(!location.contains(PARAMETER), "{location}");
    let labels = [("reason", "not_tls")];
    let family = "harbormouth_tickets_not_issued_total";
    assert_eq!(push.world.gateway.metric(family, &labels), 1.0);

    let sealed = push.begin().await;
    assert_lost(&commit(&mut plain, BARE, &sealed, b"x").await);
    // Nobody believes a stranger who says that it was TLS.
    let claim = "X-Forwarded-Proto: https";
    let location = begin(&mut plain, &format!("{}\r\n{claim}", push.token)).await;
    assert!(!location.contains(PARAMETER), "{location}");
    let reply = commit(&mut plain, claim, &sealed, b"x").await;
    assert_eq!(reply.status, 401);
    assert_eq!(push.refused("not_tls") + push.refused("invalid"), 2.0);
}

#[tokio::test]
async fn a_trusted_proxy_may_have_ended_tls() {
    let push = push_with(|setup| Setup {
        top: "trusted_proxies: [127.0.0.0/8]\n".into(),
        ..setup.registry(|registry| registry.public = vec!["https://hub.example.com"])
    })
    .await;
    let mut plain = push.world.http().await;
    for (claim, has_ticket) in [
        ("X-Forwarded-Proto: https", true),
        ("X-Forwarded-Proto: http", false),
        ("X-Forwarded-Proto: https, http", false),
        (BARE, false),
    ] {
        let location = begin(&mut plain, &format!("{}\r\n{claim}", push.token)).await;
        assert_eq!(
            location.contains(PARAMETER),
            has_ticket,
            "{claim}: {location}"
        );
        if has_ticket {
            let reply = commit(&mut plain, claim, &location, claim.as_bytes()).await;
            assert_eq!(reply.status, 201, "{claim}: {reply:?}");
        }
    }
}

#[tokio::test]
async fn passwords_are_never_sealed() {
    let mut push = push().await;
    let location = begin(&mut push.conn, &alice()).await;
    assert!(!location.contains(PARAMETER), "{location}");
}

#[tokio::test]
async fn what_is_off_issues_and_opens_nothing() {
    let mut push = push_with(|setup| Setup {
        top: "reattach: { mode: off }\n".into(),
        ..setup
    })
    .await;
    let location = push.begin().await;
    assert!(!location.contains(PARAMETER), "{location}");
    let with_one = format!("{location}&{PARAMETER}=AAAA");
    assert_lost(&commit(&mut push.conn, BARE, &with_one, b"x").await);
    // What goes on with its token doesn't carry the parameter to Harbor.
    let reply = commit(&mut push.conn, &push.token.clone(), &with_one, b"x").await;
    assert_eq!(reply.status, 201, "{reply:?}");
    assert!(
        push.harbor
            .seen()
            .iter()
            .all(|seen| !seen.target.contains(PARAMETER))
    );
    let key = "harbormouth_sealing_key_info";
    assert!(!push.world.gateway.metrics().contains(&format!("{key}{{")));
}

#[tokio::test]
async fn another_registry_opens_nothing_although_it_has_the_same_key() {
    let harbor = push::fake_harbor().await;
    let mut other = Registry::new("branch", harbor.origin());
    other.public = vec!["https://branch.example.com"];
    let mut both = Registry::new("hq", harbor.origin());
    both.public = vec!["https://hub.example.com", "https://lan.example.com"];
    let world = Setup {
        certificates: vec![vec![
            "hub.example.com",
            "lan.example.com",
            "branch.example.com",
        ]],
        ..Setup::of(vec![both, other])
    }
    .start();
    let mut conn = world.https().await;
    let token = bearer(&mut conn).await;
    let location = begin(&mut conn, &token).await;
    for host in ["branch.example.com", "lan.example.com"] {
        let put = with_length(
            "PUT",
            &format!("{location}&digest={}", digest(b"x")),
            &[BARE],
            b"x",
        );
        let put = String::from_utf8(put).expect("text");
        let reply = conn
            .ask(put.replace("Host: hub.example.com", &format!("Host: {host}")))
            .await;
        assert_eq!(reply.status, 401, "{host}");
    }
    assert_eq!(commit(&mut conn, BARE, &location, b"x").await.status, 201);
}

/// A token with this expiry, as far as the gateway can see.
fn token(expires: u64) -> String {
    let claims = format!("{{\"exp\":{expires}}}");
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.{}",
        encode("{\"alg\":\"RS256\"}"),
        encode(&claims),
        encode("signature")
    )
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs()
}

#[tokio::test]
async fn a_ticket_expires_with_its_token() {
    let harbor = Harbor::start(|got: &Got| {
        let begun = "Location: /v2/lab/app/blobs/uploads/1?_state=x\r\n";
        let challenge = "WWW-Authenticate: Bearer realm=\"http://core/service/token\",\
                         service=\"harbor-registry\",scope=\"repository:lab/app:pull,push\"\r\n";
        if got.all("authorization").is_empty() {
            Plan::status("401 Unauthorized", challenge, "no")
        } else if got.line().starts_with("POST") {
            Plan::status("202 Accepted", begun, "")
        } else {
            Plan::status("201 Created", "", "")
        }
    })
    .await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.https().await;
    let login = |expires| format!("Authorization: Bearer {}", token(expires));
    let expired = begin_at(&mut conn, &login(now() - 1)).await;
    assert!(!expired.contains(PARAMETER), "{expired}");
    let opaque = begin_at(&mut conn, "Authorization: Bearer opaque").await;
    assert!(!opaque.contains(PARAMETER), "{opaque}");

    let location = begin_at(&mut conn, &login(now() + 2)).await;
    let put = with_length("PUT", &location, &[BARE], b"x");
    assert_eq!(conn.ask(&put).await.status, 201);
    let start = std::time::Instant::now();
    let reply = loop {
        let reply = conn.ask(&put).await;
        if reply.status != 201 {
            break reply;
        }
        assert!(
            start.elapsed() < Duration::from_secs(30),
            "it never expires"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_lost(&reply);
    let labels = [("reason", "expired")];
    let family = "harbormouth_tickets_refused_total";
    assert_eq!(world.gateway.metric(family, &labels), 1.0);
    let labels = [("reason", "no_expiry")];
    let family = "harbormouth_tickets_not_issued_total";
    assert_eq!(world.gateway.metric(family, &labels), 2.0);
}

async fn begin_at(conn: &mut Conn, login: &str) -> String {
    let lines = [login, "Content-Length: 0"];
    let post = request("POST", "/v2/lab/app/blobs/uploads/", &lines, b"");
    let reply = conn.ask(post).await;
    assert_eq!(reply.status, 202, "{reply:?}");
    reply.header("location").to_owned()
}

/// Where the client's address has changed between two steps.
#[tokio::test]
async fn another_client_address_is_ignored_noted_or_refused() {
    for (rule, status, noted) in [
        ("ignore", 201, false),
        ("note", 201, true),
        ("require", 401, false),
    ] {
        let push = push_with(|setup| Setup {
            top: format!(
                "trusted_proxies: [127.0.0.0/8]\nreattach: {{ client_address: {rule} }}\n"
            ),
            ..setup.registry(|registry| registry.public = vec!["https://hub.example.com"])
        })
        .await;
        let mut plain = push.world.http().await;
        let at = |address: &str| format!("X-Forwarded-Proto: https\r\nX-Forwarded-For: {address}");
        let location = begin(
            &mut plain,
            &format!("{}\r\n{}", push.token, at("203.0.113.9")),
        )
        .await;
        let reply = commit(&mut plain, &at("203.0.113.10"), &location, b"x").await;
        assert_eq!(reply.status, status, "{rule}: {reply:?}");
        assert_eq!(
            push.world
                .gateway
                .stderr()
                .contains("from another client address"),
            noted,
            "{rule}"
        );
        let refused = if rule == "require" { 1.0 } else { 0.0 };
        assert_eq!(push.refused("client_address"), refused, "{rule}");
        let location = begin(
            &mut plain,
            &format!("{}\r\n{}", push.token, at("203.0.113.9")),
        )
        .await;
        let reply = commit(&mut plain, &at("203.0.113.9"), &location, b"y").await;
        assert_eq!(reply.status, 201, "{rule}: {reply:?}");
    }
}

/// Everything that a push leaves behind is searched for its tickets and its token.
#[tokio::test]
async fn tickets_and_tokens_are_found_nowhere() {
    let mut push = push().await;
    let mut secrets = vec![push.token.rsplit(' ').next().unwrap_or("").to_owned()];
    let mut answers = String::new();
    let location = push.begin().await;
    secrets.push(taken_apart(&location).0);
    let patch = with_length("PATCH", &location, &[BARE], b"one");
    let second = push.conn.ask(patch).await.header("location").to_owned();
    secrets.push(taken_apart(&second).0);
    // A wrong one, a damaged one, one in a Referer, one in a path, and one in a wrong place.
    let damaged = second.replace(&format!("{PARAMETER}="), &format!("{PARAMETER}=AAAA"));
    let referer = format!("Referer: https://hub.example.com{second}");
    let in_path = format!("/v2/lab/app/manifests/{}", secrets[1]);
    for (method, target, line) in [
        ("PUT", damaged.as_str(), BARE),
        ("GET", "/v2/lab/app/tags/list", referer.as_str()),
        ("GET", &in_path, BARE),
        ("DELETE", &second, BARE),
        ("POST", &second, BARE),
    ] {
        let reply = push
            .conn
            .ask(with_length(method, target, &[line], b""))
            .await;
        let _ = write!(answers, "{:?} {}", reply.headers, reply.text());
    }
    let reply = commit(&mut push.conn, BARE, &second, b"two").await;
    let _ = write!(answers, "{:?} {}", reply.headers, reply.text());

    push.world.logged(&["upload_commit", "in=3"]).await;
    let log = push.world.gateway.stderr();
    let metrics = push.world.gateway.metrics();
    let shown: String = ["/overview", "/pushes?limit=500", "/failures?limit=500"]
        .map(|path| push.world.gateway.admin_page(path))
        .concat();
    assert!(
        shown.contains("DIGEST_INVALID") && shown.contains("authorization_lost"),
        "the search finds what is there: {shown}"
    );
    let mut upstream = String::new();
    for seen in push.harbor.seen() {
        let _ = write!(upstream, "{} {:?}", seen.target, seen.header("referer"));
    }
    assert!(
        log.contains("harbormouth_ticket=***"),
        "the search finds what is there: {log}"
    );
    for secret in &secrets {
        assert!(secret.len() > 100);
        // A part is as bad as the whole.
        let part = &secret[40..80];
        for (name, text) in [
            ("log", &log),
            ("metrics", &metrics),
            ("answers", &answers),
            ("admin", &shown),
        ] {
            // The request that has it in its path, where nothing can tell what it is.
            let text = text.replace(&in_path, "");
            assert!(!text.contains(part), "{name}: {text}");
        }
        if *secret != secrets[1] {
            assert!(!upstream.contains(part), "upstream: {upstream}");
        }
    }
    assert!(!upstream.contains(PARAMETER), "{upstream}");
}
