//! The location of a repository, from its address: on the web, behind SSH, or on the server's own disk.
//!
//! Refuses what Git could mistake for something other than an address, and what is not allowed. Resolves no names and
//! connects to nothing.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use domain::address::{decoded, masked};
use url::{Host, Url};

use crate::outbound::Outward;
use crate::outbound::outward::is_localhost;

/// The longest address that is taken, in bytes.
const MAX_URL: usize = 2048;

/// Which repositories may be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder) struct Policy {
    /// Which addresses of the network.
    pub(in crate::builder) outward: Outward,
    /// Whether one may be on the server's own disk.
    pub(in crate::builder) local: bool,
}

/// The location of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote {
    /// `http` or `https`.
    Web { scheme: &'static str, host: String, port: u16 },
    Ssh {
        /// Who it is asked as; the server's user, or what its SSH settings say, when absent.
        user: Option<String>,
        host: String,
        port: u16,
        /// As the host takes it.
        path: String,
    },
    /// An absolute path.
    Local(PathBuf),
}

impl Remote {
    /// What an address without credentials means.
    ///
    /// # Errors
    /// For people: why it is none.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        const ALLOWED: &str = "write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the absolute path of a repository on the server";
        Self::try_parse(url).map_err(|why| {
            let shown: String = masked(url).chars().take(MAX_URL).collect();
            format!("`{}` cannot be a repository: {why}; {ALLOWED}", shown.escape_debug())
        })
    }

    fn try_parse(url: &str) -> Result<Self, String> {
        if url.is_empty() {
            return Err("it is empty".into());
        }
        if url.len() > MAX_URL {
            return Err(format!("it is longer than {MAX_URL} bytes"));
        }
        if let Some(path) = url.strip_prefix("file://").or(url.starts_with('/').then_some(url)) {
            return match path.starts_with('/') && !path.contains(|c: char| c.is_control()) {
                true => Ok(Self::Local(path.into())),
                false => Err("the path is not absolute".into()),
            };
        }
        if url.starts_with('-') || url.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err("it is not an address".into());
        }
        match url.split_once("://") {
            Some(("http" | "https", _)) => Self::web(url),
            Some(("ssh", _)) => Self::ssh(url),
            Some((scheme, _)) => Err(format!("`{scheme}` is not offered")),
            None => Self::short_ssh(url),
        }
    }

    fn web(url: &str) -> Result<Self, String> {
        // An address that is written in another way is read in another way by some.
        if url.split('/').nth(2).is_some_and(|place| place.contains('%') || !place.is_ascii()) {
            return Err("its host must be written in plain ASCII (xn--…)".into());
        }
        let url = Url::parse(url).map_err(|error| error.to_string())?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err("it must hold neither `?` nor `#`".into());
        }
        Self::of(&url)
    }

    /// The web server that a URL leads to.
    ///
    /// # Errors
    /// For people: why it leads to none.
    pub(super) fn of(url: &Url) -> Result<Self, String> {
        let scheme = match url.scheme() {
            "http" => "http",
            "https" => "https",
            other => return Err(format!("`{other}` is not offered")),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err("it names no host".into()),
        };
        let port = url.port_or_known_default().ok_or("it has no port")?;
        checked_host(&host)?;
        Ok(Self::Web { scheme, host, port })
    }

    fn ssh(url: &str) -> Result<Self, String> {
        let parsed = Url::parse(url).map_err(|error| error.to_string())?;
        if parsed.password().is_some() {
            return Err("SSH takes no password; the server's SSH key is used".into());
        }
        if !is_user(parsed.username()) || parsed.query().is_some() || parsed.fragment().is_some() {
            return Err("it is not an address".into());
        }
        let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        checked_host(&host)?;
        let path = String::from_utf8(decoded(parsed.path())).map_err(|_| "its path is not UTF-8")?;
        if path.contains(|c: char| c.is_control()) || path.trim_matches('/').is_empty() {
            return Err("it names no path".into());
        }
        // `/~user/path` is below that user's home.
        let path = path.strip_prefix('/').filter(|rest| rest.starts_with('~')).map(str::to_owned).unwrap_or(path);
        let user = Some(parsed.username().to_owned()).filter(|user| !user.is_empty());
        Ok(Self::Ssh { user, host, port: parsed.port().unwrap_or(22), path })
    }

    /// `USER@HOST:PATH`.
    fn short_ssh(url: &str) -> Result<Self, String> {
        const NONE: &str = "it is neither an address nor an absolute path";
        let (place, path) = match url.split_once('[') {
            // An IPv6 address has colons of its own.
            Some(_) => url.split_once("]:"),
            None => url.split_once(':'),
        }
        .ok_or(NONE)?;
        if path.is_empty() || path.starts_with(['-', ':']) || place.contains('/') {
            return Err(NONE.into());
        }
        // `user:password@host:path`, which Git would not understand.
        if path.split('/').next().is_some_and(|first| first.contains('@')) {
            return Err("SSH takes no password; the server's SSH key is used".into());
        }
        let (user, host) = place.rsplit_once('@').unwrap_or(("", place));
        let host = host.trim_start_matches('[').to_owned();
        checked_host(&host)?;
        match is_user(user) {
            true => {
                let user = Some(user.to_owned()).filter(|user| !user.is_empty());
                Ok(Self::Ssh { user, host, port: 22, path: path.to_owned() })
            }
            false => Err("it is not an address".into()),
        }
    }

    /// Whether it may be fetched from, as far as that is known without resolving names.
    ///
    /// # Errors
    /// For people: why it may not.
    pub(super) fn check(&self, policy: &Policy) -> Result<(), String> {
        match self {
            Self::Local(path) if !policy.local => Err(format!(
                "`{}` is on the server's disk, and this server takes no repositories from there \
                 (EVENTFLOW_ALLOW_LOCAL_REPOSITORIES); use https or ssh",
                path.display()
            )),
            Self::Local(_) => Ok(()),
            Self::Web { host, .. } | Self::Ssh { host, .. } => match literal(host) {
                Some(address) if !policy.outward.permits(address) => Err(format!(
                    "{address} is not a public address; EVENTFLOW_GIT_ALLOW lists the others that may be fetched from"
                )),
                _ => Ok(()),
            },
        }
    }
}

