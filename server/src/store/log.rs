//! The log over either database: appends go to the committer, reads go to the pool.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{Recorded, Stream, event, function, run, trigger};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::append::{Append, Appended, Snapshot};
use super::audit::Report;
use super::away::Away;
use super::batch::{self, Chore};
use super::columns::{self, LINES, RECORD_NAMES, SECRETS};
use super::committer::{Lines, MAX_LINES, Request};
use super::cut::Cut;
use super::error::Error;
use super::events::EventFilter;
use super::feed::{Feed, LineFeed};
use super::functions::{FunctionFilter, FunctionOrder};
use super::history::HistoryFilter;
use super::line::{LineRow, LinesOf, NewLine, Recent};
use super::listing::{Bounded, Order, Where};
use super::log_key::LogKeyRow;
use super::metrics::{Calls, Metrics, Span};
use super::needed::Needed;
use super::page::{Page, PageRequest};
use super::relayed::Relayed;
use super::removal::Old;
use super::ring::Ring;
use super::runs::{MAX_BY_PREFIX, RunFilter, WaitingRuns};
use super::seal::{Anchor, Seal, SealKey};
use super::sql::{self, Db, On, Row, Value, int};
use super::stats::Stats;
use super::table::{Field, Stored, Table, mode_name};
use super::tables::{
    BUILD_IS_OPEN, BUILDS, BuildRow, EVENTS, EventRow, FUNCTIONS, FunctionRow, OpenBuild, RUN_IS_OPEN, RUNS, RunRow,
    RunningFunction, SecretInfo, SecretRow, VERSIONS, VersionRow,
};
use super::{
    audit, cut, feed, installation, lease, log_key, metrics, needed, postgres, relayed, revocation, seal, sqlite,
};

/// What readers and followers need.
pub(super) struct Inner {
    pub db: Db,
    pub records: Arc<Ring<Recorded>>,
    pub lines: Arc<Ring<LineRow>>,
    pub stats: Arc<Stats>,
    /// Up to here, as far as is known, records may have been removed.
    pub cut: AtomicU64,
}

/// The log and its tables, in a database. [`super::Store`] is the handle to it.
pub struct Log {
    pub(super) inner: Arc<Inner>,
    pub(super) description: String,
    /// The way to the committer; `None` when the log is open for reading only.
    pub(super) commits: Option<Commits>,
    /// The database's file, for SQLite.
    pub(super) file: Option<PathBuf>,
    /// Connections for leases.
    pub(super) leases: Db,
    /// The connection that removes what is old, for PostgreSQL.
    pub(super) sweeper: Option<sqlx::PgPool>,
    /// What was removed last, of what time, and where the log was then.
    pub(super) swept: parking_lot::Mutex<Option<((Old, i64), i64)>>,
    /// What seals are made with.
    pub(super) seal_key: std::sync::OnceLock<SealKey>,
    /// Tasks that end with the log.
    pub(super) tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// The way to the committer.
pub(super) struct Commits {
    pub requests: mpsc::Sender<Request>,
    pub lines: mpsc::Sender<Lines>,
}

#[cfg(test)]
impl Log {
    /// What it is asked, and what of it fails.
    pub fn watched(&self) -> Arc<super::watched::Watched> {
        self.inner.db.watched()
    }

    /// Lets every append fail, as on a disk that is full, or none; in SQLite alone.
    pub async fn set_writable(&self, writable: bool) {
        let pragma = if writable { "PRAGMA query_only = 0" } else { "PRAGMA query_only = 1" };
        self.chore(Chore::Statement(pragma)).await.expect("the connection that writes is there");
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The longest type, or pattern of types, that is looked for, in bytes: no event's type is longer, and a pattern becomes a
/// regular expression, which databases do not take at any length.
const MAX_KIND: usize = 1024;

fn check_kind(kind: &str) -> Result<(), Error> {
    if kind.len() > MAX_KIND {
        let message = format!("the type has {} bytes, and none has more than {MAX_KIND}", kind.len());
        return Err(Error::Unfit(message));
    }
    Ok(())
}

/// Begins a condition on a function's current version `v`.
const OF_CURRENT: &str =
    "EXISTS (SELECT 1 FROM versions v WHERE v.function = functions.id AND v.number = functions.current_version AND";

/// The state of a function's newest build, found by one look into the index.
const STATE_OF_NEWEST_BUILD: &str =
    "(SELECT b.state FROM builds b WHERE b.function = functions.id ORDER BY b.created_position DESC LIMIT 1)";

/// Lines are stored in the order in which they were read, but for so much: servers have clocks of their own.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

/// Rows by key, where a query may name thousands: so many at a time.
const KEYS: usize = 500;

fn gone() -> Error {
    Error::Unavailable("the event log is closed".into())
}

impl Inner {
    /// Rows of a query, decoded.
    async fn select<T>(
        &self,
        sql: &str,
        values: &[Value],
        decode: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.db.select(sql, values, decode).await
    }

    /// Up to `limit` records of the log after a position.
    pub async fn read_log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let page = Bounded::by_position("log", RECORD_NAMES, "WHERE position > $1", "$2");
        self.select(&page.sql(""), &[int(after), int(limit.into())], columns::record).await
    }

    /// Up to `limit` lines after a position.
    pub async fn read_lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        let mut filter = lines_of(of);
        filter.and("position > {}", int(after));
        let (names, conditions, limit) = (LINES.names(""), filter.text(), limit.to_string());
        let page = Bounded::by_position("lines", &names, &conditions, &limit);
        self.select(&page.sql(""), &filter.values, LineRow::read).await
    }

