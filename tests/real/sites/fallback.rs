//! Another Harbor that has what the first hasn't.

use super::{listeners, reference, routed};
use crate::chain::InnerName;
use crate::check::{ENOUGH, SMALL_LAYERS};
use crate::clients::{Client, Login, Outcome, Pulled, Reference, Today, Tool};
use crate::common::gateway::Gateway;
use crate::gateways::registry_yaml;
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::io::Write;
use std::sync::Arc;
use tempfile::{NamedTempFile, TempDir};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "sites::fallback::pulled::of_2022", |world| {
            pulled(world, &Client::ALL, &[]);
        }),
        trial(world, "sites::fallback::pulled::of_today", |world| {
            let clients = [Today::Ctr, Today::Docker, Today::Crane];
            pulled(world, &clients, &[Today::Oras]);
        }),
        trial(world, "sites::fallback::pushed::of_2022", |world| {
            pushed(world, &Client::ALL);
        }),
        trial(world, "sites::fallback::pushed::of_today", |world| {
            let clients = [Today::Ctr, Today::Docker, Today::Crane, Today::Oras];
            pushed(world, &clients);
        }),
        trial(world, "sites::fallback::unreachable::of_2022", |world| {
            unreachable(world, &Client::ALL);
        }),
        trial(world, "sites::fallback::unreachable::of_today", |world| {
            let clients = [Today::Ctr, Today::Docker, Today::Crane, Today::Oras];
            unreachable(world, &clients);
        }),
    ]
}

/// The robot account with which a Harbor is asked as another's fallback. Its file has to be the owner's
/// alone, as the library makes it.
pub(super) fn robot() -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file for the account");
    writeln!(file, "robot$lab+ci:Robot12345").expect("write");
    file
}

/// Two Harbors, of which the first is asked, and an image that the second has.
struct Sites {
    near: String,
    far: String,
    /// `lab` of the first as a registry of its own.
    mirror: String,
    harbors: Vec<Harbor>,
    gateway: Gateway,
    image: Image,
    pushed: Pulled,
    _kept: (TempDir, NamedTempFile),
}

impl Sites {
    /// With these settings of the fallback, and what the second Harbor calls the image.
    fn start(world: &World, fallback: &str, stored: &str) -> Sites {
        let (one, other) = (world.site(), world.site());
        let (near, far, mirror) = (one.name(), one.second_name(), other.name());
        let public = [&near, &far].map(|name| format!("https://{name}"));
        let harbors = public.each_ref().map(|url| Harbor::start(world, url));
        let registry = |name, at: usize| {
            let upstream = Upstream::Http(harbors[at].address());
            registry_yaml(world, name, &[&public[at]], &upstream, InnerName::Untold)
        };
        let account = robot();
        let gateway = Gateway::with_config(&format!(
            "{}registries:\n{}    fallback: [ {fallback} ]\n{}    credentials: {{ file: {} }}\n\
             mirrors: [ {{ public: [ https://{mirror} ], registry: near, project: lab }} ]\n",
            listeners(world, &[one, other]),
            registry("near", 0),
            registry("far", 1),
            account.path().display(),
        ));
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
        let (place, admin) = (reference(&far, stored), harbors[1].admin());
        let pushed = Client::Skopeo.push(world, &image, &place, &admin, ENOUGH);
        Sites {
            near,
            far,
            mirror,
            pushed: Pulled {
                manifest: pushed.expect("the push").manifest,
                config: image.config.clone(),
            },
            harbors: harbors.into(),
            gateway,
            image,
            _kept: (directory, account),
        }
    }

    fn pulls(&self, world: &World, client: impl Tool, place: &Reference, login: &Login) {
        let name = client.name();
        let before = routed(&self.gateway, "fallback:far");
        let pulled = client.pull(world, place, login, ENOUGH);
        let pulled = pulled.expect(&format!("the pull of {place} by {name}"));
        assert_eq!(pulled, self.pushed, "{name}: {place}");
        assert!(routed(&self.gateway, "fallback:far") > before);
    }
}

/// By its tag, its digest and a mirror's name; some by its tag alone.
fn pulled<C: Tool>(world: &World, clients: &[C], by_tag: &[C]) {
    let sites = Sites::start(world, "far", "lab/app");
    let login = sites.harbors[0].login();
    let named = reference(&sites.near, "lab/app");
    let exact = Reference {
        tag: sites.pushed.manifest.clone(),
        ..named.clone()
    };
    for &client in clients {
        for place in [&exact, &reference(&sites.mirror, "app")] {
            sites.pulls(world, client, place, &login);
        }
    }
    for &client in clients.iter().chain(by_tag) {
        sites.pulls(world, client, &named, &login);
        nowhere(world, client, &named, &login);
    }
    let copied = sites.harbors[0].digest_of("lab/app", "v1");
    assert_eq!(copied, None, "it was copied");
}

/// What the other site has is pushed nevertheless, all of it.
fn pushed<C: Tool>(world: &World, clients: &[C]) {
    let sites = Sites::start(world, "far", "lab/app");
    let (near, login) = (&sites.harbors[0], sites.harbors[0].login());
    for &client in clients {
        // Under a name that the image has there, and nothing here.
        let repository = format!("lab/{}", client.name().replace('_', "-"));
        for host in [&sites.far, &sites.near] {
            let place = reference(host, &repository);
            let pushed = client.push(world, &sites.image, &place, &login, ENOUGH);
            pushed.expect(&format!("the push by {}", client.name()));
        }
        let stored = |harbor: &Harbor| harbor.digest_of(&repository, "v1");
        let expected = stored(&sites.harbors[1]);
        assert!(expected.is_some(), "{repository}: pushed nowhere");
        assert_eq!(stored(near), expected, "{repository}");
    }
}

/// The first Harbor is gone: what is public at the other is there.
fn unreachable<C: Tool>(world: &World, clients: &[C]) {
    let when = "{ registry: far, when: [ not_found, unreachable ] }";
    let mut sites = Sites::start(world, when, "library/app");
    let login = sites.harbors[0].login();
    drop(sites.harbors.remove(0));
    let place = reference(&sites.near, "library/app");
    for &client in clients {
        sites.pulls(world, client, &place, &login);
    }
}

/// What neither has is what no registry has, in the client's words.
fn nowhere(world: &World, client: impl Tool, place: &Reference, login: &Login) {
    let absent = Reference {
        tag: "v2".to_owned(),
        ..place.clone()
    };
    let name = client.name();
    match client.pull(world, &absent, login, ENOUGH) {
        Outcome::Failed(said) => {
            let said = said.to_lowercase();
            let is_told =
                said.contains("not found") || said.replace('_', " ").contains("manifest unknown");
            assert!(is_told, "{name}:\n{said}");
        }
        Outcome::Done(_) => panic!("{name} pulled what nobody has"),
        Outcome::Hanging(said) => panic!("{name} hangs:\n{said}"),
    }
}
