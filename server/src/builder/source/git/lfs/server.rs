//! The Git LFS server, and the storage that it refers to: the batch API with the basic transfer.
//!
//! The addresses it names are untrusted. They are reached like repositories: names are resolved once, each address is
//! checked, and connections go to exactly these; redirects are not followed. Credentials are sent to the repository's
//! own server, below its own address, and nowhere else. A file counts only if its size and SHA-256 match the pointer.
//!
//! The reason why storage other than the repository's server fails appears only in this server's log, as for
//! repositories.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::text::bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Proxy, Response, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use super::super::{Policy, Remote, Repository, host, route};
use super::pointer::Content;
use crate::builder::Error;
use crate::builder::source::route::Resolve;
use crate::outbound::{self, trust};

/// What both sides speak.
const MEDIA_TYPE: &str = "application/vnd.git-lfs+json";

/// Bytes of the answer to a batch: a hundred addresses with signatures in them.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Bytes of an address that an answer names.
const MAX_HREF: usize = 8 << 10;

/// Headers that an answer wants to be sent along with a request for a file.
const MAX_HEADERS: usize = 20;

/// Servers that an answer sends to.
const MAX_PLACES: usize = 20;

/// To connect, and between two pieces of an answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const SILENCE: Duration = Duration::from_secs(60);

/// Headers of a request that are this side's own.
const OWN_HEADERS: [&str; 10] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "proxy-authorization",
    "proxy-connection",
];

/// A repository's LFS server.
pub(super) struct Server<'a> {
    policy: &'a Policy,
    resolve: &'a Resolve,
    repository: &'a Repository<'a>,
    /// Where it answers.
    endpoint: Url,
    tls: ClientConfig,
    /// One for each place, which has the addresses that were checked.
    clients: Mutex<Vec<(Remote, Client)>>,
}

/// A file and its location.
pub(super) struct Object {
    content: Content,
    /// Its first place in the folder.
    name: PathBuf,
    href: Url,
    headers: HeaderMap,
}

/// Why nothing was received.
enum Fault {
    /// For whoever asked for the build.
    Shown(String),
    /// For this server's log alone, unless it is the repository's own server that is at fault.
    Logged(String),
    /// This host's own fault.
    Host(io::Error),
}

#[derive(Serialize)]
struct Question<'a> {
    operation: &'static str,
    transfers: [&'static str; 1],
    hash_algo: &'static str,
    objects: Vec<Wanted<'a>>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    oid: &'a str,
    size: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    transfer: Option<String>,
    objects: Vec<Offered>,
}

#[derive(Deserialize)]
struct Offered {
    oid: String,
    #[serde(default)]
    authenticated: bool,
    #[serde(default)]
    actions: Option<Actions>,
    #[serde(default)]
    error: Option<Missing>,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(default)]
    download: Option<Action>,
}

#[derive(Deserialize)]
struct Action {
    href: String,
    #[serde(default)]
    header: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Missing {
    code: u16,
}

impl<'a> Server<'a> {
    /// The server of a repository that is on the web.
    pub(super) fn new(policy: &'a Policy, resolve: &'a Resolve, repository: &'a Repository<'a>) -> Result<Self, Error> {
        let failed = |why: String| Error::failed("speak to a server of Git LFS")(io::Error::other(why));
        let endpoint = endpoint(&repository.url).map_err(|error| failed(error.to_string()))?;
        let certificates = host::certificates().into_iter().map(|(_, path)| path);
        let tls = trust::trusted(certificates).and_then(trust::client).map_err(failed)?;
        Ok(Self { policy, resolve, repository, endpoint, tls, clients: Mutex::default() })
    }

    /// Asks where files are. All of them are there.
    pub(super) async fn ask(&self, wanted: &[(Content, PathBuf)]) -> Result<Vec<Object>, Error> {
        let url = &self.repository.url;
        let refused = |why: &str| Error::Refused(format!("the files of Git LFS of {url} cannot be fetched: {why}"));
        let answer = match self.question(wanted).await {
            Ok(answer) => answer,
            Err(Fault::Host(error)) => return Err(Error::failed("ask for files of Git LFS")(error)),
            Err(Fault::Shown(why)) => return Err(refused(&why)),
            Err(Fault::Logged(reason)) => {
                tracing::info!(build = self.repository.build, url, reason, "files of Git LFS not asked for");
                return Err(refused("its server does not answer for Git LFS"));
            }
        };
        if answer.transfer.is_some_and(|transfer| transfer != "basic") {
            return Err(refused("its server offers another transfer than `basic`, which is the one that is spoken"));
        }
        let mut offers: BTreeMap<String, Offered> =
            answer.objects.into_iter().map(|offered| (offered.oid.clone(), offered)).collect();
        wanted.iter().map(|(content, name)| self.object(content, name, offers.remove(&content.oid))).collect()
    }

