//! The log in a database: appends go to the committer, reads to the pool. Queries are in files by entity.

use std::path::PathBuf;
use std::sync::Arc;

use domain::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::append::{Append, Appended};
use super::away::Away;
use super::batch::Chore;
use super::committer::{Lines, Request};
use super::error::Error;
use super::postgres;
use super::reader::{Reader, gone};
use super::removal::Old;
use super::seal::SealKey;
use super::sql::{Db, Value};
use super::sqlite;
use super::stats::Stats;
use super::tables;

/// The log and its tables. [`super::Store`] is the handle to it.
pub struct Log {
    pub(super) reader: Arc<Reader>,
    pub(super) description: String,
    /// Sends work to the committer; `None` if the log is open for reading only.
    pub(super) commits: Option<Commits>,
    /// The database's file, for SQLite.
    pub(super) file: Option<PathBuf>,
    /// Connections for leases.
    pub(super) leases: Db,
    /// The connection that removes old data, for PostgreSQL.
    pub(super) sweeper: Option<sqlx::PgPool>,
    /// What was last removed, up to which time, and the log's position at that time.
    pub(super) swept: parking_lot::Mutex<Option<((Old, i64), i64)>>,
    /// The key that makes seals.
    pub(super) seal_key: std::sync::OnceLock<SealKey>,
    /// Tasks that end with the log.
    pub(super) tasks: Vec<tokio::task::JoinHandle<()>>,
}

/// The channel to the committer.
pub(super) struct Commits {
    pub requests: mpsc::Sender<Request>,
    pub lines: mpsc::Sender<Lines>,
}

impl Drop for Log {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Log {
    /// Describes the database, for people: `SQLite 3.50 at .eventflow/eventflow.db`.
    pub fn describe(&self) -> String {
        self.description.clone()
    }

    /// Whether other servers may be writing to it.
    pub fn is_shared(&self) -> bool {
        self.file.is_none()
    }

    /// Its statistics.
    pub fn stats(&self) -> Arc<Stats> {
        self.reader.stats.clone()
    }

    /// Whether the log takes appends now; cheap.
    pub async fn ready(&self) -> Result<(), Error> {
        self.commits()?;
        if self.reader.stats.fault().is_some() {
            // After a failed commit only another one can show whether the next would succeed.
            self.chore(Chore::Probe).await?;
            self.chore(Chore::EndProbe).await?;
        }
        self.head().await.map(|_| ())
    }

    /// Appends all or nothing, and returns once it is on disk. Appends that arrive while a commit is in progress share
    /// the
    /// next one. A repeated append (same event ids at the same place) is recognized and made once.
    pub async fn append(&self, append: Append) -> Result<Appended, Error> {
        let since = Instant::now();
        let result = self.ask_to_append(append).await?.await.map_err(|_| gone())?;
        self.reader.stats.append_seconds.observe(since.elapsed().as_secs_f64());
        result
    }

    /// Appends to several streams, each all or nothing by itself; answers in the same order. Like calling
    /// [`Log::append`]
    /// concurrently, but cheaper.
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
        self.reader.stats.append_seconds.observe(since.elapsed().as_secs_f64());
        results
    }

    /// Sends an append to the committer; the answer arrives when it is committed.
    async fn ask_to_append(&self, append: Append) -> Result<oneshot::Receiver<Result<Appended, Error>>, Error> {
        check(&append)?;
        let (answer, appended) = oneshot::channel();
        let request = Request::Append(Box::new(append), answer);
        self.commits()?.requests.send(request).await.map_err(|_| gone())?;
        Ok(appended)
    }

    pub(super) fn commits(&self) -> Result<&Commits, Error> {
        self.commits.as_ref().ok_or_else(|| Error::Unavailable("the event log is open for reading only".into()))
    }

    pub(super) async fn chore(&self, chore: Chore) -> Result<bool, Error> {
        self.chore_count(chore).await.map(|count| count > 0)
    }

    /// Does a chore; returns how many rows it changed.
    pub(super) async fn chore_count(&self, chore: Chore) -> Result<u64, Error> {
        let commits = self.commits()?;
        if let (Db::Postgres(..), Chore::Snapshot(..) | Chore::Checkpoint(..)) = (&self.reader.db, &chore)
            && let Some((sql, values)) = chore.statement()
        {
            return self.reader.db.execute(sql, &values).await;
        }
        let (answer, done) = oneshot::channel();
        commits.requests.send(Request::Chore(chore, answer)).await.map_err(|_| gone())?;
        done.await.map_err(|_| gone())?
    }

    /// Executes a statement on tables that the log does not determine.
    pub(super) async fn beside(&self, sql: &str, values: Vec<Value>) -> Result<(), Error> {
        match &self.reader.db {
            db @ Db::Postgres(..) => db.execute(sql, &values).await.map(|_| ()),
            Db::Sqlite(..) => self.chore(Chore::Beside(sql.into(), values)).await.map(|_| ()),
        }
    }

    /// The database, for changes to tables outside of appends.
    pub(super) async fn writing(&self) -> Result<Db, Error> {
        Ok(match &self.file {
            Some(file) => Db::Sqlite(sqlite::writing(file).await?, Away::default()),
            None => self.unhurried(),
        })
    }

    /// The database, for reads that may take long.
    pub(super) fn unhurried(&self) -> Db {
        match &self.reader.db {
            Db::Postgres(readers, away) => Db::Postgres(postgres::unhurried(readers), away.clone()),
            db => db.clone(),
        }
    }
}

#[cfg(test)]
impl Log {
    /// The queries it gets, and which of them fail.
    pub fn watched(&self) -> Arc<super::watched::Watched> {
        self.reader.db.watched()
    }

    /// Makes every append fail, as on a full disk, or succeed again; SQLite only.
    pub async fn set_writable(&self, writable: bool) {
        let pragma = if writable { "PRAGMA query_only = 0" } else { "PRAGMA query_only = 1" };
        self.chore(Chore::Statement(pragma)).await.expect("the connection that writes is there");
    }
}

/// Checks what every append must fulfil, whatever the database.
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
            tables::Row::Function(row) => Stream::function(row.id),
            tables::Row::Version(row) => Stream::function(row.function),
            tables::Row::Build(row) => Stream::function(row.function),
            tables::Row::Run(row) => Stream::run(row.id),
            tables::Row::Event(row) => Stream::event(row.id),
            tables::Row::Secret(row) => Stream::namespace(&row.namespace),
            tables::Row::Payload(row) => row.stream.clone(),
        };
        if own != append.stream {
            return refuse(format!("a row of {own} is written with that stream only"));
        }
    }
    Ok(())
}
