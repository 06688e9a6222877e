//! Projects as registries of their own, by what clients have for it: containerd's `hosts.toml`, docker's
//! `registry-mirrors`, podman's `registries.conf`, and the mirror's own name.

use super::{Trip, goes, listeners, reference, routed};
use crate::chain::InnerName;
use crate::check::{ENOUGH, SMALL_LAYERS};
use crate::clients::{Client, Dockerd, Outcome, Pulled, Release, Today, Tool};
use crate::clients::{crane, ctr, docker, podman, skopeo};
use crate::common::gateway::Gateway;
use crate::gateways::registry_yaml;
use crate::harbor::Harbor;
use crate::hops::Upstream;
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const RELEASES: [(&str, Release); 2] =
    [("of_2022", Release::Installed), ("of_today", Release::Sid)];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = vec![
        trial(world, "sites::mirrors::own_name::of_2022", |world| {
            own_name(world, &Client::ALL);
        }),
        trial(world, "sites::mirrors::own_name::of_today", |world| {
            own_name(world, &[Today::Ctr, Today::Docker, Today::Crane]);
        }),
        trial(world, "sites::mirrors::everyday", everyday),
    ];
    for (age, release) in RELEASES {
        let mut add = |name: &str, run: fn(&World, Release)| {
            let name = format!("sites::mirrors::{name}::{age}");
            trials.push(trial(world, name, move |world| run(world, release)));
        };
        add("containerd", containerd);
        add("dockerd", dockerd);
        add("podman", podman);
    }
    trials
}

/// A Harbor with the projects `library` and `pub`, which stand for copies of Docker Hub and of ghcr.io,
/// and `lab`, which is a team's and private.
struct Mirrors {
    harbor: Harbor,
    gateway: Gateway,
    hub: String,
    /// `lab`, which containerd may also call [`TEAM`].
    team: String,
    /// The copy of Docker Hub.
    docker_hub: String,
    /// Both copies.
    both: String,
}

/// A registry that there is nowhere but in the settings of clients.
const TEAM: &str = "registry.team.test";

impl Mirrors {
    fn start(world: &World) -> Mirrors {
        let (one, other) = (world.site(), world.site());
        let (hub, team) = (one.name(), one.second_name());
        let (both, docker_hub) = (other.name(), other.second_name());
        let public = format!("https://{hub}");
        let harbor = Harbor::start(world, &public);
        let upstream = Upstream::Http(harbor.address());
        let gateway = Gateway::with_config(&format!(
            "{}registries:\n{}mirrors:\n\
             \x20 - {{ public: [ https://{team} ], registry: hq, project: lab, ns: [ {TEAM} ] }}\n\
             \x20 - {{ public: [ https://{docker_hub} ], registry: hq, project: library, ns: [ docker.io ] }}\n\
             \x20 - {{ public: [ https://{both} ], registry: hq, project: library, ns: [ docker.io ] }}\n\
             \x20 - {{ public: [ https://{both} ], registry: hq, project: pub, ns: [ ghcr.io ] }}\n",
            listeners(world, &[one, other]),
            registry_yaml(world, "hq", &[&public], &upstream, InnerName::Untold),
        ));
        Mirrors {
            harbor,
            gateway,
            hub,
            team,
            docker_hub,
            both,
        }
    }

    /// Puts an image into a repository of Harbor.
    fn put(&self, world: &World, repository: &str) -> Pulled {
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
        let (place, admin) = (reference(&self.hub, repository), self.harbor.admin());
        let pushed = Client::Skopeo.push(world, &image, &place, &admin, ENOUGH);
        Pulled {
            manifest: pushed.expect("the push").manifest,
            config: image.config,
        }
    }
}

/// Pushes to the team's registry and pulls from there, and by what Harbor calls it.
fn own_name<C: Tool>(world: &World, clients: &[C]) {
    let mirrors = Mirrors::start(world);
    for &client in clients {
        let here = client.name().replace('_', "-");
        let there = format!("lab/{here}");
        let push_to = reference(&mirrors.team, &here);
        let trip = Trip {
            harbor: &mirrors.harbor,
            stored: &there,
            login: mirrors.harbor.login(),
            push_to: push_to.clone(),
            pull_from: &[push_to, reference(&mirrors.hub, &there)],
        };
        goes(world, client, &trip);
    }
}

