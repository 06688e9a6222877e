//! What an operator has in front of him at night, without having touched anything: for each story, the first
//! screen of a laptop names what is broken, since when, why, whose fault it is and what to look at. Each is
//! a picture in `target/page` as well.

use crate::browser::{Browser, Scheme};
use crate::stage::Stage;
use serde_json::{Value, json};

/// A laptop's screen, less what the browser itself takes.
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

struct Story {
    name: &'static str,
    /// Requests of pushes in the last five minutes, good and bad, and of pulls.
    pushes: (u64, u64),
    pulls: (u64, u64),
    /// What failed: step, reason and fault.
    failed: (&'static str, &'static str, &'static str),
    healthy: bool,
    /// Words that the first screen has.
    said: &'static [&'static str],
}

const STORIES: &[Story] = &[
    Story {
        name: "a-hop-strips-authorization",
        pushes: (20, 20),
        pulls: (900, 0),
        failed: ("upload_commit", "authorization_lost", "network"),
        healthy: true,
        said: &[
            "Pushing is broken at hq since about",
            "50 % of the push requests of the last 5 minutes failed",
            "authorization lost",
            "the network in front",
            "Look at",
        ],
    },
    Story {
        name: "harbor-is-down",
        pushes: (0, 30),
        pulls: (0, 300),
        failed: ("upload_start", "connect", "upstream"),
        healthy: false,
        said: &[
            "Pushing is broken at hq since about",
            "upload start (30 of 30 failures)",
            "connect",
            "Harbor",
            "http://10.0.0.5",
            "Pulls, too",
        ],
    },
    Story {
        name: "a-hop-cuts-commits",
        pushes: (50, 8),
        pulls: (900, 1),
        failed: ("upload_commit", "client_gone_waiting", "network"),
        healthy: true,
        said: &[
            "Pushing is broken at hq since about",
            "upload commit (8 of 8 failures)",
            "client gone waiting",
            "Look at",
        ],
    },
    Story {
        name: "pulls-are-broken",
        pushes: (50, 0),
        pulls: (80, 20),
        failed: ("blob_get", "reset", "upstream"),
        healthy: true,
        said: &[
            "Pulling is broken at hq",
            "20 % of the pull requests of the last 5 minutes failed (20 of 100 requests)",
            "blob get (20 of 20 failures)",
            "reset",
            "Harbor",
        ],
    },
    Story {
        name: "some-pulls-fail",
        pushes: (50, 0),
        pulls: (980, 20),
        failed: ("manifest_get", "upstream_5xx", "upstream"),
        healthy: true,
        said: &["Some pulls fail at hq", "2 % of the pull requests"],
    },
    Story {
        name: "all-is-well",
        pushes: (50, 0),
        pulls: (9000, 9),
        failed: ("blob_get", "reset", "upstream"),
        healthy: true,
        said: &["Pushing works", "Pull requests that failed", "9 of 9,009"],
    },
];

impl Story {
    fn put_into(&self, overview: &mut Value) {
        let steps = 288;
        let last = |count: u64| {
            let mut counts = vec![0; steps];
            counts[steps - 1] = count;
            counts
        };
        let counts = |(good, bad): (u64, u64)| {
            let window = json!({ "good": good, "bad": bad, "excluded": 0 });
            json!({ "now": window, "hour": window, "day": window })
        };
        let registry = &mut overview["registries"][0];
        registry["windows"] = counts(self.pushes);
        registry["pulls"] = counts(self.pulls);
        registry["endpoints"] = json!([{ "name": "http://10.0.0.5", "healthy": self.healthy }]);
        let (operation, reason, fault) = self.failed;
        let failed = match operation {
            "blob_get" | "manifest_get" => self.pulls.1,
            _ => self.pushes.1,
        };
        let series = |operation: &str, count: u64| {
            json!({
                "registry": "hq", "operation": operation, "outcome": "failed", "reason": reason,
                "fault": fault, "counts": last(count),
            })
        };
        let pulled = if self.healthy { 0 } else { self.pulls.1 };
        overview["series"]["failures"] =
            json!([series(operation, failed), series("blob_head", pulled)]);
        overview["series"]["requests"] = json!([{
            "registry": "hq", "good": last(self.pushes.0), "bad": last(self.pushes.1),
            "excluded": last(0),
        }]);
    }
}

/// The words on the screen: those of texts that lie in it whole.
const ON_SCREEN: &str = "
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const words = [];
    const range = document.createRange();
    while (walker.nextNode()) {
      range.selectNodeContents(walker.currentNode);
      const box = range.getBoundingClientRect();
      if (box.width > 1 && box.height > 1 && box.top >= 0 && box.bottom <= innerHeight) words.push(walker.currentNode.data);
    }
    return words.join(' ').replaceAll('\\u00a0', ' ').replaceAll(/\\s+/g, ' ');";

#[tokio::test]
async fn the_first_screen_names_the_cause() {
    let stage = Stage::start("calm").await;
    let browser = Browser::open(stage.address, "").await;
    browser.screen_of((WIDTH, HEIGHT), Scheme::Light).await;
    for story in STORIES {
        stage.change(|path, value| {
            if path == "/overview" {
                story.put_into(value);
            }
        });
        browser.reload().await;
        browser.says("#status", "Live").await;
        let shown = browser.js(ON_SCREEN).await;
        let shown = shown.as_str().expect("words");
        browser.screenshot(&format!("story-{}", story.name)).await;
        for said in story.said {
            assert!(
                shown.contains(said),
                "{}: {said:?} is not in\n{shown}",
                story.name
            );
        }
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}
