//! The push tracker's memory, measured: 100,000 pushes go through it, and what it holds stays
//! within the bound that is computed for it. A file of its own, with one test, since the allocator
//! counts for the whole process.

use harbormouth::observe::push::{
    BodyProgress, CanaryFailure, PushTracker, RequestBegan, RequestEnded, TableSizes,
};
use harbormouth::oci::operation::Operation;
use harbormouth::oci::reason::{Fault, Proof, Reason};
use harbormouth::oci::user_agent::ClientFamily;
use peak_alloc::PeakAlloc;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const PUSHES: u32 = 100_000;
const REGISTRIES: usize = 4;

/// Requests that never end: a few less than are followed, so that others are, too.
const STUCK: usize = 4000;

/// The most bytes that a tracker holds, all of its tables full of the longest texts.
const MOST: usize = 12_000_000;

/// How long the texts are that come from outside.
#[derive(Clone, Copy, Debug)]
enum Texts {
    Everyday,
    /// Longer than anything that is kept.
    Long,
}

/// A load that a tracker is put under.
struct Load {
    pushes: PushTracker,
    now: SystemTime,
    texts: Texts,
    /// Requests that never end.
    flows: Vec<Arc<BodyProgress>>,
}

impl Load {
    fn new(texts: Texts) -> Load {
        Load {
            pushes: PushTracker::new((0..REGISTRIES).map(|number| format!("registry-{number}"))),
            now: UNIX_EPOCH + Duration::from_secs(1_790_000_000),
            texts,
            flows: Vec::new(),
        }
    }

    fn text(&self, kind: &str, number: u32) -> String {
        match self.texts {
            Texts::Everyday => format!("{kind}-{number}"),
            Texts::Long => format!("{number}-{kind}-").repeat(45),
        }
    }

    /// One push of three layers and a manifest; one of seven goes wrong somewhere, one of four
    /// leaves a request in flight until there are `STUCK`, one of five an upload that nobody ends.
    fn push(&mut self, number: u32) {
        let repository = self.text("lab/app", number);
        let client = IpAddr::V4(Ipv4Addr::from(number));
        for layer in 0..3 {
            let id = self.text("upload", number * 3 + layer);
            let digest = format!("sha256:{number:060x}{layer:04}");
            let step = Step {
                number,
                client,
                repository: &repository,
                id: &id,
            };
            self.tell(&step, Operation::UploadStart, Reason::Success, None);
            if layer == 0 && number.is_multiple_of(4) && self.flows.len() < STUCK {
                let flow = self.begin(&step);
                self.flows.push(flow);
            }
            let flow = self.begin(&step);
            let (reason, digest) = match (layer, number % 7, number % 5) {
                (2, 0, _) => (failure(number), None),
                (1, _, 0) => continue,
                _ => (Reason::Success, Some(digest.as_str())),
            };
            let commit = RequestEnded {
                flow: Some(&flow),
                digest,
                ..self.ended(&step, Operation::UploadCommit, reason)
            };
            let host = self.text("host", number);
            let words = self.text("denied because", number);
            self.pushes.ended(&texts(commit, &host, &words), self.now);
        }
        let last = Step {
            number,
            client,
            repository: &repository,
            id: "",
        };
        let reason = match number % 13 {
            0 => failure(number),
            _ => Reason::Success,
        };
        let words = self.text("manifest invalid", number);
        self.tell(&last, Operation::ManifestPut, reason, Some(&words));
        self.tell(&last, Operation::ManifestGet, failure(number), Some(&words));
        if number.is_multiple_of(17) {
            let told = CanaryFailure {
                registry: last.registry(),
                operation: Operation::UploadCommit,
                repository: &repository,
                status: Some(502),
                fault: Fault::Network,
                finding: Some("commit_cut"),
                diagnosis: &words,
                request_id: &words,
                sent: 1,
                duration: Duration::from_secs(3),
            };
            self.pushes.canary_failed(&told, self.now);
        }
        self.now += Duration::from_millis(20);
        if number.is_multiple_of(50) {
            self.pushes.sweep(self.now);
        }
    }

    fn begin(&self, step: &Step<'_>) -> Arc<BodyProgress> {
        let flow = Arc::new(BodyProgress::default());
        let request_id = self.text("request", step.number);
        let began = RequestBegan {
            registry: step.registry(),
            operation: Operation::UploadCommit,
            repository: step.repository,
            upload: Some(step.id),
            client: Some(step.client),
            client_family: ClientFamily::Containerd,
            request_id: &request_id,
            expected: None,
            flow: &flow,
        };
        self.pushes.began(&began, self.now);
        flow
    }

