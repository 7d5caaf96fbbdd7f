//! Requests and results of pagination.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use domain::Recorded;

use super::error::Error;
use super::line::LineRow;

/// A page request: rows from the beginning or the end of a list, between two cursors. As in Relay, a page keeps the
/// order of the list, whichever end it is taken from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// Whether somebody wants to know how many there are: counting reads far more than the page.
    pub counted: bool,
    /// Whether somebody wants to know if there are rows on the far side of the cursor that the page begins at: finding that
    /// out is one more query. See [`Page::has_previous`].
    pub both_sides: bool,
    /// Rows at most, 1 to [`MAX_PAGE`].
    pub rows: u32,
    /// Whether these are the last rows and not the first.
    pub backward: bool,
    /// Only rows after the one with this cursor; opaque to everyone but the store.
    pub after: Option<String>,
    /// Only rows before the one with this cursor.
    pub before: Option<String>,
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
    /// Whether there are more before these. Of a page that was taken from the beginning it is known only where
    /// [`PageRequest::both_sides`] was set, and false elsewhere.
    pub has_previous: bool,
    /// Whether there are more after these. The same holds for a page that was taken from the end.
    pub has_next: bool,
    /// How many there are on all pages together; 0 where nobody asked.
    pub total: u64,
}

impl PageRequest {
    /// The first rows.
    pub fn first(rows: u32) -> Self {
        Self { rows, ..Self::default() }
    }

    /// The last rows.
    pub fn last(rows: u32) -> Self {
        Self { rows, backward: true, ..Self::default() }
    }

    /// The same, and how many there are on all pages.
    #[must_use]
    pub fn counted(self) -> Self {
        Self { counted: true, ..self }
    }

    /// The same, of the rows after a cursor.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<String>>) -> Self {
        Self { after: cursor.into(), ..self }
    }

    /// The same, of the rows before a cursor.
    #[must_use]
    pub fn before(self, cursor: impl Into<Option<String>>) -> Self {
        Self { before: cursor.into(), ..self }
    }

    /// The cursor at the end that the page is taken from, if there is one.
    pub(super) fn near(&self) -> Option<&String> {
        if self.backward { self.before.as_ref() } else { self.after.as_ref() }
    }

    /// Rows that are asked for, within the limit.
    pub(super) fn limit(&self) -> usize {
        self.rows.clamp(1, MAX_PAGE) as usize
    }
}

/// The key that a cursor stands for.
pub(crate) fn key(cursor: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| not_ours(cursor))
}

/// Characters of a cursor that a message repeats: a query may have it answered for each of many rows.
const MAX_SHOWN: usize = 100;

/// A cursor that was not made here.
pub(crate) fn not_ours(cursor: &str) -> Error {
    let shown: String = cursor.chars().take(MAX_SHOWN).collect();
    let more = if shown.len() < cursor.len() { "…" } else { "" };
    Error::Refused(format!("`{shown}{more}` is not a cursor; use one that a page came with"))
}

/// The cursor of a row with this key.
pub(super) fn cursor(key: &str) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

impl<T> Page<T> {
    /// A page from up to one row more than asked for, the rows that are nearest to its near end first. `more`: there are
    /// more of them. `across`: there are rows on the other side of the cursor at that end.
    pub(super) fn of(mut rows: Vec<(String, T)>, request: &PageRequest, more: bool, across: bool, total: u64) -> Self {
        let more = more || rows.len() > request.limit();
        rows.truncate(request.limit());
        if request.backward {
            rows.reverse();
        }
        let (has_previous, has_next) = if request.backward { (more, across) } else { (across, more) };
        Self { rows, has_previous, has_next, total }
    }
}
