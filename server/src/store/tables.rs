//! The read tables: what a row holds, and how it follows from an aggregate's state.
//!
//! A row is a function of the state after its newest event, so that the tables can be made anew from the log.

use chrono::{DateTime, Utc};
use domain::event::Received;
use domain::function::event::Share;
use domain::function::{BuildStatus, Event, Function, OfferedFolder, event::Source};
use domain::manifest::{Manifest, Mode};
use domain::run::{Callback, Letter, LetterStatus, Run};
use domain::{event, function, run};

use super::Error;

/// A row to write; it replaces the one with the same key.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // each row says it
pub enum Row {
    Function(Box<FunctionRow>),
    Version(Box<VersionRow>),
    Build(Box<BuildRow>),
    Run(Box<RunRow>),
    Event(Box<EventRow>),
    Secret(Box<SecretRow>),
    Payload(Box<PayloadRow>),
}

/// What a record of the log is written over with, when its content is erased. Lines of a run, and snapshots, go with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadRow {
    /// Its stream.
    pub stream: domain::Stream,
    /// Its place there.
    pub version: u64,
    /// What stands there afterwards: JSON as bytes.
    pub data: Vec<u8>,
}

impl Row {
    /// Whether the other row would replace this one.
    pub fn same_key(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Function(a), Self::Function(b)) => a.id == b.id,
            (Self::Version(a), Self::Version(b)) => (a.function, a.number) == (b.function, b.number),
            (Self::Build(a), Self::Build(b)) => a.id == b.id,
            (Self::Run(a), Self::Run(b)) => a.id == b.id,
            (Self::Event(a), Self::Event(b)) => a.id == b.id,
            (Self::Secret(a), Self::Secret(b)) => (&a.namespace, &a.name) == (&b.namespace, &b.name),
            _ => false,
        }
    }
}

/// A function as it is now. Key: `id`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as in `Function`
pub struct FunctionRow {
    pub id: function::Id,
    pub namespace: String,
    pub name: String,
    pub generation: u32,
    pub state: function::Status,
    pub reason: Option<String>,
    pub current_version: Option<u32>,
    /// The current version's; `None` before the first build.
    pub mode: Option<Mode>,
    /// The current version's; `None` before the first build.
    pub runtime: Option<String>,
    pub source: Source,
    /// The manifest that beats the file in the source.
    pub manifest: Option<domain::Json>,
    pub traffic: Vec<Share>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The position of its newest event.
    pub position: u64,
}

/// A version. Key: `function` and `number`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as in `function::Version`
pub struct VersionRow {
    pub function: function::Id,
    pub number: u32,
    pub build: function::BuildId,
    pub digest: String,
    /// The manifest with every default filled in: see [`Self::manifest`]. As text, since one can be large, as values much
    /// larger, and a page has many.
    pub manifest: domain::Json,
    pub commit: Option<String>,
    pub size: u64,
    pub created_at: DateTime<Utc>,
    pub position: u64,
}

impl VersionRow {
    /// The manifest, read.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        serde_json::from_str(self.manifest.get()).map_err(|error| {
            Error::Damaged(format!("the manifest of version {} of {}: {error}", self.number, self.function))
        })
    }
}

/// A manifest as a row has it.
pub fn version_manifest(manifest: &Manifest) -> domain::Json {
    domain::Json::of(manifest).expect("manifests serialise")
}

/// A build. Key: `id`.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as in `function::Build`
pub struct BuildRow {
    pub id: function::BuildId,
    pub function: function::Id,
    pub namespace: String,
    pub state: BuildStatus,
    pub source: Source,
    pub manifest: Option<domain::Json>,
    pub node: Option<String>,
    pub version: Option<u32>,
    pub commit: Option<String>,
    pub error: Option<String>,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub position: u64,
    /// Folders that could be functions, when the source is none itself.
    pub offered: Vec<OfferedFolder>,
}

/// What is needed of a function to start its instances. Any number may be running, each with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningFunction {
    /// Which function.
    pub id: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The version that answers calls; `None` when no build has succeeded yet.
    pub current_version: Option<u32>,
}

