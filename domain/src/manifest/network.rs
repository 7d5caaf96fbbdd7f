//! Network access of a function: none, open, or a list of hosts.

use core::net::IpAddr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Network access of a process. In `function.json` it is `false`, `true`, or a list of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Network {
    /// No access.
    #[default]
    None,
    /// Everything that the server's settings allow.
    Open,
    /// Within what [`Network::Open`] allows, only these host names, addresses and ranges such as `10.1.2.0/24`.
    Only(Vec<String>),
}

/// The maximum number of hosts in a list.
pub const MAX_HOSTS: usize = 64;

/// The maximum length of a host name (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

impl Network {
    /// Whether there is any access.
    pub fn is_some(&self) -> bool {
        *self != Self::None
    }
}

/// What is wrong with an entry of a list of hosts, if anything.
pub fn host_fault(host: &str) -> Option<&'static str> {
    let (address, length) = match host.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (host, None),
    };
    if let Ok(address) = address.parse::<IpAddr>() {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let fits = length.is_none_or(|text| digits(text) && text.parse::<u32>().is_ok_and(|length| length <= bits));
        return (!fits).then_some("the length of the range is not a number of bits of the address, as in 10.1.2.0/24");
    }
    let label = |text: &str| {
        (1..=MAX_LABEL).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !text.starts_with('-')
            && !text.ends_with('-')
    };
    // Many programs treat a name whose last part is a number as an address.
    let number = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let is_name = length.is_none() && host.len() <= MAX_NAME && host.split('.').all(label) && !number;
    (!is_name).then_some("it must be a host name, an address, or a range such as 10.1.2.0/24, without scheme and port")
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::None => serializer.serialize_bool(false),
            Self::Open => serializer.serialize_bool(true),
            Self::Only(hosts) => hosts.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Shape {
            Bool(bool),
            Hosts(Vec<String>),
        }
        match Shape::deserialize(deserializer)
            .map_err(|_| D::Error::custom("neither true, false nor a list of hosts"))?
        {
            Shape::Bool(false) => Ok(Self::None),
            Shape::Bool(true) => Ok(Self::Open),
            Shape::Hosts(hosts) => Ok(Self::Only(hosts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_stored_as_a_boolean_is_read_and_written_as_one() {
        for (text, network) in [
            ("false", Network::None),
            ("true", Network::Open),
            (
                r#"["api.example.com","10.1.2.0/24"]"#,
                Network::Only(vec!["api.example.com".into(), "10.1.2.0/24".into()]),
            ),
            ("[]", Network::Only(Vec::new())),
        ] {
            assert_eq!(serde_json::from_str::<Network>(text).unwrap(), network);
            assert_eq!(serde_json::to_string(&network).unwrap(), text);
        }
        for text in ["1", "null", "\"example.com\"", "[1]", "{}"] {
            assert!(serde_json::from_str::<Network>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_a_name_an_address_or_a_range() {
        for host in ["example.com", "db", "a-b.c_d.example", "10.1.2.3", "10.1.2.0/24", "::1", "fd00::/8", "0.0.0.0/0"]
        {
            assert_eq!(host_fault(host), None, "{host}");
        }
        let long = format!("{}.com", "a".repeat(64));
        for host in [
            "",
            ".",
            "a..b",
            "example.com.",
            "-a.com",
            "http://example.com",
            "example.com:443",
            "example.com/24",
            "10.1.2.0/33",
            "10.1.2.0/",
            "10.1.2.0/+8",
            "::/129",
            "10.1.2",
            "1.2.3.4.5",
            "*.example.com",
            "münchen.de",
            &long,
        ] {
            assert!(host_fault(host).is_some(), "{host}");
        }
    }
}
