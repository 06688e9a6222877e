//! oras, which copies from and to OCI layouts.

use super::{Login, Outcome, Pulled, Pushed, Reference, attempt, docker, layout, sid};
use crate::image::{Image, TAG};
use crate::world::World;
use std::time::Duration;

pub fn push(
    world: &World,
    image: &Image,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    let home = world.directory("oras");
    let mut command = sid::command(world, "oras", home.path());
    command.args(["copy", "--no-tty", "--from-oci-layout"]);
    command.args([
        "--to-username",
        &login.user,
        "--to-password",
        &login.password,
    ]);
    command
        .arg(format!("{}:{TAG}", image.layout.display()))
        .arg(to.to_string());
    attempt(command, patience).map(|said| Pushed {
        manifest: docker::digest_in(&said),
    })
}

pub fn pull(world: &World, from: &Reference, login: &Login, patience: Duration) -> Outcome<Pulled> {
    let home = world.directory("oras");
    let target = home.path().join("image");
    let mut command = sid::command(world, "oras", home.path());
    command.args(["copy", "--no-tty", "--to-oci-layout"]);
    command.args([
        "--from-username",
        &login.user,
        "--from-password",
        &login.password,
    ]);
    command
        .arg(from.to_string())
        .arg(format!("{}:{TAG}", target.display()));
    attempt(command, patience).map(|_| layout::pulled(&target))
}
