//! The route to a repository's server: its name is resolved once, each address is checked, and Git gets exactly those.
//! What the name resolves to later, or for others, does not matter.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use futures::future::BoxFuture;

use super::remote::Remote;
use crate::outbound::Outward;

/// Resolves a name.
pub(in crate::builder) type Resolve = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// As the system does.
pub(in crate::builder) fn system() -> Resolve {
    Arc::new(|host| {
        Box::pin(async move {
            // The port is only there because the call wants one.
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Why a server is not reached. For the server's own log only, because it reveals the network.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unreachable(pub(super) String);

/// The route to a web server.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Web {
    /// `HOST:PORT:ADDRESS,ADDRESS`, as `http.curloptResolve` takes it; neither for an address nor where a proxy resolves.
    pub(super) pin: Option<String>,
    /// The addresses that it leads to; none where a proxy resolves.
    pub(super) addresses: Vec<IpAddr>,
    /// Variables that name the proxy.
    pub(super) proxy: Vec<(String, String)>,
}

/// The way to a web server, by the proxy that the server's own variables name for it, or straight.
pub(super) async fn web(
    remote: &Remote,
    outward: &Outward,
    resolve: &Resolve,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Web, Unreachable> {
    let Remote::Web { scheme, host, port } = remote else {
        return Err(Unreachable("it is not on the web".into()));
    };
    if let Some(proxy) = proxy(scheme, host, variable) {
        return Ok(Web { proxy, ..Web::default() });
    }
    if let Ok(address) = host.parse() {
        return Ok(Web { addresses: vec![address], ..Web::default() });
    }
    let addresses = addresses(host, outward, resolve).await?;
    let list: Vec<_> = addresses.iter().map(bracketed).collect();
    Ok(Web { pin: Some(format!("{host}:{port}:{}", list.join(","))), addresses, proxy: Vec::new() })
}

/// The arguments with which SSH reaches a server, and starts there what Git talks to.
pub(super) async fn ssh(remote: &Remote, outward: &Outward, resolve: &Resolve) -> Result<Vec<String>, Unreachable> {
    let Remote::Ssh { user, host, port, path } = remote else {
        return Err(Unreachable("it is not behind SSH".into()));
    };
    let mut arguments = Vec::new();
    if host.parse::<IpAddr>().is_err() {
        let addresses = addresses(host, outward, resolve).await?;
        // One is all that it takes; most networks have the older kind.
        let address = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first());
        let address = address.ok_or_else(|| Unreachable(format!("`{host}` has no address")))?;
        // Its key is known by its name, as it is without us.
        let alias = if *port == 22 { host.clone() } else { format!("[{host}]:{port}") };
        arguments.extend([format!("-oHostName={address}"), format!("-oHostKeyAlias={alias}")]);
    }
    let destination = user.as_ref().map_or(host.clone(), |user| format!("{user}@{host}"));
    let command = format!("git-upload-pack {}", quoted(path));
    arguments.extend(["-p".to_owned(), port.to_string(), "--".to_owned(), destination, command]);
    Ok(arguments)
}

/// A word for the shell of the other host.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The addresses of a name.
async fn addresses(host: &str, outward: &Outward, resolve: &Resolve) -> Result<Vec<IpAddr>, Unreachable> {
    let found = resolve(host.to_owned()).await;
    let mut found = found.map_err(|error| Unreachable(format!("`{host}` is not resolved: {error}")))?;
    found.dedup();
    match outward.first_closed(found.iter().copied()) {
        Some(address) => {
            Err(Unreachable(format!("`{host}` leads to {address}, which EVENTFLOW_GIT_ALLOW does not allow")))
        }
        None if found.is_empty() => Err(Unreachable(format!("`{host}` has no address"))),
        None => Ok(found),
    }
}

fn bracketed(address: &IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// The proxy for a host, as variables; `None` where there is none, or where the host is among those that need none.
fn proxy(scheme: &str, host: &str, variable: impl Fn(&str) -> Option<String>) -> Option<Vec<(String, String)>> {
    let any = |names: [&str; 2]| names.into_iter().find_map(&variable).filter(|value| !value.is_empty());
    let proxy = match scheme {
        // `HTTP_PROXY` can be a header of a request in some servers, and is not read, as curl does not.
        "http" => any(["http_proxy", "all_proxy"]).or_else(|| variable("ALL_PROXY")),
        _ => any(["https_proxy", "HTTPS_PROXY"]).or_else(|| any(["all_proxy", "ALL_PROXY"])),
    }?;
    let without = any(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let is_without = without.split([',', ' ']).map(|entry| entry.trim().trim_start_matches('.')).any(|entry| {
        let ends = host.strip_suffix(entry).is_some_and(|front| front.is_empty() || front.ends_with('.'));
        entry == "*" || !entry.is_empty() && ends
    });
    (!is_without).then(|| vec![(format!("{scheme}_proxy"), proxy)])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn names(answers: Vec<io::Result<Vec<&'static str>>>) -> (Resolve, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let answers = parking_lot::Mutex::new(answers.into_iter());
        let count = asked.clone();
        let resolve: Resolve = Arc::new(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answers.lock().next().expect("the name is asked for no more often");
            Box::pin(async move { answer.map(|list| list.iter().map(|text| text.parse().unwrap()).collect()) })
        });
        (resolve, asked)
    }

    fn remote(url: &str) -> Remote {
        Remote::parse(url).unwrap()
    }

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[tokio::test]
    async fn git_gets_exactly_the_addresses_that_were_checked_whatever_the_name_says_later() {
        let rebinding = vec![Ok(vec!["1.1.1.1", "2606:4700::1111"]), Ok(vec!["127.0.0.1"])];
        let (resolve, asked) = names(rebinding);
        let outward = Outward::default();
        let way = web(&remote("https://a.example/x"), &outward, &resolve, nothing).await.unwrap();
        assert_eq!(way.pin.as_deref(), Some("a.example:443:1.1.1.1,[2606:4700::1111]"));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        let refused = web(&remote("https://a.example/x"), &outward, &resolve, nothing).await;
        assert!(refused.unwrap_err().0.contains("127.0.0.1"));

        let (resolve, _) = names(vec![Ok(vec!["2606:4700::1111", "1.1.1.1"])]);
        let arguments = ssh(&remote("ssh://git@a.example:2222/x"), &outward, &resolve).await.unwrap();
        let expected = ["-oHostName=1.1.1.1", "-oHostKeyAlias=[a.example]:2222", "-p", "2222", "--", "git@a.example"];
        assert_eq!(
            (&arguments[..6], arguments[6].as_str()),
            (expected.map(str::to_owned).as_slice(), "git-upload-pack '/x'")
        );
    }

    #[test]
    fn a_path_is_one_word_for_the_other_host() {
        for (path, expected) in [("/a b", "'/a b'"), ("a'b", r"'a'\''b'"), ("~x/a", "'~x/a'")] {
            assert_eq!(quoted(path), expected);
        }
    }

    #[tokio::test]
    async fn one_address_that_may_not_be_reached_spoils_the_name() {
        for bad in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "fd00::1"] {
            for url in ["https://a.example/x", "http://a.example/x"] {
                let (resolve, _) = names(vec![Ok(vec!["1.1.1.1", bad])]);
                assert!(web(&remote(url), &Outward::default(), &resolve, nothing).await.is_err(), "{bad}");
            }
            let (resolve, _) = names(vec![Ok(vec!["1.1.1.1", bad])]);
            assert!(ssh(&remote("git@a.example:x"), &Outward::default(), &resolve).await.is_err(), "{bad}");
        }
        let allowed = Outward::parse("10.0.0.0/8").unwrap();
        let (resolve, _) = names(vec![Ok(vec!["10.0.0.1"])]);
        let way = web(&remote("http://git.internal:3000/x"), &allowed, &resolve, nothing).await.unwrap();
        assert_eq!(way.pin.as_deref(), Some("git.internal:3000:10.0.0.1"));
        for answer in [Ok(vec![]), Err(io::ErrorKind::NotFound.into())] {
            let (resolve, _) = names(vec![answer]);
            assert!(web(&remote("https://a.example/x"), &allowed, &resolve, nothing).await.is_err());
        }
    }

    #[tokio::test]
    async fn where_a_proxy_stands_in_between_it_resolves_and_hosts_that_need_none_go_straight() {
        let variable = |name: &str| match name {
            "https_proxy" => Some("http://proxy:3128".to_owned()),
            "no_proxy" => Some("internal.example, .corp".to_owned()),
            _ => None,
        };
        let (resolve, asked) = names(vec![Ok(vec!["1.1.1.1"]), Ok(vec!["1.1.1.1"]), Ok(vec!["1.1.1.1"])]);
        let way = web(&remote("https://a.example/x"), &Outward::default(), &resolve, variable).await.unwrap();
        assert_eq!((way.pin, way.proxy), (None, vec![("https_proxy".to_owned(), "http://proxy:3128".to_owned())]));
        assert_eq!(asked.load(Ordering::SeqCst), 0);
        for url in ["https://git.internal.example/x", "https://a.corp/x", "http://a.example/x"] {
            let way = web(&remote(url), &Outward::default(), &resolve, variable).await.unwrap();
            assert!(way.pin.is_some() && way.proxy.is_empty(), "{url}");
        }
    }
}
