//! The log and its tables, restricted to the namespaces a caller may read: what every entry point reads through.
//!
//! A [`Sight`] is what the access policy grants a caller; nothing outside it is found here. Entry points have no other handle to
//! the tables, so forgetting a check does not compile.

use std::collections::HashMap;

use domain::access::Sight;
use domain::function::{self, event::Source};
use domain::{Recorded, event, run};

use super::Store;
use super::error::Error;
use super::events::EventFilter;
use super::functions::FunctionFilter;
use super::history::HistoryFilter;
use super::line::{LineRow, LinesOf, Recent};
use super::metrics::{Calls, Metrics, Span};
use super::page::{Page, PageRequest};
use super::runs::RunFilter;
use super::tables::{BuildRow, EventRow, FunctionRow, RunRow, SecretInfo, VersionRow};

/// The tables within a sight. Cheap to clone.
#[derive(Clone)]
pub struct View {
    log: Store,
    sight: Sight,
}

/// A row of a function or of something that belongs to one. Having a row proves that the caller may read about its function.
pub trait OfFunction: Send + Sync {
    /// Which function.
    fn function(&self) -> function::Id;
}

impl OfFunction for FunctionRow {
    fn function(&self) -> function::Id {
        self.id
    }
}

impl OfFunction for BuildRow {
    fn function(&self) -> function::Id {
        self.function
    }
}

impl OfFunction for RunRow {
    fn function(&self) -> function::Id {
        self.function
    }
}

/// A row that belongs to a namespace.
pub trait OfNamespace {
    /// Its namespace.
    fn namespace(&self) -> &str;
}

macro_rules! of_namespace {
    ($($row:ty),+) => {$(
        impl OfNamespace for $row {
            fn namespace(&self) -> &str {
                &self.namespace
            }
        }
    )+};
}

of_namespace!(FunctionRow, BuildRow, RunRow, EventRow);

impl OfNamespace for LineRow {
    fn namespace(&self) -> &str {
        &self.line.namespace
    }
}

impl View {
    /// Restricts the log to a sight.
    pub fn new(log: Store, sight: Sight) -> Self {
        Self { log, sight }
    }

    /// This view restricted to one namespace; `None` if the namespace is not within it.
    pub fn within(&self, namespace: &str) -> Option<Self> {
        self.sight.within(namespace).map(|sight| Self { log: self.log.clone(), sight })
    }

    /// Whether a namespace is within it.
    pub fn sees(&self, namespace: &str) -> bool {
        self.sight.sees(namespace)
    }

    /// Whether a row is within it.
    pub fn shows(&self, row: &impl OfNamespace) -> bool {
        self.sight.sees(row.namespace())
    }

    fn only<T: OfNamespace>(&self, mut rows: Vec<T>) -> Vec<T> {
        rows.retain(|row| self.shows(row));
        rows
    }

    /// The namespaces a filter asks for that are within the sight.
    fn namespaces(&self, asked: Option<&Vec<String>>) -> Option<Vec<String>> {
        match (asked, self.sight.namespaces()) {
            (None, seen) => seen.map(<[String]>::to_vec),
            (Some(asked), _) => Some(asked.iter().filter(|name| self.sight.sees(name)).cloned().collect()),
        }
    }

    /// As [`super::Log::function`].
    pub async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Error> {
        Ok(self.log.function(id).await?.filter(|row| self.shows(row)))
    }

    /// As [`super::Log::functions_by_id`].
    pub async fn functions_by_id(&self, ids: &[function::Id]) -> Result<Vec<FunctionRow>, Error> {
        Ok(self.only(self.log.functions_by_id(ids).await?))
    }

    /// As [`super::Log::function_named`].
    pub async fn function_named(&self, namespace: &str, name: &str) -> Result<Option<FunctionRow>, Error> {
        match self.sight.sees(namespace) {
            true => self.log.function_named(namespace, name).await,
            false => Ok(None),
        }
    }

    /// As [`super::Log::functions_from`]; none of a namespace outside.
    pub async fn functions_from(
        &self,
        namespace: &str,
        sources: &[Source],
    ) -> Result<Vec<(Source, function::Id)>, Error> {
        match self.sight.sees(namespace) {
            true => self.log.functions_from(namespace, sources).await,
            false => Ok(Vec::new()),
        }
    }

    /// As [`super::Log::functions`].
    pub async fn functions(&self, filter: &FunctionFilter, page: &PageRequest) -> Result<Page<FunctionRow>, Error> {
        let namespaces = self.namespaces(filter.namespaces.as_ref());
        self.log.functions(&FunctionFilter { namespaces, ..filter.clone() }, page).await
    }

