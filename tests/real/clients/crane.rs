//! crane, which needs no store: it pushes from an OCI layout and pulls into one.

use super::{Login, Outcome, Pulled, Pushed, Reference, attempt, docker, layout, sid};
use crate::image::Image;
use crate::world::World;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub fn push(
    world: &World,
    image: &Image,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let home = world.directory("crane");
    let mut command = crane(world, home.path(), to, login);
    command.arg("push").arg(&image.layout).arg(to.to_string());
    attempt(command, patience).map(|said| Pushed {
        // HOST/REPOSITORY@DIGEST
        manifest: match said.trim().rsplit_once('@') {
            Some((_, digest)) => digest.to_owned(),
            None => panic!("no digest in:\n{said}"),
        },
    })
}

pub fn pull(world: &World, from: &Reference, login: &Login, patience: Duration) -> Outcome<Pulled> {
    let home = world.directory("crane");
    let target = home.path().join("image");
    let mut command = crane(world, home.path(), from, login);
    command.args(["pull", "--format", "oci"]);
    command.arg(from.to_string()).arg(&target);
    attempt(command, patience).map(|_| layout::pulled(&target))
}

/// From one repository to another of the same registry.
pub fn copy(
    world: &World,
    from: &Reference,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<String> {
    let home = world.directory("crane");
    let mut command = crane(world, home.path(), to, login);
    command.args(["copy", &from.to_string(), &to.to_string()]);
    attempt(command, patience)
}

/// With the login that `docker login` would have left in its home.
fn crane(world: &World, home: &Path, registry: &Reference, login: &Login) -> Command {
    let folder = home.join(".docker");
    std::fs::create_dir(&folder).expect("the folder of the login");
    docker::configuration(&folder, registry, login);
    sid::command(world, "crane", home)
}
