//! Successful pushes and pulls: every report counts them as good and says nothing else.

use super::judge::judge;
use super::{PLAIN, Scene, place};
use crate::check::{self, Trip};
use crate::clients::{Client, Tool as _};
use crate::world::{World, trial};
use harbormouth::oci::reason::{Quality, Reason};
use libtest_mimic::Trial;
use std::sync::Arc;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let each = Client::ALL.into_iter().map(|client| {
        let name = format!("failures::none::{}", client.name());
        trial(world, name, move |world| goes_well(world, client))
    });
    each.collect()
}

fn goes_well(world: &World, client: Client) {
    let scene = Scene::direct(world, PLAIN);
    let place = place(&scene.host, "lab", client);
    let trip = Trip {
        client,
        harbor: &scene.harbor,
        login: scene.harbor.login(),
        push_to: place.clone(),
        pull_from: place,
    };
    check::works(world, &trip);
    let all = judge(&scene.gateway, &[], &[]);
    let counted = |quality: Quality| {
        let labels = [("quality", quality.as_str()), ("client", client.family())];
        let counter = "harbormouth_push_requests_by_client_total";
        scene.gateway.metric(counter, &labels)
    };
    // Each blob is begun and committed, and there is one manifest.
    let blobs = check::SMALL_LAYERS.len() + 1;
    assert!(counted(Quality::Good) >= (2 * blobs + 1) as f64);
    assert_eq!(counted(Quality::Bad), 0.0);
    let odd = all.iter().find(|record| {
        let words = [Reason::Success, Reason::Challenge, Reason::Absent].map(Reason::as_str);
        !words.contains(&record.reason.as_str())
    });
    assert!(odd.is_none(), "{odd:?}");
    assert_eq!(scene.gateway.metric("harbormouth_findings_total", &[]), 0.0);
}
