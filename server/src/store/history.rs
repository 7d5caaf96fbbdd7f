//! Queries of the log itself.

use domain::{Recorded, Stream};

use super::columns::{self, RECORD_NAMES};
use super::error::Error;
use super::feed::{self, Feed};
use super::listing::{Bounded, Order, Where};
use super::log::Log;
use super::page::{Page, PageRequest};
use super::reader::gone;
use super::sql::{Value, int};

/// A filter for records of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryFilter {
    /// Only this stream.
    pub stream: Option<Stream>,
    /// Only of this type.
    pub kind: Option<String>,
    /// Only records that belong to these namespaces; `None` is all.
    pub namespaces: Option<Vec<String>>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
}

impl Log {
    /// Up to `limit` records of a stream after a version (0: from its start).
    pub async fn stream(&self, stream: &Stream, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        let page = Bounded {
            order: &[("version", "ASC")],
            ..Bounded::by_position("log", RECORD_NAMES, "WHERE stream = $1 AND version > $2", "$3")
        };
        let values = [Value::Text(stream.as_str().into()), int(after), int(limit.into())];
        self.reader.select(&page.sql(""), &values, columns::record).await
    }

    /// Up to `limit` records of the whole log after a position (0: from its start), in order, without gaps apart from
    /// those
    /// that [`Log::cut`] left.
    pub async fn log(&self, after: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        self.reader.read_log(after, limit).await
    }

    /// Up to `limit` records of the streams of a kind after a position and up to another, in order.
    pub async fn log_of(&self, kind: &str, after: u64, up_to: u64, limit: u32) -> Result<Vec<Recorded>, Error> {
        // A stream is named `KIND-…`, and `.` is what follows `-`.
        let of_kind = "WHERE stream >= $1 AND stream < $2 AND position > $3 AND position <= $4";
        let page = Bounded::by_position("log", RECORD_NAMES, of_kind, "$5");
        let [first, end] = ["-", "."].map(|last| Value::Text(format!("{kind}{last}")));
        let values = [first, end, int(after), int(up_to), int(limit.into())];
        self.reader.select(&page.sql(""), &values, columns::record).await
    }

    /// The position of the newest record; 0 for an empty log.
    pub async fn head(&self) -> Result<u64, Error> {
        let rows = self.reader.db.fetch("SELECT position FROM head WHERE one = 1", &[]).await?;
        rows.first().ok_or_else(gone)?.cells().number()
    }

    /// Every record after a position, endlessly: none skipped, none twice, in order. Removed records are left out.
    pub fn follow(&self, after: u64) -> Feed {
        feed::records(self.reader.clone(), after)
    }

    /// A page of the log, oldest first unless the filter says otherwise.
    pub async fn history(&self, filter: &HistoryFilter, page: &PageRequest) -> Result<Page<Recorded>, Error> {
        let mut conditions = Where::default();
        if let Some(stream) = &filter.stream {
            conditions.and("stream = {}", Value::Text(stream.as_str().into()));
        }
        if let Some(kind) = &filter.kind {
            conditions.and("type = {}", Value::Text(kind.clone()));
        }
        if let Some(namespaces) = &filter.namespaces {
            conditions.and_any(&self.reader.db, "namespace", namespaces);
        }
        let order = if filter.newest_first { Order::NEWEST_FIRST } else { Order::OLDEST_FIRST };
        self.reader.page(&columns::LOG, RECORD_NAMES, &order, conditions, page, columns::record).await
    }
}
