//! Pushes that are watched while they run: several clients at the same time, each expected to
//! succeed, to give up or to try again.

use crate::clients::{Client, Login, Prepared, Reference, Running, Tool as _};
use crate::common::wait;
use crate::image::Image;
use crate::world::World;
use harbormouth::testing::fake_harbor::{BodyEnd, FakeHarbor, RecordedRequest};
use std::time::{Duration, Instant};

/// The latest that a client should have said what it has to say.
pub const ENOUGH: Duration = Duration::from_secs(60);

/// A repository of the client's own.
pub fn place(host: &str, project: &str, client: Client) -> Reference {
    Reference {
        host: host.to_owned(),
        repository: format!("{project}/{}", client.name()),
        tag: "v1".to_owned(),
    }
}

/// Lets clients begin to push at the same time, each to a repository of its own in `project`.
pub fn start_pushes(
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
pub enum Expect {
    /// It gives up by itself.
    GivesUp(&'static [&'static str]),
    /// It tries again, longer than one wants to wait and with whatever luck: it is stopped.
    TriesAgain(&'static [&'static str]),
    /// It gets its push done.
    Succeeds,
    /// The same, and it never had to try again.
    SucceedsAtOnce,
    /// Either, by chance.
    Ends,
}

/// Waits until each client has done what is expected of it.
pub fn told(mut running: Vec<Running>, expect: impl Fn(Client) -> Expect) {
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
        Expect::Ends => return ended.is_some(),
        Expect::Succeeds => &[],
        Expect::SucceedsAtOnce => {
            let again = ["Retrying in", "retrying in"];
            assert!(!again.iter().any(|words| said.contains(words)), "{said}");
            &[]
        }
    };
    let Some(succeeded) = succeeded else {
        return false;
    };
    let name = client.name();
    let is_right = succeeded == matches!(expect, Expect::Succeeds | Expect::SucceedsAtOnce);
    assert!(is_right, "{name} succeeded: {succeeded}\n{said}");
    assert!(has(&said, words), "{name} without {words:?}:\n{said}");
    true
}

/// Waits until Harbor has a part of each client's layer: the first MB of it.
pub fn wait_in_the_middle(core: &FakeHarbor, clients: &[Client]) {
    for client in clients {
        let path = format!("/v2/lab/{}/blobs/uploads/", client.name());
        wait::until("the middle of a layer", ENOUGH, || {
            let is_it = |seen: &RecordedRequest| {
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
