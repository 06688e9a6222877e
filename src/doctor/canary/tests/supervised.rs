//! Canaries of a configuration, from reload to reload: when they run, and who is told.

use super::made::{failing, finding, healthy, leaving};
use crate::config::canary::CanaryCredentials;
use crate::config::{self, Canary, Config, Flags, Maintenance};
use crate::doctor::canary::examine::Examine;
use crate::doctor::canary::{Canaries, labels, supervise};
use crate::doctor::finding::Finding;
use crate::doctor::kind::Kind;
use crate::doctor::step::Step;
use crate::doctor::trace::Walk;
use crate::doctor::{Afterwards, Extent, Options};
use crate::filter::Filters;
use crate::observe::push::FailureFilter;
use crate::oci::repository::RepositoryName;
use crate::runtime::sealing_keys::RandomKey;
use crate::runtime::{CurrentSnapshot, Process, Snapshot};
use crate::server::reload::ReloadState;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

/// What takes milliseconds, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a walk does in the place of a real one.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    Well,
    /// The judge finds a Location with a port.
    Badly,
    /// The registry removes nothing.
    ArtifactLeftover,
    /// It stands still until it is told to end.
    Hangs,
    Panics,
}

#[derive(Clone)]
struct Fake(Arc<Faked>);

struct Faked {
    does: Mutex<Does>,
    asked: Mutex<Vec<Options>>,
    now: AtomicUsize,
    most: AtomicUsize,
    cleaned_up: AtomicUsize,
}

impl Examine for Fake {
    async fn walk(
        &self,
        options: Options,
        mut ends: watch::Receiver<bool>,
    ) -> Result<Walk, String> {
        let does = *self.0.does.lock().unwrap();
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        let keeps = options.extent == Extent::Push(Afterwards::Keep);
        self.0.asked.lock().unwrap().push(options);
        tokio::time::sleep(Duration::from_millis(5)).await;
        if does == Does::Hangs {
            let _ = ends.wait_for(|ends| *ends).await;
            self.0.cleaned_up.fetch_add(1, Ordering::Relaxed);
        }
        self.0.now.fetch_sub(1, Ordering::Relaxed);
        match does {
            Does::Well | Does::Badly => Ok(healthy()),
            Does::ArtifactLeftover if keeps => Ok(healthy()),
            Does::ArtifactLeftover => Ok(leaving(Some(405))),
            Does::Hangs => Ok(failing(Step::ManifestPut, Ok(201))),
            Does::Panics => panic!("as told"),
        }
    }

    fn judge(&self, _walk: &Walk) -> Vec<Finding> {
        match *self.0.does.lock().unwrap() {
            Does::Badly => vec![finding(Kind::LocationPort, Step::UploadStart)],
            Does::Well | Does::ArtifactLeftover | Does::Hangs | Does::Panics => Vec::new(),
        }
    }
}

/// A process with canaries, as far as they need one.
struct World {
    fake: Fake,
    config: Config,
    current: Arc<CurrentSnapshot>,
    canaries: Arc<Canaries>,
    reload: watch::Sender<ReloadState>,
    drain: watch::Sender<bool>,
    supervisor: JoinHandle<()>,
}

fn config() -> Config {
    config::from_flags(&Flags {
        public: vec!["http://hub.example.com".to_owned()],
        upstream: vec!["http://10.0.0.5".to_owned()],
        ..Flags::default()
    })
    .unwrap()
}

fn canary(interval: Duration) -> Canary {
    Canary {
        registry: "harbor".to_owned(),
        repository: RepositoryName::parse("lab/canary").unwrap(),
        credentials: CanaryCredentials {
            file: "/conf/canary.credentials".into(),
            user: "robot".to_owned(),
            password: Zeroizing::new("secret".to_owned()),
        },
        interval,
        ca: None,
        realm_hosts: Vec::new(),
    }
}

const OFTEN: Duration = Duration::from_millis(20);

