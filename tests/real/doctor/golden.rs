//! What the doctor prints about real chains, as it was read and approved:
//! `tests/fixtures/doctor/real/*.txt`.
//!
//! Where an output differs, the trial fails and leaves the new one in `target/doctor/real/`: read it,
//! and copy it to the fixtures if it is what it should be. What differs from run to run (times,
//! ports, the random parts of paths, versions) is made the same first, in the same width.

use super::chain::{Chain, Front};
use super::faults::{BODY_LIMIT, Fault, HTML_ERRORS, PORT_IN_HOST, SOUND, TWO_HOPS, named};
use super::visit::{self, Who};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::path::Path;
use std::sync::Arc;

/// An output, and how it comes about.
struct Golden {
    name: &'static str,
    fault: &'static Fault,
    front: Front,
    who: Who,
    arguments: &'static [&'static str],
    via: Via,
}

/// Which inner entries are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    Nothing,
    Everything,
}

const STORY: Golden = Golden {
    name: "port_in_host",
    fault: &PORT_IN_HOST,
    front: Front::Nginx,
    who: Who::Alice,
    arguments: &[],
    via: Via::Nothing,
};

fn goldens() -> Vec<Golden> {
    vec![
        STORY,
        Golden {
            name: "healthy_all_the_way",
            fault: &SOUND,
            front: Front::Haproxy,
            arguments: &["--push", "--commit-wait"],
            ..STORY
        },
        Golden {
            name: "healthy_for_nobody",
            fault: &SOUND,
            front: Front::Harbormouth,
            who: Who::Nobody,
            ..STORY
        },
        Golden {
            name: "body_limit",
            fault: &BODY_LIMIT,
            ..STORY
        },
        Golden {
            name: "html_errors",
            fault: &HTML_ERRORS,
            ..STORY
        },
        Golden {
            name: "certificate_expired",
            fault: named("certificate_expired"),
            ..STORY
        },
        Golden {
            name: "inner_hop_of_two",
            fault: &TWO_HOPS[1],
            front: Front::TwoNginx,
            via: Via::Everything,
            ..STORY
        },
    ]
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let numbered = goldens().into_iter().zip(0..);
    let each = numbered.map(|(golden, number)| {
        let name = format!("doctor::golden::{}", golden.name);
        trial(world, name, move |world| check(world, &golden, number))
    });
    each.collect()
}

fn check(world: &World, golden: &Golden, number: u16) {
    // The same site in every run: its name and its addresses are in the output.
    let site = world.last_site(number);
    let chain = Chain::start_at(world, site, golden.fault, golden.front);
    let mut arguments = Vec::from(golden.arguments);
    if golden.via == Via::Everything {
        arguments.extend(chain.entries.iter().flat_map(|entry| ["--via", entry]));
    }
    let said = visit::run(world, &chain.url(), golden.who, &arguments);
    let core = chain.backend.address().to_string();
    let text = settled(&said.stdout.replace(&core, "127.0.0.1:40000"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = format!("{}.txt", golden.name);
    let approved = root.join("tests/fixtures/doctor/real").join(&file);
    // What isn't there yet differs from everything.
    let approved = std::fs::read_to_string(approved).unwrap_or_default();
    if text != approved {
        let new = root.join("target/doctor/real").join(&file);
        std::fs::create_dir_all(new.parent().expect("a directory")).expect("target/doctor/real");
        std::fs::write(&new, &text).expect("write the new output");
        panic!("{file} differs; the new one is {}:\n{text}", new.display());
    }
}

/// The text without what is another at every run.
fn settled(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        let next = words.iter().skip(1).copied().chain([""]);
        let settled: Vec<String> = words.iter().zip(next).map(settled_word).collect();
        settled.join(" ") + "\n"
    });
    lines.collect()
}

fn settled_word((word, next): (&&str, &str)) -> String {
    let is_unit = matches!(next.trim_end_matches(['.', ',']), "ms" | "days");
    if is_unit && word.parse::<f64>().is_ok() {
        return "0".to_owned();
    }
    if let Some((before, _)) = word.split_once("nginx/") {
        // A bracket behind it stays.
        let end = word.trim_start_matches(|c: char| c != ')');
        return format!("{before}nginx/0{end}");
    }
    if *word == env!("CARGO_PKG_VERSION") {
        return "0".to_owned();
    }
    if word.len() == "2026-01-01T00:00:00Z".len() && word.ends_with('Z') {
        return "2026-01-01T00:00:00Z".to_owned();
    }
    without_uuids(word)
}

fn without_uuids(word: &str) -> String {
    const NIL: &str = "00000000-0000-0000-0000-000000000000";
    let mut word = word.to_owned();
    let is_uuid = |text: &str| {
        let mut pairs = text.bytes().zip(NIL.bytes());
        pairs.all(|(seen, nil)| match nil {
            b'-' => seen == b'-',
            _ => seen.is_ascii_hexdigit(),
        })
    };
    for at in 0..word.len() {
        if word.get(at..at + NIL.len()).is_some_and(is_uuid) {
            word.replace_range(at..at + NIL.len(), NIL);
        }
    }
    word
}
