//! Takes a folder out of a Git repository, with the `git` command line.
//!
//! Only the commit that is asked for is fetched, without its history; a commit that is named by the first digits of its
//! id needs the history to be found. Submodules are not followed, Git LFS is not asked. The server's own Git settings
//! are not read, no hook runs, and nobody is asked for a password: credentials come with the URL, from the SSH key of
//! the server's user, or from its SSH agent.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::process::{self, Ended};
use super::{Limits, Taken};
use crate::builder::journal::{Journal, bytes};
use crate::builder::scratch::Scratch;
use crate::builder::{Error, files};

/// Characters of a commit's message that a build's log tells.
const MAX_MESSAGE: usize = 200;

/// What Git may take over from the server's environment: how to find programs, keys, certificates and proxies.
const ENV: [&str; 16] = [
    "PATH",
    "HOME",
    "SSH_AUTH_SOCK",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "LD_LIBRARY_PATH",
];

/// Repositories of other owners are read: who may name a path is decided elsewhere. Each setting also reaches the
/// processes that Git starts, which those of a command line do not.
const CONFIG: &str = "[safe]\n\tdirectory = *\n\
    [core]\n\thooksPath = /dev/null\n\tfsmonitor = false\n\
    [protocol \"ext\"]\n\tallow = never\n\
    [advice]\n\tdetachedHead = false\n\
    [init]\n\tdefaultBranch = main\n\
    [gc]\n\tauto = 0\n\
    [maintenance]\n\tauto = false\n\
    [submodule]\n\trecurse = false\n\
    [fetch]\n\trecurseSubmodules = false\n";

/// Keys are asked for nothing; a host that is seen for the first time is remembered, a changed one refused.
const SSH: &str = "ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new -oConnectTimeout=20";

/// How often the size of what has been fetched is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Listings of files are not longer than this.
const MAX_LISTING_BYTES: u64 = 64 * 1024 * 1024;

/// Git, as EventFlow runs it.
#[derive(Debug)]
pub(in crate::builder) struct Git {
    config: PathBuf,
}

/// One build's repository.
struct Repository<'a> {
    git: &'a Git,
    folder: PathBuf,
    tree: PathBuf,
    deadline: Instant,
    timeout: Duration,
    /// Without credentials.
    shown: String,
    journal: &'a Journal,
}

impl Git {
    /// Writes Git's settings below `folder`.
    pub(in crate::builder) fn new(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let config = folder.join("gitconfig");
        // Another server of the same data folder reads it now, perhaps.
        let new = tempfile::NamedTempFile::new_in(folder)?;
        fs::write(new.path(), CONFIG)?;
        new.persist(&config).map_err(|error| error.error)?;
        Ok(Self { config })
    }

    /// Fetches `git_ref` (the default branch when absent) and takes `path` (the root when absent).
    pub(super) async fn take(
        &self,
        url: &str,
        git_ref: Option<&str>,
        path: Option<&str>,
        scratch: &Scratch,
        limits: Limits,
        journal: &Journal,
    ) -> Result<Taken, Error> {
        check_url(url, limits.local_repositories)?;
        let git_ref = git_ref.filter(|git_ref| !git_ref.is_empty());
        git_ref.map_or(Ok(()), check_ref)?;
        let path = inner_folder(path.unwrap_or_default())?;
        let repository = Repository {
            git: self,
            folder: scratch.path("git"),
            tree: scratch.path("source"),
            deadline: Instant::now() + limits.git_timeout,
            timeout: limits.git_timeout,
            shown: without_credentials(url),
            journal,
        };
        fs::create_dir(&repository.tree).map_err(Error::failed("make a folder for the source"))?;
        let shown_ref = git_ref.unwrap_or("the default branch");
        journal.say(format!("Fetching {shown_ref} of {}", repository.shown)).await;
        repository.run(&["init", "--quiet", "--template="]).await?;
        let commit = repository.fetch(url, git_ref, limits.max_bytes).await?;
        repository.check_folder(&commit, &path, limits).await?;
        repository.check_out(&commit, &path).await?;
        journal.say(format!("Took commit {commit}")).await;
        if let Some(message) = repository.message(&commit).await? {
            journal.say(message).await;
        }
        if files::has(&repository.tree, ".gitmodules") {
            journal.say("The repository has submodules: they are not followed.").await;
        }
        Ok(Taken { folder: repository.tree.join(path), commit: Some(commit) })
    }
}

