//! The balancer in front of the replicas: HAProxy, which passes TCP on and looks at each replica's
//! health, and what an operator does with it while it runs.
//!
//! It says who the client is in a PROXY header of version 2. It tries nothing twice (`retries 0`), as the balancers of clouds don't: a replica that refuses a
//! connection is seen by a client.

use crate::common::process::Process;
use crate::common::wait;
use crate::world::World;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// How it finds out whether a replica takes connections.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Asks `/healthz` of the traffic port, five times a second; two answers of a kind decide.
    Health,
    /// Never: every replica is taken for well, as by a balancer that hasn't looked yet.
    Blind,
}

/// A running HAProxy with a server for each replica, `r0`, `r1` and so on.
pub struct Balancer {
    _process: Process,
    home: TempDir,
}

/// What the balancer thinks of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    Up,
    Down,
}

impl Balancer {
    /// Listens on `fronts`; the replicas speak TLS.
    pub fn start(
        world: &World,
        fronts: &[SocketAddr],
        replicas: &[SocketAddr],
        check: Check,
    ) -> Balancer {
        let home = world.directory("balancer");
        let file = home.path().join("haproxy.cfg");
        let socket = home.path().join("admin.sock");
        let binds: String = fronts
            .iter()
            .map(|front| format!(" bind {front}\n"))
            .collect();
        let (option, checked) = match check {
            Check::Health => (
                " option httpchk GET /healthz\n http-check expect status 200\n",
                " check check-ssl check-send-proxy verify none inter 200ms fall 2 rise 1",
            ),
            Check::Blind => ("", ""),
        };
        let servers: String = replicas
            .iter()
            .enumerate()
            .map(|(index, address)| format!(" server r{index} {address} send-proxy-v2{checked}\n"))
            .collect();
        let configuration = format!(
            "global\n stats socket {} level admin\n maxconn 2000\n\
             defaults\n mode tcp\n retries 0\n timeout connect 5s\n timeout client 900s\n \
             timeout server 900s\n\
             frontend edge\n{binds} default_backend replicas\n\
             backend replicas\n balance roundrobin\n{option}{servers}",
            socket.display()
        );
        std::fs::write(&file, configuration).expect("haproxy.cfg");
        let mut command = world.command("haproxy", home.path());
        command.arg("-db").arg("-f").arg(&file);
        let process = Process::start("haproxy", command);
        for front in fronts {
            wait::until_it_accepts(*front, Duration::from_secs(10));
        }
        Balancer {
            _process: process,
            home,
        }
    }

    /// From now on new connections for replica `index` go to `address`; those that are open stay.
    pub fn move_to(&self, index: usize, address: SocketAddr) {
        let (ip, port) = (address.ip(), address.port());
        let said = self.say(&format!(
            "set server replicas/r{index} addr {ip} port {port}"
        ));
        assert!(said.contains("changed"), "{said}");
    }

    /// No new connections for a replica any more, or again.
    pub fn set_maintenance(&self, index: usize, opinion: Opinion) {
        let state = match opinion {
            Opinion::Up => "ready",
            Opinion::Down => "drain",
        };
        self.say(&format!("set server replicas/r{index} state {state}"));
    }

    /// What it thinks of a replica.
    pub fn opinion(&self, index: usize) -> Opinion {
        let table = self.say("show stat");
        let mut lines = table.lines();
        let header = lines.next().expect("a table of servers");
        let status = header.split(',').position(|name| name == "status");
        let row = lines.find(|line| line.starts_with(&format!("replicas,r{index},")));
        let row = row.unwrap_or_else(|| panic!("no r{index} in:\n{table}"));
        match row.split(',').nth(status.expect("a column of states")) {
            Some("UP" | "no check") => Opinion::Up,
            _ => Opinion::Down,
        }
    }

    /// Waits until it thinks so.
    pub fn wait_for(&self, index: usize, opinion: Opinion) {
        let what = format!("the balancer to find r{index} {opinion:?}");
        wait::until(&what, Duration::from_secs(20), || {
            (self.opinion(index) == opinion).then_some(())
        });
    }

    fn say(&self, command: &str) -> String {
        let socket: PathBuf = self.home.path().join("admin.sock");
        let mut stream = UnixStream::connect(&socket).expect("HAProxy's socket");
        stream
            .write_all(format!("{command}\n").as_bytes())
            .expect("tell HAProxy");
        let mut said = String::new();
        stream.read_to_string(&mut said).expect("HAProxy's answer");
        said
    }
}