    async fn question(&self, wanted: &[(Content, PathBuf)]) -> Result<Answer, Fault> {
        let objects = wanted.iter().map(|(content, _)| Wanted { oid: &content.oid, size: content.size }).collect();
        let question = Question { operation: "download", transfers: ["basic"], hash_algo: "sha256", objects };
        let body = serde_json::to_vec(&question).map_err(|error| Fault::Host(error.into()))?;
        let mut address = self.endpoint.clone();
        address.set_path(&format!("{}/objects/batch", address.path()));
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.extend(self.authorization());
        let request = self.client(&address).await?.post(address).headers(headers).body(body);
        let mut answer = request.send().await.map_err(|error| Fault::Logged(reason(error)))?;
        match answer.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Fault::Shown(format!(
                    "its server has answered {status}; give the repository's access token in the URL, one that may read its files"
                )));
            }
            status => return Err(Fault::Shown(format!("its server has answered {status} when it was asked for them"))),
        }
        let mut text = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| Fault::Logged(reason(error)))? {
            if text.len() + piece.len() > MAX_ANSWER_BYTES {
                return Err(Fault::Shown(format!(
                    "the answer of its server is larger than {}",
                    bytes(MAX_ANSWER_BYTES as u64)
                )));
            }
            text.extend_from_slice(&piece);
        }
        serde_json::from_slice(&text)
            .map_err(|error| Fault::Shown(format!("the answer of its server is none of Git LFS's ({error})")))
    }

    /// A file as the server offers it.
    fn object(&self, content: &Content, name: &Path, offered: Option<Offered>) -> Result<Object, Error> {
        let refused = |why: String| self.refusal(name, &why);
        let Some(offered) = offered else {
            return Err(refused("its server's answer does not mention it".to_owned()));
        };
        match offered.error {
            Some(Missing { code: 404 | 410 }) => {
                return Err(refused("its server does not have it; push it with `git lfs push --all`".to_owned()));
            }
            Some(Missing { code }) => return Err(refused(format!("its server refuses it with code {code}"))),
            None => {}
        }
        let action = offered.actions.and_then(|actions| actions.download);
        let action = action.ok_or_else(|| refused("its server does not say where it is".to_owned()))?;
        let href = self.href(&action.href).map_err(refused)?;
        let mut headers = headers(action.header.unwrap_or_default()).map_err(refused)?;
        let is_below = href.as_str().starts_with(&format!("{}/", self.endpoint));
        if is_below && !offered.authenticated && !headers.contains_key(AUTHORIZATION) {
            headers.extend(self.authorization());
        }
        Ok(Object { content: content.clone(), name: name.to_owned(), href, headers })
    }

    /// An address that an answer names, as far as it can be judged without asking for names.
    fn href(&self, text: &str) -> Result<Url, String> {
        if text.len() > MAX_HREF {
            return Err(format!("the address that its server names is longer than {MAX_HREF} bytes"));
        }
        let url = Url::parse(text).map_err(|error| format!("the address that its server names is none: {error}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address that its server names holds a user or a password".to_owned());
        }
        if self.endpoint.scheme() == "https" && url.scheme() != "https" {
            return Err("its server sends from https to another scheme".to_owned());
        }
        let remote = Remote::of(&url).map_err(|why| format!("the address that its server names is none: {why}"))?;
        remote.check(self.policy).map_err(|why| format!("its server sends to another place: {why}"))?;
        Ok(url)
    }

    /// Fetches a file to where its hash is its name.
    pub(super) async fn fetch(&self, object: Object, store: &Path) -> Result<(), Error> {
        let fault = match self.try_fetch(&object, &store.join(object.content.file())).await {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        let Repository { url, build, remote, .. } = self.repository;
        let is_own = Remote::of(&object.href).as_ref() == Ok(remote);
        match fault {
            Fault::Host(error) => Err(Error::failed("keep a file of Git LFS")(error)),
            Fault::Shown(why) => Err(self.refusal(&object.name, &why)),
            Fault::Logged(why) if is_own => Err(self.refusal(&object.name, &why)),
            Fault::Logged(reason) => {
                tracing::info!(build, url, host = object.href.host_str(), reason, "file of Git LFS not fetched");
                Err(self.refusal(
                    &object.name,
                    "the place that its server names does not give what the pointer says, its size and its SHA-256, or is not reached \
                     from here; redirects are not followed, and addresses that are not public have to be among those of \
                     EVENTFLOW_GIT_ALLOW",
                ))
            }
        }
    }

    async fn try_fetch(&self, object: &Object, to: &Path) -> Result<(), Fault> {
        let Content { oid, size } = &object.content;
        let request = self.client(&object.href).await?.get(object.href.clone()).headers(object.headers.clone());
        let mut answer: Response = request.send().await.map_err(|error| Fault::Logged(reason(error)))?;
        if answer.status() != StatusCode::OK {
            return Err(Fault::Logged(format!("its server has answered {}", answer.status())));
        }
        let other_size =
            || Fault::Logged(format!("what its server gives has not the {size} bytes that its pointer says"));
        let mut file =
            tokio::fs::OpenOptions::new().write(true).create_new(true).open(to).await.map_err(Fault::Host)?;
        let (mut hash, mut came) = (Sha256::new(), 0_u64);
        while let Some(piece) = answer.chunk().await.map_err(|error| Fault::Logged(reason(error)))? {
            came = came.saturating_add(piece.len() as u64);
            if came > *size {
                return Err(other_size());
            }
            hash.update(&piece);
            file.write_all(&piece).await.map_err(Fault::Host)?;
        }
        file.flush().await.map_err(Fault::Host)?;
        if came != *size {
            return Err(other_size());
        }
        match hex::encode(hash.finalize()) == *oid {
            true => Ok(()),
            false => Err(Fault::Logged("what its server gives has another SHA-256 than its pointer says".to_owned())),
        }
    }

    /// What speaks to the server of an address, and to no other one.
    async fn client(&self, url: &Url) -> Result<Client, Fault> {
        let remote = Remote::of(url).map_err(Fault::Shown)?;
        let mut clients = self.clients.lock().await;
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == remote) {
            return Ok(client.clone());
        }
        if clients.len() >= MAX_PLACES {
            return Err(Fault::Shown(format!("its server sends to more than {MAX_PLACES} others")));
        }
        let variable = |name: &str| std::env::var(name).ok();
        let way = route::web(&remote, &self.policy.outward, self.resolve, variable).await;
        let way = way.map_err(|route::Unreachable(reason)| Fault::Logged(reason))?;
        let mut builder = outbound::client(self.tls.clone(), CONNECT_WITHIN).read_timeout(SILENCE);
        let fault = |error: reqwest::Error| Fault::Host(io::Error::other(reason(error)));
        if let Some((_, proxy)) = way.proxy.first() {
            builder = builder.proxy(Proxy::all(proxy).map_err(fault)?);
        } else if let Remote::Web { host, port, .. } = &remote {
            let addresses: Vec<_> = way.addresses.iter().map(|address| (*address, *port).into()).collect();
            builder = builder.resolve_to_addrs(host, &addresses);
        }
        let client = builder.build().map_err(fault)?;
        clients.push((remote, client.clone()));
        Ok(client)
    }

    /// The repository's credentials, as a header.
    fn authorization(&self) -> Option<(HeaderName, HeaderValue)> {
        let mut value = HeaderValue::from_str(self.repository.authorization.as_deref()?).ok()?;
        value.set_sensitive(true);
        Some((AUTHORIZATION, value))
    }

    fn refusal(&self, name: &Path, why: &str) -> Error {
        let (name, url) = (name.display(), &self.repository.url);
        Error::Refused(format!("`{name}` of {url} is a file of Git LFS and cannot be fetched: {why}"))
    }
}

