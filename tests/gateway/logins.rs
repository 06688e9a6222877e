//! Guessed passwords, at every login and in every spelling of the account's name; and the clients that
//! must not be slowed by it.

use crate::client::{Conn, get, request, with_length};
use crate::client_h2;
use crate::harbor::{BodyEnd, Got, Harbor, Plan};
use crate::push::{self, alice, basic};
use crate::setup::{Setup, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use harbormouth::net::origin::Origin;
use harbormouth::testing::fake_harbor::{Account, AccountKind, FakeHarbor, FakeHarborConfig};
use std::time::Duration;

const THREE: &str = "login_limit: { failures: 3, within: 10m }\n";

/// A gateway that allows three failures.
fn strict(harbor: &FakeHarbor) -> World {
    Setup {
        top: THREE.to_owned(),
        ..Setup::new(harbor.origin())
    }
    .start()
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

fn form(name: &str, password: &str) -> Vec<u8> {
    let body = format!("principal={name}&password={password}");
    with_length("POST", "/c/login", &[FORM], body.as_bytes())
}

/// `alice:` with a password of two letters, whose last character has bits that mean nothing: this
/// sets them as `bits` says.
fn trailing(password: &str, bits: u8) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = STANDARD.encode(format!("alice:{password}")).into_bytes();
    let end = encoded.len() - 1 - encoded.iter().filter(|byte| **byte == b'=').count();
    let place = ALPHABET.iter().position(|byte| *byte == encoded[end]);
    encoded[end] = ALPHABET[place.expect("base64") + usize::from(bits)];
    format!(
        "Authorization: Basic {}",
        String::from_utf8(encoded).expect("ASCII")
    )
}

/// One way to try a password, by the number of the try.
type Guess = fn(usize) -> Vec<u8>;

const WAYS: [(&str, Guess); 9] = [
    ("ping", |n| {
        get("/v2/", &[&basic("alice", &format!("g{n}"))])
    }),
    ("trailing bits", |n| {
        get("/v2/", &[&trailing("ba", u8::try_from(n).expect("few"))])
    }),
    ("the name in other cases", |n| {
        let name = ["Alice", "ALICE", "aLICE "][n - 1];
        get("/v2/", &[&basic(name, &format!("g{n}"))])
    }),
    ("the API", |n| {
        let login = basic("alice", &format!("g{n}"));
        get("/api/v2.0/systeminfo", &[&login])
    }),
    ("the portal", |n| {
        get("/", &[&basic("alice", &format!("g{n}"))])
    }),
    ("HEAD of the token service", |n| {
        let login = basic("alice", &format!("g{n}"));
        request(
            "HEAD",
            "/service/token?service=harbor-registry",
            &[&login],
            b"",
        )
    }),
    ("POST of the token service", |n| {
        let login = basic("alice", &format!("g{n}"));
        with_length("POST", "/service/token", &[&login], b"grant_type=password")
    }),
    ("the login form", |n| form("alice", &format!("g{n}"))),
    ("the login form's query", |n| {
        let path = format!("/c/login?principal=%61lice&password=g{n}");
        request("POST", &path, &[FORM, "Content-Length: 0"], b"")
    }),
];

async fn status(world: &World, asked: Vec<u8>) -> u16 {
    world.https().await.ask(asked).await.status
}

#[tokio::test]
async fn every_way_in_counts_and_every_way_in_is_closed() {
    let harbor = push::fake_harbor().await;
    for (name, guess) in WAYS {
        let world = strict(&harbor);
        for number in 1..=3 {
            let answered = status(&world, guess(number)).await;
            assert_ne!(answered, 429, "{name} {number}");
        }
        for (way, guess) in WAYS {
            let answered = status(&world, guess(2)).await;
            assert_eq!(answered, 429, "{way} after {name}");
        }
        assert_eq!(
            status(&world, get("/v2/", &[&alice()])).await,
            429,
            "{name}"
        );
        let other = get("/v2/", &[&basic("bob", "Bob123456")]);
        assert_eq!(status(&world, other).await, 200, "{name}");
        let limited = "harbormouth_logins_limited_total";
        assert_eq!(world.gateway.metric(limited, &[]), 10.0, "{name}");
    }
}

/// What can't be taken apart is one account's, whatever is in it.
#[tokio::test]
async fn malformed_logins_share_one_count() {
    let harbor = push::fake_harbor().await;
    let world = strict(&harbor);
    let bad: [fn(usize) -> Vec<u8>; 4] = [
        |n| get("/v2/", &[&format!("Authorization: Basic ?{n}")]),
        |n| {
            get(
                "/v2/",
                &[&format!(
                    "Authorization: Basic {}",
                    STANDARD.encode(format!("alice{n}"))
                )],
            )
        },
        |n| form("alice&principal=bob", &format!("g{n}")),
        |n| {
            let body = format!(
                "--x\r\nContent-Disposition: form-data; name=\"principal\"\r\n\r\nalice{n}\r\n--x--\r\n"
            );
            let lines = ["Content-Type: multipart/form-data; boundary=x"];
            with_length("POST", "/c/login", &lines, body.as_bytes())
        },
    ];
    for (number, bad) in bad[..3].iter().enumerate() {
        assert_ne!(status(&world, bad(number)).await, 429, "{number}");
    }
    for (number, bad) in bad.iter().enumerate() {
        assert_eq!(status(&world, bad(9)).await, 429, "{number}");
    }
    assert_eq!(status(&world, get("/v2/", &[&alice()])).await, 200);
    assert_eq!(signs_in(&world, "Alice12345").await, 200);
}

/// Signs in as the portal does: Harbor's protection against forged requests lets only that through.
async fn signs_in(world: &World, password: &str) -> u16 {
    signs_in_with(world, password, FORM).await
}

async fn signs_in_with(world: &World, password: &str, kind: &str) -> u16 {
    let mut conn = world.https().await;
    let page = conn.ask(get("/", &[])).await;
    let cookies = page.all("set-cookie").into_iter();
    let mut cookies = cookies.filter_map(|cookie| cookie.split(';').next());
    let cookie = cookies.find(|cookie| cookie.starts_with("_gorilla_csrf="));
    let cookie = format!("Cookie: {}", cookie.expect("a cookie"));
    let token = page.header("x-harbor-csrf-token");
    let token = format!("X-Harbor-CSRF-Token: {token}");
    let body = format!("principal=alice&password={password}");
    let asked = with_length(
        "POST",
        "/c/login",
        &[&cookie, &token, kind],
        body.as_bytes(),
    );
    conn.ask(asked).await.status
}

#[tokio::test]
async fn who_signs_in_at_the_portal_is_known_and_who_guesses_there_waits() {
    let harbor = push::fake_harbor().await;
    for (known, expected) in [(true, 200), (false, 429)] {
        let world = strict(&harbor);
        if known {
            assert_eq!(signs_in(&world, "Alice12345").await, 200);
        }
        for guess in ["g1", "g2", "g3"] {
            assert_eq!(signs_in(&world, guess).await, 401, "{known}");
        }
        assert_eq!(signs_in(&world, "g4").await, 429, "{known}");
        // By either way in.
        assert_eq!(signs_in(&world, "Alice12345").await, expected);
        let ping = get("/v2/", &[&alice()]);
        assert_eq!(status(&world, ping).await, expected);
    }
}

/// A form of another kind is as unreadable as one that is too large: who has an account of his own
/// opens nothing for his guesses by it.
#[tokio::test]
async fn a_form_that_is_not_read_opens_nothing() {
    let harbor = push::fake_harbor().await;
    let world = strict(&harbor);
    // The fake Harbor reads it all the same.
    let kind = "Content-Type: multipart/form-data; boundary=x";
    assert_eq!(signs_in_with(&world, "Alice12345", kind).await, 200);
    for guess in ["g1", "g2", "g3"] {
        assert_eq!(signs_in_with(&world, guess, kind).await, 401, "{guess}");
    }
    assert_eq!(signs_in_with(&world, "g4", kind).await, 429);
    assert_eq!(signs_in_with(&world, "Alice12345", kind).await, 429);
    assert_eq!(signs_in(&world, "Alice12345").await, 200);
}

/// What is read of the form goes to Harbor, all of it; and what isn't read, too.
#[tokio::test]
async fn the_login_form_arrives_as_it_was_sent() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("in")).await;
    let world = Setup::new(harbor.url()).start();
    let small = b"principal=alice&password=%41+1".to_vec();
    let large = [b"principal=alice&password=".to_vec(), vec![b'x'; 200_000]].concat();
    for (name, body) in [("small", small), ("large", large), ("empty", Vec::new())] {
        let before = harbor.got().len();
        let mut conn = world.https().await;
        let reply = conn
            .ask(with_length("POST", "/c/login", &[FORM], &body))
            .await;
        assert_eq!((reply.status, reply.text()), (200, "in".into()), "{name}");
        let chunked = [
            format!("{:x}\r\n", body.len()).into_bytes(),
            body.clone(),
            b"\r\n0\r\n\r\n".to_vec(),
        ];
        let chunked = if body.is_empty() {
            b"0\r\n\r\n".to_vec()
        } else {
            chunked.concat()
        };
        let lines = [FORM, "Transfer-Encoding: chunked"];
        let reply = conn
            .ask(request("POST", "/c/login", &lines, &chunked))
            .await;
        assert_eq!(reply.status, 200, "{name}");
        let mut h2 = world.h2().await;
        let length = body.len().to_string();
        let headers = [
            ("content-length", length.as_str()),
            ("content-type", "application/x-www-form-urlencoded"),
        ];
        let asked = client_h2::request("POST", "/c/login", &headers);
        let pieces: Vec<Bytes> = body
            .chunks(8192)
            .map(|piece| piece.to_vec().into())
            .collect();
        let reply = match pieces.as_slice() {
            [] => h2.ask(asked).await,
            pieces => h2.send(asked, pieces, client_h2::Finish::EmptyData).await,
        };
        assert_eq!(reply.expect(name).status, 200, "{name}");
        let got = &harbor.got()[before..];
        assert_eq!(got.len(), 3, "{name}");
        for got in got {
            assert_eq!(got.end, BodyEnd::Complete, "{name}");
            assert!(got.body == body, "{name}: {} bytes", got.body.len());
        }
    }
}

