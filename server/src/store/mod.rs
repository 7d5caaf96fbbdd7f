//! The event log and the read tables.
//!
//! Knows SQLite and PostgreSQL, not what should happen next. [`Log`] is the wall; one contract test runs against both
//! adapters. Only the writer in `actors` appends events; everyone may read and follow.

pub mod agreement;
mod append;
mod audit;
mod away;
mod batch;
mod columns;
mod committer;
#[cfg(test)]
pub(crate) mod contract;
mod credentials;
mod cut;
mod error;
mod events;
mod fault;
pub mod feed;
mod functions;
mod history;
mod insert;
mod installation;
pub mod lane;
mod late;
mod lease;
mod line;
mod listing;
mod log;
mod log_key;
mod metrics;
mod needed;
mod open;
pub mod page;
pub mod portable;
mod postgres;
mod relayed;
mod removal;
mod revocation;
mod ring;
mod runs;
mod seal;
mod sql;
mod sqlite;
pub mod stats;
mod table;
pub mod tables;
mod timeline;
mod writer;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::{Recorded, Stream, event, function, run};

pub use agreement::OLDEST_READER;
pub use append::{Append, Appended, NewEvent, Snapshot};
pub use audit::Report;
pub use credentials::OpenCredentials;
pub use cut::Cut;
pub use error::Error;
pub use events::EventFilter;
pub use feed::{Feed, LineFeed};
pub use functions::{FunctionFilter, FunctionOrder};
pub use history::HistoryFilter;
pub use lease::{KEYS_LEASE, LEADER_LEASE, NODE_LEASE};
pub use line::{LineRow, LineStream, LinesOf, NewLine, Recent};
pub use log_key::LogKeyRow;
pub use metrics::{Calls, Metrics, Point, Span};
pub use needed::Needed;
pub use page::{Page, PageRequest};
pub use relayed::{RELAY, Relayed};
pub use removal::Old;
pub use runs::{MAX_BY_PREFIX, RunFilter, WaitingRuns};
pub use seal::{Anchor, Proof, Seal, SealKey};
pub use stats::Stats;
pub use tables::{
    BuildRow, EventRow, FunctionRow, OpenBuild, PayloadRow, Row, RunRow, RunningFunction, Sealed, SecretInfo,
    SecretRow, VersionRow,
};

/// The log and its tables. Cloning it is cheap.
pub type Store = Arc<dyn Log>;

