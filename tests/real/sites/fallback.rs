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
use tempfile::NamedTempFile;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "sites::fallback::of_2022", |world| {
            far(world, &Client::ALL);
        }),
        trial(world, "sites::fallback::of_today", |world| {
            far(world, &[Today::Ctr, Today::Docker, Today::Crane]);
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

fn far<C: Tool>(world: &World, clients: &[C]) {
    let site = world.site();
    let (near, far) = (site.name(), site.second_name());
    let public = [&near, &far].map(|name| format!("https://{name}"));
    let harbors = public.each_ref().map(|url| Harbor::start(world, url));
    let upstreams = harbors.each_ref().map(|one| Upstream::Http(one.address()));
    let registry = |name, at: usize| {
        let (public, upstream) = (&public[at], &upstreams[at]);
        registry_yaml(world, name, &[public], upstream, InnerName::Untold)
    };
    let account = robot();
    let gateway = Gateway::with_config(&format!(
        "{}registries:\n{}    fallback: [ far ]\n{}    credentials: {{ file: {} }}\n",
        listeners(world, &[site]),
        registry("near", 0),
        registry("far", 1),
        account.path().display(),
    ));
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
    let login = harbors[1].login();
    let pushed = Client::Skopeo.push(world, &image, &reference(&far, "lab/app"), &login, ENOUGH);
    let expected = Pulled {
        manifest: pushed.expect("the push").manifest,
        config: image.config,
    };
    let named = reference(&near, "lab/app");
    let exact = Reference {
        tag: expected.manifest.clone(),
        ..named.clone()
    };
    for &client in clients {
        for place in [&named, &exact] {
            let before = routed(&gateway, "fallback:far");
            let pulled = client
                .pull(world, place, &login, ENOUGH)
                .expect(&format!("the pull of {place} by {}", client.name()));
            assert_eq!(pulled, expected, "{}: {place}", client.name());
            assert!(routed(&gateway, "fallback:far") > before);
        }
        nowhere(world, client, &named, &login);
    }
    assert_eq!(harbors[0].digest_of("lab/app", "v1"), None, "it was copied");
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
            let is_told = said.contains("not found") || said.contains("manifest unknown");
            assert!(is_told, "{name}:\n{said}");
        }
        Outcome::Done(_) => panic!("{name} pulled what nobody has"),
        Outcome::Hanging(said) => panic!("{name} hangs:\n{said}"),
    }
}
