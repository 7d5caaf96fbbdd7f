//! The steps of a fetch: scripts of Git commands, run in the sandbox.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use zeroize::Zeroizing;

use super::Repository;
use crate::builder::{Error, files};
use crate::executor::{Exit, Limits, Line, Network, Stream, Task};

/// Before each script: Git's settings and its repository are in the folder of the fetch, wherever that is inside.
const PRELUDE: &str = "export GIT_CONFIG_GLOBAL=\"$PWD/gitconfig\" GIT_DIR=\"$PWD/git\" FETCH_HOME=\"$PWD\"\n\
    export GIT_SSH_COMMAND='exec sh \"$FETCH_HOME/ssh\"' GIT_SSH_VARIANT=ssh\n\
    export GIT_TRACE_PACKET=\"$PWD/packets\"\n";

/// Processes and threads of a step.
const PIDS: u64 = 128;

/// Lines of standard error that are kept, the last ones.
const TAIL_LINES: usize = 20;

/// Lines on their way.
const BUFFERED_LINES: usize = 256;

/// How long the rest of a step's lines may take after it has ended.
const DRAIN: Duration = Duration::from_secs(30);

/// How often the size of what has been fetched is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// The beginnings of lines that say how far a fetch is. No other line of it is shown: what a server that is none of
/// Git's answers would be among them.
const PROGRESS: [&str; 2] = ["Receiving objects:", "Resolving deltas:"];

/// How Git says that a server sends more than it was asked for.
const UNFILTERED: &str = "warning: filtering not recognized by server";

/// What is the same for all steps, wherever they run.
const ENV: [(&str, &str); 9] = [
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_ATTR_NOSYSTEM", "1"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_ASKPASS", ""),
    ("SSH_ASKPASS", ""),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_LFS_SKIP_SMUDGE", "1"),
    ("LC_ALL", "C"),
];

/// A script and how it is run.
pub(super) struct Step<'a> {
    script: &'a str,
    arguments: &'a [&'a str],
    pub(super) network: Network,
    /// Addresses that it may reach whatever the rule for functions says: the rule for repositories has let them pass.
    pub(super) opened: &'a [IpAddr],
    pub(super) env: Option<&'a BTreeMap<String, Zeroizing<String>>>,
    pub(super) readable: Option<&'a BTreeMap<String, PathBuf>>,
    /// Whether the build's log says how far it is.
    pub(super) shows_progress: bool,
    /// What it begins with.
    pub(super) stage: Stage,
}

/// The purpose of a script. It is printed on standard error, so that messages of programs can be assigned to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Fetch,
    Look,
    Files,
    Measure,
    CheckOut,
}

impl Stage {
    /// What a line of standard error announces. No server can write one: its words have `remote:` in front.
    fn announced(line: &str) -> Option<Self> {
        match line {
            "stage look" => Some(Self::Look),
            "stage files" => Some(Self::Files),
            "stage measure" => Some(Self::Measure),
            _ => None,
        }
    }
}

/// How a step ended.
pub(super) struct Ended {
    pub(super) exit: Exit,
    /// What it was about last.
    pub(super) stage: Stage,
    /// The last lines of the standard error of that stage, oldest first.
    pub(super) stderr: Vec<String>,
    /// A server has begun to send objects, in that stage.
    pub(super) received: bool,
    /// A server has spoken Git's protocol.
    pub(super) spoken: bool,
    /// A server has not left out what it was asked to leave out.
    pub(super) unfiltered: bool,
}

impl Ended {
    pub(super) fn succeeded(&self) -> bool {
        self.exit.code == Some(0)
    }
}

impl<'a> Step<'a> {
    pub(super) fn new(script: &'a str, arguments: &'a [&'a str]) -> Self {
        Self {
            script,
            arguments,
            network: Network::None,
            opened: &[],
            env: None,
            readable: None,
            shows_progress: false,
            stage: Stage::Fetch,
        }
    }

    /// The shell that runs it, as an argument list.
    fn command(&self) -> Vec<String> {
        let shell = ["/bin/sh".to_owned(), "-c".to_owned(), format!("{PRELUDE}{}", self.script), "git".to_owned()];
        shell.into_iter().chain(self.arguments.iter().map(|&argument| argument.to_owned())).collect()
    }
}

impl Repository<'_> {
    /// Runs a step in the sandbox. Each line of its standard output goes to `each`, which can end it.
    pub(super) async fn run(
        &self,
        step: &Step<'_>,
        mut each: impl FnMut(&str) -> Result<(), Error>,
    ) -> Result<Ended, Error> {
        let (sender, mut receiver) = mpsc::channel::<Line>(BUFFERED_LINES);
        let mut work = pin!(self.git.workbench.task(self.task(step), sender));
        let mut tail = Tail::new(step.stage);
        let mut exit = None;
        loop {
            // Once the process is gone, its last lines are soon here; before, its own time limit counts.
            let rest = self.deadline.saturating_duration_since(Instant::now());
            let patience = if exit.is_some() { DRAIN } else { rest + DRAIN };
            let line = tokio::select! {
                result = &mut work, if exit.is_none() => {
                    exit = Some(result?);
                    continue;
                }
                line = timeout(patience, receiver.recv()) => line.ok().flatten(),
            };
            let Some(line) = line else { break };
            match line.stream {
                Stream::Stdout => each(&line.text)?,
                Stream::Stderr | Stream::System => {
                    if let Some(text) = tail.take(&line.text)
                        && step.shows_progress
                    {
                        self.journal.pass(Line { text, ..line }).await;
                    }
                }
            }
        }
        let exit = match exit {
            Some(exit) => exit,
            None => work.await?,
        };
        Ok(tail.ended(exit))
    }