impl Repository<'_> {
    /// Fetches and returns the commit's id.
    async fn fetch(&self, url: &str, git_ref: Option<&str>, max_bytes: u64) -> Result<String, Error> {
        let wanted = git_ref.unwrap_or("HEAD");
        let shallow = ["fetch", "--depth=1", "--no-tags", "--progress", "--", url, wanted];
        let ended = self.fetch_within(&shallow, max_bytes).await?;
        if ended.success {
            return self.resolve("FETCH_HEAD").await?.ok_or_else(|| {
                Error::Refused(format!(
                    "`{wanted}` of {} is not a commit; name a branch, a tag or a commit",
                    self.shown
                ))
            });
        }
        if !is_unknown_ref(&ended.stderr) {
            return Err(self.unreachable(&ended));
        }
        let Some(git_ref) = git_ref else {
            return Err(Error::Refused(format!(
                "{} has no default branch with a commit; push one, or name a ref",
                self.shown
            )));
        };
        let unknown = || {
            Error::Refused(format!(
                "{} has no branch, tag or commit `{git_ref}`; check its spelling, and whether it was pushed",
                self.shown
            ))
        };
        if !may_be_commit(git_ref) {
            return Err(unknown());
        }
        self.journal.say(format!("`{git_ref}` is no branch or tag: fetching the history to find the commit")).await;
        let all = ["fetch", "--progress", "--", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
        let ended = self.fetch_within(&all, max_bytes).await?;
        if !ended.success {
            return Err(self.unreachable(&ended));
        }
        self.resolve(git_ref).await?.ok_or_else(unknown)
    }

    async fn fetch_within(&self, arguments: &[&str], max_bytes: u64) -> Result<Ended, Error> {
        let (ended, _) = self
            .journal
            .follow(|lines| async move {
                tokio::select! {
                    ended = self.git(arguments, Some(lines)) => ended,
                    () = grows_beyond(self.folder.clone(), max_bytes) => Err(Error::Refused(format!(
                        "{} is larger than {}, which is the limit; make a smaller repository of the function",
                        self.shown,
                        bytes(max_bytes)
                    ))),
                }
            })
            .await;
        ended
    }

    /// The full id of a commit, when there is just one of that name.
    async fn resolve(&self, name: &str) -> Result<Option<String>, Error> {
        let ended = self
            .git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")], None)
            .await?;
        Ok(ended.success.then(|| String::from_utf8_lossy(&ended.stdout).trim().to_owned()))
    }

    /// What a commit says of itself: the first line of its message, who wrote it and when.
    async fn message(&self, commit: &str) -> Result<Option<String>, Error> {
        let format = "--format=%s (%an, %ad)";
        let ended = self.git(&["show", "--no-patch", "--date=short", format, "--end-of-options", commit], None).await?;
        let said = String::from_utf8_lossy(&ended.stdout);
        let line: String = said.lines().next().unwrap_or_default().chars().take(MAX_MESSAGE).collect();
        Ok((ended.success && !line.is_empty()).then(|| format!("Its message: {line}")))
    }

    /// Whether the folder is in the commit and within the limits, before anything of it is written.
    async fn check_folder(&self, commit: &str, path: &Path, limits: Limits) -> Result<(), Error> {
        let tree = format!("{commit}:{}", path.display());
        let kind = self.git(&["cat-file", "-t", &tree], None).await?;
        match String::from_utf8_lossy(&kind.stdout).trim() {
            "tree" => {}
            "blob" => {
                return Err(Error::Refused(format!(
                    "`{}` in {} is a file; name the folder that it is in",
                    path.display(),
                    self.shown
                )));
            }
            _ => {
                let short: String = commit.chars().take(12).collect();
                return Err(Error::Refused(format!(
                    "there is no folder `{}` in {} at commit {short}; check its spelling, letter case and the ref",
                    path.display(),
                    self.shown
                )));
            }
        }
        let listing = self.run(&["ls-tree", "-r", "-l", "-z", &tree]).await?;
        let (count, size) = count(&listing.stdout);
        if listing.stdout_cut || count > limits.max_files {
            return Err(Error::Refused(format!(
                "the folder has more than {} files; name a smaller one",
                limits.max_files
            )));
        }
        if size > limits.max_bytes {
            return Err(Error::Refused(format!(
                "the folder's files are {} together, and at most {} are allowed",
                bytes(size),
                bytes(limits.max_bytes)
            )));
        }
        match count {
            0 => Err(Error::Refused(format!("{} has no files there; push the function's code first", self.shown))),
            _ => Ok(()),
        }
    }

    async fn check_out(&self, commit: &str, path: &Path) -> Result<(), Error> {
        let whole = path.as_os_str().is_empty();
        let path = if whole { ".".to_owned() } else { path.display().to_string() };
        self.run(&["checkout", "--quiet", "--force", commit, "--", &path]).await?;
        if !whole && !self.tree.join(".gitmodules").exists() {
            // Only to be told that there are submodules; most repositories have none.
            let _ = self.git(&["checkout", "--quiet", "--force", commit, "--", ".gitmodules"], None).await?;
        }
        Ok(())
    }

    /// Runs Git; anything but success is a fault of this host.
    async fn run(&self, arguments: &[&str]) -> Result<Ended, Error> {
        let ended = self.git(arguments, None).await?;
        match ended.success {
            true => Ok(ended),
            false => {
                let source = match files::is_disk_full(&self.tree, &ended.stderr) {
                    true => io::ErrorKind::StorageFull.into(),
                    false => io::Error::other(ended.stderr.join(" ")),
                };
                Err(Error::Failed { what: format!("run git {}", arguments[0]), source })
            }
        }
    }

    async fn git(&self, arguments: &[&str], lines: Option<crate::executor::Lines>) -> Result<Ended, Error> {
        let mut command = Command::new("git");
        command.env_clear();
        command.envs(ENV.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.envs([
            ("GIT_CONFIG_GLOBAL", self.git.config.as_os_str()),
            ("GIT_CONFIG_NOSYSTEM", OsStr::new("1")),
            ("GIT_CONFIG_SYSTEM", OsStr::new("/dev/null")),
            ("GIT_DIR", self.folder.as_os_str()),
            ("GIT_WORK_TREE", self.tree.as_os_str()),
            ("GIT_ALLOW_PROTOCOL", OsStr::new("file:http:https:ssh")),
            ("GIT_TERMINAL_PROMPT", OsStr::new("0")),
            ("GIT_ASKPASS", OsStr::new("")),
            ("SSH_ASKPASS", OsStr::new("")),
            ("GIT_SSH_COMMAND", OsStr::new(SSH)),
            ("GIT_LITERAL_PATHSPECS", OsStr::new("1")),
            ("GIT_OPTIONAL_LOCKS", OsStr::new("0")),
            ("LC_ALL", OsStr::new("C")),
        ]);
        command.current_dir(&self.tree).args(arguments);
        match process::run(command, self.deadline, MAX_LISTING_BYTES, lines).await {
            Ok(Some(ended)) => Ok(ended),
            Ok(None) => Err(Error::Refused(format!(
                "{} could not be fetched within {} s; check that its server answers, or make the repository smaller",
                self.shown,
                self.timeout.as_secs_f64()
            ))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let source = io::Error::other("git is not installed on this host (Debian: apt-get install git)");
                Err(Error::Failed { what: "fetch the repository".into(), source })
            }
            Err(error) => Err(Error::failed("run git")(error)),
        }
    }

    /// The fetch failed, and not for the ref's sake.
    fn unreachable(&self, ended: &Ended) -> Error {
        let text = ended.stderr.join("\n");
        if files::is_disk_full(&self.tree, &ended.stderr) {
            return Error::failed("keep what was fetched")(io::ErrorKind::StorageFull.into());
        }
        let says = |patterns: &[&str]| patterns.iter().any(|pattern| text.contains(pattern));
        let advice = if says(&[
            "could not read Username",
            "Authentication failed",
            "Permission denied (publickey",
            "Invalid username or",
        ]) {
            "it does not exist or needs credentials: use an SSH address with the server's key, or an access token in the URL"
        } else if says(&["not appear to be a git repository", "epository not found", "not found", "does not exist"]) {
            "there is no such repository, or it is not visible without credentials; check the address"
        } else if says(&[
            "Could not resolve host",
            "Failed to connect",
            "Connection refused",
            "timed out",
            "Network is unreachable",
        ]) {
            "its server cannot be reached from here; check the address and the network"
        } else if says(&["Host key verification failed"]) {
            "its server is not the one that was known under this name; check the known_hosts of the server's user"
        } else {
            "check the address and that the server may read it"
        };
        let fault =
            ended.stderr.iter().rev().find_map(|line| line.strip_prefix("fatal: ").or(line.strip_prefix("error: ")));
        let fault = fault.or(ended.stderr.last().map(String::as_str)).unwrap_or("no reason was given");
        Error::Refused(format!("cannot fetch {}: {advice} (git says: {})", self.shown, without_credentials(fault)))
    }
}

/// Ends when the folder holds more than `max_bytes`.
async fn grows_beyond(folder: PathBuf, max_bytes: u64) {
    loop {
        sleep(BETWEEN_LOOKS).await;
        let folder = folder.clone();
        if tokio::task::spawn_blocking(move || files::size(&folder)).await.is_ok_and(|size| size > max_bytes) {
            return;
        }
    }
}

/// Files and bytes of an `ls-tree -l -z`: `mode type id size<tab>path<zero>`.
fn count(listing: &[u8]) -> (usize, u64) {
    let entries = listing.split(|byte| *byte == 0).filter(|entry| !entry.is_empty());
    entries.fold((0, 0), |(count, size), entry| {
        let about = entry.split(|byte| *byte == b'\t').next().unwrap_or_default();
        let bytes = String::from_utf8_lossy(about).split_whitespace().nth(3).and_then(|text| text.parse::<u64>().ok());
        (count + 1, size + bytes.unwrap_or(0))
    })
}

fn is_unknown_ref(stderr: &[String]) -> bool {
    let signs = ["couldn't find remote ref", "not our ref", "unadvertised object", "no such remote ref", "bad object"];
    stderr.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}

/// Git wants four digits at least.
fn may_be_commit(git_ref: &str) -> bool {
    (4..=64).contains(&git_ref.len()) && git_ref.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Refuses what Git could take for something else than an address, and protocols that are not offered.
fn check_url(url: &str, local: bool) -> Result<(), Error> {
    const ALLOWED: &str = "write https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH, or the absolute path of a repository on the server";
    let refused = |why: &str| {
        Err(Error::Refused(format!("`{}` cannot be a repository: {why}; {ALLOWED}", without_credentials(url))))
    };
    if url.is_empty() {
        return refused("it is empty");
    }
    if url.starts_with('-') || url.contains(|c: char| c.is_control()) || url.contains("::") && !url.contains("[") {
        return refused("it is not an address");
    }
    if let Some(path) = url.strip_prefix("file://").or(url.starts_with('/').then_some(url)) {
        if !path.starts_with('/') {
            return refused("the path is not absolute");
        }
        if !local {
            return Err(Error::Refused(format!(
                "`{url}` is on the server's disk, and this server takes no repositories from there; use https or ssh"
            )));
        }
        return match Path::new(path).is_dir() {
            true => Ok(()),
            false => Err(Error::Refused(format!(
                "there is no repository `{path}` on the server: there is no such folder; check the path"
            ))),
        };
    }
    let host = match url.split_once("://") {
        Some(("https" | "http" | "ssh", rest)) => rest.split('/').next().unwrap_or_default(),
        Some((scheme, _)) => return refused(&format!("`{scheme}` is not offered")),
        None => match url.split_once(':') {
            Some((host, path)) if !host.contains('/') && !path.is_empty() && !path.starts_with('-') => host,
            _ => return refused("it is neither an address nor an absolute path"),
        },
    };
    let (user, host) = host.rsplit_once('@').unwrap_or(("", host));
    match host.is_empty() || host.starts_with('-') || user.starts_with('-') {
        true => refused("it names no host"),
        false => Ok(()),
    }
}

/// The rules of `git check-ref-format`, and nothing that Git reads as a range, an option or a second ref.
fn check_ref(git_ref: &str) -> Result<(), Error> {
    let bad = git_ref.starts_with(['-', '/', '+', '^'])
        || git_ref.ends_with(['/', '.'])
        || git_ref.contains("..")
        || git_ref.contains("//")
        || git_ref.contains("@{")
        || git_ref.contains(|c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c));
    match bad {
        true => Err(Error::Refused(format!(
            "`{}` cannot be a ref; name a branch, a tag or a commit",
            git_ref.escape_default()
        ))),
        false => Ok(()),
    }
}

/// The folder in the repository, as a path of names only.
fn inner_folder(path: &str) -> Result<PathBuf, Error> {
    let refused = || {
        Error::Refused(format!(
            "`{}` cannot be the folder: write its path from the repository's root, such as functions/hello",
            path.escape_default()
        ))
    };
    let inner = files::inner_path(path.strip_prefix('/').unwrap_or(path)).ok_or_else(refused)?;
    let hidden = inner.components().any(|part| part.as_os_str() == ".git");
    match hidden || path.starts_with('-') || path.contains(|c: char| c.is_control()) {
        true => Err(refused()),
        false => Ok(inner),
    }
}

/// `https://user:token@host/…` without what stands before the `@`.
fn without_credentials(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        out.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || c == '\'').unwrap_or(after.len());
        let (authority, after) = after.split_at(end);
        let secret = before.ends_with("http://") || before.ends_with("https://");
        match authority.rsplit_once('@') {
            Some((_, host)) if secret => out.push_str(host),
            Some((user, host)) if user.contains(':') => {
                out.push_str(user.split(':').next().unwrap_or_default());
                out.push('@');
                out.push_str(host);
            }
            _ => out.push_str(authority),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_none_are_refused() {
        for url in [
            "",
            "-oProxyCommand=touch /tmp/x",
            "--upload-pack=touch /tmp/x",
            "ext::sh -c touch% /tmp/x",
            "fd::7",
            "git://example.com/a",
            "ftp://example.com/a",
            "ssh://-oProxyCommand=x/a",
            "ssh://a@-oProxyCommand=x/a",
            "-x@host:path",
            "host:-path",
            "relative/path",
            "../up",
            "file://relative",
            "https://",
            "https:///path",
            "https://host/a\nb",
        ] {
            assert!(check_url(url, true).unwrap_err().is_refused(), "{url}");
        }
    }

    #[test]
    fn addresses_of_all_offered_kinds_are_taken() {
        let here = env!("CARGO_MANIFEST_DIR");
        for url in [
            "https://github.com/a/b",
            "https://u:p@host:8443/a.git",
            "ssh://git@host:2222/a/b",
            "git@github.com:a/b.git",
            "host:a",
            here,
        ] {
            check_url(url, true).unwrap();
        }
        check_url(&format!("file://{here}"), true).unwrap();
    }

    #[test]
    fn local_repositories_can_be_forbidden() {
        let error = check_url("/", false).unwrap_err().to_string();
        assert!(error.contains("takes no repositories from there"), "{error}");
    }

    #[test]
    fn refs_that_are_options_or_more_than_one_are_refused() {
        for git_ref in [
            "-h",
            "--upload-pack=x",
            "+main",
            "a:b",
            "a..b",
            "main~1",
            "a b",
            "a\nb",
            "@{u}",
            "refs/heads/*",
            "^a",
            "a//b",
        ] {
            assert!(check_ref(git_ref).is_err(), "{git_ref}");
        }
        for git_ref in ["main", "feature/a-b", "v1.0.0", "refs/pull/7/head", "0123abc"] {
            check_ref(git_ref).unwrap();
        }
    }

    #[test]
    fn folders_stay_in_the_repository() {
        for path in ["..", "a/../..", "a/../../b", "-x", ".git", "a/.git/hooks", "a\nb"] {
            assert!(inner_folder(path).is_err(), "{path}");
        }
        for (path, expected) in [("", ""), (".", ""), ("/", ""), ("./a/b/", "a/b"), ("/a", "a"), ("a b", "a b")] {
            assert_eq!(inner_folder(path).unwrap(), PathBuf::from(expected), "{path}");
        }
    }

    #[test]
    fn credentials_are_not_shown() {
        for (text, expected) in [
            ("https://user:token@host/a", "https://host/a"),
            ("unable to access 'https://token@host/a/': gone", "unable to access 'https://host/a/': gone"),
            ("ssh://git@host/a", "ssh://git@host/a"),
            ("ssh://git:pw@host/a", "ssh://git@host/a"),
            ("git@host:a", "git@host:a"),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }

    #[test]
    fn listings_are_added_up() {
        let listing = b"100644 blob 11 5\ta\x00120000 blob 22      7\tb c\x00160000 commit 33 -\tsub\x00";
        assert_eq!(count(listing), (3, 12));
    }
}
