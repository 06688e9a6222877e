//! Layers that the registry leaves to object storage, for clients that can't reach it.

use super::fallback::robot;
use super::object_store::ObjectStore;
use super::{listeners, reference, routed};
use crate::chain::InnerName;
use crate::check::ENOUGH;
use crate::clients::{
    Client, Containerd, Login, Outcome, PATIENCE, Pulled, Reference, Release, Today, Tool, ctr,
};
use crate::common::gateway::Gateway;
use crate::common::{process, wait};
use crate::gateways::registry_yaml;
use crate::harbor::{AS_RECORDED, Harbor};
use crate::hops::Upstream;
use crate::image::Image;
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![
        trial(world, "sites::storage::passed", passed),
        trial(world, "sites::storage::followed", followed),
        trial(world, "sites::storage::parts", parts),
        trial(world, "sites::storage::of_another_site", of_another_site),
    ]
}

/// Bytes in the layers: some parts of a multipart upload, and something small.
const LAYERS: [u64; 3] = [9_000_000, 3_000, 2_000_000];

/// A Harbor whose registry redirects to storage, with an image.
struct Stored {
    site: Site,
    objects: ObjectStore,
    harbor: Harbor,
    gateway: Gateway,
    image: Image,
    pushed: Pulled,
    _directory: tempfile::TempDir,
}

impl Stored {
    /// With these settings of the registry in the gateway, told where storage is.
    fn start(world: &World, settings: impl FnOnce(Site, &ObjectStore) -> String) -> Stored {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let objects = ObjectStore::start(world);
        let registry = objects.registry(world);
        let address = registry.address;
        let harbor = Harbor::before(world, &public, AS_RECORDED, vec![registry], address);
        let upstream = Upstream::Http(harbor.address());
        let yaml = format!(
            "{}registries:\n{}{}",
            listeners(world, &[site]),
            registry_yaml(world, "hq", &[&public], &upstream, InnerName::Untold),
            settings(site, &objects),
        );
        let gateway = Gateway::within(&objects.told(), &yaml);
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), &LAYERS);
        let (place, login) = (reference(&site.name(), "lab/app"), harbor.login());
        let pushed = Client::Skopeo.push(world, &image, &place, &login, ENOUGH);
        let pushed = Pulled {
            manifest: pushed.expect("the push").manifest,
            config: image.config.clone(),
        };
        Stored {
            site,
            objects,
            harbor,
            gateway,
            image,
            pushed,
            _directory: directory,
        }
    }

    fn login(&self) -> Login {
        self.harbor.login()
    }

    fn pulls(&self, world: &World, client: impl Tool) {
        let place = reference(&self.site.name(), "lab/app");
        self.pulls_from(world, &place, client);
    }

    fn pulls_from(&self, world: &World, place: &Reference, client: impl Tool) {
        let pulled = client.pull(world, place, &self.login(), ENOUGH);
        let pulled = pulled.expect(&format!("the pull by {}", client.name()));
        assert_eq!(pulled, self.pushed, "{}: {place}", client.name());
    }

    fn is_followed(&self) {
        wait::until("a record of it", ENOUGH, || {
            self.gateway
                .stderr()
                .contains(" route=storage ")
                .then_some(())
        });
    }
}

fn follow(_: Site, objects: &ObjectStore) -> String {
    format!(
        "    storage_redirects: follow\n    storage: {{ hosts: [ \"{}\" ] }}\n",
        objects.authority()
    )
}

/// The client's own affair, and it has no address for it.
fn passed(world: &World) {
    let stored = Stored::start(world, |_, _| String::new());
    let (place, login) = (reference(&stored.site.name(), "lab/app"), stored.login());
    let told = |client: &str, outcome: Outcome<Pulled>| match outcome {
        Outcome::Done(_) => panic!("{client} reached storage: this shows nothing"),
        Outcome::Failed(said) | Outcome::Hanging(said) => {
            assert!(said.contains("objects.storage.test"), "{client}:\n{said}");
        }
    };
    for client in [Client::Ctr, Client::Docker, Client::Skopeo] {
        let outcome = client.pull(world, &place, &login, PATIENCE);
        told(client.name(), outcome);
    }
    let outcome = Today::Crane.pull(world, &place, &login, PATIENCE);
    told(Today::Crane.name(), outcome);
}

