//! The gateway's binary as a child process.

use super::plain_http;
use super::process::{self, Process};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tempfile::NamedTempFile;

/// A debug build on a busy machine is ready within a second or two.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A running `harbormouth serve` that has said `ready`. Dropping it kills it.
pub struct Gateway {
    process: Process,
    /// Sockets in the order in which the gateway printed them.
    pub https: Vec<SocketAddr>,
    pub http: Vec<SocketAddr>,
    pub admin: Option<SocketAddr>,
    /// Lives as long as the gateway, which may read it again.
    config: Option<NamedTempFile>,
}

impl Gateway {
    /// `harbormouth serve --config` with this YAML.
    pub fn with_config(yaml: &str) -> Gateway {
        Gateway::within(&[], yaml)
    }

    /// The same, run by another program: `within` is its name and what stands before the command.
    pub fn within(within: &[String], yaml: &str) -> Gateway {
        let file = written(yaml);
        let mut command = match within {
            [] => Gateway::command(),
            [program, before @ ..] => {
                let mut command = Command::new(program);
                command.args(before).arg(Gateway::command().get_program());
                command
            }
        };
        command.args(["serve", "--config"]).arg(file.path());
        Gateway::start(command, Some(file))
    }

    /// Another program that serves, given this YAML in a file and these arguments behind it.
    pub fn of_program(program: &Path, arguments: &[String], yaml: &str) -> Gateway {
        let file = written(yaml);
        let mut command = Command::new(program);
        command.arg(file.path()).args(arguments);
        Gateway::start(command, Some(file))
    }

    /// `harbormouth serve --config` with this file, which stays the caller's.
    pub fn with_file(file: &Path) -> Gateway {
        let mut command = Gateway::command();
        command.args(["serve", "--config"]).arg(file);
        Gateway::start(command, None)
    }

    /// `harbormouth serve` with these arguments.
    pub fn with_args(args: &[&str]) -> Gateway {
        let mut command = Gateway::command();
        command.arg("serve").args(args);
        Gateway::start(command, None)
    }

    /// The binary under test, without arguments.
    pub fn command() -> Command {
        Command::new(env!("CARGO_BIN_EXE_harbormouth"))
    }

    fn start(command: Command, config: Option<NamedTempFile>) -> Gateway {
        let mut process = Process::start("harbormouth", command);
        let said = process.wait_for("ready", START_LIMIT, |stdout, _| {
            stdout
                .lines()
                .any(|line| line == "ready")
                .then(|| stdout.to_owned())
        });
        let sockets = |prefix: &str| -> Vec<SocketAddr> {
            let parse = |text: &str| text.parse().unwrap_or_else(|e| panic!("{text:?}: {e}"));
            said.lines()
                .filter_map(|line| line.strip_prefix(prefix))
                .map(parse)
                .collect()
        };
        Gateway {
            https: sockets("listening https "),
            http: sockets("listening http "),
            admin: [sockets("admin http "), sockets("admin https ")]
                .concat()
                .first()
                .copied(),
            process,
            config,
        }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The processes that took over since, in their order; the log says so of each.
    pub fn successors(&self) -> Vec<u32> {
        let number = |line: &str| {
            let (before, _) = line.split_once(" has taken over")?;
            before.rsplit(' ').next()?.parse().ok()
        };
        self.stderr().lines().filter_map(number).collect()
    }

    /// The process that leads.
    pub fn leader(&self) -> u32 {
        self.successors().last().copied().unwrap_or(self.pid())
    }

    /// Logs and access records so far.
    pub fn stderr(&self) -> String {
        self.process.stderr()
    }

    /// See [`Process::peak_memory_kib`].
    pub fn peak_memory_kib(&self) -> u64 {
        self.process.peak_memory_kib()
    }

    /// The page `/metrics` of the admin listener.
    pub fn metrics(&self) -> String {
        self.admin_page("/metrics")
    }

    /// A page of the admin listener.
    pub fn admin_page(&self, path: &str) -> String {
        let admin = self.admin.expect("a gateway with an admin listener");
        let answer = plain_http::ask(admin, "GET", path, &[]);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    }

    /// The sum of a counter's or gauge's samples that carry all these labels.
    pub fn metric(&self, family: &str, labels: &[(&str, &str)]) -> f64 {
        let labels: Vec<String> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{value}\""))
            .collect();
        let samples = self.metrics();
        samples
            .lines()
            .filter(|line| line.starts_with(family) && labels.iter().all(|l| line.contains(l)))
            .filter(|line| line[family.len()..].starts_with(['{', ' ']))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    /// Puts `yaml` in the place of its configuration and sends SIGHUP.
    ///
    /// # Panics
    /// When it was started without a configuration file.
    pub fn reload(&self, yaml: &str) {
        self.rewrite(yaml);
        self.process.signal("HUP");
    }

    /// Sends a signal, as `kill` names it.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Puts `yaml` in the place of its configuration, as editors do: a new file of the same name.
    ///
    /// # Panics
    /// When it was started without a configuration file.
    pub fn rewrite(&self, yaml: &str) {
        let file = self.config.as_ref().expect("a configuration file").path();
        let new = file.with_extension("new");
        std::fs::write(&new, yaml).expect("write the configuration");
        std::fs::rename(&new, file).expect("put the configuration in place");
    }

    /// SIGTERM, then waits for the end.
    pub fn terminate(mut self, limit: Duration) -> ExitStatus {
        self.process.terminate(limit)
    }
}

impl Drop for Gateway {
    /// The first process dies with the test's; those after it don't.
    fn drop(&mut self) {
        let successors = self.successors().into_iter();
        for pid in successors.filter(|pid| process::is_running(*pid)) {
            process::signal("KILL", pid);
        }
    }
}

fn written(yaml: &str) -> NamedTempFile {
    let mut file = NamedTempFile::with_suffix(".yaml").expect("a file for the configuration");
    file.write_all(yaml.as_bytes())
        .expect("write the configuration");
    file
}
