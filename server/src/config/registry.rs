//! The registry that built images are pushed to: `EVENTFLOW_REGISTRY`.

use std::fmt;

use domain::address::decoded;
use url::{Host, Url};

/// The folder of a registry that built images are put into if the setting names none.
const PREFIX: &str = "eventflow";

/// A registry, a folder in it that is EventFlow's alone, and the login for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Registry {
    /// Host, and port if it has one, as the names of images have them.
    pub host: String,
    /// The folder, without slashes around it.
    pub prefix: String,
    /// User and password.
    pub login: Option<(String, String)>,
}

impl Registry {
    /// Reads `https://USER:PASSWORD@HOST/PREFIX`; `http://` is for registries on loopback.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_loopback = match url.host()? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            // Engines take no such address for the host of an image.
            Host::Ipv6(_) => return None,
        };
        let scheme = match url.scheme() {
            "https" => true,
            "http" => is_loopback,
            _ => false,
        };
        if !scheme || url.query().is_some() || url.fragment().is_some() {
            return None;
        }
        let name = url.host_str()?;
        let host = match url.port() {
            Some(port) => format!("{name}:{port}"),
            // Without a dot or a port it would be taken for a folder of Docker Hub.
            None if name.contains('.') || name == "localhost" => name.to_owned(),
            None => return None,
        };
        let prefix = url.path().trim_matches('/');
        let prefix = if prefix.is_empty() { PREFIX } else { prefix };
        if !prefix.split('/').all(is_component) {
            return None;
        }
        let plain = |text: &str| String::from_utf8(decoded(text)).ok().filter(|text| !text.is_empty());
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((plain(user)?, plain(password?)?)),
        };
        Some(Self { host, prefix: prefix.to_owned(), login })
    }
}

/// Whether a text is a folder's name in a registry.
fn is_component(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(edge) && text.ends_with(edge) && text.chars().all(|c| edge(c) || "._-".contains(c))
}

/// Hides the login.
impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("host", &self.host).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The name of an image, as far as that can be told without its registry.
pub(super) fn image_name(text: &str) -> Option<String> {
    const MAX_BYTES: usize = 512;
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    (!text.is_empty() && text.len() <= MAX_BYTES && text.chars().all(allowed)).then(|| text.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_has_a_folder_of_our_own_and_may_have_a_login() {
        let of = |text: &str| {
            let Registry { host, prefix, login } = Registry::parse(text).unwrap();
            (host, prefix, login.map(|(user, password)| format!("{user} {password}")))
        };
        let expected = |host: &str, prefix: &str, login: Option<&str>| {
            (host.to_owned(), prefix.to_owned(), login.map(str::to_owned))
        };
        assert_eq!(of("https://registry.example"), expected("registry.example", "eventflow", None));
        assert_eq!(
            of("https://me:p%40ss@registry.example:5000/team/fn/"),
            expected("registry.example:5000", "team/fn", Some("me p@ss"))
        );
        assert_eq!(of("http://127.0.0.1:5000"), expected("127.0.0.1:5000", "eventflow", None));
        assert!(!format!("{:?}", Registry::parse("https://me:hunter2@registry.example").unwrap()).contains("hunter2"));
    }

    #[test]
    fn what_no_engine_could_use_is_refused() {
        for text in [
            "registry.example",
            "http://registry.example",
            "https://registry",
            "https://registry.example/UPPER",
            "https://registry.example/a/../b c",
            "https://me@registry.example",
            "https://registry.example/?a=b",
            "ftp://registry.example",
        ] {
            assert_eq!(Registry::parse(text), None, "{text}");
        }
    }
}
