//! What the page shows for states from files, where every number is known.

use crate::browser::{Browser, Scheme};
use crate::stage::Stage;
use serde_json::json;

/// Not the console's errors, and not a request to another origin.
async fn was_clean(browser: &Browser) {
    assert_eq!(browser.console().await, Vec::<String>::new());
    let (own, foreign) = browser.foreign_requests().await;
    assert!(own > 0, "the log of requests is empty");
    assert_eq!(foreign, Vec::<String>::new());
}

#[tokio::test]
async fn one_glance_answers_the_five_questions() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    let verdict = browser.text(".verdict").await;
    for said in [
        "Pushing is broken at berlin since about ",
        "53 % of the push requests of the last 5 minutes failed (9 of 17 requests)",
        "the objective allows 0.5 %",
        "upload commit (164 of 219 failures)",
        "reset – The connection to Harbor broke",
        "Harbor",
        "A Harbor that was restarted, or a proxy in front of Harbor that cuts connections.",
        "Harbor at 10.0.0.6 closed the connection 12 s into the commit",
        "http://10.0.0.6 (the health probe fails)",
    ] {
        assert!(verdict.contains(said), "{said:?} is not in\n{verdict}");
    }
    let all = browser.text("#verdicts").await;
    for said in [
        "Pushing works again at singapore since about ",
        "authorization lost – A write arrived without its Authorization",
        "the network in front",
        "Pushing works at lab",
        "No push yet at archive",
    ] {
        assert!(all.contains(said), "{said:?} is not in\n{all}");
    }
    was_clean(&browser).await;
}

#[tokio::test]
async fn numbers_have_their_units_and_stand_where_they_belong() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    let card = browser.text(".card").await;
    for said in [
        "53 %",
        "54 %",
        "5.5 %",
        "9 of 17",
        "98 of 180",
        "Objective: at most 0.5 % fail.",
        "2.4 s median, 17 s for 95 %, 41 s at most; containerd and Docker give up at 30 s",
        "http://10.0.0.5 answers",
        "http://10.0.0.6 doesn't answer",
        "failed 30 times in a row, last 40 s ago, at blob commit: push failed (ops/canary, every 1 min)",
    ] {
        assert!(card.contains(said), "{said:?} is not in\n{card}");
    }
    let cards = browser.text("#registries").await;
    for said in [
        "pushed and pulled 12 s ago, in 0.4 s (ops/canary, every 1 min)",
        "the answer was 403. Later runs push the same content again",
        "not run yet (ops/canary, every 5 min)",
    ] {
        assert!(cards.contains(said), "{said:?} is not in\n{cards}");
    }
    assert_eq!(
        cards.matches("Canary").count(),
        3,
        "and no word where there is none"
    );
    // Nothing beyond what the page remembers is there twice or missing.
    assert_eq!(browser.count(".card").await, 4);
    assert_eq!(browser.count("#failures > li").await, 10);
    assert_eq!(browser.count("#pushes tbody tr").await, 9);
    assert_eq!(browser.count("#uploads tbody tr").await, 4);
    let uploads = browser.text("#uploads").await;
    for said in [
        "6 min 52 s",
        "7.2 GiB",
        "waits for Harbor (upload commit)",
        "28 s",
        "8.77 MiB/s",
    ] {
        assert!(uploads.contains(said), "{said:?} is not in\n{uploads}");
    }
    browser
        .says("#uploads-count", "4, and 1 between two requests")
        .await;
    let about = browser.text("#about").await;
    assert_eq!(
        about,
        "harbormouth-7c9f6d-x2k8q · 0.1.0 · serving · up 3 d 2 h"
    );
}

