//! Which addresses functions and builds with network access may connect to.
//!
//! The Internet is open. This host and special-purpose addresses are closed, and so are private networks unless
//! `EVENTFLOW_NETWORK_ALLOW` opens them. Knows addresses; connects to nothing.

use std::fmt;
use std::net::IpAddr;

use super::metadata;
use super::range::{Range, embedded_v4};

/// Addresses of this host that never leave it.
pub const LOOPBACK: Range = Range::v4([127, 0, 0, 0], 8);

/// Closed unless an entry names one of their addresses alone: this network, link-local (where clouds keep their
/// credentials), multicast, reserved and broadcast.
pub const SPECIAL: [Range; 6] = [
    Range::v4([0, 0, 0, 0], 8),
    Range::v4([169, 254, 0, 0], 16),
    Range::v4([224, 0, 0, 0], 3),
    Range::v6(0xfe80, 0, 10),
    Range::v6(0xff00, 0, 8),
    Range::v6(0, 0, 96),
];

/// Closed unless an entry opens them: private networks, those that carriers share, benchmarks, protocols, and translators
/// of a site's own.
pub const PRIVATE: [Range; 9] = [
    Range::v4([10, 0, 0, 0], 8),
    Range::v4([172, 16, 0, 0], 12),
    Range::v4([192, 168, 0, 0], 16),
    Range::v4([100, 64, 0, 0], 10),
    Range::v4([192, 0, 0, 0], 24),
    Range::v4([198, 18, 0, 0], 15),
    Range::v6(0xfc00, 0, 7),
    Range::v6(0xfec0, 0, 10),
    Range::v6(0x0064, 0xff9b, 47),
];

/// The open addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    opened: Vec<Range>,
}

/// Why an address is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// It is this host's own.
    Host,
    /// A cloud's metadata service answers there.
    Metadata,
    /// Link-local, multicast or reserved.
    Special,
    /// A private network.
    Private,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "it is the server's own; EVENTFLOW_NETWORK_ALLOW opens it when it lists this address itself",
            Self::Metadata => {
                "it is a cloud's metadata service; EVENTFLOW_NETWORK_ALLOW opens it when it lists this address itself"
            }
            Self::Special => {
                "it is link-local, multicast or reserved; EVENTFLOW_NETWORK_ALLOW opens it when it lists this address \
                 itself"
            }
            Self::Private => "it is in a private network; EVENTFLOW_NETWORK_ALLOW opens those that functions may reach",
        })
    }
}

impl Reach {
    /// The Internet, and the ranges of a list such as `10.0.0.0/8,192.168.7.1`.
    pub fn parse(list: &str) -> Option<Self> {
        Some(Self { opened: Range::parse_list(list)? })
    }

    /// With these addresses as well.
    pub fn and(&self, addresses: &[IpAddr]) -> Self {
        let alone = addresses.iter().map(|address| Range::alone(address.to_canonical()));
        Self { opened: self.opened.iter().copied().chain(alone).collect() }
    }

    /// The ranges that are open beside the Internet.
    pub fn opened(&self) -> &[Range] {
        &self.opened
    }

    /// Whether something of this host's loopback interface is open.
    pub fn opens_loopback(&self) -> bool {
        self.opened.iter().any(|range| range.is_within(&LOOPBACK))
    }

