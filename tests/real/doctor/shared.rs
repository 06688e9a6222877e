//! A fault behind nginx, examined once: the doctor's words are held against what they should be, and
//! against real clients at the same chain.

use super::chain::{Chain, Front};
use super::faults::{FAULTS, Fault};
use super::visit::{self, Said, Who};
use crate::world::World;
use std::sync::{Arc, OnceLock};

/// A chain that starts when the first trial asks for it, and ends with the last.
pub struct Shared {
    pub fault: &'static Fault,
    pub front: Front,
    examined: OnceLock<Examined>,
}

/// A chain, and what the doctor said.
pub struct Examined {
    pub chain: Chain,
    pub said: Said,
    /// Uploads that were open in the registry after the doctor had gone.
    pub left_open: usize,
}

impl Shared {
    pub fn new(fault: &'static Fault, front: Front) -> Shared {
        Shared {
            fault,
            front,
            examined: OnceLock::new(),
        }
    }

    pub fn examined(&self, world: &World) -> &Examined {
        self.examined
            .get_or_init(|| examine(world, self.fault, self.front))
    }
}

/// Starts a chain and asks the doctor once.
pub fn examine(world: &World, fault: &Fault, front: Front) -> Examined {
    let chain = Chain::start(world, fault, front);
    let mut arguments = vec!["--json"];
    arguments.extend(fault.asked);
    let said = visit::run(world, &chain.url(), Who::Alice, &arguments);
    let left_open = chain.backend.open_uploads();
    Examined {
        chain,
        said,
        left_open,
    }
}

/// Every fault with every front.
pub fn all() -> Vec<Arc<Shared>> {
    let fronts = |fault: &'static Fault| {
        let each = fault.fronts.iter();
        each.map(move |front| Arc::new(Shared::new(fault, *front)))
    };
    FAULTS.iter().flat_map(fronts).collect()
}
