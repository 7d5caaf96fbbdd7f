//! Takes a folder from a Git repository, with the `git` command line.
//!
//! Everything that reads a stranger's data runs in a sandbox that shows nothing of the host: first the fetch, then the
//! checkout. Over HTTP the fetch has network access to the repository's server only; the checkout has none. Over SSH,
//! whose key no sandbox sees, bytes are piped in and out.
//!
//! Only the requested commit is fetched, without its history, and of its files only those in the function's folder, if
//! the server can omit the others; see [`fetch`]. Objects fetched by earlier builds of the function are reused; see
//! [`cached`]. Submodules ([`submodules`]) and Git LFS files ([`lfs`]) are fetched if the manifest says so. Redirects are
//! not followed, nobody's Git settings are read, no hooks run, nobody is asked for a password, and malformed objects
//! are refused.
//!
//! The reason why a server is not reached appears only in this server's log: whoever requested the build cannot
//! distinguish an open port, a closed one, and one that does not answer.

mod cached;
mod fetch;
mod host;
mod lfs;
mod listing;
mod names;
mod ssh;
mod steps;
mod submodules;

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::address;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::remote::{self, Policy, Remote};
use super::route::{self, Resolve, Unreachable};
use super::{Limits, Taken};
use crate::builder::cache::Shelf;
use crate::builder::install::is_taken;
use crate::builder::journal::Journal;
use crate::builder::scratch::Scratch;
use crate::builder::{Credentials, Error, files};
use crate::executor::{Network, Workbench};
use cached::CachedRepository;
use names::{check_ref, inner_folder};

/// Repositories of other owners are read: who may name a path is decided elsewhere. In a file, each setting also reaches
/// the processes that Git starts, such as the one that reads a repository on this disk. Objects are checked, but for faults of old programs that many repositories have.
const CONFIG: &str = "[safe]\n\tdirectory = *\n\
    [core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\tattributesFile = /dev/null\n\texcludesFile = /dev/null\n\
    \tprotectHFS = true\n\tprotectNTFS = true\n\tquotePath = false\n\tlogAllRefUpdates = false\n\
    [protocol]\n\tallow = never\n\
    [http]\n\tfollowRedirects = false\n\tlowSpeedLimit = 1000\n\tlowSpeedTime = 60\n\
    [transfer]\n\tfsckObjects = true\n\tunpackLimit = 1\n\tbundleURI = false\n\
    [fetch \"fsck\"]\n\tzeroPaddedFilemode = ignore\n\tbadTimezone = ignore\n\tbadDate = ignore\n\
    \tmissingSpaceBeforeDate = ignore\n\tmissingSpaceBeforeEmail = ignore\n\tmissingNameBeforeEmail = ignore\n\
    \tmissingEmail = ignore\n\tbadEmail = ignore\n\tzeroPaddedDate = ignore\n\tmissingTaggerEntry = ignore\n\
    \tgitmodulesUrl = ignore\n\tgitmodulesName = ignore\n\
    [advice]\n\tdetachedHead = false\n\
    [uploadpack]\n\tallowFilter = true\n\tallowAnySHA1InWant = true\n\
    [init]\n\tdefaultBranch = main\n\
    [gc]\n\tauto = 0\n\
    [maintenance]\n\tauto = false\n\
    [submodule]\n\trecurse = false\n\
    [fetch]\n\trecurseSubmodules = false\n";

/// Git, as EventFlow runs it.
pub(in crate::builder) struct Git {
    workbench: Arc<dyn Workbench>,
    memory_mb: u64,
    policy: Policy,
    resolve: Resolve,
    ssh: PathBuf,
}

/// The folder, commit and repository to fetch.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) credentials: Option<&'a Credentials>,
    /// The default branch when absent.
    pub(super) git_ref: Option<&'a str>,
    /// The root when absent.
    pub(super) path: Option<&'a str>,
    /// Names the build.
    pub(super) build: &'a str,
    /// Whose version it becomes.
    pub(super) function: Uuid,
    /// Whether submodules are fetched; what `function.json` says when absent.
    pub(super) submodules: Option<bool>,
    /// Whether files of Git LFS are; as above.
    pub(super) lfs: Option<bool>,
}

/// One build's repository.
struct Repository<'a> {
    /// What earlier builds have fetched, when this build may use it.
    kept: Option<CachedRepository>,
    /// Where objects of [`Self::kept`] are, while a fetch borrows them.
    borrowed: Option<PathBuf>,
    git: &'a Git,
    /// The folder that the steps work in.
    home: PathBuf,
    url: String,
    remote: Remote,
    /// The credentials, as the value of the header of that name.
    authorization: Option<Zeroizing<String>>,
    way: Way,
    deadline: Instant,
    limits: Limits,
    build: &'a str,
    function: Uuid,
    journal: &'a Journal,
}

