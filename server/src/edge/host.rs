//! The names that the server is called by (`Host`, RFC 9110, section 7.2).
//!
//! A stranger's page can reach this server by its own name if it lets that resolve here (DNS rebinding), and the
//! browser would then treat both as one origin. Such a name is refused.

use crate::config::{Edge, Settings};

/// The accepted names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Names {
    /// The machine's own names, with `--dev`, whose credentials are public.
    Loopback,
    /// The name in the public URL, and the machine's own.
    Public(String),
    /// Any name, because none is configured. Nothing that matters may be derived from the name then.
    Any,
}

/// A function that has its own host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionHost {
    /// The namespace; `None` is the default one.
    pub namespace: Option<String>,
    /// The function.
    pub name: String,
}

/// The owner of a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// One of the platform's names.
    Ours,
    /// A function's host.
    Function(FunctionHost),
    /// A name that is not served here.
    Strange,
}

impl Names {
    pub(super) fn of(settings: &Settings) -> Self {
        match &settings.edge.public_url {
            _ if settings.dev => Self::Loopback,
            Some(url) => Self::Public(url.host.clone()),
            None => Self::Any,
        }
    }

    /// The names that are accepted, for an error message.
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Loopback => "with --dev it is localhost, 127.0.0.1 or [::1]".to_owned(),
            Self::Public(host) => format!("EVENTFLOW_PUBLIC_URL says that it is {host}"),
            Self::Any => "it is a host name or an address, with or without a port".to_owned(),
        }
    }

    /// Whom the name in an authority (`name:port`) belongs to. Names are compared in lower case.
    pub(super) fn classify(&self, edge: &Edge, authority: &str) -> Whose {
        let Some(name) = name_of(authority) else { return Whose::Strange };
        // Our own names come first: they may lie below the functions' domain, or be it (`localhost`).
        let ours = match self {
            Self::Public(host) => name.eq_ignore_ascii_case(host),
            Self::Loopback | Self::Any => false,
        };
        if ours || is_loopback(name) {
            return Whose::Ours;
        }
        if let Some(domain) = &edge.functions_host
            && let Some(labels) = below(name, domain)
        {
            return function(labels).map_or(Whose::Strange, Whose::Function);
        }
        if *self == Self::Any { Whose::Ours } else { Whose::Strange }
    }
}

/// The name in an authority, without its port; `None` if the text is not an authority.
pub(super) fn name_of(authority: &str) -> Option<&str> {
    let (name, rest) = match authority.strip_prefix('[') {
        Some(inner) => {
            let end = inner.find(']')? + 2;
            inner[..end - 2].parse::<std::net::Ipv6Addr>().ok()?;
            authority.split_at(end)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    let is_port = port.is_empty() || (rest.starts_with(':') && port.parse::<u16>().is_ok());
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let is_name = name.starts_with('[') || (!name.is_empty() && name.bytes().all(fits));
    // A name may end with the root's dot.
    (is_port && is_name).then(|| name.strip_suffix('.').unwrap_or(name))
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost") || matches!(name, "127.0.0.1" | "[::1]")
}

/// The labels in front of a domain.
fn below<'n>(name: &'n str, domain: &str) -> Option<&'n str> {
    let at = name.len().checked_sub(domain.len())?;
    let (front, back) = (name.get(..at)?, name.get(at..)?);
    if !back.eq_ignore_ascii_case(domain) {
        return None;
    }
    if front.is_empty() { Some("") } else { front.strip_suffix('.') }
}

