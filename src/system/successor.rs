//! The process that replaces this one: the same program with the same arguments, started anew from where
//! it is installed. It gets what `predecessor` describes, and until it leads everything here stays as it
//! was. It is no child of this one's: systemd doesn't wait for a main process that isn't its own child, and
//! would kill it at once when the service is stopped (`main_pid_alien`, src/core/service.c).
//!
//! It doesn't know when a process is replaced, nor what becomes of this one.

use super::predecessor::{LEAD, MARK, PASS_ON, READY, send};
use rustix::process::{Pid, Signal, kill_process};
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
    #[error("the new process ended before it was ready{}, and said why", shown(*.0))]
    Ended(Option<ExitStatus>),
    #[error("the new process wasn't ready within {} s", PATIENCE.as_secs())]
    Late,
    #[error(
        "the new process said {0}, which has no meaning here: another program is installed, or a version \
         that takes over otherwise; restart the service instead"
    )]
    Unexpected(u32),
}

/// Where it is known: the process that takes over is nobody's child here.
fn shown(status: Option<ExitStatus>) -> String {
    status.map_or_else(String::new, |status| format!(" ({status})"))
}

/// A process that was started to replace this one. It is killed when it is dropped before it leads.
pub(crate) struct Successor {
    /// What starts it, and ends then.
    starter: Child,
    /// None until it has said so, and once it leads.
    pid: Option<Pid>,
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
        command.env(MARK, PASS_ON);
        for name in OURS {
            command.env_remove(name);
        }
        let started = command.spawn();
        Ok(Successor {
            starter: started.map_err(|source| NotReplaced::Start { program, source })?,
            pid: None,
            channel,
        })
    }

    /// Waits until it accepts connections; returns its number.
    ///
    /// # Errors
    /// When it ends before, takes too long, or says anything else.
    pub(crate) async fn ready(&mut self) -> Result<u32, NotReplaced> {
        let heard = tokio::time::timeout(PATIENCE, self.hear()).await;
        heard.unwrap_or(Err(NotReplaced::Late))
    }

    async fn hear(&mut self) -> Result<u32, NotReplaced> {
        let status = self.starter.wait().await?;
        if !status.success() {
            return Err(NotReplaced::Ended(Some(status)));
        }
        // Its end is the channel's, and then nothing more can be read.
        let ended = |_| NotReplaced::Ended(None);
        let number = self.channel.read_u32().await.map_err(ended)?;
        let pid = i32::try_from(number).ok().and_then(Pid::from_raw);
        self.pid = Some(pid.ok_or(NotReplaced::Unexpected(number))?);
        match self.channel.read_u8().await.map_err(ended)? {
            READY => Ok(number),
            word => Err(NotReplaced::Unexpected(word.into())),
        }
    }

    /// From now on it leads, whatever becomes of this process.
    pub(crate) async fn lead(mut self) {
        self.pid = None;
        // One that has ended already is the service manager's to start again.
        let _ = self.channel.write_all(&[LEAD]).await;
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        // Both fail only when there is nothing to end. As long as it has its end of the channel, the number
        // is no other process's.
        let _ = self.starter.start_kill();
        let silent = self.channel.try_read(&mut [0]);
        let is_there = silent.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        if let Some(pid) = self.pid.filter(|_| is_there) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// What is heard of a process whose starter is done and that says this before it ends.
    async fn heard(said: &[u8]) -> Result<u32, String> {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut successor = Successor {
            starter: Command::new("true").spawn().unwrap(),
            pid: None,
            channel: tokio::net::UnixStream::from_std(ours).unwrap(),
        };
        theirs.write_all(said).unwrap();
        // Of one that has ended nothing is killed.
        drop(theirs);
        let heard = successor.ready().await;
        heard.map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn what_a_new_process_says_is_told_as_it_is() {
        // No process has so high a number.
        let number = i32::MAX.to_be_bytes();
        let with = |word: u8| [number.as_slice(), &[word]].concat();
        assert_eq!(heard(&with(READY)).await, Ok(i32::MAX.unsigned_abs()));
        for (said, expected) in [
            (
                with(b'?'),
                "the new process said 63, which has no meaning here",
            ),
            (
                vec![0; 5],
                "the new process said 0, which has no meaning here",
            ),
            (number.to_vec(), "the new process ended before it was ready"),
            (Vec::new(), "the new process ended before it was ready"),
        ] {
            let error = heard(&said).await.unwrap_err();
            assert!(error.starts_with(expected), "{said:?}: {error}");
        }
    }
}
