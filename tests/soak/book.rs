//! The record by which a run is judged: answers, failures, and the chaos that was active at each failure.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What is done to the gateway and to Harbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chaos {
    /// The registry behind Harbor's core is killed, and started again.
    RegistryKilled,
    /// Core is stopped with all its connections, and started again with another token key.
    CoreRestarted,
    /// All connections to Harbor are reset.
    WiresCut,
    /// Those to one of the two endpoints.
    WireCut,
    /// Nothing moves to or from Harbor, for longer than the gateway waits.
    StalledLong,
    /// For less.
    StalledShort,
    Slow,
    /// Harbor answers 500.
    HarborErrors,
    GoodReload,
    BadReload,
    /// The second replica ends by SIGTERM with what it has in hand, and another takes its place,
    /// each second time with its log on a full disk.
    ReplicaReplaced,
    /// Nobody reads the log of the first replica.
    LogUnread,
    ZeroWindows,
    IdleConnections,
    RefusedUploads,
    Trickles,
    ResetFlood,
    PingFlood,
}

/// How a request of ours failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// An answer that no healthy Harbor gives.
    Status(u16),
    /// The connection or the stream ended before the answer did.
    Broken,
    /// A connection that was used before ended without a byte of the answer: the other side may
    /// have closed it just then (RFC 9112, 9.3.1; RFC 9113, 8.7).
    Stale,
    /// No answer in time.
    Late,
}

impl Chaos {
    /// Whether this much may go wrong by it. What stands still for a moment, reloads, attacks from
    /// elsewhere and logs that can't be written cost nobody a request.
    fn explains(self, trouble: Trouble) -> bool {
        match self {
            Chaos::RegistryKilled | Chaos::WiresCut | Chaos::WireCut | Chaos::StalledLong => {
                match trouble {
                    Trouble::Status(status) => status >= 500,
                    Trouble::Broken | Trouble::Stale | Trouble::Late => true,
                }
            }
            // Its tokens are not those of before.
            Chaos::CoreRestarted => match trouble {
                Trouble::Status(status) => status >= 500 || status == 401,
                Trouble::Broken | Trouble::Stale | Trouble::Late => true,
            },
            Chaos::HarborErrors => trouble == Trouble::Status(500),
            Chaos::ReplicaReplaced => trouble == Trouble::Stale,
            Chaos::StalledShort
            | Chaos::Slow
            | Chaos::GoodReload
            | Chaos::BadReload
            | Chaos::LogUnread
            | Chaos::ZeroWindows
            | Chaos::IdleConnections
            | Chaos::RefusedUploads
            | Chaos::Trickles
            | Chaos::ResetFlood
            | Chaos::PingFlood => false,
        }
    }
}

/// How long after its end an episode may still be felt: until a probe has found Harbor again.
const ECHO: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug)]
struct Episode {
    chaos: Chaos,
    from: Instant,
    until: Option<Instant>,
}

/// A request that failed.
#[derive(Clone)]
pub struct Failure {
    pub what: String,
    pub trouble: Trouble,
    pub from: Instant,
    pub until: Instant,
}

/// Something that a client was told is kept.
#[derive(Clone, Debug)]
pub struct Commit {
    /// `blobs/sha256:…` or `manifests/sha256:…`.
    pub path: String,
    pub digest: String,
}

#[derive(Default)]
pub struct Book {
    episodes: Mutex<Vec<Episode>>,
    failures: Mutex<Vec<Failure>>,
    commits: Mutex<Vec<Commit>>,
    /// What may never happen, in words.
    wrongs: Mutex<Vec<String>>,
    pub pushes: AtomicU64,
    pub pulls: AtomicU64,
    pub bytes: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Book {
    /// An episode begins; the number ends it.
    pub fn begin(&self, chaos: Chaos) -> usize {
        let mut episodes = lock(&self.episodes);
        let from = Instant::now();
        let begun = episodes.first().map_or(from, |first| first.from);
        println!("soak: {:5.1} s: {chaos:?}", (from - begun).as_secs_f64());
        episodes.push(Episode {
            chaos,
            from,
            until: None,
        });
        episodes.len() - 1
    }

    pub fn end(&self, episode: usize) {
        lock(&self.episodes)[episode].until = Some(Instant::now());
    }

    pub fn failed(&self, failure: Failure) {
        lock(&self.failures).push(failure);
    }

    pub fn wrong(&self, what: String) {
        println!("WRONG: {what}");
        lock(&self.wrongs).push(what);
    }

    pub fn wrongs(&self) -> Vec<String> {
        lock(&self.wrongs).clone()
    }

    pub fn committed(&self, commit: Commit) {
        lock(&self.commits).push(commit);
    }

    pub fn commits(&self) -> Vec<Commit> {
        lock(&self.commits).clone()
    }

    /// One of the commits, whichever the number says.
    pub fn any_commit(&self, number: u64) -> Option<Commit> {
        let commits = lock(&self.commits);
        let count = u64::try_from(commits.len())
            .ok()
            .filter(|count| *count > 0)?;
        commits.get(usize::try_from(number % count).ok()?).cloned()
    }

    pub fn count(&self, counter: &AtomicU64, by: usize) {
        counter.fetch_add(u64::try_from(by).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub fn failures(&self) -> usize {
        lock(&self.failures).len()
    }

    /// The failures that nothing of what was on explains.
    pub fn unexplained(&self) -> Vec<Failure> {
        let episodes = lock(&self.episodes);
        let is_explained = |failure: &Failure| {
            episodes.iter().any(|episode| {
                let ended = episode.until.map(|until| until + ECHO);
                episode.from <= failure.until
                    && ended.is_none_or(|ended| failure.from <= ended)
                    && episode.chaos.explains(failure.trouble)
            })
        };
        let failures = lock(&self.failures);
        let unexplained = failures.iter().filter(|failure| !is_explained(failure));
        unexplained.cloned().collect()
    }

    /// What was on at a moment, for who looks into a failure.
    pub fn on_during(&self, from: Instant, until: Instant) -> Vec<Chaos> {
        let episodes = lock(&self.episodes);
        let overlap = episodes.iter().filter(|episode| {
            episode.from <= until && episode.until.is_none_or(|ended| from <= ended + ECHO)
        });
        overlap.map(|episode| episode.chaos).collect()
    }

    /// How often each kind of chaos was on.
    pub fn chaos(&self) -> BTreeMap<Chaos, usize> {
        let mut counts = BTreeMap::new();
        for episode in lock(&self.episodes).iter() {
            *counts.entry(episode.chaos).or_default() += 1;
        }
        counts
    }
}