/// `NAME`, or `NAME.NAMESPACE`: names hold no dots, so that no two functions share a host.
fn function(labels: &str) -> Option<FunctionHost> {
    let labels = labels.to_ascii_lowercase();
    let mut labels = labels.split('.');
    let (name, namespace) = (labels.next()?, labels.next());
    let fit = domain::name::fits(name) && namespace.is_none_or(domain::name::fits) && labels.next().is_none();
    fit.then(|| FunctionHost { namespace: namespace.map(str::to_owned), name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::PublicUrl;

    #[test]
    fn a_name_is_read_without_its_port() {
        for (authority, name) in [
            ("localhost", Some("localhost")),
            ("localhost:8080", Some("localhost")),
            ("localhost.:8080", Some("localhost")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("a:", Some("a")),
            ("", None),
            (":80", None),
            ("a:b", None),
            ("a:99999", None),
            ("a:80:80", None),
            ("u@a", None),
            ("a/b", None),
            ("[::1", None),
            ("[x]", None),
            ("[::1]x", None),
            ("a b", None),
            ("ä", None),
        ] {
            assert_eq!(name_of(authority), name, "{authority}");
        }
    }

    #[test]
    fn only_our_names_are_ours() {
        let edge = Edge::default();
        let public = Names::Public("flow.example.com".into());
        for (authority, loopback, of_public, any) in [
            ("localhost:8080", true, true, true),
            ("LOCALHOST", true, true, true),
            ("127.0.0.1:1", true, true, true),
            ("[::1]:8080", true, true, true),
            ("flow.example.com", false, true, true),
            ("Flow.Example.Com:443", false, true, true),
            ("evil.example", false, false, true),
            ("localhost.evil.example", false, false, true),
            ("flow.example.com.evil.example", false, false, true),
            ("evilflow.example.com", false, false, true),
            ("127.0.0.1.evil.example", false, false, true),
            ("127.0.0.1@evil.example", false, false, false),
            ("169.254.169.254", false, false, true),
        ] {
            for (names, ours) in [(&Names::Loopback, loopback), (&public, of_public), (&Names::Any, any)] {
                let expected = if ours { Whose::Ours } else { Whose::Strange };
                assert_eq!(names.classify(&edge, authority), expected, "{authority} {names:?}");
            }
        }
    }

    #[test]
    fn each_function_has_a_host_of_its_own() {
        let edge = Edge { functions_host: Some("fn.example.com".into()), ..Edge::default() };
        let of = |namespace: Option<&str>, name: &str| {
            Whose::Function(FunctionHost { namespace: namespace.map(str::to_owned), name: name.to_owned() })
        };
        for (authority, whose) in [
            ("hello.fn.example.com", of(None, "hello")),
            ("Hello-World.FN.example.com:8080", of(None, "hello-world")),
            ("a--b.fn.example.com", of(None, "a--b")),
            ("hello.team-a.fn.example.com", of(Some("team-a"), "hello")),
            ("fn.example.com", Whose::Strange),
            (".fn.example.com", Whose::Strange),
            ("a.b.c.fn.example.com", Whose::Strange),
            ("a_b.fn.example.com", Whose::Strange),
            ("evilfn.example.com", Whose::Ours),
        ] {
            assert_eq!(Names::Any.classify(&edge, authority), whose, "{authority}");
        }
        assert_eq!(Names::Loopback.classify(&edge, "hello.fn.example.com"), of(None, "hello"));
    }

    #[test]
    fn our_own_name_may_be_below_the_domain_of_the_functions() {
        let edge = Edge { functions_host: Some("example.com".into()), ..Edge::default() };
        assert_eq!(Names::Public("flow.example.com".into()).classify(&edge, "flow.example.com"), Whose::Ours);
        let edge = Edge { functions_host: Some("localhost".into()), ..Edge::default() };
        assert_eq!(Names::Loopback.classify(&edge, "localhost:8080"), Whose::Ours);
        let hello = FunctionHost { namespace: None, name: "hello".into() };
        assert_eq!(Names::Loopback.classify(&edge, "hello.localhost:8080"), Whose::Function(hello));
    }

    #[test]
    fn development_has_only_loopback_whatever_the_public_url_is() {
        let url = PublicUrl { secure: true, host: "flow.example".into(), authority: "flow.example".into() };
        let mut settings = Settings::new(std::path::Path::new("/nowhere"));
        assert_eq!(Names::of(&settings), Names::Any);
        settings.edge.public_url = Some(url);
        assert_eq!(Names::of(&settings), Names::Public("flow.example".into()));
        settings.dev = true;
        assert_eq!(Names::of(&settings), Names::Loopback);
    }
}
