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
    /// Whether to count all rows: that reads far more than the page.
    pub counted: bool,
    /// Whether to find out if there are rows on the far side of the cursor that the page starts at, which takes one
    /// more
    /// query. See [`Page::has_previous`].
    pub both_sides: bool,
    /// The most rows, 1 to [`MAX_PAGE`].
    pub rows: u32,
    /// Whether to take the last rows instead of the first.
    pub backward: bool,
    /// Only rows after the one with this cursor; opaque outside the store.
    pub after: Option<String>,
    /// Only rows before the one with this cursor.
    pub before: Option<String>,
}

/// The most rows of a page.
pub const MAX_PAGE: u32 = 100;

/// A page ends once its payloads have so many bytes, however many rows were asked for: any row may hold a quarter of a
/// megabyte, and many requests and followers may each have a page in memory. The first row is returned whatever its
/// size.
pub const MAX_PAGE_BYTES: usize = 1 << 20;

/// Whether nothing follows a page of records for which `limit` rows were asked.
pub fn is_last(records: &[Recorded], limit: u32) -> bool {
    is_short(records.len(), records.iter().map(|record| record.data.len()).sum(), limit)
}

/// As [`is_last`], for lines.
pub fn is_last_of_lines(lines: &[LineRow], limit: u32) -> bool {
    is_short(lines.len(), lines.iter().map(|line| line.line.text.len()).sum(), limit)
}

fn is_short(rows: usize, bytes: usize, limit: u32) -> bool {
    rows < limit as usize && bytes < MAX_PAGE_BYTES
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, with their cursors.
    pub rows: Vec<(String, T)>,
    /// Whether there are rows before these. For a page taken from the start it is known only if
    /// [`PageRequest::both_sides`]
    /// was set, and false otherwise.
    pub has_previous: bool,
    /// Whether there are rows after these; known likewise for a page taken from the end.
    pub has_next: bool,
    /// The number of rows on all pages; 0 if it was not asked for.
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

    /// Asks for the number of rows on all pages, too.
    #[must_use]
    pub fn counted(self) -> Self {
        Self { counted: true, ..self }
    }

    /// Starts after a cursor.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<String>>) -> Self {
        Self { after: cursor.into(), ..self }
    }

    /// Ends before a cursor.
    #[must_use]
    pub fn before(self, cursor: impl Into<Option<String>>) -> Self {
        Self { before: cursor.into(), ..self }
    }

    /// The cursor at the end where the page starts, if any.
    pub(super) fn near(&self) -> Option<&String> {
        if self.backward { self.before.as_ref() } else { self.after.as_ref() }
    }

    /// The number of rows to return, within the limit.
    pub(super) fn limit(&self) -> usize {
        self.rows.clamp(1, MAX_PAGE) as usize
    }
}

/// The key that a cursor encodes.
pub(crate) fn key(cursor: &str) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    bytes.ok_or_else(|| not_ours(cursor))
}

/// Characters of a cursor that an error message repeats: a query may get the message for each of many rows.
const MAX_SHOWN: usize = 100;

/// A cursor that the store did not make.
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
    /// Makes a page from up to one row more than asked for, sorted by distance from its near end. `more`: there are
    /// more of
    /// them. `across`: there are rows on the other side of the cursor at that end.
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
