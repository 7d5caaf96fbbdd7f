//! Closes what containers must not reach, by a table of our own in the packet filter of the engine's host.
//!
//! The engine's own rules keep the networks of namespaces apart, and those without a way out inside. They leave open what
//! listens on the host itself, other machines of private networks, and the metadata services of clouds. A packet that
//! this table drops is dropped whatever the engine's rules say, so they need not be touched. Only a server that is root
//! on the engine's host can make it.

use std::fmt::Write;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::super::network::set;
use super::engine::Engine;
use super::labels::Owner;
use super::networks::bridges;
use crate::outbound::reach::{LOOPBACK, PRIVATE, SPECIAL};
use crate::outbound::{Reach, metadata};

/// The folders with `nft`; it is not in every `PATH`.
const FOLDERS: [&str; 3] = ["/usr/sbin", "/sbin", "/usr/bin"];

/// A table that is in force. It is removed when this is dropped.
#[derive(Debug)]
pub(super) struct Wall {
    nft: PathBuf,
    table: String,
}

impl Wall {
    /// Puts up the wall around the networks of a server, before there are any.
    ///
    /// # Errors
    /// Why that cannot be, for people.
    pub(super) async fn raise(engine: &Engine, owner: &Owner, reach: &Reach) -> Result<Self, String> {
        if !engine.local {
            return Err("the Docker engine is not on this server's own host".into());
        }
        if !nix::unistd::geteuid().is_root() {
            return Err("the server is not root".into());
        }
        let nft = FOLDERS.iter().map(|folder| Path::new(folder).join("nft")).find(|program| program.is_file());
        let nft = nft.ok_or("there is no program `nft` (Debian: nftables)")?;
        let table = format!("eventflow_{}", owner.server);
        let text = rules(&table, owner, reach, &resolvers());
        run(&nft, &text).await.map_err(|error| format!("`nft` fails: {error}"))?;
        Ok(Self { nft, table })
    }
}

impl Drop for Wall {
    fn drop(&mut self) {
        let _ = std::process::Command::new(&self.nft)
            .args(["delete", "table", "inet", &self.table])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

async fn run(nft: &Path, text: &str) -> io::Result<()> {
    let mut child = Command::new(nft)
        .args(["-f", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(text.as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    match output.status.success() {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// The name servers of this host: the engine asks them in the container's own network.
fn resolvers() -> Vec<IpAddr> {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let words = text.lines().filter_map(|line| line.strip_prefix("nameserver")).map(str::trim);
    words.filter_map(|word| word.parse().ok()).filter(|address: &IpAddr| !address.is_loopback()).collect()
}

/// The table, which replaces one of the same name.
fn rules(table: &str, owner: &Owner, reach: &Reach, resolvers: &[IpAddr]) -> String {
    let mut text = format!("table inet {table} {{}}\ndelete table inet {table}\ntable inet {table} {{\n");
    let (outward, inward) = (bridges(owner, true), bridges(owner, false));
    let alone = || reach.opened().iter().filter(|range| range.is_single() && range.is_v4());
    let v4 =
        |addresses: &[IpAddr]| addresses.iter().filter(|one| one.is_ipv4()).map(IpAddr::to_string).collect::<Vec<_>>();
    let mut write = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    write(" chain out {\n  type filter hook forward priority filter - 5; policy accept;".into());
    write(format!("  iifname \"{outward}*\" jump outward"));
    // What is within one network passes through here, too, where the kernel filters bridges.
    write(format!("  iifname \"{inward}*\" oifname != \"{inward}*\" drop"));
    write(" }\n chain outward {".into());
    write("  ct state established,related accept".into());
    write(format!("  oifname \"{outward}*\" accept"));
    write("  meta nfproto ipv6 drop".into());
    let asked = v4(resolvers);
    if !asked.is_empty() {
        write(format!("  ip daddr {} meta l4proto {{ tcp, udp }} th dport 53 accept", set(asked.into_iter())));
    }
    let opened: Vec<String> = alone().filter(|range| !range.is_within(&LOOPBACK)).map(ToString::to_string).collect();
    if !opened.is_empty() {
        write(format!("  ip daddr {} accept", set(opened.into_iter())));
    }
    let special = SPECIAL.iter().filter(|range| range.is_v4()).map(ToString::to_string);
    write(format!("  ip daddr {} drop", set(special.chain(v4(&metadata::ADDRESSES)))));
    let ranges: Vec<String> =
        reach.opened().iter().filter(|range| range.is_v4() && !range.is_single()).map(ToString::to_string).collect();
    if !ranges.is_empty() {
        write(format!("  ip daddr {} accept", set(ranges.into_iter())));
    }
    let private = PRIVATE.iter().filter(|range| range.is_v4()).map(ToString::to_string);
    write(format!("  ip daddr {} drop", set(private)));
    write(" }\n chain here {\n  type filter hook input priority filter - 5; policy accept;".into());
    write(format!("  iifname \"{outward}*\" jump tohost\n  iifname \"{inward}*\" jump tohost"));
    write(" }\n chain tohost {\n  ct state established,related accept".into());
    let opened: Vec<String> = alone().map(ToString::to_string).collect();
    if !opened.is_empty() {
        write(format!("  iifname \"{outward}*\" ip daddr {} accept", set(opened.into_iter())));
    }
    write("  drop\n }\n}".into());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_opened_address_comes_before_what_is_closed() {
        let owner = Owner::new("0123456789ab");
        let reach = Reach::parse("10.1.0.0/16,192.168.7.1").unwrap();
        let text = rules("t", &owner, &reach, &["192.0.2.53".parse().unwrap(), "127.0.0.53".parse().unwrap()]);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}"));
        assert!(at("192.168.7.1/32") < at("169.254.0.0/16"));
        assert!(at("169.254.0.0/16") < at("{ 10.1.0.0/16 } accept"));
        assert!(at("{ 10.1.0.0/16 } accept") < at("172.16.0.0/12"));
        assert!(at("192.0.2.53/32") < at("192.168.7.1/32"));
    }
}
