//! Fifty reloads while a layer of 2 GiB is on its way: files that change by a rename and by a turn
//! of `..data`, SIGHUPs, and files that are broken. The layer arrives as it was sent.

use super::https::Https;
use super::volume::{Kind, Volume};
use crate::clients::{Client, Reference};
use crate::common::ca::CertFiles;
use crate::common::gateway::Gateway;
use crate::common::plain_http;
use crate::common::process;
use crate::common::wait;
use crate::gateways::ADMIN;
use crate::harbor::Harbor;
use crate::image::{Image, digest_of};
use crate::wire::Wire;
use crate::world::{Site, World};
use harbormouth::standin::{BodyEnd, Seen};
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

const SIZE: u64 = 2 << 30;

/// Bytes a second while the reloads go on: the layer isn't done before they are.
const SLOW: u64 = 40_000_000;

/// Two gibibytes through unoptimised programs on a small, busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// Of an unoptimised gateway. Each registry that comes takes 0.4 MiB for its series, and is kept
/// until the next probe of its endpoint.
const PEAK_LIMIT_KIB: u64 = 128 * 1024;

/// A change is noticed by then.
const SOON: Duration = Duration::from_secs(15);

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

/// A file system that hangs holds up nothing but the reload: not the process's end either.
pub fn a_reload_hangs(world: &World) {
    let mut stage = Stage::start(world);
    let mut kept = stage.connect(world);
    let key = stage.certificate.path("tls.key");
    std::fs::remove_file(&key).expect("remove the key");
    let home = world.directory("fifo");
    let mut mkfifo = world.command("mkfifo", home.path());
    mkfifo.arg(&key);
    process::must(mkfifo);
    stage.gateway.signal("HUP");
    // Succeeds once somebody reads, who then waits for what is never written.
    let mut options = OpenOptions::new();
    options.write(true).custom_flags(libc::O_NONBLOCK);
    let _writer = wait::until("the key to be read", SOON, || options.open(&key).ok());
    let reply = kept.ask("GET", "/v2/", &[], b"").expect("an answer");
    assert_eq!(reply.status, 401);
    let start = Instant::now();
    stage.gateway.signal("TERM");
    let status = wait::until("the end", SOON, || stage.gateway.ended());
    assert!(status.success(), "{status:?}");
    assert!(start.elapsed() < Duration::from_secs(3));
}

/// client → gateway → wire → Harbor.
struct Stage {
    gateway: Gateway,
    harbor: Harbor,
    wire: Wire,
    site: Site,
    front: SocketAddr,
    configuration: Volume,
    certificate: Volume,
}

const CONFIGURATION: &str = "harbormouth.yaml";

impl Stage {
    fn start(world: &World) -> Stage {
        let site = world.site();
        let harbor = Harbor::start(world, &format!("https://{}", site.name()));
        let wire = Wire::start(harbor.address());
        let front = SocketAddr::from((site.public_address(), 443));
        let [cert, key] = issue(world, site);
        let files = [("tls.crt", cert.as_str()), ("tls.key", &key)];
        let certificate = Volume::new(Kind::Renamed, world.directory("certificate"), &files);
        let text = configuration(site, front, &certificate, wire.address, 0);
        let files = [(CONFIGURATION, text.as_str())];
        let configuration = Volume::new(Kind::Mounted, world.directory("configuration"), &files);
        Stage {
            gateway: Gateway::with_file(&configuration.path(CONFIGURATION)),
            harbor,
            wire,
            site,
            front,
            configuration,
            certificate,
        }
    }

    fn connect(&self, world: &World) -> Https {
        Https::connect(world, self.front, &self.site.name()).expect("a connection")
    }

    /// How much of the layer Harbor has, while it comes.
    fn received(&self) -> Option<u64> {
        let seen = self.harbor.core().seen();
        let is_it = |seen: &&Seen| seen.method == "PATCH" && seen.body == BodyEnd::Open;
        seen.iter().find(is_it).map(|seen| seen.received)
    }

    /// Each configuration has a registry that no other has.
    fn reconfigure(&self, number: u32) {
        let (site, front) = (self.site, self.front);
        let text = configuration(site, front, &self.certificate, self.wire.address, number);
        self.configuration.put(&[(CONFIGURATION, &text)]);
    }

    fn is_configured(&self, number: u32) {
        let shown = format!("registry=\"g{number}\"");
        wait::until(&shown, SOON, || {
            let metrics = self.gateway.metrics();
            let only = metrics.matches("registry=\"g").count() == metrics.matches(&shown).count();
            (metrics.contains(&shown) && only).then_some(())
        });
    }

    fn renew(&self, world: &World) {
        let [cert, key] = issue(world, self.site);
        self.certificate
            .put(&[("tls.crt", &cert), ("tls.key", &key)]);
    }

    fn is_renewed(&self, world: &World, before: &[u8]) {
        wait::until("the new certificate", SOON, || {
            (self.connect(world).certificate() != before).then_some(())
        });
    }

    fn break_it(&self) {
        let text = "listeners: [ { adress: nowhere } ]\n";
        self.configuration.put(&[(CONFIGURATION, text)]);
    }

    /// It is said everywhere, and the last good one is still in force.
    fn is_broken(&self, before: usize) {
        wait::until("a bad reload", SOON, || {
            (self.successful() == 0.0).then_some(())
        });
        assert_eq!(self.reloads(), before);
        let admin = self.gateway.admin.expect("an admin listener");
        let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
        assert_eq!(ready.status, 200);
        assert!(ready.body.contains("adress"), "{}", ready.body);
        assert!(self.gateway.stderr().contains("adress"));
    }

    /// A reload has succeeded since.
    fn is_good(&self, before: usize) {
        wait::until("a good reload", SOON, || {
            (self.reloads() > before).then_some(())
        });
        assert_eq!(self.successful(), 1.0);
    }

    fn successful(&self) -> f64 {
        let family = "harbormouth_config_last_reload_successful";
        self.gateway.metric(family, &[])
    }

    /// How often it has put a configuration into force.
    fn reloads(&self) -> usize {
        let said = "the configuration was read again";
        self.gateway.stderr().matches(said).count()
    }
}

fn issue(world: &World, site: Site) -> [String; 2] {
    let CertFiles { cert, key } = world.ca.issue(&[&site.name()]);
    [cert, key].map(|file| std::fs::read_to_string(file).expect("read a certificate"))
}

fn configuration(
    site: Site,
    front: SocketAddr,
    certificate: &Volume,
    harbor: SocketAddr,
    number: u32,
) -> String {
    let at = certificate.directory();
    let registry = |name: &str, host: &str| {
        format!(
            "  - name: {name}\n    public: [ https://{host} ]\n    \
             upstream: {{ endpoints: [ http://{harbor} ] }}\n"
        )
    };
    format!(
        "listeners:\n  - address: {front}\n    \
         tls: {{ certificates: [ {{ cert: {at}/tls.crt, key: {at}/tls.key }} ] }}\n\
         {ADMIN}registries:\n{}{}",
        registry("hq", &site.name()),
        registry(&format!("g{number}"), &site.second_name()),
    )
}
