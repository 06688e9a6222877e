//! The shipped compose file, brought up by docker-compose in a Docker of the test's own: the image
//! in Docker's hands, the published ports, Harbor in a network that exists already.

use crate::built::Built;
use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::plain_http;
use crate::common::process::{self, Process};
use crate::common::wait;
use crate::groups::Group;
use crate::harbor::Harbor;
use crate::hops::{Face, GOOD, Hop, Route, Upstream};
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const IMAGE: &str = "registry.example.test/harbormouth:test";
/// As Harbor's installer calls it.
const NETWORK: &str = "harbor_harbor";
const SUBNET: &str = "10.123.45.0/24";
/// This machine in that network, where what stands for Harbor's own proxy listens.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 123, 45, 1);

const PATIENCE: Duration = Duration::from_secs(30);

/// What the shipped file allows.
const FILES: u64 = 65_536;

/// What this machine changes in the shipped file: Harbor isn't a container here, so its proxy's name
/// comes from the hosts file; and where this process may not allow as many open files, nor may
/// Docker.
fn beside() -> String {
    let files = allowed_files();
    format!(
        "services:\n  harbormouth:\n    \
         extra_hosts: ['proxy:{GATEWAY}']\n    \
         ulimits: {{ nofile: {{ soft: {files}, hard: {files} }} }}\n"
    )
}

fn allowed_files() -> u64 {
    let (_, most) = rlimit::Resource::NOFILE.get().expect("a limit");
    FILES.min(most)
}

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(
        world,
        "compose::the_service_comes_up_is_used_and_stops",
        service,
    )]
}

fn service(world: &World) {
    let site = world.site();
    let built = Built::get(world);
    let docker = Docker::start(world);
    let archive = built.docker_archive(world, IMAGE);
    docker.must(&["load", "--quiet", "--input", &archive.to_string_lossy()]);
    docker.must(&["network", "create", "--subnet", SUBNET, NETWORK]);

    let harbor = Harbor::start(world, &format!("https://{}", site.name()));
    let routes = [Route {
        prefix: "/",
        upstream: Upstream::Http(harbor.address()),
    }];
    let proxy = SocketAddr::from((GATEWAY, 8080));
    let _proxy = Hop::start(world, proxy, &Face::Plain, GOOD, &routes);

    let project = project(world, site);
    docker.compose(&project, &["up", "--detach"]);
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, 9090));
    wait::until_it_accepts(admin, PATIENCE);
    // It answers, and says that it starts, a moment before it serves.
    wait::until("the service to be ready", PATIENCE, || {
        let ready = plain_http::ask(admin, "GET", "/readyz", &[]);
        (ready.status == 200).then_some(())
    });
    is_published_to_nobody_else(admin.port());

    let container = docker.compose(&project, &["ps", "--quiet"]);
    let container = container.trim();
    let inspected = docker.inspect(container);
    has_no_privileges(&inspected["State"]["Pid"]);
    let trip = Trip {
        client: Client::Skopeo,
        harbor: &harbor,
        login: harbor.login(),
        push_to: reference(&site.name()),
        pull_from: reference(&site.name()),
    };
    check::works(world, &trip);

    docker.compose(&project, &["stop"]);
    let state = &docker.inspect(container)["State"];
    assert_eq!(state["Status"], json!("exited"), "{state}");
    assert_eq!(state["ExitCode"], json!(0), "{state}");
}

fn has_no_privileges(pid: &Value) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    for expected in [
        "Uid:\t65532\t65532\t65532\t65532",
        "Gid:\t65532\t65532\t65532\t65532",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "NoNewPrivs:\t1",
    ] {
        let has = status.lines().any(|line| line == expected);
        assert!(has, "no {expected} in:\n{status}");
    }
    let mounts = fs::read_to_string(format!("/proc/{pid}/mountinfo")).expect("mounts");
    for place in ["/", "/etc/harbormouth"] {
        let fields = mounts
            .lines()
            .map(|line| line.split(' ').collect::<Vec<_>>());
        let mut options = fields
            .filter(|fields| fields[4] == place)
            .map(|fields| fields[5]);
        let options = options
            .next()
            .unwrap_or_else(|| panic!("no {place} in:\n{mounts}"));
        assert!(options.starts_with("ro,"), "{place}: {options}");
    }
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files: Vec<&str> = files
        .expect("a limit of files")
        .split_whitespace()
        .collect();
    let allowed = allowed_files().to_string();
    assert_eq!(files[3..5], [&allowed, &allowed]);
}

