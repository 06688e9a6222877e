//! What clients do: the requests of a push and of a pull, and what follows a refusal or a cut, as
//! docs/limits.md and the clients' sources have it.

use super::holder::Held;
use super::outcome::Trouble;
use super::random::Random;
use super::setting::Setting;
use crate::net::client_network::Owner;
use crate::oci::operation::Operation;
use crate::proxy::{DOWNLOAD, HTTP1_UPLOAD};
use crate::runtime::Share;
use std::sync::Arc;

/// Layers at once, of containerd and docker.
pub const LANES: usize = 3;

/// So many more times containerd asks at once.
const AT_ONCE: u32 = 5;

/// docker's own store waits so many milliseconds before it asks again, in this order.
const DOCKER_WAITS: [u64; 4] = [5_000, 10_000, 15_000, 20_000];

/// The kubelet's back-off: doubled with each try that failed, up to five minutes.
const BACK_OFF: u64 = 10_000;
const LONGEST_BACK_OFF: u64 = 300_000;

/// Go's dialler gives up after so long.
pub const DIAL: u64 = 30_000;

/// One request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ask {
    /// A challenge, a token, a manifest, a configuration.
    Head,
    /// A layer, with the bytes that are left of it.
    Fetch(f64),
    Start,
    /// A layer's bytes, and their commit.
    Commit,
    /// The configuration and the manifest of a push.
    Tail,
}

impl Ask {
    pub fn operation(self) -> Operation {
        match self {
            Ask::Head => Operation::ManifestGet,
            Ask::Fetch(_) => Operation::BlobGet,
            Ask::Start => Operation::UploadStart,
            Ask::Commit => Operation::UploadCommit,
            Ask::Tail => Operation::ManifestPut,
        }
    }

    /// What its bodies may hold.
    pub fn memory(self) -> u64 {
        match self {
            Ask::Head | Ask::Fetch(_) => DOWNLOAD,
            Ask::Start | Ask::Tail => 0,
            Ask::Commit => HTTP1_UPLOAD,
        }
    }

    fn is_layer(self) -> bool {
        match self {
            Ask::Fetch(_) | Ask::Start | Ask::Commit => true,
            Ask::Head | Ask::Tail => false,
        }
    }
}

pub struct Connection {
    pub replica: usize,
    pub held: Arc<Held>,
    /// Its place among the replica's connections, for as long as it lives.
    pub _share: Share,
}

/// One request at a time of a push or a pull.
#[derive(Default)]
pub struct Lane {
    pub connection: Option<Connection>,
    pub ask: Option<Ask>,
    /// Its request, once it is sent.
    pub request: Option<(usize, u64)>,
    refused: u32,
}

pub struct Job {
    pub is_push: bool,
    is_docker: bool,
    pub owner: Owner,
    pub line: usize,
    pub began: u64,
    heads: usize,
    layers: usize,
    tails: usize,
    pub lanes: [Lane; LANES],
    /// Tries that failed; what belongs to an earlier one is of no meaning.
    pub tries: u32,
    pub is_over: bool,
}

/// What a client does next.
pub enum Next {
    Again(u64),
    /// This try has failed; after so long there is another one, if ever.
    Failed(Option<u64>),
}

impl Job {
    pub fn pull(owner: Owner, setting: &Setting, began: u64) -> Job {
        Job {
            is_push: false,
            is_docker: false,
            owner,
            line: 0,
            began,
            heads: 5,
            layers: setting.layers,
            tails: 0,
            lanes: Default::default(),
            tries: 0,
            is_over: false,
        }
    }

    /// Half of them are docker's with its own store; one of a hundred has a slow line.
    pub fn push(owner: Owner, setting: &Setting, began: u64, random: &mut Random) -> Job {
        Job {
            is_push: true,
            is_docker: random.below(2) == 0,
            line: if random.below(100) == 0 { 2 } else { 1 },
            heads: 2,
            tails: 3,
            ..Job::pull(owner, setting, began)
        }
    }

    /// Gives free lanes their next request, and says which.
    pub fn next(&mut self, layer: f64) -> Vec<usize> {
        let is_free = |lane: &Lane| lane.ask.is_none();
        if self.heads > 0 || self.layers == 0 {
            if !self.lanes.iter().all(is_free) {
                return Vec::new();
            }
            let (left, ask) = match self.heads {
                0 => (&mut self.tails, Ask::Tail),
                _ => (&mut self.heads, Ask::Head),
            };
            if *left == 0 {
                self.is_over = true;
                return Vec::new();
            }
            *left -= 1;
            self.lanes[0].ask = Some(ask);
            return vec![0];
        }
        let mut begun = Vec::new();
        for (index, lane) in self.lanes.iter_mut().enumerate() {
            if is_free(lane) && self.layers > 0 {
                self.layers -= 1;
                lane.ask = Some(if self.is_push {
                    Ask::Start
                } else {
                    Ask::Fetch(layer)
                });
                begun.push(index);
            }
        }
        begun
    }

    /// A lane's request has its answer. Whether the lane goes on by itself.
    pub fn answered(&mut self, lane: usize) -> bool {
        let lane = &mut self.lanes[lane];
        lane.refused = 0;
        lane.request = None;
        let goes_on = lane.ask == Some(Ask::Start);
        lane.ask = goes_on.then_some(Ask::Commit);
        goes_on
    }

    /// A lane's request was turned away, or cut; of a layer that is pulled so much is left.
    pub fn refused(&mut self, lane: usize, left: Option<f64>, trouble: Trouble) -> Next {
        let (is_docker, tries) = (self.is_docker, self.tries);
        let is_layer = self.lanes[lane].ask.is_some_and(Ask::is_layer);
        let lane = &mut self.lanes[lane];
        lane.request = None;
        lane.refused += 1;
        match (lane.ask, left) {
            (Some(Ask::Fetch(_)), Some(left)) => lane.ask = Some(Ask::Fetch(left)),
            // The whole layer again, in an upload of its own.
            (Some(Ask::Commit), _) => lane.ask = Some(Ask::Start),
            _ => {}
        }
        let refused = lane.refused;
        if is_docker {
            let wait = DOCKER_WAITS.get(refused as usize - 1);
            return wait.map_or(Next::Failed(None), |wait| Next::Again(*wait));
        }
        // containerd asks again after an answer that says so, and for a body that broke off.
        let is_repeated = trouble.is_answer() || trouble.is_cut() && is_layer;
        if is_repeated && refused <= AT_ONCE {
            return Next::Again(0);
        }
        let wait = (BACK_OFF << tries.min(10)).min(LONGEST_BACK_OFF);
        Next::Failed((!self.is_push).then_some(wait))
    }

    /// Another try begins from the beginning, but for layers that are there.
    pub fn try_again(&mut self) {
        let under_way = self
            .lanes
            .iter()
            .filter(|lane| lane.ask.is_some_and(Ask::is_layer));
        self.layers += under_way.count();
        self.heads = 5;
        self.tries += 1;
        self.lanes = Default::default();
    }
}
