//! The overviews of several replicas as one. Pure.

use super::merge::Merge;
use super::overview::{AdminOverview, EndpointOverview, RegistryOverview};
use crate::doctor::canary::CanaryView;
use crate::net::bounded_text::Text;
use crate::observe::push::{
    CommitWait, FailureSeries, PushSeries, RequestCounts, RequestSeries, TimeWindows,
};

use std::time::Duration;

impl Merge for AdminOverview {
    fn name(&mut self, replica: &Text) {
        let registries = self.registries.iter_mut();
        let endpoints = registries.flat_map(|registry| &mut registry.endpoints);
        for endpoint in endpoints.filter(|endpoint| !endpoint.healthy) {
            endpoint.down_at.push(replica.clone());
        }
    }

    fn add(&mut self, other: AdminOverview) {
        for registry in other.registries {
            let mut known = self.registries.iter_mut();
            match known.find(|known| known.seen.name == registry.seen.name) {
                Some(known) => known.add(registry),
                // During a roll-out: one that this replica doesn't have yet, or no longer.
                None => self.registries.push(registry),
            }
        }
        self.series.add(other.series);
        // A replica that was not told of a renewal shows the one that ends first.
        for certificate in other.certificates {
            let mut known = self.certificates.iter_mut();
            match known.find(|known| known.name == certificate.name) {
                Some(known) => known.ends = known.ends.min(certificate.ends),
                None => self.certificates.push(certificate),
            }
        }
    }

    /// Registries stay in the order of the configuration.
    fn sort(&mut self, _most: usize) {}
}

impl RegistryOverview {
    /// What is configured stands as it is here. So does the accounting: a replica shows its largest
    /// projects only, and the sum of what is shown would not be the sum.
    fn add(&mut self, other: RegistryOverview) {
        self.seen.windows.add(other.seen.windows);
        self.seen.pulls.add(other.seen.pulls);
        self.seen.uploads_open = self
            .seen
            .uploads_open
            .saturating_add(other.seen.uploads_open);
        self.seen.commit_wait = both(self.seen.commit_wait, other.seen.commit_wait, slowest);
        self.canary = both(self.canary.take(), other.canary, worst);
        for endpoint in other.endpoints {
            let mut known = self.endpoints.iter_mut();
            match known.find(|known| known.name == endpoint.name) {
                Some(known) => known.add(endpoint),
                None => self.endpoints.push(endpoint),
            }
        }
    }
}

impl EndpointOverview {
    /// It answers where one replica has an answer.
    fn add(&mut self, other: EndpointOverview) {
        self.healthy |= other.healthy;
        self.down_at.extend(other.down_at);
    }
}

impl TimeWindows {
    fn add(&mut self, other: TimeWindows) {
        self.now.add(other.now);
        self.hour.add(other.hour);
        self.day.add(other.day);
    }
}

impl RequestCounts {
    fn add(&mut self, other: RequestCounts) {
        self.good = self.good.saturating_add(other.good);
        self.bad = self.bad.saturating_add(other.bad);
        self.excluded = self.excluded.saturating_add(other.excluded);
    }
}

fn both<T>(one: Option<T>, other: Option<T>, of: fn(T, T) -> T) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(of(one, other)),
        (one, other) => one.or(other),
    }
}

/// The middle and the tail are those of the replica where they are longest: those of all together are
/// between the replicas' own.
fn slowest(one: CommitWait, other: CommitWait) -> CommitWait {
    CommitWait {
        count: one.count.saturating_add(other.count),
        median: one.median.max(other.median),
        p95: one.p95.max(other.p95),
        max: one.max.max(other.max),
    }
}

/// Each replica has a canary of its own.
fn worst(one: CanaryView, other: CanaryView) -> CanaryView {
    if other.is_worse_than(&one) {
        other
    } else {
        one
    }
}

impl PushSeries {
    fn add(&mut self, other: PushSeries) {
        let Some(later) = self.steps_until(&other) else {
            return;
        };
        let empty = vec![0; self.requests.first().map_or(0, |one| one.good.len())];
        for requests in other.requests {
            let mut known = self.requests.iter_mut();
            match known.find(|known| known.registry == requests.registry) {
                Some(known) => known.add(&requests, later),
                None => {
                    let mut new = RequestSeries {
                        registry: requests.registry.clone(),
                        good: empty.clone(),
                        bad: empty.clone(),
                        excluded: empty.clone(),
                    };
                    new.add(&requests, later);
                    self.requests.push(new);
                }
            }
        }
        for failures in other.failures {
            let mut known = self.failures.iter_mut();
            match known.find(|known| known.is_of(&failures)) {
                Some(known) => add_counts(&mut known.counts, &failures.counts, later),
                None => {
                    let mut counts = empty.clone();
                    add_counts(&mut counts, &failures.counts, later);
                    self.failures.push(FailureSeries { counts, ..failures });
                }
            }
        }
    }

    /// How many steps later the other series begins; none where its steps are of another length.
    fn steps_until(&self, other: &PushSeries) -> Option<isize> {
        if self.step == 0 || self.step != other.step {
            return None;
        }
        let seconds = Duration::from_secs(self.step).as_secs_f64();
        let steps = ((other.from - self.from) / seconds).round();
        // A clock that is off by more than a day has nothing to add.
        (steps.abs() < 1000.0).then_some(steps as isize)
    }
}

impl RequestSeries {
    fn add(&mut self, other: &RequestSeries, later: isize) {
        add_counts(&mut self.good, &other.good, later);
        add_counts(&mut self.bad, &other.bad, later);
        add_counts(&mut self.excluded, &other.excluded, later);
    }
}

