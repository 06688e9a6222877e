//! One limit that all clients share, and the owner of each place in it.
//!
//! While there is room every client gets a place. The last places are not given to owners who already
//! hold many. When none is left, the owner with the most places that stand still gives one up to a
//! newcomer: the place that has stood still longest goes first, and a place that moves is never taken.
//!
//! What this file deliberately doesn't know: what holds a place, and how it is ended.

use crate::net::client_network::{ClientNetwork, Owner};
use parking_lot::Mutex;
use slab::Slab;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From this many places on, one in so many is kept for owners who hold few.
const MANY: usize = 64;
const KEPT: usize = 16;

/// After nobody was found who could give way, for so long nobody is looked for: a look at
/// thousands of places takes a tenth of a millisecond, in which others wait.
const PAUSE: Duration = Duration::from_millis(50);

/// Among so many that could give way it is looked for the one that has stood still longest.
const LOOKED_AT: usize = 64;

/// What has a place.
pub(crate) trait Holder: Send + Sync {
    fn rest(&self, now: Instant) -> Rest;

    /// The place is another's now: the holder is to end.
    fn give_way(&self);
}

/// Whether a holder moves, and whom it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It is not to be ended.
    Spared,
    /// It waits for its client, and has not moved since then.
    ForClient(Instant),
    /// It waits for the other side.
    ForOthers(Instant),
}

/// How many places there are, and how long a holder may stand still before it may have to give way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) places: usize,
    pub(crate) patience: Duration,
    pub(crate) now: Instant,
}

/// Places that all share.
#[derive(Default)]
pub(crate) struct FairShares {
    table: Mutex<ShareTable>,
}

#[derive(Default)]
struct ShareTable {
    held: Slab<Held>,
    owners: Slab<Holdings>,
    index: HashMap<Owner, usize>,
    serial: u64,
    /// Nobody gave way to an owner who held so many, and won't before then.
    vain: Option<(usize, Instant)>,
}

struct Held {
    serial: u64,
    owner: usize,
    holder: Arc<dyn Holder>,
}

struct Holdings {
    owner: Owner,
    holds: usize,
}

/// One place; it is free again when this is dropped, unless another has it by then.
pub(crate) struct Share {
    shares: Arc<FairShares>,
    key: usize,
    serial: u64,
}

impl FairShares {
    /// A place for `holder`, where one is free or another gives way.
    pub(crate) fn take<H: Holder + 'static>(
        self: &Arc<Self>,
        owner: Owner,
        holder: &Arc<H>,
        room: Room,
    ) -> Option<Share> {
        let mut table = self.table.lock();
        if !table.has_room(owner, room) && !table.make_room(owner, room) {
            return None;
        }
        let holder: Arc<dyn Holder> = Arc::<H>::clone(holder);
        let (key, serial) = table.put(owner, holder);
        Some(Share {
            shares: Arc::clone(self),
            key,
            serial,
        })
    }

    /// How many places this owner holds.
    pub(crate) fn held_by(&self, owner: Owner) -> usize {
        self.table.lock().held_by(owner)
    }

    /// How many places are taken.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.table.lock().held.len()
    }
}

impl Share {
    /// From now on the place is this network's.
    pub(crate) fn belongs_to(&self, network: ClientNetwork) {
        self.shares
            .table
            .lock()
            .assign(self, Owner::Network(network));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let holder = self.shares.table.lock().release(self);
        // Outside of the lock: what it holds may take a while to go.
        drop(holder);
    }
}

impl ShareTable {
    fn held_by(&self, owner: Owner) -> usize {
        let index = self.index.get(&owner);
        index.map_or(0, |index| self.owners[*index].holds)
    }

    fn has_room(&self, owner: Owner, room: Room) -> bool {
        let taken = self.held.len();
        let kept = match room.places {
            0..MANY => 0,
            places => places / KEPT,
        };
        let few = room.places / KEPT / 2;
        taken + kept < room.places
            || taken < room.places && (owner == Owner::Unknown || self.held_by(owner) < few)
    }

    /// Ends one holder, if one is to give way to a newcomer of this owner.
    fn make_room(&mut self, owner: Owner, room: Room) -> bool {
        let now = room.now;
        let mine = self.held_by(owner);
        if let Some((held, until)) = self.vain
            && mine >= held
            && now < until
        {
            return false;
        }
        let Some(key) = self.gives_way(owner, mine, room.patience, now) else {
            self.vain = Some((mine, now + PAUSE));
            return false;
        };
        self.vain = None;
        if let Some(held) = self.remove(key) {
            held.holder.give_way();
        }
        true
    }

    /// Who does: of those who stand still the one whose owner holds most, and then the one that
    /// has stood still longest. What waits for others than its client gives way only to an owner
    /// who then still holds less.
    fn gives_way(
        &self,
        newcomer: Owner,
        mine: usize,
        patience: Duration,
        now: Instant,
    ) -> Option<usize> {
        let mut found: Option<(usize, Instant, usize)> = None;
        let most = self.owners.iter().map(|(_, owner)| owner.holds).max();
        let mut looked_at = 0;
        for (key, held) in &self.held {
            let Holdings { owner, holds } = &self.owners[held.owner];
            let (since, margin) = match held.holder.rest(now) {
                Rest::Spared => continue,
                Rest::ForClient(since) => (since, 1),
                Rest::ForOthers(since) => (since, 2),
            };
            let is_own = *owner == newcomer && margin == 1;
            let may = is_own || *owner != Owner::Unknown && *holds >= mine + margin;
            if !may || now.saturating_duration_since(since) < patience {
                continue;
            }
            let is_next = found
                .is_none_or(|(most, oldest, _)| *holds > most || *holds == most && since < oldest);
            if is_next {
                found = Some((*holds, since, key));
            }
            looked_at += usize::from(Some(*holds) == most);
            if looked_at == LOOKED_AT {
                break;
            }
        }
        found.map(|(_, _, key)| key)
    }

    fn put(&mut self, owner: Owner, holder: Arc<dyn Holder>) -> (usize, u64) {
        self.serial += 1;
        let serial = self.serial;
        let owner = self.enlist(owner);
        let held = Held {
            serial,
            owner,
            holder,
        };
        (self.held.insert(held), serial)
    }

    fn enlist(&mut self, owner: Owner) -> usize {
        let owners = &mut self.owners;
        let fresh = || owners.insert(Holdings { owner, holds: 0 });
        let index = *self.index.entry(owner).or_insert_with(fresh);
        self.owners[index].holds += 1;
        index
    }

    fn leave(&mut self, index: usize) {
        let holdings = &mut self.owners[index];
        holdings.holds -= 1;
        if holdings.holds == 0 {
            let gone = self.owners.remove(index);
            self.index.remove(&gone.owner);
        }
    }

    fn remove(&mut self, key: usize) -> Option<Held> {
        let held = self.held.try_remove(key)?;
        self.leave(held.owner);
        Some(held)
    }

    fn release(&mut self, share: &Share) -> Option<Held> {
        self.is_current(share).then(|| self.remove(share.key))?
    }

    fn assign(&mut self, share: &Share, owner: Owner) {
        if self.is_current(share) {
            let index = self.enlist(owner);
            let before = std::mem::replace(&mut self.held[share.key].owner, index);
            self.leave(before);
        }
    }

    fn is_current(&self, share: &Share) -> bool {
        let held = self.held.get(share.key);
        held.is_some_and(|held| held.serial == share.serial)
    }
}

#[cfg(test)]
mod tests;
