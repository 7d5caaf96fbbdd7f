//! How a folder of one commit is fetched, with as little else as the server allows.
//!
//! First come the commit and the names of all its files (a fetch with the filter `blob:none`, of depth one), then the files of the folder
//! by their ids. Where an earlier build has fetched something, it is borrowed, and only the rest comes. What does not work out is
//! tried in a plainer way: without what was borrowed, then as a whole commit.
//!
//! A name that no server knows may be the beginning of a commit's id. Servers find nothing by that; so their branches and
//! tags are looked at first, then the ids of the latest commits, then of all: commits alone, without any files.

use std::sync::atomic::{AtomicBool, Ordering};

use std::io;
use std::path::Path;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::names::{entry, fault_of, link, may_be_commit};
use super::steps::{self, Ended, Step};
use super::{Repository, lfs, not_fetched, ssh};
use crate::builder::journal::bytes;
use crate::builder::scratch::Scratch;
use crate::builder::{Error, files};

/// Characters of a commit's message that a build's log tells.
const MAX_MESSAGE: usize = 200;

/// Files of what is fetched: objects come in packs, so that there are few.
const MAX_FETCHED_FILES: u64 = 20_000;

/// Digits of an id of which the first commit that fits is taken to be the one that is meant. With fewer, all are compared.
const ENOUGH_DIGITS: usize = 7;

/// Digits of a whole id.
const ALL_DIGITS: usize = 40;

/// Each script is run in the folder of the fetch, wherever that is inside. What is borrowed stands in files beside it.
const MAKE: &str = "make() {\n\
    [ -d \"$1\" ] && return 1\n\
    git init --quiet --bare --template= \"$1\" && git config core.repositoryFormatVersion 1 \
    && git config extensions.partialClone origin && git config remote.origin.promisor true \
    && git config remote.origin.url \"$2\" || exit 1\n\
    }\n\
    if make git \"$1\" && [ -f borrowed ]; then\n\
    mkdir -p git/objects/info git/refs/kept && cp borrowed git/objects/info/alternates && cp commits git/shallow || exit 1\n\
    while read -r id; do echo \"$id\" > \"git/refs/kept/$id\" || exit 1; done < commits\n\
    fi\n";
const FETCH: &str = "git fetch --depth=1 --filter=blob:none --no-tags --progress -- origin \"$2\"\n";
const FETCH_WHOLE: &str = "git fetch --depth=1 --no-tags --progress -- origin \"$2\"\n";
const FETCH_ALL: &str =
    "git fetch --progress -- origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'\n";
const FETCH_FILES: &str = "git -c fetch.negotiationAlgorithm=noop fetch --no-tags --no-write-fetch-head --filter=blob:none \
    --progress --stdin origin < missing\n";
/// Says which branches and tags begin so.
const FIND_TIP: &str = "git ls-remote -- \"$1\" > tips || exit 1\n\
    grep \"^$2\" tips | cut -f 1 | sort -u | head -n 2 | sed 's/^/commit /'\n";
/// Says which commit begins so, of as many as the third argument allows, in a repository that no fetch borrows from.
const FIND_COMMIT: &str = "export GIT_DIR=\"$PWD/names\"\n\
    make names \"$1\"\n\
    git fetch --depth=\"$3\" --filter=tree:0 --no-tags --progress -- origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*' || exit 1\n\
    [ -s names/shallow ] || echo all\n\
    git rev-parse --verify --quiet --end-of-options \"$2^{commit}\" | sed 's/^/commit /'\n";
/// How many commits of each branch are looked at, before all are; Git takes the last one for all.
const DEPTHS: [&str; 2] = ["1000", "2147483647"];
/// Says whether the server is one of Git's. To Git, whatever a web server answers may be a list of branches; only the
/// protocol tells that it is none.
const SPOKEN: &str = "code=$?\n\
    grep -Eqs '< (version 2|# service=git-upload-pack)' packets && echo spoken\n\
    exit $code";
/// Says what a name means, and lists the folder's files when it is a folder. The files themselves are not asked for: those that are
/// not there are listed in `missing`.
const LOOK: &str = "commit=$(git rev-parse --verify --quiet --end-of-options \"$1^{commit}\") || exit 3\n\
    echo \"commit $commit\"\n\
    modules=$(git ls-tree --full-tree \"$commit\" -- .gitmodules | cut -f 1 | cut -d ' ' -f 3)\n\
    git show --no-patch --date=short --format='message %s (%an, %ad)' --end-of-options \"$commit\" | head -n 1\n\
    kind=tree\n\
    [ -z \"$2\" ] || kind=$(git ls-tree --full-tree \"$commit\" -- \"$2\" | head -n 1 | cut -d ' ' -f 2)\n\
    [ \"$kind\" = tree ] || { echo \"kind $kind\"; exit 0; }\n\
    git rev-list --objects --missing=print \"$commit:$2\" > objects || exit 1\n\
    sed -n 's/^?//p' objects > missing\n\
    if [ -n \"$modules\" ] && [ -n \"$2\" ] \
    && git ls-tree -r --full-tree \"$commit:$2\" | head -n 200000 | grep -q '^160000'; then echo \"$modules\" >> missing; fi\n\
    echo \"missing $(wc -l < missing)\"\n\
    echo \"kind $kind\"\n\
    exec git ls-tree -r --full-tree \"$commit:$2\"";
