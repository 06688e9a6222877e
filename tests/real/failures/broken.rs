//! What breaks between the gateway and Harbor, or is broken there: a damaged byte, a Harbor that is
//! killed in the middle of uploads, a proxy that answers in its place, a limit of body sizes.

use super::Expect::{GivesUp, TriesAgain};
use super::judge::{End, end, judge};
use super::{PLAIN, Scene, ends_of, or_gone, start_pushes, told, wait_in_the_middle};
use crate::clients::Client;
use crate::common::process::Process;
use crate::common::wait;
use crate::hops::{Bodies, Face, GOOD, Hop, Manners, Route, Upstream};
use crate::records::Record;
use crate::wire::Wire;
use crate::world::{World, trial};
use harbormouth::oci::operation::Operation as Op;
use harbormouth::oci::reason::Reason;
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use libtest_mimic::Trial;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let trial =
        |name: &str, run: fn(&World)| trial(world, format!("failures::broken::{name}"), run);
    vec![
        trial("a_damaged_byte", a_damaged_byte),
        trial("harbor_is_killed", harbor_is_killed),
        trial("behind_nginx", behind_nginx),
        trial("behind_haproxy", behind_haproxy),
        trial("a_body_limit", a_body_limit),
    ]
}

/// Bytes in the one layer, much more than one read takes.
const LAYER: [u64; 1] = [8_000_000];

fn a_damaged_byte(world: &World) {
    let scene = Scene::start(world, PLAIN, |harbor| {
        let wire = Wire::start(harbor);
        wire.damage_each(1_000_000);
        wire.address
    });
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &LAYER);
    told(running, |client| match client {
        Client::Ctr => GivesUp(&["unexpected status: 400 Bad Request"]),
        Client::Docker => TriesAgain(&["Retrying in"]),
        Client::Skopeo | Client::Podman => {
            GivesUp(&["digest invalid: provided digest did not match uploaded content"])
        }
    });
    const ENDS: [&[End]; 4] = [&[end(Op::UploadCommit, Reason::DigestInvalid)]; 4];
    judge(
        &scene.gateway,
        &ends_of(&Client::ALL, &ENDS),
        &or_gone(&Client::ALL),
    );
}

/// Lets every upload come into its middle, then kills Harbor: core and registry.
fn kill_in_the_middle(
    world: &World,
    scene: Scene,
    ends: &[&[End]; 4],
    or: Reason,
    words: &'static [&'static str],
) -> Vec<Record> {
    let stall = InjectedFault::StallRequest {
        after: 1_000_000,
        pause: Duration::from_secs(60),
    };
    let uploads = Match::any().path_contains("/blobs/uploads/");
    let core = scene.harbor.core();
    core.faults().inject(uploads, Times::Always, stall);
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &LAYER);
    wait_in_the_middle(core, &Client::ALL);
    let Scene {
        harbor,
        gateway,
        host: _host,
    } = scene;
    drop(harbor);
    told(running, |client| match client {
        // Its first try again has met what comes after the cut.
        Client::Docker => TriesAgain(&["Retrying in 10 seconds"]),
        Client::Ctr | Client::Skopeo | Client::Podman => GivesUp(words),
    });
    let mut or_else = or_gone(&Client::ALL);
    or_else.extend(Client::ALL.map(|client| (client.family(), or)));
    or_else.extend(Client::ALL.map(|client| (client.family(), Reason::Reset)));
    judge(&gateway, &ends_of(&Client::ALL, ends), &or_else)
}

const CUT: [&[End]; 4] = in_the_middle(&[
    end(Op::UploadCommit, Reason::Reset),
    end(Op::UploadChunk, Reason::Reset),
]);

/// The gateway's status for it, which every client takes for a reason to try again.
const CUT_WORDS: &[&str] = &["504 Gateway Timeout"];

fn harbor_is_killed(world: &World) {
    let scene = Scene::direct(world, PLAIN);
    let all = kill_in_the_middle(world, scene, &CUT, Reason::Connect, CUT_WORDS);
    let refused = |record: &Record| record.reason == Reason::Connect.as_str();
    assert!(all.iter().any(refused));
}

