//! The scenarios are run, what must hold of them is held, and docs/scale.md shows what came of them.

use super::generated;
use super::harbor::Gone;
use super::outcome::{Outcome, Trouble};
use super::scenarios::EVENT;
use super::setting::{Event, NOTICED, Setting, TICK};
use super::world::World;
use std::thread;

/// The page has what this one gives.
const SEED: u64 = 1;

fn scenarios() -> Vec<Setting> {
    let slow = Setting::steady("Harbor ten times slower for ten minutes", Event::Slow).part(10);
    let works_on = Setting {
        name: "the same, and Harbor works on for clients that left",
        gone: Gone::WorksOn,
        ..slow.clone()
    };
    let redirected = |name| Setting {
        redirects: true,
        ..Setting::crowd(name).part(25)
    };
    vec![
        Setting::steady("roll-out, one replica after the other", Event::RollOut),
        Setting::steady("a zone lost", Event::ZoneLost),
        slow.clone(),
        with_few_places(slow, "the same, with a small max_in_flight"),
        works_on.clone(),
        with_few_places(works_on, "that, with a small max_in_flight"),
        Setting::crowd("100,000 nodes at once").part(25),
        Setting::crowd("the same, pods of 4 GiB")
            .part(25)
            .in_larger_pods(),
        redirected("the same, layers from storage"),
        redirected("the same, layers from storage, pods of 4 GiB").in_larger_pods(),
        Setting {
            addresses: Some(1),
            ..redirected("the same, layers from storage, all nodes behind one address")
        },
    ]
}

/// As many as Harbor answers in two seconds when it is well.
fn with_few_places(setting: Setting, name: &'static str) -> Setting {
    let mut places = setting.places;
    places.other = (setting.bears * 2.0) as usize / setting.replicas;
    places.uploads = 4 * places.other;
    Setting {
        name,
        places,
        ..setting
    }
}

/// Every job ends once; that no bound is exceeded is held in each tick.
fn run(setting: Setting) -> Outcome {
    let outcome = World::new(setting.clone(), SEED).run();
    let ended = outcome.pulled + outcome.pushed + outcome.lost;
    assert_eq!(outcome.begun, ended, "{}", setting.name);
    assert_eq!(outcome.took.len(), outcome.pulled);
    outcome
}

fn run_all() -> Vec<(Setting, Outcome)> {
    let settings = scenarios();
    thread::scope(|scope| {
        let running: Vec<_> = settings
            .iter()
            .map(|setting| scope.spawn(|| run(setting.clone())))
            .collect();
        let outcomes: Vec<_> = running.into_iter().map(|it| it.join().unwrap()).collect();
        settings.iter().cloned().zip(outcomes).collect()
    })
}

const HEADER: [&str; 8] = [
    "Scenario",
    "Pulls, their tries that failed",
    "Pushes, lost ones",
    "Turned away by",
    "First, and last trouble",
    "Most at one replica: connections, uploads, other requests, MiB of bodies",
    "Most waiting at Harbor",
    "A pull took: half, 99 %, all",
];

fn cells(setting: &Setting, outcome: &Outcome) -> [String; 8] {
    let peaks = &outcome.peaks;
    let first = outcome.first.map_or_else(String::new, |(at, _)| {
        format!("{} s, {} s", at / 1000, outcome.last_trouble / 1000)
    });
    [
        setting.name.to_owned(),
        format!("{}, {}", outcome.pulled, outcome.repeated),
        format!("{}, {}", outcome.pushed, outcome.lost),
        outcome.turned_away(),
        first,
        format!(
            "{}, {}, {}, {}",
            peaks.connections,
            peaks.uploads,
            peaks.other,
            peaks.memory >> 20
        ),
        peaks.queue.to_string(),
        format!(
            "{} s, {} s, {} s",
            outcome.percentile(50),
            outcome.percentile(99),
            outcome.percentile(100)
        ),
    ]
}

/// What the page says of them in words.
fn hold(outcomes: &[(Setting, Outcome)]) {
    let [
        rolled,
        lost,
        slow,
        small,
        works_on,
        works_on_small,
        crowd,
        larger,
        storage,
        storage_larger,
        from_one,
    ] = outcomes
    else {
        panic!("a scenario without its assertions");
    };
    let only = |(_, outcome): &(Setting, Outcome), allowed: Trouble| {
        let others = Trouble::ALL.iter().filter(|(it, _)| *it != allowed);
        others.map(|(it, _)| outcome.of(*it)).sum::<u64>() == 0
    };
    assert!(only(rolled, Trouble::Drained), "{:?}", rolled.1);
    assert_eq!((rolled.1.lost, rolled.1.repeated), (0, 0));
    assert!(only(lost, Trouble::Gone), "{:?}", lost.1);
    let noticed = EVENT.start + 2 * NOTICED + TICK;
    assert!(lost.1.last_trouble <= noticed, "{}", lost.1.last_trouble);
    assert!(only(slow, Trouble::Silent), "no bound: {:?}", slow.1);
    for (setting, outcome) in [slow, small, works_on, works_on_small] {
        let name = setting.name;
        assert!(
            outcome.last_trouble < EVENT.end + 600_000,
            "{name}: it recovers"
        );
    }
    let first = |(_, outcome): &(Setting, Outcome)| outcome.first.map(|(_, trouble)| trouble);
    assert_eq!(first(crowd), Some(Trouble::Memory));
    assert_eq!(first(storage), Some(Trouble::Memory));
    assert_eq!(larger.1.of(Trouble::Memory), 0);
    assert_eq!(storage_larger.1.of(Trouble::Memory), 0);
    for (setting, outcome) in [crowd, larger, storage, storage_larger, from_one] {
        assert_eq!(outcome.pulled, setting.nodes, "every node has its image");
    }
}

#[test]
fn the_page_shows_what_came_of_each_scenario() {
    let outcomes = run_all();
    let rows = outcomes
        .iter()
        .map(|(setting, outcome)| cells(setting, outcome));
    let table = generated::table(HEADER, rows);
    println!("{table}");
    hold(&outcomes);
    generated::hold("docs/scale.md", "simulation", &table);
}

#[test]
fn a_seed_repeats_a_run() {
    let crowd = || Setting {
        redirects: true,
        ..Setting::crowd("a fiftieth").part(50)
    };
    let run = |seed| format!("{:?}", World::new(crowd(), seed).run());
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
