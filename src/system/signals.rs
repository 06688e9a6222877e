//! The signals that the process listens to.

use std::fmt;
use tokio::signal::unix::{self, SignalKind};

/// A signal, as far as it means something here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Terminate,
    /// What `docker stop` sends where an image says so, and nginx's word for an orderly end.
    Quit,
    Interrupt,
    Hangup,
    /// nginx's and HAProxy's word for a new binary.
    Upgrade,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Terminate => "SIGTERM",
            Signal::Quit => "SIGQUIT",
            Signal::Interrupt => "SIGINT",
            Signal::Hangup => "SIGHUP",
            Signal::Upgrade => "SIGUSR2",
        })
    }
}

/// All of them, as one runtime hears them. Each that asks hears every signal.
pub(crate) struct Signals {
    terminate: unix::Signal,
    quit: unix::Signal,
    interrupt: unix::Signal,
    hangup: unix::Signal,
    upgrade: unix::Signal,
}

impl Signals {
    /// # Errors
    /// When the system takes no handler.
    pub(crate) fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: unix::signal(SignalKind::terminate())?,
            quit: unix::signal(SignalKind::quit())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
            hangup: unix::signal(SignalKind::hangup())?,
            upgrade: unix::signal(SignalKind::user_defined2())?,
        })
    }

    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            signal = end(&mut self.terminate, &mut self.quit, &mut self.interrupt) => signal,
            _ = self.hangup.recv() => Signal::Hangup,
            _ = self.upgrade.recv() => Signal::Upgrade,
        }
    }

    /// The next signal that ends the process; others stay for [`Signals::next`].
    pub(crate) async fn ending(&mut self) -> Signal {
        end(&mut self.terminate, &mut self.quit, &mut self.interrupt).await
    }
}

async fn end(
    terminate: &mut unix::Signal,
    quit: &mut unix::Signal,
    interrupt: &mut unix::Signal,
) -> Signal {
    tokio::select! {
        _ = terminate.recv() => Signal::Terminate,
        _ = quit.recv() => Signal::Quit,
        _ = interrupt.recv() => Signal::Interrupt,
    }
}
