//! The process that this one replaces: what it hands over, and how it hears that it may go. The other
//! side is `successor`.
//!
//! The two talk over a socket pair of which one end is this process's standard input:
//!
//! | from | bytes | |
//! |---|---|---|
//! | predecessor | a secret, with the listening sockets attached | before this process is started |
//! | successor | the number of its process, in four bytes | it is started |
//! | successor | [`READY`] | it accepts |
//! | predecessor | [`LEAD`] | the service manager knows, and the predecessor drains |
//!
//! The two may be of different versions: this stays as it is.

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use std::io::{self, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

/// Says to a process that its standard input is the socket of the one that is replaced.
pub(super) const MARK: &str = "HARBORMOUTH_TAKES_OVER";

/// What [`MARK`] says to the process that only starts the one that takes over,
pub(super) const PASS_ON: &str = "pass-on";
/// and to that one.
const TAKE_OVER: &str = "stdin";

pub(super) const READY: u8 = b'R';
pub(super) const LEAD: u8 = b'L';

/// Linux passes no more descriptors at once (`SCM_MAX_FD`).
pub(super) const MOST_SOCKETS: usize = 253;

/// A secret is a key and its name.
const SECRET_BYTES: usize = 256;

/// What is handed over is there before this process is; and a word comes at once from whoever isn't
/// stuck.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there is nothing to take over.
#[derive(Debug, thiserror::Error)]
#[error(
    "{MARK} is set, which a process does for the one that it starts to replace it, but standard input \
     is no socket with what is handed over"
)]
pub(crate) struct NothingHandedOver(#[from] io::Error);

/// The process that this one replaces.
pub(crate) struct Predecessor {
    channel: UnixStream,
}

/// Whether this process was there only to start the one that takes over, which is done: then it ends, and
/// the other one is an orphan, which the service manager takes for its own child.
///
/// # Errors
/// When the program can't be started.
pub(crate) fn is_passed_on() -> io::Result<bool> {
    if std::env::var_os(MARK).is_none_or(|mark| mark != PASS_ON) {
        return Ok(false);
    }
    let mut words = std::env::args_os();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).env(MARK, TAKE_OVER).spawn()?;
    Ok(true)
}

/// What it had.
pub(crate) struct Inheritance {
    pub(crate) sockets: Vec<TcpListener>,
    /// Empty where there is none.
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

impl Predecessor {
    /// None where this process replaces no other.
    ///
    /// # Errors
    /// When the environment says that it does, and standard input has nothing for it.
    pub(crate) fn of_environment() -> Result<Option<(Predecessor, Inheritance)>, NothingHandedOver>
    {
        if std::env::var_os(MARK).is_none() {
            return Ok(None);
        }
        let mut channel = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let inheritance = receive(&channel)?;
        channel.write_all(&std::process::id().to_be_bytes())?;
        Ok(Some((Predecessor { channel }, inheritance)))
    }

    /// Says that this process is ready, and waits until it leads: then the other one drains. Where that
    /// says nothing, nobody is served worse for it.
    pub(crate) async fn take_over(self) {
        if let Err(error) = self.exchange().await {
            log::warn!("the process that this one replaces doesn't answer: {error}");
        }
    }

    async fn exchange(self) -> io::Result<()> {
        self.channel.set_nonblocking(true)?;
        let mut channel = tokio::net::UnixStream::from_std(self.channel)?;
        channel.write_all(&[READY]).await?;
        let word = tokio::time::timeout(PATIENCE, channel.read_u8()).await??;
        match word {
            LEAD => Ok(()),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn receive(channel: &UnixStream) -> io::Result<Inheritance> {
    channel.set_read_timeout(Some(PATIENCE))?;
    let mut secret = Zeroizing::new(vec![0; SECRET_BYTES]);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut secret)];
    let flags = RecvFlags::CMSG_CLOEXEC;
    let got = recvmsg(channel, &mut into, &mut attached, flags)?.bytes;
    // One byte comes at least, or no descriptor would.
    let length = got.checked_sub(1).ok_or(io::ErrorKind::UnexpectedEof)?;
    secret.truncate(length);
    let mut sockets = Vec::new();
    for message in attached.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors.map(TcpListener::from));
        }
    }
    Ok(Inheritance { sockets, secret })
}

/// What [`receive`] takes.
pub(super) fn send(
    channel: &UnixStream,
    sockets: &[BorrowedFd<'_>],
    secret: &[u8],
) -> io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::io::IoSlice;

    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SOCKETS))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    let fits =
        secret.len() < SECRET_BYTES && attached.push(SendAncillaryMessage::ScmRights(sockets));
    if !fits {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(secret), IoSlice::new(b"\n")];
    sendmsg(channel, &parts, &mut attached, SendFlags::empty())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_and_secret_arrive_as_they_were_sent() {
        let sockets: Vec<TcpListener> = (0..3)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let addresses = |sockets: &[TcpListener]| -> Vec<_> {
            sockets
                .iter()
                .map(|one| one.local_addr().unwrap())
                .collect()
        };
        let borrowed: Vec<BorrowedFd<'_>> = sockets.iter().map(AsFd::as_fd).collect();
        for secret in [&b""[..], b"a secret", &[7; SECRET_BYTES - 1]] {
            for count in [0, 1, 3] {
                let (ours, theirs) = UnixStream::pair().unwrap();
                send(&ours, &borrowed[..count], secret).unwrap();
                let got = receive(&theirs).unwrap();
                assert_eq!(got.secret.as_slice(), secret);
                assert_eq!(addresses(&got.sockets), addresses(&sockets)[..count]);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_not_sent() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let many = vec![socket.as_fd(); MOST_SOCKETS + 1];
        assert!(send(&ours, &many, b"").is_err());
        assert!(send(&ours, &[], &[7; SECRET_BYTES]).is_err());
        drop(ours);
        assert!(receive(&theirs).is_err(), "nothing comes any more");
    }
}
