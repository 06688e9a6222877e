//! Harbor takes 35 s to answer the commit of an upload. A client that waits succeeds; a client that
//! gives up after 30 s, as containerd does from 2.3 on, fails although the push would have succeeded.
//! Debian has no such containerd, so curl with a timeout takes its place.

use super::judge::{end, judge};
use super::{PLAIN, Scene, place};
use crate::check::TWO_LAYERS;
use crate::clients::{Client, Login, Tool as _};
use crate::common::process::{self, Finished};
use crate::image::{Image, digest_of};
use crate::world::{World, trial};
use harbormouth::observe::push::PushFinding;
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::Method;
use libtest_mimic::Trial;
use std::sync::Arc;
use std::time::Duration;

const SILENCE: Duration = Duration::from_secs(35);
/// In seconds.
const PATIENCE: &str = "30";

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(world, "failures::silent_commit", silent_commit)]
}

fn silent_commit(world: &World) {
    let scene = Scene::direct(world, PLAIN);
    let commits = Match::method(Method::PUT).path_contains("/blobs/uploads/");
    let silence = InjectedFault::Delay(SILENCE);
    let faults = scene.harbor.core().faults();
    faults.inject(commits, Times::Always, silence);
    let login = scene.harbor.login();
    std::thread::scope(|scope| {
        let impatient = scope.spawn(|| impatient(world, &scene.host, &login));
        let directory = world.directory("image");
        let image = Image::make(&directory.path().join("layout"), &TWO_LAYERS);
        let to = place(&scene.host, "lab", Client::Ctr);
        let patience = SILENCE * 3;
        let pushed = Client::Ctr.push(world, &image, &to, &login, patience);
        let manifest = pushed.expect("the push of a client that waits").manifest;
        let stored = scene.harbor.digest_of(&to.repository, &to.tag);
        assert_eq!(stored, Some(manifest));
        let said = impatient.join().expect("the impatient client");
        assert!(said.contains("Operation timed out after 300"), "{said}");
    });
    let left = end(Op::UploadCommit, Reason::ClientGoneWaiting).found(PushFinding::ImpatientClient);
    let all = judge(&scene.gateway, &[("curl", left)], &[]);
    let left = all.iter().find(|record| !record.is_ok());
    let left = left.expect("its record");
    assert_eq!(left.status, 0, "{left:?}");
    assert!((29_000.0..33_000.0).contains(&left.duration_ms), "{left:?}");
}

/// Opens an upload and commits a small blob to it; what curl says in the end.
fn impatient(world: &World, host: &str, login: &Login) -> String {
    let directory = world.directory("curl");
    let blob = directory.path().join("blob");
    std::fs::write(&blob, b"a layer").expect("write a blob");
    let digest = digest_of(&b"a layer"[..]).expect("hash memory");
    let curl = |arguments: &[&str]| {
        let mut command = world.command("curl", directory.path());
        command.args(["--silent", "--show-error", "--cacert"]);
        command.arg(world.ca.bundle());
        let user = login.pair();
        command.args(["--user", &user]).args(arguments);
        process::run(command, SILENCE * 2)
    };
    let base = format!("https://{host}");
    let start = format!("{base}/v2/lab/curl/blobs/uploads/");
    let show = "%header{location}";
    let Finished { stdout, .. } = curl(&["--request", "POST", "--write-out", show, &start]);
    let commit = format!("{base}{stdout}&digest={digest}");
    let file = blob.to_string_lossy();
    let put = ["--max-time", PATIENCE, "--upload-file", &file, &commit];
    curl(&put).output()
}