/// The machine has other addresses, and the admin port isn't at them.
fn is_published_to_nobody_else(port: u16) {
    let elsewhere = SocketAddr::from((GATEWAY, port));
    let refused = std::net::TcpStream::connect_timeout(&elsewhere, PATIENCE);
    assert!(refused.is_err(), "{elsewhere} is open");
}

/// The shipped directory with what an operator puts into it.
fn project(world: &World, site: Site) -> TempDir {
    let place = world.directory("compose");
    let mut copy = Command::new("cp");
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/compose/.");
    copy.args(["-r", shipped]).arg(place.path());
    process::must(copy);
    let inner = place.path().join("harbormouth");
    let (tls, keys) = (inner.join("tls"), inner.join("keys"));
    fs::create_dir(&tls).expect("a directory");
    fs::create_dir(&keys).expect("a directory");
    let files = world.ca.issue(&[&site.name()]);
    fs::copy(files.cert, tls.join("hub.crt")).expect("the certificate");
    fs::copy(files.key, tls.join("hub.key")).expect("the key");
    let mut keygen = Command::new(env!("CARGO_BIN_EXE_harbormouth"));
    keygen.arg("keygen").arg(keys.join("current.key"));
    process::must(keygen);
    let configuration = inner.join("harbormouth.yaml");
    let text = fs::read_to_string(&configuration).expect("the configuration");
    let named = text.replace("hub.example.com", &site.name());
    assert_ne!(named, text);
    fs::write(configuration, named).expect("the configuration");
    fs::write(place.path().join("beside.yaml"), beside()).expect("the test's own file");
    own(&inner);
    place
}

/// For the image's group alone.
fn own(path: &Path) {
    chown(path, Some(0), Some(65532)).expect("an owner");
    let mode = if path.is_dir() { 0o750 } else { 0o640 };
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("a mode");
    if path.is_dir() {
        let entries = fs::read_dir(path).expect("a directory");
        entries.for_each(|entry| own(&entry.expect("an entry").path()));
    }
}

/// A dockerd that makes networks, unlike the one of [`World::dockerd`].
struct Docker<'w> {
    world: &'w World,
    process: Process,
    home: TempDir,
    socket: PathBuf,
    _group: Group,
}

impl Drop for Docker<'_> {
    fn drop(&mut self) {
        // Ended otherwise, it leaves its containers running.
        if self.process.ended().is_none() {
            self.process.terminate(PATIENCE);
        }
    }
}

impl Docker<'_> {
    fn start(world: &World) -> Docker<'_> {
        let home = world.directory("docker");
        let socket = home.path().join("docker.sock");
        let mut command = world.command("dockerd", home.path());
        command.arg(format!("--host=unix://{}", socket.display()));
        for (option, file) in [
            ("data-root", "data"),
            ("exec-root", "exec"),
            ("pidfile", "pid"),
        ] {
            command.arg(format!("--{option}={}", home.path().join(file).display()));
        }
        // Published ports go through docker-proxy: nothing is forwarded.
        command.args([
            "--iptables=false",
            "--ip6tables=false",
            "--ip-forward=false",
        ]);
        command.args(["--ip-masq=false", "--bridge=none", "--storage-driver=vfs"]);
        let group = Group::new();
        command.arg(format!("--cgroup-parent=/{}", group.name));
        let mut process = Process::start("dockerd", command);
        process.wait_for("that it listens", Duration::from_secs(60), |_, stderr| {
            stderr.contains("API listen on").then_some(())
        });
        Docker {
            world,
            process,
            home,
            socket,
            _group: group,
        }
    }

    fn must(&self, arguments: &[&str]) -> String {
        let mut command = self.world.command("docker", self.home.path());
        command.arg("--host");
        command.arg(format!("unix://{}", self.socket.display()));
        command.args(arguments);
        process::must(command)
    }

    fn inspect(&self, container: &str) -> Value {
        let text = self.must(&["inspect", container]);
        let all: Value = serde_json::from_str(&text).expect("JSON");
        all[0].clone()
    }

    fn compose(&self, project: &TempDir, arguments: &[&str]) -> String {
        let mut command = self.world.command("env", project.path());
        command.current_dir(project.path());
        command.arg(format!("HARBORMOUTH_IMAGE={IMAGE}"));
        command.arg(format!("DOCKER_HOST=unix://{}", self.socket.display()));
        command.args(["docker-compose", "--file", "compose.yaml"]);
        command.args(["--file", "beside.yaml"]).args(arguments);
        let finished = process::run(command, Duration::from_secs(60));
        assert!(
            finished.succeeded(),
            "docker-compose {arguments:?}: {}\n{}",
            finished.output(),
            self.process.stderr()
        );
        finished.stdout
    }
}