/// How the repository is reached.
#[derive(Default)]
struct Way {
    /// What is visible of the host for the fetch, beside what every task sees.
    readable: BTreeMap<String, PathBuf>,
    /// Variables of the fetch; credentials are among them.
    env: BTreeMap<String, Zeroizing<String>>,
    /// What the fetch reaches of the network.
    network: Network,
    /// The server's addresses, where Git reaches it by itself.
    addresses: Vec<IpAddr>,
    /// The arguments with which SSH reaches the server.
    ssh: Option<Vec<String>>,
    /// Lines for the settings.
    config: String,
}

impl Git {
    pub(in crate::builder) fn new(workbench: Arc<dyn Workbench>, memory_mb: u64, policy: Policy) -> Self {
        Self { workbench, memory_mb, policy, resolve: route::system(), ssh: "ssh".into() }
    }

    /// Takes another program for SSH: for tests, which have no server that speaks it.
    #[cfg(test)]
    pub(in crate::builder) fn with_ssh(self, program: PathBuf) -> Self {
        Self { ssh: program, ..self }
    }

    /// Whether an address may be a function's source.
    ///
    /// # Errors
    /// For people: why not.
    pub(in crate::builder) fn check(&self, url: &str) -> Result<(), String> {
        Remote::parse(url)?.check(&self.policy)
    }

    /// Fetches what is wanted.
    pub(super) async fn take(
        &self,
        wanted: Wanted<'_>,
        shelf: Option<&Shelf>,
        scratch: &Scratch,
        limits: Limits,
        journal: &Journal,
    ) -> Result<Taken, Error> {
        let git_ref = wanted.git_ref.filter(|git_ref| !git_ref.is_empty());
        git_ref.map_or(Ok(()), check_ref)?;
        let path = inner_folder(wanted.path.unwrap_or_default())?;
        let deadline = Instant::now() + limits.git_timeout;
        let mut repository = self.repository(&wanted, scratch.path("git"), (limits, deadline), journal).await?;
        repository.kept = self.cached(&repository.url, shelf, scratch).await?;
        let mut found = repository.take(git_ref, &path).await?;
        journal.log(format!("Took commit {}", found.commit)).await;
        if let Some(message) = &found.message {
            journal.log(format!("Its message: {message}")).await;
        }
        // Out of the folder that the steps could write, after the last of them has ended.
        let folder = scratch.path("source");
        let tree = files::real_folder(&repository.home, &Path::new("tree").join(&path));
        tree.and_then(|tree| fs::rename(tree, &folder)).map_err(Error::failed("take the function's folder"))?;
        let is_wanted = is_wanted(wanted.lfs, &folder, "lfs");
        let room = limits.max_bytes.saturating_sub(found.listing.bytes);
        found.listing.bytes += self.lfs(&repository, &folder, is_wanted, room, scratch).await?;
        self.follow(&repository, &found, &folder, &wanted, scratch).await?;
        // What is kept is moved away: nothing can be read of the repository afterwards.
        repository.keep(&found, scratch).await?;
        Ok(Taken { folder, commit: Some(found.commit) })
    }