    /// As [`super::Log::namespaces`].
    pub async fn namespaces_seen(&self) -> Result<Vec<String>, Error> {
        let mut names = self.log.namespaces().await?;
        names.retain(|name| self.sight.sees(name));
        Ok(names)
    }

    /// As [`super::Log::version`].
    pub async fn version(&self, of: &impl OfFunction, number: u32) -> Result<Option<VersionRow>, Error> {
        self.log.version(of.function(), number).await
    }

    /// The current versions of functions, in any order.
    pub async fn current_versions(&self, of: &[&FunctionRow]) -> Result<Vec<VersionRow>, Error> {
        let keys: Vec<_> = of.iter().filter_map(|row| Some((row.id, row.current_version?))).collect();
        self.log.versions_by_key(&keys).await
    }

    /// As [`super::Log::versions`].
    pub async fn versions(&self, of: &impl OfFunction, page: &PageRequest) -> Result<Page<VersionRow>, Error> {
        self.log.versions(of.function(), page).await
    }

    /// As [`super::Log::builds`].
    pub async fn builds(&self, of: &impl OfFunction, page: &PageRequest) -> Result<Page<BuildRow>, Error> {
        self.log.builds(of.function(), page).await
    }

    /// As [`super::Log::builds_by_id`].
    pub async fn builds_by_id(&self, ids: &[function::BuildId]) -> Result<Vec<BuildRow>, Error> {
        Ok(self.only(self.log.builds_by_id(ids).await?))
    }

    /// As [`super::Log::newest_builds`].
    pub async fn newest_builds(&self, of: &[function::Id]) -> Result<Vec<BuildRow>, Error> {
        Ok(self.only(self.log.newest_builds(of).await?))
    }

    /// As [`super::Log::runs`].
    pub async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<RunRow>, Error> {
        self.log.runs(&self.runs_within(filter), page).await
    }

    /// As [`super::Log::run_counts`].
    pub async fn run_counts(&self, filter: &RunFilter) -> Result<Vec<(run::Status, u64)>, Error> {
        self.log.run_counts(&self.runs_within(filter)).await
    }

    fn runs_within(&self, filter: &RunFilter) -> RunFilter {
        RunFilter { namespaces: self.namespaces(filter.namespaces.as_ref()), ..filter.clone() }
    }

    /// As [`super::Log::runs_by_id`].
    pub async fn runs_by_id(&self, ids: &[run::Id]) -> Result<Vec<RunRow>, Error> {
        Ok(self.only(self.log.runs_by_id(ids).await?))
    }

    /// As [`super::Log::events`].
    pub async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventRow>, Error> {
        let namespaces = self.namespaces(filter.namespaces.as_ref());
        self.log.events(&EventFilter { namespaces, ..filter.clone() }, page).await
    }

    /// As [`super::Log::events_by_id`].
    pub async fn events_by_id(&self, ids: &[event::Id]) -> Result<Vec<EventRow>, Error> {
        Ok(self.only(self.log.events_by_id(ids).await?))
    }

    /// As [`super::Log::history`].
    pub async fn history(&self, filter: &HistoryFilter, page: &PageRequest) -> Result<Page<Recorded>, Error> {
        let namespaces = self.namespaces(filter.namespaces.as_ref());
        self.log.history(&HistoryFilter { namespaces, ..filter.clone() }, page).await
    }

    /// As [`super::Log::lines`].
    pub async fn lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        Ok(self.only(self.log.lines(of, after, limit).await?))
    }

    /// As [`super::Log::recent_lines`].
    pub async fn recent_lines(&self, of: LinesOf, which: Recent, limit: u32) -> Result<Vec<LineRow>, Error> {
        Ok(self.only(self.log.recent_lines(of, which, limit).await?))
    }

    /// As [`super::Log::metrics`].
    pub async fn metrics(&self, function: Option<function::Id>, span: &Span) -> Result<Metrics, Error> {
        self.log.metrics(function, self.sight.namespaces(), span).await
    }

    /// As [`super::Log::calls`].
    pub async fn calls(&self, of: &[&FunctionRow], span: &Span) -> Result<HashMap<function::Id, Vec<Calls>>, Error> {
        let ids: Vec<_> = of.iter().map(|row| row.id).collect();
        self.log.calls(&ids, span).await
    }

    /// As [`super::Log::secret_infos`].
    pub async fn secret_infos(&self) -> Result<Vec<SecretInfo>, Error> {
        self.log.secret_infos(self.sight.namespaces()).await
    }
}
