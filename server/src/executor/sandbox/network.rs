//! Chooses the network of a sandbox: none, its own, or, if that is impossible and a setting allows it, the host's.
//!
//! Knows what the host offers and what the settings say; the network access itself is `executor::network`.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::super::{Error, Network, network};
use super::arguments::Access;
use super::host::{self, Host};
use crate::outbound::Reach;

/// Processes and threads of the network process.
pub(super) const OWN_PIDS: u64 = 8;

/// Memory of the network process, including the buffers of its connections.
pub(super) const OWN_MEMORY_MB: u64 = 24;

/// What all sandboxes of a server share.
#[derive(Debug)]
pub(super) struct Networks {
    reach: Reach,
    /// Whether the sandboxes share the host's network.
    shared: bool,
    /// Whether metadata services are then closed to them.
    metadata_closed: bool,
    /// `resolv.conf` of sandboxes whose queries are passed on.
    resolver: PathBuf,
}

/// The path of that `resolv.conf`.
pub(super) fn resolver_of(folder: &Path) -> PathBuf {
    folder.join("resolv.conf")
}

/// Writes it.
pub(super) fn write_resolver(folder: &Path) -> io::Result<()> {
    let resolver = resolver_of(folder);
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    fs::write(&resolver, network::resolv_conf(&host))?;
    // Whatever the server's umask is, functions must be able to read it.
    fs::set_permissions(&resolver, std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

impl Networks {
    /// Writes the files that sandboxes are shown to a folder of the server's.
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        write_resolver(folder)?;
        let resolver = resolver_of(folder);
        Ok(Self { reach: Reach::default(), shared: false, metadata_closed: false, resolver })
    }

    /// Applies the settings.
    pub(super) fn set(&mut self, reach: Reach, shared: bool, host: &Host) {
        self.shared = shared && host.bubblewrap.is_some() && host.network.is_err();
        self.metadata_closed = self.shared && host::close_metadata(host.identity);
        self.reach = reach;
    }

    /// Whether a process in this network listens on a port of the host.
    pub(super) fn is_hosts(&self, network: &Network) -> bool {
        self.shared && network.is_some()
    }

    /// Plans the network of a sandbox, if it has one of its own. A task, which is a build, may have addresses that are
    /// open
    /// to it alone, and reaches the host's loopback interface where that is open.
    ///
    /// # Errors
    /// [`Error::Refused`] when it cannot have one here.
    pub(super) fn plan(
        &self,
        host: &Host,
        name: &str,
        network: &Network,
        opened: Option<&[IpAddr]>,
    ) -> Result<Option<network::Plan>, Error> {
        let only = match network {
            Network::None => return Ok(None),
            Network::Open => None,
            Network::Only(hosts) => Some(hosts.clone()),
        };
        // Without bubblewrap nothing is isolated; the server warns of that at its start.
        if host.bubblewrap.is_none() {
            return Ok(None);
        }
        match &host.network {
            Ok(tools) => Ok(Some(network::Plan {
                allow: self.reach.and(opened.unwrap_or_default()).to_string(),
                only,
                host_loopback: opened.is_some(),
                ip: tools.ip.clone(),
                nft: tools.nft.clone(),
            })),
            Err(_) if self.shared && only.is_none() => Ok(None),
            Err(fault) => Err(Error::Refused(format!(
                "{name} needs the network, and this host cannot give it one of its own: {fault}"
            ))),
        }
    }

    /// What the sandbox sees of the network.
    pub(super) fn access<'a>(
        &'a self,
        wrappers_resolver: &'a Path,
        plan: Option<&network::Plan>,
        wanted: &Network,
    ) -> Access<'a> {
        match plan {
            // The names in a list are resolved for this sandbox alone.
            Some(plan) if plan.only.is_some() => Access::Own { resolver: wrappers_resolver },
            Some(_) => Access::Own { resolver: &self.resolver },
            None if self.is_hosts(wanted) => Access::Shared,
            None => Access::Nothing,
        }
    }

    /// The warning for the start-up lines, if any.
    pub(super) fn warning(&self, host: &Host) -> Option<String> {
        let fault = host.network.as_ref().err().filter(|_| host.bubblewrap.is_some())?;
        if !self.shared {
            return Some(format!(
                "Functions and builds that need the network are refused: {fault}. EVENTFLOW_NETWORK_SHARED=true lets them \
                 share this host's network instead, with all that listens on it."
            ));
        }
        let metadata = match self.metadata_closed {
            true => "",
            false => " So is the cloud's metadata service (169.254.169.254), which gives credentials.",
        };
        Some(format!(
            "FUNCTIONS AND BUILDS SHARE THIS HOST'S NETWORK: other functions, databases and this server itself are open to \
             those that ask for the network.{metadata} {fault}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(network: Result<host::NetworkTools, String>, bubblewrap: bool) -> Host {
        Host {
            bubblewrap: bubblewrap.then(|| "bwrap".into()),
            bubblewrap_fault: None,
            node: None,
            python: None,
            prefixes: Vec::new(),
            path: String::new(),
            identity: host::Identity::Servers,
            network,
        }
    }

    fn networks(folder: &Path, shared: bool, host: &Host) -> Networks {
        let mut networks = Networks::new(folder).unwrap();
        networks.set(Reach::parse("10.0.0.0/8").unwrap(), shared, host);
        networks
    }

    fn missing() -> Result<host::NetworkTools, String> {
        Err("the program `nft` is not installed (Debian: apt-get install nftables)".into())
    }

    fn tools() -> Result<host::NetworkTools, String> {
        Ok(host::NetworkTools { ip: "ip".into(), nft: "nft".into() })
    }

    #[test]
    fn without_its_tools_a_network_is_refused_with_what_to_install() {
        let (folder, host) = (tempfile::tempdir().unwrap(), host(missing(), true));
        let networks = networks(folder.path(), false, &host);
        for wanted in [Network::Open, Network::Only(vec!["example.com".into()])] {
            let error = networks.plan(&host, "mine", &wanted, None).unwrap_err().to_string();
            assert!(error.starts_with("mine needs the network") && error.contains("install nftables"), "{error}");
        }
        assert!(networks.plan(&host, "mine", &Network::None, None).unwrap().is_none());
        let warning = networks.warning(&host).unwrap();
        assert!(warning.contains("are refused") && warning.contains("EVENTFLOW_NETWORK_SHARED"), "{warning}");
    }

    #[test]
    fn the_hosts_network_is_shared_only_where_a_setting_says_so_and_loudly() {
        let (folder, host) = (tempfile::tempdir().unwrap(), host(missing(), true));
        let networks = networks(folder.path(), true, &host);
        assert!(networks.plan(&host, "mine", &Network::Open, None).unwrap().is_none());
        assert!(networks.is_hosts(&Network::Open) && !networks.is_hosts(&Network::None));
        // A shared network cannot enforce a list.
        assert!(networks.plan(&host, "mine", &Network::Only(vec!["example.com".into()]), None).is_err());
        let warning = networks.warning(&host).unwrap();
        assert!(warning.contains("SHARE THIS HOST'S NETWORK") && warning.contains("169.254.169.254"), "{warning}");
    }

    #[test]
    fn where_sandboxes_can_have_a_network_of_their_own_they_do_not_share_one() {
        let (folder, host) = (tempfile::tempdir().unwrap(), host(tools(), true));
        let networks = networks(folder.path(), true, &host);
        let plan = networks.plan(&host, "mine", &Network::Open, None).unwrap().unwrap();
        assert_eq!((plan.allow.as_str(), plan.only, plan.host_loopback), ("10.0.0.0/8", None, false));
        assert!(!networks.is_hosts(&Network::Open) && networks.warning(&host).is_none());
        let opened = [IpAddr::from([127, 0, 0, 1])];
        let plan = networks.plan(&host, "build", &Network::Open, Some(&opened)).unwrap().unwrap();
        assert_eq!((plan.allow.as_str(), plan.host_loopback), ("10.0.0.0/8,127.0.0.1/32", true));
    }
}
