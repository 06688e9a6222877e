//! Uploads that broke off, and whether many did so after the same silence or at the same age: people
//! and failing networks break off at any time, a balancer always at its limit.

use super::bounds::{BREAKS, EVIDENCE_FOR};
use super::clock::Moment;
use crate::net::balancer_timeouts::{Limit, NEAR, suspects};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// An upload's request that the client's side ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Disconnect {
    pub(crate) at: Moment,
    pub(crate) client: Option<IpAddr>,
    /// Since the last byte.
    pub(crate) silence: Duration,
    /// Since the request's beginning.
    pub(crate) age: Duration,
}

/// What breaks have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    pub(crate) limit: Limit,
    /// Their average.
    pub(crate) after: Duration,
    /// How many lie there, of how many in the last hour.
    pub(crate) count: usize,
    pub(crate) of: usize,
}

/// No cluster has fewer.
const FEWEST: usize = 3;

/// Shorter silences and ages are no balancer's: the shortest default limit is 20 s.
const SHORTEST: Duration = Duration::from_secs(10);

/// One client that leaves drops all of its uploads at once: within this time they are one break.
const AT_ONCE: Duration = Duration::from_secs(2);

/// The last hour's breaks of one registry, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Disconnects(VecDeque<Disconnect>);

impl Disconnects {
    pub(crate) fn record(&mut self, new: Disconnect) {
        self.0.retain(|old| {
            new.at.since(old.at) <= EVIDENCE_FOR && !(is_same(old, &new) && old.age < new.age)
        });
        if self.0.iter().any(|old| is_same(old, &new)) {
            return;
        }
        if self.0.len() >= BREAKS {
            self.0.pop_front();
        }
        self.0.push_back(new);
    }

    /// The cluster that this break, not yet recorded, lies in.
    pub(crate) fn cluster(&self, new: &Disconnect) -> Option<Cluster> {
        self.cluster_by(Limit::Silence, new, |one| one.silence)
            .or_else(|| self.cluster_by(Limit::Age, new, |one| one.age))
    }

    fn cluster_by(
        &self,
        limit: Limit,
        new: &Disconnect,
        by: fn(&Disconnect) -> Duration,
    ) -> Option<Cluster> {
        let recent = |old: &&Disconnect| new.at.since(old.at) <= EVIDENCE_FOR && !is_same(old, new);
        let others = self.0.iter().filter(recent);
        let near = |old: &&Disconnect| by(old).abs_diff(by(new)) <= NEAR;
        let of = others.clone().count() + 1;
        let count = others.clone().filter(near).count() + 1;
        let is_cluster = by(new) >= SHORTEST && count >= FEWEST && 2 * count > of;
        is_cluster.then(|| {
            let sum: Duration = others.filter(near).map(by).sum::<Duration>() + by(new);
            Cluster {
                limit,
                after: sum / u32::try_from(count).unwrap_or(u32::MAX),
                count,
                of,
            }
        })
    }
}

fn is_same(old: &Disconnect, new: &Disconnect) -> bool {
    old.client == new.client && new.at.since(old.at) <= AT_ONCE
}