impl FailureSeries {
    fn is_of(&self, other: &FailureSeries) -> bool {
        self.registry == other.registry
            && self.operation == other.operation
            && self.reason == other.reason
    }
}

/// Adds counts that begin so many steps later; what lies outside is left out.
fn add_counts(counts: &mut [u64], others: &[u64], later: isize) {
    for (step, other) in others.iter().enumerate() {
        let place = step.checked_add_signed(later);
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count = count.saturating_add(*other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn overview(value: Value) -> AdminOverview {
        serde_json::from_value(value).unwrap()
    }

    fn merged(replicas: [Value; 2]) -> Value {
        let [mut one, mut other] = replicas.map(overview);
        one.name(&Text::name("a", 9));
        other.name(&Text::name("b", 9));
        one.add(other);
        serde_json::to_value(one).unwrap()
    }

    #[test]
    fn counts_are_summed_and_waits_are_the_longest() {
        let hq = |good: u64, median: f64, max: f64| {
            json!({ "registries": [{
                "name": "hq", "uploads_open": 1, "public": ["https://hub.example.com"],
                "objective": 0.99, "windows": { "now": { "good": good, "bad": 1 } },
                "commit_wait": { "count": 2, "median": median, "p95": median, "max": max },
            }] })
        };
        let both = merged([hq(2, 3.0, 4.0), hq(5, 1.0, 9.0)]);
        let found = &both["registries"][0];
        let now = json!({ "good": 7, "bad": 2, "excluded": 0 });
        assert_eq!(found["windows"]["now"], now);
        assert_eq!(found["uploads_open"], 2);
        let wait = json!({ "count": 4, "median": 3.0, "p95": 3.0, "max": 9.0 });
        assert_eq!(found["commit_wait"], wait);
        assert_eq!(found["objective"], 0.99);
    }

    #[test]
    fn of_one_certificate_the_earliest_end_counts() {
        let ends = |all: &[(&str, f64)]| {
            let of_one = |(name, ends): &(&str, f64)| json!({ "name": name, "ends": ends });
            json!({ "certificates": all.iter().map(of_one).collect::<Vec<_>>() })
        };
        let both = merged([
            ends(&[("a", 5.0), ("b", 2.0)]),
            ends(&[("b", 3.0), ("c", 4.0)]),
        ]);
        let expected = ends(&[("a", 5.0), ("b", 2.0), ("c", 4.0)]);
        assert_eq!(both["certificates"], expected["certificates"]);
    }

    #[test]
    fn an_endpoint_answers_where_one_replica_has_an_answer() {
        let hq =
            |endpoints: Value| json!({ "registries": [{ "name": "hq", "endpoints": endpoints }] });
        let is = |name: &str, healthy: bool| json!({ "name": name, "healthy": healthy });
        let both = merged([
            hq(json!([
                is("both", true),
                is("one", false),
                is("none", false)
            ])),
            hq(json!([
                is("both", true),
                is("one", true),
                is("none", false),
                is("new", true)
            ])),
        ]);
        let expected = json!([
            { "name": "both", "healthy": true },
            { "name": "one", "healthy": true, "down_at": ["a"] },
            { "name": "none", "healthy": false, "down_at": ["a", "b"] },
            { "name": "new", "healthy": true },
        ]);
        assert_eq!(both["registries"][0]["endpoints"], expected);
    }

    #[test]
    fn series_are_added_step_by_step_by_their_time() {
        let series = |from: f64, step: u64, counts: [u64; 3], registry: &str| {
            json!({
                "registries": [{ "name": registry }],
                "series": {
                    "step": step, "from": from,
                    "requests": [{ "registry": registry, "good": counts, "bad": counts, "excluded": counts }],
                    "failures": [{ "registry": registry, "operation": "blob_get", "reason": "reset", "counts": counts }],
                },
            })
        };
        let own = series(300.0, 300, [1, 2, 3], "hq");
        for (name, other, expected) in [
            (
                "the same steps",
                series(300.2, 300, [10, 20, 30], "hq"),
                json!([11, 22, 33]),
            ),
            (
                "a step later",
                series(600.0, 300, [10, 20, 30], "hq"),
                json!([1, 12, 23]),
            ),
            (
                "a step earlier",
                series(0.0, 300, [10, 20, 30], "hq"),
                json!([21, 32, 3]),
            ),
            (
                "other steps",
                series(300.0, 60, [10, 20, 30], "hq"),
                json!([1, 2, 3]),
            ),
            (
                "years later",
                series(1e12, 300, [10, 20, 30], "hq"),
                json!([1, 2, 3]),
            ),
        ] {
            let both = merged([own.clone(), other]);
            let series = &both["series"];
            assert_eq!(series["requests"][0]["bad"], expected, "{name}");
            assert_eq!(series["failures"][0]["counts"], expected, "{name}");
        }
        let both = merged([own, series(600.0, 300, [10, 20, 30], "new")]);
        assert_eq!(both["registries"][1]["name"], "new");
        assert_eq!(both["series"]["requests"][1]["good"], json!([0, 10, 20]));
        assert_eq!(both["series"]["failures"][1]["counts"], json!([0, 10, 20]));
    }

    #[test]
    fn the_worst_canary_is_shown() {
        let hq = |bad: u64| json!({ "registries": [{ "name": "hq", "canary": { "bad": bad } }] });
        let none = json!({ "registries": [{ "name": "hq" }] });
        for (replicas, expected) in [
            ([hq(1), hq(3)], json!(3)),
            ([hq(3), hq(1)], json!(3)),
            ([none.clone(), hq(0)], json!(0)),
        ] {
            assert_eq!(merged(replicas)["registries"][0]["canary"]["bad"], expected);
        }
    }
}
