//! Parts of blobs, as clients that resume a pull ask for them.

use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::gateway::Gateway;
use crate::common::process;
use crate::gateways::{Listen, from_flags};
use crate::harbor::Harbor;
use crate::world::{World, trial};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const PROTOCOLS: [&str; 2] = ["--http1.1", "--http2"];

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(world, "ranges::curl", ranges)]
}

fn ranges(world: &World) {
    let site = world.site();
    let public = format!("https://{}", site.name());
    let harbor = Harbor::start(world, &public);
    let files = world.ca.issue(&[&site.name()]);
    let front = SocketAddr::from((site.public_address(), 443));
    let _gateway: Gateway = from_flags(&public, &Listen::Tls(front, &files), harbor.address());
    let place = reference(&site.name());
    let trip = Trip {
        client: Client::Skopeo,
        harbor: &harbor,
        login: harbor.login(),
        push_to: place.clone(),
        pull_from: place.clone(),
    };
    let manifest = check::works(world, &trip);
    let home = world.directory("curl");
    let login = format!("{}:{}", trip.login.user, trip.login.password);
    let curl = |arguments: &[&str]| {
        let mut command = curl(world, home.path());
        command.args(["--user", &login]).args(arguments);
        command
    };
    let repository = format!("{public}/v2/{}", place.repository);
    let accept = "Accept: application/vnd.oci.image.manifest.v1+json";
    let manifest_url = format!("{repository}/manifests/{manifest}");
    let manifest = process::must(curl(&["--fail", "--header", accept, &manifest_url]));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest");
    let layer = &manifest["layers"][0];
    let url = format!(
        "{repository}/blobs/{}",
        layer["digest"].as_str().expect("a digest")
    );
    let size = layer["size"].as_u64().expect("a size");

    process::must(curl(&["--fail", "--output", "whole", &url]));
    let whole = std::fs::read(home.path().join("whole")).expect("the whole blob");
    for protocol in PROTOCOLS {
        let show = "%{http_code} %header{content-range}";
        let part = [
            "--range",
            "100000-150000",
            "--output",
            "part",
            "--write-out",
            show,
        ];
        let said = process::must(curl(&[&part[..], &[protocol, &url]].concat()));
        assert_eq!(
            said,
            format!("206 bytes 100000-150000/{size}"),
            "{protocol}"
        );
        let part = std::fs::read(home.path().join("part")).expect("the part");
        assert!(part == whole[100_000..=150_000], "{protocol}: other bytes");
        unsatisfiable(
            protocol,
            curl(&["--range", "900000000-", protocol, &url]),
            size,
        );
    }
}

/// Distribution answers 416 with the whole blob's Content-Length and a few words, then closes: a
/// broken answer, but its status has to arrive.
fn unsatisfiable(protocol: &str, mut curl: Command, size: u64) {
    curl.args([
        "--output",
        "refusal",
        "--write-out",
        "%{http_code} %header{content-range}",
    ]);
    let finished = process::run(curl, std::time::Duration::from_secs(30));
    let said = finished.output();
    assert!(
        said.starts_with(&format!("416 bytes */{size}")),
        "{protocol}: {said}"
    );
}

fn curl(world: &World, home: &Path) -> Command {
    let mut command = world.command("curl", home);
    command
        .args(["--silent", "--show-error", "--cacert"])
        .arg(world.ca.bundle());
    command.current_dir(home);
    command
}