/// What is needed of a build to go on with it, or to give it up. Any number may be open, each with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBuild {
    /// Which build.
    pub id: function::BuildId,
    /// Whose.
    pub function: function::Id,
    /// The server that runs it; `None` while it waits.
    pub node: Option<String>,
}

/// A run. Key: `id`. Input and output are in the log alone.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as in `Run`
pub struct RunRow {
    pub id: run::Id,
    pub function: function::Id,
    pub namespace: String,
    pub state: run::Status,
    pub trigger: String,
    pub event: Option<event::Id>,
    pub version: Option<u32>,
    pub attempts: u32,
    pub node: Option<String>,
    pub instance: Option<String>,
    pub http_status: Option<u16>,
    pub exit_code: Option<i32>,
    pub error: Option<String>,
    pub cold_start: bool,
    pub replayed_from: Option<run::Id>,
    pub queued_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// When the next attempt is due, between attempts.
    pub due: Option<DateTime<Utc>>,
    /// What became of it as a dead letter, when it is one.
    pub dead_letter: Option<LetterStatus>,
    /// The run that it was tried again as, when it was dead.
    pub redriven_as: Option<run::Id>,
    /// When its outcome is to be told to who asked for it; `None` when nobody is to be told, or not any more.
    pub callback_due: Option<DateTime<Utc>>,
    /// The position of its first event; set by the store.
    pub created_position: u64,
    /// The position of its newest event; set by the store.
    pub position: u64,
}

/// A condition on runs: something more happens to them. It is that of an index, which answers it as it stands here.
pub(super) const RUN_IS_OPEN: &str = "state IN ('QUEUED', 'RUNNING', 'RETRYING')";

/// The same of builds.
pub(super) const BUILD_IS_OPEN: &str = "state IN ('QUEUED', 'RUNNING')";

/// A trigger event. Key: `id`. The CloudEvent itself is in the log alone.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // as in `Received`
pub struct EventRow {
    pub id: event::Id,
    pub namespace: String,
    pub kind: String,
    pub source: String,
    pub event_id: String,
    pub subject: Option<String>,
    pub at: DateTime<Utc>,
    pub position: u64,
}

/// A secret of a namespace. Key: `namespace` and `name`. It does not follow from the log, which never knows a value: it is
/// written beside the event that says that it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub struct SecretRow {
    pub namespace: String,
    pub name: String,
    /// Its value; `None` once it was removed.
    pub sealed: Option<Sealed>,
    /// When it was set, or removed.
    pub set_at: DateTime<Utc>,
}

/// A value that only its key opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Names the key.
    pub key_id: String,
    /// Never the same twice under one key.
    pub nonce: Vec<u8>,
    /// The value, encrypted.
    pub bytes: Vec<u8>,
}

/// That a secret is set, and when it was: all that is ever shown of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it
pub struct SecretInfo {
    pub namespace: String,
    pub name: String,
    pub set_at: DateTime<Utc>,
}

/// The rows that change with an event of a function; `state` is the one after it.
pub fn of_function(state: &Function, event: &Event) -> Vec<Row> {
    let mut rows = vec![Row::Function(Box::new(function_row(state)))];
    let build = match event {
        Event::BuildRequested(e) => Some(e.build),
        Event::BuildStarted(e) => Some(e.build),
        Event::BuildSucceeded(e) => Some(e.build),
        Event::BuildFailed(e) => Some(e.build),
        Event::BuildCancelled(e) => Some(e.build),
        _ => None,
    };
    if let Some(row) = build.and_then(|build| build_row(state, build)) {
        rows.push(Row::Build(Box::new(row)));
    }
    if let Event::BuildSucceeded(e) = event
        && let Some(version) = state.version(e.version)
    {
        rows.push(Row::Version(Box::new(VersionRow {
            function: state.id,
            number: version.number,
            build: version.build,
            digest: version.digest.clone(),
            manifest: version_manifest(&version.manifest),
            commit: version.commit.clone(),
            size: version.size,
            created_at: version.created_at,
            position: 0,
        })));
    }
    rows
}

