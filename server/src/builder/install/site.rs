//! Where one build installs: the function's folder, the workbench, the limits of both, and what commands run there with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::text::bytes;
use tokio::time::Instant;
use uuid::Uuid;

use super::answers::Answers;
use super::explain::{self, last_words};
use super::given::Given;
use super::growth::{cache_grows_beyond, grows_beyond, over};
use super::node::{Node, Nodes};
use super::recorded::Recording;
use crate::builder::cache::Shelf;
use crate::builder::journal::Journal;
use crate::builder::scratch::Scratch;
use crate::builder::{Error, files};
use crate::executor::{self, Limits, Network, Task, Workbench};
use crate::tree::Usage;

/// Variables with certificates of the host's, passed on when they name something below `/etc/ssl`: registries behind a
/// company's proxy need them.
const CERTIFICATES: [&str; 6] =
    ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// Variables that say where package managers and compilers keep what they fetch, and the folder below npm's cache.
const OTHER_CACHES: [(&str, &str); 6] = [
    // Where pnpm has its store.
    ("XDG_DATA_HOME", "_data"),
    ("YARN_CACHE_FOLDER", "_yarn"),
    ("YARN_GLOBAL_FOLDER", "_berry"),
    ("BUN_INSTALL_CACHE_DIR", "_bun"),
    ("GOCACHE", "_go/build"),
    ("GOMODCACHE", "_go/mod"),
];

/// What a question of [`Site::ask`] may be answered with: a version takes a line.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Processes and threads of a task together.
const TASK_PIDS: u64 = 512;

/// Folders of the sandbox's own: a package cache cannot be shown at a path below them.
const TAKEN_PATHS: [&str; 10] =
    ["/app", "/eventflow", "/run", "/usr", "/bin", "/sbin", "/lib", "/proc", "/dev", "/etc"];

/// What all installations of one server share.
pub(in crate::builder) struct Tools {
    pub(in crate::builder) workbench: Arc<dyn Workbench>,
    /// What the host has answered lately.
    pub(in crate::builder) answers: Answers,
    /// Versions of Node beside the host's.
    pub(in crate::builder) nodes: Arc<Nodes>,
    /// Variables that the server's owner wants each installation to have: a registry, a proxy.
    pub(in crate::builder) env: BTreeMap<String, String>,
    pub(in crate::builder) timeout: Duration,
    pub(in crate::builder) memory_mb: u64,
    /// Bytes and files of a function's folder while it is built.
    pub(in crate::builder) max_bytes: u64,
    pub(in crate::builder) max_files: u64,
}

/// One build's installation.
pub(in crate::builder) struct Site<'a> {
    pub(in crate::builder) tools: &'a Tools,
    /// The function's files.
    pub(in crate::builder) folder: PathBuf,
    /// The function's own cache; `None` when the disk has none for it.
    pub(super) shelf: Option<Arc<Shelf>>,
    /// Unique on this host.
    pub(in crate::builder) build: &'a str,
    pub(super) function: Uuid,
    pub(in crate::builder) scratch: &'a Scratch,
    pub(in crate::builder) journal: &'a Journal,
    pub(super) given: Given,
    /// The Node that it is built and run with, where that is not the host's.
    pub(super) node: Option<Node>,
    pub(super) deadline: Instant,
    /// Where commands are written down instead of being run.
    pub(super) recording: Option<Recording>,
}

