//! Fifty reloads while a layer of 2 GiB is on its way: files that change by a rename and by a turn
//! of `..data`, SIGHUPs, and files that are broken. The layer arrives as it was sent.

use super::stage::{SOON, Stage};
use crate::clients::{Client, Reference, Tool as _};
use crate::common::process;
use crate::common::wait;
use crate::image::{Image, digest_of};
use crate::world::World;
use std::fs::File;
use std::time::{Duration, Instant};

const SIZE: u64 = 2 << 30;

/// Bytes a second while the reloads go on: the layer isn't done before they are.
const SLOW: u64 = 40_000_000;

/// Two gibibytes through unoptimised programs on a small, busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Of an unoptimised gateway that meets fifty configurations, each registry with its thousands of
/// series.
const PEAK_LIMIT_KIB: u64 = 128 * 1024;

/// Something that an operator, or Kubernetes, does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Another configuration, by a turn of `..data`.
    Configuration,
    /// Another certificate and key, each renamed over the old one.
    Certificate,
    /// A configuration with a fault, by a turn of `..data`. The next one is right again.
    Broken,
    /// Nothing.
    Nothing,
}

/// How the process gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It isn't told: it looks at its files each second, and waits until one stands still.
    Never,
    Hangup,
}

/// Five times this.
const SERIES: [(Change, Told); 10] = [
    (Change::Configuration, Told::Never),
    (Change::Nothing, Told::Hangup),
    (Change::Certificate, Told::Hangup),
    (Change::Configuration, Told::Hangup),
    (Change::Broken, Told::Hangup),
    (Change::Configuration, Told::Hangup),
    (Change::Certificate, Told::Never),
    (Change::Configuration, Told::Hangup),
    (Change::Broken, Told::Never),
    (Change::Configuration, Told::Hangup),
];
const TIMES: u32 = 5;

pub fn a_layer_arrives(world: &World) {
    let stage = Stage::start(world);
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &[SIZE]);
    let to = Reference {
        host: stage.site.name(),
        repository: "lab/app".to_owned(),
        tag: "v1".to_owned(),
    };
    let login = stage.harbor.login();
    stage.wire.slow_up(SLOW);
    let start = Instant::now();
    let pushed = std::thread::scope(|scope| {
        let push = scope.spawn(|| Client::Skopeo.push(world, &image, &to, &login, PATIENCE));
        wait::until("the layer's beginning", PATIENCE, || {
            (stage.received()? > 1_000_000).then_some(())
        });
        let (began, before) = (Instant::now(), stage.received());
        fifty_reloads(world, &stage);
        let after = stage.received();
        println!(
            "reload: 50 in {:.1} s, while the layer went from {} to {} MiB",
            began.elapsed().as_secs_f64(),
            before.unwrap_or_default() >> 20,
            after.expect("the layer is still on its way") >> 20,
        );
        stage.wire.hurry();
        push.join().expect("the push")
    });
    let pushed = pushed.expect("the push").manifest;
    println!(
        "reload: the push took {:.1} s",
        start.elapsed().as_secs_f64()
    );
    assert_eq!(
        stage.harbor.digest_of(&to.repository, &to.tag),
        Some(pushed)
    );
    let peak = stage.gateway.peak_memory_kib();
    assert!(peak < PEAK_LIMIT_KIB, "the memory peaked at {peak} KiB");
    let layer = &image.layers[0];
    let stored = File::open(stage.harbor.blob_file(layer)).expect("the stored layer");
    assert_eq!(digest_of(stored).expect("hash it"), *layer);
}

fn fifty_reloads(world: &World, stage: &Stage) {
    let mut kept = stage.connect(world);
    let first = kept.certificate();
    let mut number = 0;
    for (change, told) in (0..TIMES).flat_map(|_| SERIES) {
        number += 1;
        let before = stage.reloads();
        let shown = stage.connect(world).certificate();
        match change {
            Change::Configuration => stage.reconfigure(number),
            Change::Certificate => stage.renew(world),
            Change::Broken => stage.break_it(),
            Change::Nothing => {}
        }
        if told == Told::Hangup {
            stage.gateway.signal("HUP");
        }
        match change {
            Change::Broken => stage.is_broken(before),
            Change::Configuration => stage.is_configured(number),
            Change::Certificate => stage.is_renewed(world, &shown),
            Change::Nothing => {}
        }
        if change != Change::Broken {
            stage.is_good(before);
        }
        // A connection from before the first of them.
        let reply = kept.ask("GET", "/v2/", &[], b"").expect("an answer");
        assert_eq!(
            reply.status,
            401,
            "after {number} changes: {}",
            reply.text()
        );
    }
    assert_eq!(kept.certificate(), first);
    assert!(stage.connect(world).certificate() != first);
}

/// A file that would keep its reader waiting for ever is refused at once: requests go on, and so does
/// the process's end.
pub fn a_key_that_never_ends(world: &World) {
    let mut stage = Stage::start(world);
    let mut kept = stage.connect(world);
    let key = stage.certificate.path("tls.key");
    std::fs::remove_file(&key).expect("remove the key");
    let home = world.directory("fifo");
    let mut mkfifo = world.command("mkfifo", home.path());
    mkfifo.arg(&key);
    process::must(mkfifo);
    stage.gateway.signal("HUP");
    wait::until("a refusal", SOON, || {
        let log = stage.gateway.stderr();
        log.contains("has to be a regular file").then_some(())
    });
    let reply = kept.ask("GET", "/v2/", &[], b"").expect("an answer");
    assert_eq!(reply.status, 401);
    let start = Instant::now();
    stage.gateway.signal("TERM");
    let status = wait::until("the end", SOON, || stage.gateway.ended());
    assert!(status.success(), "{status:?}");
    assert!(start.elapsed() < Duration::from_secs(3));
}
