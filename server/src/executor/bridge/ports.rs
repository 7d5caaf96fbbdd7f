//! The ports that a program listens on, according to the kernel's view of its network namespace.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENS: &str = "0A";

/// The listening sockets of this network namespace that belong to the user; empty if the kernel does not show them.
pub(super) fn listening(user: u32) -> BTreeSet<SocketAddr> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    parse(&read("/proc/self/net/tcp"), user).chain(parse(&read("/proc/self/net/tcp6"), user)).collect()
}

fn parse(table: &str, user: u32) -> impl Iterator<Item = SocketAddr> {
    table.lines().skip(1).filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _, state) = (fields.next()?, fields.next()?, fields.next()?);
        let owner: u32 = fields.nth(3)?.parse().ok()?;
        (state == LISTENS && owner == user).then(|| address(local)).flatten()
    })
}

/// An address to connect to, for one that is listened on: each four-byte word is in the processor's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let words: Vec<[u8; 4]> = (0..ip.len() / 8)
        .map(|index| u32::from_str_radix(ip.get(index * 8..index * 8 + 8)?, 16).ok().map(u32::to_ne_bytes))
        .collect::<Option<_>>()?;
    let bytes = words.concat();
    let four = || <[u8; 4]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::from(Ipv4Addr::from(bytes)));
    let six = || <[u8; 16]>::try_from(bytes.as_slice()).map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)));
    let ip = four().or_else(|_| six()).ok()?;
    let ip = match ip {
        // A socket that listens on all addresses is reached at loopback; one on IPv6 mostly by IPv4, too.
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_listens_is_found_in_the_kernels_tables() {
        let four = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 00000000:1092 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0 100 0 0 10 0\n\
             1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1 0 100 0 0 10 0\n\
             2: 0100007F:1F91 0100007F:1092 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 100 0 0 10 0\n";
        let six = "  sl  local_address rem_address st\n\
             0: 00000000000000000000000001000000:0BB8 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4 1 0\n";
        let found: Vec<_> = parse(four, 1000).chain(parse(six, 1000)).collect();
        let expected: [SocketAddr; 2] = ["127.0.0.1:4242".parse().unwrap(), "[::1]:3000".parse().unwrap()];
        if cfg!(target_endian = "little") {
            assert_eq!(found, expected);
        }
        assert_eq!(parse("garbage\nx y z\n1: 2:3 4 0A", 1000).count(), 0);
    }

    #[test]
    fn a_listener_of_ones_own_is_seen() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = nix::unistd::geteuid().as_raw();
        assert!(listening(own).contains(&listener.local_addr().unwrap()));
    }
}