    /// Why an address is closed, if it is. `own` are the addresses of this host.
    pub fn refusal(&self, address: IpAddr, own: &[IpAddr]) -> Option<Closed> {
        let address = address.to_canonical();
        let within = |ranges: &[Range]| ranges.iter().any(|range| range.contains(address));
        if self.opened.iter().any(|range| range.is_single() && range.contains(address)) {
            return None;
        }
        if address.is_loopback() {
            let opened = self.opened.iter().any(|range| range.is_within(&LOOPBACK) && range.contains(address));
            return (!opened).then_some(Closed::Host);
        }
        if metadata::is_metadata(address) {
            return Some(Closed::Metadata);
        }
        if own.iter().any(|own| own.to_canonical() == address) {
            return Some(Closed::Host);
        }
        if within(&SPECIAL) {
            return Some(Closed::Special);
        }
        if let IpAddr::V6(v6) = address
            && let Some(v4) = embedded_v4(v6)
        {
            return self.refusal(IpAddr::V4(v4), own);
        }
        (within(&PRIVATE) && !within(&self.opened)).then_some(Closed::Private)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.opened.iter().map(Range::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_internet_is_open_and_this_host_and_what_is_private_is_not() {
        let own = [ip("198.51.100.7"), ip("2606:4700::7")];
        let reach = Reach::default();
        for open in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert_eq!(reach.refusal(ip(open), &own), None, "{open}");
        }
        for (closed, why) in [
            ("127.0.0.1", Closed::Host),
            ("127.9.9.9", Closed::Host),
            ("::1", Closed::Host),
            ("::ffff:127.0.0.1", Closed::Host),
            ("64:ff9b::7f00:1", Closed::Host),
            ("198.51.100.7", Closed::Host),
            ("::ffff:198.51.100.7", Closed::Host),
            ("64:ff9b::c633:6407", Closed::Host),
            ("2606:4700::7", Closed::Host),
            ("169.254.169.254", Closed::Metadata),
            ("168.63.129.16", Closed::Metadata),
            ("100.100.100.200", Closed::Metadata),
            ("fd00:ec2::254", Closed::Metadata),
            ("64:ff9b::a9fe:a9fe", Closed::Metadata),
            ("169.254.7.7", Closed::Special),
            ("fe80::1", Closed::Special),
            ("0.0.0.0", Closed::Special),
            ("::", Closed::Special),
            ("224.0.0.1", Closed::Special),
            ("255.255.255.255", Closed::Special),
            ("ff02::1", Closed::Special),
            ("10.1.2.3", Closed::Private),
            ("172.16.0.1", Closed::Private),
            ("192.168.1.1", Closed::Private),
            ("100.64.0.1", Closed::Private),
            ("fd12::1", Closed::Private),
            ("64:ff9b::a00:1", Closed::Private),
            ("64:ff9b:1::1", Closed::Private),
            ("2002:a00:1::", Closed::Private),
        ] {
            assert_eq!(reach.refusal(ip(closed), &own), Some(why), "{closed}");
        }
    }

    #[test]
    fn a_range_opens_private_networks_and_only_an_address_alone_opens_more() {
        let own = [ip("10.0.0.5")];
        let reach = Reach::parse("10.0.0.0/8, 0.0.0.0/0,fd00::/8").unwrap();
        for open in ["10.0.0.6", "192.168.1.1", "fd12::1", "64:ff9b::a00:1"] {
            assert_eq!(reach.refusal(ip(open), &own), None, "{open}");
        }
        for closed in
            ["10.0.0.5", "127.0.0.1", "169.254.169.254", "169.254.1.1", "100.100.100.200", "fd00:ec2::254", "::1"]
        {
            assert!(reach.refusal(ip(closed), &own).is_some(), "{closed}");
        }
        let reach = Reach::parse("10.0.0.5,169.254.169.254,fd00:ec2::254/128,127.0.0.0/8").unwrap();
        for open in ["10.0.0.5", "169.254.169.254", "fd00:ec2::254", "127.0.0.1", "127.0.0.9"] {
            assert_eq!(reach.refusal(ip(open), &own), None, "{open}");
        }
        assert!(reach.opens_loopback() && !Reach::parse("0.0.0.0/0").unwrap().opens_loopback());
        assert_eq!(Reach::parse(&reach.to_string()), Some(reach));
        assert_eq!(Reach::parse("10.0.0.0/33"), None);
        let reach = Reach::default().and(&[ip("127.0.0.1"), ip("::ffff:10.0.0.5")]);
        assert_eq!((reach.refusal(ip("127.0.0.1"), &own), reach.refusal(ip("10.0.0.5"), &own)), (None, None));
        assert!(reach.refusal(ip("127.0.0.2"), &own).is_some() && reach.opens_loopback());
    }
}
