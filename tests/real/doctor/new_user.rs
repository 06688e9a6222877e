//! Somebody whose push fails and who knows nothing but what the doctor prints: its lines for nginx,
//! pasted as they are, and the push works.

use super::backend::alice;
use super::chain::{Chain, Front};
use super::examination;
use super::faults::{BODY_LIMIT, Fault, PORT_IN_HOST, SCHEME_LOST, SOUND};
use super::visit::{self, Said, Who};
use crate::clients::{Client, Outcome, PATIENCE, Reference, Tool as _};
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let one = |fault: &'static Fault| {
        let name = format!("doctor::new_user::{}", fault.name);
        trial(world, name, move |world| heals(world, fault))
    };
    [&PORT_IN_HOST, &SCHEME_LOST, &BODY_LIMIT].map(one).into()
}

fn heals(world: &World, fault: &Fault) {
    let mut chain = Chain::start(world, fault, Front::Nginx);
    if let Ok(()) = push(world, &chain, "before") {
        panic!("the push works already: this chain shows nothing");
    }
    let ill = visit::run(world, &chain.url(), Who::Alice, &[]);
    assert_eq!(ill.status, 1, "{}", ill.output());
    let advice = advice(&ill, PLACE);
    assert!(!advice.is_empty(), "no lines for nginx in:\n{}", ill.stdout);
    let nginx = chain.nginx();
    for line in &advice {
        nginx.location.set(line);
    }
    nginx.restart(world);
    let well = visit::run(world, &chain.url(), Who::Alice, &["--json"]);
    examination::check_findings(&well, &SOUND);
    if let Err(said) = push(world, &chain, "after") {
        panic!("{advice:#?}\nwere pasted, and the push fails:\n{said}");
    }
}

/// Where the chain's only block for Harbor is, in the doctor's words.
const PLACE: &str = "nginx, in the location that passes to Harbor:";

/// How far the doctor indents what is to be pasted.
const MARGIN: &str = "               ";

/// The lines below each mention of a place.
fn advice(said: &Said, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = said.stdout.lines();
    while let Some(line) = lines.next() {
        if line.ends_with(place) {
            let pasted = lines.clone().map_while(|line| line.strip_prefix(MARGIN));
            found.extend(pasted.map(str::to_owned));
        }
    }
    found
}

/// A layer over 1 MiB, as most are.
const LAYERS: &[u64] = &[200_000, 1_300_000];

/// containerd's push, which drops its Authorization where docker's classic one doesn't.
pub fn push(world: &World, chain: &Chain, tag: &str) -> Result<(), String> {
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), LAYERS);
    let to = Reference {
        host: chain.host.clone(),
        repository: visit::REPOSITORY.to_owned(),
        tag: tag.to_owned(),
    };
    match Client::Ctr.push(world, &image, &to, &alice(), PATIENCE) {
        Outcome::Done(_) => Ok(()),
        Outcome::Failed(said) | Outcome::Hanging(said) => Err(said),
    }
}
