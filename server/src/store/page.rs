//! Pages: how much, and after what.

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows at most, 1 to [`MAX_PAGE`].
    pub first: u32,
    /// The cursor of the row before the first one wanted; opaque to everyone but the store.
    pub after: Option<String>,
}

/// No page is longer.
pub const MAX_PAGE: u32 = 100;

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows, each with its cursor.
    pub rows: Vec<(String, T)>,
    /// Whether there are more after these.
    pub has_next: bool,
    /// How many there are on all pages together.
    pub total: u64,
}