    fn task(&self, step: &Step<'_>) -> Task {
        let mut env: BTreeMap<String, String> = ENV.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        env.extend(step.env.into_iter().flatten().map(|(name, value)| (name.clone(), value.to_string())));
        let borrowed = self.borrowed.iter().map(|folder| (folder.display().to_string(), folder.clone()));
        Task {
            name: format!("git-{}", self.build),
            function: self.function,
            command: step.command(),
            folder: self.home.clone(),
            caches: BTreeMap::new(),
            readable: step
                .readable
                .into_iter()
                .flatten()
                .map(|(inside, path)| (inside.clone(), path.clone()))
                .chain(borrowed)
                .collect(),
            programs: Vec::new(),
            opened: step.opened.to_vec(),
            env,
            limits: Limits { memory_mb: self.git.memory_mb, cpu: 2.0, pids: PIDS, network: step.network.clone() },
            timeout: self.deadline.saturating_duration_since(Instant::now()),
        }
    }
}

/// The last lines of standard error.
struct Tail {
    stage: Stage,
    lines: VecDeque<String>,
    received: bool,
    unfiltered: bool,
}

impl Tail {
    fn new(stage: Stage) -> Self {
        Self { stage, lines: VecDeque::new(), received: false, unfiltered: false }
    }

    /// Keeps a line; returns what it says of the progress.
    fn take(&mut self, text: &str) -> Option<String> {
        if let Some(stage) = Stage::announced(text) {
            *self = Self { unfiltered: self.unfiltered, ..Self::new(stage) };
            return None;
        }
        // A progress line is written over itself, again and again: what it says at last is enough.
        let is_progress = |text: &str| PROGRESS.iter().any(|beginning| text.starts_with(beginning));
        self.unfiltered |= text.starts_with(UNFILTERED);
        self.received |= text.split('\r').any(is_progress);
        let text = text.trim_end().rsplit('\r').next().unwrap_or_default().trim_end();
        if text.is_empty() {
            return None;
        }
        if self.lines.len() == TAIL_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text.to_owned());
        is_progress(text).then(|| text.to_owned())
    }

    fn ended(self, exit: Exit) -> Ended {
        Ended {
            exit,
            stage: self.stage,
            stderr: self.lines.into(),
            received: self.received,
            spoken: false,
            unfiltered: self.unfiltered,
        }
    }
}

/// Ends when the folder holds more than the limit.
pub(super) async fn grows_beyond(folder: PathBuf, limit: files::Usage) {
    loop {
        sleep(BETWEEN_LOOKS).await;
        let folder = folder.clone();
        let usage = tokio::task::spawn_blocking(move || files::usage(&folder)).await;
        if usage.is_ok_and(|usage| usage.exceeds(limit)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_fetch_only_its_progress_is_shown() {
        let mut tail = Tail::new(Stage::Fetch);
        for hidden in ["remote: <html>secret</html>", "fatal: unable to access", "ssh: connect to host", "", "\r"] {
            assert_eq!(tail.take(hidden), None, "{hidden}");
        }
        assert!(!tail.received);
        let line = "Receiving objects:  50% (1/2)\rReceiving objects: 100% (2/2), done.";
        assert_eq!(tail.take(line).as_deref(), Some("Receiving objects: 100% (2/2), done."));
        assert!(tail.received);
        // A fault may stand behind the progress, in one line.
        let mut tail = Tail::new(Stage::Fetch);
        assert_eq!(tail.take("Receiving objects:  50% (1/2)\rfatal: fsck error in packed object"), None);
        assert!(tail.received);
    }

    #[test]
    fn what_was_said_before_a_stage_does_not_belong_to_it() {
        let mut tail = Tail::new(Stage::Fetch);
        tail.take("warning: filtering not recognized by server, ignoring");
        tail.take("Receiving objects: 100% (2/2), done.");
        tail.take("remote: stage files");
        assert!(tail.stage == Stage::Fetch && tail.received);
        tail.take("stage files");
        assert!(tail.stage == Stage::Files && !tail.received && tail.lines.is_empty() && tail.unfiltered);
    }
}