impl Site<'_> {
    /// Runs a command of the server's own in a folder of its own: nothing of the function's is there, neither its files nor its
    /// cache nor what its manifest names. The last lines, when it does not succeed.
    pub(super) async fn run_apart(&self, command: &[&str], folder: &Path) -> Result<Result<(), Vec<String>>, Error> {
        self.journal.log(format!("$ {}", command.join(" "))).await;
        let mut task = self.task(command);
        task.folder = folder.to_owned();
        task.caches.clear();
        task.env.retain(|name, _| self.tools.env.contains_key(name) || CERTIFICATES.contains(&name.as_str()));
        let room = self.room();
        let work = |lines| async move {
            tokio::select! {
                exit = self.tools.workbench.task(task, lines) => exit.map_err(Error::from),
                fault = grows_beyond(folder.to_owned(), room) => Err(Error::Refused(fault)),
            }
        };
        let (exit, tail) = self.journal.follow(work).await;
        Ok(if exit?.code == Some(0) { Ok(()) } else { Err(tail) })
    }

    /// Runs a command in the function's folder, with network; its lines go to the log. Anything but success is refused.
    pub(super) async fn run(&self, command: &[&str]) -> Result<(), Error> {
        self.run_as(command, &command.join(" ")).await
    }

    /// As [`Self::run`], shown in other words.
    pub(super) async fn run_as(&self, command: &[&str], shown: &str) -> Result<(), Error> {
        self.run_with(command, shown, &[]).await
    }

    /// As [`Self::run_as`], with more variables.
    pub(super) async fn run_with(
        &self,
        command: &[&str],
        shown: &str,
        variables: &[(&str, &str)],
    ) -> Result<(), Error> {
        if let Some(recording) = &self.recording {
            recording.push(command, shown, variables, false);
            return Ok(());
        }
        self.journal.log(format!("$ {shown}")).await;
        let mut task = self.task(command);
        task.env.extend(self.given.env.clone());
        for path in &self.given.files {
            // At the same path inside as outside, as the caches are.
            if is_taken(path) {
                return Err(Error::Refused(
                    "the secrets NPMRC, NETRC and NPM_TOKEN cannot be given to a build on this server: its data folder is \
                     below a folder that sandboxes have themselves"
                        .into(),
                ));
            }
            task.readable.insert(path.display().to_string(), path.clone());
        }
        task.env.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let work = |lines| async move {
            tokio::select! {
                exit = self.tools.workbench.task(task, lines) => exit.map_err(Error::from),
                fault = grows_beyond(self.folder.clone(), self.room()) => Err(Error::Refused(format!("`{shown}`: {fault}"))),
                limit = cache_grows_beyond(self.shelf.as_deref()) => Err(Error::Refused(format!(
                    "`{shown}` put more into the package caches of this function than the {} and {} files that they may \
                     hold; the next build begins with empty ones",
                    bytes(limit.bytes),
                    limit.files
                ))),
            }
        };
        let (exit, tail) = self.journal.follow(work).await;
        let exit = exit?;
        if exit.code == Some(0) {
            // What it wrote since the last look.
            let (folder, room) = (self.folder.clone(), self.room());
            return self
                .scratch
                .block(move |_| over(&folder, room).map_or(Ok(()), |fault| Err(Error::Refused(fault))))
                .await;
        }
        if files::is_disk_full(&self.folder, &tail) {
            return Err(Error::failed(format!("run `{shown}`"))(std::io::ErrorKind::StorageFull.into()));
        }
        if let Some(explained) = explain::explained(shown, &tail) {
            return Err(Error::Refused(explained));
        }
        if let Some(why) = &exit.why {
            return Err(Error::Refused(format!("`{shown}` was ended: {why}")));
        }
        Err(Error::Refused(match (exit.timed_out, exit.out_of_memory, exit.code, exit.signal) {
            (true, ..) => format!(
                "`{shown}` did not end in time: all that is installed may take {} s together",
                self.tools.timeout.as_secs_f64()
            ),
            (_, true, ..) => format!("`{shown}` went over the memory limit of a build, {} MiB", self.tools.memory_mb),
            (_, _, Some(code), _) => format!("`{shown}` failed with exit code {code}{}", last_words(&tail)),
            (_, _, None, Some(signal)) => format!("`{shown}` was ended by signal {signal}{}", last_words(&tail)),
            (_, _, None, None) => format!("`{shown}` was ended{}", last_words(&tail)),
        }))
    }

    /// Runs a command without which the build goes on, too: then why it failed is returned.
    pub(super) async fn attempt(&self, command: &[&str], shown: &str) -> Result<Option<String>, Error> {
        if let Some(recording) = &self.recording {
            recording.push(command, shown, &[], true);
            return Ok(None);
        }
        match self.run_as(command, shown).await {
            Err(Error::Refused(why)) => Ok(Some(why)),
            result => result.map(|()| None),
        }
    }

    /// What the function's folder may hold.
    fn room(&self) -> Usage {
        Usage { bytes: self.tools.max_bytes, entries: self.tools.max_files }
    }

    /// What a command prints, without a place in the log: for questions such as a version, which are the host's to answer
    /// whatever the function is. Where nothing is run, nothing is known.
    pub(super) async fn ask(&self, command: &[&str]) -> Result<String, Error> {
        if self.recording.is_some() {
            return Ok(String::new());
        }
        let programs = self.node.iter().map(|node| node.program().display().to_string());
        let question: Vec<String> = programs.chain(command.iter().map(|&word| word.to_owned())).collect();
        if let Some(answer) = self.tools.answers.known(&question) {
            return Ok(answer);
        }
        let answer = self.ask_now(command).await?;
        self.tools.answers.remember(question, answer.clone());
        Ok(answer)
    }

    async fn ask_now(&self, command: &[&str]) -> Result<String, Error> {
        let (lines, mut answer) = tokio::sync::mpsc::channel::<executor::Line>(16);
        let mut task = self.task(command);
        task.limits.network = Network::None;
        task.caches.clear();
        let collect = async {
            let mut text = String::new();
            while let Some(line) = answer.recv().await {
                if line.stream == executor::Stream::Stdout {
                    text.push_str(&line.text);
                    text.push('\n');
                }
                if text.len() > MAX_ANSWER_BYTES {
                    let shown = command.join(" ");
                    return Err(Error::Refused(format!("`{shown}` prints more than {MAX_ANSWER_BYTES} bytes")));
                }
            }
            Ok(text)
        };
        // An answer that is too long ends the task at once.
        let run = async { self.tools.workbench.task(task, lines).await.map_err(Error::from) };
        let (exit, text) = tokio::try_join!(run, collect)?;
        match exit.code {
            Some(0) => Ok(text.trim().to_owned()),
            _ => Err(Error::Refused(format!("`{}` does not run on this host; install it first", command.join(" ")))),
        }
    }

    fn task(&self, command: &[&str]) -> Task {
        let mut env = BTreeMap::new();
        for name in CERTIFICATES {
            if let Ok(path) = std::env::var(name)
                && Path::new(&path).starts_with("/etc/ssl")
                && files::inner_path(path.trim_start_matches('/')).is_some()
            {
                env.insert(name.to_owned(), path);
            }
        }
        let mut caches = BTreeMap::new();
        for (name, variable) in [("npm", "npm_config_cache"), ("pip", "PIP_CACHE_DIR")] {
            // At the same path inside as outside: then it is right also where there is no inside.
            let folder = self.shelf.as_ref().and_then(|shelf| shelf.packages(name));
            if let Some(folder) = folder.filter(|folder| !is_taken(folder)) {
                env.insert(variable.to_owned(), folder.display().to_string());
                // The others have theirs below npm's.
                if name == "npm" {
                    for (variable, own) in OTHER_CACHES {
                        env.insert(variable.to_owned(), folder.join(own).display().to_string());
                    }
                }
                caches.insert(folder.display().to_string(), folder);
            }
        }
        env.extend(self.tools.env.clone());
        Task {
            name: format!("build-{}", self.build),
            function: self.function,
            command: command.iter().map(|&argument| argument.to_owned()).collect(),
            folder: self.folder.clone(),
            caches,
            readable: BTreeMap::new(),
            programs: self.node.iter().map(Node::programs).collect(),
            opened: Vec::new(),
            env,
            limits: Limits { memory_mb: self.tools.memory_mb, cpu: 2.0, pids: TASK_PIDS, network: Network::Open },
            timeout: self.deadline.saturating_duration_since(Instant::now()),
        }
    }

    /// Puts `name` (a folder in the function's) there as it was installed the last time, or installs it and keeps it.
    pub(super) async fn cached<F: Future<Output = Result<(), Error>>>(
        &self,
        name: &'static str,
        key: Option<String>,
        install: impl FnOnce() -> F,
    ) -> Result<(), Error> {
        if let Some(recording) = &self.recording {
            let (before, by_lists) = (recording.len(), key.is_some());
            install().await?;
            if by_lists {
                recording.are_by_lists(before);
            }
            return Ok(());
        }
        let (Some(key), Some(shelf)) = (key, self.shelf.clone()) else {
            return install().await;
        };
        let (target, key) = (self.folder.join(name), format!("{name}-{key}"));
        let restored = {
            let (shelf, target, key) = (shelf.clone(), target.clone(), key.clone());
            self.scratch.block(move |hold| shelf.restore(&key, &target, || hold.go_on())).await?
        };
        if restored {
            self.journal
                .log(format!("Restored {name} from the cache: the locked dependencies are those of an earlier build"))
                .await;
            return Ok(());
        }
        install().await?;
        let kept = self.scratch.block(move |hold| {
            // A cache that cannot be written makes builds slow, not wrong.
            Ok(shelf.keep(&key, &target, || hold.go_on()).err())
        });
        if let Some(error) = kept.await? {
            tracing::warn!(%error, "installed dependencies could not be cached");
        }
        Ok(())
    }
}

pub(in crate::builder) fn is_taken(folder: &Path) -> bool {
    TAKEN_PATHS.iter().any(|taken| folder.starts_with(taken))
}
