//! The event log and the read tables.
//!
//! Knows SQLite and PostgreSQL, not what should happen next. [`Log`] is the same on both, tested by one contract test.
//! Only the writer in `actors` appends events; everyone may read and follow.

pub mod agreement;
mod append;
mod audit;
mod away;
mod batch;
mod builds;
mod checkpoints;
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
mod images;
mod insert;
mod installation;
pub mod lane;
mod late;
mod lease;
mod line;
mod lines;
mod listing;
mod log;
mod log_key;
mod metrics;
mod migrations;
mod needed;
mod open;
pub mod page;
mod paging;
pub mod portable;
mod postgres;
mod projection;
mod reader;
mod relayed;
mod removal;
mod revocation;
mod ring;
mod runs;
mod seal;
mod sealing;
mod secrets;
mod snapshots;
mod sql;
mod sqlite;
pub mod stats;
mod table;
pub mod tables;
mod timeline;
mod versions;
mod view;
mod vitals;
#[cfg(test)]
pub mod watched;
mod writer;

use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};

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
pub use images::ImageUse;
pub use lease::{KEYS_LEASE, LEADER_LEASE, NODE_LEASE};
pub use line::{LineRow, LineStream, LinesOf, NewLine, Recent};
pub use log::Log;
pub use log_key::LogKeyRow;
pub use metrics::{Calls, Metrics, Point, Span};
pub use needed::Needed;
pub use page::{Page, PageRequest};
pub use projection::{Fold, Projection};
pub use relayed::{RELAY, Relayed};
pub use removal::Old;
pub use runs::{MAX_BY_PREFIX, RunFilter, WaitingRuns};
pub use seal::{Anchor, Proof, Seal, SealKey};
pub use stats::Stats;
pub use tables::{
    BuildRow, EventRow, FunctionRow, OpenBuild, PayloadRow, Row, RunRow, RunningFunction, Sealed, SecretInfo,
    SecretRow, VersionRow,
};
pub use view::{OfFunction, OfNamespace, View};
pub use vitals::Vitals;

/// The handle to the log and its tables. Cheap to clone.
pub type Store = Arc<Log>;

/// Opens the log: in PostgreSQL if there is a URL, else in an SQLite file in the data folder. Creates and migrates what
/// is
/// missing. A second server on the same data folder is refused; several on one PostgreSQL are welcome.
///
/// # Errors
/// When the database cannot be reached, is too old, or belongs to another server.
pub async fn open(url: Option<&str>, data_dir: &Path) -> Result<Store, Error> {
    open::writing(url, data_dir).await
}

/// Whether a data folder has a log in SQLite.
pub fn is_in(data_dir: &Path) -> bool {
    data_dir.join(sqlite::FILE).is_file()
}

/// The time of a PostgreSQL server's clock.
///
/// # Errors
/// When it cannot be reached.
pub async fn clock_of(url: &str) -> Result<DateTime<Utc>, Error> {
    postgres::clock(url).await
}

/// Opens the log for reading; a server may be running beside. Nothing is migrated, and appends are refused.
///
/// # Errors
/// When the database cannot be reached or does not exist.
pub async fn open_read_only(url: Option<&str>, data_dir: &Path) -> Result<Store, Error> {
    open::reading(url, data_dir).await
}

/// Waits until the database at `url` accepts connections, and logs that from time to time. Returns early if waiting
/// cannot help (a wrong password, an unknown database): opening then reports the reason.
pub async fn wait_for(url: Option<&str>) {
    if let Some(options) = url.and_then(|url| postgres::options(url).ok()) {
        postgres::wait_for(&options).await;
    }
}
