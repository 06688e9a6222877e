//! Several replicas on one page: `admin.peers`. Each shows what all know, and names whoever doesn't answer.

use crate::admin::refused_push;
use crate::common::plain_http::{Answer, ask};
use crate::harbor::{Got, Harbor, Plan};
use crate::push::fake_harbor;
use crate::setup::{Setup, World, until};
use harbormouth::testing::fake_harbor::FakeHarbor;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Answers come within a second; the rest is for a machine that has other things to do.
const SOON: Duration = Duration::from_secs(5);

const REPLICA: &str = "Harbormouth-View: replica";

fn admin(world: &World) -> SocketAddr {
    world.gateway.admin.expect("admin")
}

fn get(world: &World, target: &str, headers: &[&str]) -> Answer {
    let began = Instant::now();
    let answer = ask(admin(world), "GET", target, headers);
    assert!(began.elapsed() < SOON, "{target}: {:?}", began.elapsed());
    answer
}

fn told(world: &World, target: &str) -> Value {
    let answer = get(world, target, &[]);
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// Gives a gateway these peers, and waits until it has them.
async fn with_peers(world: &World, peers: &[String]) {
    let configured = format!("127.0.0.1:0, peers: [{}]", peers.join(", "));
    world
        .gateway
        .reload(&world.yaml.replacen("127.0.0.1:0", &configured, 1));
    until("the peers", || {
        let overview = told(world, "/overview");
        let count = |key: &str| overview[key].as_array().map_or(0, Vec::len);
        (count("replicas") + count("missing") >= peers.len()).then_some(())
    })
    .await;
}

fn origin(address: SocketAddr) -> String {
    format!("http://{address}")
}

/// A gateway, and a push through it of which the layer goes well and the manifest is refused.
async fn pushed() -> (FakeHarbor, World) {
    let harbor = fake_harbor().await;
    let world = Setup::new(harbor.origin()).start();
    let mut conn = world.http().await;
    refused_push(&mut conn).await;
    until("the failure", || {
        let list = told(&world, "/failures?operation=manifest_put");
        (rows(&list, "failures").len() == 1).then_some(())
    })
    .await;
    (harbor, world)
}

fn rows<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().expect("a list")
}

