//! Fetches a folder of one commit, with as little else as the server allows.
//!
//! The commit with the names of all its files comes first (a fetch with the filter `blob:none` and depth one), then the
//! files of the folder by id, both in one sandbox, because starting one takes longer than most of the work in it. The
//! files are written in another sandbox without network, after the list of them was checked. Objects from earlier
//! builds are reused. If something fails, a simpler method is tried: without reused objects, then the whole commit.
//!
//! A name that the server does not know may be the prefix of a commit id, which servers cannot look up. So the heads of
//! branches and tags are searched first, then the ids of recent commits, then all: commits only, without files.

use std::sync::atomic::{AtomicBool, Ordering};

use std::io;
use std::path::Path;

use domain::text::bytes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::listing::{Listing, too_many};
use super::names::may_be_commit;
use super::steps::{self, Ended, Stage, Step};
use super::{Repository, not_fetched, ssh};
use crate::builder::scratch::Scratch;
use crate::builder::source::Limits;
use crate::builder::{Error, files};

/// Characters of a commit's message that a build's log contains.
const MAX_MESSAGE: usize = 200;

/// Files of what is fetched: objects come in packs, so that there are few.
const MAX_FETCHED_FILES: u64 = 20_000;

/// Digits of an id of which the first commit that fits is taken to be the one that is meant. With fewer, all are compared.
const ENOUGH_DIGITS: usize = 7;

/// Digits of a whole id.
const ALL_DIGITS: usize = 40;

/// Each script is run in the folder of the fetch, wherever that is inside. What is borrowed stands in files next to it. The
/// address of `origin` is among the settings.
const MAKE: &str = "make() {\n\
    [ -d \"$1\" ] && return 1\n\
    git init --quiet --bare --template= \"$1\" && printf '[core]\\n\\trepositoryFormatVersion = 1\\n\\tbare = true\\n\
    [extensions]\\n\\tpartialClone = origin\\n' > \"$1/config\" || exit 1\n\
    }\n\
    if make git && [ -f borrowed ]; then\n\
    mkdir -p git/objects/info git/refs/kept && cp borrowed git/objects/info/alternates && cp commits git/shallow || exit 1\n\
    while read -r id; do echo \"$id\" > \"git/refs/kept/$id\" || exit 1; done < commits\n\
    fi\n";

/// Fetches that [`LOOK`] follows, of what the first argument names. `name` is what Git calls it afterwards.
const FETCH: &str = "name=FETCH_HEAD\n\
    git fetch --depth=1 --filter=blob:none --no-tags --progress -- origin \"$1\"\n";
const FETCH_WHOLE: &str = "name=FETCH_HEAD\n\
    git fetch --depth=1 --no-tags --progress -- origin \"$1\"\n";
const FETCH_ALL: &str = "name=$1\n\
    git fetch --progress -- origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'\n";

/// Says what the name means. When the folder (the second argument) is one, fetches those of its files that are not there, as
/// far as they are not more than may be (the third argument), and writes the list of all. Nothing but that fetch asks the server.
/// `git show` would walk through the whole tree of a first commit, whatever is printed of it.
const LOOK: &str = "offline() { GIT_ALLOW_PROTOCOL= git \"$@\"; }\n\
    echo 'stage look' >&2\n\
    offline log -1 --date=short --format='commit %H%nmessage %s (%an, %ad)' --end-of-options \"$name^{commit}\" > about || exit 3\n\
    { read -r word commit; read -r message; } < about\n\
    printf '%s %s\\n%s\\n' \"$word\" \"$commit\" \"$message\"\n\
    kind=tree modules=\n\
    [ -z \"$2\" ] || kind=none\n\
    offline ls-tree --full-tree \"$commit\" -- .gitmodules ${2:+\"$2\"} > entries || exit 1\n\
    while read -r mode type id path; do\n\
    [ \"$path\" != .gitmodules ] || modules=$id\n\
    if [ -n \"$2\" ] && { [ \"$path\" != .gitmodules ] || [ \"$2\" = .gitmodules ]; }; then kind=$type; fi\n\
    done < entries\n\
    [ \"$kind\" = tree ] || { echo \"kind $kind\"; exit 0; }\n\
    offline rev-list --objects --missing=print \"$commit:$2\" > objects || exit 1\n\
    sed -n 's/^?//p' objects > missing\n\
    [ \"$(wc -l < missing)\" -le \"$3\" ] || exit 4\n\
    if [ -n \"$modules\" ] && [ -n \"$2\" ] \
    && offline ls-tree -r --full-tree \"$commit:$2\" | head -n 200000 | grep -q '^160000'; then echo \"$modules\" >> missing; fi\n\
    echo \"kind $kind\"\n\
    if [ -s missing ]; then\n\
    echo 'stage files' >&2\n\
    FETCH_TURN=2 git -c fetch.negotiationAlgorithm=noop fetch --no-tags --no-write-fetch-head --filter=blob:none --progress --stdin origin \
    < missing || exit 1\n\
    fi\n\
    echo 'stage measure' >&2\n\
    { offline ls-tree -r -l --full-tree \"$commit:$2\"; echo \"end $?\"; } | head -n $(($3 + 1)) > listing";