impl World {
    fn start(does: Does, canaries: Vec<Canary>) -> World {
        let fake = Fake(Arc::new(Faked {
            does: Mutex::new(does),
            asked: Mutex::default(),
            now: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            cleaned_up: AtomicUsize::new(0),
        }));
        let config = Config {
            canaries,
            ..config()
        };
        let process = Arc::new(
            Process::new(&config, labels(), Filters::default(), RandomKey::default()).unwrap(),
        );
        let shared = Snapshot::new(Arc::new(config.clone()), process, None, None).unwrap();
        let current = Arc::new(CurrentSnapshot::new(shared));
        let (reload, reloaded) = watch::channel(ReloadState {
            read: SystemTime::now(),
            problem: None,
            restart_required: Vec::new(),
        });
        let canaries = Arc::<Canaries>::default();
        let (drain, draining) = watch::channel(false);
        let supervisor = supervise(
            Arc::clone(&current),
            Arc::clone(&canaries),
            reloaded,
            draining,
            fake.clone(),
        );
        World {
            fake,
            config,
            current,
            canaries,
            reload,
            drain,
            supervisor: tokio::spawn(supervisor),
        }
    }

    fn reload(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
        let before = self.current.load();
        let process = Arc::clone(&before.process);
        let config = Arc::new(self.config.clone());
        let next = Snapshot::new(config, process, None, Some(&before)).unwrap();
        self.current.replace(next);
        self.reload
            .send_modify(|state| state.read = SystemTime::now());
    }

    fn does(&self, does: Does) {
        *self.fake.0.does.lock().unwrap() = does;
    }

    fn runs(&self) -> usize {
        self.fake.0.asked.lock().unwrap().len()
    }

