//! The shipped unit under the test's own systemd: everything that the unit forbids is forbidden, and
//! the gateway serves, reloads, is restarted by the watchdog when it hangs, and stops.

use crate::chain::reference;
use crate::check::{self, Trip};
use crate::clients::Client;
use crate::common::process::{self, Finished, Process};
use crate::common::{tools, wait};
use crate::groups::Group;
use crate::harbor::Harbor;
use crate::world::{Site, World, trial};
use libtest_mimic::Trial;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// What the unit takes from the rest of a system, and nothing of it does anything.
const TARGETS: [&str; 5] = [
    "sysinit",
    "basic",
    "multi-user",
    "shutdown",
    "network-online",
];

/// Only what a test can't wait for, and where the log goes without a journal.
const DROP_IN: &str = "\
[Service]
WatchdogSec=4s
RestartSec=100ms
StandardOutput=append:/run/harbormouth.log
StandardError=append:/run/harbormouth.log
";

pub fn trials(world: &Arc<World>) -> Vec<Trial> {
    vec![trial(
        world,
        "under_systemd::the_unit_serves_reloads_is_missed_and_ends",
        unit,
    )]
}

fn unit(world: &World) {
    let site = world.site();
    let harbor = Harbor::start(world, &format!("https://{}", site.name()));
    let systemd = Systemd::start(world, site, &harbor);
    let first = systemd.main_pid();
    is_restricted(&systemd, &first);
    let trip = Trip {
        client: Client::Ctr,
        harbor: &harbor,
        login: harbor.login(),
        push_to: reference(&site.name()),
        pull_from: reference(&site.name()),
    };
    check::works(world, &trip);

    systemd.must(&["systemctl", "reload", "harbormouth"]);
    assert_eq!(systemd.main_pid(), first, "{}", systemd.log());

    let second = is_upgraded(&systemd, &first);
    check::works(world, &trip);
    systemd.must(&["systemctl", "reload", "harbormouth"]);
    assert_eq!(systemd.main_pid(), second, "{}", systemd.log());

    refuses_nobody_while_it_restarts(&systemd, site);
    let second = systemd.main_pid();

    systemd.must(&["kill", "-STOP", &second]);
    wait::until("a process that doesn't hang", PATIENCE, || {
        (systemd.main_pid() != second && systemd.shown("ActiveState") == "active").then_some(())
    });
    // Nothing else could end it: it was stopped.
    assert_eq!(systemd.shown("NRestarts"), "1");
    check::works(world, &trip);

    systemd.must(&["systemctl", "stop", "harbormouth"]);
    for (property, expected) in [
        ("ActiveState", "inactive"),
        ("Result", "success"),
        ("ExecMainCode", "1"),
        ("ExecMainStatus", "0"),
    ] {
        assert_eq!(systemd.shown(property), expected, "{property}");
    }
}

/// Another process becomes the service's main one, as restricted as the first, which ends.
fn is_upgraded(systemd: &Systemd, first: &str) -> String {
    let upgrade = [
        "systemctl",
        "kill",
        "--signal=USR2",
        "--kill-who=main",
        "harbormouth",
    ];
    systemd.must(&upgrade);
    let second = wait::until("another main process", PATIENCE, || {
        let main = systemd.main_pid();
        (main != first).then_some(main)
    });
    is_restricted(systemd, &second);
    let stat = format!("/proc/{first}/stat");
    wait::until("the end of the first process", PATIENCE, || {
        let looked = systemd.run(&["cat", &stat]).expect("a running systemd");
        (!looked.succeeded()).then_some(())
    });
    // The end of its old main process is not the service's.
    assert_eq!(systemd.shown("ActiveState"), "active");
    assert_eq!(systemd.shown("NRestarts"), "0");
    assert_eq!(systemd.main_pid(), second);
    second
}