/// Says which branches and tags begin so.
const FIND_TIP: &str = "git ls-remote -- origin > tips\n";
const TIP: &str = "grep \"^$1\" tips | cut -f 1 | sort -u | head -n 2 | sed 's/^/commit /'";

/// Says which commit begins so, of as many as the second argument allows, in a repository that no fetch borrows from.
const FIND_COMMIT: &str = "export GIT_DIR=\"$PWD/names\"\n\
    make names\n\
    git fetch --depth=\"$2\" --filter=tree:0 --no-tags --progress -- origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'\n";
const COMMIT: &str = "[ -s names/shallow ] || echo all\n\
    git rev-parse --verify --quiet --end-of-options \"$1^{commit}\" | sed 's/^/commit /'";

/// How many commits of each branch are looked at, before all are; Git takes the last one for all.
const DEPTHS: [&str; 2] = ["1000", "2147483647"];

/// After a fetch, says whether the server is one of Git's, and goes on if it was successful. To Git, whatever a web server
/// answers may be a list of branches; only the protocol shows that it is none.
const SPOKEN: &str = "code=$?\n\
    grep -Eqs '< (version 2|# service=git-upload-pack)' packets && echo spoken\n\
    [ $code = 0 ] || exit $code\n";

/// Writes files as the commit has them: no attribute of the repository's turns them into something else, which might be many
/// times as large.
const CHECK_OUT: &str = "mkdir -p git/info && printf '* -text -ident -filter !eol !working-tree-encoding\\n' > git/info/attributes && \
    mkdir tree && cd tree && exec git --work-tree=. checkout --quiet --force \"$1\" -- \"$2\"";

/// How [`LOOK`] says that there is no such commit.
const NO_COMMIT: i32 = 3;

/// How [`LOOK`] says that there are too many files, before it fetches them.
const TOO_MANY: i32 = 4;

/// What a name refers to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) commit: String,
    pub(super) message: Option<String>,
    kind: String,
    pub(super) listing: Listing,
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

/// The result of a try.
enum Tried {
    Found(Found),
    /// Git failed.
    Failed(Ended),
}

