//! The model of clients against real ones: for each fault, what the doctor's findings say of each
//! client is what that client's push comes to.

use super::backend::alice;
use super::faults::Pushes;
use super::shared::{Examined, Shared};
use super::visit;
use crate::clients::{Client, Outcome, PATIENCE, Reference, Release, Tool};
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

pub fn trials_of(world: &Arc<World>, shared: &Arc<Shared>) -> Vec<Trial> {
    if !is_pushed_through(shared) {
        return Vec::new();
    }
    let installed = Client::ALL.map(|client| trial_of(world, shared, client));
    let today = shared.fault.today.iter();
    let today = today.map(|client| trial_of(world, shared, *client));
    installed.into_iter().chain(today).collect()
}

fn trial_of(world: &Arc<World>, shared: &Arc<Shared>, client: impl Tool + Send + 'static) -> Trial {
    let fault = shared.fault;
    let name = format!("doctor::predictions::{}::{}", fault.name, client.name());
    let shared = Arc::clone(shared);
    trial(world, name, move |world| {
        check(world, shared.examined(world), fault.pushes, client);
    })
}

/// Clients are tried at the first front of a fault.
fn is_pushed_through(shared: &Shared) -> bool {
    shared.fault.pushes != Pushes::None && shared.fault.fronts.first() == Some(&shared.front)
}

/// What is said of a client, over all findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Predicted {
    Works,
    /// It works, and gives a secret away.
    Leaks,
    Sometimes,
    Breaks,
}

/// Bytes in the layers on this and on the other side of 1 MiB. Random bytes don't compress.
const BELOW: &[u64] = &[900_000];
const ABOVE: &[u64] = &[1_300_000];
const SMALL: &[u64] = &[200_000];

/// The client's push comes to what is said of it.
pub fn check(world: &World, examined: &Examined, pushes: Pushes, client: impl Tool) {
    let json = examined.said.json();
    let predicted = predicted(&json, client);
    let push = |layers| push(world, examined, client, layers);
    match (pushes, predicted) {
        (Pushes::BothSidesOfOneMebibyte, Predicted::Sometimes) => {
            works(push(BELOW), &json);
            breaks(push(ABOVE), &json, client);
        }
        (Pushes::None, _) => {}
        (_, Predicted::Works | Predicted::Leaks) => works(push(SMALL), &json),
        (Pushes::Image, Predicted::Sometimes) => works(push(SMALL), &json),
        (Pushes::Outgrown, Predicted::Sometimes) if client.release() == Release::Sid => {
            works(push(SMALL), &json);
        }
        (Pushes::Struck | Pushes::Outgrown, Predicted::Sometimes) | (_, Predicted::Breaks) => {
            breaks(push(SMALL), &json, client);
        }
    }
}

fn push(
    world: &World,
    examined: &Examined,
    client: impl Tool,
    layers: &[u64],
) -> Result<(), String> {
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), layers);
    let to = Reference {
        host: examined.chain.host.clone(),
        repository: format!("lab/{}{}", client.name(), layers[0]),
        tag: "v1".to_owned(),
    };
    let harbor = examined.chain.backend.harbor();
    match client.push(world, &image, &to, &alice(), PATIENCE) {
        // What a client says is not what counts.
        Outcome::Done(_) => match harbor.digest_of(&to.repository, &to.tag) {
            Some(_) => Ok(()),
            None => Err("it says that it pushed, and nothing is stored".to_owned()),
        },
        Outcome::Failed(said) | Outcome::Hanging(said) => Err(said),
    }
}

fn works(push: Result<(), String>, json: &Value) {
    if let Err(said) = push {
        panic!("predicted to work, but:\n{said}\n{}", json["ticket"]);
    }
}

/// It breaks, in words that were predicted.
fn breaks(push: Result<(), String>, json: &Value, client: impl Tool) {
    let Err(said) = push else {
        panic!("predicted to break, but works: {}", json["ticket"]);
    };
    let hows: Vec<&str> = visit::findings(json)
        .iter()
        .filter_map(|finding| effect(finding, client)["how"].as_str())
        .collect();
    let is_said = |how: &&str| is_said(&said, how);
    assert!(hows.iter().any(is_said), "{hows:#?}\nis not in:\n{said}");
}

/// Whether a client said one of the things that stand in quotes, where there are some, or fell
/// silent where that was said of it.
fn is_said(said: &str, how: &str) -> bool {
    let mut quoted = how.split('"').skip(1).step_by(2).peekable();
    let hangs = how.contains("hangs") || how.contains("reports success");
    quoted.peek().is_none() || hangs || quoted.any(|words| stands_in(words, said))
}

/// Whether the parts of a message that don't differ from push to push stand there, one behind the
/// other: as `doctor explain` reads it.
fn stands_in(words: &str, said: &str) -> bool {
    // No resolver is here to say that there is no such host.
    let words = words.replace(": no such host", "").to_lowercase();
    let said = said.to_lowercase();
    let mut rest = said.as_str();
    let mut parts = words.split('…').flat_map(|part| part.split(": "));
    parts.all(|part| {
        let found = rest.split_once(part.trim());
        rest = found.map_or(rest, |(_, behind)| behind);
        found.is_some()
    })
}

fn predicted(json: &Value, client: impl Tool) -> Predicted {
    let of_one = |finding: &Value| match effect(finding, client)["outcome"].as_str() {
        Some("works") => Predicted::Works,
        Some("leaks") => Predicted::Leaks,
        Some("sometimes") => Predicted::Sometimes,
        Some("breaks") => Predicted::Breaks,
        other => panic!("{other:?} is said of {} in:\n{finding:#}", client.name()),
    };
    let worst = visit::findings(json).iter().map(of_one).max();
    worst.unwrap_or(Predicted::Works)
}

/// What a finding says of a client.
fn effect(finding: &Value, client: impl Tool) -> &Value {
    let name = client.modelled();
    let mut effects = finding["effects"].as_array().into_iter().flatten();
    let found = effects.find(|effect| effect["client"] == name);
    found.unwrap_or_else(|| panic!("nothing is said of {name} in:\n{finding:#}"))
}
