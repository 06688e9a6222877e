use super::*;
use std::sync::atomic::{AtomicBool, Ordering};

const STILL: Duration = Duration::from_secs(10);

struct Some1 {
    rest: Rest,
    ended: AtomicBool,
}

impl Holder for Some1 {
    fn rest(&self, _: Instant) -> Rest {
        self.rest
    }

    fn give_way(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

fn resting(rest: Rest) -> Arc<Some1> {
    Arc::new(Some1 {
        rest,
        ended: AtomicBool::new(false),
    })
}

fn ago(seconds: u64) -> Instant {
    Instant::now()
        .checked_sub(Duration::from_secs(seconds))
        .unwrap()
}

fn network(last: u8) -> Owner {
    Owner::of(Some([192, 0, 2, last].into()))
}

fn room(places: usize) -> Room {
    Room {
        places,
        patience: STILL,
        now: Instant::now(),
    }
}

/// Each holds a place: whose, how it rests, and whether it is the one that gives way.
type Held = (u8, Rest, bool);

#[test]
fn who_holds_most_and_has_stood_still_longest_gives_way() {
    use Rest::{ForClient, ForOthers, Spared};
    let (fresh, still, older) = (ago(1), ago(11), ago(60));
    let rows: &[(&str, u8, bool, &[Held])] = &[
        (
            "the oldest",
            9,
            true,
            &[
                (1, ForClient(still), false),
                (1, ForClient(older), true),
                (1, ForClient(fresh), false),
            ],
        ),
        (
            "of who holds most",
            9,
            true,
            &[
                (1, ForClient(older), false),
                (2, ForClient(still), true),
                (2, Spared, false),
            ],
        ),
        (
            "nobody who moves",
            9,
            false,
            &[(1, ForClient(fresh), false), (1, Spared, false)],
        ),
        (
            "nobody who holds as little as the newcomer",
            2,
            false,
            &[(1, ForClient(older), false), (2, Spared, false)],
        ),
        (
            "who holds most moves: the next",
            9,
            true,
            &[
                (1, Spared, false),
                (1, Spared, false),
                (2, ForClient(still), true),
            ],
        ),
        (
            "what the newcomer's own network left standing",
            1,
            true,
            &[(1, ForClient(older), true), (1, ForClient(still), false)],
        ),
        (
            "but not what Harbor keeps waiting there",
            1,
            false,
            &[(1, ForOthers(older), false), (1, ForOthers(still), false)],
        ),
        (
            "what Harbor keeps waiting, of who holds much more",
            9,
            true,
            &[(1, ForOthers(older), true), (1, ForOthers(still), false)],
        ),
        (
            "not of who holds one more",
            9,
            false,
            &[(1, ForOthers(older), false), (2, ForOthers(still), false)],
        ),
    ];
    for (name, newcomer, gets_one, held) in rows {
        let shares = Arc::<FairShares>::default();
        let holders: Vec<_> = held.iter().map(|(_, rest, _)| resting(*rest)).collect();
        let take =
            |owner: u8, holder: &Arc<Some1>| shares.take(network(owner), holder, room(held.len()));
        let places: Vec<_> = held
            .iter()
            .zip(&holders)
            .map(|((owner, ..), holder)| take(*owner, holder).unwrap())
            .collect();
        let taken = take(*newcomer, &resting(Spared));
        assert_eq!(taken.is_some(), *gets_one, "{name}");
        for (number, ((_, _, ends), holder)) in held.iter().zip(&holders).enumerate() {
            let ended = holder.ended.load(Ordering::Relaxed);
            assert_eq!(ended, *ends, "{name}: {number}");
        }
        assert_eq!(shares.taken(), held.len(), "{name}");
        drop((places, taken));
        assert_eq!(shares.taken(), 0, "{name}");
        assert_eq!(shares.held_by(network(*newcomer)), 0, "{name}");
    }
}

#[test]
fn the_last_places_are_kept_from_who_holds_much() {
    let shares = Arc::<FairShares>::default();
    let moving = resting(Rest::Spared);
    let take = |owner| shares.take(network(owner), &moving, room(64));
    let places: Vec<_> = std::iter::from_fn(|| take(1)).collect();
    assert_eq!(places.len(), 60);
    let others: Vec<_> = [2, 2, 2, 3, 3, 4].map(take).into_iter().collect();
    let got: Vec<bool> = others.iter().map(Option::is_some).collect();
    assert_eq!(got, [true, true, false, true, true, false]);
}

/// Whoever crowds out his own network doesn't crowd out those there whom Harbor knows.
#[test]
fn an_account_holds_for_itself() {
    let shares = Arc::<FairShares>::default();
    let (moving, still) = (resting(Rest::Spared), resting(Rest::ForClient(ago(60))));
    let account = |number| Owner::Account(ClientNetwork::of([192, 0, 2, 1].into()), number);
    let mut places = Vec::new();
    while let Some(place) = shares.take(network(1), &moving, room(64)) {
        places.push(place);
    }
    for (owner, gets_one) in [(7, true), (7, true), (7, false), (8, true)] {
        let place = shares.take(account(owner), &moving, room(64));
        assert_eq!(place.is_some(), gets_one, "{owner}");
        places.extend(place);
    }
    drop(places);
    let held = shares.take(network(1), &still, room(1));
    assert!(shares.take(account(7), &moving, room(1)).is_some());
    drop(held);
}

#[test]
fn a_place_given_away_is_not_freed_twice() {
    let shares = Arc::<FairShares>::default();
    let still = resting(Rest::ForClient(ago(60)));
    let first = shares.take(network(1), &still, room(1)).unwrap();
    let second = shares.take(network(2), &resting(Rest::Spared), room(1));
    assert!(second.is_some());
    drop(first);
    assert_eq!((shares.taken(), shares.held_by(network(2))), (1, 1));
    second
        .as_ref()
        .unwrap()
        .belongs_to(ClientNetwork::of([192, 0, 2, 3].into()));
    let held = |owner| shares.held_by(network(owner));
    assert_eq!((held(2), held(3)), (0, 1));
    drop(second);
    assert_eq!((shares.taken(), held(3)), (0, 0));
}
