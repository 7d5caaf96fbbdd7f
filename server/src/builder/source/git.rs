//! Takes a folder out of a Git repository, with the `git` command line.
//!
//! Whatever reads what a stranger's server sends runs in the sandbox, which shows nothing of the host: the fetch, the look at
//! what came, and the checkout. Only a fetch over HTTP has a network there; over SSH, whose key no sandbox sees, bytes
//! are carried in and out.
//!
//! Only the commit that is asked for is fetched, without its history; a commit that is named by the first digits of its
//! id needs the history to be found. Submodules are not followed, redirects neither, Git LFS is not asked. Nobody's Git
//! settings are read, no hook runs, nobody is asked for a password, and objects that Git calls malformed are refused.
//!
//! Why a server is not reached is told to this server's log alone: to whoever asked for the build, an open port, a closed
//! one and one that does not answer are the same.

mod names;
mod ssh;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::address;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use super::remote::{self, Policy, Remote};
use super::route::{self, Resolve, Unreachable};
use super::{Limits, Taken};
use crate::builder::journal::{Journal, bytes};
use crate::builder::scratch::Scratch;
use crate::builder::{Credentials, Error, files};
use crate::executor::{Executor, Network};
use names::{check_ref, entry, fault_of, inner_folder, may_be_commit};
use steps::{Ended, Step};

/// Characters of a commit's message that a build's log tells.
const MAX_MESSAGE: usize = 200;

/// Files of what is fetched: objects come in packs, so that there are few.
const MAX_FETCHED_FILES: u64 = 20_000;

/// Git that does less does not fetch from exactly the addresses that it is given.
const MIN_VERSION: (u32, u32) = (2, 37);

/// Repositories of other owners are read: who may name a path is decided elsewhere. In a file, each setting also reaches
/// the processes that Git starts. Objects are checked, but for faults of old programs that many repositories have.
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
    [init]\n\tdefaultBranch = main\n\
    [gc]\n\tauto = 0\n\
    [maintenance]\n\tauto = false\n\
    [submodule]\n\trecurse = false\n\
    [fetch]\n\trecurseSubmodules = false\n";

/// Each script is run in the folder of the fetch, wherever that is inside.
const MAKE: &str = "[ -d git ] || git init --quiet --bare --template= git || exit 1\n";
const FETCH: &str = "git fetch --depth=1 --no-tags --progress -- \"$1\" \"$2\"\n";
const FETCH_ALL: &str =
    "git fetch --progress -- \"$1\" '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'\n";
/// Says whether the server is one of Git's. To Git, whatever a web server answers may be a list of branches; only the
/// protocol tells that it is none.
const SPOKEN: &str = "code=$?\n\
    grep -Eqs '< (version 2|# service=git-upload-pack)' packets && echo spoken\n\
    exit $code";
/// Says what a name means, and lists the folder's files when it is a folder.
const LOOK: &str = "commit=$(git rev-parse --verify --quiet --end-of-options \"$1^{commit}\") || exit 3\n\
    echo \"commit $commit\"\n\
    git cat-file -e \"$commit:.gitmodules\" 2>/dev/null && echo submodules\n\
    git show --no-patch --date=short --format='message %s (%an, %ad)' --end-of-options \"$commit\" | head -n 1\n\
    kind=$(git cat-file -t \"$commit:$2\" 2>/dev/null)\n\
    echo \"kind $kind\"\n\
    [ \"$kind\" = tree ] || exit 0\n\
    exec git ls-tree -r -l --full-tree \"$commit:$2\"";
const CHECK_OUT: &str = "mkdir tree && cd tree && exec git --work-tree=. checkout --quiet --force \"$1\" -- \"$2\"";

/// How [`LOOK`] says that there is no such commit.
const NO_COMMIT: i32 = 3;

/// Git, as EventFlow runs it.
pub(in crate::builder) struct Git {
    executor: Arc<dyn Executor>,
    memory_mb: u64,
    policy: Policy,
    resolve: Resolve,
    ssh: PathBuf,
}

/// Which folder of which commit of which repository.
pub(super) struct Wanted<'a> {
    pub(super) url: &'a str,
    pub(super) credentials: Option<&'a Credentials>,
    /// The default branch when absent.
    pub(super) git_ref: Option<&'a str>,
    /// The root when absent.
    pub(super) path: Option<&'a str>,
    /// Names the build.
    pub(super) build: &'a str,
}

/// One build's repository.
struct Repository<'a> {
    git: &'a Git,
    /// The folder that the steps work in.
    home: PathBuf,
    url: String,
    way: Way,
    deadline: Instant,
    limits: Limits,
    build: &'a str,
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

