//! The address of an instance.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The address of a service: a socket on this host, or a port of any reachable host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Address {
    /// A Unix socket's path on this host.
    Unix(PathBuf),
    /// A port of this host's loopback interface, of a container, or of a name in a cluster.
    Tcp {
        /// A name or an IP address; IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp { host: address.ip().to_string(), port: address.port() }
    }
}

/// In the usual notation: `/run/socket`, `localhost:8080`, `[::1]:8080`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => path.display().fmt(f),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_people_write_it() {
        let shown = |address: &str| Address::from(address.parse::<SocketAddr>().unwrap()).to_string();
        assert_eq!(shown("127.0.0.1:80"), "127.0.0.1:80");
        assert_eq!(shown("[::1]:80"), "[::1]:80");
        assert_eq!(Address::Tcp { host: "fn-hello".into(), port: 8080 }.to_string(), "fn-hello:8080");
        assert_eq!(Address::Unix("/run/socket".into()).to_string(), "/run/socket");
    }
}
