//! What systemd hears from the gateway, with this test in systemd's place: a datagram socket at
//! `NOTIFY_SOCKET`, and a watchdog that is waited for.

use crate::common::gateway::Gateway;
use crate::common::process::{self, Process};
use crate::common::wait::until;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How often the gateway is to say that it is alive. A busy machine may be late by some of it.
const WATCHDOG: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

const CONFIGURATION: &str = "\
listeners: [ { address: 127.0.0.1:0 } ]
admin: { address: 127.0.0.1:0 }
registries:
  - name: hq
    public: [ http://hub.example.com ]
    upstream: { endpoints: [ http://127.0.0.1:9 ] }
";

/// The service manager's side.
struct Manager {
    place: TempDir,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Manager {
        let place = tempfile::tempdir().expect("a directory");
        let socket = UnixDatagram::bind(place.path().join("notify")).expect("a socket");
        let configuration = place.path().join("harbormouth.yaml");
        std::fs::write(configuration, CONFIGURATION).expect("the configuration");
        Manager { place, socket }
    }

    fn configuration(&self) -> PathBuf {
        self.place.path().join("harbormouth.yaml")
    }

    fn start(&self) -> Process {
        let mut command = Gateway::command();
        command.args(["serve", "--config"]);
        command.arg(self.configuration());
        self.environment(&mut command, &self.place.path().join("notify"));
        Process::start("harbormouth", command)
    }

    fn environment(&self, command: &mut Command, socket: &Path) {
        command.env("NOTIFY_SOCKET", socket);
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    }

    /// The next word, if one comes within `limit`.
    fn hear(&self, limit: Duration) -> Option<String> {
        let mut word = [0; 1024];
        self.socket
            .set_read_timeout(Some(limit))
            .expect("a time limit");
        match self.socket.recv(&mut word) {
            Ok(length) => Some(String::from_utf8_lossy(&word[..length]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("the socket: {error}"),
        }
    }

    /// The next word that isn't the watchdog's.
    fn hear_news(&self) -> String {
        let start = Instant::now();
        loop {
            match self.hear(PATIENCE) {
                Some(word) if word == "WATCHDOG=1\n" => {}
                Some(word) => return word,
                None => panic!("silence"),
            }
            assert!(start.elapsed() < PATIENCE, "nothing but the watchdog's");
        }
    }

    /// Its sockets are to be kept in the place of those that were.
    fn hear_what_to_keep(&self) {
        for word in ["FDSTOREREMOVE=1", "FDSTORE=1"] {
            assert_eq!(self.hear_news(), format!("{word}\nFDNAME=harbormouth\n"));
        }
    }
}

#[test]
fn it_says_that_it_is_ready_reloads_stops_and_lives() {
    let manager = Manager::new();
    let mut gateway = manager.start();
    assert_eq!(manager.hear_news(), "READY=1\n");
    manager.hear_what_to_keep();
    // Standard output is written beside, so that nobody has to read it.
    let said = until("what it listens on", PATIENCE, || {
        let said = gateway.stdout();
        said.ends_with("ready\n").then_some(said)
    });
    let address = said
        .lines()
        .find_map(|line| line.strip_prefix("listening http "));
    let address = address.expect("a listener");
    TcpStream::connect(address).expect("it listens when it says so");
    for _ in 0..2 {
        let heard = Instant::now();
        assert_eq!(manager.hear(PATIENCE).as_deref(), Some("WATCHDOG=1\n"));
        assert!(heard.elapsed() < WATCHDOG, "{:?}", heard.elapsed());
    }
    let mut last = 0;
    for configuration in [CONFIGURATION, "nonsense"] {
        std::fs::write(manager.configuration(), configuration).expect("the configuration");
        gateway.signal("HUP");
        let reloading = manager.hear_news();
        let time: u128 = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|time| time.trim_end().parse().ok())
            .unwrap_or_else(|| panic!("{reloading:?}"));
        assert!(time > last, "{time} is not after {last}");
        last = time;
        assert_eq!(manager.hear_news(), "READY=1\n");
    }
    gateway.signal("TERM");
    // A changed file may be read again on its own account.
    let start = Instant::now();
    while manager.hear_news() != "STOPPING=1\n" {
        assert!(start.elapsed() < PATIENCE, "it doesn't say that it stops");
    }
    let ended = gateway.wait_for_end(PATIENCE);
    assert_eq!(ended.code(), Some(0));
}

/// The one that takes over is the main process before it says anything, and the watchdog notices nothing.
#[test]
fn it_says_who_takes_over() {
    let manager = Manager::new();
    let mut first = manager.start();
    assert_eq!(manager.hear_news(), "READY=1\n");
    manager.hear_what_to_keep();
    first.signal("USR2");
    let heard = manager.hear_news();
    let main = heard
        .strip_prefix("MAINPID=")
        .and_then(|rest| rest.strip_suffix("\nWATCHDOG=1\n")?.parse().ok());
    let main: u32 = main.unwrap_or_else(|| panic!("{heard:?}"));
    let _ended = Ended(main);
    manager.hear_what_to_keep();
    assert_eq!(first.wait_for_end(PATIENCE).code(), Some(0));
    for _ in 0..2 {
        let heard = Instant::now();
        assert_eq!(manager.hear(PATIENCE).as_deref(), Some("WATCHDOG=1\n"));
        assert!(heard.elapsed() < WATCHDOG, "{:?}", heard.elapsed());
    }
    process::signal("HUP", main);
    assert!(manager.hear_news().starts_with("RELOADING=1\n"));
    assert_eq!(manager.hear_news(), "READY=1\n");
    process::signal("TERM", main);
    assert_eq!(manager.hear_news(), "STOPPING=1\n");
    until("its end", PATIENCE, || {
        (!process::is_running(main)).then_some(())
    });
}

/// A process that isn't this test's child has ended when this is dropped.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        if process::is_running(self.0) {
            process::signal("KILL", self.0);
        }
    }
}

#[test]
fn without_a_service_manager_or_with_one_that_is_gone_it_serves_all_the_same() {
    let gone = Manager::new();
    let mut command = Gateway::command();
    command
        .args(["serve", "--config"])
        .arg(gone.configuration());
    gone.environment(&mut command, &gone.place.path().join("nobody"));
    let mut gateway = Process::start("harbormouth", command);
    gateway.wait_for("its warning", PATIENCE, |stdout, stderr| {
        let warned = stderr.contains("systemd could not be notified");
        (warned && stdout.ends_with("ready\n")).then_some(())
    });
    assert_eq!(gateway.terminate(PATIENCE).code(), Some(0));
}