/// Only where projects are counted, and with what these numbers don't say.
#[tokio::test]
async fn traffic_by_project_is_shown_where_it_is_counted() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    let hidden = "return document.querySelector('#accounting').hidden";
    assert_eq!(browser.js(hidden).await, json!(true));
    let project = |name: &str, received: u64, sent: u64, pulls: u64| {
        json!({
            "project": name, "received": received, "sent": sent, "pulls": pulls, "pushes": 36,
            "deletes": 2, "redirects": 3,
        })
    };
    stage.change(move |path, value| {
        if path == "/overview" {
            value["registries"][0]["accounting"] = json!({
                "month": "2026-09", "since": 1_789_733_300.1, "more": 12, "redirects": 1234,
                "projects": [
                    project("shop", 7_730_941_132, 198_642_237_440, 41_200),
                    project("<b>lab</b>", 73_400_320, 1_073_741_824, 412),
                    project("_other", 0, 5_242_880, 7),
                ],
            });
            value["registries"][2]["accounting"] = json!({
                "month": "2026-09", "since": 1_789_733_300.1, "more": 0, "redirects": 0,
                "projects": [project("library", 1024, 4096, 1)],
            });
        }
    });
    browser.says("#accounting-month", "2026-09").await;
    let shown = browser.text("#accounting").await;
    for said in [
        "shop",
        "berlin",
        "185 GiB",
        "7.2 GiB",
        "41,200",
        "<b>lab</b>",
        "all other projects",
        "library",
        "singapore",
        "1,234 layers were redirected to object storage",
        "are not in these numbers",
        "The file has 12 more projects.",
        "A restart begins anew",
    ] {
        assert!(shown.contains(said), "{said:?} is not in\n{shown}");
    }
    assert_eq!(browser.count("#projects tbody tr").await, 4);
    let link = "return document.querySelector('#accounting-csv').getAttribute('href')";
    assert_eq!(
        browser.js(link).await,
        json!("/accounting.csv?month=2026-09")
    );
    for scheme in [Scheme::Light, Scheme::Dark] {
        for width in [1280, 400] {
            browser.screen(width, scheme).await;
            browser
                .js("document.querySelector('#accounting').scrollIntoView()")
                .await;
            let name = format!("accounting-{}-{width}", scheme.as_str());
            browser.picture(&name).await;
        }
    }
    was_clean(&browser).await;
}

#[tokio::test]
async fn what_comes_from_outside_stays_text() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    browser
        .says("#pushes", "<img src=x onerror=alert(1)>")
        .await;
    browser.says("#failures", "<script>alert(1)</script>").await;
    assert_eq!(browser.count("main img, main script, main b b").await, 0);
    browser
        .js("document.querySelectorAll('.failure details').forEach((one) => one.open = true)")
        .await;
    browser
        .says("#failures", "<b>bold</b> &amp; \"quoted\"")
        .await;
    was_clean(&browser).await;
}

#[tokio::test]
async fn an_empty_page_says_so_and_a_calm_one_is_calm() {
    let stage = Stage::start("empty").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#verdicts", "No push yet").await;
    for (id, said) in [
        ("#uploads-empty", "Nothing is being uploaded now."),
        ("#failures-empty", "No failure is remembered."),
        ("#pushes-empty", "No push yet."),
        (".card", "no commit in the last hour"),
    ] {
        browser.says(id, said).await;
    }
    assert_eq!(browser.count("svg.chart").await, 0, "no blank chart");
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.screen(1280, scheme).await;
        browser.picture(&format!("empty-{}", scheme.as_str())).await;
    }
    was_clean(&browser).await;
    drop(browser);

    let stage = Stage::start("calm").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#verdicts", "Pushing works").await;
    assert_eq!(browser.count(".answers:not([hidden])").await, 0);
    browser.picture("calm-light").await;
    was_clean(&browser).await;
}

/// The filter changes chart, legend and list, stands in the address, and survives a reload.
#[tokio::test]
async fn failures_are_filtered_and_the_address_keeps_it() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#chart-title", "459 failures").await;
    let choose = |name: &str, value: &str| {
        format!(
            "const field = document.querySelector('#filter').elements.namedItem('{name}'); \
             field.value = '{value}'; field.dispatchEvent(new Event('change', {{ bubbles: true }}))"
        )
    };
    browser.js(&choose("registry", "singapore")).await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 2")
        .await;
    browser.says("#chart-title", "51 failures").await;
    browser.js(&choose("fault", "gateway")).await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 1")
        .await;
    browser
        .says("#failures", "Cut when drain.timeout ended")
        .await;
    assert_eq!(
        browser.js("return location.hash").await,
        json!("#registry=singapore&fault=gateway")
    );
    browser.reload().await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 1")
        .await;
    browser.says("#chart-title", "2 failures").await;
    assert!(
        stage
            .asked()
            .iter()
            .any(|asked| asked.contains("registry=singapore&fault=gateway"))
    );

    browser.click("#clear").await;
    browser
        .becomes("document.querySelectorAll('#failures > li').length === 10")
        .await;
    browser.click("[data-by=fault]").await;
    browser.says("#legend", "the network in front").await;
    browser.click("#legend li:first-child button").await;
    browser.says("#chart-title", "239 failures").await;
    browser.js("const field = document.querySelector('#filter').elements.namedItem('search'); field.value = 'nowhere'; field.dispatchEvent(new Event('input'))").await;
    browser
        .says("#failures-empty", "No failure like this is remembered")
        .await;
    browser
        .says("#chart-note", "every failure of these kinds")
        .await;
    // The same numbers are there for who can't see the bars.
    browser.click("#chart-table summary").await;
    let hour = browser.text("#chart-table tbody tr").await;
    assert!(hour.split_whitespace().count() >= 2, "{hour}");
    let label = browser
        .js("return document.querySelector('#chart svg').getAttribute('aria-label')")
        .await;
    assert!(
        label
            .as_str()
            .is_some_and(|label| label.contains("239\u{a0}failures")),
        "{label}"
    );
    was_clean(&browser).await;
}

