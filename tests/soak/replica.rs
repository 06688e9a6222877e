//! The gateway's binary, with its log where a run wants it.

use crate::common::process::Process;
use crate::common::{plain_http, tools};
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Where standard error goes.
pub enum Log {
    /// To a pipe that somebody reads, until he doesn't.
    Pipe,
    /// To a disk that is full.
    Full,
}

pub struct Replica {
    process: Process,
    pub tls: SocketAddr,
    pub plain: SocketAddr,
    admin: SocketAddr,
    pub file: PathBuf,
    is_read: Arc<AtomicBool>,
    tail: Arc<Mutex<Vec<u8>>>,
}

/// How much of the log's end is kept, for who looks into a failure.
const TAIL: usize = 16 * 1024;

const START_LIMIT: Duration = Duration::from_secs(30);

impl Replica {
    /// Starts it with this configuration file, which stays where it is.
    pub fn start(file: &Path, log: &Log) -> Replica {
        let is_read = Arc::new(AtomicBool::new(true));
        let tail = Arc::default();
        let target = match log {
            Log::Full => PathBuf::from("/dev/full"),
            Log::Pipe => read_pipe(file, &is_read, &tail),
        };
        // What it is told comes as arguments; the shell only opens the log.
        let mut command = Command::new(tools::path("sh"));
        command
            .args(["-c", "exec \"$1\" serve --config \"$2\" 2> \"$3\"", "sh"])
            .arg(env!("CARGO_BIN_EXE_harbormouth"))
            .arg(file)
            .arg(target);
        let mut process = Process::start("harbormouth", command);
        let said = process.wait_for("ready", START_LIMIT, |stdout, _| {
            let is_ready = stdout.lines().any(|line| line == "ready");
            is_ready.then(|| stdout.to_owned())
        });
        let socket = |prefix: &str| {
            let line = said.lines().find_map(|line| line.strip_prefix(prefix));
            line.and_then(|address| address.parse().ok())
                .unwrap_or_else(|| panic!("no {prefix:?} in {said}"))
        };
        Replica {
            tls: socket("listening https "),
            plain: socket("listening http "),
            admin: socket("admin http "),
            process,
            file: file.to_owned(),
            is_read,
            tail,
        }
    }

    /// The end of its log.
    pub fn said(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).into_owned()
    }

    /// Whether somebody reads its log.
    pub fn read_log(&self, is_read: bool) {
        self.is_read.store(is_read, Ordering::Relaxed);
    }

    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// SIGTERM, then waits for the end.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.process.terminate(limit)
    }

    /// What it holds resident now, in KiB (`VmRSS`).
    pub fn memory_kib(&self) -> u64 {
        let file = format!("/proc/{}/status", self.process.pid());
        let status = std::fs::read_to_string(file).expect("the process is gone");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse().ok()).expect("VmRSS")
    }

    /// See [`Process::peak_memory_kib`].
    pub fn peak_kib(&self) -> u64 {
        self.process.peak_memory_kib()
    }

    /// The sum of a family's samples.
    pub fn metric(&self, family: &str) -> f64 {
        let page = plain_http::ask(self.admin, "GET", "/metrics", &[]).body;
        page.lines()
            .filter(|line| line.starts_with(family))
            .filter(|line| line[family.len()..].starts_with(['{', ' ']))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }
}

/// A pipe beside this file, read by a thread of its own as long as that is wanted.
fn read_pipe(file: &Path, is_read: &Arc<AtomicBool>, tail: &Arc<Mutex<Vec<u8>>>) -> PathBuf {
    let pipe = file.with_extension("log");
    let mut make = Command::new(tools::path("mkfifo"));
    make.arg(&pipe);
    crate::common::process::must(make);
    let (reading, is_read, tail) = (pipe.clone(), Arc::clone(is_read), Arc::clone(tail));
    std::thread::spawn(move || {
        // Waits for the one who writes.
        let mut pipe = std::fs::File::open(reading).expect("open the pipe");
        let mut piece = vec![0; 64 * 1024];
        loop {
            if !is_read.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
                continue;
            }
            let Ok(count @ 1..) = pipe.read(&mut piece) else {
                return;
            };
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(&piece[..count]);
            let over = tail.len().saturating_sub(TAIL);
            tail.drain(..over);
        }
    });
    pipe
}