    /// How far a follower has come; 0 for one that never was.
    pub async fn checkpoint(&self, follower: &str) -> Result<u64, Error> {
        let sql = "SELECT position FROM checkpoints WHERE follower = $1";
        let rows = self.db.fetch(sql, &[Value::Text(follower.into())]).await?;
        rows.first().map_or(Ok(0), |row| row.cells().number())
    }

    /// Whether records up to a position may have been removed. Ask after the records were read.
    pub async fn is_cut(&self, position: u64) -> Result<bool, Error> {
        if position > self.cut.load(Ordering::Relaxed) {
            let rows = self.db.fetch("SELECT cut FROM head WHERE one = 1", &[]).await?;
            let cut = rows.first().ok_or_else(gone)?.cells().number()?;
            self.cut.fetch_max(cut, Ordering::Relaxed);
        }
        Ok(position <= self.cut.load(Ordering::Relaxed))
    }

    /// Notes that records are missing between two positions.
    pub fn gap(&self, after: u64, found: u64) -> Error {
        self.stats.add_gap();
        tracing::error!(after, found, "records are missing from the log");
        Error::Damaged(format!("log position {} is missing; the next one is {found}", after + 1))
    }

    pub(super) async fn count(&self, table: &Table, filter: &Where) -> Result<u64, Error> {
        if filter.conditions.is_empty() && table.name == columns::LOG.name {
            // Positions have no gaps but for what was removed: nobody has to count them.
            let rows = self.db.fetch("SELECT position - removed FROM head WHERE one = 1", &[]).await?;
            return rows.first().ok_or_else(gone)?.cells().number();
        }
        let sql = format!("SELECT count(*) FROM {} {}", table.name, filter.text());
        let rows = self.db.fetch(&sql, &filter.values).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }
}

/// The conditions that an index answers; the `NULL`s are those of its own condition.
fn lines_of(of: LinesOf) -> Where {
    let mut filter = Where::default();
    let mut is = |condition: &str, id: &dyn std::fmt::Display| filter.and(condition, Value::Text(id.to_string()));
    match of {
        LinesOf::Function(id) => is("function = {} AND build IS NULL", &id),
        LinesOf::Run { function, run } => {
            is("run = {} AND run IS NOT NULL", &run);
            is("function = {}", &function);
        }
        LinesOf::Build(id) => is("build = {} AND build IS NOT NULL", &id),
    }
    filter
}

impl Log {
    /// Hands an append to the committer; the answer comes when it is committed.
    async fn ask_to_append(&self, append: Append) -> Result<oneshot::Receiver<Result<Appended, Error>>, Error> {
        check(&append)?;
        let (answer, appended) = oneshot::channel();
        let request = Request::Append(Box::new(append), answer);
        self.commits()?.requests.send(request).await.map_err(|_| gone())?;
        Ok(appended)
    }

    fn commits(&self) -> Result<&Commits, Error> {
        self.commits.as_ref().ok_or_else(|| Error::Unavailable("the event log is open for reading only".into()))
    }

    pub(super) async fn chore(&self, chore: Chore) -> Result<bool, Error> {
        self.chore_count(chore).await.map(|count| count > 0)
    }

    /// The same; returns how much it changed.
    pub(super) async fn chore_count(&self, chore: Chore) -> Result<u64, Error> {
        let commits = self.commits()?;
        if let (Db::Postgres(..), Chore::Snapshot(..) | Chore::Checkpoint(..)) = (&self.inner.db, &chore)
            && let Some((sql, values)) = chore.statement()
        {
            return self.inner.db.execute(sql, &values).await;
        }
        let (answer, done) = oneshot::channel();
        commits.requests.send(Request::Chore(chore, answer)).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    /// Carries out a statement about what the log does not hold.
    pub(super) async fn beside(&self, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        match &self.inner.db {
            db @ Db::Postgres(..) => db.execute(sql, &values).await.map(|_| ()),
            Db::Sqlite(..) => self.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
        }
    }
}

/// What an append must be, whatever the database.
fn check(append: &Append) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Refused(format!("append to {}: {why}", append.stream)));
    if append.events.is_empty() {
        return refuse("it has no events".into());
    }
    let actor = append.cause.actor.as_deref().unwrap_or_default();
    if append.stream.as_str().contains('\0') || actor.contains('\0') {
        return refuse("the names of streams and actors hold no zero byte".into());
    }
    for row in &append.rows {
        let own = match row {
            super::Row::Function(row) => Stream::function(row.id),
            super::Row::Version(row) => Stream::function(row.function),
            super::Row::Build(row) => Stream::function(row.function),
            super::Row::Run(row) => Stream::run(row.id),
            super::Row::Event(row) => Stream::event(row.id),
            super::Row::Secret(row) => Stream::namespace(&row.namespace),
            super::Row::Payload(row) => row.stream.clone(),
        };
        if own != append.stream {
            return refuse(format!("a row of {own} is written with that stream only"));
        }
    }
    Ok(())
}

impl Log {
    /// What it is, for people: `SQLite 3.50 at .eventflow/eventflow.db`.
    pub fn describe(&self) -> String {
        self.description.clone()
    }

    /// Whether other servers may be writing to it, too.
    pub fn is_shared(&self) -> bool {
        self.file.is_none()
    }

    /// What it tells about itself.
    pub fn stats(&self) -> Arc<Stats> {
        self.inner.stats.clone()
    }

    /// Appends, all or nothing, and returns when it is on disk. Appends that arrive while a commit is on its way go
    /// together with the next. Told twice (same event ids at the same place) it is one append.
    pub async fn append(&self, append: Append) -> Result<Appended, Error> {
        let since = Instant::now();
        let result = self.ask_to_append(append).await?.await.map_err(|_| gone())?;
        self.inner.stats.append_seconds.observe(since.elapsed().as_secs_f64());
        result
    }