/// What a name turned out to be.
#[derive(Default)]
struct Found {
    commit: String,
    submodules: bool,
    message: Option<String>,
    kind: String,
    files: usize,
    bytes: u64,
}

impl Git {
    pub(in crate::builder) fn new(executor: Arc<dyn Executor>, memory_mb: u64, policy: Policy) -> Self {
        Self { executor, memory_mb, policy, resolve: route::system(), ssh: "ssh".into() }
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
        scratch: &Scratch,
        limits: Limits,
        journal: &Journal,
    ) -> Result<Taken, Error> {
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
        git_ref.map_or(Ok(()), check_ref)?;
        let path = inner_folder(wanted.path.unwrap_or_default())?;
        let deadline = Instant::now() + limits.git_timeout;
        journal.say(format!("Fetching {} of {url}", git_ref.unwrap_or("the default branch"))).await;

        let header = authorization(wanted.url, &url, wanted.credentials);
        let way = match timeout_at(deadline, self.way(&remote, header)).await {
            Ok(Ok(way)) => way,
            Ok(Err(why)) => return Err(not_fetched(&url, wanted.build, &why.0)),
            Err(_) => return Err(not_fetched(&url, wanted.build, "its name was not resolved in time")),
        };
        let home = scratch.path("git");
        fs::create_dir(&home).map_err(Error::failed("make a folder for the source"))?;
        fs::write(home.join("gitconfig"), format!("{CONFIG}{}", way.config))
            .map_err(Error::failed("write settings for git"))?;
        let repository = Repository { git: self, home, url, way, deadline, limits, build: wanted.build, journal };
        let found = repository.fetch(git_ref, &path).await?;
        repository.check_folder(&found, &path)?;
        repository.check_out(&found.commit, &path).await?;
        journal.say(format!("Took commit {}", found.commit)).await;
        if let Some(message) = found.message {
            journal.say(format!("Its message: {message}")).await;
        }
        if found.submodules {
            journal.say("The repository has submodules: they are not followed.").await;
        }
        // Out of the folder that the steps could write, after the last of them has ended.
        let folder = scratch.path("source");
        let tree = files::real_folder(&repository.home, &Path::new("tree").join(&path));
        tree.and_then(|tree| fs::rename(tree, &folder)).map_err(Error::failed("take the function's folder"))?;
        Ok(Taken { folder, commit: Some(found.commit) })
    }

