//! What real clients do, and show, when a registry is closed for maintenance or has too much under
//! way.

use super::Ground;
use crate::check::TWO_LAYERS;
use crate::clients::{Client, Outcome, PATIENCE, Pushed, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::wait;
use crate::image::Image;
use crate::world::{World, trial};
use harbormouth::testing::fake_harbor::{InjectedFault, Match, Times};
use http::Method;
use libtest_mimic::Trial;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for client in Client::ALL {
        let name = |what: &str| format!("limits::{what}::{}", client.name());
        trials.push(trial(world, name("maintenance"), move |world| {
            maintenance(world, client);
        }));
        trials.push(trial(world, name("overloaded"), move |world| {
            overloaded(world, client);
        }));
        trials.push(trial(
            world,
            name("overloaded_for_a_moment"),
            move |world| {
                overloaded_for_a_moment(world, client);
            },
        ));
    }
    trials
}

fn image(world: &World) -> (tempfile::TempDir, Image) {
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &TWO_LAYERS);
    (directory, image)
}

/// The words of a push that is refused; it ends by itself.
fn refused_push(world: &World, ground: &Ground, client: Client, patience: Duration) -> String {
    let (_directory, image) = image(world);
    let mut place = ground.place();
    place.tag = "refused".to_owned();
    let login = ground.harbor.login();
    match client.push(world, &image, &place, &login, patience) {
        Outcome::Failed(said) => said,
        Outcome::Done(_) => panic!("the push works"),
        Outcome::Hanging(said) => panic!("the push hangs:\n{said}"),
    }
}

/// A push is refused in words, a pull goes on.
fn maintenance(world: &World, client: Client) {
    let ground = Ground::new(world);
    let open = ground.gateway("");
    let (_directory, image) = image(world);
    let (place, login) = (ground.place(), ground.harbor.login());
    let pushed = client.push(world, &image, &place, &login, PATIENCE);
    let pushed = pushed.expect("the push before");
    drop(open);
    let closed = ground.gateway("    maintenance: pushes\n");
    let said = refused_push(world, &ground, client, Duration::from_secs(120));
    // None of them shows the words of a 503; ctr does in its debug log.
    assert!(said.contains("503 Service Unavailable"), "{said}");
    let labels = [("reason", "maintenance"), ("operation", "upload_start")];
    let refused = closed.metric("harbormouth_request_failures_total", &labels);
    assert!(refused >= 1.0, "{}", closed.stderr());
    println!("{}: {refused} starts refused, then: {said}", client.name());
    let pulled = client.pull(world, &place, &login, PATIENCE);
    assert_eq!(pulled.expect("the pull").manifest, pushed.manifest);
}

/// As many uploads as are let in before new ones are refused.
const HELD: usize = 7;
/// The uploads that hold them stand still, and are not to give way for it.
const FEW: &str = "    max_in_flight: { uploads: 8, other: 64 }\nlimits: { stands_still: 5m }\n";

/// Uploads that go on until they are dropped.
fn hold(ground: &Ground, gateway: &Gateway) -> Vec<TcpStream> {
    let silent = InjectedFault::Delay(Duration::from_secs(600));
    let which = Match::method(Method::PATCH).path_contains("/lab/held/");
    ground
        .harbor
        .core()
        .faults()
        .inject(which, Times::Always, silent);
    let asked = format!(
        "PATCH /v2/lab/held/blobs/uploads/1?_state=x HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer \
         opaque\r\nContent-Length: 1000\r\n\r\nbegin",
        ground.site.name()
    );
    let held = (0..HELD).map(|_| {
        let mut stream = TcpStream::connect(gateway.http[0]).expect("connect");
        stream.write_all(asked.as_bytes()).expect("write");
        stream
    });
    let held = held.collect();
    let labels = [("registry", "hq"), ("class", "uploads")];
    let wanted = HELD as f64;
    wait::until("uploads under way", PATIENCE, || {
        let count = gateway.metric("harbormouth_requests_in_flight", &labels);
        (count >= wanted).then_some(())
    });
    held
}

fn overloads(gateway: &Gateway) -> f64 {
    let labels = [("reason", "overloaded")];
    gateway.metric("harbormouth_request_failures_total", &labels)
}

/// For as long as a client tries: it gives up by itself, and pulls go on beside.
fn overloaded(world: &World, client: Client) {
    let ground = Ground::new(world);
    let gateway = ground.gateway(FEW);
    let (_directory, image) = image(world);
    let (place, login) = (ground.place(), ground.harbor.login());
    let pushed = client.push(world, &image, &place, &login, PATIENCE);
    let pushed = pushed.expect("the push before");
    let held = hold(&ground, &gateway);
    let began = std::time::Instant::now();
    let said = refused_push(world, &ground, client, Duration::from_secs(240));
    let words = match client {
        Client::Ctr => "429 Too Many Requests",
        Client::Docker => "503 Service Unavailable",
        Client::Skopeo | Client::Podman => "as many requests under way",
    };
    println!(
        "{}: gave up after {:?} and {} refusals: {said}",
        client.name(),
        began.elapsed(),
        overloads(&gateway)
    );
    assert!(said.contains(words), "{said}");
    let pulled = client.pull(world, &place, &login, PATIENCE);
    assert_eq!(pulled.expect("the pull").manifest, pushed.manifest);
    drop(held);
}

/// Places are free again half a second after the first refusal: every client gets through.
fn overloaded_for_a_moment(world: &World, client: Client) {
    let ground = Ground::new(world);
    let gateway = ground.gateway(FEW);
    let held = hold(&ground, &gateway);
    let (_directory, image) = image(world);
    let (place, login) = (ground.place(), ground.harbor.login());
    let enough = Duration::from_secs(120);
    let outcome: Outcome<Pushed> = thread::scope(|scope| {
        scope.spawn(|| {
            wait::until("a refusal", enough, || {
                (overloads(&gateway) > 0.0).then_some(())
            });
            thread::sleep(Duration::from_millis(500));
            drop(held);
        });
        client.push(world, &image, &place, &login, enough)
    });
    let refusals = overloads(&gateway);
    match outcome {
        Outcome::Done(_) => println!("{}: done after {refusals} refusals", client.name()),
        Outcome::Failed(said) | Outcome::Hanging(said) => {
            panic!("{} after {refusals} refusals: {said}", client.name())
        }
    }
}