    /// Appends to several streams, each all or nothing by itself; answers in the same order. It is the same as as many
    /// calls of [`Log::append`] at once, for less.
    pub async fn append_each(&self, appends: Vec<Append>) -> Vec<Result<Appended, Error>> {
        let since = Instant::now();
        let mut answers = Vec::with_capacity(appends.len());
        for append in appends {
            answers.push(self.ask_to_append(append).await);
        }
        let mut results = Vec::with_capacity(answers.len());
        for answer in answers {
            results.push(match answer {
                Ok(appended) => appended.await.unwrap_or_else(|_| Err(gone())),
                Err(error) => Err(error),
            });
        }
        self.inner.stats.append_seconds.observe(since.elapsed().as_secs_f64());
        results
    }

    /// Adds lines to the logs of builds and runs, in order. Returns when they are stored.
    pub async fn append_lines(&self, mut lines: Vec<NewLine>) -> Result<(), Error> {
        let commits = self.commits()?;
        for line in &mut lines {
            // Whatever a program prints; PostgreSQL's texts cannot hold a zero byte.
            if let Cow::Owned(text) = sql::without_zero(&line.text) {
                line.text = text;
            }
        }
        let mut answers = Vec::new();
        while !lines.is_empty() {
            let rest = if lines.len() > MAX_LINES { lines.split_off(MAX_LINES) } else { Vec::new() };
            let (answer, done) = oneshot::channel();
            commits.lines.send(Lines(lines, answer)).await.map_err(|_| gone())?;
            answers.push(done);
            lines = rest;
        }
        for done in answers {
            done.await.map_err(|_| gone())??;
        }
        Ok(())
    }

    /// Up to `limit` records of a stream after a version (0: from its beginning).
    pub async fn stream(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let page = Bounded {
            order: &[("version", "ASC")],
            ..Bounded::by_position("log", RECORD_NAMES, "WHERE stream = $1 AND version > $2", "$3")
        };
        let values = [Value::Text(stream.as_str().into()), int(after), int(limit.into())];
        self.inner.select(&page.sql(""), &values, columns::record).await
    }