/// The replicas that rows name.
fn named(answer: &Value, key: &str) -> BTreeSet<String> {
    let name = |row: &Value| row["replica"].as_str().expect("a name").to_owned();
    rows(answer, key).iter().map(name).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_replica_shows_what_all_know() {
    let (_one, first) = pushed().await;
    let (_two, second) = pushed().await;
    let (_three, third) = pushed().await;
    let worlds = [&first, &second, &third];
    let peers = worlds.map(|world| origin(admin(world)));
    for world in worlds {
        with_peers(world, &peers).await;
    }
    for world in worlds {
        let failures = told(world, "/failures?operation=manifest_put");
        assert_eq!(rows(&failures, "failures").len(), 3, "{failures}");
        // All run on one machine: two of them are told apart by their addresses.
        assert_eq!(named(&failures, "failures").len(), 3, "{failures}");
        assert_eq!(rows(&failures, "replicas").len(), 3, "{failures}");
        assert_eq!(failures["missing"], json!([]));
        let newest = told(world, "/failures?operation=manifest_put&limit=2");
        let all = rows(&failures, "failures");
        assert_eq!(rows(&newest, "failures").len(), 2);
        for (two, three) in rows(&newest, "failures").iter().zip(all) {
            assert_eq!(two["request_id"], three["request_id"], "newest first");
        }
        let none = told(world, "/failures?operation=blob_get");
        assert_eq!(rows(&none, "failures"), &[] as &[Value]);
        assert_eq!(get(world, "/failures?operation=push", &[]).status, 400);

        let pushes = told(world, "/pushes");
        assert_eq!(named(&pushes, "pushes").len(), 3, "{pushes}");

        let overview = told(world, "/overview");
        let hq = &overview["registries"][0];
        // Each has its POST, the PUT of its layer, and the refused manifest.
        let three = json!({ "good": 6, "bad": 0, "excluded": 3 });
        assert_eq!(hq["windows"]["now"], three, "{hq}");
        assert_eq!(hq["commit_wait"]["count"], 3, "{hq}");
        assert_eq!(
            rows(hq, "endpoints").len(),
            3,
            "each has a Harbor of its own"
        );
        let sum = |counts: &Value| -> u64 {
            let counts = counts.as_array().expect("counts").iter();
            counts.filter_map(Value::as_u64).sum()
        };
        assert_eq!(sum(&overview["series"]["requests"][0]["good"]), 6);
        assert_eq!(rows(&overview["series"], "failures").len(), 1);
        assert_eq!(sum(&overview["series"]["failures"][0]["counts"]), 3);

        let own = get(world, "/failures?operation=manifest_put", &[REPLICA]);
        let own: Value = serde_json::from_str(&own.body).expect("JSON");
        assert_eq!(
            rows(&own, "failures").len(),
            1,
            "whoever is asked asks nobody"
        );
        assert_eq!(own.get("missing"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_answer_is_named_and_hides_nobody() {
    let (_one, first) = pushed().await;
    let (_two, second) = pushed().await;
    let (_three, killed) = pushed().await;
    // Its connections are accepted by the system, and nobody says anything.
    let hung = TcpListener::bind("127.0.0.1:0").expect("bind");
    let hung = hung
        .local_addr()
        .map(|address| (hung, address))
        .expect("its address");
    let long = Harbor::start(|_: &Got| Plan::ok(&" ".repeat(2 * 1024 * 1024))).await;
    let broken =
        Harbor::start(|_: &Got| Plan::status("503 Service Unavailable", "", "not now")).await;
    let peers = [
        origin(admin(&first)),
        origin(admin(&second)),
        origin(admin(&killed)),
        origin(hung.1),
        long.url(),
        broken.url(),
        "http://gateway.invalid:9090".to_owned(),
    ];
    let dead = admin(&killed).to_string();
    with_peers(&first, &peers).await;
    drop(killed);
    for target in ["/failures", "/pushes", "/overview"] {
        let answer = told(&first, target);
        assert_eq!(rows(&answer, "replicas").len(), 2, "{answer}");
        let reason = |peer: &str| -> String {
            let missing = rows(&answer, "missing").iter();
            let mut found = missing.filter(|one| one["peer"] == peer);
            let reason = found.next().map(|one| one["reason"].to_string());
            reason.unwrap_or_else(|| panic!("{peer} isn't named: {answer}"))
        };
        for (peer, said) in [
            (dead.clone(), "can't be reached"),
            (hung.1.to_string(), "no answer within 800 ms"),
            (long.address.to_string(), "longer than"),
            (broken.address.to_string(), "it answered 503: not now"),
            ("http://gateway.invalid:9090".to_owned(), "look"),
        ] {
            let reason = reason(&peer);
            assert!(reason.contains(said), "{peer}: {reason} in {answer}");
        }
        assert_eq!(rows(&answer, "missing").len(), 5, "{answer}");
    }
    let failures = told(&first, "/failures?operation=manifest_put");
    assert_eq!(named(&failures, "failures").len(), 2, "{failures}");
}

/// During a roll-out: one that says less, and words and fields that only a newer one knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_versions_are_understood() {
    let older = Harbor::start(|_: &Got| {
        Plan::ok(r#"{"time":1.5,"failures":[{"time":1.5,"registry":"hq","reason":"reset"}]}"#)
    })
    .await;
    let newer = Harbor::start(|_: &Got| {
        let failure = r#"{"time":2.5,"registry":"moon","reason":"eclipse","phase_of_moon":[1]}"#;
        let who =
            r#""replica":"gw-9","started":7.25,"version":"9.0.0","phase":"dreaming","more":{}"#;
        Plan::ok(&format!(r#"{{{who},"time":2.5,"failures":[{failure}]}}"#))
    })
    .await;
    let harbor = Harbor::content().await;
    let world = Setup::new(harbor.url()).start();
    with_peers(&world, &[older.url(), newer.url()]).await;
    let failures = told(&world, "/failures?registry=hq");
    let row = |index: usize| {
        let row = rows(&failures, "failures").get(index);
        let row = row.unwrap_or_else(|| panic!("no row {index}: {failures}"));
        let word = |key: &str| row[key].as_str().expect("a word").to_owned();
        [word("replica"), word("registry"), word("reason")]
    };
    assert_eq!(row(0), ["gw-9", "moon", "eclipse"]);
    assert_eq!(row(1), [&*older.address.to_string(), "hq", "reset"]);
    assert_eq!(failures["missing"], json!([]));
    let asked = newer.got();
    let last = asked.last().expect("a question");
    assert_eq!(last.line(), "GET /failures?registry=hq HTTP/1.1");
    assert_eq!(last.header("harbormouth-view"), "replica");
}
