//! Child processes that can't outlive the test binary: stopped on drop, and killed by the kernel
//! when the binary dies without dropping anything.

use super::{tools, wait};
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// A running daemon. Its output is kept; dropping it kills it.
pub struct Process {
    name: String,
    child: Child,
    stdout: NamedTempFile,
    stderr: NamedTempFile,
}

impl Process {
    /// Starts `command`, called `name` in messages.
    pub fn start(name: &str, command: Command) -> Process {
        let stdout = NamedTempFile::new().expect("a file for stdout");
        let stderr = NamedTempFile::new().expect("a file for stderr");
        let child = spawn(command, stdout.as_file(), stderr.as_file())
            .unwrap_or_else(|e| panic!("{name} can't be started: {e}"));
        Process {
            name: name.to_owned(),
            child,
            stdout,
            stderr,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stdout(&self) -> String {
        read(self.stdout.path())
    }

    pub fn stderr(&self) -> String {
        read(self.stderr.path())
    }

    /// Waits until `look` finds something in the process's stdout and stderr.
    ///
    /// # Panics
    /// When the process ends first, or after `limit`; with what it wrote.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        limit: Duration,
        mut look: impl FnMut(&str, &str) -> Option<T>,
    ) -> T {
        let start = Instant::now();
        loop {
            let ended = self.child.try_wait().expect("ask for the child's state");
            if let Some(found) = look(&self.stdout(), &self.stderr()) {
                return found;
            }
            let late = start.elapsed() > limit;
            assert!(
                ended.is_none() && !late,
                "{} didn't say {what} ({ended:?}, {:?}):\n{}{}",
                self.name,
                start.elapsed(),
                self.stdout(),
                self.stderr()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a signal, as `kill` names it.
    pub fn signal(&self, signal: &str) {
        self::signal(signal, self.pid());
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal("TERM");
        self.wait_for_end(limit)
    }

    /// Waits for the end.
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), limit, || {
            self.child.try_wait().expect("ask for the child's state")
        })
    }

    /// Kills it, and waits until it is gone.
    pub fn kill(&mut self) {
        // Both fail only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("ask for the child's state")
    }

    /// The most memory the process ever had resident, in KiB (`VmHWM`).
    pub fn peak_memory_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .unwrap_or_else(|e| panic!("{} has no status: {e}", self.name));
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"))
            .and_then(|kib| kib.trim().parse().ok())
            .unwrap_or_else(|| panic!("no VmHWM in:\n{status}"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends a signal, as `kill` names it.
///
/// # Panics
/// When there is no such process.
pub fn signal(signal: &str, pid: u32) {
    let arguments = [format!("-{signal}"), pid.to_string()];
    let sent = Command::new("kill").args(arguments).status();
    let sent = sent.expect("run kill");
    assert!(sent.success(), "{pid} was gone before SIG{signal}");
}

/// Whether it runs. One that has ended and that nobody has asked for its status doesn't.
pub fn is_running(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// What became of a command that was to end by itself.
pub struct Finished {
    /// `None`: it hadn't ended at the deadline and was killed.
    pub status: Option<ExitStatus>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|s| s.success())
    }

    /// stderr of `harbormouth check` without what it says of this machine: that its limit of open
    /// files is below what the configuration may need.
    pub fn complaints(&self) -> String {
        let of_machine = |line: &&str| {
            line.starts_with("warning: limits.connections: ")
                && line.contains("this process may have")
        };
        let lines = self.stderr.lines().filter(|line| !of_machine(line));
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// stdout, then stderr.
    pub fn output(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

/// Runs `command` to its end, at most for `limit`.
pub fn run(command: Command, limit: Duration) -> Finished {
    let name = format!("{command:?}");
    let mut process = Process::start(&name, command);
    let start = Instant::now();
    let status = loop {
        if let Some(status) = process.child.try_wait().expect("ask for the child's state") {
            break Some(status);
        }
        if start.elapsed() > limit {
            break None;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let (stdout, stderr) = (process.stdout(), process.stderr());
    Finished {
        status,
        stdout,
        stderr,
    }
}

/// Runs `command` and gives its stdout.
///
/// # Panics
/// When it fails or takes so long that it must hang: a busy disk took more than a minute for the
/// gibibytes that containerd imports.
pub fn must(command: Command) -> String {
    let name = format!("{command:?}");
    let finished = run(command, Duration::from_secs(300));
    assert!(
        finished.succeeded(),
        "{name}: {:?}\n{}",
        finished.status,
        finished.output()
    );
    finished.stdout
}

type Order = (Command, Sender<io::Result<Child>>);

/// Spawns from a thread that lives as long as the test binary: `PR_SET_PDEATHSIG` (here through
/// setpriv) fires when the *thread* that forked ends, and a test's thread ends with its test.
fn spawn(command: Command, stdout: &File, stderr: &File) -> io::Result<Child> {
    static NURSERY: OnceLock<Sender<Order>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (sender, orders) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let mut guarded = Command::new(tools::path("setpriv"));
    guarded
        .args(["--pdeathsig", "KILL", "--"])
        .arg(command.get_program());
    guarded.args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(key, value),
            None => guarded.env_remove(key),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        guarded.current_dir(directory);
    }
    guarded
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let (answer, child) = channel();
    let gone = |_| io::Error::other("the spawning thread is gone");
    nursery.send((guarded, answer)).map_err(|_| gone(()))?;
    child.recv().map_err(|_| gone(()))?
}

fn read(file: &Path) -> String {
    let bytes = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
