//! Each fault of a real fleet fires what it should, and nothing else.
//!
//! The rules want minutes and hours. What Prometheus had before and after each fault is stretched over that
//! time (`stretched`), so the series are real and the time isn't. A canary, PROXY protocol, an audit log, orders
//! of certificates and limits have no fault here.

use crate::common::tools;
use crate::fleet::Fleet;
use crate::setup::HUB;
use crate::stretched::{Change, Labels, Snapshot, hold};
use harbormouth::testing::fake_harbor::{FakeHarbor, InjectedFault, Match, Times};
use http::StatusCode;

/// Which alerts fire in which minute after a change; minute 0 is the last one before it.
type Firing = Vec<(u32, Vec<Labels>)>;

/// What happens to a fleet, one change after the other.
struct Story {
    fleet: Fleet,
    last: Snapshot,
    changes: Vec<Change>,
}

impl Story {
    /// Something has been changed, and Prometheus has it as soon as this expression has an answer.
    async fn then(&mut self, name: &'static str, seen: &str, firing: Firing) {
        let before = self.last.clone();
        self.mended(seen).await;
        let after = self.last.clone();
        self.changes.push(Change {
            name,
            before,
            after,
            firing,
        });
    }

    /// It is as before.
    async fn mended(&mut self, seen: &str) {
        self.fleet.sees(seen).await;
        self.last = self.fleet.snapshot().await;
    }

    async fn of_requests(&mut self) {
        self.fleet.pushes().await;
        let good = "sum(harbormouth_push_requests_total{quality=\"good\"}) >= 6";
        let silent = vec![(0, vec![]), (5, vec![]), (40, vec![])];
        self.then("pushes that work", good, silent).await;

        let status = StatusCode::INTERNAL_SERVER_ERROR;
        self.fleet.commits(5, status, "UNKNOWN").await;
        let bad = "sum(harbormouth_push_requests_total{quality=\"bad\"}) >= 15";
        let [fast, slow] = ["1h", "6h"].map(burn);
        let firing = vec![(0, vec![]), (4, vec![fast]), (12, vec![slow])];
        self.then("Harbor fails commits", bad, firing).await;

        let status = StatusCode::NOT_FOUND;
        self.fleet.commits(1, status, "BLOB_UPLOAD_UNKNOWN").await;
        let seen = failures("upload_unknown", 3);
        let firing = only(2, alert("ReplicaInconsistency", "registry", "hq"));
        self.then("Harbor forgets uploads", &seen, firing).await;

        self.fleet.cut_commits().await;
        let seen = failures("client_gone_waiting", 6);
        let firing = only(2, alert("CommitCliff", "registry", "hq"));
        self.then("a hop cuts commits", &seen, firing).await;

        self.fleet.lose_authorization().await;
        let seen = failures("authorization_lost", 15);
        let lost = alert("AuthorizationLost", "registry", "hq");
        let firing = vec![(0, vec![]), (4, vec![lost, burn("1h")])];
        self.then("a hop in front loses Authorization", &seen, firing)
            .await;

        self.fleet.logins_behind_the_hop().await;
        let seen = failures("authorization_removed", 10);
        let firing = only(2, alert("AuthorizationRemoved", "registry", "lab"));
        let name = "a hop behind removes Authorization";
        self.then(name, &seen, firing).await;
    }

    async fn of_harbors(&mut self) {
        let unwell = || InjectedFault::Answer {
            status: StatusCode::SERVICE_UNAVAILABLE,
            content_type: "text/plain",
            body: String::new(),
        };
        let fail = |harbor: &FakeHarbor| {
            harbor
                .faults()
                .inject(Match::any(), Times::Always, unwell())
        };
        fail(&self.fleet.spare);
        let seen = "max(harbormouth_upstream_healthy{registry=\"spare\"}) == 0";
        let [hq, lab, spare] =
            ["hq", "lab", "spare"].map(|name| alert("HarborDown", "registry", name));
        self.then("a Harbor is down", seen, only(4, spare.clone()))
            .await;

        fail(&self.fleet.hq);
        fail(&self.fleet.lab);
        let all = vec![alert("AllHarborsDown", "", ""), hq, lab, spare.clone()];
        let firing = vec![(0, vec![spare]), (4, all.clone())];
        let healthy = "harbormouth_upstream_healthy";
        self.then("all are", &format!("max({healthy}) == 0"), firing)
            .await;

        for harbor in [&self.fleet.hq, &self.fleet.lab, &self.fleet.spare] {
            harbor.faults().clear();
        }
        let firing = vec![(0, all), (1, vec![])];
        let seen = format!("min({healthy}) == 1");
        self.then("and up again", &seen, firing).await;
    }

