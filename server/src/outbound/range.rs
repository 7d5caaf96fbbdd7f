//! CIDR ranges of addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses, such as `10.0.0.0/8`; a single address is a range, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    address: IpAddr,
    length: u32,
}

impl Range {
    /// An IPv4 range.
    pub const fn v4([a, b, c, d]: [u8; 4], length: u32) -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), length }
    }

    /// The IPv6 range of the addresses that begin with these two groups.
    pub const fn v6(first: u16, second: u16, length: u32) -> Self {
        Self { address: IpAddr::V6(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0)), length }
    }

    /// An address alone.
    pub const fn alone(address: IpAddr) -> Self {
        Self { address, length: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Reads `10.0.0.0/8`, or an address alone.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address.parse::<IpAddr>().ok()?, Some(length.parse::<u32>().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.unwrap_or(most);
        (length <= most).then_some(Self { address, length })
    }

    /// Reads a list such as `127.0.0.0/8,fd00::/8`.
    pub fn parse_list(list: &str) -> Option<Vec<Self>> {
        list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Self::parse).collect()
    }

    /// Whether an address is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - self.length).unwrap_or(0);
                own.to_bits() & mask == address.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - self.length).unwrap_or(0);
                own.to_bits() & mask == address.to_bits() & mask
            }
            _ => false,
        }
    }

    /// Whether it is a single address.
    pub fn is_single(&self) -> bool {
        self.length == if self.address.is_ipv4() { 32 } else { 128 }
    }

    /// Whether every address of it is in the other one.
    pub fn is_within(&self, other: &Self) -> bool {
        self.length >= other.length && other.contains(self.address)
    }

    /// Whether it holds IPv4 addresses.
    pub fn is_v4(&self) -> bool {
        self.address.is_ipv4()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// The IPv4 address that an IPv6 address leads to by a translator (RFC 6052) or a 6to4 relay.
pub fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}
