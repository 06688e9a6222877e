//! Networks as people write them. An address alone is the network of that address.

use ipnet::{IpNet, Ipv4Net};
use std::net::IpAddr;

/// Why a text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkFlaw {
    /// It is neither a network nor an address.
    Unknown,
    /// The whole network could be meant, or the one address.
    BitsBeyondPrefix { network: IpNet, address: IpAddr },
}

/// Reads a network, or one address.
///
/// # Errors
/// What is wrong with the text.
pub(crate) fn parse(text: &str) -> Result<IpNet, NetworkFlaw> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(address.to_canonical().into());
    }
    let network = canonical(text.parse().map_err(|_| NetworkFlaw::Unknown)?);
    if network.trunc() == network {
        return Ok(network);
    }
    // Either could be meant, and one of them takes in the whole network.
    Err(NetworkFlaw::BitsBeyondPrefix {
        network: network.trunc(),
        address: network.addr(),
    })
}

/// Networks of IPv4 addresses written as IPv6 become IPv4: client addresses are compared as IPv4,
/// whatever kind of socket they came through.
fn canonical(network: IpNet) -> IpNet {
    let IpAddr::V4(address) = network.addr().to_canonical() else {
        return network;
    };
    let prefix = match network {
        IpNet::V4(_) => Some(network.prefix_len()),
        IpNet::V6(_) => network.prefix_len().checked_sub(96),
    };
    match prefix.map(|prefix| Ipv4Net::new(address, prefix)) {
        Some(Ok(network)) => network.into(),
        Some(Err(_)) | None => network,
    }
}