/// The wall between EventFlow and its database.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// What it is, for people: `SQLite 3.50 at .eventflow/eventflow.db`.
    fn describe(&self) -> String;

    /// Whether other servers may be writing to it, too.
    fn is_shared(&self) -> bool;

    /// What it tells about itself.
    fn stats(&self) -> Arc<Stats>;

    /// Appends, all or nothing, and returns when it is on disk. Appends that arrive while a commit is on its way go
    /// together with the next. Told twice (same event ids at the same place) it is one append.
    async fn append(&self, append: Append) -> Result<Appended, Error>;

    /// Appends to several streams, each all or nothing by itself; answers in the same order. It is the same as as many
    /// calls of [`Log::append`] at once, for less.
    async fn append_each(&self, appends: Vec<Append>) -> Vec<Result<Appended, Error>>;

    /// Adds lines to the logs of builds and runs, in order. Returns when they are stored.
    async fn append_lines(&self, lines: Vec<NewLine>) -> Result<(), Error>;

    /// Up to `limit` records of a stream after a version (0: from its beginning).
    async fn stream(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>, Error>;

    /// Up to `limit` records of the whole log after a position (0: from its beginning), in order, without a gap other than
    /// what [`Log::cut`] left.
    async fn log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error>;

    /// Up to `limit` records of functions' streams after a position and up to another, in order.
    async fn function_log(&self, after: u64, up_to: u64, limit: u32) -> Result<Vec<Recorded>, Error>;

    /// The position of the newest record; 0 for an empty log.
    async fn head(&self) -> Result<u64, Error>;

    /// The position of the newest line; 0 when there is none.
    async fn line_head(&self) -> Result<u64, Error>;

    /// Every record after a position, for ever: none skipped, none twice, in order. What was removed is passed over.
    fn follow(&self, after: u64) -> Feed;

    /// Every line after a position, for ever: none skipped, none twice, in order. `of` limits whose.
    fn follow_lines(&self, of: LinesOf, after: u64) -> LineFeed;

    /// Up to `limit` lines after a position, in order.
    async fn lines(&self, of: LinesOf, after: u64, limit: u32) -> Result<Vec<LineRow>, Error>;

    /// The newest `limit` lines of those that fit, in order.
    async fn recent_lines(&self, of: LinesOf, which: Recent, limit: u32) -> Result<Vec<LineRow>, Error>;

    /// The newest snapshot of a stream.
    async fn snapshot(&self, stream: &Stream) -> Result<Option<Snapshot>, Error>;

    /// Keeps a snapshot, unless there is a newer one.
    async fn save_snapshot(&self, stream: &Stream, snapshot: Snapshot) -> Result<(), Error>;

    /// How far a follower has come; 0 for one that never was.
    async fn checkpoint(&self, follower: &str) -> Result<u64, Error>;

    /// Which artifacts and bundles are needed; of each function's versions the newest, so many, and those that take calls.
    async fn needed(&self, versions: u32) -> Result<Needed, Error>;

    /// Removes the lines of a run.
    async fn remove_lines(&self, run: run::Id) -> Result<(), Error>;

    /// How far the relay has come, in each namespace.
    async fn relayed(&self) -> Result<Relayed, Error>;

    /// Writes down that the relay has come to `seen`, and in the namespaces that are behind to these positions.
    async fn write_relayed(&self, seen: u64, behind: &BTreeMap<String, u64>) -> Result<(), Error>;

    /// Moves a follower's checkpoint from one position to another; false when it is not at `from` any more.
    async fn move_checkpoint(&self, follower: &str, from: u64, to: u64) -> Result<bool, Error>;

    /// Removes the next few of what is old, in one short transaction: runs that were over, events that came, lines that
    /// were printed before a time; those after the position `after` (0: from the beginning, then what [`Cut::next`] says).
    /// What the relay has not seen stays, runs whose outcome is still to be told stay, and events of open runs.
    async fn cut(&self, what: Old, before: DateTime<Utc>, after: u64) -> Result<Cut, Error>;

    /// Takes a lease, or renews it: the epoch when it is held until `ttl` from now, `None` when another holds it. The
    /// epoch counts up when the holder changes and when a lease that had expired is taken again. Time is the database's.
    /// Holders are told apart by name alone: let it name one process's life. It fails within seconds when the database
    /// is away, and then nobody knows whether the lease was renewed.
    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<Option<u64>, Error>;

    /// Gives a lease back; nothing happens when the holder does not hold it.
    async fn release(&self, name: &str, holder: &str) -> Result<(), Error>;

    /// Leases that have not expired and whose names begin with `prefix`, with their holders, by name.
    async fn holders(&self, prefix: &str) -> Result<Vec<(String, String)>, Error>;

    /// Keeps that a session ended, until its token expires. It fails within seconds when the database is away.
    async fn revoke(&self, session: &str, until: DateTime<Utc>) -> Result<(), Error>;

    /// Sessions that ended although their tokens have not expired, with the time when these do.
    async fn revocations(&self) -> Result<Vec<(String, DateTime<Utc>)>, Error>;

    /// Whether the log takes appends now; cheap.
    async fn ready(&self) -> Result<(), Error>;

    /// A function by id.
    async fn function(&self, id: function::Id) -> Result<Option<FunctionRow>, Error>;
    /// Functions by id, in any order; those that do not exist are left out.
    async fn functions_by_id(&self, ids: &[function::Id]) -> Result<Vec<FunctionRow>, Error>;
    /// The newest generation of a name, deregistered or not.
    async fn function_named(&self, namespace: &str, name: &str) -> Result<Option<FunctionRow>, Error>;
    /// Which of these names functions of the namespace have that are not deregistered.
    async fn names_taken(&self, namespace: &str, names: &[String]) -> Result<Vec<String>, Error>;
    /// The functions of a namespace that are not deregistered and whose code comes from one of these sources; of several with the
    /// same source, one.
    async fn functions_from(
        &self,
        namespace: &str,
        sources: &[function::event::Source],
    ) -> Result<Vec<(function::event::Source, function::Id)>, Error>;
    /// Which of these are namespaces that have functions, deregistered ones included.
    async fn namespaces_among(&self, names: &[String]) -> Result<Vec<String>, Error>;
    /// A page of functions, by namespace and name unless the filter says otherwise.
    async fn functions(&self, filter: &FunctionFilter, page: &PageRequest) -> Result<Page<FunctionRow>, Error>;
    /// Every function that is RUNNING, with its current version.
    async fn running_functions(&self) -> Result<Vec<RunningFunction>, Error>;
    /// The namespaces that have functions or were created, by name.
    async fn namespaces(&self) -> Result<Vec<String>, Error>;

    /// Secrets of a namespace by name, by name; those that are not set are left out.
    async fn secrets(&self, namespace: &str, names: &[String]) -> Result<Vec<SecretRow>, Error>;
    /// Which secrets are set in these namespaces (`None`: in all), by namespace and name.
    async fn secret_infos(&self, namespaces: Option<&[String]>) -> Result<Vec<SecretInfo>, Error>;

    /// A version of a function.
    async fn version(&self, function: function::Id, number: u32) -> Result<Option<VersionRow>, Error>;
    /// Versions of functions, in any order; those that do not exist are left out.
    async fn versions_by_key(&self, keys: &[(function::Id, u32)]) -> Result<Vec<VersionRow>, Error>;
    /// A page of a function's versions, newest first.
    async fn versions(&self, function: function::Id, page: &PageRequest) -> Result<Page<VersionRow>, Error>;

    /// Builds by id, in any order; those that do not exist are left out.
    async fn builds_by_id(&self, ids: &[function::BuildId]) -> Result<Vec<BuildRow>, Error>;
    /// A page of a function's builds, newest first.
    async fn builds(&self, function: function::Id, page: &PageRequest) -> Result<Page<BuildRow>, Error>;
    /// The newest build of each function that has any.
    async fn newest_builds(&self, functions: &[function::Id]) -> Result<Vec<BuildRow>, Error>;

    /// Every build that is QUEUED or RUNNING.
    async fn open_builds(&self) -> Result<Vec<OpenBuild>, Error>;

    /// Runs by id, in any order; those that do not exist are left out.
    async fn runs_by_id(&self, ids: &[run::Id]) -> Result<Vec<RunRow>, Error>;
    /// A page of runs, newest first.
    async fn runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<RunRow>, Error>;
    /// The newest run of each function that has any.
    async fn newest_runs(&self, functions: &[function::Id]) -> Result<Vec<RunRow>, Error>;

    /// How many runs fit, by state.
    async fn run_counts(&self, filter: &RunFilter) -> Result<Vec<(run::Status, u64)>, Error>;

    /// Up to `limit` runs that are QUEUED, RUNNING or RETRYING, oldest first, after a run's `created_position`.
    async fn open_runs(&self, after: u64, limit: u32) -> Result<Vec<RunRow>, Error>;
    /// Up to `limit` runs whose outcome is to be told at or before a time, the longest due first.
    async fn due_callbacks(&self, before: DateTime<Utc>, limit: u32) -> Result<Vec<RunRow>, Error>;
    /// How many runs of each function wait; functions without any are left out.
    async fn waiting_runs(&self) -> Result<Vec<WaitingRuns>, Error>;
    /// Functions for which runs wait, and since when the oldest of them does.
    async fn oldest_queued(&self) -> Result<Vec<(function::Id, DateTime<Utc>)>, Error>;
    /// How many secrets were sealed under each key, by the key's id.
    async fn secrets_by_key(&self) -> Result<Vec<(String, u64)>, Error>;
    /// A value that all servers on this database have in common.
    async fn common(&self, name: &str) -> Result<Option<String>, Error>;
    /// Sets such a value unless it is set; what it is afterwards.
    async fn agree(&self, name: &str, value: &str) -> Result<String, Error>;
    /// Sets such a value.
    async fn set_common(&self, name: &str, value: &str) -> Result<(), Error>;
    /// How many functions have a newest build that failed.
    async fn failed_builds(&self) -> Result<u64, Error>;

    /// Trigger events by id, in any order; those that do not exist are left out.
    async fn events_by_id(&self, ids: &[event::Id]) -> Result<Vec<EventRow>, Error>;
    /// A page of trigger events, newest first.
    async fn events(&self, filter: &EventFilter, page: &PageRequest) -> Result<Page<EventRow>, Error>;

    /// A page of the log itself, oldest first unless the filter says otherwise.
    async fn history(&self, filter: &HistoryFilter, page: &PageRequest) -> Result<Page<Recorded>, Error>;

    /// Numbers over a span.
    async fn metrics(
        &self,
        function: Option<function::Id>,
        namespaces: Option<&[String]>,
        span: &Span,
    ) -> Result<Metrics, Error>;

    /// The calls of functions over a span, by part. A function that was not called is absent.
    async fn calls(&self, functions: &[function::Id], span: &Span) -> Result<HashMap<function::Id, Vec<Calls>>, Error>;

    /// Makes the read tables anew from the log; returns how many records it read. Nobody else may be writing.
    async fn rebuild(&self) -> Result<u64, Error>;

    /// Credentials that an earlier server left in the tables: those of functions that are not deregistered.
    async fn open_credentials(&self) -> Result<Vec<OpenCredentials>, Error>;
    /// Overwrites them there. What was appended to the log stays.
    async fn mask_credentials(&self) -> Result<(), Error>;

    /// The key of the seals, as it is stored. `None`: the log is not sealed.
    async fn log_key(&self) -> Result<Option<LogKeyRow>, Error>;
    /// Keeps the key of the seals unless there is one; which one counts.
    async fn keep_log_key(&self, row: LogKeyRow) -> Result<LogKeyRow, Error>;
    /// Stores the key of the seals (`None`: removes it, and every seal) and secrets as they are sealed under another key
    /// now, all or nothing. No server may be using the log.
    async fn change_keys(&self, log_key: Option<LogKeyRow>, secrets: Vec<SecretRow>) -> Result<(), Error>;
    /// From now on this log seals, and looks at seals, with this key.
    fn seal_with(&self, key: SealKey);
    /// Seals the next stretch of the log; false when all of it is sealed, or when there is no key.
    async fn seal(&self, now: DateTime<Utc>) -> Result<bool, Error>;
    /// The newest seal.
    async fn newest_seal(&self) -> Result<Option<Seal>, Error>;
    /// Whether this was the newest seal once, and is there still.
    async fn has_anchor(&self, anchor: &Anchor) -> Result<bool, Error>;

    /// Compares the read tables with the log, checks the hash chain of every stream, and looks at every seal.
    async fn verify(&self) -> Result<Report, Error> {
        self.verify_against(&[]).await
    }
    /// The same, and whether the log goes on from where it was when these were written down.
    async fn verify_against(&self, anchors: &[Anchor]) -> Result<Report, Error>;
}

