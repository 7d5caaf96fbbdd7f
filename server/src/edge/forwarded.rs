//! The proxy headers: `Forwarded` (RFC 7239), `X-Forwarded-For`, `-Proto` and `-Host`.
//!
//! Only to be used for requests from a trusted proxy. Each proxy appends what it sees to a list, so only its end can be
//! trusted: up to the first address that is not a trusted proxy. A proxy that writes one kind of header may pass on the
//! other one unchanged from the caller: if both exist and differ, neither is trusted.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;

use crate::config::Networks;

/// What the headers say about the caller; absent if nothing trustworthy does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Forwarded<'h> {
    pub address: Option<IpAddr>,
    pub secure: Option<bool>,
    pub host: Option<&'h str>,
}

/// Reads the headers of a request from a trusted proxy.
pub(super) fn read<'h>(headers: &'h HeaderMap, trusted: &Networks) -> Forwarded<'h> {
    let (one, other) = (x_forwarded(headers, trusted), standard(headers, trusted));
    Forwarded {
        address: agreed(one.address, other.address),
        secure: agreed(one.secure, other.secure),
        host: agreed(one.host, other.host),
    }
}

fn agreed<T: PartialEq>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => (one == other).then_some(one),
        (one, other) => one.or(other),
    }
}

fn x_forwarded<'h>(headers: &'h HeaderMap, trusted: &Networks) -> Forwarded<'h> {
    let last = |name| list(headers, name).next_back();
    let mut address = None;
    for text in list(headers, "x-forwarded-for").rev() {
        let Some(hop) = address_of(text) else { break };
        address = Some(hop);
        if !trusted.contain(hop) {
            break;
        }
    }
    Forwarded { address, secure: last("x-forwarded-proto").and_then(is_secure), host: last("x-forwarded-host") }
}

fn standard<'h>(headers: &'h HeaderMap, trusted: &Networks) -> Forwarded<'h> {
    let mut forwarded = Forwarded::default();
    for element in list(headers, "forwarded").rev() {
        let parameter = |name: &str| {
            element.split(';').find_map(|pair| {
                let (key, value) = pair.split_once('=')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
            })
        };
        let hop = parameter("for").and_then(address_of);
        let secure = parameter("proto").and_then(is_secure);
        forwarded = Forwarded {
            address: hop.or(forwarded.address),
            secure: secure.or(forwarded.secure),
            host: parameter("host").or(forwarded.host),
        };
        if hop.is_none_or(|hop| !trusted.contain(hop)) {
            break;
        }
    }
    forwarded
}

/// The elements of a header that is a list, in their order.
fn list<'h>(headers: &'h HeaderMap, name: &str) -> impl DoubleEndedIterator<Item = &'h str> {
    let values: Vec<_> = headers.get_all(name).filter_map(|value| value.to_str().ok()).collect();
    values.into_iter().flat_map(|value| value.split(',')).map(str::trim).filter(|text| !text.is_empty())
}

fn is_secure(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("https") => Some(true),
        _ if text.eq_ignore_ascii_case("http") => Some(false),
        _ => None,
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))?;
    Some(IpAddr::to_canonical(&address))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn forwarded(pairs: &[(&'static str, &'static str)]) -> (Option<String>, Option<bool>, Option<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let forwarded = read(&headers, &Networks::parse("10.0.0.0/8").unwrap());
        (forwarded.address.map(|address| address.to_string()), forwarded.secure, forwarded.host.map(str::to_owned))
    }

    fn address(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        forwarded(pairs).0
    }

    #[test]
    fn the_end_of_the_list_counts_and_not_what_the_caller_put_before_it() {
        let of = |value| address(&[("x-forwarded-for", value)]);
        assert_eq!(of("192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("6.6.6.6, 192.0.2.1").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("6.6.6.6, 192.0.2.1, 10.0.0.2").as_deref(), Some("192.0.2.1"));
        assert_eq!(of("10.0.0.3, 10.0.0.2").as_deref(), Some("10.0.0.3"), "all of them are proxies");
        assert_eq!(of("6.6.6.6, nonsense, 10.0.0.2").as_deref(), Some("10.0.0.2"));
        assert_eq!(of("nonsense"), None);
        assert_eq!(of("[2001:db8::1]:4711").as_deref(), Some("2001:db8::1"));
        assert_eq!(of("192.0.2.1:4711").as_deref(), Some("192.0.2.1"));
        let twice = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1")];
        assert_eq!(address(&twice).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn the_standard_header_says_the_same() {
        let all = forwarded(&[(
            "forwarded",
            "for=6.6.6.6, For=\"192.0.2.1\";proto=https;host=flow.example, for=10.0.0.2;proto=http",
        )]);
        assert_eq!(all, (Some("192.0.2.1".into()), Some(true), Some("flow.example".into())));
        assert_eq!(address(&[("forwarded", "for=\"[2001:db8::1]:4711\"")]).as_deref(), Some("2001:db8::1"));
        assert_eq!(address(&[("forwarded", "for=_hidden")]), None);
    }

    #[test]
    fn headers_that_contradict_each_other_are_not_believed() {
        let pair =
            [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=6.6.6.6;proto=https"), ("x-forwarded-proto", "http")];
        assert_eq!(forwarded(&pair), (None, None, None));
        let same = [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.1")];
        assert_eq!(address(&same).as_deref(), Some("192.0.2.1"));
    }
}