/// Lists the folder's files with their sizes.
const MEASURE: &str = "exec git ls-tree -r -l --full-tree \"$1:$2\"";
const CHECK_OUT: &str = "mkdir tree && cd tree && exec git --work-tree=. checkout --quiet --force \"$1\" -- \"$2\"";

/// How [`LOOK`] says that there is no such commit.
const NO_COMMIT: i32 = 3;

/// What a name turned out to be.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) commit: String,
    pub(super) message: Option<String>,
    kind: String,
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// Where the folder has submodules, and the commits that they are at.
    pub(super) links: Vec<(String, String)>,
    /// Files that may be pointers of Git LFS.
    pub(super) candidates: Vec<String>,
    /// Objects that have to be fetched, too.
    missing: u64,
    /// Whether what was fetched for it is of use for the next build.
    keeps: bool,
}

/// How much of a commit is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// What is neither in the folder nor missing is left out, and what is borrowed is there.
    Borrowing,
    /// What is not in the folder is left out.
    Folder,
    /// All of it.
    Whole,
}

/// What became of a try.
enum Tried {
    Found(Found),
    /// Git failed, in one of these.
    Failed(Stage, Ended),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Fetch,
    Look,
    Files,
    Measure,
    CheckOut,
}

impl Stage {
    /// What cannot be done, in an error.
    fn name(self) -> &'static str {
        match self {
            Self::Fetch | Self::Files => "fetch",
            Self::Look | Self::Measure => "look at what was fetched",
            Self::CheckOut => "check out what was fetched",
        }
    }
}

