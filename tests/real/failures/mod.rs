//! Pushes and pulls that fail, with real clients: what Harbormouth says of each, and what the
//! person at the terminal sees. Every trial asks the same of access records, metrics and the admin
//! listener's lists (see `judge`): they name the reason and the fault, and nothing else failed.

mod broken;
mod good;
mod judge;
mod leaving;
mod lists;
mod lost;
mod refusals;
mod silent;
mod storage;

use crate::clients::{Client, Login, Prepared, Reference, Running};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::{Change, Harbor};
use crate::image::Image;
use crate::world::{Site, World};
use harbormouth::registry::reason::Reason;
use harbormouth::standin::{BodyEnd, Seen, Standin};
use judge::End;
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trials = [
        // The longest first: it mostly waits.
        silent::trials(world),
        refusals::trials(world),
        leaving::trials(world),
        broken::trials(world),
        lost::trials(world),
        storage::trials(world),
        good::trials(world),
    ];
    trials.into_iter().flatten().collect()
}

/// Lines at the top level of every configuration here: records are read by a program.
const JSON: &str = "log: { format: json }\n";

/// client → gateway → something → Harbor.
struct Scene {
    harbor: Harbor,
    gateway: Gateway,
    host: String,
}

/// What is set in the gateway's configuration, and in Harbor's.
#[derive(Clone, Copy)]
struct Setting {
    /// Lines at the top level, each with its end.
    settings: &'static str,
    /// Lines of the registry's entry.
    registry: &'static str,
    harbor: Change,
}

const PLAIN: Setting = Setting {
    settings: "",
    registry: "",
    harbor: crate::harbor::AS_RECORDED,
};

impl Scene {
    /// `between` says what the gateway takes for Harbor, told where that is.
    fn start(
        world: &World,
        setting: Setting,
        between: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> Scene {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start_with(world, &public, setting.harbor);
        Scene::before(world, setting, site, harbor, between)
    }

    /// The same, with several registries behind core; `between` says what core takes for its own.
    fn replicated(
        world: &World,
        setting: Setting,
        registries: usize,
        between: impl FnOnce(&[SocketAddr]) -> SocketAddr,
    ) -> Scene {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start_before(world, &public, setting.harbor, registries, between);
        Scene::before(world, setting, site, harbor, |harbor| harbor)
    }

    fn before(
        world: &World,
        setting: Setting,
        site: Site,
        harbor: Harbor,
        between: impl FnOnce(SocketAddr) -> SocketAddr,
    ) -> Scene {
        let public = format!("https://{}", site.name());
        let files = world.ca.issue(&[&site.name()]);
        let front = SocketAddr::from((site.public_address(), 443));
        let Setting {
            settings, registry, ..
        } = setting;
        let gateway = Gateway::with_config(&format!(
            "listeners:\n{}{ADMIN}{JSON}{settings}registries:\n  - name: hq\n    \
             public: [ {public} ]\n    upstream:\n      endpoints: [ http://{} ]\n{registry}",
            tls_listener(front, &[&files]),
            between(harbor.address()),
        ));
        Scene {
            harbor,
            gateway,
            host: site.name(),
        }
    }

    fn direct(world: &World, setting: Setting) -> Scene {
        Scene::start(world, setting, |harbor| harbor)
    }
}

/// The latest that a client should have said what it has to say.
const ENOUGH: Duration = Duration::from_secs(60);

/// A repository of the client's own.
fn place(host: &str, project: &str, client: Client) -> Reference {
    Reference {
        host: host.to_owned(),
        repository: format!("{project}/{}", client.name()),
        tag: "v1".to_owned(),
    }
}

/// Lets clients begin to push at the same time, each to a repository of its own in `project`.
fn start_pushes(
    world: &World,
    host: &str,
    project: &str,
    login: &Login,
    clients: &[Client],
    layers: &[u64],
) -> Vec<Running> {
    let one = |client: Client| {
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), layers);
        let to = place(host, project, client);
        // skopeo reads the layout while it pushes.
        let mut prepared = client.prepare(world, &image, &to, login);
        prepared.kept.push(directory);
        prepared
    };
    let prepared: Vec<Prepared> = std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = clients
            .iter()
            .map(|client| scope.spawn(move || one(*client)))
            .collect();
        let prepared = threads.into_iter().map(|thread| thread.join());
        prepared
            .map(|prepared| prepared.expect("an image"))
            .collect()
    });
    let pairs = prepared.into_iter().zip(clients);
    pairs
        .map(|(prepared, client)| prepared.start(*client))
        .collect()
}

/// What to wait for, and the words that the person at the terminal has to see.
#[derive(Clone, Copy)]
enum Expect {
    /// It gives up by itself.
    GivesUp(&'static [&'static str]),
    /// It tries again, longer than one wants to wait and with whatever luck: it is stopped.
    TriesAgain(&'static [&'static str]),
    /// It gets its push done.
    Succeeds,
}

/// Waits until each client has done what is expected of it.
fn told(mut running: Vec<Running>, expect: impl Fn(Client) -> Expect) {
    let start = Instant::now();
    while !running.is_empty() {
        running.retain_mut(|running| !is_over(running, expect(running.client)));
        if start.elapsed() > ENOUGH {
            let waiting = running.iter().map(|each| (each.client, each.said()));
            panic!("waited in vain: {:#?}", waiting.collect::<Vec<_>>());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether a client has done what is expected of it.
fn is_over(running: &mut Running, expect: Expect) -> bool {
    let ended = running.ended();
    let (client, said) = (running.client, running.said());
    let succeeded = ended.map(|status| status.success());
    let words = match expect {
        Expect::TriesAgain(words) if ended.is_none() || has(&said, words) => {
            return has(&said, words);
        }
        Expect::GivesUp(words) | Expect::TriesAgain(words) => words,
        Expect::Succeeds => &[],
    };
    let Some(succeeded) = succeeded else {
        return false;
    };
    let name = client.name();
    let is_right = succeeded == matches!(expect, Expect::Succeeds);
    assert!(is_right, "{name} succeeded: {succeeded}\n{said}");
    assert!(has(&said, words), "{name} without {words:?}:\n{said}");
    true
}

/// Waits until Harbor has a part of each client's layer: the first MB of it.
fn wait_in_the_middle(core: &Standin, clients: &[Client]) {
    for client in clients {
        let path = format!("/v2/lab/{}/blobs/uploads/", client.name());
        wait::until("the middle of a layer", ENOUGH, || {
            let is_it = |seen: &Seen| {
                seen.target.starts_with(&path)
                    && seen.received >= 1_000_000
                    && seen.body == BodyEnd::Open
            };
            core.seen().iter().any(is_it).then_some(())
        });
    }
}

/// Whether a text has all of these.
fn has(said: &str, words: &[&str]) -> bool {
    words.iter().all(|words| said.contains(words))
}

/// What becomes of a client's other requests when one of them failed, and of one that is stopped.
fn or_gone(clients: &[Client]) -> Vec<(&'static str, Reason)> {
    let gone = |client: &Client| (client.family(), Reason::ClientGone);
    clients.iter().map(gone).collect()
}

/// The ends of each client, in the order of [`Client::ALL`].
fn ends_of(clients: &[Client], ends: &[&[End]; 4]) -> Vec<(&'static str, End)> {
    let each = clients.iter().flat_map(|client| {
        let of_one = ends[*client as usize].iter();
        of_one.map(|end| (client.family(), *end))
    });
    each.collect()
}