fn function_row(state: &Function) -> FunctionRow {
    let current = state.current();
    FunctionRow {
        id: state.id,
        namespace: state.namespace.clone(),
        name: state.name.clone(),
        generation: state.generation,
        state: state.life.status(),
        reason: state.reason.clone(),
        current_version: state.life.version(),
        mode: current.map(|version| version.manifest.mode),
        runtime: current.map(|version| version.manifest.runtime.as_str().to_owned()),
        source: state.source.clone(),
        manifest: state.manifest.clone(),
        traffic: state.traffic.clone(),
        created_at: state.created_at,
        updated_at: state.updated_at,
        position: 0,
    }
}

/// The row of a build.
pub fn build_row(state: &Function, id: function::BuildId) -> Option<BuildRow> {
    use domain::function::BuildState;
    let build = state.build(id)?;
    let (node, version, error) = match &build.state {
        BuildState::Queued | BuildState::Cancelled { .. } => (None, None, None),
        BuildState::Running { node, .. } => (Some(node.clone()), None, None),
        BuildState::Succeeded { version, .. } => (None, Some(*version), None),
        BuildState::Failed { error, .. } => (None, None, Some(error.clone())),
    };
    let offered = if let BuildState::Failed { offered, .. } = &build.state { offered.clone() } else { Vec::new() };
    Some(BuildRow {
        id: build.id,
        function: state.id,
        namespace: state.namespace.clone(),
        state: build.state.status(),
        source: build.source.clone(),
        manifest: build.manifest.clone(),
        node,
        version,
        commit: version.and_then(|number| state.version(number)).and_then(|version| version.commit.clone()),
        error,
        requested_at: build.requested_at,
        started_at: build.state.started_at(),
        finished_at: build.state.finished_at(),
        position: 0,
        offered,
    })
}

/// The row of a run.
pub fn of_run(state: &Run) -> Row {
    let (request, phase) = (&state.request, &state.phase);
    let outcome = phase.outcome();
    let letter = phase.letter();
    Row::Run(Box::new(RunRow {
        id: request.run,
        function: request.function,
        namespace: request.namespace.clone(),
        state: phase.status(),
        trigger: request.trigger.clone(),
        event: request.event,
        version: phase.attempt().map(|attempt| attempt.version).or(request.version),
        attempts: state.attempts,
        node: phase.node().map(str::to_owned),
        instance: outcome.and_then(|outcome| outcome.instance.clone()),
        http_status: outcome.and_then(|outcome| outcome.http_status),
        exit_code: outcome.and_then(|outcome| outcome.exit_code),
        error: phase.failure().map(|failure| failure.error.clone()),
        cold_start: outcome.is_some_and(|outcome| outcome.cold_start),
        replayed_from: request.replayed_from,
        queued_at: state.queued_at,
        started_at: phase.attempt().map(|attempt| attempt.started_at),
        finished_at: phase.finished_at(),
        due: phase.due(),
        dead_letter: letter.map(Letter::status),
        redriven_as: letter.and_then(|letter| if let Letter::Redriven(run) = letter { Some(run) } else { None }),
        callback_due: match state.callback {
            Some(Callback::Due { due, .. }) => Some(due),
            _ => None,
        },
        created_position: 0,
        position: 0,
    }))
}

/// The row of a trigger event.
pub fn of_event(received: &Received) -> Row {
    Row::Event(Box::new(EventRow {
        id: received.id,
        namespace: received.namespace.clone(),
        kind: received.kind.clone(),
        source: received.source.clone(),
        event_id: received.event_id.clone(),
        subject: received.subject.clone(),
        at: received.at,
        position: 0,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_in_sql_is_what_is_open() {
        let condition = |open: Vec<&str>| format!("state IN ('{}')", open.join("', '"));
        let runs = run::Status::ALL.iter().filter(|state| state.is_open()).map(|state| state.name());
        assert_eq!(RUN_IS_OPEN, condition(runs.collect()));
        let builds = BuildStatus::ALL.iter().filter(|state| state.is_open()).map(|state| state.name());
        assert_eq!(BUILD_IS_OPEN, condition(builds.collect()));
    }
}
