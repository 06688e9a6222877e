//! The model of clients against real ones: for each fault, what the doctor's findings say of each
//! client is what that client's push comes to.

use super::backend::alice;
use super::faults::Pushes;
use super::shared::{Examined, Shared};
use super::visit;
use crate::clients::{Client, Outcome, PATIENCE, Reference};
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::Value;
use std::sync::Arc;

pub fn trials_of(world: &Arc<World>, shared: &Arc<Shared>) -> Vec<Trial> {
    let of_client = |client: Client| {
        let fault = shared.fault;
        let name = format!("doctor::predictions::{}::{}", fault.name, client.name());
        let shared = Arc::clone(shared);
        trial(world, name, move |world| {
            check(world, shared.examined(world), fault.pushes, client);
        })
    };
    match is_pushed_through(shared) {
        true => Client::ALL.map(of_client).into(),
        false => Vec::new(),
    }
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

fn check(world: &World, examined: &Examined, pushes: Pushes, client: Client) {
    let json = examined.said.json();
    let predicted = predicted(&json, client);
    let push = |layers| push(world, examined, client, layers);
    match (pushes, predicted) {
        (Pushes::BothSidesOfOneMebibyte, Predicted::Sometimes) => {
            works(push(BELOW), &json);
            breaks(push(ABOVE), &json);
        }
        (Pushes::None, _) => {}
        (_, Predicted::Works | Predicted::Leaks) => works(push(SMALL), &json),
        (Pushes::Image, Predicted::Sometimes) => works(push(SMALL), &json),
        (Pushes::Struck, Predicted::Sometimes) => breaks(push(SMALL), &json),
        (_, Predicted::Breaks) => breaks(push(SMALL), &json),
    }
}

fn push(world: &World, examined: &Examined, client: Client, layers: &[u64]) -> Result<(), String> {
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

fn breaks(push: Result<(), String>, json: &Value) {
    assert!(
        push.is_err(),
        "predicted to break, but works: {}",
        json["ticket"]
    );
}

fn predicted(json: &Value, client: Client) -> Predicted {
    let name = match client {
        Client::Ctr => "containerd",
        Client::Docker => "docker_classic",
        Client::Skopeo | Client::Podman => "containers",
    };
    let of_one = |finding: &Value| {
        let effects = finding["effects"].as_array().into_iter().flatten();
        let word = effects
            .filter(|effect| effect["client"] == name)
            .filter_map(|effect| effect["outcome"].as_str())
            .next();
        match word {
            Some("works") => Predicted::Works,
            Some("leaks") => Predicted::Leaks,
            Some("sometimes") => Predicted::Sometimes,
            Some("breaks") => Predicted::Breaks,
            other => panic!("{other:?} is said of {name} in:\n{finding:#}"),
        }
    };
    let worst = visit::findings(json).iter().map(of_one).max();
    worst.unwrap_or(Predicted::Works)
}
