//! Upgrade: at SIGUSR2 a new process of the program takes over the listening sockets, in the version that
//! is installed by now and with the configuration as it is by now; this one finishes what is under way.
//! What goes wrong before the new one serves changes nothing. Sockets that a supervisor passed at the
//! start come the same way into the listeners.

use crate::config::Config;
use crate::runtime::CurrentSnapshot;
use crate::runtime::sealing_keys::RandomKey;
use crate::system::inherited_sockets::InheritedSockets;
use crate::system::predecessor::Predecessor;
use crate::system::signals::{Signal, Signals};
use crate::system::successor::Successor;
use crate::system::systemd;
use crate::tickets::SealingKey;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// A container ends with its first process, and all that is in it.
const FIRST_PROCESS: u32 = 1;

/// Why this process ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    Asked(Signal),
    /// This one serves in its place.
    Replaced {
        pid: u32,
    },
}

/// What was there before this process.
pub(super) struct Inherited {
    pub(super) predecessor: Option<Predecessor>,
    pub(super) random_key: RandomKey,
    sockets: InheritedSockets,
}

/// The sockets that there are already, for each listener and for the operator's.
pub(super) struct OpenSockets {
    pub(super) listeners: Vec<Option<TcpListener>>,
    pub(super) admin: Option<TcpListener>,
}

impl Inherited {
    /// Changes the environment, so no other thread may run yet.
    ///
    /// # Errors
    /// When the environment promises what isn't there.
    pub(super) fn of_environment() -> anyhow::Result<Inherited> {
        let mut sockets = InheritedSockets::of_supervisor()?;
        let mut random_key = RandomKey::default();
        let predecessor = Predecessor::of_environment()?.map(|(predecessor, left)| {
            sockets.add(left.sockets);
            // One that isn't understood is one less: then some uploads begin again.
            if let Ok(key) = SealingKey::read(&left.secret) {
                random_key = RandomKey::inherited(key);
            }
            predecessor
        });
        Ok(Inherited {
            predecessor,
            random_key,
            sockets,
        })
    }

    /// Gives each listener of the configuration its socket, and closes those of none.
    pub(super) fn deal(&mut self, config: &Config) -> OpenSockets {
        let addresses = config.listeners.iter().map(|listener| listener.address);
        let dealt = OpenSockets {
            listeners: addresses
                .clone()
                .map(|one| self.sockets.take(one))
                .collect(),
            admin: self.sockets.take(config.admin.address),
        };
        let wanted: Vec<SocketAddr> = addresses.chain([config.admin.address]).collect();
        let [ours, supervisors] = std::mem::take(&mut self.sockets).addresses();
        // One that two have kept open is in use all the same.
        let is_nobodys = |address: &SocketAddr| !wanted.contains(address);
        for address in ours.into_iter().filter(is_nobodys) {
            log::info!("{address} is no listener's any more, and is closed");
        }
        for address in supervisors.into_iter().filter(is_nobodys) {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            log::warn!(
                "LISTEN_FDS: the socket {address} was passed, and no listener has this address: \
                 nobody answers there. The listeners are {}",
                wanted.join(", ")
            );
        }
        dealt
    }
}

/// What a new process gets from this one.
pub(super) struct Estate {
    pub(super) sockets: Vec<OwnedFd>,
    pub(super) current: Arc<CurrentSnapshot>,
}

impl Estate {
    /// Lets a new process take over. Returns why this one ends: it is replaced, or a signal came
    /// meanwhile. None where it goes on, for a reason that the log says.
    pub(super) async fn hand_over(&self, signals: &mut Signals) -> Option<Ending> {
        log::info!("{}: starting the process that takes over", Signal::Upgrade);
        let started = tokio::select! {
            started = self.start_next() => started,
            signal = signals.ending() => return Some(Ending::Asked(signal)),
        };
        match started {
            Ok(pid) => Some(Ending::Replaced { pid }),
            Err(error) => {
                log::error!(
                    "{}: {error:#}; this process goes on as before",
                    Signal::Upgrade
                );
                let shared = self.current.load();
                shared.process.metrics.process.upgrade_failures.inc();
                None
            }
        }
    }

    async fn start_next(&self) -> anyhow::Result<u32> {
        anyhow::ensure!(
            std::process::id() != FIRST_PROCESS,
            "a container ends with its first process, which this one is: start another container"
        );
        let shared = self.current.load();
        let key = shared.process.random_key.get().map(SealingKey::write);
        let mut next = Successor::start(&self.sockets, key.unwrap_or_default().as_bytes())?;
        let pid = next.ready().await?;
        systemd::replaced_by(pid);
        next.lead().await;
        Ok(pid)
    }
}