    /// Up to `limit` records of the whole log after a position (0: from its beginning), in order, without a gap other than
    /// what [`Log::cut`] left.
    pub async fn log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        self.inner.read_log(after, limit).await
    }

    /// Up to `limit` records of functions' streams after a position and up to another, in order.
    pub async fn function_log(&self, after: u64, up_to: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let of_functions = "WHERE stream >= 'function-' AND stream < 'function.' AND position > $1 AND position <= $2";
        let page = Bounded::by_position("log", RECORD_NAMES, of_functions, "$3");
        self.inner.select(&page.sql(""), &[int(after), int(up_to), int(limit.into())], columns::record).await
    }

    /// The position of the newest record; 0 for an empty log.
    pub async fn head(&self) -> Result<u64, Error> {
        let rows = self.inner.db.fetch("SELECT position FROM head WHERE one = 1", &[]).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }

    /// The position of the newest line; 0 when there is none.
    pub async fn line_head(&self) -> Result<u64, Error> {
        let rows = self.inner.db.fetch("SELECT line FROM head WHERE one = 1", &[]).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }

    /// Every record after a position, for ever: none skipped, none twice, in order. What was removed is passed over.
    pub fn follow(&self, after: u64) -> Feed {
        feed::records(self.inner.clone(), after)
    }

    /// Every line after a position, for ever: none skipped, none twice, in order. `of` limits whose.
    pub fn follow_lines(&self, of: LinesOf, after: u64) -> LineFeed {
        feed::lines(self.inner.clone(), of, after)
    }

    /// Up to `limit` lines after a position, in order.
    pub async fn lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error> {
        self.inner.read_lines(of, after, limit).await
    }

    /// The newest `limit` lines of those that fit, in order.
    pub async fn recent_lines(&self, of: LinesOf, which: Recent, limit: u32) -> Result<Vec<LineRow>, Error> {
        let mut filter = lines_of(of);
        if let Some(since) = which.since {
            let since = since.timestamp_micros();
            filter.and("at >= {}", Value::Int(since));
            // Without it, a time at which there was nothing yet would be looked for in all lines.
            let early = since.saturating_sub(OUT_OF_ORDER.as_micros() as i64);
            filter
                .and("position >= {}", Value::Int(metrics::position_at(&self.inner.db, metrics::LINES, early).await?));
        }
        filter.and("position < {}", int(which.before.unwrap_or(u64::MAX)));
        let (names, conditions, limit) = (LINES.names(""), filter.text(), limit.to_string());
        let page =
            Bounded { order: &[("position", "DESC")], ..Bounded::by_position("lines", &names, &conditions, &limit) };
        let mut lines = self.inner.select(&page.sql(""), &filter.values, LineRow::read).await?;
        lines.reverse();
        Ok(lines)
    }

    /// The newest snapshot of a stream.
    pub async fn snapshot(&self, stream: &Stream) -> Result<Option<Snapshot>, Error> {
        let sql = "SELECT version, shape, state FROM snapshots WHERE stream = $1";
        let rows = self.inner.db.fetch(sql, &[Value::Text(stream.as_str().into())]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let mut cells = row.cells();
        Ok(Some(Snapshot { version: cells.number()?, shape: cells.number()?, state: cells.bytes()?.to_vec() }))
    }

    /// Keeps a snapshot, unless there is a newer one.
    pub async fn save_snapshot(&self, stream: &Stream, snapshot: Snapshot) -> Result<(), Error> {
        self.chore(Chore::Snapshot(stream.as_str().into(), snapshot)).await.map(|_| ())
    }

    /// How far a follower has come; 0 for one that never was.
    pub async fn checkpoint(&self, follower: &str) -> Result<u64, Error> {
        self.inner.checkpoint(follower).await
    }

    /// Moves a follower's checkpoint from one position to another; false when it is not at `from` any more.
    pub async fn move_checkpoint(&self, follower: &str, from: u64, to: u64) -> Result<bool, Error> {
        self.chore(Chore::Checkpoint(follower.into(), from, to)).await
    }

    /// Which artifacts and bundles are needed; of each function's versions the newest, so many, and those that take calls.
    pub async fn needed(&self, versions: u32) -> Result<Needed, Error> {
        needed::needed(&self.inner.db, versions).await
    }

    /// Removes the lines of a run.
    pub async fn remove_lines(&self, run: run::Id) -> Result<(), Error> {
        let (sql, values) = batch::lines_of_run(run.to_string());
        self.beside(sql, values.into()).await
    }

    /// How far the relay has come, in each namespace.
    pub async fn relayed(&self) -> Result<Relayed, Error> {
        relayed::relayed(self).await
    }

    /// Writes down that the relay has come to `seen`, and in the namespaces that are behind to these positions.
    pub async fn write_relayed(&self, seen: u64, behind: &BTreeMap<String, u64>) -> Result<(), Error> {
        relayed::write(self, seen, behind).await
    }

    /// Removes the next few of what is old, in one short transaction: runs that were over, events that came, lines that
    /// were printed before a time; those after the position `after` (0: from the beginning, then what [`Cut::next`] says).
    /// What the relay has not seen stays, runs whose outcome is still to be told stay, and events of open runs.
    pub async fn cut(&self, what: Old, before: DateTime<Utc>, after: u64) -> Result<Cut, Error> {
        self.commits()?;
        cut::step(self, what, before, after).await
    }

    /// Takes a lease, or renews it: the epoch when it is held until `ttl` from now, `None` when another holds it. The
    /// epoch counts up when the holder changes and when a lease that had expired is taken again. Time is the database's.
    /// Holders are told apart by name alone: let it name one process's life. It fails within seconds when the database
    /// is away, and then nobody knows whether the lease was renewed.
    pub async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<u64>, Error> {
        self.commits()?;
        lease::take(self, name, holder, ttl).await
    }

    /// Gives a lease back; nothing happens when the holder does not hold it.
    pub async fn release(&self, name: &str, holder: &str) -> Result<(), Error> {
        self.commits()?;
        lease::release(self, name, holder).await
    }

    /// Leases that have not expired and whose names begin with `prefix`, with their holders, by name.
    pub async fn holders(&self, prefix: &str) -> Result<Vec<(String, String)>, Error> {
        lease::holders(self, prefix).await
    }

    /// Keeps that a session ended, until its token expires. It fails within seconds when the database is away.
    pub async fn revoke(&self, session: &str, until: DateTime<Utc>) -> Result<(), Error> {
        self.commits()?;
        revocation::revoke(self, session, until).await
    }

    /// Sessions that ended although their tokens have not expired, with the time when these do.
    pub async fn revocations(&self) -> Result<Vec<(String, DateTime<Utc>)>, Error> {
        revocation::revocations(self).await
    }

    /// Whether the log takes appends now; cheap.
    pub async fn ready(&self) -> Result<(), Error> {
        self.commits()?;
        if self.inner.stats.fault().is_some() {
            // The last commit failed: only another one can tell whether the next would.
            self.chore(Chore::Probe).await?;
            self.chore(Chore::EndProbe).await?;
        }
        self.head().await.map(|_| ())
    }

    /// A function by id.
    pub async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Error> {
        Ok(self.functions_by_id(&[id]).await?.pop())
    }

    /// Functions by id, in any order; those that do not exist are left out.
    pub async fn functions_by_id(&self, ids: &[function::Id]) -> Result<Vec<FunctionRow>, Error> {
        self.by_id(ids).await
    }

    /// The newest generation of a name, deregistered or not.
    pub async fn function_named(&self, namespace: &str, name: &str) -> Result<Option<FunctionRow>, Error> {
        let sql = format!(
            "SELECT {} FROM functions WHERE namespace = $1 AND name = $2 ORDER BY generation DESC LIMIT 1",
            FUNCTIONS.names("")
        );
        let values = [Value::Text(namespace.into()), Value::Text(name.into())];
        Ok(self.inner.select(&sql, &values, FunctionRow::read).await?.pop())
    }

    /// Which of these names functions of the namespace have that are not deregistered.
    pub async fn names_taken(&self, namespace: &str, names: &[String]) -> Result<Vec<String>, Error> {
        let sql = format!(
            "SELECT DISTINCT name FROM functions WHERE namespace = $1 AND {} AND state <> 'DEREGISTERED' ORDER BY name",
            self.inner.db.dialect().any("name", 2)
        );
        let values = [Value::Text(namespace.into()), Value::Texts(names.to_vec())];
        self.inner.select(&sql, &values, |row| row.cells().text()).await
    }

    /// The functions of a namespace that are not deregistered and whose code comes from one of these sources; of several with the
    /// same source, one.
    pub async fn functions_from(
        &self,
        namespace: &str,
        sources: &[function::event::Source],
    ) -> Result<Vec<(function::event::Source, function::Id)>, Error> {
        let sql = format!(
            "SELECT source, min(id) AS id FROM functions WHERE namespace = $1 AND {} AND state <> 'DEREGISTERED' \
             GROUP BY source ORDER BY source",
            self.inner.db.dialect().any("source", 2)
        );
        let sources = sources.iter().map(|source| serde_json::to_string(source).expect("sources serialise")).collect();
        let values = [Value::Text(namespace.into()), Value::Texts(sources)];
        self.inner.select(&sql, &values, columns::source_of).await
    }

    /// Which of these are namespaces that have functions, deregistered ones included.
    pub async fn namespaces_among(&self, names: &[String]) -> Result<Vec<String>, Error> {
        let any = self.inner.db.dialect().any("namespace", 1);
        let sql = format!("SELECT DISTINCT namespace AS name FROM functions WHERE {any} ORDER BY name");
        self.inner.select(&sql, &[Value::Texts(names.to_vec())], |row| row.cells().text()).await
    }

    /// A page of functions, by namespace and name unless the filter says otherwise.
    pub async fn functions(&self, filter: &FunctionFilter, page: &PageRequest) -> Result<Page<FunctionRow>, Error> {
        let inner = &self.inner;
        let mut conditions = Where::default();
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&inner.db, "namespace", namespaces);
        }
        match filter.state {
            Some(state) => conditions.and("state = {}", Value::Text(state.name().into())),
            None => conditions.and_always("state <> 'DEREGISTERED'"),
        }
        if let Some(position) = filter.registered_before {
            conditions.and("created_position < {}", int(position));
        }
        if let Some(search) = &filter.search {
            // Names are lower-case.
            conditions.values.push(Value::Text(search.to_lowercase()));
            let contains = inner.db.dialect().contains("name", conditions.values.len());
            conditions.and_always(&contains);
        }
        if let Some(mode) = filter.mode {
            conditions.and("mode = {}", Value::Text(mode_name(mode).into()));
        }
        if let Some(runtime) = &filter.runtime {
            conditions.and("runtime = {}", Value::Text(runtime.clone()));
        }
        if let Some(kind) = filter.trigger {
            conditions.values.push(Value::Text(trigger::index::mark(kind).into()));
            let contains = inner.db.dialect().contains("v.triggers", conditions.values.len());
            conditions.and_always(&format!("{OF_CURRENT} {contains})"));
        }
        if let Some(kind) = &filter.event_type {
            check_kind(kind)?;
            let Some(listening) = trigger::index::listening(kind) else {
                let message = format!("the type has more than {} segments", trigger::index::MAX_SEGMENTS);
                return Err(Error::Unfit(message));
            };
            conditions.values.push(Value::Text(listening));
            let fits = inner.db.dialect().fits("v.triggers", conditions.values.len());
            conditions.and_always(&format!("{OF_CURRENT} {fits})"));
        }
        if let Some(failed) = filter.build_failed {
            let relation = if failed { "=" } else { "<>" };
            conditions.and_always(&format!("coalesce({STATE_OF_NEWEST_BUILD}, '') {relation} 'FAILED'"));
        }
        let order = match filter.order {
            FunctionOrder::Name => Order::BY_NAME,
            FunctionOrder::State => Order::BY_STATE,
            FunctionOrder::Updated => Order::BY_UPDATE,
        };
        let order = order.turned(filter.descending);
        inner.page(&FUNCTIONS, &FUNCTIONS.names(""), &order, conditions, page, FunctionRow::read).await
    }

    /// Every function that is RUNNING, with its current version.
    pub async fn running_functions(&self) -> Result<Vec<RunningFunction>, Error> {
        let sql = "SELECT id, namespace, name, current_version FROM functions WHERE state = 'RUNNING' ORDER BY id";
        self.inner
            .select(sql, &[], |row| {
                let mut cells = row.cells();
                Ok(RunningFunction {
                    id: cells.id()?,
                    namespace: cells.text()?,
                    name: cells.text()?,
                    current_version: cells.opt_number()?,
                })
            })
            .await
    }

    /// The namespaces that have functions or were created, by name.
    pub async fn namespaces(&self) -> Result<Vec<String>, Error> {
        let sql = "SELECT DISTINCT namespace AS name FROM functions
                   UNION SELECT substr(stream, 11) FROM log
                   WHERE stream >= 'namespace-' AND stream < 'namespace.' AND version = 1 ORDER BY name";
        self.inner.select(sql, &[], |row| row.cells().text()).await
    }

    /// Secrets of a namespace by name, by name; those that are not set are left out.
    pub async fn secrets(&self, namespace: &str, names: &[String]) -> Result<Vec<SecretRow>, Error> {
        let sql = format!(
            "SELECT {} FROM secrets WHERE namespace = $1 AND sealed IS NOT NULL AND {} ORDER BY name",
            SECRETS.names(""),
            self.inner.db.dialect().any("name", 2)
        );
        self.inner.select(&sql, &[Value::Text(namespace.into()), Value::Texts(names.to_vec())], SecretRow::read).await
    }

    /// Which secrets are set in these namespaces (`None`: in all), by namespace and name.
    pub async fn secret_infos(&self, namespaces: Option<&[String]>) -> Result<Vec<SecretInfo>, Error> {
        let mut filter = Where::default();
        filter.and_always("sealed IS NOT NULL");
        if let Some(namespaces) = namespaces {
            filter.and_any(&self.inner.db, "namespace", namespaces);
        }
        let sql = format!("SELECT namespace, name, set_at FROM secrets {} ORDER BY namespace, name", filter.text());
        self.inner.select(&sql, &filter.values, columns::secret_info).await
    }

    /// A version of a function.
    pub async fn version(&self, function: function::Id, number: u32) -> Result<Option<VersionRow>, Error> {
        Ok(self.versions_by_key(&[(function, number)]).await?.pop())
    }

    /// Versions of functions, in any order; those that do not exist are left out.
    pub async fn versions_by_key(&self, keys: &[(function::Id, u32)]) -> Result<Vec<VersionRow>, Error> {
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(KEYS) {
            let names = keys.iter().map(|(function, number)| format!("{function}/{number}")).collect();
            let sql = format!(
                "SELECT {} FROM {} JOIN versions v ON v.function = substr(t.value, 1, 36)
                 AND v.number = CAST(substr(t.value, 38) AS BIGINT)",
                VERSIONS.names("v."),
                self.inner.db.dialect().table(1)
            );
            found.extend(self.inner.select(&sql, &[Value::Texts(names)], VersionRow::read).await?);
        }
        Ok(found)
    }

    /// A page of a function's versions, newest first.
    pub async fn versions(&self, function: function::Id, page: &PageRequest) -> Result<Page<VersionRow>, Error> {
        let mut filter = Where::default();
        filter.and("function = {}", Value::Text(function.to_string()));
        self.inner
            .page(&VERSIONS, &VERSIONS.names(""), &Order::HIGHEST_NUMBER_FIRST, filter, page, VersionRow::read)
            .await
    }

    /// Builds by id, in any order; those that do not exist are left out.
    pub async fn builds_by_id(&self, ids: &[function::BuildId]) -> Result<Vec<BuildRow>, Error> {
        self.by_id(ids).await
    }

    /// A page of a function's builds, newest first.
    pub async fn builds(&self, function: function::Id, page: &PageRequest) -> Result<Page<BuildRow>, Error> {
        let mut filter = Where::default();
        filter.and("function = {}", Value::Text(function.to_string()));
        self.inner.page(&BUILDS, &BUILDS.names(""), &Order::NEWEST_CREATED_FIRST, filter, page, BuildRow::read).await
    }

    /// The newest build of each function that has any.
    pub async fn newest_builds(&self, functions: &[function::Id]) -> Result<Vec<BuildRow>, Error> {
        self.newest(functions).await
    }

    /// Every build that is QUEUED or RUNNING.
    pub async fn open_builds(&self) -> Result<Vec<OpenBuild>, Error> {
        let sql = format!("SELECT id, function, node FROM builds WHERE {BUILD_IS_OPEN} ORDER BY created_position");
        self.inner
            .select(&sql, &[], |row| {
                let mut cells = row.cells();
                Ok(OpenBuild { id: cells.id()?, function: cells.id()?, node: cells.opt_text()? })
            })
            .await
    }

    /// Runs by id, in any order; those that do not exist are left out.
    pub async fn runs_by_id(&self, ids: &[run::Id]) -> Result<Vec<RunRow>, Error> {
        let streams: Vec<_> = ids.iter().map(|id| Stream::run(*id).as_str().to_owned()).collect();
        self.by_stream("created_position", &streams).await
    }

    /// A page of runs, newest first.
    pub async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<RunRow>, Error> {
        let conditions = self.of_runs(filter);
        self.inner.page(&RUNS, &RUNS.names(""), &Order::NEWEST_CREATED_FIRST, conditions, page, RunRow::read).await
    }

    /// The newest run of each function that has any.
    pub async fn newest_runs(&self, functions: &[function::Id]) -> Result<Vec<RunRow>, Error> {
        self.newest(functions).await
    }

    /// How many runs fit, by state.
    pub async fn run_counts(&self, filter: &RunFilter) -> Result<Vec<(run::Status, u64)>, Error> {
        let conditions = self.of_runs(filter);
        let sql = format!("SELECT state, count(*) FROM runs {} GROUP BY state ORDER BY state", conditions.text());
        self.inner
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
        self.inner.select(&sql, &[int(after), int(limit.into())], RunRow::read).await
    }

    /// Up to `limit` runs whose outcome is to be told at or before a time, the longest due first.
    pub async fn due_callbacks(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<RunRow>, Error> {
        // One of each namespace, then a second of each: many of one namespace hold up nobody else's.
        let sql = format!(
            "SELECT {} FROM (SELECT *, row_number() OVER (PARTITION BY namespace ORDER BY callback_due) AS turn FROM runs \
             WHERE callback_due IS NOT NULL AND callback_due <= $1) AS due ORDER BY turn, callback_due LIMIT $2",
            RUNS.names("")
        );
        let values = [Value::Int(before.timestamp_micros()), int(limit.into())];
        self.inner.select(&sql, &values, RunRow::read).await
    }

    /// How many runs of each function wait; functions without any are left out.
    pub async fn waiting_runs(&self) -> Result<Vec<WaitingRuns>, Error> {
        // The second condition is that of the index on open runs.
        let sql = format!(
            "SELECT function, min(namespace), count(*) FILTER (WHERE state = 'QUEUED'), count(*) FROM runs
             WHERE state IN ('QUEUED', 'RETRYING') AND {RUN_IS_OPEN} GROUP BY function"
        );
        self.inner
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

    /// Functions for which runs wait, and since when the oldest of them does.
    pub async fn oldest_queued(&self) -> Result<Vec<(function::Id, DateTime<Utc>)>, Error> {
        let sql = format!(
            "SELECT function, min(queued_at) FROM runs WHERE state = 'QUEUED' AND {RUN_IS_OPEN} GROUP BY function"
        );
        self.inner
            .select(&sql, &[], |row| {
                let mut cells = row.cells();
                Ok((cells.id()?, cells.time()?))
            })
            .await
    }

    /// How many secrets were sealed under each key, by the key's id.
    pub async fn secrets_by_key(&self) -> Result<Vec<(String, u64)>, Error> {
        let sql = "SELECT key_id, count(*) FROM secrets WHERE key_id IS NOT NULL GROUP BY key_id ORDER BY key_id";
        self.inner
            .select(sql, &[], |row| {
                let mut cells = row.cells();
                Ok((cells.text()?, cells.number()?))
            })
            .await
    }

    /// A value that all servers on this database have in common.
    pub async fn common(&self, name: &str) -> Result<Option<String>, Error> {
        installation::read(self, name).await
    }

    /// Sets such a value unless it is set; what it is afterwards.
    pub async fn agree(&self, name: &str, value: &str) -> Result<String, Error> {
        installation::agree(self, name, value).await
    }

    /// Sets such a value.
    pub async fn set_common(&self, name: &str, value: &str) -> Result<(), Error> {
        installation::set(self, name, value).await
    }

    /// How many functions have a newest build that failed.
    pub async fn failed_builds(&self) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM builds AS failed JOIN functions ON functions.id = failed.function
                   WHERE failed.state = 'FAILED' AND functions.state <> 'DEREGISTERED' AND NOT EXISTS (SELECT 1 FROM builds AS newer
                   WHERE newer.function = failed.function AND newer.created_position > failed.created_position)";
        let rows = self.inner.select(sql, &[], |row| row.cells().number()).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// Trigger events by id, in any order; those that do not exist are left out.
    pub async fn events_by_id(&self, ids: &[event::Id]) -> Result<Vec<EventRow>, Error> {
        let streams: Vec<_> = ids.iter().map(|id| Stream::event(*id).as_str().to_owned()).collect();
        self.by_stream("position", &streams).await
    }

    /// A page of trigger events, newest first.
    pub async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventRow>, Error> {
        let mut conditions = Where::default();
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&self.inner.db, "namespace", namespaces);
        }
        if let Some(kind) = &filter.kind {
            check_kind(kind)?;
            match trigger::regex(kind) {
                None => conditions.and("type = {}", Value::Text(kind.clone())),
                Some(regex) => {
                    conditions.values.push(Value::Text(regex));
                    let fits = self.inner.db.dialect().fits("type", conditions.values.len());
                    conditions.and_always(&fits);
                }
            }
        }
        self.inner.page(&EVENTS, &EVENTS.names(""), &Order::NEWEST_FIRST, conditions, page, EventRow::read).await
    }

    /// A page of the log itself, oldest first unless the filter says otherwise.
    pub async fn history(&self, filter: &HistoryFilter, page: &PageRequest) -> Result<Page<Recorded>, Error> {
        let mut conditions = Where::default();
        if let Some(stream) = &filter.stream {
            conditions.and("stream = {}", Value::Text(stream.as_str().into()));
        }
        if let Some(kind) = &filter.kind {
            conditions.and("type = {}", Value::Text(kind.clone()));
        }
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&self.inner.db, "namespace", namespaces);
        }
        let order = if filter.newest_first { Order::NEWEST_FIRST } else { Order::OLDEST_FIRST };
        self.inner.page(&columns::LOG, RECORD_NAMES, &order, conditions, page, columns::record).await
    }

    /// Numbers over a span.
    pub async fn metrics(
        &self,
        function: Option<function::Id>,
        namespaces: Option<&[String]>,
        span: &Span,
    ) -> Result<Metrics, Error> {
        metrics::read(&self.inner.db, function, namespaces, span).await
    }

    /// The calls of functions over a span, by part. A function that was not called is absent.
    pub async fn calls(
        &self,
        functions: &[function::Id],
        span: &Span,
    ) -> Result<HashMap<function::Id, Vec<Calls>>, Error> {
        metrics::calls(&self.inner.db, functions, span).await
    }

    /// Makes the read tables anew from the log; returns how many records it read. Nobody else may be writing.
    pub async fn rebuild(&self) -> Result<u64, Error> {
        audit::rebuild(&self.writing().await?, self.inner.stats.audited()).await
    }

    /// Credentials that an earlier server left in the tables: those of functions that are not deregistered.
    pub async fn open_credentials(&self) -> Result<Vec<super::OpenCredentials>, Error> {
        super::credentials::open(&self.unhurried()).await
    }

    /// Overwrites them there. What was appended to the log stays.
    pub async fn mask_credentials(&self) -> Result<(), Error> {
        super::credentials::mask(&self.writing().await?).await
    }

    /// The key of the seals, as it is stored. `None`: the log is not sealed.
    pub async fn log_key(&self) -> Result<Option<LogKeyRow>, Error> {
        log_key::read(&self.inner.db).await
    }

    /// Keeps the key of the seals unless there is one; which one counts.
    pub async fn keep_log_key(&self, row: LogKeyRow) -> Result<LogKeyRow, Error> {
        log_key::keep(self, row).await
    }

    /// Stores the key of the seals (`None`: removes it, and every seal) and secrets as they are sealed under another key
    /// now, all or nothing. No server may be using the log.
    pub async fn change_keys(&self, log_key: Option<LogKeyRow>, secrets: Vec<SecretRow>) -> Result<(), Error> {
        log_key::change(&self.writing().await?, log_key, &secrets).await
    }

    /// From now on this log seals, and looks at seals, with this key.
    pub fn seal_with(&self, key: SealKey) {
        let _ = self.seal_key.set(key);
    }

    /// Seals the next stretch of the log; false when all of it is sealed, or when there is no key.
    pub async fn seal(&self, now: DateTime<Utc>) -> Result<bool, Error> {
        let Some(key) = self.seal_key.get() else { return Ok(false) };
        let now = now.timestamp_micros();
        match &self.inner.db {
            Db::Sqlite(..) => self.chore(Chore::Seal(key.clone(), now)).await,
            Db::Postgres(pool, _) => {
                let step = async {
                    let mut transaction = pool.begin().await?;
                    let made = seal::step(&mut On::Postgres(&mut transaction), key, now).await?;
                    transaction.commit().await?;
                    Ok(made.is_some())
                };
                step.await.map_err(super::sql::unavailable)
            }
        }
    }

    /// The newest seal.
    pub async fn newest_seal(&self) -> Result<Option<Seal>, Error> {
        let sql = "SELECT position, hash, at FROM seals ORDER BY position DESC LIMIT 1";
        Ok(self.inner.select(sql, &[], seal_row).await?.pop())
    }

    /// Whether this was the newest seal once, and is there still.
    pub async fn has_anchor(&self, anchor: &Anchor) -> Result<bool, Error> {
        let sql = "SELECT position, hash, at FROM seals WHERE position = $1";
        let found = self.inner.select(sql, &[int(anchor.position)], seal_row).await?;
        Ok(found.iter().any(|seal| seal.anchor == *anchor))
    }

    /// Compares the read tables with the log, checks the hash chain of every stream, and looks at every seal.
    pub async fn verify(&self) -> Result<Report, Error> {
        self.verify_against(&[]).await
    }

    /// The same, and whether the log goes on from where it was when these were written down.
    pub async fn verify_against(&self, anchors: &[Anchor]) -> Result<Report, Error> {
        let key = self.seal_key.get().cloned();
        audit::verify(&self.unhurried(), self.inner.stats.audited(), key, anchors).await
    }
}

