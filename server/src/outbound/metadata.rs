//! Addresses of cloud metadata services, which hand out credentials to anything on the machine.
//!
//! The only list of them, for everything that connects to addresses chosen by others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::range::embedded_v4;

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

const fn v6(segments: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = segments;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}

/// The addresses of metadata services.
pub const ADDRESSES: [IpAddr; 15] = [
    // AWS, Azure, Google, Oracle, IBM, OpenStack, DigitalOcean, Hetzner, Vultr.
    v4(169, 254, 169, 254),
    // AWS: containers of ECS, and of EKS.
    v4(169, 254, 170, 2),
    v4(169, 254, 170, 23),
    // Google: workloads of GKE.
    v4(169, 254, 169, 252),
    // Azure's wire server, which is in a public range.
    v4(168, 63, 129, 16),
    // Oracle, before its present address.
    v4(192, 0, 0, 192),
    // Alibaba.
    v4(100, 100, 100, 200),
    // Scaleway.
    v4(169, 254, 42, 42),
    // Tencent.
    v4(169, 254, 0, 23),
    // AWS: instances, and containers of EKS.
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]),
    // Google.
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]),
    // Oracle.
    v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
    // OpenStack.
    v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
    // Scaleway.
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]),
];

/// Whether an address is a metadata service's, written as IPv4, as IPv6, or as one inside of the other.
pub fn is_metadata(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let embedded = match address {
        IpAddr::V6(address) => embedded_v4(address).map(IpAddr::V4),
        IpAddr::V4(_) => None,
    };
    ADDRESSES.iter().any(|known| *known == address || Some(*known) == embedded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_however_it_is_written() {
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "168.63.129.16",
            "64:ff9b::a83f:8110",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::a9fe:a9fe",
        ] {
            assert!(is_metadata(text.parse().unwrap()), "{text}");
        }
        for text in ["169.254.169.253", "168.63.129.17", "::1", "fd00:ec2::255", "1.1.1.1"] {
            assert!(!is_metadata(text.parse().unwrap()), "{text}");
        }
    }
}
