//! Heartbeats: whether each of the process's threads still does its work.
//!
//! Each thread has a task that counts up; the watchdog (`server::watchdog`) checks regularly whether the
//! count has grown. It counts its own checks and not the time between them, so a stopped process or a
//! sleeping machine raises no alarm.

use crate::runtime::CurrentSnapshot;
use parking_lot::Mutex;
use prometheus::{IntGauge, IntGaugeVec};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Of the time after which a silent thread ends the process, so much passes until it is called late
/// and `/livez` says so.
const LATE: u32 = 3;

/// How many looks there are until a silent thread ends the process, and how many beats between two.
const LOOKS: u32 = 20;
const BEATS: u32 = 2;

/// Oftener than this nobody needs to look.
const SELDOM: Duration = Duration::from_secs(1);

/// What a look at one thread finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeartState {
    Answers,
    /// It has not answered for a while.
    Late,
    /// It will not answer any more.
    Lost,
}

/// How often a thread is looked at that may be silent for so long.
pub(crate) fn look_every(bound: Duration) -> Duration {
    (bound / LOOKS).min(SELDOM)
}

/// What is known of one thread's silence.
#[derive(Debug, Default)]
struct Silence {
    seen: u64,
    lasts: Duration,
}

impl Silence {
    /// Looks once more, `step` after the last time.
    fn look(&mut self, beats: u64, step: Duration, bound: Duration) -> HeartState {
        if beats == self.seen {
            self.lasts = self.lasts.saturating_add(step);
        } else {
            self.seen = beats;
            self.lasts = Duration::ZERO;
        }
        match self.lasts {
            lasts if lasts >= bound => HeartState::Lost,
            lasts if lasts >= bound / LATE => HeartState::Late,
            _ => HeartState::Answers,
        }
    }
}

/// A thread's own end: it beats.
#[derive(Clone)]
pub(crate) struct Heartbeat {
    beats: Arc<AtomicU64>,
    is_late: Arc<AtomicBool>,
}

impl Heartbeat {
    /// Beats for ever, on the thread that this runs on.
    pub(crate) async fn beat(self, current: Arc<CurrentSnapshot>) {
        loop {
            let bound = current.load().config.liveness.silence;
            tokio::time::sleep(look_every(bound) / BEATS).await;
            self.beats.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it has not answered for a while.
    pub(crate) fn is_late(&self) -> bool {
        self.is_late.load(Ordering::Relaxed)
    }
}

/// All threads that are watched.
#[derive(Default)]
pub(crate) struct Heartbeats {
    members: Mutex<Vec<WatchedThread>>,
    is_over: AtomicBool,
}

struct WatchedThread {
    name: String,
    heart: Heartbeat,
    silence: Silence,
    gauge: Option<IntGauge>,
}

impl WatchedThread {
    fn look(&mut self, step: Duration, bound: Duration) -> HeartState {
        let beats = self.heart.beats.load(Ordering::Relaxed);
        let lasted = self.silence.lasts.as_secs_f64();
        let state = self.silence.look(beats, step, bound);
        let is_late = state != HeartState::Answers;
        let (name, lasts) = (&self.name, self.silence.lasts.as_secs_f64());
        match (self.heart.is_late.swap(is_late, Ordering::Relaxed), is_late) {
            (false, true) => log::error!(
                "thread {name} has not answered for {lasts:.1} s: new connections go to others, and \
                 /livez says 503"
            ),
            (true, false) => log::warn!("thread {name} answers again, after {lasted:.1} s"),
            (true, true) | (false, false) => {}
        }
        if let Some(gauge) = &self.gauge {
            gauge.set(i64::from(!is_late));
        }
        state
    }
}

impl Heartbeats {
    /// One more thread is watched.
    pub(crate) fn join(&self, name: &str) -> Heartbeat {
        let heart = Heartbeat {
            beats: Arc::default(),
            is_late: Arc::default(),
        };
        self.members.lock().push(WatchedThread {
            name: name.to_owned(),
            heart: heart.clone(),
            silence: Silence::default(),
            gauge: None,
        });
        heart
    }

    /// Each thread is shown as one of these gauges from now on.
    pub(crate) fn shown_by(&self, gauges: &IntGaugeVec) {
        for member in self.members.lock().iter_mut() {
            let gauge = gauges.with_label_values(&[&member.name]);
            gauge.set(i64::from(!member.heart.is_late()));
            member.gauge = Some(gauge);
        }
    }

    /// Looks at all, `step` after the last time; returns one that is lost, if one is.
    pub(crate) fn look(&self, step: Duration, bound: Duration) -> Option<String> {
        if self.is_over.load(Ordering::Relaxed) {
            return None;
        }
        let mut lost = None;
        for member in self.members.lock().iter_mut() {
            if member.look(step, bound) == HeartState::Lost {
                lost.get_or_insert_with(|| member.name.clone());
            }
        }
        lost
    }

    /// The process ends, and its threads with it: they needn't answer any more.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// The threads that have not answered for a while.
    pub(crate) fn late(&self) -> Vec<String> {
        let members = self.members.lock();
        let late = members.iter().filter(|member| member.heart.is_late());
        late.map(|member| member.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(30);

    #[test]
    fn who_is_silent_is_late_and_then_lost() {
        let hearts = Heartbeats::default();
        let (one, other) = (hearts.join("worker-0"), hearts.join("worker-1"));
        let gauges = IntGaugeVec::new(prometheus::Opts::new("g", "help"), &["thread"]).unwrap();
        hearts.shown_by(&gauges);
        let shown = |name| gauges.with_label_values(&[name]).get();
        let step = look_every(BOUND);
        assert_eq!(step, Duration::from_secs(1));
        for second in 1..=29 {
            one.beats.fetch_add(1, Ordering::Relaxed);
            assert_eq!(hearts.look(step, BOUND), None, "{second}");
            let is_late = second >= 10;
            assert_eq!((one.is_late(), other.is_late()), (false, is_late));
            assert_eq!(shown("worker-1"), i64::from(!is_late), "{second}");
            assert_eq!(hearts.late().concat().as_str() == "worker-1", is_late);
        }
        // A beat makes good for all of it.
        other.beats.fetch_add(1, Ordering::Relaxed);
        assert_eq!(hearts.look(step, BOUND), None);
        assert_eq!((hearts.late().len(), shown("worker-1")), (0, 1));
        one.beats.fetch_add(1, Ordering::Relaxed);
        assert_eq!(hearts.look(10 * step, BOUND), None);
        assert_eq!(hearts.look(step, BOUND), None);
        let lost = (0..30).find_map(|_| hearts.look(step, BOUND));
        assert!(lost.is_some());
        hearts.end();
        assert_eq!(hearts.look(step, BOUND), None);
    }

    #[test]
    fn looks_come_often_enough_for_short_bounds() {
        for (bound, step) in [(1, 50), (10, 500), (20, 1000), (600, 1000)] {
            let step = Duration::from_millis(step);
            assert_eq!(look_every(Duration::from_secs(bound)), step, "{bound}");
        }
    }
}