fn seal_row(row: &Row) -> Result<Seal, Error> {
    let mut cells = row.cells();
    let position = cells.number()?;
    let hash = cells.bytes()?.try_into();
    let hash = hash.map_err(|_| Error::Damaged(format!("the seal at position {position} is not 32 bytes long")))?;
    Ok(Seal { anchor: Anchor { position, hash }, at: cells.time()? })
}

impl Log {
    /// What seals are made with again when records are removed; `None` where nothing is sealed.
    pub(super) async fn key_of_seals(&self, db: &Db) -> Result<Option<SealKey>, Error> {
        match self.seal_key.get() {
            Some(key) => Ok(Some(key.clone())),
            None if log_key::read(db).await?.is_none() => Ok(None),
            None => Err(Error::Unavailable(
                "the log is sealed with a key that this server cannot open, so nothing is removed from it: set \
                 EVENTFLOW_SECRET_KEY to the one of the other servers, or run `eventflow admin change-key`"
                    .into(),
            )),
        }
    }

    /// The database, for changes of the tables that no append makes.
    pub(super) async fn writing(&self) -> Result<Db, Error> {
        Ok(match &self.file {
            Some(file) => Db::Sqlite(sqlite::writing(file).await?, Away::default()),
            None => self.unhurried(),
        })
    }

