//! The sentence that the page begins with, for every state that a registry can be in.

use crate::browser::Browser;
use crate::stage::Stage;
use serde_json::{Value, json};

/// What the requests of the last steps came to, oldest first: good and bad. The last is under way.
type Steps = &'static [(u64, u64)];

struct Case {
    name: &'static str,
    steps: Steps,
    /// Refusals in the last hour.
    refused: u64,
    healthy: &'static [bool],
    /// Runs of the canary that failed in a row.
    missed: u64,
    said: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case {
        name: "nothing yet",
        steps: &[],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &["No push yet"],
    },
    Case {
        name: "all is well",
        steps: &[(100, 0), (100, 0)],
        refused: 3,
        healthy: &[true],
        missed: 0,
        said: &["Pushing works", "0 of 200 requests failed (0 %)"],
    },
    Case {
        name: "within the objective",
        steps: &[(999, 1), (999, 1)],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &["Pushing works", "2 of 2,000 requests failed (0.1 %)"],
    },
    Case {
        name: "one accident",
        steps: &[(100, 0), (99, 1)],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &["A push failed at hq", "One of 100 push requests"],
    },
    Case {
        name: "a few fail",
        steps: &[(100, 0), (100, 0), (98, 2)],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &[
            "Some pushes fail at hq since about ",
            "2 % of the push requests",
        ],
    },
    Case {
        name: "broken, for three steps with a pause between",
        steps: &[(100, 0), (10, 10), (0, 0), (10, 10)],
        refused: 0,
        healthy: &[true, false],
        missed: 0,
        said: &[
            "Pushing is broken at hq since about ",
            ", for 13 min",
            "50 % of the push requests",
            "upload commit (20 of 20 failures)",
            "http://h1 (the health probe fails)",
        ],
    },
    Case {
        name: "over",
        steps: &[(10, 10), (100, 0), (100, 0)],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &[
            "Pushing works again at hq since about ",
            "0 of 100 requests failed",
        ],
    },
    Case {
        name: "over, or nobody tries",
        steps: &[(10, 10), (0, 0), (0, 0)],
        refused: 0,
        healthy: &[true],
        missed: 0,
        said: &[
            "Pushes failed at hq until about ",
            "none came since",
            "no push came",
        ],
    },
    Case {
        name: "many are refused",
        steps: &[(20, 0)],
        refused: 12,
        healthy: &[true],
        missed: 0,
        said: &[
            "Many pushes are refused or given up at hq",
            "12 in the last hour, beside 20 requests that count",
            "denied",
            "the client",
        ],
    },
    Case {
        name: "one endpoint down",
        steps: &[(100, 0)],
        refused: 0,
        healthy: &[true, false],
        missed: 0,
        said: &["1 of 2 endpoints of hq don't answer", "http://h1"],
    },
    Case {
        name: "all endpoints down",
        steps: &[],
        refused: 0,
        healthy: &[false, false],
        missed: 0,
        said: &["No endpoint of hq answers", "http://h0, http://h1"],
    },
    Case {
        name: "the canary failed once",
        steps: &[(100, 0)],
        refused: 0,
        healthy: &[true],
        missed: 1,
        said: &[
            "The canary's last run failed at hq",
            "40 s ago",
            "and so it was.",
        ],
    },
    Case {
        name: "what the canary meets doesn't get here",
        steps: &[(100, 0)],
        refused: 0,
        healthy: &[true],
        missed: 3,
        said: &[
            "The canary can't push and pull at hq",
            "Its last 3 runs failed, the last one 40 s ago; the last good one was 10 min ago.",
            "location port",
            "upload start",
            "harbormouth doctor",
        ],
    },
    Case {
        name: "everybody's pushes fail, the canary's too",
        steps: &[(10, 10)],
        refused: 0,
        healthy: &[true],
        missed: 3,
        said: &["Pushing is broken at hq since about "],
    },
];

impl Case {
    /// Writes the case into an overview of 288 steps.
    fn put_into(&self, overview: &mut Value) {
        let steps = 288;
        let mut counts = [vec![0; steps], vec![0; steps]];
        for (index, (good, bad)) in self.steps.iter().enumerate() {
            let at = steps - self.steps.len() + index;
            (counts[0][at], counts[1][at]) = (*good, *bad);
        }
        let sum = |of: &[u64], last: usize| of[steps - last..].iter().sum::<u64>();
        for (window, last) in [("now", 1), ("hour", 12), ("day", steps)] {
            overview["registries"][0]["windows"][window] = json!({
                "good": sum(&counts[0], last), "bad": sum(&counts[1], last), "excluded": self.refused,
            });
        }
        let endpoints = self.healthy.iter().enumerate();
        overview["registries"][0]["endpoints"] = endpoints
            .map(|(index, healthy)| json!({ "name": format!("http://h{index}"), "healthy": healthy }))
            .collect();
        let time = overview["time"].as_f64().expect("a time");
        if self.missed > 0 {
            let canary = &mut overview["registries"][0]["canary"];
            canary["time"] = json!(time - 40.0);
            canary["last_success"] = json!(time - 600.0);
            canary["result"] = json!("bad");
            canary["bad"] = json!(self.missed);
            canary["step"] = json!("upload_start");
            canary["finding"] = json!("location_port");
            canary["diagnosis"] = json!("The canary failed at upload_start: and so it was.");
        }
        let [good, bad] = counts;
        let mut refused = vec![0; steps];
        refused[steps - 1] = self.refused;
        let failures =
            |outcome: &str, operation: &str, reason: &str, fault: &str, counts: &[u64]| {
                json!({
                    "registry": "hq", "operation": operation, "outcome": outcome, "reason": reason,
                    "fault": fault, "counts": counts,
                })
            };
        overview["series"]["failures"] = json!([
            failures("failed", "upload_commit", "reset", "upstream", &bad),
            failures("refused", "upload_start", "denied", "client", &refused),
        ]);
        overview["series"]["requests"] =
            json!([{ "registry": "hq", "good": good, "bad": bad, "excluded": refused }]);
    }
}

#[tokio::test]
async fn every_state_has_its_sentence() {
    let stage = Stage::start("calm").await;
    let browser = Browser::open(stage.address, "").await;
    for case in CASES {
        stage.change(|path, value| {
            if path == "/overview" {
                case.put_into(value);
            }
        });
        // What is shown from here on was asked for after the change.
        browser.reload().await;
        browser.says("#status", "Live").await;
        let verdicts = browser.text("#verdicts").await;
        for said in case.said {
            assert!(
                verdicts.contains(said),
                "{}: {said:?} is not in\n{verdicts}",
                case.name
            );
        }
        assert_eq!(browser.count(".verdict").await, 1, "{}", case.name);
    }
    assert_eq!(browser.console().await, Vec::<String>::new());
}
