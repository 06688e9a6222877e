//! The owner of a share of a common limit: the client, as far as its address identifies it.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 that an IPv6 customer gets at least and whose addresses it may use
/// at will. Bounds that all share are shared fairly among these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(IpAddr);

impl ClientNetwork {
    pub fn of(address: IpAddr) -> ClientNetwork {
        ClientNetwork(match address.to_canonical() {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => {
                let prefix = address.to_bits() & (u128::MAX << 64);
                IpAddr::V6(Ipv6Addr::from_bits(prefix))
            }
        })
    }

    /// The network's first address.
    pub(crate) fn address(self) -> IpAddr {
        self.0
    }
}

/// Whose a part of a shared bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    /// Of whom no address is known.
    Unknown,
    Network(ClientNetwork),
    /// In a network the holder of an account, by a number in its place: what others there hold is not
    /// his.
    Account(ClientNetwork, u64),
}

impl Owner {
    /// The network of this address.
    pub(crate) fn of(address: Option<IpAddr>) -> Owner {
        address.map_or(Owner::Unknown, |address| {
            Owner::Network(ClientNetwork::of(address))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_one_network() {
        let of = |text: &str| ClientNetwork::of(text.parse().unwrap());
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
            ("::1", "0.0.0.0", false),
        ] {
            assert_eq!(of(one) == of(other), same, "{one} {other}");
        }
        assert_eq!(
            of("2001:db8:0:1::1").address().to_string(),
            "2001:db8:0:1::"
        );
    }
}