    /// The database, for reads that may take long.
    pub(super) fn unhurried(&self) -> Db {
        match &self.inner.db {
            Db::Postgres(readers, away) => Db::Postgres(postgres::unhurried(readers), away.clone()),
            db => db.clone(),
        }
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
            conditions.and_any(&self.inner.db, "namespace", namespaces);
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
            // Their ids are derived from event and function (UUID version 5), all others are drawn.
            conditions.and_always("event IS NOT NULL AND substr(id, 15, 1) = '5'");
        }
        if let Some(prefix) = &filter.id_prefix {
            // The log finds ids by its index on streams. A `g` comes after whatever may follow in an id.
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

    /// The newest row of each function, found by one look into the index for each.
    async fn newest<T: Stored>(&self, functions: &[function::Id]) -> Result<Vec<T>, Error> {
        let (table, name) = (T::TABLE, T::TABLE.name);
        let any = self.inner.db.dialect().any("f.id", 1);
        let sql = format!(
            "SELECT {} FROM {name} WHERE created_position IN
             (SELECT (SELECT max(n.created_position) FROM {name} n WHERE n.function = f.id) FROM functions f WHERE {any})",
            table.names("")
        );
        let mut found = Vec::with_capacity(functions.len());
        for ids in functions.chunks(KEYS) {
            let ids = Value::Texts(ids.iter().map(ToString::to_string).collect());
            found.extend(self.inner.select(&sql, &[ids], T::read).await?);
        }
        Ok(found)
    }

    async fn by_id<T: Stored>(&self, ids: &[impl std::fmt::Display]) -> Result<Vec<T>, Error> {
        let any = self.inner.db.dialect().any("id", 1);
        let sql = format!("SELECT {} FROM {} WHERE {any}", T::TABLE.names(""), T::TABLE.name);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(KEYS) {
            let ids = Value::Texts(ids.iter().map(ToString::to_string).collect());
            found.extend(self.inner.select(&sql, &[ids], T::read).await?);
        }
        Ok(found)
    }

    /// Rows that are found through the first record of their stream.
    async fn by_stream<T: Stored>(&self, key: &str, streams: &[String]) -> Result<Vec<T>, Error> {
        let any = self.inner.db.dialect().any("l.stream", 1);
        let sql = format!(
            "SELECT {} FROM log l JOIN {} r ON r.{key} = l.position WHERE {any} AND l.version = 1",
            T::TABLE.names("r."),
            T::TABLE.name
        );
        let mut found = Vec::with_capacity(streams.len());
        for streams in streams.chunks(KEYS) {
            found.extend(self.inner.select(&sql, &[Value::Texts(streams.to_vec())], T::read).await?);
        }
        Ok(found)
    }
}
