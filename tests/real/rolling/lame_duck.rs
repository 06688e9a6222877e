//! What a replica does between SIGTERM and the end of `drain.delay`: it serves every client, and asks
//! every client to close its connection.

use super::https::Https;
use crate::clients::{Client, Reference, Tool as _};
use crate::common::gateway::Gateway;
use crate::common::plain_http;
use crate::common::process::{self, Process};
use crate::common::wait;
use crate::gateways::{ADMIN, tls_listener};
use crate::harbor::Harbor;
use crate::image::{Image, digest_of};
use crate::world::{Site, World};
use harbormouth::testing::fake_harbor::RecordedRequest;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const ENOUGH: Duration = Duration::from_secs(60);

struct Scene {
    gateway: Gateway,
    harbor: Harbor,
    site: Site,
    front: SocketAddr,
}

impl Scene {
    fn start(world: &World, drain: &str) -> Scene {
        let site = world.site();
        let public = format!("https://{}", site.name());
        let harbor = Harbor::start(world, &public);
        let files = world.ca.issue(&[&site.name()]);
        let front = SocketAddr::from((site.public_address(), 443));
        let gateway = Gateway::with_config(&format!(
            "listeners:\n{}{ADMIN}drain: {drain}\nregistries:\n  - name: hq\n    \
             public: [ {public} ]\n    upstream: {{ endpoints: [ http://{} ] }}\n",
            tls_listener(front, &[&files]),
            harbor.address(),
        ));
        Scene {
            gateway,
            harbor,
            site,
            front,
        }
    }

    fn connect(&self, world: &World) -> Https {
        Https::connect(world, self.front, &self.site.name()).expect("a connection")
    }
}

pub fn serves_and_says_goodbye(world: &World) {
    const DELAY: Duration = Duration::from_secs(6);
    let mut scene = Scene::start(world, "{ delay: 6s, timeout: 1m }");
    let directory = world.directory("image");
    let image = Image::make(&directory.path().join("layout"), &[50_000]);
    let mut kept = scene.connect(world);
    let ping = |connection: &mut Https| connection.ask("GET", "/v2/", &[], b"").expect("an answer");
    let reply = ping(&mut kept);
    assert_ne!(reply.header("connection"), Some("close"));
    let mut waiting = scene.connect(world);
    ping(&mut waiting);

    let mut upload = upload_in_http2(world, &scene);
    let start = Instant::now();
    scene.gateway.signal("TERM");
    let admin = scene.gateway.admin.expect("an admin listener");
    wait::until("the drain", ENOUGH, || {
        let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
        assert_eq!(ready.status, 200, "{}", ready.body);
        ready.body.contains("draining").then_some(())
    });
    let mut new = scene.connect(world);
    for connection in [&mut kept, &mut new] {
        let reply = ping(connection);
        assert_eq!(
            (reply.status, reply.header("connection")),
            (401, Some("close"))
        );
        assert!(connection.is_closed());
    }
    let health = scene.connect(world).ask("GET", "/healthz", &[], b"");
    assert_eq!(health.expect("an answer").status, 503);
    is_told_to_go_in_http2(world, &scene);
    let to = Reference {
        host: scene.site.name(),
        repository: "lab/app".to_owned(),
        tag: "v1".to_owned(),
    };
    let pushed = Client::Skopeo
        .push(world, &image, &to, &scene.harbor.login(), ENOUGH)
        .expect("a push that begins during the delay");
    assert_eq!(
        scene.harbor.digest_of(&to.repository, &to.tag),
        Some(pushed.manifest)
    );
    assert!(start.elapsed() < DELAY, "all of this took too long");
    assert_eq!(scene.gateway.ended(), None);
    // One that asks for nothing more is closed with the listeners, and keeps nobody.
    assert!(waiting.is_closed());
    assert!(start.elapsed() > DELAY);
    // The upload does, until it is done.
    assert_eq!((upload.ended(), scene.gateway.ended()), (None, None));
    let uploaded = wait::until("the upload's end", ENOUGH, || upload.ended());
    assert!(uploaded.success(), "{}", upload.stderr());
    assert_eq!(upload.stdout(), "2 201");
    let start = Instant::now();
    let status = wait::until("the end", ENOUGH, || scene.gateway.ended());
    let took = start.elapsed();
    assert!(status.success(), "{status:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// An upload over HTTP/2 that takes longer than the delay.
fn upload_in_http2(world: &World, scene: &Scene) -> Process {
    let home = world.directory("upload");
    let file = home.path().join("blob");
    let content = vec![7; 5_000_000];
    std::fs::write(&file, &content).expect("write a blob");
    let digest = digest_of(content.as_slice()).expect("hash memory");
    let login = scene.harbor.login();
    let base = format!("https://{}", scene.site.name());
    let curl = || {
        let mut curl = world.command("curl", home.path());
        curl.args(["--silent", "--show-error", "--fail", "--http2", "--cacert"])
            .arg(world.ca.bundle())
            .arg("--user")
            .arg(login.pair());
        curl
    };
    let mut start = curl();
    start
        .args(["--request", "POST", "--write-out", "%header{location}"])
        .arg(format!("{base}/v2/lab/http2/blobs/uploads/"));
    let location = process::must(start);
    let mut upload = curl();
    upload
        .args(["--limit-rate", "600K", "--upload-file"])
        .arg(&file)
        .args(["--write-out", "%{http_version} %{http_code}"])
        .arg(format!("{base}{location}&digest={digest}"));
    let upload = Process::start("curl", upload);
    wait::until("the upload's beginning", ENOUGH, || {
        let seen = scene.harbor.core().seen();
        let is_it = |seen: &RecordedRequest| seen.method == "PUT" && seen.received > 100_000;
        seen.iter().any(is_it).then_some(())
    });
    // curl has the file open.
    drop(home);
    upload
}

/// A new connection's request is answered, and GOAWAY comes.
fn is_told_to_go_in_http2(world: &World, scene: &Scene) {
    let home = world.directory("http2");
    let url = format!("https://{}/v2/", scene.site.name());
    let mut curl = world.command("curl", home.path());
    curl.args(["--silent", "--show-error", "--http2", "--cacert"])
        .arg(world.ca.bundle())
        .args(["--write-out", "%{http_version} %{http_code}"])
        .args(["--output", "/dev/null", &url]);
    assert_eq!(process::must(curl), "2 401");
    let mut nghttp = world.command("nghttp", home.path());
    nghttp.args(["--verbose", "--null-out", &url]);
    let said = process::must(nghttp);
    assert!(said.contains("recv GOAWAY"), "{said}");
    assert!(said.contains(":status: 401"), "{said}");
}

pub fn ends_at_the_second_signal(world: &World) {
    let mut scene = Scene::start(world, "{ delay: 1m, timeout: 1m }");
    let mut upload = scene.connect(world);
    upload
        .begin(
            "PUT",
            "/v2/lab/app/manifests/v1",
            &["Content-Length: 9"],
            b"{",
        )
        .expect("a part of a request");
    wait::until("a request in flight", ENOUGH, || {
        let flying = scene.gateway.metric("harbormouth_requests_in_flight", &[]);
        (flying == 1.0).then_some(())
    });
    scene.gateway.signal("TERM");
    let admin = scene.gateway.admin.expect("an admin listener");
    wait::until("the drain", ENOUGH, || {
        let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
        ready.body.contains("draining").then_some(())
    });
    let start = Instant::now();
    scene.gateway.signal("TERM");
    let status = wait::until("the end", ENOUGH, || scene.gateway.ended());
    assert!(status.success(), "{status:?}");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(upload.is_closed());
}
