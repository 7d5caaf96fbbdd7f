//! Executes a command: load, decide, append, evolve; on a conflict again with the new state. Knows the log, not actors.

use chrono::{DateTime, Utc};
use domain::aggregate::{Aggregate, Payload};
use domain::{Cause, Recorded, Stream, event, function, namespace, run};
use uuid::Uuid;

use crate::store::{self, Append, NewEvent, Row, Snapshot, Store, tables};

/// Maximum number of times that a command is decided again after a conflict.
pub(super) const MAX_TRIES: u32 = 20;

/// Records read from the log at a time.
const PAGE: u32 = 4096;

/// A snapshot is stored of a state that took more than this number of events to load.
const SNAPSHOT_AFTER: u64 = 256;

/// Why a command was not executed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error<E: std::error::Error> {
    /// The aggregate refuses, which is the caller's fault.
    #[error(transparent)]
    Refused(E),
    /// Too many commands are waiting for the same aggregate.
    #[error("too many commands wait for this function; try again in a moment")]
    Busy,
    /// Too many runs of the namespace are waiting.
    #[error(transparent)]
    Full(#[from] super::Full),
    /// The log is not available or damaged, which is our fault; a retry may help.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// An aggregate's state, with the version of the stream that it reflects.
#[derive(Debug, Clone)]
pub struct Loaded<A: Aggregate> {
    /// The state.
    pub state: A::State,
    /// The version of the stream that the state includes.
    pub version: u64,
    /// Whether it was read from the log or is known to be absent.
    known: bool,
}

impl<A: Aggregate> Loaded<A> {
    /// Nothing has been read yet.
    pub fn unknown() -> Self {
        Self { state: A::State::default(), version: 0, known: false }
    }

    /// Assumes that these events are the complete stream. If not, the append will fail.
    pub fn assumed(events: &[A::Event]) -> Self {
        let state = events.iter().fold(A::State::default(), A::evolve);
        Self { state, version: events.len() as u64, known: true }
    }

    /// Assumes that the stream is empty. If not, the append will fail.
    pub fn absent() -> Self {
        Self { known: true, ..Self::unknown() }
    }
}

/// The result of an executed command.
#[derive(Debug, Clone)]
pub struct Done<A: Aggregate> {
    /// The new state.
    pub state: A::State,
    /// The new version of the stream.
    pub version: u64,
    /// The log position of its last event; `None` if the command had no effect because it was already done.
    pub position: Option<u64>,
    /// The id of that event.
    pub record: Option<Uuid>,
}

impl<A: Aggregate> Done<A> {
    /// Whether the command changed anything.
    pub fn changed(&self) -> bool {
        self.position.is_some()
    }
}

/// An aggregate whose events update rows of the read tables.
pub trait Tabled: Aggregate {
    /// The rows to update for an event; `state` is the state after it.
    fn rows(state: &Self::State, event: &Self::Event) -> Vec<Row>;
}

impl Tabled for function::Aggregate {
    fn rows(state: &Self::State, event: &Self::Event) -> Vec<Row> {
        state.as_ref().map(|function| tables::of_function(function, event)).unwrap_or_default()
    }
}

impl Tabled for run::Aggregate {
    fn rows(state: &Self::State, _: &Self::Event) -> Vec<Row> {
        state.as_ref().map(tables::of_run).into_iter().collect()
    }
}

impl Tabled for event::Aggregate {
    fn rows(state: &Self::State, _: &Self::Event) -> Vec<Row> {
        state.as_ref().map(tables::of_event).into_iter().collect()
    }
}

impl Tabled for namespace::Aggregate {
    fn rows(_: &Self::State, _: &Self::Event) -> Vec<Row> {
        Vec::new()
    }
}

/// Executes commands on aggregates. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    store: Store,
}

impl Writer {
    /// A writer to this log.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The log.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Executes a command; `known` is the known state, which may be outdated.
    ///
    /// # Errors
    /// If the aggregate refuses or the log is not available.
    pub async fn execute<A>(
        &self,
        stream: &Stream,
        known: Loaded<A>,
        command: A::Command,
        cause: Cause,
    ) -> Result<Done<A>, Error<A::Error>>
    where
        A: Tabled,
    {
        self.execute_beside(stream, known, command, cause, Vec::new()).await
    }