/// A refresh changes nodes in place: focus, open details, scroll and selection stay.
#[tokio::test]
async fn a_refresh_disturbs_nobody() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#failures", "shop/cart").await;
    browser
        .js(
            "const item = document.querySelectorAll('#failures > li')[5]; \
         item.querySelector('details').open = true; \
         item.querySelector('summary').focus(); \
         window.item = item; window.card = document.querySelector('.card'); \
         window.top_ = item.getBoundingClientRect().top;",
        )
        .await;
    stage.change(|path, value| {
        if path == "/overview" {
            value["registries"][0]["windows"]["now"] =
                json!({ "good": 1, "bad": 3, "excluded": 0 });
        }
        if path == "/failures" {
            let list = value["failures"].as_array_mut().expect("a list");
            let mut new = list[0].clone();
            new["request_id"] = json!("new");
            new["diagnosis"] = json!("A new one.");
            list.insert(0, new);
        }
    });
    browser.says("#failures", "A new one.").await;
    browser.says(".card", "75 %").await;
    let same = browser
        .js(
            "return [document.contains(item), item.querySelector('details').open, \
         document.activeElement === item.querySelector('summary'), \
         document.querySelector('.card') === card, \
         Math.abs(item.getBoundingClientRect().top - top_) < 2]",
        )
        .await;
    assert_eq!(
        same,
        json!([true, true, true, true, true]),
        "kept, open, focused, same, unmoved"
    );
    was_clean(&browser).await;
}

#[tokio::test]
async fn old_numbers_are_called_old() {
    let stage = Stage::start("calm").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    assert_eq!(
        browser
            .js("return document.querySelector('#stale').hidden")
            .await,
        json!(true)
    );
    was_clean(&browser).await;
    drop(stage);
    browser.says("#status", "No answer").await;
    browser
        .says("#stale", "The gateway hasn't answered for ")
        .await;
    browser.says("#stale", "may no longer be true").await;
    let title = browser.js("return document.title").await;
    assert!(
        title.as_str().is_some_and(|title| title.starts_with("? ")),
        "{title}"
    );
    // What was known stays readable.
    browser.says("#verdicts", "Pushing works").await;
    browser.picture("stale-light").await;
}

#[tokio::test]
async fn nothing_is_asked_while_nobody_looks() {
    let stage = Stage::start("calm").await;
    let browser = Browser::open(stage.address, "").await;
    browser.says("#status", "Live").await;
    let hide = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ configurable: true, value: {hidden} }}); \
             document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    let quiet = async |stage: &Stage| {
        // One refresh may have been under way.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        let before = stage.asked().len();
        // Longer than two refreshes are apart.
        tokio::time::sleep(std::time::Duration::from_secs(11)).await;
        assert_eq!(stage.asked().len(), before);
        before
    };
    browser.js(&hide(true)).await;
    let before = quiet(&stage).await;
    browser.js(&hide(false)).await;
    crate::browser::until("a refresh", || stage.asked().len() > before).await;
    browser.click("#pause").await;
    browser.says("#status", "Paused").await;
    let before = quiet(&stage).await;
    browser.click("#pause").await;
    crate::browser::until("a refresh", || stage.asked().len() > before).await;
    browser.says("#status", "Live").await;
    was_clean(&browser).await;
}

/// What `make pictures` takes into docs/: the verdicts and the first registries, without what is below.
#[tokio::test]
async fn the_readmes_pictures_are_taken_and_small() {
    let stage = Stage::start("full").await;
    let browser = Browser::open(stage.address, "").await;
    for scheme in [Scheme::Light, Scheme::Dark] {
        browser.screen(1280, scheme).await;
        browser.reload().await;
        browser.says("#status", "Live").await;
        browser.says("#registries", "archive").await;
        let name = format!("readme-{}", scheme.as_str());
        let bytes = browser.picture_down_to(&name, ".card").await;
        assert!((10_000..200_000).contains(&bytes), "{name}: {bytes}");
    }
}
