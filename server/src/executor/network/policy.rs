//! The destinations that a sandbox may connect to: what the server allows, restricted to what the function lists.
//!
//! A listed host name resolves to a substitute address inside. A connection to that is made to the name's current
//! addresses, so the list never has to be refreshed, and an address that a name once had is not reachable because of
//! that.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use super::plan::Plan;
use crate::outbound::range::Range;
use crate::outbound::reach::Reach;

/// The network of stand-in addresses: reserved for benchmarks (RFC 2544), so no real host has one.
const STAND_INS: [u8; 3] = [198, 18, 0];

/// The most host names that have stand-ins.
const MAX_NAMES: usize = 254;

/// The reachable destinations of one sandbox.
#[derive(Debug)]
pub(super) struct Policy {
    reach: Reach,
    listed: Option<Listed>,
    host_loopback: bool,
}

/// The hosts that a function lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    ranges: Vec<Range>,
    names: Vec<String>,
}

impl Listed {
    fn new(hosts: &[String]) -> Self {
        let mut listed = Self::default();
        for host in hosts {
            let name = host.to_ascii_lowercase();
            match Range::parse(host) {
                Some(range) => listed.ranges.push(range),
                None if listed.names.len() < MAX_NAMES && !listed.names.contains(&name) => listed.names.push(name),
                None => {}
            }
        }
        listed
    }

    pub(super) fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// All stand-in addresses.
    pub(super) fn stand_ins(&self) -> Vec<Ipv4Addr> {
        (0..self.names.len()).filter_map(stand_in).collect()
    }

    /// The stand-in of a name, if the name is in the list.
    pub(super) fn stand_in(&self, name: &str) -> Option<Ipv4Addr> {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        stand_in(self.names.iter().position(|known| *known == name)?)
    }

    fn name(&self, address: Ipv4Addr) -> Option<&str> {
        self.names.iter().enumerate().find(|(at, _)| stand_in(*at) == Some(address)).map(|(_, name)| name.as_str())
    }
}

fn stand_in(at: usize) -> Option<Ipv4Addr> {
    let [a, b, c] = STAND_INS;
    Some(Ipv4Addr::new(a, b, c, u8::try_from(at + 1).ok()?))
}

impl Policy {
    pub(super) fn new(plan: &Plan) -> io::Result<Self> {
        let reach = Reach::parse(&plan.allow)
            .ok_or_else(|| io::Error::other(format!("`{}` is not a list of networks", plan.allow)))?;
        let host_loopback = plan.host_loopback && reach.opens_loopback();
        Ok(Self { reach, listed: plan.only.as_deref().map(Listed::new), host_loopback })
    }

    /// A policy that needs rules of every kind.
    pub(super) fn example() -> Self {
        let hosts = ["example.com".to_owned(), "192.0.2.0/24".to_owned()];
        Self {
            reach: Reach::parse("10.0.0.0/8,10.0.0.9,127.0.0.1").unwrap_or_default(),
            listed: Some(Listed::new(&hosts)),
            host_loopback: true,
        }
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.reach
    }

    pub(super) fn listed(&self) -> Option<&Listed> {
        self.listed.as_ref()
    }

    pub(super) fn host_loopback(&self) -> bool {
        self.host_loopback
    }

    /// This host's present addresses.
    pub(super) fn own_addresses(&self) -> Vec<IpAddr> {
        let interfaces = nix::ifaddrs::getifaddrs().into_iter().flatten();
        let address =
            |storage: nix::sys::socket::SockaddrStorage| match (storage.as_sockaddr_in(), storage.as_sockaddr_in6()) {
                (Some(v4), _) => Some(IpAddr::V4(v4.ip())),
                (_, Some(v6)) => Some(IpAddr::V6(v6.ip())),
                _ => None,
            };
        interfaces.filter_map(|interface| interface.address.and_then(address)).collect()
    }

