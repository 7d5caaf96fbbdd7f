//! Loads rows in batches: what a query asks of many objects at once is one question to the store.
//!
//! A batch of rows serves all callers at once, and each of them gets the rows that they see. What is large (runs and events with
//! their content) is loaded for one answer at a time, in the lane of its caller. Nothing is remembered between batches, so that a subscription that reads an entity again reads it as it is now.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::dataloader::{DataLoader, Loader as Batch};
use async_graphql::runtime::TokioTimer;
use domain::event::Received;
use domain::function::{self, BuildId};
use domain::{event, run};
use futures::stream::{self, StreamExt, TryStreamExt};
use futures::task::{FutureObj, Spawn, SpawnError};

use crate::edge::Services;
use crate::operations::{Fault, Unguarded, Viewer};
use crate::store::{BuildRow, Calls, EventRow, FunctionRow, OfFunction, OfNamespace, RunRow, Span, VersionRow, lane};

/// Streams that are read side by side.
const PARALLEL: usize = 8;

/// A run with its input and output, which are in the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WholeRun(pub run::Id);

/// A trigger event with its content, which is in the log alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct WholeEvent(pub event::Id);

/// The calls of a function over a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct CallsOf(pub function::Id, pub Span);

/// The newest run of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NewestRun(pub function::Id);

/// The newest build of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NewestBuild(pub function::Id);

/// The batches of rows, of all callers. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Batches(Arc<DataLoader<Source>>);

/// The batches of one answer, of what is large. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Whole(Arc<DataLoader<Source>>);

/// Loads rows by their keys, as far as a caller sees them: whoever loses a role while something is followed sees no more of it.
#[derive(Clone)]
pub(super) struct Loader {
    all: Batches,
    whole: Whole,
    viewer: Viewer,
}

/// Spawns on the worker that asks, and not on the one that made the schema.
struct Here;

impl Spawn for Here {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        tokio::spawn(future);
        Ok(())
    }
}

/// Spawns in the lane of a caller.
struct InLane(String);

impl Spawn for InLane {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        let whose = self.0.clone();
        tokio::spawn(async move { lane::within(&whose, future).await });
        Ok(())
    }
}

struct Source(Unguarded);

impl Batches {
    pub(super) fn new(services: &Services) -> Self {
        Self(Arc::new(DataLoader::new(Source(services.unguarded()), Here, TokioTimer::default())))
    }
}

impl Whole {
    /// For an answer to `subject`.
    pub(super) fn new(services: &Services, subject: &str) -> Self {
        let source = Source(services.unguarded());
        Self(Arc::new(DataLoader::new(source, InLane(subject.to_owned()), TokioTimer::default())))
    }
}

impl Loader {
    pub(super) fn new(all: &Batches, whole: Whole, viewer: &Viewer) -> Self {
        Self { all: all.clone(), whole, viewer: viewer.clone() }
    }

    /// One row, if the caller sees it.
    async fn one<K>(&self, key: K) -> Result<Option<<Source as Batch<K>>::Value>, Fault>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Source: Batch<K, Error = Fault>,
        <Source as Batch<K>>::Value: OfNamespace,
    {
        Ok(self.all.0.load_one(key).await?.filter(|row| self.viewer.sees(row.namespace())))
    }

    /// Those of many rows that the caller sees.
    async fn many<K>(&self, keys: impl IntoIterator<Item = K>) -> Result<HashMap<K, <Source as Batch<K>>::Value>, Fault>
    where
        K: Send + Sync + Hash + Eq + Clone + 'static,
        Source: Batch<K, Error = Fault>,
        <Source as Batch<K>>::Value: OfNamespace,
    {
        let mut rows = self.all.0.load_many(keys).await?;
        rows.retain(|_, row| self.viewer.sees(row.namespace()));
        Ok(rows)
    }

    pub(super) async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Fault> {
        self.one(id).await
    }

    pub(super) async fn functions(
        &self,
        ids: impl IntoIterator<Item = function::Id>,
    ) -> Result<HashMap<function::Id, FunctionRow>, Fault> {
        self.many(ids).await
    }

    pub(super) async fn calls(&self, of: &FunctionRow, span: Span) -> Result<Option<Vec<Calls>>, Fault> {
        self.all.0.load_one(CallsOf(of.id, span)).await
    }

    pub(super) async fn newest_run(&self, of: &FunctionRow) -> Result<Option<RunRow>, Fault> {
        self.one(NewestRun(of.id)).await
    }

    pub(super) async fn newest_build(&self, of: &FunctionRow) -> Result<Option<BuildRow>, Fault> {
        self.one(NewestBuild(of.id)).await
    }

    pub(super) async fn version(&self, of: &impl OfFunction, number: u32) -> Result<Option<VersionRow>, Fault> {
        self.all.0.load_one((of.function(), number)).await
    }

    pub(super) async fn build(&self, id: BuildId) -> Result<Option<BuildRow>, Fault> {
        self.one(id).await
    }

    pub(super) async fn builds(
        &self,
        ids: impl IntoIterator<Item = BuildId>,
    ) -> Result<HashMap<BuildId, BuildRow>, Fault> {
        self.many(ids).await
    }