    fn tell(&self, step: &Step<'_>, operation: Operation, reason: Reason, words: Option<&str>) {
        let host = self.text("host", step.number);
        let ended = self.ended(step, operation, reason);
        self.pushes
            .ended(&texts(ended, &host, words.unwrap_or_default()), self.now);
    }

    fn ended<'a>(&self, step: &Step<'a>, operation: Operation, reason: Reason) -> RequestEnded<'a> {
        let opens = operation == Operation::UploadStart;
        RequestEnded {
            registry: step.registry(),
            operation,
            repository: Some(step.repository),
            upload: Some(step.id).filter(|id| !opens && !id.is_empty()),
            client: Some(step.client),
            client_family: ClientFamily::Containerd,
            request_id: "",
            account: None,
            host: "",
            public_host: "hub.example.com",
            proof: Proof::Proven,
            reason,
            status: Some(201),
            code: None,
            message: None,
            rule: None,
            received: 1 << 20,
            sent: 0,
            duration: Duration::from_secs(3),
            silence: Duration::from_secs(u64::from(step.number % 90)),
            commit_wait: Some(Duration::from_secs(1)),
            opened: opens.then_some(step.id),
            upload_age: None,
            digest: None,
            reference: None,
            token_life: None,
            token_grants_push: None,
            had_credential: true,
            reattached: step.number.is_multiple_of(3),
            behind_cloudflare: false,
            in_clear: false,
            unknown_blob: None,
            flow: None,
        }
    }
}

struct Step<'a> {
    number: u32,
    client: IpAddr,
    repository: &'a str,
    id: &'a str,
}

impl Step<'_> {
    fn registry(&self) -> usize {
        self.number as usize % REGISTRIES
    }
}

fn texts<'a>(ended: RequestEnded<'a>, host: &'a str, words: &'a str) -> RequestEnded<'a> {
    RequestEnded {
        request_id: host,
        host,
        code: Some(words),
        message: Some(words),
        reference: Some(words),
        ..ended
    }
}

/// Each of the reasons that are failures in its turn.
fn failure(number: u32) -> Reason {
    let failures: Vec<Reason> = Reason::ALL
        .iter()
        .copied()
        .filter(|reason| !reason.advice().is_empty())
        .collect();
    failures[number as usize / REGISTRIES % failures.len()]
}

/// The process's memory in bytes, as the kernel counts it.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib = line.split_whitespace().nth(1).unwrap();
    kib.parse::<usize>().unwrap() * 1024
}

#[test]
fn a_hundred_thousand_pushes_stay_within_the_bound() {
    for texts in [Texts::Everyday, Texts::Long] {
        let (before, resident_before) = (ALLOCATOR.current_usage(), resident());
        let mut load = Load::new(texts);
        // Tables double once more long after they are full: removed entries leave marks in them.
        let settled = PUSHES / 4 * 3;
        (0..settled).for_each(|number| load.push(number));
        let before_the_last = ALLOCATOR.current_usage() - before;
        (settled..PUSHES).for_each(|number| load.push(number));
        let held = ALLOCATOR.current_usage() - before;
        let resident = resident().saturating_sub(resident_before);
        let kept = load.pushes.kept();
        println!("{texts:?}: {kept:?}");
        println!(
            "{held} bytes held, {before_the_last} before the last quarter, {resident} resident"
        );
        assert!(held <= MOST, "{texts:?}: {held}: {kept:?}");
        assert!(resident <= MOST, "{texts:?}: {resident} resident");
        // What comes later takes the place of what was there.
        assert!(
            held <= before_the_last / 100 * 105,
            "{texts:?}: {before_the_last} → {held}"
        );
        // Nothing is measured where nothing is kept.
        let least = TableSizes {
            uploads: 4000,
            in_flight: STUCK,
            pushes: 1000,
            failures: 600,
            failure_series: 256,
            committed: 16_384,
        };
        assert!(is_within(least, kept), "{texts:?}: {kept:?}");
        let most = TableSizes {
            uploads: 4096,
            in_flight: 4096,
            pushes: 1524,
            ..least
        };
        assert!(is_within(kept, most), "{texts:?}: {kept:?}");
    }
}

fn is_within(less: TableSizes, more: TableSizes) -> bool {
    less.uploads <= more.uploads
        && less.in_flight <= more.in_flight
        && less.pushes <= more.pushes
        && less.failures <= more.failures
        && less.failure_series <= more.failure_series
        && less.committed <= more.committed
}