/// The address that a host is without resolving names.
fn literal(host: &str) -> Option<IpAddr> {
    match is_localhost(host) {
        true => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        false => host.parse().ok(),
    }
}

/// A host is a name in ASCII, or an address: nothing that one program could read otherwise than another.
fn checked_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("it names no host".into());
    }
    let is_name = host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        && !host.starts_with(['-', '.'])
        && !host.ends_with('.');
    match is_name || host.parse::<IpAddr>().is_ok() {
        true => Ok(()),
        false => Err("its host is neither a name nor an address".into()),
    }
}

fn is_user(user: &str) -> bool {
    !user.starts_with('-') && user.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+'))
}

/// The folders that a repository on this disk is made of: itself, and, where it is a work tree of another one, that one's.
pub(super) fn local_folders(path: &Path) -> Vec<PathBuf> {
    let mut folders = vec![path.to_owned()];
    let Ok(Some(link)) = super::super::files::text(path, ".git") else { return folders };
    let Some(git_dir) = link.trim().strip_prefix("gitdir: ").map(|git_dir| path.join(git_dir)) else { return folders };
    let common = super::super::files::text(&git_dir, "commondir").ok().flatten();
    let common = common.map_or(git_dir.clone(), |common| git_dir.join(common.trim()));
    if let Ok(common) = common.canonicalize()
        && common.join("objects").is_dir()
        && common.join("HEAD").is_file()
    {
        folders.push(common);
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &str) -> Policy {
        Policy { outward: Outward::parse(allow).unwrap(), local: true }
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for url in [
            "",
            "-oProxyCommand=touch /tmp/x",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c touch% /tmp/x",
            "ext::sh",
            "fd::7",
            "git://example.com/a",
            "ftp://example.com/a",
            "HTTPS://example.com/a",
            "ssh://-oProxyCommand=x/a",
            "ssh://a@-oProxyCommand=x/a",
            "ssh://user:password@host/a",
            "user:password@host:a",
            "-x@host:path",
            "host:-path",
            "relative/path",
            "../up",
            "file://relative",
            "https://",
            "https:///path?x",
            "https://host/a\nb",
            "https://host/a b",
            "https://host\\@other/a",
            "https://host/a?access_token=x",
            "https://host/a#x",
            "https://host./a",
            "https://user:pa/ss@host/a",
            "http://h%6fst/a",
            "http://host`id`/a",
            "http://h\u{f6}st/a",
            "ssh://$(id)/a",
            "ssh://host/",
            "ssh://host/a%0ab",
        ] {
            let error = Remote::parse(url).expect_err(url);
            assert!(error.contains("cannot be a repository") && !error.contains("ss@"), "{url}: {error}");
        }
        assert!(Remote::parse(&format!("https://host/{}", "x".repeat(MAX_URL))).unwrap_err().len() < MAX_URL + 500);
    }

    #[test]
    fn addresses_of_all_offered_kinds_are_taken() {
        let web = |scheme, host: &str, port| Remote::Web { scheme, host: host.into(), port };
        let ssh = |user: &str, host: &str, port, path: &str| {
            let user = Some(user.to_owned()).filter(|user| !user.is_empty());
            Remote::Ssh { user, host: host.into(), port, path: path.into() }
        };
        for (url, remote) in [
            ("https://github.com/a/b", web("https", "github.com", 443)),
            ("http://Host:8443/a.git", web("http", "host", 8443)),
            ("https://[::1]/a", web("https", "::1", 443)),
            ("ssh://git@host:2222/a/b", ssh("git", "host", 2222, "/a/b")),
            ("ssh://[::1]/a%20b", ssh("", "::1", 22, "/a b")),
            ("ssh://host/~user/a", ssh("", "host", 22, "~user/a")),
            ("git@github.com:a/b.git", ssh("git", "github.com", 22, "a/b.git")),
            ("git@[::1]:a", ssh("git", "::1", 22, "a")),
            ("host:a", ssh("", "host", 22, "a")),
            ("/srv/a b", Remote::Local("/srv/a b".into())),
            ("file:///srv/a", Remote::Local("/srv/a".into())),
        ] {
            assert_eq!(Remote::parse(url), Ok(remote), "{url}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_however_they_are_written() {
        for url in [
            "http://127.0.0.1/a",
            "http://2130706433/a",
            "http://0x7f.1/a",
            "http://[::ffff:a00:1]/a",
            "http://[::1]/a",
            "http://localhost/a",
            "http://a.LocalHost/a",
            "https://10.0.0.1/a",
            "ssh://git@127.0.0.1/a",
            "git@localhost:a",
            "git@10.0.0.1:a",
            "git@[fe80::1]:a",
        ] {
            let remote = Remote::parse(url).unwrap();
            assert!(remote.check(&policy("")).unwrap_err().contains("EVENTFLOW_GIT_ALLOW"), "{url}");
            remote.check(&policy("0.0.0.0/0,::/0")).unwrap();
        }
        // A range does not open the metadata service in it.
        let metadata = Remote::parse("http://169.254.169.254/latest/meta-data").unwrap();
        assert!(metadata.check(&policy("0.0.0.0/0")).unwrap_err().contains("EVENTFLOW_GIT_ALLOW"));
        metadata.check(&policy("169.254.169.254")).unwrap();
        Remote::parse("https://github.com/a/b").unwrap().check(&policy("")).unwrap();
    }

    #[test]
    fn local_repositories_can_be_forbidden() {
        for url in ["/", "file:///srv/a"] {
            let remote = Remote::parse(url).unwrap();
            let error = remote.check(&Policy { local: false, ..policy("") }).unwrap_err();
            assert!(error.contains("EVENTFLOW_ALLOW_LOCAL_REPOSITORIES"), "{error}");
            remote.check(&policy("")).unwrap();
        }
    }
}
