//! Where a request came from, and by which name: the only place that derives this from the request.
//!
//! Proxies are trusted only if configured (`EVENTFLOW_TRUSTED_PROXIES`); for everybody else only the address of the
//! connection and the header Host count.

use std::net::IpAddr;
use std::sync::LazyLock;

use actix_web::dev::RequestHead;
use actix_web::http::header;
use actix_web::{HttpRequest, web};

use super::forwarded;
use super::host::name_of;
use crate::config::{Edge, Settings};

/// Where a request came from.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Origin<'r> {
    /// The caller's address.
    pub address: Option<IpAddr>,
    /// Whether the caller uses https.
    pub secure: bool,
    /// The authority (`name:port`) that the caller called; `None` if it named none.
    pub host: Option<&'r str>,
}

impl<'r> Origin<'r> {
    /// From a request's head.
    pub(crate) fn of_head(head: &'r RequestHead, edge: &Edge) -> Self {
        let address = head.peer_addr.map(|peer| peer.ip().to_canonical());
        let named = head.headers.get(header::HOST).and_then(|value| value.to_str().ok());
        let host = head.uri.authority().map(|authority| authority.as_str()).or(named);
        let mut origin = Self { address, secure: false, host };
        if address.is_some_and(|address| edge.trusted_proxies.contain(address)) {
            let claimed = forwarded::read(&head.headers, &edge.trusted_proxies);
            origin.address = claimed.address.or(address);
            origin.secure = claimed.secure.unwrap_or(false);
            origin.host = claimed.host.or(host);
        }
        // A call to the public name uses the public scheme, whatever proxies lie between.
        if let Some(url) = &edge.public_url
            && origin.host.and_then(name_of).is_some_and(|name| name.eq_ignore_ascii_case(&url.host))
        {
            origin.secure = url.secure;
        }
        origin
    }

    /// The authority that the caller called, if it is a valid one.
    pub(crate) fn name(&self) -> Option<&'r str> {
        self.host.filter(|host| name_of(host).is_some())
    }

    /// From a request.
    pub(crate) fn of(request: &'r HttpRequest) -> Self {
        static UNSET: LazyLock<Edge> = LazyLock::new(Edge::default);
        let settings = request.app_data::<web::Data<Settings>>();
        Self::of_head(request.head(), settings.map_or(&UNSET, |settings| &settings.edge))
    }
}

/// The server's base URL for links: the public URL, or the one that the caller used.
pub(crate) fn base_url(request: &HttpRequest) -> String {
    let settings = request.app_data::<web::Data<Settings>>();
    if let Some(url) = settings.and_then(|settings| settings.edge.public_url.as_ref()) {
        return url.to_string();
    }
    let origin = Origin::of(request);
    let host = origin.name().unwrap_or("localhost");
    format!("{}://{host}", if origin.secure { "https" } else { "http" })
}

/// The URL of a function, below the server's `base` or on a host of its own.
pub(crate) fn function_url(settings: &Settings, base: &str, namespace: &str, name: &str) -> String {
    let is_default = namespace == settings.namespace;
    let Some(domain) = &settings.edge.functions_host else {
        return match is_default {
            true => format!("{base}/function/{name}"),
            false => format!("{base}/function/{namespace}/{name}"),
        };
    };
    let (scheme, authority) = base.split_once("://").unwrap_or(("http", base));
    let port = name_of(authority).map_or("", |name| &authority[name.len()..]);
    match is_default {
        true => format!("{scheme}://{name}.{domain}{port}/"),
        false => format!("{scheme}://{name}.{namespace}.{domain}{port}/"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;
    use crate::config::{Networks, PublicUrl};

    fn edge(proxies: &str, public: Option<(&str, bool)>) -> Edge {
        let public = public.map(|(host, secure)| PublicUrl { secure, host: host.into(), authority: host.into() });
        Edge { trusted_proxies: Networks::parse(proxies).unwrap(), public_url: public, ..Edge::default() }
    }

    const CLAIMS: [(&str, &str); 4] = [
        ("host", "inner:8080"),
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "flow.example"),
    ];

    fn origin(edge: &Edge, peer: &str) -> (String, bool, String) {
        let request = TestRequest::default().peer_addr(format!("{peer}:4711").parse().unwrap());
        let request = CLAIMS.iter().fold(request, |request, header| request.insert_header(*header)).to_http_request();
        let origin = Origin::of_head(request.head(), edge);
        (origin.address.unwrap().to_string(), origin.secure, origin.host.unwrap().to_owned())
    }

    #[test]
    fn only_a_configured_proxy_is_believed() {
        let own = ("10.0.0.1".to_owned(), false, "inner:8080".to_owned());
        assert_eq!(origin(&edge("", None), "10.0.0.1"), own);
        assert_eq!(origin(&edge("10.0.0.2", None), "10.0.0.1"), own);
        let claimed = ("192.0.2.7".to_owned(), true, "flow.example".to_owned());
        assert_eq!(origin(&edge("10.0.0.0/8", None), "10.0.0.1"), claimed);
    }

    #[test]
    fn who_calls_the_public_name_uses_its_scheme() {
        let of = |public| origin(&edge("", Some(public)), "10.0.0.1").1;
        assert!(of(("inner", true)));
        assert!(!of(("inner", false)));
        assert!(!of(("flow.example", true)), "another name, of which a stranger speaks");
    }

    #[test]
    fn a_function_is_below_the_server_or_on_its_own_host() {
        let mut settings = Settings::new(std::path::Path::new("/nowhere"));
        let url = |settings: &Settings, base: &str, namespace: &str| function_url(settings, base, namespace, "hello");
        assert_eq!(url(&settings, "http://a:80", "default"), "http://a:80/function/hello");
        assert_eq!(url(&settings, "http://a:80", "team"), "http://a:80/function/team/hello");
        settings.edge.functions_host = Some("fn.example".into());
        assert_eq!(url(&settings, "https://flow.example", "default"), "https://hello.fn.example/");
        assert_eq!(url(&settings, "http://[::1]:8080", "team"), "http://hello.team.fn.example:8080/");
    }
}
