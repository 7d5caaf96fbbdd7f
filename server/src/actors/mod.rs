//! The only writers: whoever wants something to happen asks here.
//!
//! [`Commands`] is the handle. A function's commands go through its actor, one at a time, on a state that is kept in
//! memory; runs, trigger events and namespaces are short streams and go straight to the [`writer`].
//! Actors are a cache: what is true is decided by the log's unique (stream, version), so that several servers may
//! command the same function.

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

/// Takes commands. Cloning it is cheap.
#[derive(Clone)]
pub struct Commands {
    writer: Writer,
    functions: registry::Registry,
    guard: Option<Arc<dyn Guard>>,
    backlog: Arc<Backlog>,
}

/// Looks at a command to a function before it is carried out: at what a function cannot know, of all the others.
#[async_trait]
pub trait Guard: Send + Sync {
    /// Lets a command through. What is returned is held until the command has been carried out.
    ///
    /// # Errors
    /// When the command is refused, or the log is away.
    async fn check(
        &self,
        id: domain_function::Id,
        command: &domain_function::Command,
    ) -> Result<Option<Box<dyn Send>>, Error<domain_function::Error>>;
}

impl Commands {
    /// Starts the threads on which actors live. Must be called within an actix `System`.
    pub fn start(store: Store, settings: Settings) -> Self {
        let writer = Writer::new(store);
        let functions = registry::Registry::start(writer.clone(), settings);
        Self { functions, writer, guard: None, backlog: Arc::new(Backlog::unlimited()) }
    }

    /// With a guard before every command to a function.
    #[must_use]
    pub fn guarded_by(self, guard: Arc<dyn Guard>) -> Self {
        Self { guard: Some(guard), ..self }
    }

    /// With a limit for runs that wait.
    #[must_use]
    pub fn limited_by(self, backlog: Backlog) -> Self {
        Self { backlog: Arc::new(backlog), ..self }
    }

    /// What waits in each namespace.
    pub fn backlog(&self) -> &Arc<Backlog> {
        &self.backlog
    }

    /// Lets a watchdog know whether the threads come back on which actors live.
    pub fn watch(&self, watchdog: &Watchdog) {
        self.functions.watch(watchdog);
    }

    /// Asks something of a function.
    ///
    /// # Errors
    /// When the function refuses, when too many commands for it wait already, or when the log is away.
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

    /// Asks something of a run.
    ///
    /// # Errors
    /// When the run refuses or the log is away.
    pub async fn run(&self, id: run::Id, command: run::Command, cause: Cause) -> RunResult {
        self.writer.execute(&domain::Stream::run(id), Loaded::unknown(), command, cause).await
    }

    /// Asks for a run that most probably does not exist yet: spares the look.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn new_run(&self, id: run::Id, command: run::Command, cause: Cause) -> RunResult {
        self.writer.execute(&domain::Stream::run(id), Loaded::absent(), command, cause).await
    }

    /// Asks for a run that most probably does not exist yet, as what it follows from asks for it.
    ///
    /// # Errors
    /// When the run is another one, or the log is away.
    pub async fn request_run(&self, asked: run::Asked) -> RunResult {
        let run::Asked { requested: run::event::Requested { request, delivery, at }, cause } = asked;
        self.new_run(request.run, run::Command::Request { request, delivery, at }, cause).await
    }

    /// Asks for runs that most probably do not exist yet, each by itself, together; answers in the same order. One that
    /// exists is done when it is the same, and [`run::Error::IdTaken`] when it is another.
    pub async fn request_runs(
        &self,
        asked: impl IntoIterator<Item = run::Asked>,
    ) -> Vec<Result<(), Error<run::Error>>> {
        let commands = asked.into_iter().map(|run::Asked { requested, cause }| {
            let run::event::Requested { request, delivery, at } = requested;
            (domain::Stream::run(request.run), run::Command::Request { request, delivery, at }, cause)
        });
        self.create_or_compare(commands.collect()).await
    }

    /// Tells of synchronous calls, together. A call that was told before stays as it was told; one whose id another run
    /// has is [`run::Error::IdTaken`].
    pub async fn tell_of_calls(
        &self,
        calls: impl IntoIterator<Item = (run::event::Answered, Cause)>,
    ) -> Vec<Result<(), Error<run::Error>>> {
        let commands = calls.into_iter().map(|(answered, cause)| {
            (domain::Stream::run(answered.request.run), run::Command::Answer(Box::new(answered)), cause)
        });
        self.create_or_compare(commands.collect()).await
    }

    /// Carries out commands that make runs. Where there is a run already, the command is decided on what is there: a
    /// conflict alone does not say that it was made by the same command.
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

    /// Takes a trigger event; a duplicate changes nothing.
    ///
    /// # Errors
    /// When too many runs of the namespace wait already, or when the log is away.
    pub async fn receive(
        &self,
        received: event::Received,
        cause: Cause,
    ) -> Result<Done<event::Aggregate>, Error<event::Error>> {
        self.backlog.admit(&received.namespace)?;
        self.receive_beyond_limit(received, cause).await
    }

    /// As [`Self::receive`], however many runs wait: the event stays in the log until there is room. For a sender whom nobody can
    /// ask to wait without keeping others waiting.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn receive_beyond_limit(
        &self,
        received: event::Received,
        cause: Cause,
    ) -> Result<Done<event::Aggregate>, Error<event::Error>> {
        let stream = domain::Stream::event(received.id);
        let command = event::Command::Receive(Box::new(received));
        self.writer.execute(&stream, Loaded::absent(), command, cause).await
    }

    /// Asks something of a namespace.
    ///
    /// # Errors
    /// When the namespace refuses or the log is away.
    pub async fn namespace(
        &self,
        name: &str,
        command: namespace::Command,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        self.writer.execute(&domain::Stream::namespace(name), Loaded::unknown(), command, cause).await
    }

    /// Sets a secret: its sealed value is written with the event that says so.
    ///
    /// # Errors
    /// When the namespace refuses or the log is away.
    pub async fn set_secret(
        &self,
        row: SecretRow,
        cause: Cause,
    ) -> Result<Done<namespace::Aggregate>, Error<namespace::Error>> {
        let command = namespace::Command::SetSecret { secret: row.name.clone(), at: row.set_at };
        self.secret(row, command, cause).await
    }

    /// Removes a secret: its value goes with the event that says so.
    ///
    /// # Errors
    /// When the namespace refuses or the log is away.
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

    /// Reads aggregates as they were and are.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }
}