    /// Where to connect for a connection to `to`; or, for people, why not.
    pub(super) async fn targets(&self, to: SocketAddrV4) -> Result<Vec<SocketAddr>, String> {
        if let Some(listed) = &self.listed {
            if let Some(name) = listed.name(*to.ip()) {
                return self.look_up(name, to.port()).await;
            }
            if !listed.ranges.iter().any(|range| range.contains(IpAddr::V4(*to.ip()))) {
                return Err(format!("{} is not among the hosts that the function names in `network`", to.ip()));
            }
        }
        match self.reach.refusal(IpAddr::V4(*to.ip()), &self.own_addresses()) {
            Some(closed) => Err(format!("{} is closed: {closed}", to.ip())),
            None => Ok(vec![SocketAddr::V4(to)]),
        }
    }

    async fn look_up(&self, name: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let found = tokio::net::lookup_host((name, port)).await;
        let found: Vec<SocketAddr> = found.map_err(|error| format!("{name} is not found: {error}"))?.collect();
        let own = self.own_addresses();
        let mut refusal = format!("{name} has no address");
        let mut open = Vec::new();
        for address in found {
            match self.reach.refusal(address.ip(), &own) {
                Some(closed) => refusal = format!("{name} is {}, which is closed: {closed}", address.ip()),
                None => open.push(address),
            }
        }
        if open.is_empty() { Err(refusal) } else { Ok(open) }
    }

    /// Whether a connection ends on this host although it may not: an address can be this host's without belonging to
    /// an
    /// interface.
    pub(super) fn leads_back(&self, local: IpAddr, remote: IpAddr) -> bool {
        local == remote && self.reach.refusal(remote, &[remote]).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &str, only: Option<&[&str]>) -> Policy {
        let only = only.map(|hosts| hosts.iter().map(|host| (*host).to_owned()).collect());
        let plan = Plan { allow: allow.into(), only, host_loopback: false, ip: "ip".into(), nft: "nft".into() };
        Policy::new(&plan).unwrap()
    }

    async fn refusal(policy: &Policy, to: &str) -> Option<String> {
        policy.targets(to.parse().unwrap()).await.err()
    }

    #[tokio::test]
    async fn without_a_list_what_the_server_opens_is_open() {
        let policy = policy("10.1.0.0/16", None);
        for open in ["1.1.1.1:80", "10.1.2.3:5432"] {
            assert_eq!(refusal(&policy, open).await, None);
        }
        for closed in ["127.0.0.1:80", "10.2.0.1:80", "169.254.169.254:80", "198.18.0.1:80"] {
            assert!(refusal(&policy, closed).await.unwrap().contains("is closed"), "{closed}");
        }
        for own in policy.own_addresses() {
            if let IpAddr::V4(own) = own {
                assert!(refusal(&policy, &format!("{own}:80")).await.is_some(), "{own}");
            }
        }
    }

    #[tokio::test]
    async fn a_list_opens_its_hosts_and_nothing_that_the_server_closes() {
        let policy = policy("10.1.0.0/16", Some(&["1.1.1.0/24", "10.0.0.0/8", "LocalHost", "b.example"]));
        for open in ["1.1.1.1:80", "10.1.2.3:80"] {
            assert_eq!(refusal(&policy, open).await, None);
        }
        assert!(refusal(&policy, "10.2.0.1:80").await.unwrap().contains("private"));
        assert!(refusal(&policy, "8.8.8.8:80").await.unwrap().contains("not among the hosts"));
        let listed = policy.listed().unwrap();
        assert_eq!(listed.stand_in("localhost."), Some(Ipv4Addr::new(198, 18, 0, 1)));
        assert_eq!(listed.stand_in("B.example"), Some(Ipv4Addr::new(198, 18, 0, 2)));
        assert_eq!(listed.stand_in("c.example"), None);
        // Names cannot bypass the rules: the addresses that they resolve to are checked.
        let why = refusal(&policy, "198.18.0.1:80").await.unwrap();
        assert!(why.contains("localhost is") && why.contains("the server's own"), "{why}");
        assert!(refusal(&policy, "198.18.0.3:80").await.unwrap().contains("not among the hosts"));
    }
}