const ANSWERED: [&[End]; 4] = in_the_middle(&[
    end(Op::UploadCommit, Reason::Upstream5xx),
    end(Op::UploadChunk, Reason::Upstream5xx),
]);

/// The ends of a layer that is being sent: containerd's is one PUT, the others' a PATCH.
const fn in_the_middle(commit_and_chunk: &'static [End; 2]) -> [&'static [End]; 4] {
    let (commit, chunk) = commit_and_chunk.split_at(1);
    [commit, chunk, chunk, chunk]
}

fn behind_nginx(world: &World) {
    let mut hop = None;
    let scene = Scene::start(world, PLAIN, |harbor| {
        let address = SocketAddr::from((world.site().inner_address(), 80));
        hop = Some(nginx(world, address, harbor, GOOD));
        address
    });
    let words = &["502 Bad Gateway"];
    let all = kill_in_the_middle(world, scene, &ANSWERED, Reason::Upstream5xx, words);
    assert!(all.iter().any(|record| record.status == 502));
}

/// HAProxy closes what it can't finish without an answer, or answers 502, by chance; what comes
/// later gets a 503. docker is the one that comes again soon enough.
fn behind_haproxy(world: &World) {
    let mut proxy = None;
    let scene = Scene::start(world, PLAIN, |harbor| {
        let address = SocketAddr::from((world.site().inner_address(), 80));
        proxy = Some(haproxy(world, address, harbor));
        address
    });
    const LATER: &[End] = &[end(Op::UploadStart, Reason::Upstream5xx)];
    let ends = [&[], LATER, &[], &[]];
    let all = kill_in_the_middle(world, scene, &ends, Reason::Upstream5xx, &["unexpected"]);
    assert!(all.iter().any(|record| record.status == 503));
}

fn a_body_limit(world: &World) {
    let manners = Manners {
        bodies: Bodies::Default,
        ..GOOD
    };
    let mut hop = None;
    let scene = Scene::start(world, PLAIN, |harbor| {
        let address = SocketAddr::from((world.site().inner_address(), 80));
        hop = Some(nginx(world, address, harbor, manners));
        address
    });
    let login = scene.harbor.login();
    let running = start_pushes(world, &scene.host, "lab", &login, &Client::ALL, &LAYER);
    told(running, |client| match client {
        // ctr 1.6 gives up or waits for ever, by chance.
        Client::Ctr => TriesAgain(&["413 Request Entity Too Large"]),
        Client::Docker => GivesUp(&["HTTP 413"]),
        Client::Skopeo | Client::Podman => GivesUp(&["StatusCode: 413"]),
    });
    const ENDS: [&[End]; 4] = in_the_middle(&[
        end(Op::UploadCommit, Reason::BodyTooLarge),
        end(Op::UploadChunk, Reason::BodyTooLarge),
    ]);
    judge(
        &scene.gateway,
        &ends_of(&Client::ALL, &ENDS),
        &or_gone(&Client::ALL),
    );
}

fn nginx(world: &World, listen: SocketAddr, harbor: SocketAddr, manners: Manners) -> Hop {
    let routes = [Route {
        prefix: "/",
        upstream: Upstream::Http(harbor),
    }];
    Hop::start(world, listen, &Face::Plain, manners, &routes)
}

fn haproxy(world: &World, listen: SocketAddr, harbor: SocketAddr) -> Process {
    let home = world.directory("haproxy");
    let file = home.path().join("haproxy.cfg");
    let configuration = format!(
        "defaults\n mode http\n retries 0\n timeout connect 5s\n timeout client 900s\n \
         timeout server 900s\nfrontend edge\n bind {listen}\n default_backend harbor\n\
         backend harbor\n server core {harbor}\n"
    );
    std::fs::write(&file, configuration).expect("haproxy.cfg");
    let mut command = world.command("haproxy", home.path());
    command.arg("-db").arg("-f").arg(&file);
    let process = Process::start("haproxy", command);
    wait::until_it_accepts(listen, Duration::from_secs(10));
    process
}
