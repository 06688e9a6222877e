//! A Harbor whose registry has two replicas without shared storage: what one took, the other
//! doesn't know.

use super::judge::{End, end, judge};
use super::{PLAIN, Scene, ends_of, or_gone, start_pushes, told};
use crate::check::TWO_LAYERS;
use crate::clients::Client;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::World;
use harbormouth::push::Finding;
use harbormouth::registry::operation::Operation as Op;
use harbormouth::registry::reason::Reason;
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
        let world = world.clone();
        Trial::test(format!("failures::unshared_storage::{name}"), move || {
            unshared(&world, balancing);
            Ok(())
        })
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
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &TWO_LAYERS);
    let words: [&[&str]; 4] = match balancing {
        Balancing::InTurn => [&["404"], &["unknown"], &["unknown"], &["unknown"]],
        Balancing::ByPath => [
            &["404 Not Found"],
            &["blob unknown"],
            &["blob unknown"],
            &["blob unknown"],
        ],
    };
    told(running, |client| words[client as usize]);
    let unknown = |operation| end(operation, Reason::UploadUnknown).found(Finding::UnsharedStorage);
    let lost: &[End] = &[end(Op::ManifestPut, Reason::BlobLost).found(Finding::UnsharedStorage)];
    let (commit, chunk) = (unknown(Op::UploadCommit), unknown(Op::UploadChunk));
    let (commit, chunk): (&[End], &[End]) = (&[commit], &[chunk]);
    let ends = match balancing {
        Balancing::InTurn => [commit, chunk, chunk, chunk],
        Balancing::ByPath => [lost; 4],
    };
    judge(
        &scene.gateway,
        &ends_of(&Client::ALL, &ends),
        &or_gone(&Client::ALL),
    );
}
