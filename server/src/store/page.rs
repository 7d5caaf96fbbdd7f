//! Pages: how much, and after what.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use domain::Recorded;

use super::{Error, LineRow};

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Whether somebody wants to know how many there are: counting reads far more than the page.
    pub counted: bool,
    /// Rows at most, 1 to [`MAX_PAGE`].
    pub first: u32,
    /// The cursor of the row before the first one wanted; opaque to everyone but the store.
    pub after: Option<String>,
}

/// No page is longer.
pub const MAX_PAGE: u32 = 100;

/// A page ends when it holds so many bytes of payloads, however many rows were asked for. Any row may hold a quarter of a
/// megabyte, and many requests and followers may each have a page in memory. The first row comes whatever its size.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// Whether nothing comes after a page of records for which `limit` rows were asked.
pub fn is_last(records: &[Recorded], limit: u32) -> bool {
    is_short(records.len(), records.iter().map(|record| record.data.len()).sum(), limit)
}

/// The same of lines.
pub fn is_last_of_lines(lines: &[LineRow], limit: u32) -> bool {
    is_short(lines.len(), lines.iter().map(|line| line.line.text.len()).sum(), limit)
}

fn is_short(rows: usize, bytes: usize, limit: u32) -> bool {
    rows < limit as usize && bytes < MAX_PAGE_BYTES
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, each with its cursor.
    pub rows: Vec<(String, T)>,
    /// Whether there are more after these.
    pub has_next: bool,
    /// How many there are on all pages together; 0 where nobody asked.
    pub total: u64,
}

impl PageRequest {
    /// Rows that are asked for, within the limit.
    pub(super) fn limit(&self) -> usize {
        self.first.clamp(1, MAX_PAGE) as usize
    }

    /// The key of the row before the page, if it is not the first page.
    pub(crate) fn key(&self) -> Result<Option<String>, Error> {
        let Some(cursor) = &self.after else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        bytes.map(Some).ok_or_else(|| not_ours(cursor))
    }

    /// The same for keys that are positions.
    pub(crate) fn position(&self) -> Result<Option<u64>, Error> {
        let Some(key) = self.key()? else { return Ok(None) };
        key.parse().map(Some).map_err(|_| not_ours(self.after.as_deref().unwrap_or_default()))
    }
}

/// Characters of a cursor that a message repeats: a query may have it answered for each of many rows.
const MAX_SHOWN: usize = 100;

/// A cursor that was not made here.
pub(super) fn not_ours(cursor: &str) -> Error {
    let shown: String = cursor.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < cursor.len() { "…" } else { "" };
    Error::Refused(format!("`{shown}{more}` is not a cursor; use one that a page came with"))
}

/// The cursor of a row with this key.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

impl<T> Page<T> {
    /// A page from up to one row more than asked for.
    pub(super) fn of(mut rows: Vec<(String, T)>, limit: usize, total: u64) -> Self {
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        Self { rows, has_next, total }
    }
}