    /// The value of a series, by its beginning; none where it isn't there.
    fn metric(&self, series: &str) -> Option<f64> {
        let text = self.current.load().process.metrics.text().unwrap();
        let line = text.lines().find(|line| line.starts_with(series))?;
        line.rsplit(' ').next()?.parse().ok()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn runs_again(&self) {
        let before = self.runs();
        // The one that is under way may have begun before.
        self.until("two more runs", |world| world.runs() >= before + 2)
            .await;
    }
}

const GOOD: &str = "harbormouth_canary_runs_total{registry=\"harbor\",result=\"good\"}";
const BAD: &str = "harbormouth_canary_runs_total{registry=\"harbor\",result=\"bad\"}";
const SUCCESS: &str = "harbormouth_canary_success{registry=\"harbor\"}";
const FAILED: &str = "harbormouth_canary_failures_total{registry=\"harbor\",step=\"upload_start\"}";

#[tokio::test]
async fn good_runs_and_bad_ones_are_told() {
    let world = World::start(Does::Well, vec![canary(OFTEN)]);
    assert_eq!(world.metric(GOOD), Some(0.0), "from the start");
    assert_eq!(world.metric(SUCCESS), None, "neither good nor bad yet");
    world
        .until("good runs", |world| world.metric(GOOD) > Some(2.0))
        .await;
    assert_eq!(world.metric(SUCCESS), Some(1.0));
    let process = Arc::clone(&world.current.load().process);
    let view = || world.canaries.view("harbor").unwrap();
    assert_eq!(view().result.as_deref(), Some("good"));
    let took = "harbormouth_canary_step_duration_seconds{registry=\"harbor\",step=\"ping\"}";
    assert_eq!(world.metric(took), Some(0.01));

    world.does(Does::Badly);
    world
        .until("bad runs", |world| world.metric(BAD) > Some(2.0))
        .await;
    assert_eq!(world.metric(SUCCESS), Some(0.0));
    assert!(world.metric(FAILED) > Some(0.0));
    let view = view();
    assert_eq!(
        (view.result.as_deref(), view.finding.as_deref()),
        (Some("bad"), Some("location_port"))
    );
    let list = process
        .pushes
        .failures(&FailureFilter::default(), SystemTime::now());
    let newest = &list.failures[0];
    let found = (
        &*newest.operation,
        &*newest.reason,
        &*newest.outcome,
        newest.finding.as_deref(),
    );
    let wanted = ("upload_start", "canary", "failed", Some("location_port"));
    assert_eq!(found, wanted);
    assert_eq!(newest.client_family, "harbormouth");
    assert_eq!(newest.repository.as_deref(), Some("lab/canary"));
    assert!(
        newest
            .diagnosis
            .contains("harbormouth doctor http://hub.example.com")
    );

    world.does(Does::Well);
    world
        .until("a good run", |world| world.metric(SUCCESS) == Some(1.0))
        .await;
}

#[tokio::test]
async fn each_run_pushes_something_else_until_nothing_is_removed() {
    let world = World::start(Does::Well, vec![canary(OFTEN)]);
    world.until("runs", |world| world.runs() >= 3).await;
    let seeds = |world: &World| -> Vec<u64> {
        let asked = world.fake.0.asked.lock().unwrap();
        asked.iter().map(|options| options.artifact.seed).collect()
    };
    let mut fresh = seeds(&world);
    let all = fresh.len();
    fresh.sort_unstable();
    fresh.dedup();
    assert_eq!(fresh.len(), all);

    world.does(Does::ArtifactLeftover);
    world.runs_again().await;
    world.runs_again().await;
    let last = seeds(&world).into_iter().rev().take(2);
    assert_eq!(last.collect::<Vec<_>>(), [1, 1]);
    let asked = world.fake.0.asked.lock().unwrap();
    let last = asked.last().unwrap();
    assert_eq!(last.extent, Extent::Push(Afterwards::Keep));
    let view = world.canaries.view("harbor").unwrap();
    assert_eq!(view.result.as_deref(), Some("good"));
    let left = view.left.unwrap();
    assert!(left.contains("the answer was 405"), "{left}");
}

#[tokio::test]
async fn a_reload_begins_changes_and_ends_canaries() {
    let mut world = World::start(Does::Well, Vec::new());
    assert_eq!(world.metric(GOOD), None);
    world.reload(|config| config.canaries = vec![canary(OFTEN)]);
    world
        .until("runs", |world| world.metric(GOOD) > Some(1.0))
        .await;

    // Something else changes: the canary goes on, and what is known of it stays.
    world.reload(|config| config.threads += 1);
    world.runs_again().await;
    assert!(world.metric(GOOD) > Some(2.0));

    world.reload(|config| {
        config.canaries[0].repository = RepositoryName::parse("lab/other").unwrap()
    });
    world
        .until("the other repository", |world| {
            let asked = world.fake.0.asked.lock().unwrap();
            asked.last().unwrap().repository == RepositoryName::parse("lab/other")
        })
        .await;
    assert_eq!(
        world.fake.0.most.load(Ordering::Relaxed),
        1,
        "one at a time"
    );

    let close = |config: &mut Config, maintenance| {
        let mut registry = config::Registry::clone(&config.registries[0]);
        registry.maintenance = maintenance;
        config.registries = vec![Arc::new(registry)];
    };
    world.reload(|config| close(config, Maintenance::Pushes));
    rests(&world).await;
    assert!(world.metric(GOOD) > Some(2.0), "it is configured");
    let view = |world: &World| world.canaries.view("harbor");
    assert_eq!(view(&world), None, "and says nothing old");
    world.reload(|config| close(config, Maintenance::Off));
    world.runs_again().await;

    world.reload(|config| config.canaries.clear());
    rests(&world).await;
    let text = world.current.load().process.metrics.text().unwrap();
    assert!(!text.contains("harbormouth_canary"), "{text}");
    assert_eq!(view(&world), None);
}

/// No run begins any more, after at most one.
async fn rests(world: &World) {
    tokio::time::sleep(OFTEN * 2).await;
    let before = world.runs();
    tokio::time::sleep(OFTEN * 5).await;
    assert_eq!(world.runs(), before);
}

#[tokio::test]
async fn a_drain_ends_a_run_which_cleans_up_and_tells_nothing() {
    let world = World::start(Does::Hangs, vec![canary(OFTEN)]);
    world.until("a run", |world| world.runs() == 1).await;
    world.drain.send_replace(true);
    let process = Arc::clone(&world.current.load().process);
    tokio::time::timeout(PATIENCE, world.supervisor)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(world.fake.0.cleaned_up.load(Ordering::Relaxed), 1);
    assert_eq!(world.canaries.view("harbor").unwrap().time, None);
    assert!(!process.metrics.text().unwrap().contains(SUCCESS));
}

#[tokio::test]
async fn a_walk_that_panics_is_a_bad_run_and_not_the_last() {
    let world = World::start(Does::Panics, vec![canary(OFTEN)]);
    world
        .until("bad runs", |world| world.metric(BAD) > Some(1.0))
        .await;
    world.does(Does::Well);
    world
        .until("good runs", |world| world.metric(GOOD) > Some(0.0))
        .await;
}
