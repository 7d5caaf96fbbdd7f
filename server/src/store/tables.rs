//! The read tables: what a row contains, and how it follows from an aggregate's state.
//!
//! A row is a function of the state after its newest event, so the tables can be rebuilt from the log.

use chrono::{DateTime, Utc};
use domain::event::Received;
use domain::function::event::Share;
use domain::function::made::ImageFacts;
use domain::function::{BuildStatus, Event, Function, Made, OfferedFolder, Version, event::Source};
use domain::manifest::{Manifest, Mode};
use domain::run::{Callback, Letter, LetterStatus, Run};
use domain::{event, function, run, trigger};

use super::error::Error;
use super::table::{Cell, Column, Field, Stored, Table, table};

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

/// The new payload of a record whose content is erased. Lines of a run and snapshots are removed with it.
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadRow {
    /// Its stream.
    pub stream: domain::Stream,
    /// Its version there.
    pub version: u64,
    /// The remaining content: JSON as bytes.
    pub data: Vec<u8>,
}

impl Row {
    /// Whether one of the rows would replace the other.
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

table! {
    /// A function as it is now. Key: `id`.
    #[allow(missing_docs)] // as in `Function`
    pub struct FunctionRow in FUNCTIONS("functions"), key ["id"], kept ["created_position"];
    /// The position of its first event; set by the store.
    created_position: u64,
    id: function::Id,
    namespace: String,
    name: String,
    generation: u32,
    state: function::Status,
    reason: Option<String>,
    current_version: Option<u32>,
    /// The current version's; `None` before the first build.
    mode: Option<Mode>,
    /// The current version's; `None` before the first build.
    runtime: Option<String>,
    source: Source,
    /// The manifest that overrides the file in the source.
    manifest: Option<domain::Json>,
    traffic: Vec<Share>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// The position of its newest event; set by the store.
    position: u64,
}

table! {
    /// A version. Key: `function` and `number`.
    #[allow(missing_docs)] // as in `function::Version`
    pub struct VersionRow in VERSIONS("versions"), key ["function", "number"], late ["triggers"];
    function: function::Id,
    number: u32,
    build: function::BuildId,
    /// The digest of its files or of its image.
    digest: String,
    /// The manifest with all defaults filled in: see [`Self::manifest`]. Kept as text, because it can be large, parsed
    /// values
    /// are much larger, and a page has many.
    manifest: domain::Json,
    commit: Option<String> = "git_commit",
    /// Size of its files in bytes; 0 for an image.
    size: u64,
    created_at: DateTime<Utc>,
    /// The position of the event that created it; set by the store.
    position: u64,
    /// Its triggers in searchable form, see [`trigger::index`]; `None` if an older server wrote the row.
    triggers: Option<String>,
    /// The image's reference; `None` if it is files: see [`Self::made`].
    image: Option<String>,
    /// What else is known of the image.
    image_facts: Option<ImageFacts>,
}

impl VersionRow {
    /// What the build made.
    pub fn made(&self) -> Made {
        let digest = self.digest.clone();
        match self.image.clone() {
            Some(reference) => Made::Image { reference, digest, facts: self.image_facts.clone() },
            None => Made::Artifact { digest, size: self.size },
        }
    }

    /// The digest of its files; `None` for an image.
    pub fn artifact(&self) -> Option<&str> {
        self.image.is_none().then_some(self.digest.as_str())
    }

    /// Parses the manifest.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn manifest(&self) -> Result<Manifest, Error> {
        serde_json::from_str(self.manifest.get()).map_err(|error| {
            Error::Damaged(format!("the manifest of version {} of {}: {error}", self.number, self.function))
        })
    }
}

/// Makes the row of a version.
pub fn version_row(function: function::Id, version: &Version) -> VersionRow {
    let (image, image_facts) = match &version.made {
        Made::Artifact { .. } => (None, None),
        Made::Image { reference, facts, .. } => (Some(reference.clone()), facts.clone()),
    };
    VersionRow {
        function,
        number: version.number,
        build: version.build,
        digest: version.made.digest().to_owned(),
        manifest: domain::Json::of(&version.manifest).expect("manifests serialise"),
        commit: version.commit.clone(),
        size: version.made.size().unwrap_or_default(),
        created_at: version.created_at,
        position: 0,
        triggers: Some(trigger::index::of(&version.manifest)),
        image,
        image_facts,
    }
}

/// The searchable form of a stored manifest's triggers; empty if the manifest cannot be read.
pub(super) fn triggers(manifest: &str) -> String {
    serde_json::from_str(manifest).map(|manifest| trigger::index::of(&manifest)).unwrap_or_default()
}