/// Logins, mounts, lists and deletions by the mirror's own names.
fn everyday(world: &World) {
    let mirrors = Mirrors::start(world);
    let login = mirrors.harbor.login();
    let said = docker::login(world, &mirrors.team, &login, ENOUGH).expect("docker login");
    assert!(said.contains("Login Succeeded"), "{said}");

    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &SMALL_LAYERS);
    let places = ["app", "a/second", "third"].map(|name| reference(&mirrors.team, name));
    for place in &places[..2] {
        let pushed = Client::Docker.push(world, &image, place, &login, ENOUGH);
        pushed.expect("docker push");
    }
    crane::copy(world, &places[0], &places[2], &login, ENOUGH).expect("crane copy");
    let labels = [("operation", "upload_mount"), ("status", "2xx")];
    let mounts = mirrors
        .gateway
        .metric("harbormouth_requests_total", &labels);
    let layers = SMALL_LAYERS.len() as f64;
    assert!(
        mounts >= 2.0 * layers,
        "{mounts}:\n{}",
        mirrors.gateway.stderr()
    );
    for stored in ["lab/app", "lab/a/second", "lab/third"] {
        assert!(mirrors.harbor.digest_of(stored, "v1").is_some(), "{stored}");
    }

    let repository = format!("{}/third", mirrors.team);
    let tags = skopeo::ask(world, "list-tags", &repository, &login, ENOUGH).expect("list-tags");
    assert!(
        tags.contains("\"v1\"") && !tags.contains("lab/third"),
        "{tags}"
    );
    let third = places[2].to_string();
    let refused = skopeo::ask(world, "delete", &third, &login, ENOUGH);
    assert!(matches!(refused, Outcome::Failed(_)), "{refused:?}");
    let admin = mirrors.harbor.admin();
    skopeo::ask(world, "delete", &third, &admin, ENOUGH).expect("delete");
    assert_eq!(mirrors.harbor.digest_of("lab/third", "v1"), None);
}

/// What containerd asks in the place of a registry.
fn hosts(directory: &Path, registry: &str, mirror: &str, capabilities: &str) {
    let folder = directory.join(registry);
    std::fs::create_dir_all(&folder).expect("a folder of hosts");
    let text = format!("[host.\"https://{mirror}\"]\n  capabilities = [{capabilities}]\n");
    std::fs::write(folder.join("hosts.toml"), text).expect("write hosts.toml");
}

const READS: &str = "\"pull\", \"resolve\"";
const ALSO_WRITES: &str = "\"pull\", \"resolve\", \"push\"";

fn containerd(world: &World, release: Release) {
    let mirrors = Mirrors::start(world);
    let (app, tool) = ("library/library/app", "pub/team/tool");
    let (app, tool) = (mirrors.put(world, app), mirrors.put(world, tool));
    let pull = |name: &str, hosts: &Path, more: &[&str]| {
        let hosts = hosts.to_string_lossy();
        let arguments = [&["--hosts-dir", &*hosts], more].concat();
        let containerd = world.containerd(release);
        ctr::pull_with(world, containerd, name, &arguments, ENOUGH)
    };
    let each = world.directory("hosts");
    hosts(each.path(), "docker.io", &mirrors.docker_hub, READS);
    let pulled = pull("docker.io/library/app:v1", each.path(), &[]).expect("a pull");
    assert_eq!(pulled, app);

    let any = world.directory("hosts");
    hosts(any.path(), "_default", &mirrors.both, READS);
    let by_digest = format!("ghcr.io/team/tool@{}", tool.manifest);
    for (name, expected) in [
        ("docker.io/library/app:v1", &app),
        ("ghcr.io/team/tool:v1", &tool),
        (&by_digest, &tool),
    ] {
        let pulled = pull(name, any.path(), &[]).expect(name);
        assert_eq!(pulled, *expected, "{name}");
    }
    let refused = pull("quay.io/team/tool:v1", any.path(), &[]);
    assert!(!matches!(refused, Outcome::Done(_)));
    assert!(routed(&mirrors.gateway, "mirror:pub") > 0.0);
    private_by_containerd(world, release, &mirrors);
}

