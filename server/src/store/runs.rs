//! Queries for runs.

use chrono::{DateTime, Utc};
use domain::{Stream, event, function, run};

use super::error::Error;
use super::listing::{Order, Where};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::sql::{Value, int};
use super::table::{Field, Stored};
use super::tables::{RUN_IS_OPEN, RUNS, RunRow};

/// Waiting runs of one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRuns {
    /// The function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: String,
    /// Runs that could start now: they are QUEUED.
    pub queued: u64,
    /// These, plus those whose next attempt is due later (RETRYING).
    pub all: u64,
}

/// A filter for runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only in these namespaces; `None` is all.
    pub namespaces: Option<Vec<String>>,
    /// Only this function's.
    pub function: Option<function::Id>,
    /// Only in this state.
    pub state: Option<run::Status>,
    /// Only those requested at or after this time.
    pub since: Option<DateTime<Utc>>,
    /// Only those requested before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only those caused by this trigger event.
    pub event: Option<event::Id>,
    /// Only those whose trigger is of this type (`http.invoke`).
    pub trigger: Option<String>,
    /// Only those of this version of their function.
    pub version: Option<u32>,
    /// Only replays of this run.
    pub replayed_from: Option<run::Id>,
    /// Only dead letters that are still open.
    pub dead_letters: bool,
    /// Only those that a trigger event caused directly, not those requested for it later.
    pub routed: bool,
    /// Only those whose ids start with this: lower-case hexadecimal digits and hyphens. If there are very many, only
    /// the last
    /// [`MAX_BY_PREFIX`] by id are considered.
    pub id_prefix: Option<String>,
}

/// Runs that are considered for a prefix: a short one may match every run.
pub const MAX_BY_PREFIX: u32 = 1_000;

impl Log {
    /// Runs by id, in any order; unknown ids are left out.
    pub async fn runs_by_id(&self, ids: &[run::Id]) -> Result<Vec<RunRow>, Error> {
        let streams: Vec<_> = ids.iter().map(|id| Stream::run(*id).as_str().to_owned()).collect();
        self.reader.by_stream("created_position", &streams).await
    }

    /// A page of runs, newest first.
    pub async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<RunRow>, Error> {
        let conditions = self.of_runs(filter);
        self.reader.page(&RUNS, &RUNS.names(""), &Order::NEWEST_CREATED_FIRST, conditions, page, RunRow::read).await
    }

    /// The newest run of each function that has any.
    pub async fn newest_runs(&self, functions: &[function::Id]) -> Result<Vec<RunRow>, Error> {
        self.reader.newest(functions).await
    }

    /// The number of matching runs, by state.
    pub async fn run_counts(&self, filter: &RunFilter) -> Result<Vec<(run::Status, u64)>, Error> {
        let conditions = self.of_runs(filter);
        let sql = format!("SELECT state, count(*) FROM runs {} GROUP BY state ORDER BY state", conditions.text());
        self.reader
            .select(&sql, &conditions.values, |row| {
                let mut cells = row.cells();
                Ok((Field::read(&mut cells)?, cells.number()?))
            })
            .await
    }

    /// Up to `limit` runs that are QUEUED, RUNNING or RETRYING, oldest first, after a run's `created_position`.
    pub async fn open_runs(&self, after: u64, limit: u32) -> Result<Vec<RunRow>, Error> {
        let sql = format!(
            "SELECT {} FROM runs WHERE {RUN_IS_OPEN} AND created_position > $1
             ORDER BY created_position LIMIT $2",
            RUNS.names("")
        );
        self.reader.select(&sql, &[int(after), int(limit.into())], RunRow::read).await
    }

    /// Up to `limit` runs whose callbacks are due by a time, longest overdue first.
    pub async fn due_callbacks(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<RunRow>, Error> {
        // One per namespace first, then a second one each: a namespace with many callbacks does not hold up the others.
        let sql = format!(
            "SELECT {} FROM (SELECT *, row_number() OVER (PARTITION BY namespace ORDER BY callback_due) AS turn FROM runs \
             WHERE callback_due IS NOT NULL AND callback_due <= $1) AS due ORDER BY turn, callback_due LIMIT $2",
            RUNS.names("")
        );
        let values = [Value::Int(before.timestamp_micros()), int(limit.into())];
        self.reader.select(&sql, &values, RunRow::read).await
    }

    /// The number of waiting runs of each function; functions without any are left out.
    pub async fn waiting_runs(&self) -> Result<Vec<WaitingRuns>, Error> {
        // The second condition is that of the index on open runs.
        let sql = format!(
            "SELECT function, min(namespace), count(*) FILTER (WHERE state = 'QUEUED'), count(*) FROM runs
             WHERE state IN ('QUEUED', 'RETRYING') AND {RUN_IS_OPEN} GROUP BY function"
        );
        self.reader
            .select(&sql, &[], |row| {
                let mut cells = row.cells();
                Ok(WaitingRuns {
                    function: cells.id()?,
                    namespace: cells.text()?,
                    queued: cells.number()?,
                    all: cells.number()?,
                })
            })
            .await
    }

    /// Functions with waiting runs, and since when the oldest has been waiting.
    pub async fn oldest_queued(&self) -> Result<Vec<(function::Id, DateTime<Utc>)>, Error> {
        let sql = format!(
            "SELECT function, min(queued_at) FROM runs WHERE state = 'QUEUED' AND {RUN_IS_OPEN} GROUP BY function"
        );
        self.reader
            .select(&sql, &[], |row| {
                let mut cells = row.cells();
                Ok((cells.id()?, cells.time()?))
            })
            .await
    }

    fn of_runs(&self, filter: &RunFilter) -> Where {
        let mut conditions = Where::default();
        if let Some(event) = filter.event {
            conditions.and("event = {}", Value::Text(event.to_string()));
        }
        if let Some(function) = filter.function {
            conditions.and("function = {}", Value::Text(function.to_string()));
        }
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&self.reader.db, "namespace", namespaces);
        }
        if let Some(state) = filter.state {
            conditions.and("state = {}", Value::Text(state.name().into()));
        }
        if let Some(since) = filter.since {
            conditions.and("queued_at >= {}", Value::Int(since.timestamp_micros()));
        }
        if let Some(until) = filter.until {
            conditions.and("queued_at < {}", Value::Int(until.timestamp_micros()));
        }
        if let Some(trigger) = &filter.trigger {
            conditions.and("trigger = {}", Value::Text(trigger.clone()));
        }
        if let Some(version) = filter.version {
            conditions.and("version = {}", int(version.into()));
        }
        if let Some(origin) = filter.replayed_from {
            conditions.and("replayed_from = {}", Value::Text(origin.to_string()));
        }
        if filter.dead_letters {
            conditions.and_always("dead_letter = 'WAITING'");
        }
        if filter.routed {
            // Their ids are derived from event and function (UUID version 5); all others are random.
            conditions.and_always("event IS NOT NULL AND substr(id, 15, 1) = '5'");
        }
        if let Some(prefix) = &filter.id_prefix {
            // The log finds ids by its index on streams. A `g` sorts after every character of an id.
            let first = Value::Text(format!("run-{prefix}"));
            conditions.values.extend([first, Value::Text(format!("run-{prefix}g"))]);
            let last = conditions.values.len();
            conditions.and_always(&format!(
                "created_position IN (SELECT position FROM log WHERE stream >= ${} AND stream < ${last} AND version = 1 \
                 ORDER BY stream DESC LIMIT {MAX_BY_PREFIX})",
                last - 1
            ));
        }
        conditions
    }
}
