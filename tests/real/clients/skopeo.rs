//! skopeo, which needs no store: it copies from and to directories.

use super::{Login, Outcome, Prepared, Pulled, Pushed, Reference, Release};
use super::{attempt, config_in, layout};
use crate::image::{Image, TAG, digest_of};
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
    let home = world.directory("skopeo");
    let mut command = copy(world, release, home.path());
    command.arg("--dest-creds").arg(login.pair());
    command
        .arg("--digestfile")
        .arg(Prepared::digest_file(&home));
    command
        .arg(format!("oci:{}:{TAG}", image.layout.display()))
        .arg(format!("docker://{to}"));
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
    let Prepared { command, kept } = prepare_pull(world, release, from, login);
    let target = kept[0].path().join(PULLED);
    attempt(command, patience).map(|_| {
        layout::check_blobs(&target);
        let file = target.join("manifest.json");
        let text = std::fs::read_to_string(&file).expect("skopeo's manifest");
        Pulled {
            manifest: digest_of(text.as_bytes()).expect("hash memory"),
            config: config_in(&text),
        }
    })
}

/// Where a pull puts the image.
const PULLED: &str = "image";

/// A pull's command, into an empty directory.
pub fn prepare_pull(world: &World, release: Release, from: &Reference, login: &Login) -> Prepared {
    let home = world.directory("skopeo");
    let mut command = copy(world, release, home.path());
    command.arg("--src-creds").arg(login.pair());
    command
        .arg(format!("docker://{from}"))
        .arg(format!("dir:{}", home.path().join(PULLED).display()));
    Prepared {
        command,
        kept: vec![home],
    }
}

/// Asks for or does something with `target` that is no copy; what skopeo says.
pub fn ask(
    world: &World,
    verb: &str,
    target: &str,
    login: &Login,
    patience: Duration,
) -> Outcome<String> {
    let home = world.directory("skopeo");
    let mut command = skopeo(world, Release::Installed, home.path());
    command.arg(verb).arg("--creds").arg(login.pair());
    command.arg(format!("docker://{target}"));
    attempt(command, patience)
}

/// `skopeo login`; what it says.
pub fn login(world: &World, host: &str, login: &Login, patience: Duration) -> Outcome<String> {
    let home = world.directory("skopeo");
    let mut command = skopeo(world, Release::Installed, home.path());
    command
        .args(["login", "--username", &login.user])
        .args(["--password", &login.password, "--authfile"])
        .arg(home.path().join("auth.json"))
        .arg(host);
    attempt(command, patience)
}

fn copy(world: &World, release: Release, home: &Path) -> Command {
    let mut command = skopeo(world, release, home);
    command.arg("copy");
    command
}

fn skopeo(world: &World, release: Release, home: &Path) -> Command {
    let policy = home.join("policy.json");
    let accept = r#"{"default":[{"type":"insecureAcceptAnything"}]}"#;
    std::fs::write(&policy, accept).expect("write the policy");
    let mut command = release.command(world, "skopeo", home);
    command.arg("--policy").arg(policy);
    command
}
