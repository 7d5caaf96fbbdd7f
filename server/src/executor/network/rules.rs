//! The configuration of the namespace, as input for `ip` and `nft`.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use super::policy::Policy;
use crate::outbound::metadata;
use crate::outbound::range::Range;
use crate::outbound::reach::{LOOPBACK, PRIVATE, SPECIAL};

/// Where DNS queries are answered inside the sandbox.
pub(super) const RESOLVER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 53);

/// The sandbox's own address, reserved for hosts without a real one (RFC 7600). Programs assume that a host with
/// nothing
/// but loopback addresses has no network.
const INSIDE: Ipv4Addr = Ipv4Addr::new(192, 0, 0, 8);

/// Input for `ip -batch`: routes everything to the loopback interface, where it is redirected or refused.
pub(super) fn links() -> String {
    format!("link set lo up\naddress add {INSIDE}/32 dev lo\nroute add default dev lo src {INSIDE}\n")
}

/// Input for `nft`: refuses some addresses outright, and redirects everything else to `port`.
pub(super) fn rules(policy: &Policy, own: &[IpAddr], port: u16) -> String {
    let mut text =
        String::from("table inet eventflow {\n chain out {\n  type filter hook output priority -150; policy accept;\n");
    let mut rule = |rule: &str| {
        let _ = writeln!(text, "  {rule}");
    };
    rule(&format!("ip daddr {{ {LOOPBACK}, {INSIDE} }} accept"));
    rule("ip6 daddr ::1 accept");
    rule("meta nfproto ipv6 reject");
    rule("meta l4proto != tcp reject with icmpx type admin-prohibited");
    if let Some(listed) = policy.listed() {
        let names = listed.stand_ins();
        if !names.is_empty() {
            rule(&format!("ip daddr {} accept", set(names.into_iter().map(|name| name.to_string()))));
        }
        let ranges: Vec<Range> = listed.ranges().iter().copied().filter(Range::is_v4).collect();
        match ranges.is_empty() {
            true => rule(REFUSE),
            false => rule(&format!("ip daddr != {} {REFUSE}", set(ranges.iter().map(Range::to_string)))),
        }
    }
    let opened = || policy.reach().opened().iter().filter(|range| range.is_v4());
    let alone: Vec<String> = opened().filter(|range| range.is_single()).map(Range::to_string).collect();
    if !alone.is_empty() {
        rule(&format!("ip daddr {} accept", set(alone.into_iter())));
    }
    let own = own.iter().filter(|address| address.is_ipv4()).map(IpAddr::to_string);
    let clouds = metadata::ADDRESSES.iter().filter(|address| address.is_ipv4()).map(IpAddr::to_string);
    let special = SPECIAL.iter().filter(|range| range.is_v4()).map(Range::to_string);
    rule(&format!("ip daddr {} {REFUSE}", set(own.chain(clouds).chain(special))));
    let ranges: Vec<String> = opened().filter(|range| !range.is_single()).map(Range::to_string).collect();
    if !ranges.is_empty() {
        rule(&format!("ip daddr {} accept", set(ranges.into_iter())));
    }
    let private = PRIVATE.iter().filter(|range| range.is_v4()).map(Range::to_string);
    rule(&format!("ip daddr {} {REFUSE}", set(private)));
    text.push_str(" }\n chain turn {\n  type nat hook output priority -100; policy accept;\n");
    if policy.host_loopback() {
        let loopback = policy.reach().opened().iter().filter(|range| range.is_within(&LOOPBACK));
        let loopback: Vec<String> = loopback.map(Range::to_string).collect();
        let _ = writeln!(
            text,
            "  ip daddr {RESOLVER} accept\n  ip daddr {} meta l4proto tcp redirect to :{port}",
            set(loopback.into_iter())
        );
    }
    let _ =
        writeln!(text, "  ip daddr {{ {LOOPBACK}, {INSIDE} }} accept\n  meta l4proto tcp redirect to :{port}\n }}\n}}");
    text
}

const REFUSE: &str = "reject with tcp reset";

/// An anonymous set. Its parts may overlap, which `nft` would refuse: those contained in others are left out.
pub(in crate::executor) fn set(parts: impl Iterator<Item = String>) -> String {
    let ranges: Vec<Range> = parts.filter_map(|part| Range::parse(&part)).collect();
    let mut kept: Vec<Range> = Vec::new();
    for range in &ranges {
        if !kept.iter().any(|other| range.is_within(other)) {
            kept.retain(|other| !other.is_within(range));
            kept.push(*range);
        }
    }
    let texts: Vec<String> = kept.iter().map(Range::to_string).collect();
    format!("{{ {} }}", texts.join(", "))
}

/// Rules of every kind, to test whether a host accepts them.
pub fn example() -> (String, String) {
    let policy = Policy::example();
    (links(), rules(&policy, &[IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))], 40_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_nothing_twice() {
        let parts =
            ["10.0.0.1", "10.0.0.0/8", "10.1.0.0/16", "169.254.169.254", "169.254.0.0/16", "1.1.1.1", "1.1.1.1/32"];
        let text = set(parts.iter().map(|part| (*part).to_owned()));
        assert_eq!(text, "{ 10.0.0.0/8, 169.254.0.0/16, 1.1.1.1/32 }");
    }

    #[test]
    fn what_a_list_leaves_out_is_refused_before_anything_is_accepted() {
        let (_, text) = example();
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in {text}"));
        assert!(at("198.18.0.1/32") < at("ip daddr != { 192.0.2.0/24 }"));
        assert!(at("ip daddr != { 192.0.2.0/24 }") < at("ip daddr { 10.0.0.9/32"));
        assert!(at("ip daddr { 10.0.0.9/32") < at("169.254.0.0/16"));
        assert!(at("169.254.0.0/16") < at("ip daddr { 10.0.0.0/8 } accept"));
    }
}