    async fn way(&self, remote: &Remote, header: Option<Zeroizing<String>>) -> Result<Way, Unreachable> {
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
                    steps::check_version().await?;
                    way.config.push_str(&format!("[http]\n\tcurloptResolve = {pin}\n"));
                }
                way.env.extend(web.proxy.into_iter().map(|(name, value)| (name, Zeroizing::new(value))));
                for (name, path) in steps::certificates() {
                    way.env.insert(name, Zeroizing::new(path.display().to_string()));
                    if !path.starts_with("/etc/ssl") {
                        way.readable.insert(path.display().to_string(), path);
                    }
                }
                if let Some(header) = header {
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

impl Repository<'_> {
    /// Fetches, and says what the name means.
    async fn fetch(&self, git_ref: Option<&str>, path: &Path) -> Result<Found, Error> {
        let wanted = git_ref.unwrap_or("HEAD");
        let ended = self.fetch_once(FETCH, &[&self.url, wanted]).await?;
        if ended.succeeded() {
            return self.look("FETCH_HEAD", path).await?.ok_or_else(|| {
                Error::Refused(format!("`{wanted}` of {} is not a commit; name a branch, a tag or a commit", self.url))
            });
        }
        // That a branch is missing tells that a repository is there, which is so only where a server of Git's says it.
        if !is_unknown_ref(&ended.stderr) || !ended.spoken {
            return Err(self.not_fetched(&ended));
        }
        let Some(git_ref) = git_ref else {
            return Err(Error::Refused(format!(
                "{} has no default branch with a commit; push one, or name a ref",
                self.url
            )));
        };
        let unknown = || {
            Error::Refused(format!(
                "{} has no branch, tag or commit `{git_ref}`; check its spelling, and whether it was pushed",
                self.url
            ))
        };
        if !may_be_commit(git_ref) {
            return Err(unknown());
        }
        self.journal.say(format!("`{git_ref}` is no branch or tag: fetching the history to find the commit")).await;
        let ended = self.fetch_once(FETCH_ALL, &[&self.url]).await?;
        if !ended.succeeded() {
            return Err(self.not_fetched(&ended));
        }
        self.look(git_ref, path).await?.ok_or_else(unknown)
    }

    async fn fetch_once(&self, script: &str, arguments: &[&str]) -> Result<Ended, Error> {
        let script = format!("{MAKE}{script}{SPOKEN}");
        let mut step = Step::new(&script, arguments);
        step.network = self.way.network.clone();
        step.opened = &self.way.addresses;
        step.env = Some(&self.way.env);
        step.readable = Some(&self.way.readable);
        step.shows_progress = true;
        let said = ssh::Said::default();
        let carry = self.carry(said.clone())?;
        // Only the web has servers that are none of Git's.
        let spoken = AtomicBool::new(!self.way.network.is_some());
        let work = async {
            let mut carry = std::pin::pin!(carry);
            let mut work = std::pin::pin!(self.run(&step, |line| {
                spoken.fetch_or(line == "spoken", Ordering::Relaxed);
                Ok(())
            }));
            let mut ended = tokio::select! {
                ended = &mut work => ended,
                () = &mut carry => work.await,
            }?;
            ended.stderr.extend(said.lines());
            ended.spoken = spoken.load(Ordering::Relaxed);
            Ok(ended)
        };
        let limit = files::Usage { bytes: self.limits.max_bytes, files: MAX_FETCHED_FILES };
        tokio::select! {
            ended = work => ended,
            () = steps::grows_beyond(self.home.clone(), limit) => Err(Error::Refused(format!(
                "{} is larger than {}, which is the limit; make a smaller repository of the function",
                self.url,
                bytes(self.limits.max_bytes)
            ))),
        }
    }

    /// Carries what Git and an SSH server have to say to each other, where that is the way; does nothing where it is not.
    fn carry(&self, said: ssh::Said) -> Result<impl Future<Output = ()>, Error> {
        let pipes = match &self.way.ssh {
            Some(arguments) => {
                Some((ssh::Pipes::make(&self.home).map_err(Error::failed("make a pipe for ssh"))?, arguments))
            }
            None => None,
        };
        Ok(async move {
            if let Some((pipes, arguments)) = pipes
                && let Err(error) = pipes.carry(&self.git.ssh, arguments, said).await
            {
                tracing::warn!(%error, "ssh cannot be used (Debian: apt-get install openssh-client)");
            }
        })
    }

    /// What a name means, with the size of the folder; `None` when it is no commit. Stops at the limit: a tree that
    /// holds itself many times over has no end.
    async fn look(&self, name: &str, path: &Path) -> Result<Option<Found>, Error> {
        let mut found = Found::default();
        let path = path.display().to_string();
        let arguments = [name, path.as_str()];
        let step = Step::new(LOOK, &arguments);
        let max_files = self.limits.max_files;
        let ended = self
            .run(&step, |line| {
                if found.kind.is_empty() {
                    found.about(line);
                    return Ok(());
                }
                let (size, file) = entry(line);
                found.files += 1;
                found.bytes = found.bytes.saturating_add(size);
                if let Some(fault) = fault_of(file) {
                    return Err(Error::Refused(format!(
                        "the folder's file {file} cannot be taken: {fault}; rename it"
                    )));
                }
                match found.files > max_files {
                    true => {
                        Err(Error::Refused(format!("the folder has more than {max_files} files; name a smaller one")))
                    }
                    false => Ok(()),
                }
            })
            .await?;
        match ended.exit.code {
            Some(0) => Ok(Some(found)),
            Some(NO_COMMIT) => Ok(None),
            _ => Err(self.failed("look at what was fetched", &ended)),
        }
    }

    /// Whether the folder is in the commit and within the limits, before anything of it is written.
    fn check_folder(&self, found: &Found, path: &Path) -> Result<(), Error> {
        let (path, url) = (path.display(), &self.url);
        match found.kind.as_str() {
            "tree" => {}
            "blob" => {
                return Err(Error::Refused(format!("`{path}` in {url} is a file; name the folder that it is in")));
            }
            _ => {
                let short: String = found.commit.chars().take(12).collect();
                return Err(Error::Refused(format!(
                    "there is no folder `{path}` in {url} at commit {short}; check its spelling, letter case and the ref"
                )));
            }
        }
        if found.bytes > self.limits.max_bytes {
            return Err(Error::Refused(format!(
                "the folder's files are {} together, and at most {} are allowed",
                bytes(found.bytes),
                bytes(self.limits.max_bytes)
            )));
        }
        match found.files {
            0 => Err(Error::Refused(format!("{url} has no files there; push the function's code first"))),
            _ => Ok(()),
        }
    }

    async fn check_out(&self, commit: &str, path: &Path) -> Result<(), Error> {
        let path = if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() };
        let arguments = [commit, path.as_str()];
        let ended = self.run(&Step::new(CHECK_OUT, &arguments), |_| Ok(())).await?;
        match ended.succeeded() {
            true => Ok(()),
            false => Err(self.failed("check out what was fetched", &ended)),
        }
    }

