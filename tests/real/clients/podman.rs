//! podman, with a store of its own for every push and pull, so a pull always transfers. No
//! container is ever run.

use super::{Login, Outcome, Prepared, Pulled, Pushed, Reference, Release, attempt};
use crate::common::process;
use crate::image::{Image, TAG};
use crate::world::World;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

pub fn push(
    world: &World,
    release: Release,
    image: &Image,
    to: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pushed> {
    prepare(world, release, image, to, login).push_with_digest_file(patience)
}

pub fn prepare(
    world: &World,
    release: Release,
    image: &Image,
    to: &Reference,
    login: &Login,
) -> Prepared {
    let home = world.directory("podman");
    // Relative: podman makes an image name of the path and refuses capitals in it.
    let name = image
        .layout
        .file_name()
        .expect("the layout's directory")
        .to_string_lossy();
    let mut import = podman(
        world,
        release,
        home.path(),
        &["pull", "--quiet", &format!("oci:{name}:{TAG}")],
    );
    import.current_dir(image.layout.parent().expect("the layout's parent"));
    let id = process::must(import);
    let mut command = podman(world, release, home.path(), &["push"]);
    command.arg("--creds").arg(login.pair());
    command
        .arg("--digestfile")
        .arg(Prepared::digest_file(&home));
    command.arg(id.trim()).arg(format!("docker://{to}"));
    Prepared {
        command,
        kept: vec![home],
    }
}

pub fn pull(
    world: &World,
    release: Release,
    from: &Reference,
    login: &Login,
    patience: Duration,
) -> Outcome<Pulled> {
    let creds = login.pair();
    let arguments = ["--creds", &creds];
    pull_with(world, release, &from.to_string(), &[], &arguments, patience)
}

/// By a name as a person types it, with further arguments of podman and of its pull.
pub fn pull_with(
    world: &World,
    release: Release,
    name: &str,
    global: &[&str],
    arguments: &[&str],
    patience: Duration,
) -> Outcome<Pulled> {
    let home = world.directory("podman");
    let pull = [global, &["pull", "--quiet"], arguments].concat();
    let mut command = podman(world, release, home.path(), &pull);
    command.arg(format!("docker://{name}"));
    attempt(command, patience).map(|id| {
        let format = [
            "image",
            "inspect",
            "--format",
            "{{.Digest}} {{.Id}}",
            id.trim(),
        ];
        let inspected = process::must(podman(world, release, home.path(), &format));
        let (manifest, config) = inspected
            .trim()
            .split_once(' ')
            .expect("a digest and an id");
        Pulled {
            manifest: manifest.to_owned(),
            config: format!("sha256:{config}"),
        }
    })
}

fn podman(world: &World, release: Release, home: &Path, arguments: &[&str]) -> Command {
    let mut command = release.command(world, "podman", home);
    command
        .arg("--root")
        .arg(home.join("root"))
        .arg("--runroot")
        .arg(home.join("run"));
    command.args(["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]);
    command.args(["--events-backend", "none"]).args(arguments);
    command
}
