//! A Harbor whose registry has two replicas without shared storage: what one took, the other
//! doesn't know.

use super::Expect::{GivesUp, TriesAgain};
use super::judge::{End, end, judge};
use super::{PLAIN, Scene, ends_of, start_pushes, told};
use crate::check::TWO_LAYERS;
use crate::clients::Client;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{World, trial};
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;

#[derive(Clone, Copy)]
enum Balancing {
    /// One request here, the next one there.
    InTurn,
    /// By the path: all of a repository's blobs here, its manifests there.
    ByPath,
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let each = [
        ("in_turn", Balancing::InTurn),
        ("by_path", Balancing::ByPath),
    ];
    let each = each.into_iter().map(|(name, balancing)| {
        let name = format!("failures::unshared_storage::{name}");
        trial(world, name, move |world| unshared(world, balancing))
    });
    each.collect()
}

fn unshared(world: &World, balancing: Balancing) {
    let mut balancer = None;
    let scene = Scene::replicated(world, PLAIN, 2, |registries| {
        let address = SocketAddr::from((world.site().inner_address(), 80));
        let route = |prefix, upstream| Route { prefix, upstream };
        let routes = match balancing {
            Balancing::InTurn => vec![route("/", Upstream::Pool(registries.to_vec()))],
            Balancing::ByPath => vec![
                route("/", Upstream::Http(registries[0])),
                route("~ /manifests/", Upstream::Http(registries[1])),
            ],
        };
        balancer = Some(Hop::start(world, address, &Face::Plain, GOOD, &routes));
        address
    });
    let login = scene.harbor.login();
    let start = |clients: &[Client], layers: &[u64]| {
        start_pushes(world, &scene.host, "lab", &login, clients, layers)
    };
    match balancing {
        Balancing::ByPath => {
            told(start(&Client::ALL, &TWO_LAYERS), |client| match client {
                Client::Ctr => GivesUp(&["unexpected status: 400 Bad Request"]),
                Client::Docker | Client::Skopeo | Client::Podman => {
                    GivesUp(&["blob unknown to registry"])
                }
            });
            judge(&scene.gateway, &ends_of(&Client::ALL, &[&[LOST]; 4]), &[]);
        }
        Balancing::InTurn => {
            // One after the other, and one blob at a time: no other request comes between those
            // of an upload. A small one: the registry that doesn't know the upload answers and
            // closes without reading it, and nginx answers 502 if it is still sending then.
            for client in IN_TURN {
                told(start(&[client], &[2_000]), |client| match client {
                    Client::Docker => TriesAgain(&["Retrying in"]),
                    Client::Ctr | Client::Skopeo | Client::Podman => {
                        GivesUp(&["blob upload unknown to registry"])
                    }
                });
            }
            let unknown: &[End] = &[UNKNOWN];
            let ends = ends_of(&IN_TURN, &[&[], unknown, unknown, unknown]);
            judge(&scene.gateway, &ends, &[]);
        }
    }
}

/// containerd sends two blobs at the same time, and by chance each request may meet its replica.
const IN_TURN: [Client; 3] = [Client::Skopeo, Client::Podman, Client::Docker];

const LOST: End = end(Op::ManifestPut, Reason::BlobLost).found(PushFinding::UnsharedStorage);
const UNKNOWN: End =
    end(Op::UploadChunk, Reason::UploadUnknown).found(PushFinding::UnsharedStorage);