/// What restarts most is asked all the while: each connection gets its answer from the process before, or
/// waits for the one that follows. systemd keeps the ports open.
fn refuses_nobody_while_it_restarts(systemd: &Systemd, site: Site) {
    let before = systemd.main_pid();
    let asked = Asked::over_and_over(site);
    for _ in 0..RESTARTS {
        systemd.must(&["systemctl", "restart", "harbormouth"]);
    }
    let answers = asked.answers();
    assert_ne!(systemd.main_pid(), before, "{}", systemd.log());
    let moved = |answer: &&Answer| matches!(answer, Ok(said) if said.contains("308 "));
    let wrong = answers.iter().filter(|answer| !moved(answer));
    let wrong: Vec<_> = wrong.collect();
    assert!(
        wrong.is_empty(),
        "{} of {}: {wrong:?}",
        wrong.len(),
        answers.len()
    );
    assert!(answers.len() > 20, "{}", answers.len());
    // Each was waited for, the one that had taken over as well; and so had the one before that been.
    let log = systemd.log();
    assert_eq!(log.matches("drained in").count(), RESTARTS + 1, "{log}");
}

const RESTARTS: usize = 3;

/// The first bytes that came back, or why none did.
type Answer = Result<String, String>;

/// A client that asks on port 80, on a new connection each time.
struct Asked {
    enough: Arc<AtomicBool>,
    client: JoinHandle<Vec<Answer>>,
}

impl Asked {
    fn over_and_over(site: Site) -> Asked {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let client = std::thread::spawn(move || {
            let mut answers = Vec::new();
            while !told.load(Ordering::Relaxed) {
                answers.push(ask(site).map_err(|error| error.to_string()));
            }
            answers
        });
        Asked { enough, client }
    }

    fn answers(self) -> Vec<Answer> {
        self.enough.store(true, Ordering::Relaxed);
        self.client.join().expect("a client that doesn't panic")
    }
}

fn ask(site: Site) -> io::Result<String> {
    let mut stream = TcpStream::connect((site.public_address(), 80))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // In one piece: half of a header is a request that the client hasn't made.
    let name = site.name();
    let request = format!("GET /v2/ HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    answer.truncate(40);
    Ok(answer)
}

/// One capability, no way to another, and system calls filtered.
fn is_restricted(systemd: &Systemd, pid: &str) {
    let status = systemd.must(&["cat", &format!("/proc/{pid}/status")]);
    let field = |name: &str| {
        let value = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(":\t")?.to_owned());
        let found = status.lines().find_map(value);
        found.unwrap_or_else(|| panic!("no {name} in:\n{status}"))
    };
    // CAP_NET_BIND_SERVICE is bit 10.
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(field(set), "0000000000000400", "{set}");
    }
    assert_eq!(field("NoNewPrivs"), "1");
    assert_eq!(field("Seccomp"), "2");
    let users = field("Uid");
    assert!(users.split('\t').all(|user| user != "0"), "{users}");
    let mounts = systemd.must(&["cat", &format!("/proc/{pid}/mountinfo")]);
    let root = mounts.lines().find(|line| line.contains(" / / "));
    let root = root.unwrap_or_else(|| panic!("no root in:\n{mounts}"));
    assert!(root.contains(" ro,"), "{root}");
}

/// A running systemd with the unit in it.
struct Systemd {
    process: Process,
    _group: Group,
    _place: TempDir,
}

impl Systemd {
    fn start(world: &World, site: Site, harbor: &Harbor) -> Systemd {
        let place = world.directory("systemd");
        let units = place.path().join("units");
        write_units(&units);
        write_configuration(world, &place.path().join("etc/harbormouth"), site, harbor);
        let group = Group::new();
        let repository = env!("CARGO_MANIFEST_DIR");
        let mut command = Command::new("sh");
        command.args(["-ec", JOIN, "sh"]);
        command.args(group.make_for_systemd()).arg("--");
        command.arg(tools::path("unshare"));
        command.args(["--cgroup", "--mount", "--pid", "--ipc", "--uts", "--fork"]);
        command.args(["--kill-child", "--mount-proc", "--propagation", "private"]);
        command.args(["sh", &format!("{repository}/tests/deployed/systemd.sh")]);
        command.arg(place.path());
        command.arg(env!("CARGO_BIN_EXE_harbormouth"));
        command.arg(format!("{repository}/deploy/systemd/harbormouth.sysusers"));
        let systemd = Systemd {
            process: Process::start("systemd", command),
            _group: group,
            _place: place,
        };
        wait::until("a unit that is active", PATIENCE, || {
            let state = systemd.run(&["systemctl", "is-active", "harbormouth"]);
            let active = state.is_some_and(|state| state.stdout.trim() == "active");
            active.then_some(())
        });
        systemd
    }