    /// Like [`Self::execute`], but also writes `beside`, rows that do not follow from the log, in the same transaction.
    ///
    /// # Errors
    /// If the aggregate refuses or the log is not available.
    pub async fn execute_beside<A>(
        &self,
        stream: &Stream,
        mut known: Loaded<A>,
        command: A::Command,
        cause: Cause,
        beside: Vec<Row>,
    ) -> Result<Done<A>, Error<A::Error>>
    where
        A: Tabled,
    {
        let mut tries = 0;
        // Whether the state was read for this command: a cached one may be outdated.
        let mut read = false;
        loop {
            if !known.known {
                known = self.load(stream).await?;
                read = true;
            }
            let decided = A::decide(&known.state, command.clone());
            // A change is checked by the append. A refusal or a no-op is only valid for the current state.
            if !read && !matches!(&decided, Ok(events) if !events.is_empty()) {
                known = self.catch_up(stream, known).await?;
                read = true;
                continue;
            }
            let events = decided.map_err(Error::Refused)?;
            if events.is_empty() {
                return Ok(Done { state: known.state, version: known.version, position: None, record: None });
            }
            let (state, mut append) = append::<A>(stream.clone(), &known, &events, cause.clone());
            append.rows.extend(beside.iter().cloned());
            let record = append.events.last().map(|event| event.id);
            match self.store.append(append).await {
                Ok(appended) => {
                    return Ok(Done { state, version: appended.version, position: Some(appended.position), record });
                }
                Err(store::Error::Conflict { actual, .. }) if tries < MAX_TRIES => {
                    tries += 1;
                    known = match actual < known.version {
                        // The log differs from what was assumed, so only what is read from it counts.
                        true => self.load(stream).await?,
                        false => self.catch_up(stream, known).await?,
                    };
                    read = true;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Executes a command on exactly this state, together with rows that do not follow from the log. For commands that
    /// were themselves built from the contents of the stream.
    ///
    /// # Errors
    /// A conflict if the stream has more events by now; if the aggregate refuses; if the log is not available.
    pub(super) async fn execute_on<A: Tabled>(
        &self,
        stream: &Stream,
        known: &Loaded<A>,
        command: A::Command,
        cause: Cause,
        beside: Vec<Row>,
    ) -> Result<Done<A>, Error<A::Error>> {
        let events = A::decide(&known.state, command).map_err(Error::Refused)?;
        if events.is_empty() {
            return Ok(Done { state: known.state.clone(), version: known.version, position: None, record: None });
        }
        let (state, mut append) = append::<A>(stream.clone(), known, &events, cause);
        append.rows.extend(beside);
        let record = append.events.last().map(|event| event.id);
        let appended = self.store.append(append).await?;
        Ok(Done { state, version: appended.version, position: Some(appended.position), record })
    }

    /// Executes commands on aggregates that are assumed not to exist, in one commit but independently of each other. An
    /// existing one results in a conflict error: nothing is decided again.
    pub async fn create_each<A: Tabled>(
        &self,
        commands: impl IntoIterator<Item = (Stream, A::Command, Cause)>,
    ) -> Vec<Result<(), Error<A::Error>>> {
        let absent = A::State::default();
        let mut results = Vec::new();
        let mut appends = Vec::new();
        for (stream, command, cause) in commands {
            results.push(match A::decide(&absent, command) {
                Ok(events) if events.is_empty() => Ok(()),
                Ok(events) => {
                    let (_, append) = append::<A>(stream, &Loaded::absent(), &events, cause);
                    appends.push((results.len(), append));
                    Ok(())
                }
                Err(refusal) => Err(Error::Refused(refusal)),
            });
        }
        let (places, appends): (Vec<_>, Vec<_>) = appends.into_iter().unzip();
        for (place, appended) in places.into_iter().zip(self.store.append_each(appends).await) {
            results[place] = appended.map(|_| ()).map_err(Error::Store);
        }
        results
    }

    /// The current state of an aggregate, from the latest snapshot and the events after it.
    ///
    /// # Errors
    /// If the log is not available or damaged.
    pub async fn load<A: Aggregate>(&self, stream: &Stream) -> Result<Loaded<A>, store::Error> {
        let snapshot = self.store.snapshot(stream).await?;
        let start = snapshot
            .filter(|snapshot| snapshot.shape == A::STATE_SHAPE)
            .and_then(|snapshot| Some((snapshot.version, serde_json::from_slice(&snapshot.state).ok()?)))
            .map_or_else(Loaded::absent, |(version, state)| Loaded { state, version, known: true });
        let from = start.version;
        let loaded = self.catch_up(stream, start).await?;
        if loaded.version - from > SNAPSHOT_AFTER {
            self.keep(stream, &loaded);
        }
        Ok(loaded)
    }

    /// The state of an aggregate at a given time, which includes all of its events up to then.
    ///
    /// # Errors
    /// If the log is not available or damaged.
    pub async fn load_as_of<A: Aggregate>(
        &self,
        stream: &Stream,
        is_before: impl Fn(&Recorded) -> bool,
    ) -> Result<Option<(Loaded<A>, Recorded)>, store::Error> {
        let mut loaded = Loaded::<A>::absent();
        let mut last = None;
        loop {
            let page = self.store.stream(stream, loaded.version, PAGE).await?;
            let last_page = store::page::is_last(&page, PAGE);
            for recorded in page {
                if !is_before(&recorded) {
                    return Ok(last.map(|last| (loaded, last)));
                }
                loaded = evolve(loaded, &recorded)?;
                last = Some(recorded);
            }
            if last_page {
                return Ok(last.map(|last| (loaded, last)));
            }
        }
    }

    /// The first record of a type in a stream.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn first_of(&self, stream: &Stream, kind: &str) -> Result<Option<Recorded>, store::Error> {
        let mut after = 0;
        loop {
            let page = self.store.stream(stream, after, PAGE).await?;
            let last_page = store::page::is_last(&page, PAGE);
            after = page.last().map_or(after, |last| last.version);
            match page.into_iter().find(|recorded| &*recorded.kind == kind) {
                None if !last_page => {}
                found => return Ok(found),
            }
        }
    }

    async fn catch_up<A: Aggregate>(&self, stream: &Stream, mut known: Loaded<A>) -> Result<Loaded<A>, store::Error> {
        known.known = true;
        loop {
            let page = self.store.stream(stream, known.version, PAGE).await?;
            let last_page = store::page::is_last(&page, PAGE);
            for recorded in &page {
                known = evolve(known, recorded)?;
            }
            if last_page {
                return Ok(known);
            }
        }
    }

    /// Stores a snapshot in the background: losing it only costs time.
    fn keep<A: Aggregate>(&self, stream: &Stream, loaded: &Loaded<A>) {
        let Ok(state) = serde_json::to_vec(&loaded.state) else { return };
        let snapshot = Snapshot { version: loaded.version, shape: A::STATE_SHAPE, state };
        let (store, stream) = (self.store.clone(), stream.clone());
        tokio::spawn(async move {
            if let Err(error) = store.save_snapshot(&stream, snapshot).await {
                tracing::warn!(%stream, %error, "snapshot not kept");
            }
        });
    }
}

/// The state after events, and the append for them.
fn append<A: Tabled>(stream: Stream, known: &Loaded<A>, events: &[A::Event], cause: Cause) -> (A::State, Append) {
    let mut state = known.state.clone();
    let mut rows: Vec<Row> = Vec::new();
    let mut new = Vec::with_capacity(events.len());
    for event in events {
        state = A::evolve(state, event);
        for row in A::rows(&state, event) {
            // A later row replaces an earlier one with the same key.
            rows.retain(|earlier| !earlier.same_key(&row));
            rows.push(row);
        }
        new.push(NewEvent { id: Uuid::now_v7(), kind: event.kind(), data: event.encode(), at: event.at() });
    }
    (state, Append { stream, expected: known.version, events: new, cause, rows })
}

pub(super) fn evolve<A: Aggregate>(loaded: Loaded<A>, recorded: &Recorded) -> Result<Loaded<A>, store::Error> {
    let event = A::Event::decode(&recorded.kind, &recorded.data).map_err(|error| {
        let Recorded { stream, version, kind, .. } = recorded;
        match error.is_of_the_future() {
            // Decisions made without the unknown event may be wrong, whatever it is.
            true => store::Error::Newer(format!(
                "{stream} has a record (`{kind}`, version {version}) that a newer EventFlow wrote, and this server ({}) \
                 cannot read it: upgrade this server",
                env!("CARGO_PKG_VERSION")
            )),
            false => store::Error::Damaged(format!("stream {stream}, version {version}: {error}")),
        }
    })?;
    Ok(Loaded { state: A::evolve(loaded.state, &event), version: recorded.version, known: true })
}

impl<A: Aggregate> From<Done<A>> for Loaded<A> {
    fn from(done: Done<A>) -> Self {
        Self { state: done.state, version: done.version, known: true }
    }
}

/// Whether a record happened at or before a time.
pub fn until(time: DateTime<Utc>) -> impl Fn(&Recorded) -> bool {
    move |recorded| recorded.at <= time
}