fn followed(world: &World) {
    let stored = Stored::start(world, |site, objects| {
        format!(
            "{}mirrors: [ {{ public: [ https://{} ], registry: hq, project: lab }} ]\n",
            follow(site, objects),
            site.second_name()
        )
    });
    for client in Client::ALL {
        stored.pulls(world, client);
    }
    for client in [Today::Ctr, Today::Docker, Today::Crane, Today::Oras] {
        stored.pulls(world, client);
    }
    let mirror = reference(&stored.site.second_name(), "app");
    stored.pulls_from(world, &mirror, Client::Ctr);
    stored.pulls_from(world, &mirror, Today::Docker);
    stored.is_followed();
    let layers = stored.objects.layers();
    let refused = layers.iter().find(|line| line.contains(" 403 "));
    assert_eq!(refused, None, "{layers:#?}");
}

/// containerd 2.1 fetches a large layer in parts at once, where it is told to.
const IN_PARTS: &str = r#"
[plugins."io.containerd.transfer.v1.local"]
  concurrent_layer_fetch_buffer = 1048576
"#;

fn parts(world: &World) {
    let stored = Stored::start(world, follow);
    let containerd = Containerd::start_with(world, Release::Sid, IN_PARTS);
    let (place, login) = (reference(&stored.site.name(), "lab/app"), stored.login());
    let (name, user) = (place.to_string(), login.pair());
    let pulled = ctr::pull_with(world, &containerd, &name, &["--user", &user], ENOUGH);
    assert_eq!(pulled.expect("the pull"), stored.pushed);
    let layers = stored.objects.layers();
    let parts = layers
        .iter()
        .filter(|line| line.contains(" 206 bytes=1048576-"));
    assert!(parts.count() > 0, "{layers:#?}");

    // What was cut off goes on where it ended, and a part is what was asked.
    let layer = &stored.image.layers[0];
    let url = format!(
        "https://{}/v2/{}/blobs/{layer}",
        place.host, place.repository
    );
    let whole = std::fs::read(stored.image.blob(layer)).expect("the layer");
    let home = world.directory("curl");
    std::fs::write(home.path().join("part"), &whole[..5_000_000]).expect("a beginning");
    let mut curl = world.command("curl", home.path());
    curl.args(["--silent", "--show-error", "--fail", "--user", &user]);
    curl.arg("--cacert").arg(world.ca.bundle());
    curl.args(["--continue-at", "-", "--output"]);
    curl.arg(home.path().join("part")).arg(&url);
    process::must(curl);
    let part = std::fs::read(home.path().join("part")).expect("the rest");
    assert!(part == whole, "other bytes");
}

/// The first Harbor hasn't it, and the second redirects to storage, which the gateway follows.
fn of_another_site(world: &World) {
    let account = robot();
    let mut first = None;
    let stored = Stored::start(world, |site, objects| {
        let public = format!("https://{}", site.second_name());
        let near = first.insert(Harbor::start(world, &public));
        let upstream = Upstream::Http(near.address());
        format!(
            "{}    credentials: {{ file: {} }}\n{}    fallback: [ hq ]\n",
            follow(site, objects),
            account.path().display(),
            registry_yaml(world, "near", &[&public], &upstream, InnerName::Untold),
        )
    });
    let near = reference(&stored.site.second_name(), "lab/app");
    for client in [Client::Ctr, Client::Docker] {
        stored.pulls_from(world, &near, client);
    }
    stored.pulls_from(world, &near, Today::Crane);
    assert!(routed(&stored.gateway, "fallback:hq") > 0.0);
    stored.is_followed();
}