    /// Runs a command in systemd's namespaces; `None` until they are there.
    fn run(&self, arguments: &[&str]) -> Option<Finished> {
        let pid = self.process.pid();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let Ok(children) = fs::read_to_string(children) else {
            panic!("systemd ended:\n{}", self.process.stderr());
        };
        let mut command = Command::new(tools::path("nsenter"));
        command.args(["--target", children.split_whitespace().next()?]);
        command.args(["--all", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]);
        command.args(arguments);
        Some(process::run(command, PATIENCE))
    }

    /// What a command prints there.
    fn must(&self, arguments: &[&str]) -> String {
        let finished = self.run(arguments).expect("a running systemd");
        assert!(
            finished.succeeded(),
            "{arguments:?}: {}\n{}",
            finished.output(),
            self.log()
        );
        finished.stdout
    }

    /// A property of the unit.
    fn shown(&self, property: &str) -> String {
        let show = ["systemctl", "show", "--value", "--property", property];
        let shown = self.must(&[&show[..], &["harbormouth"]].concat());
        shown.trim().to_owned()
    }

    fn main_pid(&self) -> String {
        self.shown("MainPID")
    }

    /// The gateway's words.
    fn log(&self) -> String {
        self.run(&["cat", "/run/harbormouth.log"])
            .map_or_else(String::new, |read| read.output())
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}{}", self.process.stderr(), self.log());
        }
        self.process.kill();
    }
}

/// Into the groups named before `--`, then the command behind it.
const JOIN: &str = r#"
until [ "$1" = -- ]; do
    echo $$ > "$1/cgroup.procs"
    shift
done
shift
exec "$@"
"#;

fn write_units(units: &Path) {
    let drop_in = units.join("harbormouth.service.d");
    fs::create_dir_all(&drop_in).expect("a directory");
    fs::write(drop_in.join("test.conf"), DROP_IN).expect("the drop-in");
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/systemd/harbormouth.service");
    fs::copy(unit, units.join("harbormouth.service")).expect("the unit");
    // As `systemctl enable` does.
    let wants = units.join("multi-user.target.wants");
    fs::create_dir(&wants).expect("a directory");
    symlink("../harbormouth.service", wants.join("harbormouth.service")).expect("a link");
    for target in TARGETS {
        let text = format!("[Unit]\nDescription={target}\nDefaultDependencies=no\n");
        fs::write(units.join(format!("{target}.target")), text).expect("a target");
    }
}

/// As `conf/one-harbor.yaml`, on the ports that need the capability. Harbor's name has to be
/// resolved.
fn write_configuration(world: &World, place: &Path, site: Site, harbor: &Harbor) {
    let tls = place.join("tls");
    fs::create_dir_all(&tls).expect("a directory");
    let files = world.ca.issue(&[&site.name()]);
    fs::copy(files.cert, tls.join("hub.crt")).expect("the certificate");
    fs::copy(files.key, tls.join("hub.key")).expect("the key");
    let (address, name) = (site.public_address(), site.name());
    let port = harbor.address().port();
    let configuration = format!(
        "listeners:\n  \
           - address: {address}:443\n    \
             tls: {{ certificates: [ {{ cert: tls/hub.crt, key: tls/hub.key }} ] }}\n  \
           - {{ address: '{address}:80', redirect_to_https: true }}\n\
         admin: {{ address: '{address}:9090' }}\n\
         registries:\n  \
           - name: hq\n    \
             public: [ 'https://{name}' ]\n    \
             upstream: {{ endpoints: [ 'http://localhost:{port}' ] }}\n"
    );
    fs::write(place.join("harbormouth.yaml"), configuration).expect("the configuration");
}
