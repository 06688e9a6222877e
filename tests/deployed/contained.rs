//! The image's root as a running container: bubblewrap with what a restricted pod has. The user of
//! the image, no capabilities and no way to any, namespaces of its own except the network's, and
//! a root that can't be written.

use crate::built::Built;
use crate::common::process::{self, Process};
use crate::common::tools;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

/// As [`crate::common::gateway::Gateway`]'s.
const START_LIMIT: Duration = Duration::from_secs(20);

pub struct Contained {
    process: Process,
    /// The gateway's own, seen from here.
    pid: u32,
}

impl Contained {
    /// Runs the image's entry point with these arguments and read-only mounts, until it is ready.
    pub fn start(built: &Built, mounts: &[(&Path, &str)], arguments: &[&str]) -> Contained {
        let runtime = &built.runtime_config()["process"];
        let user = runtime["user"]["uid"].as_u64().expect("a user").to_string();
        let group = runtime["user"]["gid"]
            .as_u64()
            .expect("a group")
            .to_string();
        let mut command = Command::new(tools::path("setpriv"));
        command.args(["--reuid", &user, "--regid", &group, "--clear-groups"]);
        command.args(["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]);
        command.arg("--").arg(tools::path("bwrap"));
        // The kernel lets nobody without privileges mount, except in a user namespace of his own.
        command.args(["--unshare-user", "--uid", &user, "--gid", &group]);
        command.args(["--unshare-pid", "--as-pid-1", "--unshare-ipc"]);
        command.args(["--unshare-uts", "--die-with-parent", "--cap-drop", "ALL"]);
        command
            .arg("--clearenv")
            .arg("--ro-bind")
            .arg(built.root())
            .arg("/");
        command.args(["--proc", "/proc"]);
        for (from, to) in mounts {
            command.arg("--ro-bind").arg(from).arg(to);
        }
        command.args(["--chdir", text(&runtime["cwd"])]);
        for variable in runtime["env"].as_array().expect("an environment") {
            let (name, value) = text(variable).split_once('=').expect("a variable");
            command.args(["--setenv", name, value]);
        }
        let entry_point = &built.config["config"]["Entrypoint"];
        for word in entry_point.as_array().expect("an entry point") {
            command.arg(text(word));
        }
        command.args(arguments);
        let mut process = Process::start("the contained gateway", command);
        process.wait_for("ready", START_LIMIT, |stdout, _| {
            stdout.lines().any(|line| line == "ready").then_some(())
        });
        let pid = only_child(process.pid());
        Contained { process, pid }
    }

    /// A field of the gateway's /proc/PID/status.
    pub fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).expect("a status");
        status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .unwrap_or_else(|| panic!("no {field} in:\n{status}"))
            .trim()
            .to_owned()
    }

    /// Each mount that the gateway sees: where, and with which options.
    pub fn mounts(&self) -> Vec<(String, String)> {
        let file = format!("/proc/{}/mountinfo", self.pid);
        let text = fs::read_to_string(file).expect("mounts");
        let fields = |line: &str| {
            let fields: Vec<&str> = line.split(' ').collect();
            (fields[4].to_owned(), fields[5].to_owned())
        };
        text.lines().map(fields).collect()
    }

    /// Logs and access records so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// SIGTERM to the gateway itself, as a container runtime sends it, and its end.
    pub fn terminate(mut self, limit: Duration) -> ExitStatus {
        let mut kill = Command::new("kill");
        kill.args(["-TERM", &self.pid.to_string()]);
        process::must(kill);
        self.process.wait_for_end(limit)
    }
}

/// bubblewrap, which setpriv has become, waits for the gateway and for nothing else.
fn only_child(parent: u32) -> u32 {
    let file = format!("/proc/{parent}/task/{parent}/children");
    let children = fs::read_to_string(file).expect("children");
    children
        .trim()
        .parse()
        .unwrap_or_else(|e| panic!("{children:?}: {e}"))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
