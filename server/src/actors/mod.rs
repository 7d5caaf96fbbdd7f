//! The only writers of the log: every command is executed here.
//!
//! [`Commands`] is the handle. A function's commands go through its actor, one at a time, with a state cached in
//! memory. Runs, trigger events and namespaces have short streams and go straight to the [`writer`]. Actors are only a
//! cache: the log's unique (stream, version) decides conflicts, so several servers may send commands to the same
//! function.

mod backlog;
mod erasure;
mod function;
mod outcome;
mod registry;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod writer;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Cause, event, function as domain_function, namespace, run};

pub use backlog::{Arriving, Backlog, Full};
pub use outcome::{FunctionResult, RunResult};
pub use registry::Settings;
pub use writer::{Done, Error, Loaded, Writer};

use crate::store::{self, Row, SecretRow, Store};
use crate::telemetry::watchdog::Watchdog;

/// Executes commands. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    writer: Writer,
    functions: registry::Registry,
    guard: Option<Arc<dyn Guard>>,
    backlog: Arc<Backlog>,
}

/// Checks commands to a function against what the function itself cannot know: all other functions.
#[async_trait]
pub trait Guard: Send + Sync {
    /// Admits a command. The returned value is held until the command has been executed.
    ///
    /// # Errors
    /// If the command is refused, or the log is not available.
    async fn check(
        &self,
        id: domain_function::Id,
        command: &domain_function::Command,
    ) -> Result<Option<Box<dyn Send>>, Error<domain_function::Error>>;
}

impl Commands {
    /// Starts the threads of the actors. Must be called within an actix `System`.
    pub fn start(store: Store, settings: Settings) -> Self {
        let writer = Writer::new(store);
        let functions = registry::Registry::start(writer.clone(), settings);
        Self { functions, writer, guard: None, backlog: Arc::new(Backlog::unlimited()) }
    }

    /// Adds a guard before every command to a function.
    #[must_use]
    pub fn guarded_by(self, guard: Arc<dyn Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// Adds a limit on waiting runs.
    #[must_use]
    pub fn limited_by(self, backlog: Backlog) -> Self {
        Self { backlog: Arc::new(backlog), ..self }
    }

    /// The number of waiting runs by namespace.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Registers the actors' threads with a watchdog.
    pub fn watch(&self, watchdog: &Watchdog) {
        self.functions.watch(watchdog);
    }

    /// Executes a command to a function.
    ///
    /// # Errors
    /// If the function refuses it, too many commands are waiting for it, or the log is not available.
    pub async fn function(
        &self,
        id: domain_function::Id,
        command: domain_function::Command,
        cause: Cause,
    ) -> FunctionResult {
        let _held = match &self.guard {
            Some(guard) => guard.check(id, &command).await?,
            None => None,
        };
        self.functions.send(id, command, cause).await
    }

    /// Executes a command to a run.
    ///
    /// # Errors
    /// If the run refuses it or the log is not available.
    pub async fn run(&self, id: run::Id, command: run::Command, cause: Cause) -> RunResult {
        self.writer.execute(&domain::Stream::run(id), Loaded::unknown(), command, cause).await
    }

    /// Requests a run that very likely does not exist yet, which saves reading its stream.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn new_run(&self, id: run::Id, command: run::Command, cause: Cause) -> RunResult {
        self.writer.execute(&domain::Stream::run(id), Loaded::absent(), command, cause).await
    }

    /// Requests a run that very likely does not exist yet, with the cause given in `asked`.
    ///
    /// # Errors
    /// If a different run has the id, or the log is not available.
    pub async fn request_run(&self, asked: run::RunRequest) -> RunResult {
        let run::RunRequest { requested: run::event::Requested { request, delivery, at }, cause } = asked;
        self.new_run(request.run, run::Command::Request { request, delivery, at }, cause).await
    }