    pub(super) async fn run(&self, id: run::Id) -> Result<Option<RunRow>, Fault> {
        self.one(id).await
    }

    pub(super) async fn runs(&self, ids: impl IntoIterator<Item = run::Id>) -> Result<HashMap<run::Id, RunRow>, Fault> {
        self.many(ids).await
    }

    pub(super) async fn event(&self, id: event::Id) -> Result<Option<EventRow>, Fault> {
        self.one(id).await
    }

    pub(super) async fn events(
        &self,
        ids: impl IntoIterator<Item = event::Id>,
    ) -> Result<HashMap<event::Id, EventRow>, Fault> {
        self.many(ids).await
    }

    pub(super) async fn whole_run(&self, of: &RunRow) -> Result<Option<run::Run>, Fault> {
        self.whole.0.load_one(WholeRun(of.id)).await
    }

    pub(super) async fn whole_event(&self, of: &EventRow) -> Result<Option<Received>, Fault> {
        self.whole.0.load_one(WholeEvent(of.id)).await
    }
}

fn keyed<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

impl Batch<function::Id> for Source {
    type Value = FunctionRow;
    type Error = Fault;

    async fn load(&self, ids: &[function::Id]) -> Result<HashMap<function::Id, FunctionRow>, Fault> {
        Ok(keyed(self.0.functions_by_id(ids).await?, |row| row.id))
    }
}

impl Batch<(function::Id, u32)> for Source {
    type Value = VersionRow;
    type Error = Fault;

    async fn load(&self, keys: &[(function::Id, u32)]) -> Result<HashMap<(function::Id, u32), VersionRow>, Fault> {
        Ok(keyed(self.0.versions_by_key(keys).await?, |row| (row.function, row.number)))
    }
}

impl Batch<BuildId> for Source {
    type Value = BuildRow;
    type Error = Fault;

    async fn load(&self, ids: &[BuildId]) -> Result<HashMap<BuildId, BuildRow>, Fault> {
        Ok(keyed(self.0.builds_by_id(ids).await?, |row| row.id))
    }
}

impl Batch<run::Id> for Source {
    type Value = RunRow;
    type Error = Fault;

    async fn load(&self, ids: &[run::Id]) -> Result<HashMap<run::Id, RunRow>, Fault> {
        Ok(keyed(self.0.runs_by_id(ids).await?, |row| row.id))
    }
}

impl Batch<event::Id> for Source {
    type Value = EventRow;
    type Error = Fault;

    async fn load(&self, ids: &[event::Id]) -> Result<HashMap<event::Id, EventRow>, Fault> {
        Ok(keyed(self.0.events_by_id(ids).await?, |row| row.id))
    }
}

impl Batch<NewestRun> for Source {
    type Value = RunRow;
    type Error = Fault;

    async fn load(&self, keys: &[NewestRun]) -> Result<HashMap<NewestRun, RunRow>, Fault> {
        let functions: Vec<_> = keys.iter().map(|key| key.0).collect();
        Ok(keyed(self.0.newest_runs(&functions).await?, |row| NewestRun(row.function)))
    }
}

impl Batch<NewestBuild> for Source {
    type Value = BuildRow;
    type Error = Fault;

    async fn load(&self, keys: &[NewestBuild]) -> Result<HashMap<NewestBuild, BuildRow>, Fault> {
        let functions: Vec<_> = keys.iter().map(|key| key.0).collect();
        Ok(keyed(self.0.newest_builds(&functions).await?, |row| NewestBuild(row.function)))
    }
}

impl Batch<CallsOf> for Source {
    type Value = Vec<Calls>;
    type Error = Fault;

    async fn load(&self, keys: &[CallsOf]) -> Result<HashMap<CallsOf, Vec<Calls>>, Fault> {
        let mut spans: HashMap<Span, Vec<function::Id>> = HashMap::new();
        for CallsOf(function, span) in keys {
            spans.entry(*span).or_default().push(*function);
        }
        let mut found = HashMap::with_capacity(keys.len());
        for (span, functions) in spans {
            let calls = self.0.calls(&functions, &span).await?;
            found.extend(calls.into_iter().map(|(function, calls)| (CallsOf(function, span), calls)));
        }
        Ok(found)
    }
}

impl Batch<WholeRun> for Source {
    type Value = run::Run;
    type Error = Fault;

    async fn load(&self, ids: &[WholeRun]) -> Result<HashMap<WholeRun, run::Run>, Fault> {
        let runs = stream::iter(ids.to_vec())
            .map(|id| async move { Ok::<_, Fault>(self.0.whole_run(id.0).await?.map(|run| (id, run))) });
        runs.buffer_unordered(PARALLEL).try_filter_map(|run| async move { Ok(run) }).try_collect().await
    }
}

impl Batch<WholeEvent> for Source {
    type Value = Received;
    type Error = Fault;

    async fn load(&self, ids: &[WholeEvent]) -> Result<HashMap<WholeEvent, Received>, Fault> {
        let events = stream::iter(ids.to_vec())
            .map(|id| async move { Ok::<_, Fault>(self.0.whole_event(id.0).await?.map(|event| (id, event))) });
        events.buffer_unordered(PARALLEL).try_filter_map(|event| async move { Ok(event) }).try_collect().await
    }
}
