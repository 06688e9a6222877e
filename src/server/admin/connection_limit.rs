//! The open connections of the admin listener: few in total, and never so many from one address that
//! another address finds no place.

use std::net::IpAddr;
use tokio::task::AbortHandle;

/// A scraper or two, the probes of a kubelet, and some browsers with six connections each.
const MOST: usize = 64;

/// What is open, oldest first.
#[derive(Default)]
pub(super) struct AdminConnections(Vec<(IpAddr, AbortHandle)>);

impl AdminConnections {
    /// Makes room for one more: when there is none, the oldest connection gives way of the address
    /// that has most of them. Whoever comes anew is never refused, or one could keep the probes out.
    pub(super) fn make_room(&mut self) {
        self.0.retain(|(_, task)| !task.is_finished());
        if self.0.len() < MOST {
            return;
        }
        let addresses: Vec<IpAddr> = self.0.iter().map(|(address, _)| *address).collect();
        if let Some(index) = gives_way(&addresses) {
            self.0.remove(index).1.abort();
        }
    }

    pub(super) fn add(&mut self, address: IpAddr, task: AbortHandle) {
        self.0.push((address, task));
    }
}

/// Which of the connections from these addresses gives way, the oldest being the first.
fn gives_way(addresses: &[IpAddr]) -> Option<usize> {
    let count = |address: &IpAddr| addresses.iter().filter(|other| *other == address).count();
    let most = addresses.iter().map(count).max()?;
    addresses.iter().position(|address| count(address) == most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_most_gives_way_with_the_oldest() {
        for (addresses, index) in [
            (&[][..], None),
            (&[1], Some(0)),
            (&[1, 2], Some(0)),
            (&[1, 2, 2], Some(1)),
            (&[2, 1, 2, 1, 1], Some(1)),
        ] {
            let addresses: Vec<IpAddr> = addresses
                .iter()
                .map(|last| IpAddr::from([192, 0, 2, *last]))
                .collect();
            assert_eq!(gives_way(&addresses), index, "{addresses:?}");
        }
    }
}
