//! Settings of the server's addresses, proxies and connections.

use std::net::IpAddr;
use std::time::Duration;

use url::{Host, Url};

use super::layers::{DEFAULTS, Error, Layers};
use crate::outbound::range::Range;

/// The server's own address and its connections.
#[derive(Debug, Clone)]
pub struct Edge {
    /// The address that people and programs use: `EVENTFLOW_PUBLIC_URL`.
    pub public_url: Option<PublicUrl>,
    /// The domain under which each function has a host of its own: `EVENTFLOW_FUNCTIONS_HOST`.
    pub functions_host: Option<String>,
    /// Namespaces whose functions may be called without a token, and have paths of their own: `EVENTFLOW_PUBLIC_FUNCTIONS`.
    pub public_functions: Namespaces,
    /// Namespaces into which messages of RabbitMQ may publish events: `EVENTFLOW_AMQP_NAMESPACES`.
    pub amqp_namespaces: Namespaces,
    /// Names that no function of the default namespace gets: `EVENTFLOW_RESERVED_NAMES`.
    pub reserved_names: Namespaces,
    /// Proxies whose `Forwarded` and `X-Forwarded-*` are believed: `EVENTFLOW_TRUSTED_PROXIES`.
    pub trusted_proxies: Networks,
    /// Connections at a time; a share of the file descriptors when absent: `EVENTFLOW_MAX_CONNECTIONS`.
    pub connections: Option<usize>,
    /// Connections at a time from one address, loopback and trusted proxies excepted:
    /// `EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS`.
    pub connections_per_address: usize,
    /// How long the head of a request may take: `EVENTFLOW_HEAD_TIMEOUT`.
    pub head_timeout: Duration,
    /// How long a body may pause, and how much longer than its size explains it may take: `EVENTFLOW_READ_TIMEOUT`.
    pub read_timeout: Duration,
    /// How long a caller may not read its answer: `EVENTFLOW_WRITE_TIMEOUT`.
    pub write_timeout: Duration,
    /// How long a connection is kept open between requests: `EVENTFLOW_IDLE_TIMEOUT`.
    pub idle_timeout: Duration,
    /// WebSockets of functions at a time: `EVENTFLOW_MAX_SOCKETS`.
    pub sockets: usize,
    /// Bytes of a message over one of them: `EVENTFLOW_MAX_SOCKET_MESSAGE`.
    pub socket_message: usize,
    /// How long one of them may be silent both ways: `EVENTFLOW_SOCKET_IDLE_TIMEOUT`.
    pub socket_idle_timeout: Duration,
}

impl Default for Edge {
    fn default() -> Self {
        Self::read(&Layers::default()).expect(DEFAULTS)
    }
}

impl Edge {
    pub(super) fn read(layers: &Layers) -> Result<Self, Error> {
        Ok(Self {
            public_url: layers.text_if_any("EVENTFLOW_PUBLIC_URL", PublicUrl::parse)?,
            functions_host: layers.text_if_any("EVENTFLOW_FUNCTIONS_HOST", domain_name)?,
            public_functions: layers.text_if_any("EVENTFLOW_PUBLIC_FUNCTIONS", Namespaces::parse)?.unwrap_or_default(),
            amqp_namespaces: layers.text("EVENTFLOW_AMQP_NAMESPACES", Namespaces::parse)?,
            reserved_names: layers.text_if_any("EVENTFLOW_RESERVED_NAMES", Namespaces::listed)?.unwrap_or_default(),
            trusted_proxies: layers.text_if_any("EVENTFLOW_TRUSTED_PROXIES", Networks::parse)?.unwrap_or_default(),
            connections: layers.number_if_any("EVENTFLOW_MAX_CONNECTIONS")?,
            connections_per_address: layers.number("EVENTFLOW_MAX_CONNECTIONS_PER_ADDRESS")?,
            head_timeout: layers.time("EVENTFLOW_HEAD_TIMEOUT")?,
            read_timeout: layers.time("EVENTFLOW_READ_TIMEOUT")?,
            write_timeout: layers.time("EVENTFLOW_WRITE_TIMEOUT")?,
            idle_timeout: layers.time("EVENTFLOW_IDLE_TIMEOUT")?,
            sockets: layers.number("EVENTFLOW_MAX_SOCKETS")?,
            socket_message: layers.size("EVENTFLOW_MAX_SOCKET_MESSAGE")?,
            socket_idle_timeout: layers.time("EVENTFLOW_SOCKET_IDLE_TIMEOUT")?,
        })
    }
}