/// Opens the log: in PostgreSQL when there is a URL, else in an SQLite file in the data folder. Makes and migrates what
/// is missing. A second server on one data folder is refused; on one PostgreSQL it is welcome.
///
/// # Errors
/// When the database cannot be reached, is too old, or belongs to another server.
pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Store, Error> {
    open::writing(url, data_dir).await.map(|log| log as Store)
}

/// Whether there is a log in SQLite in a data folder.
pub fn is_in(data_dir: &Path) -> bool {
    data_dir.join(sqlite::FILE).is_file()
}

/// What the clock of a PostgreSQL server says.
///
/// # Errors
/// When it cannot be reached.
pub async fn clock_of(url: &str) -> Result<DateTime<Utc>, Error> {
    postgres::clock(url).await
}

/// Opens the log for reading, beside a server that may be running. Nothing is migrated, and appends are refused.
///
/// # Errors
/// When the database cannot be reached or does not exist.
pub async fn open_read_only(url: Option<&str>, data_dir: &Path) -> Result<Store, Error> {
    open::reading(url, data_dir).await.map(|log| log as Store)
}

/// Waits until the database at `url` can be connected to, and says again and again that it does. What waiting does not mend (a
/// wrong password, an unknown database) ends it: the opening says it.
pub async fn wait_for(url: Option<&str>) {
    if let Some(options) = url.and_then(|url| postgres::options(url).ok()) {
        postgres::wait_for(&options).await;
    }
}
