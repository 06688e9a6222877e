//! The checks that every chain has to pass.

use crate::clients::{Client, Login, Outcome, PATIENCE, Reference, Tool};
use crate::harbor::Harbor;
use crate::image::Image;
use crate::world::World;
use std::time::Duration;

/// What a push comes to.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    Works,
    /// It fails or never ends, and every one of these is in the words of the client and its daemon.
    Breaks(&'static [&'static str]),
}

/// Where a client pushes to and pulls from.
pub struct Trip<'a, C: Tool = Client> {
    pub client: C,
    pub harbor: &'a Harbor,
    pub login: Login,
    pub push_to: Reference,
    pub pull_from: Reference,
}

/// Bytes in the layers of a small image.
pub const SMALL_LAYERS: [u64; 3] = [200_000, 3_000, 1_000_000];

/// Bytes in the layers of an image whose push breaks.
pub const TWO_LAYERS: [u64; 2] = [200_000, 3_000];

/// A small image takes a second; a busy machine gets more.
pub const ENOUGH: Duration = Duration::from_secs(90);

/// Push, pull, and the same digests at the client, in the registry and at the client again.
/// Returns the digest of the manifest.
pub fn works(world: &World, trip: &Trip<'_, impl Tool>) -> String {
    works_with(world, trip, &SMALL_LAYERS, ENOUGH)
}

/// The same with layers of these sizes and this much time for each way.
pub fn works_with(
    world: &World,
    trip: &Trip<'_, impl Tool>,
    layers: &[u64],
    enough: Duration,
) -> String {
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), layers);
    let Trip {
        client,
        harbor,
        login,
        push_to,
        pull_from,
    } = trip;
    let pushed = client
        .push(world, &image, push_to, login, enough)
        .expect("the push");
    let stored = harbor.digest_of(&push_to.repository, &push_to.tag);
    assert_eq!(
        stored.as_ref(),
        Some(&pushed.manifest),
        "stored is not what was pushed"
    );
    let pulled = client
        .pull(world, pull_from, login, enough)
        .expect("the pull");
    assert_eq!(
        pulled.manifest, pushed.manifest,
        "pulled is not what was pushed"
    );
    // The configuration names every layer's uncompressed content, and survives clients that
    // compress layers anew.
    assert_eq!(pulled.config, image.config, "pulled is not what was made");
    pushed.manifest
}

/// The push doesn't succeed, and the client says what clients say about it today.
pub fn breaks(world: &World, trip: &Trip<'_, impl Tool>, symptoms: &[&str]) {
    breaks_with(world, trip, &TWO_LAYERS, symptoms);
}

/// The same with layers of these sizes.
pub fn breaks_with(world: &World, trip: &Trip<'_, impl Tool>, layers: &[u64], symptoms: &[&str]) {
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), layers);
    let Trip {
        client,
        harbor,
        login,
        push_to,
        ..
    } = trip;
    let said = match client.push(world, &image, push_to, login, PATIENCE) {
        Outcome::Done(_) => panic!("the push works without Harbormouth: this chain shows nothing"),
        Outcome::Failed(said) | Outcome::Hanging(said) => said,
    };
    let absent: Vec<&&str> = symptoms
        .iter()
        .filter(|words| !said.contains(**words))
        .collect();
    assert!(
        absent.is_empty(),
        "the push fails, but without the words {absent:?}:\n{said}"
    );
    let stored = harbor.digest_of(&push_to.repository, &push_to.tag);
    assert_eq!(stored, None, "a tag appeared nevertheless");
}