/// A form whose body comes in drips isn't waited for longer than a moment.
#[tokio::test]
async fn a_slow_form_goes_on_to_harbor() {
    let harbor = Harbor::start(|_: &Got| Plan::ok("in")).await;
    let world = Setup::new(harbor.url()).start();
    let mut conn = world.https().await;
    let begun = request(
        "POST",
        "/c/login",
        &[FORM, "Content-Length: 31"],
        b"principal=alice&",
    );
    conn.write(begun).await.expect("write");
    crate::setup::until("its beginning at Harbor", || {
        harbor
            .got()
            .iter()
            .any(|got| got.body.len() == 16)
            .then_some(())
    })
    .await;
    conn.write(b"password=secret".to_vec())
        .await
        .expect("write");
    assert_eq!(conn.answer().await.status, 200);
    assert_eq!(harbor.got()[0].body, b"principal=alice&password=secret");
}

async fn token(conn: &mut Conn, login: &str) -> u16 {
    let path = "/service/token?service=harbor-registry&scope=repository:lab/app:pull,push";
    conn.ask(get(path, &[login])).await.status
}

/// Behind a balancer that hides its clients all have one address, those who guess and those who
/// don't.
#[tokio::test]
async fn what_harbor_accepted_lately_passes_whatever_others_guess() {
    let harbor = push::fake_harbor().await;
    let world = strict(&harbor);
    let mut conn = world.https().await;
    let robot = |password: &str| basic("robot$lab+ci", password);
    assert_eq!(token(&mut conn, &robot("Robot12345")).await, 200);
    for number in 0..3 {
        token(&mut conn, &robot(&format!("guess {number}"))).await;
    }
    for round in 0..20 {
        assert_eq!(token(&mut conn, &robot("Robot12345")).await, 200, "{round}");
        let guess = robot(&format!("another {round}"));
        assert_eq!(token(&mut conn, &guess).await, 429, "{round}");
    }
    // Nothing of it is anywhere to be read.
    let shown = [world.gateway.stderr(), world.gateway.metrics()].concat();
    assert!(!shown.contains("Robot12345") && !shown.contains("guess 1"));
}

