//! The address of a function as its callers see it: what the function learns of it, and how addresses in its answers
//! are rewritten.
//!
//! A function sees its own paths, beginning with `/`. Below `/function/NAME`, callers see the same paths behind a
//! prefix. A program that knows the prefix (`X-Forwarded-Prefix`, `SCRIPT_NAME`) answers with addresses that include
//! it, others without; both mean the same. An address on this origin in a function's answer therefore always leads to
//! the function's own paths: a browser that follows it sends the session cookie along, and a function must not lead it
//! to another function or into the platform.

use std::borrow::Cow;
use std::net::IpAddr;

use actix_web::HttpRequest;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use url::Url;

use super::passing::Origin;
use crate::config::Settings;
use crate::edge::origin::Origin as From;

/// Headers of an answer that contain an address.
pub(super) const HEADERS: [&str; 2] = ["location", "content-location"];

/// The maximum length of an address that is passed on.
const MAX_ADDRESS: usize = 8 << 10;

/// The address of a function for one call.
#[derive(Debug)]
pub(super) struct Address<'r> {
    origin: Origin,
    client: Option<IpAddr>,
    secure: bool,
    host: &'r str,
    /// The prefix of the function's own paths; empty on its own host.
    prefix: Cow<'r, str>,
    /// The called path, as the function sees it.
    rest: &'r str,
    settings: &'r Settings,
}

impl<'r> Address<'r> {
    /// The address for a request of `rest`, one of the function's paths.
    pub(super) fn of(request: &'r HttpRequest, rest: &'r str, origin: Origin, settings: &'r Settings) -> Self {
        let path = request.uri().path();
        let prefix = match origin {
            Origin::Shared => path.strip_suffix(rest).unwrap_or(path),
            Origin::Own => "",
        };
        // For an asynchronous call, the function's address is that of its synchronous calls.
        let prefix = match prefix.strip_prefix("/async-function/") {
            Some(name) => format!("/function/{name}").into(),
            None => prefix.into(),
        };
        let from = From::of_head(request.head(), &settings.edge);
        let rest = if rest.is_empty() { "/" } else { rest };
        Self {
            origin,
            client: from.address,
            secure: from.secure,
            host: from.name().unwrap_or("localhost"),
            prefix,
            rest,
            settings,
        }
    }

    /// The path that the function is served below.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The called path, as the function sees it.
    pub(super) fn path(&self) -> &'r str {
        self.rest
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// The headers to record, so that a call that is executed later, or again, knows its address as well.
    pub(super) fn forwarded(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let prefix = (!self.prefix.is_empty()).then_some(("x-forwarded-prefix", &*self.prefix));
        let always = [("host", self.host), ("x-forwarded-host", self.host), ("x-forwarded-proto", self.scheme())];
        always.into_iter().chain(prefix)
    }

