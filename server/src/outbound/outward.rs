//! Which addresses the server may connect to when somebody else chose them, such as callback URLs.
//!
//! Public addresses are allowed; everything else (this machine, its neighbors, special-purpose ranges) only if
//! configured. Knows addresses; resolves no names and connects to nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use super::metadata::is_metadata;
use super::range::{Range, embedded_v4};

/// The longest address that is taken, in bytes.
pub const MAX_URL: usize = 2048;

/// The allowed addresses: public ones, plus configured networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outward {
    allowed: Vec<Range>,
}

impl Outward {
    /// The public addresses, and the networks of a list such as `127.0.0.0/8,fd00::/8`; an address alone is a network, too.
    pub fn parse(list: &str) -> Option<Self> {
        Range::parse_list(list).map(|allowed| Self { allowed })
    }

    /// Whether the server may connect to an address. A metadata service's must be listed itself: a range does not open it.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        if is_metadata(address) {
            return self.allowed.iter().any(|range| range.is_single() && range.contains(address));
        }
        is_public(address) || self.allowed.iter().any(|network| network.contains(address))
    }

    /// The first of a name's addresses that the server may not connect to. One spoils the others: whoever owns the name
    /// chose it.
    pub fn first_closed(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
        addresses.into_iter().find(|address| !self.permits(*address))
    }

    /// The URL that a text is, when the server may be sent there as far as that is known without resolving names.
    ///
    /// # Errors
    /// For people: what is wrong with it.
    pub fn check(&self, text: &str) -> Result<Url, String> {
        if text.len() > MAX_URL {
            return Err(format!(
                "the URL of {} bytes is longer than {MAX_URL} bytes, the most that is taken",
                text.len()
            ));
        }
        let url = Url::parse(text).map_err(|error| format!("this is not an absolute URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the URL must begin with https:// or http://, not with {}:", url.scheme()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL must not hold a user or a password: it is kept in the log".to_owned());
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if is_localhost(name) => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            Some(Host::Domain(_)) => None,
            None => return Err("the URL names no host".to_owned()),
        };
        match literal {
            Some(address) if !self.permits(address) => Err(refused(address)),
            _ => Ok(url),
        }
    }
}

/// Why an address is not called, and which setting opens it.
pub fn refused(address: IpAddr) -> String {
    format!("{address} is not a public address; EVENTFLOW_CALLBACK_ALLOW lists the others that may be called")
}

/// Whether a name is this machine's, whatever a server for names says (RFC 6761, section 6.3).
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Not one of the blocks that IANA's registry of special-purpose addresses keeps from the Internet.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = matches!(
        (a, b, c),
        (0 | 10 | 127, ..) // this network, private, loopback
            | (100, 64..=127, _) // shared by carriers
            | (169, 254, _) // link-local: where clouds keep their credentials
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2) // protocols, documentation
            | (192, 88, 99) // relays that are no more
            | (198, 18..=19, _) // benchmarks
            | (198, 51, 100) // documentation
            | (203, 0, 113)
            | (224..=255, ..) // multicast, reserved, broadcast
    );
    !special
}

/// Global unicast (2000::/3), unless it is set apart, or leads to an IPv4 address that is not public.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_public_v4(embedded);
    }
    match address.segments() {
        // Protocols, Teredo and benchmarks among them; documentation.
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_public_addresses_are_called() {
        let outward = Outward::default();
        for public in ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::101:101"] {
            assert!(outward.permits(ip(public)), "{public}");
        }
        for other in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.255.0.1",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "100::1",
        ] {
            assert!(!outward.permits(ip(other)), "{other}");
        }
    }

    #[test]
    fn networks_are_allowed_by_name() {
        let outward = Outward::parse("127.0.0.0/8, 10.1.0.0/16,fd00::/8,192.168.0.7").unwrap();
        for allowed in ["127.9.9.9", "::ffff:127.0.0.1", "10.1.255.1", "fd00::7", "192.168.0.7", "1.1.1.1"] {
            assert!(outward.permits(ip(allowed)), "{allowed}");
        }
        for other in ["10.2.0.1", "192.168.0.8", "::1", "fe80::1"] {
            assert!(!outward.permits(ip(other)), "{other}");
        }
        let all = Outward::parse("0.0.0.0/0,::/0").unwrap();
        assert!(all.permits(ip("10.0.0.1")) && all.permits(ip("::1")));
        assert_eq!(Outward::parse(" "), Some(Outward::default()));
        for wrong in ["x", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0/8"] {
            assert_eq!(Outward::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_metadata_service_is_called_only_when_its_address_is_listed_itself() {
        let default = Outward::default();
        let ranges = Outward::parse("0.0.0.0/0,::/0,169.254.0.0/16,168.63.129.16/31").unwrap();
        for address in super::super::metadata::ADDRESSES {
            assert!(!default.permits(address) && !ranges.permits(address), "{address}");
            let named = Outward::parse(&address.to_string()).unwrap();
            assert!(named.permits(address), "{address}");
        }
        assert!(!ranges.permits(ip("::ffff:169.254.169.254")) && !ranges.permits(ip("64:ff9b::a9fe:a9fe")));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_explained() {
        let outward = Outward::default();
        assert!(outward.check("https://example.com/done?x=1").is_ok());
        for (url, says) in [
            ("/done", "not an absolute URL"),
            ("ftp://example.com/", "https://"),
            ("file:///etc/passwd", "https://"),
            ("https://user:secret@example.com/", "password"),
            ("http://127.0.0.1:80/", "not a public address"),
            // Other ways to write the same, which browsers take.
            ("http://2130706433/", "not a public address"),
            ("http://0x7f.1/", "not a public address"),
            ("http://[::ffff:a00:1]/", "not a public address"),
            ("http://localhost/", "not a public address"),
            ("http://a.LocalHost./", "not a public address"),
            ("http://169.254.169.254/latest/meta-data/", "EVENTFLOW_CALLBACK_ALLOW"),
        ] {
            let error = outward.check(url).unwrap_err();
            assert!(error.contains(says), "{url}: {error}");
        }
        let long = format!("https://example.com/{}", "x".repeat(MAX_URL));
        assert!(outward.check(&long).unwrap_err().contains("longer than"));
        assert!(Outward::parse("127.0.0.0/8").unwrap().check("http://localhost:9/").is_ok());
    }
}