    /// Requests several runs that very likely do not exist yet, in one commit but independently of each other. Returns
    /// the results in the same order. An existing run counts as success if its request is the same, and is
    /// [`run::Error::IdTaken`] otherwise.
    pub async fn request_runs(
        &self,
        asked: impl IntoIterator<Item = run::RunRequest>,
    ) -> Vec<Result<(), Error<run::Error>>> {
        let commands = asked.into_iter().map(|run::RunRequest { requested, cause }| {
            let run::event::Requested { request, delivery, at } = requested;
            (domain::Stream::run(request.run), run::Command::Request { request, delivery, at }, cause)
        });
        self.create_or_compare(commands.collect()).await
    }

    /// Records several synchronous calls in one commit. A call that was recorded before is not changed; one whose id
    /// belongs to a different run is [`run::Error::IdTaken`].
    pub async fn record_calls(
        &self,
        calls: impl IntoIterator<Item = (run::event::Answered, Cause)>,
    ) -> Vec<Result<(), Error<run::Error>>> {
        let commands = calls.into_iter().map(|(answered, cause)| {
            (domain::Stream::run(answered.request.run), run::Command::Answer(Box::new(answered)), cause)
        });
        self.create_or_compare(commands.collect()).await
    }

    /// Executes commands that create runs. If a run exists already, the command is decided on its state: a conflict
    /// alone does not mean that the same command created it.
    async fn create_or_compare(
        &self,
        commands: Vec<(domain::Stream, run::Command, Cause)>,
    ) -> Vec<Result<(), Error<run::Error>>> {
        let mut results = self.writer.create_each::<run::Aggregate>(commands.iter().cloned()).await;
        for (result, (stream, command, cause)) in results.iter_mut().zip(commands) {
            if matches!(result, Err(Error::Store(store::Error::Conflict { .. }))) {
                *result =
                    self.writer.execute(&stream, Loaded::<run::Aggregate>::unknown(), command, cause).await.map(|_| ());
            }
        }
        results
    }

    /// Records a trigger event; a duplicate changes nothing.
    ///
    /// # Errors
    /// If too many runs of the namespace are waiting, or the log is not available.
    pub async fn receive(
        &self,
        received: event::Received,
        cause: Cause,
    ) -> Result<Done<event::Aggregate>, Error<event::Error>> {
        self.backlog.admit(&received.namespace)?;
        self.receive_beyond_limit(received, cause).await
    }

    /// Like [`Self::receive`], but regardless of how many runs are waiting: the event stays in the log until there is
    /// room. For senders that cannot be asked to wait without making others wait.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn receive_beyond_limit(
        &self,
        received: event::Received,
        cause: Cause,
    ) -> Result<Done<event::Aggregate>, Error<event::Error>> {
        let stream = domain::Stream::event(received.id);
        let command = event::Command::Receive(Box::new(received));
        self.writer.execute(&stream, Loaded::absent(), command, cause).await
    }

    /// Executes a command to a namespace.
    ///
    /// # Errors
    /// If the namespace refuses it or the log is not available.
    pub async fn namespace(
        &self,
        name: &str,
        command: namespace::Command,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        self.writer.execute(&domain::Stream::namespace(name), Loaded::unknown(), command, cause).await
    }

    /// Sets a secret: writes its sealed value together with the event that records it.
    ///
    /// # Errors
    /// If the namespace refuses it or the log is not available.
    pub async fn set_secret(
        &self,
        row: SecretRow,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        let command = namespace::Command::SetSecret { secret: row.name.clone(), at: row.set_at };
        self.secret(row, command, cause).await
    }

    /// Removes a secret: deletes its value together with the event that records it.
    ///
    /// # Errors
    /// If the namespace refuses it or the log is not available.
    pub async fn remove_secret(
        &self,
        namespace: &str,
        name: &str,
        at: DateTime<Utc>,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        let row = SecretRow { namespace: namespace.to_owned(), name: name.to_owned(), sealed: None, set_at: at };
        let command = namespace::Command::RemoveSecret { secret: name.to_owned(), at };
        self.secret(row, command, cause).await
    }

    async fn secret(
        &self,
        row: SecretRow,
        command: namespace::Command,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        let stream = domain::Stream::namespace(&row.namespace);
        self.writer.execute_beside(&stream, Loaded::unknown(), command, cause, vec![Row::Secret(Box::new(row))]).await
    }

    /// Loads aggregates in their current and past states.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }
}