    /// Adds the headers that tell the function its address and the caller. The caller's own values are removed.
    pub(super) fn add_to(&self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        };
        self.forwarded().for_each(|(name, text)| set(name, text));
        let (host, proto) = (self.host, self.scheme());
        let node = match self.client {
            Some(client) => {
                set("x-forwarded-for", &client.to_string());
                match client {
                    IpAddr::V4(client) => client.to_string(),
                    IpAddr::V6(client) => format!("\"[{client}]\""),
                }
            }
            None => "unknown".to_owned(),
        };
        set("forwarded", &format!("for={node};host=\"{host}\";proto={proto}"));
    }

    /// Converts an address in a function's answer for the caller; `None` if it is invalid.
    pub(super) fn outward(&self, value: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= MAX_ADDRESS)?;
        if self.origin == Origin::Own {
            return Some(text.to_owned());
        }
        // Resolved like a browser does: dots, backslashes, tabs and all.
        let base = Url::parse(&format!("{}://{}{}", self.scheme(), self.host, self.rest)).ok()?;
        let url = base.join(text).ok()?;
        if !matches!(url.scheme(), "http" | "https") {
            return Some(text.to_owned());
        }
        if !self.is_here(&base, &url) {
            return Some(url.into());
        }
        let path = url.path();
        let own = path.strip_prefix(&*self.prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let mut mapped = if own { path.to_owned() } else { format!("{}{path}", self.prefix) };
        for (mark, part) in [('?', url.query()), ('#', url.fragment())] {
            if let Some(part) = part {
                mapped.push(mark);
                mapped.push_str(part);
            }
        }
        Some(mapped)
    }

    /// Whether an address leads to this server, by any of its names, with or without TLS.
    fn is_here(&self, base: &Url, url: &Url) -> bool {
        let name = |url: &Url| url.host_str().unwrap_or_default().trim_end_matches('.').to_owned();
        let same_port = |port: Option<u16>| url.port() == port;
        let host = name(url);
        let is_loopback = |host: &str| host == "localhost" || host == "[::1]" || host.starts_with("127.");
        let called = host == name(base) && same_port(base.port());
        let public = self.settings.edge.public_url.as_ref().is_some_and(|public| {
            let port = public.authority.strip_prefix(public.host.as_str()).and_then(|port| port.strip_prefix(':'));
            host == public.host.trim_end_matches('.') && same_port(port.and_then(|port| port.parse().ok()))
        });
        let listens = self.settings.listen.port();
        let local = is_loopback(&host)
            && (url.port_or_known_default() == Some(listens)
                || is_loopback(&name(base)) && url.port_or_known_default() == base.port_or_known_default());
        called || public || local
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::{Networks, PublicUrl};

    fn settings() -> Settings {
        let mut settings = Settings::new(std::path::Path::new("/nowhere"));
        settings.listen = ([127, 0, 0, 1], 8080).into();
        settings
    }

    fn mapped(settings: &Settings, target: &str, rest: &str, answered: &str) -> Option<String> {
        let request = TestRequest::with_uri(target).insert_header(("host", "flow.example:8080")).to_http_request();
        Address::of(&request, rest, Origin::Shared, settings).outward(answered.as_bytes())
    }

    #[test]
    fn an_address_on_this_origin_leads_into_the_functions_own_paths() {
        let table = [
            // Programs that know their prefix, and programs that do not.
            ("/login", "/function/shop/login"),
            ("/function/shop/login", "/function/shop/login"),
            ("/function/shop", "/function/shop"),
            ("/function/shop?a=b", "/function/shop?a=b"),
            ("http://flow.example:8080/login?next=/a%20b#top", "/function/shop/login?next=/a%20b#top"),
            ("http://flow.example:8080/function/shop/login", "/function/shop/login"),
            ("https://flow.example:8080/login", "/function/shop/login"),
            ("//flow.example:8080/login", "/function/shop/login"),
            ("HTTP://FLOW.example.:8080/login", "/function/shop/login"),
            ("http://user@flow.example:8080/login", "/function/shop/login"),
            // Relative to the called path, /cart/items.
            ("login", "/function/shop/cart/login"),
            ("./login", "/function/shop/cart/login"),
            ("../login", "/function/shop/login"),
            ("../../../login", "/function/shop/login"),
            ("?page=2", "/function/shop/cart/items?page=2"),
            ("#top", "/function/shop/cart/items#top"),
            ("", "/function/shop/cart/items"),
            // Never to another function, nor into the platform.
            ("/function/other", "/function/shop/function/other"),
            ("/function/shopping", "/function/shop/function/shopping"),
            ("/function/shop/../other", "/function/shop/function/other"),
            ("/function/shop/%2e%2e/other", "/function/shop/function/other"),
            ("/function/shop/.%2E/other", "/function/shop/function/other"),
            ("/\t../function/other", "/function/shop/function/other"),
            ("\\function\\other", "/function/shop/function/other"),
            ("\\\\flow.example:8080\\function\\other", "/function/shop/function/other"),
            ("http:/function/other", "/function/shop/function/other"),
            ("http:///flow.example:8080/function/other", "/function/shop/function/other"),
            ("http://127.0.0.1:8080/graphql", "/function/shop/graphql"),
            ("http://localhost:8080/auth/logout", "/function/shop/auth/logout"),
            ("http://2130706433:8080/graphql", "/function/shop/graphql"),
            ("http://[::1]:8080/graphql", "/function/shop/graphql"),
            // Other sites.
            ("https://example.com/a?b#c", "https://example.com/a?b#c"),
            ("https://example.com", "https://example.com/"),
            ("//example.com/a", "http://example.com/a"),
            ("http://flow.example:9090/login", "http://flow.example:9090/login"),
            ("http://flow.example/login", "http://flow.example/login"),
            ("http://flow.example.evil.example:8080/", "http://flow.example.evil.example:8080/"),
            ("shop://done?x=1", "shop://done?x=1"),
            ("mailto:a@example.com", "mailto:a@example.com"),
        ];
        for (answered, expected) in table {
            let found = mapped(&settings(), "/function/shop/cart/items", "/cart/items", answered);
            assert_eq!(found.as_deref(), Some(expected), "{answered:?}");
        }
        for answered in ["http://", "http://[::1", "//", &"x".repeat(MAX_ADDRESS + 1)] {
            assert_eq!(mapped(&settings(), "/function/shop", "", answered), None, "{answered}");
        }
    }

    #[test]
    fn the_public_url_is_here_whatever_the_caller_called() {
        let mut settings = settings();
        let url = PublicUrl { secure: true, host: "public.example".into(), authority: "public.example".into() };
        settings.edge.public_url = Some(url);
        let of = |answered| mapped(&settings, "/function/shop", "", answered).unwrap();
        assert_eq!(of("https://public.example/function/other"), "/function/shop/function/other");
        assert_eq!(of("http://public.example/x"), "/function/shop/x");
        assert_eq!(of("https://public.example:8443/x"), "https://public.example:8443/x");
    }

    #[test]
    fn in_a_namespace_the_prefix_names_it() {
        let of = |answered| mapped(&settings(), "/function/team/shop/a", "/a", answered).unwrap();
        assert_eq!(of("b"), "/function/team/shop/b");
        assert_eq!(of("/function/shop/b"), "/function/team/shop/function/shop/b");
    }

    #[test]
    fn a_function_lives_at_one_place_though_nobody_waits_for_its_answer() {
        let request = TestRequest::with_uri("/async-function/shop/a").to_http_request();
        let settings = settings();
        assert_eq!(Address::of(&request, "/a", Origin::Shared, &settings).prefix(), "/function/shop");
    }

    #[test]
    fn on_its_own_host_a_function_leads_where_it_likes() {
        let request = TestRequest::with_uri("/a").insert_header(("host", "shop.fn.example")).to_http_request();
        let settings = settings();
        let address = Address::of(&request, "/a", Origin::Own, &settings);
        for answered in ["/login", "login", "http://flow.example/", "//x"] {
            assert_eq!(address.outward(answered.as_bytes()).as_deref(), Some(answered));
        }
        assert_eq!(address.prefix(), "");
    }

    fn forwarded(settings: &Settings, peer: &str, headers: &[(&'static str, &'static str)]) -> Vec<(String, String)> {
        let request = TestRequest::with_uri("/function/shop/a").peer_addr(format!("{peer}:4711").parse().unwrap());
        let request = headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request();
        let mut forwarded = HeaderMap::new();
        Address::of(&request, "/a", Origin::Shared, settings).add_to(&mut forwarded);
        let pairs = forwarded.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        pairs
    }

    fn pairs(pairs: [(&str, &str); 6]) -> Vec<(String, String)> {
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    const CLAIMS: [(&str, &str); 5] = [
        ("host", "inner:8080"),
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "flow.example"),
        ("x-forwarded-prefix", "/elsewhere"),
    ];

    #[test]
    fn a_function_is_told_where_it_lives_by_the_gateway_alone() {
        let mut settings = settings();
        let own = pairs([
            ("forwarded", "for=192.0.2.1;host=\"inner:8080\";proto=http"),
            ("host", "inner:8080"),
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-host", "inner:8080"),
            ("x-forwarded-prefix", "/function/shop"),
            ("x-forwarded-proto", "http"),
        ]);
        assert_eq!(forwarded(&settings, "192.0.2.1", &CLAIMS), own);
        settings.edge.trusted_proxies = Networks::parse("192.0.2.1").unwrap();
        let of_proxy = pairs([
            ("forwarded", "for=6.6.6.6;host=\"flow.example\";proto=https"),
            ("host", "flow.example"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-host", "flow.example"),
            ("x-forwarded-prefix", "/function/shop"),
            ("x-forwarded-proto", "https"),
        ]);
        assert_eq!(forwarded(&settings, "192.0.2.1", &CLAIMS), of_proxy);
        let six = forwarded(&settings, "[2001:db8::1]", &[("host", "[::1]:8080")]);
        assert_eq!(six[0].1, "for=\"[2001:db8::1]\";host=\"[::1]:8080\";proto=http");
        assert_eq!(six[2].1, "2001:db8::1");
    }
}