/// Where the server of a repository answers for Git LFS.
fn endpoint(repository: &str) -> Result<Url, url::ParseError> {
    let repository = repository.trim_end_matches('/');
    let ending = if repository.ends_with(".git") { "" } else { ".git" };
    Url::parse(&format!("{repository}{ending}/info/lfs"))
}

/// The headers that a request for a file is to have.
fn headers(wanted: BTreeMap<String, String>) -> Result<HeaderMap, String> {
    if wanted.len() > MAX_HEADERS {
        return Err(format!("its server wants more than {MAX_HEADERS} headers"));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let header = || -> Option<_> { Some((name.parse::<HeaderName>().ok()?, value.parse::<HeaderValue>().ok()?)) };
        let (name, mut value) = header().ok_or("its server wants a header that is none")?;
        if !OWN_HEADERS.contains(&name.as_str()) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    Ok(headers)
}

/// Why a request failed, without its address, which may hold a signature.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let (mut text, mut cause) = (error.to_string(), error.source());
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repositorys_server_answers_below_its_address() {
        for (repository, expected) in [
            ("https://host/a/b", "https://host/a/b.git/info/lfs"),
            ("https://host/a/b.git", "https://host/a/b.git/info/lfs"),
            ("http://host:8080/a/b/", "http://host:8080/a/b.git/info/lfs"),
        ] {
            assert_eq!(endpoint(repository).unwrap().as_str(), expected, "{repository}");
        }
    }

    #[test]
    fn headers_that_are_this_sides_own_are_not_taken_over() {
        let of = |name: &str, value: &str| headers([(name.to_owned(), value.to_owned())].into());
        assert_eq!(of("Authorization", "RemoteAuth x").unwrap()[AUTHORIZATION], "RemoteAuth x");
        for own in ["Host", "Content-Length", "transfer-encoding", "Proxy-Authorization"] {
            assert!(of(own, "x").unwrap().is_empty(), "{own}");
        }
        for (name, value) in [("a b", "x"), ("", "x"), ("x", "a\r\nHost: b")] {
            assert!(of(name, value).is_err(), "{name:?}");
        }
        let many = (0..=MAX_HEADERS).map(|number| (format!("x-{number}"), String::new())).collect();
        assert!(headers(many).is_err());
    }
}