/// A set of namespaces, or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Namespaces {
    all: bool,
    names: Vec<String>,
}

impl Namespaces {
    /// A list such as `default,team-a`; `*` is all of them.
    pub fn parse(list: &str) -> Option<Self> {
        if list.trim() == "*" {
            return Some(Self { all: true, names: Vec::new() });
        }
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let names: Vec<_> = names.map(str::to_owned).collect();
        names.iter().all(|name| is_namespace(name)).then_some(Self { all: false, names })
    }

    /// A list that names each of them.
    fn listed(list: &str) -> Option<Self> {
        Self::parse(list).filter(|list| !list.all)
    }

    /// Whether a namespace is one of them.
    pub fn contain(&self, namespace: &str) -> bool {
        self.all || self.names.iter().any(|name| name == namespace)
    }

    /// Their names; `None`: all there are.
    pub fn names(&self) -> Option<&[String]> {
        (!self.all).then_some(self.names.as_slice())
    }

    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        !self.all && self.names.is_empty()
    }
}

/// The server's own address, as callers use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    /// Whether it is https.
    pub secure: bool,
    /// The host alone; IPv6 addresses are in brackets.
    pub host: String,
    /// The host, and the port where it is not the scheme's own.
    pub authority: String,
}

impl PublicUrl {
    fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return None;
        }
        let host = url.host_str()?.to_owned();
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        Some(Self { secure, host, authority })
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

/// A domain name in lower case: no address, no port, no wildcard.
fn domain_name(text: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match Host::parse(text).ok()? {
        Host::Domain(name) if name.len() <= 253 && name.split('.').all(label) => Some(name),
        _ => None,
    }
}

/// A set of address ranges.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Range>);

impl Networks {
    /// A list such as `127.0.0.1,10.0.0.0/8`; an address alone is a network.
    pub fn parse(list: &str) -> Option<Self> {
        Range::parse_list(list).map(Self)
    }

    /// Whether an address is in one of them. An IPv4 address that is written as IPv6 counts as IPv4.
    pub fn contain(&self, address: IpAddr) -> bool {
        !self.0.is_empty() && {
            let address = address.to_canonical();
            self.0.iter().any(|network| network.contains(address))
        }
    }
}

/// Whether a namespace may be called so.
pub(super) fn is_namespace(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        for (text, shown, host, secure) in [
            ("https://Flow.Example.com", "https://flow.example.com", "flow.example.com", true),
            ("https://flow.example.com:443/", "https://flow.example.com", "flow.example.com", true),
            ("http://flow.example.com:8080", "http://flow.example.com:8080", "flow.example.com", false),
            ("http://[::1]:8080/", "http://[::1]:8080", "[::1]", false),
        ] {
            let url = PublicUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.host.as_str(), url.secure), (shown, host, secure));
        }
        for text in [
            "flow.example.com",
            "ftp://a",
            "https://a/b",
            "https://a?b",
            "https://a#b",
            "https://u:p@a",
            "https://",
            "",
        ] {
            assert_eq!(PublicUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_functions_host_is_a_domain_name() {
        assert_eq!(domain_name("Fn.Example.com").as_deref(), Some("fn.example.com"));
        for text in ["*.fn.example.com", "fn.example.com:80", "127.0.0.1", "[::1]", "a b", "", ".", "fn.", "-a.b"] {
            assert_eq!(domain_name(text), None, "{text}");
        }
    }

    #[test]
    fn namespaces_are_named_or_all() {
        let of = |list: &str| Namespaces::parse(list).unwrap();
        assert!(of("*").contain("team") && !of("*").are_none());
        assert!(of("default, team").contain("team") && !of("default, team").contain("other"));
        assert!(of("").are_none() && !of("").contain(""));
        assert_eq!(Namespaces::parse("Team"), None);
        assert_eq!(Namespaces::parse("*,team"), None);
    }

    #[test]
    fn networks_contain_addresses_however_they_are_written() {
        let networks = Networks::parse("10.0.0.0/8, 192.168.1.1,fd00::/8").unwrap();
        for (address, inside) in [
            ("10.255.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("192.168.1.1", true),
            ("192.168.1.2", false),
            ("fd12::1", true),
            ("fe80::1", false),
        ] {
            assert_eq!(networks.contain(address.parse().unwrap()), inside, "{address}");
        }
        for text in ["10.0.0.0/33", "localhost", "10.0.0"] {
            assert_eq!(Networks::parse(text), None, "{text}");
        }
        assert!(!Networks::default().contain("127.0.0.1".parse().unwrap()));
    }
}
