//! The process that replaces this one: the same program with the same arguments, started anew from where
//! it is installed. It gets what `predecessor` describes, and until it leads everything here stays as it
//! was.
//!
//! It doesn't know when a process is replaced, nor what becomes of this one.

use super::predecessor::{LEAD, MARK, READY, send};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

/// What a service manager said to this process alone.
const OURS: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// It is ready within two seconds or so, on a machine that has other things to do within ten.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that has closed its end is ending.
const END: Duration = Duration::from_secs(1);

/// Why nothing has replaced this process.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReplaced {
    #[error("{} can't be started", program.display())]
    Start {
        program: OsString,
        source: io::Error,
    },
    #[error("the listening sockets can't be handed over")]
    HandOver(#[from] io::Error),
    #[error("the new process ended before it was ready ({0}), and said why")]
    Ended(ExitStatus),
    #[error("the new process wasn't ready within {} s", PATIENCE.as_secs())]
    Late,
}

/// A process that was started to replace this one. It is killed when it is dropped before it leads.
pub(crate) struct Successor {
    child: Option<Child>,
    pid: u32,
    channel: tokio::net::UnixStream,
}

impl Successor {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no such program any more, or the system gives no process or socket.
    pub(crate) fn start(sockets: &[OwnedFd], secret: &[u8]) -> Result<Successor, NotReplaced> {
        let (ours, theirs) = UnixStream::pair()?;
        let sockets: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
        send(&ours, &sockets, secret)?;
        ours.set_nonblocking(true)?;
        let channel = tokio::net::UnixStream::from_std(ours)?;
        // Not `current_exe`, which is the file that runs: it may be gone, or be what a link led to.
        let mut words = std::env::args_os();
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(&program);
        command
            .args(words)
            .stdin(Stdio::from(OwnedFd::from(theirs)));
        command.env(MARK, "stdin");
        for name in OURS {
            command.env_remove(name);
        }
        let started = command.spawn();
        let child = started.map_err(|source| NotReplaced::Start { program, source })?;
        Ok(Successor {
            // None only once its end was waited for.
            pid: child.id().unwrap_or_default(),
            child: Some(child),
            channel,
        })
    }

    /// Waits until it accepts connections; returns its number.
    ///
    /// # Errors
    /// When it ends before, or takes too long.
    pub(crate) async fn ready(&mut self) -> Result<u32, NotReplaced> {
        let word = tokio::time::timeout(PATIENCE, self.channel.read_u8()).await;
        if let Ok(Ok(READY)) = word {
            return Ok(self.pid);
        }
        let Some(child) = &mut self.child else {
            return Err(NotReplaced::Late);
        };
        match tokio::time::timeout(END, child.wait()).await {
            Ok(status) => Err(NotReplaced::Ended(status?)),
            Err(_) => Err(NotReplaced::Late),
        }
    }

    /// From now on it leads, whatever becomes of this process.
    pub(crate) async fn lead(mut self) {
        self.child = None;
        // One that has ended already is the service manager's to start again.
        let _ = self.channel.write_all(&[LEAD]).await;
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // Fails only when it has ended.
            let _ = child.start_kill();
        }
    }
}