impl Repository<'_> {
    /// Fetches a folder, and puts its files below `tree`.
    pub(super) async fn take(&mut self, git_ref: Option<&str>, path: &Path) -> Result<Found, Error> {
        let began = Instant::now();
        let found = match self.try_all(git_ref.unwrap_or("HEAD"), path).await? {
            Tried::Found(found) => found,
            Tried::Failed(stage, ended) if stage == Stage::Fetch && is_unknown(&ended) => {
                self.take_by_id(git_ref, path).await?
            }
            Tried::Failed(stage, ended) => return Err(self.fault(stage, &ended)),
        };
        let fetched = files::usage(&self.home.join("git/objects")).bytes;
        let rest = if self.borrowed.is_some() { "; the rest is from earlier builds" } else { "" };
        self.journal.say(format!("Fetched {} in {} ms{rest}", bytes(fetched), began.elapsed().as_millis())).await;
        Ok(found)
    }

    /// Leaves what was fetched to the function's next build. That it cannot be left makes that one slower, and fails none.
    pub(super) async fn keep(&mut self, found: &Found, scratch: &Scratch) -> Result<(), Error> {
        let Some(mut kept) = self.kept.take().filter(|_| found.keeps) else { return Ok(()) };
        let (home, commit, instead) = (self.home.clone(), found.commit.clone(), self.borrowed.is_none());
        let done = scratch.block(move |_| {
            let packs = files::real_folder(&home, Path::new("git/objects/pack"));
            Ok(packs.and_then(|packs| kept.keep(&packs, &commit, instead)))
        });
        if let Err(error) = done.await? {
            tracing::warn!(%error, "what was fetched of a repository could not be kept");
        }
        Ok(())
    }

    /// What no branch or tag is called may be a commit's id, or its first digits.
    async fn take_by_id(&mut self, git_ref: Option<&str>, path: &Path) -> Result<Found, Error> {
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
        self.journal.say(format!("`{git_ref}` is no branch or tag: looking for the commit")).await;
        let id = self.find(&git_ref.to_ascii_lowercase()).await?.ok_or_else(unknown)?;
        if id != git_ref {
            self.journal.say(format!("`{git_ref}` is commit {id}")).await;
        }
        match self.try_all(&id, path).await? {
            Tried::Found(found) => return Ok(found),
            Tried::Failed(stage, ended) if stage != Stage::Fetch || !is_unknown(&ended) => {
                return Err(self.fault(stage, &ended));
            }
            Tried::Failed(..) => {}
        }
        self.journal.say("The server gives no single commits: fetching the whole history").await;
        self.start_again(Manner::Whole)?;
        let ended = self.fetch_once(FETCH_ALL, &[&self.url], |_| {}).await?;
        if !ended.succeeded() {
            return Err(self.not_fetched(&ended));
        }
        match self.unpack(&id, path).await? {
            Tried::Found(found) => Ok(Found { keeps: false, ..found }),
            Tried::Failed(stage, ended) => Err(self.fault(stage, &ended)),
        }
    }

    /// The whole id of the commit that begins with these digits.
    async fn find(&self, digits: &str) -> Result<Option<String>, Error> {
        let commits = Mutex::new(Vec::new());
        let all = AtomicBool::new(false);
        let each = |line: &str| match line.strip_prefix("commit ") {
            Some(commit) => commits.lock().push(commit.to_owned()),
            None => _ = all.fetch_or(line == "all", Ordering::Relaxed),
        };
        if (ENOUGH_DIGITS..ALL_DIGITS).contains(&digits.len()) {
            let ended = self.fetch_once(FIND_TIP, &[&self.url, digits], each).await?;
            if !ended.succeeded() {
                return Err(self.not_fetched(&ended));
            }
            if let [only] = commits.lock().as_slice() {
                return Ok(Some(only.clone()));
            }
        }
        let depths = if digits.len() < ENOUGH_DIGITS { &DEPTHS[1..] } else { &DEPTHS };
        for depth in depths {
            commits.lock().clear();
            let ended = self.fetch_once(FIND_COMMIT, &[&self.url, digits, depth], each).await?;
            // Its last word is whether it has found one.
            let found = commits.lock().pop();
            if found.is_none() && !ended.succeeded() {
                return Err(self.not_fetched(&ended));
            }
            if found.is_some() || all.load(Ordering::Relaxed) {
                files::remove(&self.home.join("names")).map_err(Error::failed("remove what was looked at"))?;
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// Tries one manner after the other, as long as another one may help.
    async fn try_all(&mut self, wanted: &str, path: &Path) -> Result<Tried, Error> {
        if self.kept.as_ref().is_some_and(|kept| !kept.is_empty()) {
            let tried = self.try_once(wanted, path, Manner::Borrowing).await?;
            match &tried {
                // The server has not answered, or it has, and knows no such thing: nothing else helps.
                Tried::Failed(Stage::Fetch, ended) if !ended.spoken || is_unknown(ended) => return Ok(tried),
                Tried::Failed(_, ended) if !ended.exit.timed_out => {}
                _ => return Ok(tried),
            }
            self.journal.say("What earlier builds have fetched is of no use: fetching all again").await;
        }
        let tried = self.try_once(wanted, path, Manner::Folder).await?;
        match &tried {
            Tried::Failed(Stage::Files, ended) if !ended.exit.timed_out => {}
            _ => return Ok(tried),
        }
        self.journal.say("The server gives no single files: fetching the whole commit").await;
        self.try_once(wanted, path, Manner::Whole).await
    }

    async fn try_once(&mut self, wanted: &str, path: &Path, manner: Manner) -> Result<Tried, Error> {
        self.start_again(manner)?;
        let script = if manner == Manner::Whole { FETCH_WHOLE } else { FETCH };
        let ended = self.fetch_once(script, &[&self.url, wanted], |_| {}).await?;
        if !ended.succeeded() {
            return Ok(Tried::Failed(Stage::Fetch, ended));
        }
        if ended.unfiltered {
            self.journal.say("The server knows no partial clones: it has sent the whole commit").await;
        }
        self.unpack("FETCH_HEAD", path).await
    }

    /// An empty repository, with what the manner wants beside it.
    fn start_again(&mut self, manner: Manner) -> Result<(), Error> {
        let failed = || Error::failed("make a folder for the source");
        for name in ["git", "tree", "borrowed", "commits"] {
            files::remove(&self.home.join(name)).map_err(failed())?;
        }
        self.borrowed = None;
        if let (Manner::Borrowing, Some(kept)) = (manner, &self.kept) {
            let objects = kept.objects();
            let lines: String = kept.commits().iter().map(|commit| format!("{commit}\n")).collect();
            let write = |name: &str, text: String| files::write_new(&self.home.join(name), text.as_bytes());
            write("borrowed", format!("{}\n", objects.display())).map_err(failed())?;
            write("commits", lines).map_err(failed())?;
            self.borrowed = Some(objects);
        }
        Ok(())
    }

    /// Looks at what was fetched, fetches what is missing of the folder, and writes its files.
    async fn unpack(&self, name: &str, path: &Path) -> Result<Tried, Error> {
        let (found, ended) = self.look(name, path).await?;
        match ended.exit.code {
            Some(0) => {}
            Some(NO_COMMIT) => {
                return Err(Error::Refused(format!(
                    "what was asked for of {} is not a commit; name a branch, a tag or a commit",
                    self.url
                )));
            }
            _ => return Ok(Tried::Failed(Stage::Look, ended)),
        }
        self.check_folder(&found, path)?;
        if found.missing > 0 {
            let ended = self.fetch_once(FETCH_FILES, &[&self.url], |_| {}).await?;
            if !ended.succeeded() {
                return Ok(Tried::Failed(Stage::Files, ended));
            }
        }
        let (size, candidates, ended) = self.measure(&found.commit, path).await?;
        if !ended.succeeded() {
            return Ok(Tried::Failed(Stage::Measure, ended));
        }
        // Before anything of it is written.
        if size > self.limits.max_bytes {
            return Err(Error::Refused(format!(
                "the folder's files are {} together, and at most {} are allowed",
                bytes(size),
                bytes(self.limits.max_bytes)
            )));
        }
        let inner = if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() };
        let ended = self.run(&Step::new(CHECK_OUT, &[&found.commit, &inner]), |_| Ok(())).await?;
        match ended.succeeded() {
            true => Ok(Tried::Found(Found { keeps: true, bytes: size, candidates, ..found })),
            false => Ok(Tried::Failed(Stage::CheckOut, ended)),
        }
    }

    /// Runs a script that talks to the server. Each line that it prints goes to `each`.
    async fn fetch_once(&self, script: &str, arguments: &[&str], each: impl Fn(&str)) -> Result<Ended, Error> {
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
                each(line);
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

    /// What a name means. Stops at the limit: a tree that holds itself many times over has no end.
    async fn look(&self, name: &str, path: &Path) -> Result<(Found, Ended), Error> {
        let mut found = Found::default();
        let path = path.display().to_string();
        let arguments = [name, path.as_str()];
        let step = Step::new(LOOK, &arguments);
        let max_files = self.limits.max_files;
        let ended = self.run(&step, |line| {
            if found.kind.is_empty() {
                found.about(line);
                return Ok(());
            }
            let (_, file) = entry(line);
            found.links.extend(link(line));
            found.files += 1;
            if let Some(fault) = fault_of(file) {
                return Err(Error::Refused(format!("the folder's file {file} cannot be taken: {fault}; rename it")));
            }
            match found.files > max_files {
                true => Err(Error::Refused(format!("the folder has more than {max_files} files; name a smaller one"))),
                false => Ok(()),
            }
        });
        let ended = ended.await?;
        Ok((found, ended))
    }

    /// Bytes of the folder's files, and those that may be pointers of Git LFS.
    async fn measure(&self, commit: &str, path: &Path) -> Result<(u64, Vec<String>, Ended), Error> {
        let path = path.display().to_string();
        let (mut size, mut candidates) = (0_u64, Vec::new());
        let arguments = [commit, path.as_str()];
        let step = Step::new(MEASURE, &arguments);
        let add = |line: &str| {
            size = size.saturating_add(entry(line).0);
            lfs::note(&mut candidates, line);
            Ok(())
        };
        let ended = self.run(&step, add).await?;
        Ok((size, candidates, ended))
    }

    /// Whether the folder is in the commit.
    fn check_folder(&self, found: &Found, path: &Path) -> Result<(), Error> {
        let (path, url) = (path.display(), &self.url);
        match found.kind.as_str() {
            "tree" => {}
            "blob" => {
                return Err(Error::Refused(format!("`{path}` in {url} is a file; name the folder that it is in")));
            }
            "commit" => {
                return Err(Error::Refused(format!(
                    "`{path}` in {url} is a submodule; register the repository that it leads to"
                )));
            }
            _ => {
                let short: String = found.commit.chars().take(12).collect();
                return Err(Error::Refused(format!(
                    "there is no folder `{path}` in {url} at commit {short}; check its spelling, letter case and the ref"
                )));
            }
        }
        match found.files {
            0 => Err(Error::Refused(format!("{url} has no files there; push the function's code first"))),
            _ => Ok(()),
        }
    }

    /// What a failure means to whoever asked for the build.
    fn fault(&self, stage: Stage, ended: &Ended) -> Error {
        match stage {
            Stage::Fetch | Stage::Files => self.not_fetched(ended),
            Stage::Look | Stage::Measure | Stage::CheckOut => self.failed(stage.name(), ended),
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
            Some(("missing", count)) => self.missing = count.trim().parse().unwrap_or(0),
            Some(("kind", kind)) => self.kind = if kind.is_empty() { "none".into() } else { kind.to_owned() },
            _ => {}
        }
    }
}

/// Whether a server of Git's has said that it has no such branch, tag or commit. That one is missing tells that a repository is there,
/// which is so only where such a server says it.
fn is_unknown(ended: &Ended) -> bool {
    let signs = ["couldn't find remote ref", "not our ref", "unadvertised object", "no such remote ref", "bad object"];
    ended.spoken && ended.stderr.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}
