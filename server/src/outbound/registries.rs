//! Which registries images may be pulled from.
//!
//! Whoever may deploy chooses the host in an image's name, and the engine connects to it: without a rule, it would tell which ports
//! of the engine's network are open.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio::time::timeout;

use super::outward::{Outward, is_localhost};

/// How long the name of a registry may take to be resolved.
const RESOLVED_WITHIN: Duration = Duration::from_secs(10);

/// Public addresses, and those that `EVENTFLOW_REGISTRY_ALLOW` lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    networks: Outward,
    hosts: BTreeSet<String>,
}

/// Why a registry is not asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Closed {
    /// It is somewhere that is not allowed. For people.
    Refused(String),
    /// Its name leads nowhere. For people.
    NotFound(String),
}

impl Registries {
    /// Reads a list of networks and hosts, such as `10.0.0.0/8,registry.example:5000`.
    pub fn parse(list: &str) -> Option<Self> {
        let mut registries = Self::default();
        let mut networks = Vec::new();
        for item in list.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            if Outward::parse(item).is_some() {
                networks.push(item);
            } else if is_host(item) {
                registries.hosts.insert(item.to_ascii_lowercase());
            } else {
                return None;
            }
        }
        registries.networks = Outward::parse(&networks.join(","))?;
        Some(registries)
    }

    /// Checks a registry, `HOST` or `HOST:PORT`. One that is listed by its name is not resolved: the engine may know it by other means.
    ///
    /// The engine resolves the name once more; its owner may answer differently then, and the registry may send the engine elsewhere.
    ///
    /// # Errors
    /// Why it is not asked.
    pub async fn check(&self, registry: &str) -> Result<(), Closed> {
        let registry = registry.to_ascii_lowercase();
        let (host, port) = match registry.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().unwrap_or(0)),
            None => (registry.as_str(), 443),
        };
        if self.hosts.contains(&registry) || self.hosts.contains(host) {
            return Ok(());
        }
        if is_localhost(host) {
            return self.judge(&registry, [IpAddr::from([127, 0, 0, 1])]);
        }
        let found = timeout(RESOLVED_WITHIN, lookup_host((host, port))).await;
        match found {
            Ok(Ok(found)) => self.judge(&registry, found.map(|address| address.ip())),
            Ok(Err(error)) => Err(Closed::NotFound(format!("the host {host} is not found: {error}"))),
            Err(_) => {
                let seconds = RESOLVED_WITHIN.as_secs();
                Err(Closed::NotFound(format!("the host {host} was not found within {seconds} s")))
            }
        }
    }

    fn judge(&self, registry: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Result<(), Closed> {
        match self.networks.first_closed(addresses) {
            None => Ok(()),
            Some(address) => Err(Closed::Refused(format!(
                "images are not pulled from {registry}: {address} is not a public address. EVENTFLOW_REGISTRY_ALLOW lists the other networks \
                 and hosts that they may come from"
            ))),
        }
    }
}

/// Whether a text is a host, with or without a port.
fn is_host(text: &str) -> bool {
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "443"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let begins = host.starts_with(|c: char| c.is_ascii_alphabetic());
    begins && host.len() <= 253 && host.chars().all(allowed) && port.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn checked(allowed: &str, registry: &str) -> Result<(), Closed> {
        Registries::parse(allowed).unwrap().check(registry).await
    }

    #[tokio::test]
    async fn only_public_and_listed_registries_are_asked() {
        for (allowed, registry) in [
            ("", "1.1.1.1:5000"),
            ("127.0.0.0/8", "localhost:5000"),
            ("127.0.0.0/8", "127.0.0.1:22"),
            ("10.0.0.0/8, 192.168.7.1", "192.168.7.1:5000"),
            ("localhost:5000", "LOCALHOST:5000"),
            ("registry.internal", "registry.internal:5000"),
        ] {
            assert_eq!(checked(allowed, registry).await, Ok(()), "{registry} with {allowed}");
        }
        for (allowed, registry) in [
            ("", "localhost:22"),
            ("", "127.0.0.1:22"),
            // Other ways to write the same, which resolvers take.
            ("", "127.1:22"),
            ("", "0x7f.1:22"),
            ("", "10.0.0.1:22"),
            ("0.0.0.0/0", "169.254.169.254:80"),
            ("localhost:5000", "localhost:22"),
        ] {
            let refused = checked(allowed, registry).await;
            assert!(
                matches!(&refused, Err(Closed::Refused(why)) if why.contains("EVENTFLOW_REGISTRY_ALLOW")),
                "{registry}: {refused:?}"
            );
        }
        let unknown = checked("", "registry.invalid").await;
        assert!(matches!(unknown, Err(Closed::NotFound(_))), "{unknown:?}");
    }

    #[test]
    fn a_list_has_networks_and_hosts() {
        assert_eq!(Registries::parse(" "), Some(Registries::default()));
        for wrong in
            ["10.0.0.0/33", "https://registry.example", "registry.example:0", "registry.example:x", "a/b", "-a"]
        {
            assert_eq!(Registries::parse(wrong), None, "{wrong}");
        }
    }
}