    /// A step after the fetch failed: its time was over, or the content cannot be taken, or the disk is full.
    fn failed(&self, what: &str, ended: &Ended) -> Error {
        if ended.exit.timed_out {
            return self.too_slow();
        }
        if files::is_disk_full(&self.home, &ended.stderr) {
            return Error::failed(what)(io::ErrorKind::StorageFull.into());
        }
        let said = ended.stderr.last().map(String::as_str).unwrap_or("it said nothing");
        Error::Refused(format!("git cannot {what} of {}: {said}", self.url))
    }

    /// The fetch failed, and not for the ref's sake.
    fn not_fetched(&self, ended: &Ended) -> Error {
        if files::is_disk_full(&self.home, &ended.stderr) {
            return Error::failed("keep what was fetched")(io::ErrorKind::StorageFull.into());
        }
        // The server has spoken as one of Git's, and was slow, or sent what Git does not take.
        if ended.received {
            return match ended.exit.timed_out {
                true => self.too_slow(),
                false => Error::Refused(format!(
                    "{} sent what git does not take; `git fsck` says what is wrong with it",
                    self.url
                )),
            };
        }
        not_fetched(&self.url, self.build, &ended.stderr.join(" / "))
    }

    fn too_slow(&self) -> Error {
        Error::Refused(format!(
            "{} could not be fetched within {} s; make the repository smaller",
            self.url,
            self.limits.git_timeout.as_secs_f64()
        ))
    }
}

impl Found {
    fn about(&mut self, line: &str) {
        match line.split_once(' ') {
            Some(("commit", commit)) => self.commit = commit.to_owned(),
            Some(("message", message)) => self.message = Some(message.chars().take(MAX_MESSAGE).collect()),
            Some(("kind", kind)) => self.kind = if kind.is_empty() { "none".into() } else { kind.to_owned() },
            None if line == "submodules" => self.submodules = true,
            _ => {}
        }
    }
}

/// All that whoever asked for the build is told of a repository that is not fetched; why goes to the server's own log.
fn not_fetched(url: &str, build: &str, why: &str) -> Error {
    tracing::info!(build, url, reason = why, "repository not fetched");
    Error::Refused(format!(
        "cannot fetch {url}: there is no such repository, or it needs credentials, or its server cannot be reached from \
         here. Check the address; give a private repository's access token in the URL, or an SSH address. Redirects are \
         not followed, and addresses that are not public have to be among those of EVENTFLOW_GIT_ALLOW"
    ))
}

/// The header with the credentials that are given with the address, or kept for exactly this one.
fn authorization(given: &str, url: &str, kept: Option<&Credentials>) -> Option<Zeroizing<String>> {
    let user_info = address::credentials(given).or_else(|| kept.and_then(|kept| kept.of(url)))?;
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let plain = Zeroizing::new([address::decoded(user), b":".to_vec(), address::decoded(password)].concat());
    Some(Zeroizing::new(format!("Authorization: Basic {}", STANDARD.encode(&*plain))))
}

fn is_unknown_ref(stderr: &[String]) -> bool {
    let signs = ["couldn't find remote ref", "not our ref", "unadvertised object", "no such remote ref", "bad object"];
    stderr.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_credentials_are_for_the_address_that_they_were_given_with_and_no_other() {
        let kept = Credentials::new("https://us%40er:to%3aken@host/a".to_owned());
        let header = |given: &str, url: &str| authorization(given, url, Some(&kept)).map(|header| header.to_string());
        let basic = |text: &str| Some(format!("Authorization: Basic {}", STANDARD.encode(text)));
        assert_eq!(header("https://host/a", "https://host/a"), basic("us@er:to:ken"));
        for other in ["https://host/b", "http://host/a", "https://other/a", "https://host:8443/a"] {
            assert_eq!(header(other, other), None, "{other}");
        }
        assert_eq!(header("https://token@host/b", "https://host/b"), basic("token:"));
        assert!(!format!("{kept:?}").contains("ken"));
    }
}