impl Cluster {
    /// The balancers whose default limit lies here.
    pub(crate) fn suspects(&self) -> Option<(u64, &'static str)> {
        suspects(self.limit, self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at: f64, client: u8, silence: f64, age: f64) -> Disconnect {
        Disconnect {
            at: Moment::of_step((at * 1000.0) as u64, Duration::from_millis(1)),
            client: Some([10, 0, 0, client].into()),
            silence: Duration::from_secs_f64(silence),
            age: Duration::from_secs_f64(age),
        }
    }

    #[test]
    fn clusters_need_several_breaks_at_one_place() {
        // Each: when, which client, silence, age; the last one is asked about.
        type Case<'c> = (
            &'c str,
            &'c [(f64, u8, f64, f64)],
            Option<(Limit, u64, usize, usize)>,
        );
        let cases: [Case<'_>; 12] = [
            ("one", &[(0.0, 1, 60.0, 90.0)], None),
            ("two", &[(0.0, 1, 60.0, 90.0), (100.0, 1, 60.2, 70.0)], None),
            (
                "three silences",
                &[
                    (0.0, 1, 60.0, 90.0),
                    (100.0, 1, 60.2, 70.0),
                    (200.0, 2, 59.8, 300.0),
                ],
                Some((Limit::Silence, 60, 3, 3)),
            ),
            (
                "three ages",
                &[
                    (0.0, 1, 0.1, 30.0),
                    (100.0, 1, 3.2, 30.4),
                    (200.0, 2, 0.0, 30.1),
                ],
                Some((Limit::Age, 30, 3, 3)),
            ),
            (
                "too far from each other",
                &[
                    (0.0, 1, 57.0, 90.0),
                    (100.0, 1, 58.9, 170.0),
                    (200.0, 2, 60.5, 300.0),
                ],
                None,
            ),
            (
                "too short to be a limit",
                &[
                    (0.0, 1, 1.0, 7.0),
                    (100.0, 1, 1.0, 7.1),
                    (200.0, 2, 1.0, 7.2),
                ],
                None,
            ),
            (
                "one among others",
                &[
                    (0.0, 1, 60.0, 61.0),
                    (100.0, 1, 3.0, 200.0),
                    (200.0, 2, 60.0, 90.0),
                    (300.0, 3, 60.0, 150.0),
                ],
                Some((Limit::Silence, 60, 3, 4)),
            ),
            (
                "not most of them",
                &[
                    (0.0, 1, 60.0, 61.0),
                    (50.0, 1, 3.0, 200.0),
                    (90.0, 1, 13.0, 210.0),
                    (99.0, 4, 23.0, 240.0),
                    (200.0, 2, 60.0, 90.0),
                    (300.0, 3, 60.0, 150.0),
                ],
                None,
            ),
            (
                "just more than half of them",
                &[
                    (0.0, 1, 60.0, 61.0),
                    (50.0, 1, 3.0, 200.0),
                    (90.0, 1, 13.0, 210.0),
                    (200.0, 2, 60.0, 90.0),
                    (300.0, 3, 60.0, 150.0),
                ],
                Some((Limit::Silence, 60, 3, 5)),
            ),
            (
                "one client that drops three uploads at once",
                &[
                    (0.0, 1, 0.0, 42.0),
                    (0.1, 1, 0.0, 42.1),
                    (0.2, 1, 0.1, 42.2),
                ],
                None,
            ),
            (
                "over an hour ago",
                &[
                    (0.0, 1, 60.0, 90.0),
                    (10.0, 2, 60.2, 70.0),
                    (3700.0, 2, 59.8, 300.0),
                ],
                None,
            ),
            (
                "where the clock stood still",
                &[
                    (9.0, 1, 60.0, 90.0),
                    (9.0, 2, 60.0, 95.0),
                    (9.0, 3, 60.0, 99.0),
                ],
                Some((Limit::Silence, 60, 3, 3)),
            ),
        ];
        for (name, breaks, expected) in cases {
            let mut seen_before = Disconnects::default();
            let breaks: Vec<Disconnect> = breaks
                .iter()
                .map(|(at, client, silence, age)| seen(*at, *client, *silence, *age))
                .collect();
            let (last, before) = breaks.split_last().unwrap();
            before.iter().for_each(|one| seen_before.record(*one));
            let found = seen_before.cluster(last);
            let shown = found.map(|one| {
                (
                    one.limit,
                    one.after.as_secs_f64().round() as u64,
                    one.count,
                    one.of,
                )
            });
            assert_eq!(shown, expected, "{name}");
        }
    }

    /// Whoever drops several uploads at once had the oldest of them cut, and the others with it.
    #[test]
    fn of_uploads_that_break_at_once_the_oldest_counts() {
        // Each: when, which client, age; then when those that are kept broke, and how old they were.
        type Case<'c> = (&'c str, &'c [(f64, u8, f64)], &'c [(u64, u64)]);
        let cases: [Case<'_>; 6] = [
            (
                "an older one",
                &[(0.0, 1, 42.0), (0.5, 1, 50.0)],
                &[(500, 50)],
            ),
            (
                "a younger one",
                &[(0.0, 1, 50.0), (0.5, 1, 42.0)],
                &[(0, 50)],
            ),
            ("one as old", &[(0.0, 1, 42.0), (0.5, 1, 42.0)], &[(0, 42)]),
            (
                "another client's",
                &[(0.0, 1, 42.0), (0.5, 2, 50.0)],
                &[(0, 42), (500, 50)],
            ),
            (
                "later",
                &[(0.0, 1, 42.0), (2.5, 1, 50.0)],
                &[(0, 42), (2500, 50)],
            ),
            (
                "over an hour later",
                &[(0.0, 1, 42.0), (3600.5, 2, 30.0)],
                &[(3_600_500, 30)],
            ),
        ];
        for (name, told, expected) in cases {
            let mut breaks = Disconnects::default();
            for (at, client, age) in told {
                breaks.record(seen(*at, *client, 0.0, *age));
            }
            let millis = |at: Moment| at.step(Duration::from_millis(1));
            let kept = breaks
                .0
                .iter()
                .map(|one| (millis(one.at), one.age.as_secs()));
            assert!(kept.eq(expected.iter().copied()), "{name}: {breaks:?}");
        }
    }

    #[test]
    fn breaks_are_bounded() {
        let mut breaks = Disconnects::default();
        for number in 0..1000 {
            breaks.record(seen(f64::from(number) * 3.0, 1, 60.0, 60.0));
        }
        assert_eq!(breaks.0.len(), BREAKS);
    }

    #[test]
    fn limits_name_their_balancers() {
        for (limit, after, suspects) in [
            (Limit::Silence, 60.4, Some(60)),
            (Limit::Silence, 61.6, None),
            (Limit::Silence, 349.0, Some(350)),
            (Limit::Age, 29.9, Some(30)),
            (Limit::Age, 350.0, None),
        ] {
            let cluster = Cluster {
                limit,
                after: Duration::from_secs_f64(after),
                count: 3,
                of: 3,
            };
            assert_eq!(
                cluster.suspects().map(|found| found.0),
                suspects,
                "{limit:?} {after}"
            );
        }
    }
}
