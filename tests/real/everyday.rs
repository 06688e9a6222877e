//! What people do with a registry beside pushing and pulling, through a hop that breaks pushes:
//! log in, push a layer that another repository has, list, look, delete.

use crate::chain::{Chain, PLAIN, Place, Plan};
use crate::clients::{Client, Outcome, PATIENCE, Reference, Tool as _, docker, skopeo};
use crate::hops::{ForwardedHost, GOOD, Manners};
use crate::image::Image;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::sync::Arc;

const PORT_IN_FORWARDED_HOST: Plan = Plan {
    manners: Manners {
        forwarded_host: ForwardedHost::WithPort443,
        ..GOOD
    },
    ..PLAIN
};

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for place in [Place::BehindTheHop, Place::BeforeTheHop] {
        trials.push(trial(
            world,
            format!("everyday::{}", place.name()),
            move |world| everyday(world, place),
        ));
    }
    trials
}

fn everyday(world: &World, place: Place) {
    let chain = Chain::start(world, PORT_IN_FORWARDED_HOST, place);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let login = chain.harbor.login();
    let succeeded = |operation: &str| {
        let labels = [("operation", operation), ("status", "2xx")];
        gateway.metric("harbormouth_requests_total", &labels)
    };

    let said = docker::login(world, &chain.host, &login, PATIENCE).expect("docker login");
    assert!(said.contains("Login Succeeded"), "{said}");

    // docker remembers where it pushed a layer to, and asks for it to be mounted from there.
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &[200_000, 3_000]);
    let first = chain.reference();
    let second = Reference {
        repository: "lab/second".to_owned(),
        ..first.clone()
    };
    for target in [&first, &second] {
        Client::Docker
            .push(world, &image, target, &login, PATIENCE)
            .expect("docker push");
    }
    assert!(
        succeeded("upload_mount") > 0.0,
        "nothing was mounted:\n{}",
        gateway.stderr()
    );
    let mounted = chain.harbor.digest_of(&second.repository, &second.tag);
    assert!(mounted.is_some(), "the second push left no tag");

    let repository = format!("{}/{}", chain.host, first.repository);
    let tags = skopeo::ask(world, "list-tags", &repository, &login, PATIENCE).expect("list-tags");
    assert!(tags.contains(&format!("\"{}\"", first.tag)), "{tags}");
    assert!(succeeded("tags") > 0.0, "no tags were counted");
    let image = first.to_string();
    let seen = skopeo::ask(world, "inspect", &image, &login, PATIENCE).expect("inspect");
    assert!(
        seen.contains(mounted.as_deref().unwrap_or_default()),
        "{seen}"
    );

    match skopeo::ask(world, "delete", &image, &login, PATIENCE) {
        Outcome::Failed(_) => {}
        Outcome::Done(_) | Outcome::Hanging(_) => panic!("a developer may not delete"),
    }
    let admin = chain.harbor.admin();
    skopeo::ask(world, "delete", &image, &admin, PATIENCE).expect("delete");
    assert!(
        succeeded("manifest_delete") > 0.0,
        "no deletion was counted"
    );
    assert_eq!(
        chain.harbor.digest_of(&first.repository, &first.tag),
        None,
        "the tag is there"
    );
}