table! {
    /// A build. Key: `id`.
    #[allow(missing_docs)] // as in `function::Build`
    pub struct BuildRow in BUILDS("builds"), key ["id"], kept ["created_position"];
    /// The position of the append that requested it; set by the store.
    created_position: u64,
    id: function::BuildId,
    function: function::Id,
    namespace: String,
    state: BuildStatus,
    source: Source,
    manifest: Option<domain::Json>,
    node: Option<String>,
    version: Option<u32>,
    commit: Option<String> = "git_commit",
    error: Option<String>,
    requested_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// The position of its newest event; set by the store.
    position: u64,
    /// Folders that could be functions, if the source itself is none.
    offered: Vec<OfferedFolder>,
}

/// What is needed of a function to start its instances. There may be any number of running functions, each with a
/// manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningFunction {
    /// The function.
    pub id: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The current version; `None` before the first successful build.
    pub current_version: Option<u32>,
    /// How calls are split between versions; empty: all go to the current one.
    pub traffic: Vec<Share>,
}

impl RunningFunction {
    /// The current version, and those that take calls beside or instead of it.
    pub fn versions(&self) -> Vec<u32> {
        let others =
            self.traffic.iter().map(|share| share.version).filter(|version| Some(*version) != self.current_version);
        self.current_version.into_iter().chain(others).collect()
    }

    /// Whether a version takes ordinary calls.
    pub fn takes_calls(&self, version: u32) -> bool {
        match self.traffic.as_slice() {
            [] => self.current_version == Some(version),
            split => split.iter().any(|share| share.version == version && share.percent > 0),
        }
    }
}

/// What is needed of a build to continue or fail it. There may be any number of open builds, each with a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBuild {
    /// The build.
    pub id: function::BuildId,
    /// Its function.
    pub function: function::Id,
    /// The server that runs it; `None` while it is waiting.
    pub node: Option<String>,
}

table! {
    /// A run. Key: `id`. Input and output are in the log alone.
    #[allow(missing_docs)] // as in `Run`
    pub struct RunRow in RUNS("runs"), key ["created_position"];
    /// The position of its first event; set by the store.
    created_position: u64,
    id: run::Id,
    function: function::Id,
    namespace: String,
    state: run::Status,
    trigger: String,
    event: Option<event::Id>,
    version: Option<u32>,
    attempts: u32,
    node: Option<String>,
    instance: Option<String>,
    http_status: Option<u16>,
    exit_code: Option<i32>,
    error: Option<String>,
    cold_start: bool,
    replayed_from: Option<run::Id>,
    queued_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
    /// When the next attempt is due, while it waits for one.
    due: Option<DateTime<Utc>>,
    /// Its state as a dead letter, if it is one.
    dead_letter: Option<LetterStatus>,
    /// The run that redrove it.
    redriven_as: Option<run::Id>,
    /// When its callback is due; `None` without a callback, or when it is done.
    callback_due: Option<DateTime<Utc>>,
    /// The position of its newest event; set by the store.
    position: u64,
}

/// A condition on runs that are not finished. It must be written exactly like an index's condition, to use the index.
pub(super) const RUN_IS_OPEN: &str = "state IN ('QUEUED', 'RUNNING', 'RETRYING')";

/// The same for builds.
pub(super) const BUILD_IS_OPEN: &str = "state IN ('QUEUED', 'RUNNING')";

table! {
    /// A trigger event. Key: `id`. The CloudEvent itself is in the log alone.
    #[allow(missing_docs)] // as in `Received`
    pub struct EventRow in EVENTS("events"), key ["position"];
    /// The position of its first event; set by the store.
    position: u64,
    id: event::Id,
    namespace: String,
    kind: String = "type",
    source: String,
    event_id: String,
    subject: Option<String>,
    at: DateTime<Utc>,
}

/// A secret of a namespace. Key: `namespace` and `name`. It does not follow from the log, which never contains values:
/// it is written together with the event that says it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub struct SecretRow {
    pub namespace: String,
    pub name: String,
    /// Its value; `None` once removed.
    pub sealed: Option<Sealed>,
    /// When it was set or removed.
    pub set_at: DateTime<Utc>,
}

/// An encrypted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key's id.
    pub key_id: String,
    /// Never used twice with one key.
    pub nonce: Vec<u8>,
    /// The value, encrypted.
    pub bytes: Vec<u8>,
}

/// That a secret is set, and when: all that is ever shown of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)] // the names say it
pub struct SecretInfo {
    pub namespace: String,
    pub name: String,
    pub set_at: DateTime<Utc>,
}

/// The rows that change with an event of a function; `state` is the state after it.
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
        rows.push(Row::Version(Box::new(version_row(state.id, version))));
    }
    rows
}

fn function_row(state: &Function) -> FunctionRow {
    let current = state.current();
    FunctionRow {
        created_position: 0,
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
        created_position: 0,
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
