//! Executes requested builds: takes a build, lets the builder make it, and records the result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::function::event::Source;
use domain::function::{BuildId, Command, Id};
use domain::{Cause, function};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::build_attempts::{BuildAttempts, MOST};
use super::tools::Tools;
use crate::artifacts::Failure;
use crate::backoff::Backoff;
use crate::builder::{self, Built, Credentials, Order};
use crate::doors::Decision;
use crate::executor::Line;
use crate::keeping::stored::{BUFFER, GROUP, Origin, store_lines};
use crate::store::agreement;
use crate::turns::Turns;
use crate::{actors, clock, vault};

/// How long a build waits for the log: at first, and at most, before it is asked again.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Slots that one namespace can never use, so that others can build however long its own builds take.
const LEFT_TO_OTHERS: usize = 1;

/// The total number of concurrent builds, if one namespace may have this many.
pub fn slots(of_namespace: usize) -> usize {
    of_namespace + LEFT_TO_OTHERS
}

/// Starts and cancels builds. Cheap to clone.
#[derive(Clone)]
pub(super) struct Builds {
    tools: Tools,
    slots: Turns,
    running: Arc<Mutex<HashMap<BuildId, Task>>>,
    begun: Arc<BuildAttempts>,
    /// Cancelled when the server ends: nothing more is begun.
    stopping: CancellationToken,
    finished: Arc<Notify>,
}

struct Task {
    handle: AbortHandle,
    /// Whether it has a slot, and so has begun.
    begun: bool,
}

impl Builds {
    pub(super) fn new(tools: Tools) -> Self {
        Self {
            slots: Turns::with_shares(slots(tools.builds), tools.builds, tools.builds),
            begun: Arc::new(BuildAttempts::new(&tools.data_dir)),
            tools,
            running: Arc::default(),
            stopping: CancellationToken::new(),
            finished: Arc::default(),
        }
    }

    /// Starts a build unless it is in progress.
    pub(super) fn start(&self, function: Id, build: BuildId, cause: Cause) {
        let mut running = self.running.lock();
        if running.contains_key(&build) || self.stopping.is_cancelled() {
            return;
        }
        let this = self.clone();
        let task = tokio::spawn(async move {
            this.run(function, build, cause).await;
            this.running.lock().remove(&build);
            this.finished.notify_waiters();
        });
        running.insert(build, Task { handle: task.abort_handle(), begun: false });
    }

    /// Stops a build whose cancellation is already recorded.
    pub(super) fn cancel(&self, build: BuildId) {
        if let Some(task) = self.running.lock().remove(&build) {
            task.handle.abort();
            self.begun.is_over(build);
            self.tools.metrics.builds.with_label_values(&["cancelled"]).inc();
        }
    }

    /// Begins no more builds and waits for those in progress, until `deadline` at most. The remaining ones end without
    /// an outcome: they are still open in the log, and begun again at the next start.
    pub(super) async fn stop(&self, deadline: Instant) {
        self.stopping.cancel();
        let let_go = |task: &Task| {
            task.handle.abort();
            false
        };
        self.running.lock().retain(|_, task| task.begun || let_go(task));
        let done = async {
            loop {
                let finished = self.finished.notified();
                if self.running.lock().is_empty() {
                    return;
                }
                finished.await;
            }
        };
        if tokio::time::timeout_at(deadline, done).await.is_err() {
            let left: Vec<_> = self.running.lock().drain().collect();
            tracing::warn!(builds = left.len(), "unfinished builds abandoned; they restart at the next start");
            for (build, task) in left {
                task.handle.abort();
                self.begun.is_over(build);
            }
        }
    }

    /// Whether a build that has a slot may begin: not while the server is ending.
    fn may_begin(&self, build: BuildId) -> bool {
        let mut running = self.running.lock();
        let task = running.get_mut(&build).filter(|_| !self.stopping.is_cancelled());
        task.map(|task| task.begun = true).is_some()
    }

    /// Counts the attempt and returns whether the build may begin: not if it brought the server down every time before.
    /// It may if the count cannot be stored.
    fn begins(&self, build: BuildId) -> bool {
        self.begun.begins(build).unwrap_or_else(|error| {
            tracing::warn!(%build, %error, "build attempt not counted");
            true
        })
    }

    async fn run(&self, id: Id, build: BuildId, cause: Cause) {
        let cause = Cause { actor: Some(self.tools.actor()), ..cause };
        let Some(namespace) = self.namespace(id).await else { return };
        self.until_all_understand().await;
        // Slots are limited: a build that waits for one is still QUEUED.
        let _permit = self.slots.take(&namespace, &id.to_string()).await;
        if !self.may_begin(build) {
            return;
        }
        let start = Command::StartBuild { build, node: self.tools.node.to_string(), at: clock::now() };
        let Some(state) = self.command(id, start, &cause).await else { return };
        let Some((function, wanted)) = state.as_ref().and_then(|function| Some((function, function.build(build)?)))
        else {
            return;
        };
        if !self.begins(build) {
            let error = format!(
                "the server ended {MOST} times while it was building this: read its log, and build again when that is mended"
            );
            let failed = Command::FailBuild { build, error, offered: Vec::new(), at: clock::now() };
            self.command(id, failed, &cause).await;
            return self.begun.is_over(build);
        }
        let order = Order {
            function: id,
            namespace: function.namespace.clone(),
            name: function.name.clone(),
            build,
            source: wanted.source.clone(),
            credentials: None,
            manifest: wanted.manifest.clone(),
        };
        let namespace = order.namespace.clone();
        let (lines, stored) = self.log(id, build, &namespace);
        let built = match self.credentials(&order).await {
            Ok(credentials) => self.tools.builder.build(Order { credentials, ..order }, lines).await,
            Err(error) => Err(error),
        };
        // Followers of the log see its last line before the build ends.
        let _ = stored.await;
        // Held until the version's paths are recorded, before another version is checked against them.
        let (built, _held) = match built {
            Ok(built) => match self.check_doors(id, &namespace, &built).await {
                Decision::Allowed(held) => (Ok(built), held),
                Decision::Refused(reason) => (Err(builder::Error::Refused(reason)), None),
            },
            failed => (failed, None),
        };
        self.finish(id, build, built, &cause).await;
        self.begun.is_over(build);
    }

