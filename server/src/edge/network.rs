//! Networks of addresses. Whoever has one IPv6 address has a whole network of them, and often many, so anything counted
//! by address must be counted by prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The first bits of an address and their number: prefixes of different lengths are never equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Prefix {
    address: IpAddr,
    bits: u32,
}

/// How much of the address space is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    /// What one host controls: an IPv4 address, a /64 of IPv6.
    Network,
    /// What one customer of a provider typically has: a /24 of IPv4, a /48 of IPv6.
    Site,
    /// What one provider typically has: a /16 of IPv4, a /32 of IPv6.
    Provider,
}

impl Width {
    fn bits(self, address: IpAddr) -> u32 {
        match (self, address.is_ipv4()) {
            (Self::Network, true) => 32,
            (Self::Network, false) => 64,
            (Self::Site, true) => 24,
            (Self::Site, false) => 48,
            (Self::Provider, true) => 16,
            (Self::Provider, false) => 32,
        }
    }
}

impl Prefix {
    /// The prefix of an address. An IPv4-mapped IPv6 address counts as IPv4.
    pub(crate) fn of(address: IpAddr, width: Width) -> Self {
        let address = address.to_canonical();
        let bits = width.bits(address);
        let address = match address {
            IpAddr::V4(address) => Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << (32 - bits))).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << (128 - bits))).into(),
        };
        Self { address, bits }
    }

    /// Its first address.
    pub(crate) fn address(&self) -> IpAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, width: Width) -> String {
        let prefix = Prefix::of(text.parse().unwrap(), width);
        format!("{}/{}", prefix.address, prefix.bits)
    }

    #[test]
    fn an_address_belongs_to_wider_and_wider_prefixes() {
        for (address, network, site, provider) in [
            ("192.0.2.77", "192.0.2.77/32", "192.0.2.0/24", "192.0.0.0/16"),
            ("::ffff:192.0.2.77", "192.0.2.77/32", "192.0.2.0/24", "192.0.0.0/16"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48", "2001:db8::/32"),
        ] {
            assert_eq!(of(address, Width::Network), network);
            assert_eq!(of(address, Width::Site), site);
            assert_eq!(of(address, Width::Provider), provider);
        }
    }

    #[test]
    fn a_network_is_not_the_site_that_begins_with_it() {
        let address = "2001:db8:1::1".parse().unwrap();
        assert_ne!(Prefix::of(address, Width::Network), Prefix::of(address, Width::Site));
    }
}
