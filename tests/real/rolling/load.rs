//! Pushes and pulls without end: each loop is one client that makes an image, pushes it, looks for
//! it in the registry and pulls it back, again and again, until the load is over.

use super::edge::Edge;
use crate::clients::{Client, Outcome, Reference, Tool as _};
use crate::image::Image;
use crate::world::World;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

/// A client that has neither done it nor given up by then hangs.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Push,
    Pull,
}

/// What became of one push or pull; the words of a client that failed.
#[derive(Debug)]
pub struct Attempt {
    pub client: Client,
    pub what: What,
    pub failed: Option<String>,
}

/// One client that goes on and on.
#[derive(Clone, Copy, Debug)]
pub struct Loop {
    pub client: Client,
    pub speed: Speed,
    pub layers: &'static [u64],
}

/// Which registry it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    Fast,
    Slow,
}

#[derive(Default)]
pub struct Load {
    over: AtomicBool,
    attempts: Mutex<Vec<Attempt>>,
}

impl Load {
    /// Starts every loop in a thread of its own.
    pub fn start<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        world: &'scope World,
        hosts: &'scope Hosts,
        loops: &[Loop],
    ) {
        for each in loops.iter().copied() {
            scope.spawn(move || {
                let mut number = 0;
                while !self.is_over() {
                    self.turn(world, hosts, each, number);
                    number += 1;
                }
            });
        }
    }

    /// Every loop ends when its turn is done.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    pub fn count(&self, what: What) -> usize {
        let attempts = self.attempts.lock().expect("the attempts");
        attempts.iter().filter(|each| each.what == what).count()
    }

    /// What failed so far, each with the client's words.
    pub fn failures(&self) -> Vec<String> {
        let attempts = self.attempts.lock().expect("the attempts");
        let failure = |each: &Attempt| {
            let said = each.failed.as_ref()?;
            Some(format!("{} {:?}: {said}", each.client.name(), each.what))
        };
        attempts.iter().filter_map(failure).collect()
    }

    fn turn(&self, world: &World, hosts: &Hosts, each: Loop, number: u32) {
        let Loop {
            client,
            speed,
            layers,
        } = each;
        let (host, size) = match speed {
            Speed::Fast => (&hosts.fast, "small"),
            Speed::Slow => (&hosts.slow, "large"),
        };
        let place = Reference {
            host: host.clone(),
            repository: format!("lab/{}-{size}", client.name()),
            tag: format!("v{number}"),
        };
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), layers);
        let login = &hosts.login;
        let pushed = client.push(world, &image, &place, login, PATIENCE);
        let Some(pushed) = self.note(client, What::Push, pushed) else {
            return;
        };
        let pulled = client.pull(world, &place, login, PATIENCE);
        let Some(pulled) = self.note(client, What::Pull, pulled) else {
            return;
        };
        // The configuration names every layer's content.
        let is_same = pulled.manifest == pushed.manifest && pulled.config == image.config;
        assert!(is_same, "{place}: pulled is not what was pushed");
    }

    fn note<T>(&self, client: Client, what: What, outcome: Outcome<T>) -> Option<T> {
        let (value, failed) = match outcome {
            Outcome::Done(value) => (Some(value), None),
            Outcome::Failed(said) => (None, Some(said)),
            Outcome::Hanging(said) => (None, Some(format!("hangs: {said}"))),
        };
        let attempt = Attempt {
            client,
            what,
            failed,
        };
        self.attempts.lock().expect("the attempts").push(attempt);
        value
    }
}

/// Ends the load when it is dropped: also when a thread that watches it panics, which would
/// otherwise wait for the loops for ever.
pub struct Until<'a>(pub &'a Load);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Where the loops push to, and as whom.
pub struct Hosts {
    pub fast: String,
    pub slow: String,
    pub login: crate::clients::Login,
}

impl Hosts {
    pub fn of(edge: &Edge) -> Hosts {
        Hosts {
            fast: edge.host.clone(),
            slow: edge.slow_host.clone(),
            login: edge.harbor.login(),
        }
    }
}