    /// The namespace of the function; `None` if there is no such function.
    async fn namespace(&self, id: Id) -> Option<String> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.tools.store.function(id).await {
                Ok(row) => return row.map(|row| row.namespace),
                Err(error) => tracing::warn!(function = %id, %error, "build waiting for the log"),
            }
            backoff.pause().await;
        }
    }

    /// Waits until all servers on this database understand the event that is about to be recorded. Meanwhile, older
    /// servers take the builds.
    async fn until_all_understand(&self) {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match agreement::leave_older_servers(&self.tools.store, agreement::MADE).await {
                Ok(true) => return,
                Ok(false) => tracing::debug!("leaving builds to servers of an older version that are still running"),
                Err(error) => tracing::warn!(%error, "build waiting for the log"),
            }
            backoff.pause().await;
        }
    }

    /// Checks whether the version may have the anonymous callers and paths that it asks for.
    async fn check_doors(&self, id: Id, namespace: &str, built: &Built) -> Decision {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.tools.admission.of_build(id, namespace, &built.manifest).await {
                Ok(verdict) => return verdict,
                Err(error) => tracing::warn!(function = %id, %error, "build waiting for the log"),
            }
            backoff.pause().await;
        }
    }

    /// The credentials for the repository. The builder uses them only for the address that they were given with.
    async fn credentials(&self, order: &Order) -> Result<Option<Credentials>, builder::Error> {
        let Source::Git { .. } = &order.source else { return Ok(None) };
        let name = function::credentials_secret(order.function);
        match self.tools.vault.secret(&order.namespace, &name).await {
            Ok(secret) => Ok(Some(Credentials::new(secret.value))),
            Err(vault::Error::NotSet { .. }) => Ok(None),
            Err(error) => Err(Failure::other("read the credentials of the repository", error.to_string()).into()),
        }
    }

    async fn finish(&self, id: Id, build: BuildId, built: Result<Built, builder::Error>, cause: &Cause) {
        let outcome = if built.is_ok() { "succeeded" } else { "failed" };
        let command = match built {
            Ok(Built { made, manifest, commit }) => {
                Command::SucceedBuild { build, made, manifest: Box::new(manifest), commit, at: clock::now() }
            }
            Err(error) => {
                let offered = error.offered().to_vec();
                Command::FailBuild { build, error: error.to_string(), offered, at: clock::now() }
            }
        };
        if self.command(id, command, cause).await.is_some() {
            self.tools.metrics.builds.with_label_values(&[outcome]).inc();
        }
    }

    /// Executes a command, retrying until there is an answer; `None` if the function refuses it.
    async fn command(&self, id: Id, mut command: Command, cause: &Cause) -> Option<function::State> {
        let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
        loop {
            match self.tools.commands.function(id, command.clone(), cause.clone()).await {
                Ok(done) => return Some(done.state),
                Err(actors::Error::Refused(error)) => {
                    tracing::info!(function = %id, %error, "build not taken or cancelled");
                    return None;
                }
                // The log will never accept it, however often it is tried.
                Err(actors::Error::Store(error)) if error.is_final() => {
                    tracing::error!(function = %id, %error, "store refuses the result of a build");
                    let Command::SucceedBuild { build, .. } = command else { return None };
                    let error = format!("the result of the build could not be recorded: {error}");
                    command = Command::FailBuild { build, error, offered: Vec::new(), at: clock::now() };
                }
                Err(error) => tracing::warn!(function = %id, %error, "build waiting for the log"),
            }
            backoff.pause().await;
        }
    }

    /// A channel for the build's log lines, and the task that stores them.
    fn log(&self, function: Id, build: BuildId, namespace: &str) -> (mpsc::Sender<Line>, tokio::task::JoinHandle<()>) {
        let (sender, mut receiver) = mpsc::channel::<Line>(BUFFER);
        let store = self.tools.store.clone();
        let origin = Origin { function, namespace: namespace.to_owned(), build: Some(build), instance: None };
        let task = tokio::spawn(async move {
            let mut group = Vec::with_capacity(GROUP);
            while receiver.recv_many(&mut group, GROUP).await > 0 {
                let lines = group.drain(..).map(|line| origin.line(None, line.stream, line.at, line.text));
                store_lines(&store, lines.collect()).await;
            }
        });
        (sender, task)
    }
}