/// Where many accounts come from one address, nobody's is closed: only what was wrong is slowed.
#[tokio::test]
async fn at_an_address_of_many_accounts_only_the_wrong_password_is_slowed() {
    let origin = Origin::parse("https://hub.example.com").expect("an origin");
    let mut config = FakeHarborConfig::example(origin);
    config.failed_login_delay = Duration::from_millis(1);
    config.accounts.extend((0..8).map(|number| Account {
        name: format!("user{number}"),
        password: format!("User12345{number}"),
        kind: AccountKind::User,
    }));
    let harbor = FakeHarbor::start(config).await.expect("the stand-in");
    let world = strict(&harbor);
    let mut conn = world.https().await;
    for number in 0..8 {
        let login = basic(&format!("user{number}"), &format!("User12345{number}"));
        assert_eq!(token(&mut conn, &login).await, 200, "{number}");
    }
    let robot = |password: &str| basic("robot$lab+ci", password);
    for number in 0..10 {
        let guess = robot(&format!("guess {number}"));
        assert_eq!(token(&mut conn, &guess).await, 200, "{number}");
    }
    // Of a password that was changed and is tried on, Harbor hears no more.
    for (round, expected) in [200, 200, 200, 429, 429].into_iter().enumerate() {
        assert_eq!(token(&mut conn, &robot("old")).await, expected, "{round}");
    }
    assert_eq!(token(&mut conn, &robot("Robot12345")).await, 200);
}
