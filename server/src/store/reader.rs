//! The dependencies of readers and followers: connections for reading, and the newest records in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::{Recorded, function};

use super::columns::{self, RECORD_NAMES};
use super::error::Error;
use super::line::LineRow;
use super::listing::{Bounded, Where};
use super::ring::Ring;
use super::sql::{Db, Row, Value, int};
use super::stats::Stats;
use super::table::{Stored, Table};

/// The dependencies of readers and followers.
pub(super) struct Reader {
    pub db: Db,
    pub records: Arc<Ring<Recorded>>,
    pub lines: Arc<Ring<LineRow>>,
    pub stats: Arc<Stats>,
    /// Records up to here are known to have been possibly removed.
    pub cut: AtomicU64,
}

/// Keys per query, where a caller may name thousands.
pub(super) const KEYS: usize = 500;

/// The error when the committer has ended.
pub(super) fn gone() -> Error {
    Error::Unavailable("the event log is closed".into())
}

impl Reader {
    /// Decodes the rows of a query.
    pub async fn select<T>(
        &self,
        sql: &str,
        values: &[Value],
        decode: fn(&Row) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        self.db.select(sql, values, decode).await
    }

    /// Rows by their ids.
    pub async fn by_id<T: Stored>(&self, ids: &[impl std::fmt::Display]) -> Result<Vec<T>, Error> {
        let any = self.db.dialect().any("id", 1);
        let sql = format!("SELECT {} FROM {} WHERE {any}", T::TABLE.names(""), T::TABLE.name);
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(KEYS) {
            let ids = Value::Texts(ids.iter().map(ToString::to_string).collect());
            found.extend(self.select(&sql, &[ids], T::read).await?);
        }
        Ok(found)
    }

    /// Rows that are found by the first record of their stream.
    pub async fn by_stream<T: Stored>(&self, key: &str, streams: &[String]) -> Result<Vec<T>, Error> {
        let any = self.db.dialect().any("l.stream", 1);
        let sql = format!(
            "SELECT {} FROM log l JOIN {} r ON r.{key} = l.position WHERE {any} AND l.version = 1",
            T::TABLE.names("r."),
            T::TABLE.name
        );
        let mut found = Vec::with_capacity(streams.len());
        for streams in streams.chunks(KEYS) {
            found.extend(self.select(&sql, &[Value::Texts(streams.to_vec())], T::read).await?);
        }
        Ok(found)
    }

    /// The newest row of each function, each found by one index look-up.
    pub async fn newest<T: Stored>(&self, functions: &[function::Id]) -> Result<Vec<T>, Error> {
        let (table, name) = (T::TABLE, T::TABLE.name);
        let any = self.db.dialect().any("f.id", 1);
        let sql = format!(
            "SELECT {} FROM {name} WHERE created_position IN
             (SELECT (SELECT max(n.created_position) FROM {name} n WHERE n.function = f.id) FROM functions f WHERE {any})",
            table.names("")
        );
        let mut found = Vec::with_capacity(functions.len());
        for ids in functions.chunks(KEYS) {
            let ids = Value::Texts(ids.iter().map(ToString::to_string).collect());
            found.extend(self.select(&sql, &[ids], T::read).await?);
        }
        Ok(found)
    }

    /// Up to `limit` records of the log after a position.
    pub async fn read_log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let page = Bounded::by_position("log", RECORD_NAMES, "WHERE position > $1", "$2");
        self.select(&page.sql(""), &[int(after), int(limit.into())], columns::record).await
    }

    /// Whether records up to a position may have been removed. Call it after reading the records.
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
            // Positions have no gaps apart from removed ones, so nothing needs to be counted.
            let rows = self.db.fetch("SELECT position - removed FROM head WHERE one = 1", &[]).await?;
            return rows.first().ok_or_else(gone)?.cells().number();
        }
        let sql = format!("SELECT count(*) FROM {} {}", table.name, filter.text());
        let rows = self.db.fetch(&sql, &filter.values).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }
}
