//! One name, two Harbors: which has a project is in no client's hands.

use super::{Trip, goes, listeners, reference};
use crate::chain::InnerName;
use crate::check::{ENOUGH, SMALL_LAYERS};
use crate::clients::{Client, Reference, Today, Tool, crane, ctr, docker};
use crate::common::gateway::Gateway;
use crate::gateways::registry_yaml;
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "sites::shared::of_2022", |world| {
            each_has_its_project(world, &Client::ALL);
        }),
        trial(world, "sites::shared::of_today", |world| {
            each_has_its_project(world, &[Today::Ctr, Today::Docker, Today::Crane]);
        }),
        trial(world, "sites::shared::mounts", mounts),
    ]
}

/// `lab` is at the second, everything else at the first.
struct Shared {
    host: String,
    first: Harbor,
    second: Harbor,
    gateway: Gateway,
}

impl Shared {
    fn start(world: &World) -> Shared {
        let site = world.site();
        let host = site.name();
        let public = format!("https://{host}");
        let (first, second) = (Harbor::start(world, &public), Harbor::start(world, &public));
        let registry = |name, harbor: &Harbor| {
            let upstream = Upstream::Http(harbor.address());
            registry_yaml(world, name, &[&public], &upstream, InnerName::Untold)
        };
        let gateway = Gateway::with_config(&format!(
            "{}registries:\n{}{}    projects: [ lab ]\n",
            listeners(world, &[site]),
            registry("first", &first),
            registry("second", &second),
        ));
        Shared {
            host,
            first,
            second,
            gateway,
        }
    }

    fn place(&self, repository: &str) -> Reference {
        reference(&self.host, repository)
    }
}

fn each_has_its_project<C: Tool>(world: &World, clients: &[C]) {
    let shared = Shared::start(world);
    let said = docker::login(world, &shared.host, &shared.first.login(), ENOUGH);
    assert!(said.expect("docker login").contains("Login Succeeded"));
    for &client in clients {
        let name = client.name().replace('_', "-");
        for (project, here, other) in [
            ("lab", &shared.second, &shared.first),
            ("library", &shared.first, &shared.second),
        ] {
            let repository = format!("{project}/{name}");
            let place = shared.place(&repository);
            let trip = Trip {
                harbor: here,
                stored: &repository,
                login: here.admin(),
                push_to: place.clone(),
                pull_from: &[place],
            };
            goes(world, client, &trip);
            assert_eq!(other.digest_of(&repository, "v1"), None, "{repository}");
        }
    }
}

/// What is to be mounted from the other Harbor is uploaded.
fn mounts(world: &World) {
    let shared = Shared::start(world);
    let admin = shared.first.admin();
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
    let repaired = |registry| {
        let labels = [("registry", registry), ("kind", "mount")];
        shared.gateway.metric("harbormouth_repairs_total", &labels)
    };
    // docker remembers where it pushed a layer to, and asks for it to be mounted from there.
    for repository in ["lab/app", "library/docker", "lab/docker"] {
        let pushed = Client::Docker.push(world, &image, &shared.place(repository), &admin, ENOUGH);
        pushed.expect("docker push");
    }
    let layers = SMALL_LAYERS.len() as f64;
    assert!(repaired("first") >= layers, "{}", shared.gateway.stderr());
    for (from, to) in [
        ("lab/app", "library/crane"),
        ("library/docker", "lab/crane"),
    ] {
        let (from, to) = (shared.place(from), shared.place(to));
        crane::copy(world, &from, &to, &admin, ENOUGH).expect("crane copy");
    }
    assert!(
        repaired("first") >= 2.0 * layers && repaired("second") >= layers,
        "{}",
        shared.gateway.stderr()
    );
    let to = shared.place("library/ctr");
    let pushed = ctr::push_with_mounts(world, &image, &to, "lab/app", &admin, ENOUGH);
    pushed.expect("ctr push");
    for repository in ["library/docker", "library/crane", "library/ctr"] {
        assert!(
            shared.first.digest_of(repository, "v1").is_some(),
            "{repository}"
        );
    }
    for repository in ["lab/docker", "lab/crane"] {
        assert!(
            shared.second.digest_of(repository, "v1").is_some(),
            "{repository}"
        );
    }
}
