//! The page of several replicas: whose rows are whose, who is missing, and how one failure is found.

use crate::browser::{Browser, Scheme};
use crate::stage::Stage;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["gw-7c9f6d-x2k8q", "gw-7c9f6d-p4m2z", "gw-7c9f6d-<b>w</b>"];

/// Answers as three replicas give them of which a fourth doesn't.
async fn three(missing: Value) -> Stage {
    let stage = Stage::start("full").await;
    stage.change(move |path, value| {
        if path == "/reasons" {
            return;
        }
        let started = value["started"].as_f64().unwrap_or(1_789_733_300.0);
        let replica = |name: &&str| {
            json!({ "replica": name, "started": started, "version": "0.1.0", "phase": "serving" })
        };
        value["replicas"] = NAMES.iter().map(replica).collect();
        value["missing"] = missing.clone();
        for list in ["uploads", "pushes", "failures"] {
            let rows = value[list].as_array_mut().into_iter().flatten();
            for (index, row) in rows.enumerate() {
                row["replica"] = json!(NAMES[index % NAMES.len()]);
            }
        }
        if path == "/overview" {
            value["registries"][1]["endpoints"][0]["down_at"] = json!([NAMES[1]]);
        }
    });
    stage
}

#[tokio::test]
async fn rows_name_their_replica_and_who_is_missing_is_said() {
    let late = json!([{ "peer": "10.2.0.9:9090", "reason": "no answer within 800 ms" }]);
    let stage = three(late).await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    browser
        .says(
            "#missing",
            "1 replica didn't answer, and what it knows is missing here: 10.2.0.9:9090 (no answer within 800 ms).",
        )
        .await;
    browser
        .says("#about", "3 replicas, asked harbormouth-7c9f6d-x2k8q")
        .await;
    browser
        .says("#view", "The view of all replicas that answered")
        .await;
    for list in ["#uploads", "#pushes", "#failures"] {
        for name in NAMES {
            browser.says(list, name).await;
        }
    }
    let part = format!("answers, but not {}", NAMES[1]);
    browser.says("#registries", &part).await;
    browser
        .says("#verdicts", "Some replicas don't reach lab")
        .await;
    assert_eq!(browser.count("main b b").await, 0, "names stay text");
    for scheme in [Scheme::Light, Scheme::Dark] {
        for width in [1280, 400] {
            browser.screen(width, scheme).await;
            browser
                .picture(&format!("fleet-{}-{width}", scheme.as_str()))
                .await;
        }
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn one_replicas_failures_are_chosen_and_the_address_keeps_it() {
    let stage = three(json!([])).await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    assert_eq!(
        browser
            .js("return document.querySelector('#missing').hidden")
            .await,
        json!(true)
    );
    let choose = format!(
        "const field = document.querySelector('#filter').elements.namedItem('replica'); \
         field.value = {:?}; field.dispatchEvent(new Event('change', {{ bubbles: true }}))",
        NAMES[1]
    );
    browser.js(&choose).await;
    let three = "document.querySelectorAll('#failures > li').length === 3";
    browser.becomes(three).await;
    browser
        .says("#chart-note", "every failure of these kinds")
        .await;
    browser.reload().await;
    browser.becomes(three).await;
    assert_eq!(
        browser.js("return location.hash").await,
        json!(format!("#replica={}", NAMES[1]))
    );
    browser.click("#clear").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 10")
        .await;
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_failure_is_found_by_what_a_person_knows_and_copied() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "#search=6bbf4273-a18f").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 1")
        .await;
    browser.click("#failures summary").await;
    browser
        .js("document.addEventListener('copy', () => { window.copied = document.activeElement.value })")
        .await;
    browser.click("#failures .copy").await;
    browser.says("#failures .copy", "Copied").await;
    let copied = browser.js("return window.copied").await;
    let copied = copied.as_str().expect("a text");
    for said in [
        "upload commit failed: reset\nHarbor at 10.0.0.6 closed the connection",
        "Registry: berlin\n",
        "Repository: web/front\n",
        "Request id: 6bbf4273-a18f-4280-a862-d0f04a389d63",
    ] {
        assert!(copied.contains(said), "{said:?} is not in\n{copied}");
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn links_lead_elsewhere_with_what_is_known_of_a_failure() {
    let stage = Stage::start("full").await;
    stage.change(|path, value| {
        if path == "/overview" {
            value["links"] = json!([
                { "name": "Grafana", "url": "https://grafana.ops.example/d/1" },
                { "name": "Logs <b>", "url": "https://logs.ops.example/?q={request_id}&r={repository}&at={replica}" },
            ]);
        }
    });
    let browser = Browser::open(stage.address, "#search=6bbf4273-a18f").await;
    browser.says("#links", "Grafana").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 1")
        .await;
    browser.click("#failures summary").await;
    browser.says("#failures .links", "Logs <b>").await;
    let links = "return [...document.querySelectorAll('#links a, #failures .links a')].map((one) => one.href)";
    let at = "https://logs.ops.example/?q=6bbf4273-a18f-4280-a862-d0f04a389d63&r=web%2Ffront&at=harbormouth-7c9f6d-x2k8q";
    assert_eq!(
        browser.js(links).await,
        json!(["https://grafana.ops.example/d/1", at])
    );
    browser.picture("failure-open").await;
    assert_eq!(browser.console().await, Vec::<String>::new());
}

/// Where most of the failures are is a click away, and so are older ones.
#[tokio::test]
async fn most_failing_projects_and_clients_and_older_failures() {
    let stage = Stage::start("full").await;
    stage.change(|path, value| {
        if path == "/failures" {
            let list = value["failures"].as_array_mut().expect("a list");
            if list.len() < 10 {
                return;
            }
            let one = list[0].clone();
            list.clear();
            for number in 0..60 {
                let mut one = one.clone();
                one["request_id"] = json!(format!("{number}"));
                one["repository"] = json!(if number < 12 { "lab/app" } else { "web/front" });
                list.push(one);
            }
        }
    });
    let browser = Browser::open(stage.address, "").await;
    browser.says("#most", "web (48)").await;
    browser.says("#most", "lab (12)").await;
    assert!(
        !browser.text("#most").await.contains("Clients"),
        "there is only one"
    );
    browser.click("#older").await;
    crate::browser::until("older ones", || {
        stage
            .asked()
            .iter()
            .any(|asked| asked.starts_with("/failures?limit=600"))
    })
    .await;
    browser
        .becomes("document.querySelector('#older').hidden")
        .await;
    browser.click("#most button:nth-of-type(2)").await;
    assert_eq!(
        browser.js("return location.hash").await,
        json!("#search=lab")
    );
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn certificates_that_end_are_named_in_time() {
    let stage = Stage::start("calm").await;
    let day = 86_400.0;
    for (ends, said) in [
        (&[("hub.example.com", 40.0)][..], None),
        (
            &[
                ("hub.example.com", 2.5),
                ("lan.example", 90.0),
                ("<b>x</b>", -1.0),
            ],
            Some(
                "Certificates end soon or have ended: hub.example.com ends in 2 d 12 h, <b>x</b> ended 1 d ago.",
            ),
        ),
    ] {
        stage.change(move |path, value| {
            if path == "/overview" {
                let time = value["time"].as_f64().expect("a time");
                let end =
                    |(name, days): &(&str, f64)| json!({ "name": name, "ends": time + days * day });
                value["certificates"] = ends.iter().map(end).collect();
            }
        });
        let browser = Browser::open(stage.address, "").await;
        browser.says("#status", "Live").await;
        match said {
            Some(said) => browser.says("#certificates", said).await,
            None => assert_eq!(browser.count("#certificates:not([hidden])").await, 0),
        }
        assert_eq!(browser.console().await, Vec::<String>::new());
    }
}
