//! A layer of gibibytes in each direction, while the gateway's memory stays flat.

use crate::chain::{Chain, PLAIN, Place};
use crate::check::{self, Trip};
use crate::clients::{Client, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::process::{self, Finished};
use crate::image::{digest_of, write_hashed};
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

/// containerd keeps five copies of it on the disk, which other trials use, too.
const LAYER: u64 = 1 << 30;

/// More than a signed number of 32 bits holds; curl keeps one copy.
const BLOB: u64 = 2 << 30;

/// What serving the layer may add, with the pages of an unoptimised program that were not needed before. A
/// gateway that held bodies would need thirty times as much.
const GROWTH_LIMIT_KIB: u64 = 32 * 1024;

/// Gibibytes through four unoptimised programs on a small, busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// ctr sends a layer in one PUT, skopeo in PATCHes, both over HTTP/1.1; curl sends one PUT over
/// HTTP/2.
pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials: Vec<Trial> = [Client::Ctr, Client::Skopeo]
        .into_iter()
        .map(|client| {
            trial(
                world,
                format!("big_layer::{}", client.name()),
                move |world| there_and_back(world, client),
            )
        })
        .collect();
    trials.push(trial(
        world,
        "big_layer::curl_http2",
        there_and_back_in_http2,
    ));
    trials
}

fn there_and_back(world: &World, client: Client) {
    let chain = Chain::start(world, PLAIN, Place::BeforeTheHop);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let before = gateway.peak_memory_kib();
    let trip = Trip {
        client,
        harbor: &chain.harbor,
        login: chain.harbor.login(),
        push_to: chain.reference(),
        pull_from: chain.reference(),
    };
    check::works_with(world, &trip, &[LAYER], PATIENCE);
    judge(client.name(), gateway, before);
}

/// Harbor takes Basic credentials on `/v2/` too, which spares curl the token.
fn there_and_back_in_http2(world: &World) {
    let chain = Chain::start(world, PLAIN, Place::BeforeTheHop);
    let gateway = chain.gateway.as_ref().expect("a chain with a gateway");
    let before = gateway.peak_memory_kib();
    let directory = world.directory("curl");
    let blob = directory.path().join("blob");
    let random = File::open("/dev/urandom")
        .expect("open /dev/urandom")
        .take(BLOB);
    let made = write_hashed(random, &blob).expect("write the blob");
    let base = format!("https://{}", chain.host);
    let repository = chain.reference().repository;
    let login = chain.harbor.login();
    let curl = |arguments: &[&str]| {
        let mut command = world.command("curl", directory.path());
        command.args(["--silent", "--show-error", "--fail", "--http2", "--cacert"]);
        command.arg(world.ca.bundle());
        command.arg("--user").arg(login.pair());
        command.args(arguments);
        let Finished {
            status,
            stdout,
            stderr,
        } = process::run(command, PATIENCE);
        assert!(
            status.is_some_and(|s| s.success()),
            "curl {arguments:?}: {stdout}{stderr}"
        );
        stdout
    };
    let start = format!("{base}/v2/{repository}/blobs/uploads/");
    let show = "%{http_version} %header{location}";
    let started = curl(&["--request", "POST", "--write-out", show, &start]);
    let location = started.strip_prefix("2 ").expect("HTTP/2");
    assert!(
        location.starts_with("/v2/"),
        "{location} is not path-absolute"
    );
    let commit = format!("{base}{location}&digest={made}");
    let file = blob.to_string_lossy();
    assert_eq!(
        curl(&[
            "--write-out",
            "%{http_code}",
            "--upload-file",
            &file,
            &commit
        ]),
        "201"
    );
    std::fs::remove_file(&blob).expect("remove the blob");
    curl(&[
        "--output",
        &file,
        &format!("{base}/v2/{repository}/blobs/{made}"),
    ]);
    let back = digest_of(File::open(&blob).expect("open what came back")).expect("hash it");
    assert_eq!(back, made, "other bytes came back");
    judge("curl over HTTP/2", gateway, before);
}

fn judge(client: &str, gateway: &Gateway, before: u64) {
    let peak = gateway.peak_memory_kib();
    println!(
        "{client}: there and back; the gateway's peak memory {} MiB, idle {} MiB",
        peak / 1024,
        before / 1024
    );
    assert!(
        peak - before < GROWTH_LIMIT_KIB,
        "the gateway's memory grew from {before} to {peak} KiB"
    );
}