    async fn of_configurations(&mut self) {
        let first = &self.fleet.gateways[0];
        first
            .gateway
            .reload(&format!("nonsense: 1\n{}", first.yaml));
        let failed = alert("ReloadFailed", "instance", &self.fleet.instance(0));
        let read = "min(harbormouth_config_last_reload_successful)";
        let seen = format!("{read} == 0");
        self.then("a reload fails", &seen, only(7, failed)).await;
        let first = &self.fleet.gateways[0];
        first.gateway.reload(&first.yaml);
        self.mended(&format!("{read} == 1")).await;

        self.fleet.key(1, 2);
        let ids = "count(count by (key_id) (harbormouth_sealing_key_info))";
        let skew = ["hq", "lab", "spare"].map(|name| alert("SealingKeySkew", "registry", name));
        let firing = vec![(5, vec![]), (35, skew.into())];
        let seen = format!("{ids} == 2");
        self.then("another sealing key", &seen, firing).await;
        self.fleet.key(1, 1);
        self.mended(&format!("{ids} == 1")).await;

        self.fleet.certificate(2, 2);
        let ends = "min(harbormouth_certificate_expiry_timestamp_seconds) - time()";
        let names = ["CertificateExpires", "CertificateExpiresSoon"];
        let [expires, soon] = names.map(|name| alert(name, "certificate", HUB));
        let mut firing = only(2, expires.clone());
        firing.push((65, vec![expires, soon]));
        let seen = format!("{ends} < 3 * 86400");
        self.then("a certificate nears its end", &seen, firing)
            .await;
        self.fleet.certificate(2, 90);
        self.mended(&format!("{ends} > 80 * 86400")).await;
    }

    async fn of_gateways(&mut self) {
        let instances = [0, 1, 2].map(|number| self.fleet.instance(number));
        let [first, second, third] = instances.map(|one| alert("Down", "instance", &one));
        let kill =
            |story: &Story, number: usize| story.fleet.gateways[number].gateway.signal("KILL");
        kill(self, 2);
        let seen = "count(up == 0) == 1";
        self.then("a replica is killed", seen, only(7, third.clone()))
            .await;
        kill(self, 0);
        kill(self, 1);
        let all = vec![alert("Absent", "", ""), first, second, third];
        self.then("all of them", "count(up == 0) == 3", vec![(7, all)])
            .await;
    }
}

/// Nothing before, and in this minute this one.
fn only(minute: u32, alert: Labels) -> Firing {
    vec![(0, vec![]), (minute, vec![alert])]
}

/// An alert that fires, with the label that tells it from others, if one does.
fn alert(name: &str, label: &str, value: &str) -> Labels {
    let name = format!("Harbormouth{name}");
    let labels = [("alertname", name.as_str()), (label, value)].into_iter();
    labels
        .filter(|(label, _)| !label.is_empty())
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect()
}

/// The budget's, of one pair of windows.
fn burn(long: &str) -> Labels {
    let mut labels = alert("PushErrorBudgetBurn", "registry", "hq");
    labels.insert("long".to_owned(), long.to_owned());
    labels
}

/// So many of one reason, all over the fleet.
fn failures(reason: &str, count: u32) -> String {
    format!("sum(harbormouth_request_failures_total{{reason=\"{reason}\"}}) >= {count}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_fault_fires_what_it_should_and_nothing_else() {
    tools::require(&["prometheus", "promtool"]);
    let fleet = Fleet::start().await;
    let last = fleet.snapshot().await;
    let changes = Vec::new();
    let mut story = Story {
        fleet,
        last,
        changes,
    };
    story.of_requests().await;
    story.of_harbors().await;
    story.of_configurations().await;
    story.of_gateways().await;
    hold(&story.changes);
}