    /// A repository that may be fetched from, and the way to it.
    async fn repository<'a>(
        &'a self,
        wanted: &Wanted<'a>,
        home: PathBuf,
        (limits, deadline): (Limits, Instant),
        journal: &'a Journal,
    ) -> Result<Repository<'a>, Error> {
        let url = address::masked(wanted.url).into_owned();
        let remote = Remote::parse(&url).map_err(Error::Refused)?;
        remote.check(&self.policy).map_err(Error::Refused)?;
        if let Remote::Local(path) = &remote
            && !path.is_dir()
        {
            return Err(Error::Refused(format!(
                "there is no repository `{}` on the server: there is no such folder; check the path",
                path.display()
            )));
        }
        let git_ref = wanted.git_ref.filter(|git_ref| !git_ref.is_empty());
        journal.log(format!("Fetching {} of {url}", git_ref.unwrap_or("the default branch"))).await;

        let authorization = authorization(wanted.url, &url, wanted.credentials);
        let way = match timeout_at(deadline, self.way(&remote, authorization.as_deref())).await {
            Ok(Ok(way)) => way,
            Ok(Err(why)) => return Err(not_fetched(&url, wanted.build, &why.0)),
            Err(_) => return Err(not_fetched(&url, wanted.build, "its name was not resolved in time")),
        };
        fs::create_dir(&home).map_err(Error::failed("make a folder for the source"))?;
        let origin = format!("[remote \"origin\"]\n\tpromisor = true\n\turl = {}\n", names::setting(&url));
        fs::write(home.join("gitconfig"), format!("{CONFIG}{origin}{}", way.config))
            .map_err(Error::failed("write settings for git"))?;
        let (build, function) = (wanted.build, wanted.function);
        let (kept, borrowed) = (None, None);
        let git = self;
        Ok(Repository {
            kept,
            borrowed,
            git,
            home,
            url,
            remote,
            authorization,
            way,
            deadline,
            limits,
            build,
            function,
            journal,
        })
    }

    /// What earlier builds of the function have fetched from there. Without it a build is slow, not wrong.
    async fn cached(
        &self,
        url: &str,
        shelf: Option<&Shelf>,
        scratch: &Scratch,
    ) -> Result<Option<CachedRepository>, Error> {
        let folder = shelf.and_then(|shelf| shelf.packages("git")).filter(|folder| !is_taken(folder));
        let Some(folder) = folder else { return Ok(None) };
        let url = url.to_owned();
        let opened = scratch.block(move |hold| Ok(CachedRepository::open(&folder, &url, || hold.go_on()))).await?;
        Ok(opened.unwrap_or_else(|error| {
            tracing::warn!(%error, "what was kept of a repository cannot be used");
            None
        }))
    }

    async fn way(&self, remote: &Remote, authorization: Option<&String>) -> Result<Way, Unreachable> {
        let mut way = Way::default();
        let mut allow = |protocol: &str| way.config = format!("[protocol \"{protocol}\"]\n\tallow = always\n");
        match remote {
            Remote::Local(path) => {
                allow("file");
                way.readable = remote::local_folders(path)
                    .into_iter()
                    .map(|folder| (folder.display().to_string(), folder))
                    .collect();
            }
            Remote::Ssh { .. } => {
                allow("ssh");
                way.ssh = Some(route::ssh(remote, &self.policy.outward, &self.resolve).await?);
            }
            Remote::Web { scheme, .. } => {
                allow(scheme);
                let variable = |name: &str| std::env::var(name).ok();
                let web = route::web(remote, &self.policy.outward, &self.resolve, variable).await?;
                way.network = match web.addresses.is_empty() {
                    true => Network::Open,
                    false => Network::Only(web.addresses.iter().map(ToString::to_string).collect()),
                };
                way.addresses = web.addresses;
                if let Some(pin) = web.pin {
                    host::check_version().await?;
                    way.config.push_str(&format!("[http]\n\tcurloptResolve = {pin}\n"));
                }
                way.env.extend(web.proxy.into_iter().map(|(name, value)| (name, Zeroizing::new(value))));
                for (name, path) in host::certificates() {
                    way.env.insert(name, Zeroizing::new(path.display().to_string()));
                    if !path.starts_with("/etc/ssl") {
                        way.readable.insert(path.display().to_string(), path);
                    }
                }
                if let Some(authorization) = authorization {
                    let header = Zeroizing::new(format!("Authorization: {authorization}"));
                    // By a variable: an argument would stand in the list of processes.
                    let config = [("COUNT", "1"), ("KEY_0", "http.extraHeader"), ("VALUE_0", header.as_str())];
                    way.env.extend(
                        config.map(|(name, value)| (format!("GIT_CONFIG_{name}"), Zeroizing::new(value.to_owned()))),
                    );
                }
            }
        }
        Ok(way)
    }
}

/// The whole message about a repository that is not fetched, for whoever asked for the build; the reason goes to the server's own log.
fn not_fetched(url: &str, build: &str, why: &str) -> Error {
    tracing::info!(build, url, reason = why, "repository not fetched");
    Error::Refused(format!(
        "cannot fetch {url}: there is no such repository, or it needs credentials, or its server cannot be reached from \
         here. Check the address; give a private repository's access token in the URL, or an SSH address. Redirects are \
         not followed, and addresses that are not public have to be among those of EVENTFLOW_GIT_ALLOW"
    ))
}

/// Whether the manifest asks for something: what was given at registration, or else the file.
fn is_wanted(registered: Option<bool>, folder: &Path, field: &str) -> bool {
    let text = || files::json_text(folder, "function.json").ok().flatten();
    let in_file = || serde_json::from_str::<serde_json::Value>(&text()?).ok()?[field].as_bool();
    registered.or_else(in_file).unwrap_or(false)
}

/// The value of the header with the credentials that are given with the address, or kept for exactly this one.
fn authorization(given: &str, url: &str, kept: Option<&Credentials>) -> Option<Zeroizing<String>> {
    let user_info = address::credentials(given).or_else(|| kept.and_then(|kept| kept.of(url)))?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let plain = Zeroizing::new([address::decoded(user), b":".to_vec(), address::decoded(password)].concat());
    Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(&*plain))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_credentials_are_for_the_address_that_they_were_given_with_and_no_other() {
        let kept = Credentials::new("https://us%40er:to%3aken@host/a".to_owned());
        let header = |given: &str, url: &str| authorization(given, url, Some(&kept)).map(|header| header.to_string());
        let basic = |text: &str| Some(format!("Basic {}", STANDARD.encode(text)));
        assert_eq!(header("https://host/a", "https://host/a"), basic("us@er:to:ken"));
        for other in ["https://host/b", "http://host/a", "https://other/a", "https://host:8443/a"] {
            assert_eq!(header(other, other), None, "{other}");
        }
        assert_eq!(header("https://token@host/b", "https://host/b"), basic("token:"));
        assert!(!format!("{kept:?}").contains("ken"));
    }
}
