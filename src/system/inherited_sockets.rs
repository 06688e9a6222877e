//! Listening sockets that were open before this process was: a supervisor passes them at the start
//! (`LISTEN_FDS`, sd_listen_fds(3)), or the process that this one replaces does. Which listener one is
//! for, its address says.

use super::systemd::STORED;
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Why what a supervisor passed can't be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "LISTEN_FDS: descriptor number {number} of those that were passed is no listening TCP socket"
)]
pub(crate) struct NotListening {
    /// From 1.
    number: usize,
    source: io::Error,
}

/// Those that no listener has taken yet.
#[derive(Default)]
pub(crate) struct InheritedSockets(Vec<InheritedSocket>);

struct InheritedSocket {
    socket: TcpListener,
    /// A process of this program opened it, for a listener that it had.
    is_ours: bool,
}

impl InheritedSockets {
    /// Those of a supervisor. Changes the environment, so no other thread may run yet.
    ///
    /// # Errors
    /// When a descriptor is anything but a listening TCP socket.
    pub(crate) fn of_supervisor() -> Result<InheritedSockets, NotListening> {
        // Read first: what follows takes all of it out of the environment.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut names = names.split(':');
        let mut passed = listenfd::ListenFd::from_env();
        let mut sockets = Vec::with_capacity(passed.len());
        for index in 0..passed.len() {
            let number = index + 1;
            let wrong = |source| NotListening { number, source };
            let is_ours = names.next() == Some(STORED);
            // None: it was taken before.
            let Some(socket) = passed.take_tcp_listener(index).map_err(wrong)? else {
                continue;
            };
            if !SockRef::from(&socket).is_listener().map_err(wrong)? {
                return Err(wrong(io::Error::other("it doesn't listen")));
            }
            sockets.push(InheritedSocket { socket, is_ours });
        }
        Ok(InheritedSockets(sockets))
    }

    /// Of the process that this one replaces.
    pub(crate) fn add(&mut self, sockets: impl IntoIterator<Item = TcpListener>) {
        self.0
            .extend(sockets.into_iter().map(|socket| InheritedSocket {
                socket,
                is_ours: true,
            }));
    }

    /// The first one with this address. Port 0, for which the system would choose one, is any port.
    pub(crate) fn take(&mut self, wanted: SocketAddr) -> Option<TcpListener> {
        let is_wanted = |one: &InheritedSocket| {
            let is_port = |port| wanted.port() == 0 || wanted.port() == port;
            let address = one.socket.local_addr();
            address.is_ok_and(|had| had.ip() == wanted.ip() && is_port(had.port()))
        };
        let found = self.0.iter().position(is_wanted)?;
        Some(self.0.remove(found).socket)
    }

    /// The addresses of those that are left: first of those that a process of this program opened, then
    /// of those that a supervisor did.
    pub(crate) fn addresses(&self) -> [Vec<SocketAddr>; 2] {
        let of = |is_ours: bool| {
            let found = self.0.iter().filter(|one| one.is_ours == is_ours);
            let addresses = found.map(|one| one.socket.local_addr());
            addresses.filter_map(Result::ok).collect()
        };
        [of(true), of(false)]
    }
}

/// A socket that listens at this address: the inherited one, or a new one.
///
/// # Errors
/// When the address is taken or not ours.
pub(crate) async fn listen(
    address: SocketAddr,
    inherited: Option<TcpListener>,
) -> io::Result<tokio::net::TcpListener> {
    match inherited {
        Some(socket) => {
            socket.set_nonblocking(true)?;
            tokio::net::TcpListener::from_std(socket)
        }
        None => tokio::net::TcpListener::bind(address).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(address: &str) -> TcpListener {
        TcpListener::bind(address).unwrap()
    }

    #[test]
    fn a_socket_is_found_by_its_address_once() {
        let (one, two) = (socket("127.0.0.1:0"), socket("127.0.0.1:0"));
        let (first, second) = (one.local_addr().unwrap(), two.local_addr().unwrap());
        let mut inherited = InheritedSockets::default();
        inherited.add([one, two]);
        assert_eq!(inherited.addresses(), [vec![first, second], vec![]]);
        let taken = inherited.take(second).unwrap();
        assert_eq!(taken.local_addr().unwrap(), second);
        assert!(inherited.take(second).is_none());
        assert_eq!(inherited.addresses(), [vec![first], vec![]]);
    }

    #[test]
    fn another_address_is_another_socket() {
        let one = socket("127.0.0.1:0");
        let had = one.local_addr().unwrap();
        let mut inherited = InheritedSockets::default();
        inherited.add([one]);
        for other in ["127.0.0.2", "0.0.0.0", "::", "::ffff:127.0.0.1"] {
            for port in [had.port(), 0] {
                let other = SocketAddr::new(other.parse().unwrap(), port);
                assert!(inherited.take(other).is_none(), "{other}");
            }
        }
        let beside = SocketAddr::new(had.ip(), had.port() ^ 1);
        assert!(inherited.take(beside).is_none());
        assert!(inherited.take("127.0.0.1:0".parse().unwrap()).is_some());
    }
}