impl Repository<'_> {
    /// Fetches a folder, and puts its files below `tree`.
    pub(super) async fn take(&mut self, git_ref: Option<&str>, path: &Path) -> Result<Found, Error> {
        let began = Instant::now();
        let found = match self.try_all(git_ref.unwrap_or("HEAD"), path).await? {
            Tried::Found(found) => found,
            Tried::Failed(ended) if is_unknown(&ended) => self.take_by_id(git_ref, path).await?,
            Tried::Failed(ended) => return Err(self.fault(&ended)),
        };
        let fetched = files::usage(&self.home.join("git/objects")).bytes;
        let rest = if self.borrowed.is_some() { "; the rest is from earlier builds" } else { "" };
        self.journal.log(format!("Fetched {} in {} ms{rest}", bytes(fetched), began.elapsed().as_millis())).await;
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
        self.journal.log(format!("`{git_ref}` is no branch or tag: looking for the commit")).await;
        let id = self.find(&git_ref.to_ascii_lowercase()).await?.ok_or_else(unknown)?;
        if id != git_ref {
            self.journal.log(format!("`{git_ref}` is commit {id}")).await;
        }
        match self.try_all(&id, path).await? {
            Tried::Found(found) => return Ok(found),
            Tried::Failed(ended) if !is_unknown(&ended) => return Err(self.fault(&ended)),
            Tried::Failed(_) => {}
        }
        self.journal.log("The server gives no single commits: fetching the whole history").await;
        self.start_again(Manner::Whole)?;
        match self.try_script(FETCH_ALL, &id, path).await? {
            Tried::Found(found) => Ok(Found { keeps: false, ..found }),
            Tried::Failed(ended) => Err(self.fault(&ended)),
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
            let ended = self.fetch_once(&[FIND_TIP, SPOKEN, TIP], &[digits], each).await?;
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
            let ended = self.fetch_once(&[FIND_COMMIT, SPOKEN, COMMIT], &[digits, depth], each).await?;
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
                Tried::Failed(ended) if ended.stage == Stage::Fetch && (!ended.spoken || is_unknown(ended)) => {
                    return Ok(tried);
                }
                Tried::Failed(ended) if !ended.exit.timed_out => {}
                _ => return Ok(tried),
            }
            self.journal.log("What earlier builds have fetched is of no use: fetching all again").await;
        }
        let tried = self.try_once(wanted, path, Manner::Folder).await?;
        match &tried {
            Tried::Failed(ended) if ended.stage == Stage::Files && !ended.exit.timed_out => {}
            _ => return Ok(tried),
        }
        self.journal.log("The server gives no single files: fetching the whole commit").await;
        self.try_once(wanted, path, Manner::Whole).await
    }

    async fn try_once(&mut self, wanted: &str, path: &Path, manner: Manner) -> Result<Tried, Error> {
        self.start_again(manner)?;
        self.try_script(if manner == Manner::Whole { FETCH_WHOLE } else { FETCH }, wanted, path).await
    }

    /// Fetches a folder, looks at what came before anything of it is written, and writes its files.
    async fn try_script(&self, fetch: &str, wanted: &str, path: &Path) -> Result<Tried, Error> {
        let found = Mutex::new(Found::default());
        let (inner, max_files) = (path.display().to_string(), self.limits.max_files.to_string());
        let arguments = [wanted, &inner, &max_files];
        let ended = self.fetch_once(&[fetch, SPOKEN, LOOK], &arguments, |line| found.lock().about(line)).await?;
        let mut found = found.into_inner();
        if ended.unfiltered && ended.stage != Stage::Fetch {
            self.journal.log("The server knows no partial clones: it has sent the whole commit").await;
        }
        match (ended.exit.code, ended.stage) {
            (Some(0), _) => {}
            (Some(NO_COMMIT), Stage::Look) => {
                return Err(Error::Refused(format!(
                    "what was asked for of {} is not a commit; name a branch, a tag or a commit",
                    self.url
                )));
            }
            (Some(TOO_MANY), Stage::Look) => return Err(too_many(self.limits.max_files)),
            _ => return Ok(Tried::Failed(ended)),
        }
        self.check_folder(&found, path)?;
        found.listing = self.listing().await?;
        if !found.listing.is_whole {
            return Ok(Tried::Failed(ended));
        }
        if found.listing.files == 0 {
            return Err(Error::Refused(format!("{} has no files there; push the function's code first", self.url)));
        }
        if found.listing.bytes > self.limits.max_bytes {
            return Err(Error::Refused(format!(
                "the folder's files are {} together, and at most {} are allowed",
                bytes(found.listing.bytes),
                bytes(self.limits.max_bytes)
            )));
        }
        let inner = if inner.is_empty() { "." } else { &inner };
        let arguments = [found.commit.as_str(), inner];
        let mut step = Step::new(CHECK_OUT, &arguments);
        step.stage = Stage::CheckOut;
        let ended = self.watched(self.run(&step, |_| Ok(()))).await?;
        match ended.succeeded() {
            true => Ok(Tried::Found(Found { keeps: true, ..found })),
            false => Ok(Tried::Failed(ended)),
        }
    }

    /// The files of the folder, as the last fetch has listed them.
    async fn listing(&self) -> Result<Listing, Error> {
        let (path, max_files) = (self.home.join("listing"), self.limits.max_files);
        let read = tokio::task::spawn_blocking(move || Listing::read(&path, max_files)).await;
        read.map_err(io::Error::other).map_err(Error::failed("read the list of the folder's files"))?
    }

    /// An empty repository, with what the manner wants beside it.
    fn start_again(&mut self, manner: Manner) -> Result<(), Error> {
        let failed = || Error::failed("make a folder for the source");
        for name in ["git", "tree", "borrowed", "commits", "listing"] {
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

    /// Runs a script that talks to the server. Each line that it prints goes to `each`.
    async fn fetch_once(&self, script: &[&str], arguments: &[&str], each: impl Fn(&str)) -> Result<Ended, Error> {
        let script = format!("{MAKE}{}", script.concat());
        let mut step = Step::new(&script, arguments);
        step.network = self.way.network.clone();
        step.opened = &self.way.addresses;
        step.env = Some(&self.way.env);
        step.readable = Some(&self.way.readable);
        step.shows_progress = true;
        let ssh_output = ssh::SshOutput::default();
        let carry = self.carry(ssh_output.clone())?;
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
            ended.stderr.extend(ssh_output.lines());
            ended.spoken = spoken.load(Ordering::Relaxed);
            Ok(ended)
        };
        let limit = files::Usage { bytes: self.limits.max_bytes, files: MAX_FETCHED_FILES };
        self.within(limit, work).await
    }

    /// Does something that makes files of what was fetched, as many and as large as both may be together.
    async fn watched<T>(&self, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let Limits { max_bytes, max_files, .. } = self.limits;
        let limit = files::Usage { bytes: 2 * max_bytes, files: MAX_FETCHED_FILES + max_files as u64 };
        self.within(limit, work).await
    }

    /// Does something, and ends it when there is more in the folder of the fetch than that.
    async fn within<T>(&self, limit: files::Usage, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        tokio::select! {
            result = work => result,
            () = steps::grows_beyond(self.home.clone(), limit) => Err(Error::Refused(format!(
                "{} is larger than {}, which is the limit; make a smaller repository of the function",
                self.url,
                bytes(self.limits.max_bytes)
            ))),
        }
    }

    /// Carries what Git and an SSH server have to say to each other, where that is the way; does nothing where it is not.
    fn carry(&self, ssh_output: ssh::SshOutput) -> Result<impl Future<Output = ()>, Error> {
        let pipes = match &self.way.ssh {
            Some(_) => ssh::Pipes::make(&self.home).map_err(Error::failed("make a pipe for ssh"))?,
            None => Vec::new(),
        };
        let arguments = self.way.ssh.as_deref().unwrap_or_default();
        Ok(async move {
            let all = pipes.into_iter().map(async |pipes| {
                if let Err(error) = pipes.carry(&self.git.ssh, arguments, ssh_output.clone()).await {
                    tracing::warn!(%error, "ssh cannot be used (Debian: apt-get install openssh-client)");
                }
            });
            futures::future::join_all(all).await;
        })
    }

    /// Whether the folder is in the commit.
    fn check_folder(&self, found: &Found, path: &Path) -> Result<(), Error> {
        let (path, url) = (path.display(), &self.url);
        match found.kind.as_str() {
            "tree" => Ok(()),
            "blob" => Err(Error::Refused(format!("`{path}` in {url} is a file; name the folder that it is in"))),
            "commit" => Err(Error::Refused(format!(
                "`{path}` in {url} is a submodule; register the repository that it leads to"
            ))),
            _ => {
                let short: String = found.commit.chars().take(12).collect();
                Err(Error::Refused(format!(
                    "there is no folder `{path}` in {url} at commit {short}; check its spelling, letter case and the ref"
                )))
            }
        }
    }

    /// What a failure means to whoever asked for the build.
    fn fault(&self, ended: &Ended) -> Error {
        match ended.stage {
            Stage::Fetch | Stage::Files => self.not_fetched(ended),
            Stage::Look | Stage::Measure => self.failed("look at what was fetched", ended),
            Stage::CheckOut => self.failed("check out what was fetched", ended),
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
        let message = ended.stderr.last().map(String::as_str).unwrap_or("it gave no reason");
        Error::Refused(format!("git cannot {what} of {}: {message}", self.url))
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

    /// The time for all of it was over.
    pub(super) fn too_slow(&self) -> Error {
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
            Some(("kind", kind)) => self.kind = kind.to_owned(),
            _ => {}
        }
    }
}

/// Whether a Git server has answered that it has no such branch, tag or commit. That one is missing shows that a repository is there,
/// which is so only where such a server says it.
fn is_unknown(ended: &Ended) -> bool {
    let signs = ["couldn't find remote ref", "not our ref", "unadvertised object", "no such remote ref", "bad object"];
    ended.stage == Stage::Fetch
        && ended.spoken
        && ended.stderr.iter().any(|line| signs.iter().any(|sign| line.contains(sign)))
}