/// A push and a pull of the team's image, by a registry's name that is the mirror's alone.
fn private_by_containerd(world: &World, release: Release, mirrors: &Mirrors) {
    let directory = world.directory("hosts");
    hosts(directory.path(), TEAM, &mirrors.team, ALSO_WRITES);
    let image = world.directory("image");
    let image = Image::make(&image.path().join("layout"), &SMALL_LAYERS);
    let (place, login) = (reference(TEAM, "app"), mirrors.harbor.login());
    let hosts = directory.path().to_string_lossy();
    let user = login.pair();
    let arguments = ["--hosts-dir", &*hosts, "--user", &user];
    let pushed = ctr::push_with(world, release, &image, &place, &arguments, ENOUGH);
    let pushed = pushed.expect("the push");
    let stored = mirrors.harbor.digest_of("lab/app", "v1");
    assert_eq!(stored.as_ref(), Some(&pushed.manifest));
    let (containerd, name) = (world.containerd(release), place.to_string());
    let pulled = ctr::pull_with(world, containerd, &name, &arguments, ENOUGH);
    assert_eq!(pulled.expect("the pull").config, image.config);
    let nobody = ["--hosts-dir", &*hosts];
    let refused = ctr::pull_with(world, containerd, &name, &nobody, ENOUGH);
    assert!(!matches!(refused, Outcome::Done(_)));
}

fn dockerd(world: &World, release: Release) {
    let mirrors = Mirrors::start(world);
    let app = mirrors.put(world, "library/library/app");
    let other = mirrors.put(world, "library/team/tool");
    let mirror = format!("https://{}", mirrors.docker_hub);
    let dockerd = Dockerd::start_with(world, release, json!({ "registry-mirrors": [mirror] }));
    let nobody = world.directory("docker");
    let by_digest = format!("app@{}", app.manifest);
    for (name, expected) in [
        ("app:v1", &app),
        (&by_digest, &app),
        ("team/tool:v1", &other),
    ] {
        let pulled = docker::pull_with(world, &dockerd, name, nobody.path(), ENOUGH).expect(name);
        assert_eq!(pulled, *expected, "{name}");
    }
    assert!(routed(&mirrors.gateway, "mirror:library") > 0.0);
}

fn podman(world: &World, release: Release) {
    let mirrors = Mirrors::start(world);
    let public = mirrors.put(world, "library/library/app");
    let private = mirrors.put(world, "lab/app");
    let directory = world.directory("settings");
    let registries = directory.path().join("registries.conf");
    let mirror = |registry: &str, mirror: &str| {
        format!(
            "[[registry]]\nprefix = \"{registry}\"\nlocation = \"{registry}\"\n\
             [[registry.mirror]]\nlocation = \"{mirror}\"\n"
        )
    };
    let text = mirror("docker.io", &mirrors.docker_hub) + &mirror(TEAM, &mirrors.team);
    std::fs::write(&registries, text).expect("write registries.conf");
    let logins = directory.path();
    docker::configuration(
        logins,
        &reference(&mirrors.team, "app"),
        &mirrors.harbor.login(),
    );
    let (registries, logins) = (registries.to_string_lossy(), logins.join("config.json"));
    let (global, logins) = (
        ["--registries-conf", &*registries],
        logins.to_string_lossy(),
    );
    let team = format!("{TEAM}/app:v1");
    for (name, expected) in [("docker.io/library/app:v1", public), (&team, private)] {
        let pulled = podman::pull_with(
            world,
            release,
            name,
            &global,
            &["--authfile", &logins],
            ENOUGH,
        );
        assert_eq!(pulled.expect(name), expected, "{name}");
    }
}
