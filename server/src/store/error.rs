//! Errors of the store.

use domain::Stream;

/// An error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Somebody else appended to the stream meanwhile: read it again and decide anew.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// Which stream.
        stream: Stream,
        /// What the caller knew.
        expected: u64,
        /// What is true.
        actual: u64,
    },
    /// The database cannot be reached or cannot write (disk full, read-only): try again later. Nothing was accepted.
    #[error("the event log is not available: {0}")]
    Unavailable(String),
    /// What is stored cannot be read.
    #[error("the event log is damaged: {0}")]
    Damaged(String),
    /// A newer EventFlow has written what this one cannot read: what needs it waits until this server is upgraded.
    #[error("{0}")]
    Newer(String),
    /// What is asked for cannot be, now or later: the caller's matter.
    #[error("{0}")]
    Refused(String),
    /// A value that was asked with is none that the database can look for: the caller's matter, too.
    #[error("what was asked for cannot be looked for: {0}")]
    Unfit(String),
}

impl Error {
    /// Whether the same again comes to the same, however long one waits: the database is there, and does not take it.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unfit(_))
    }
}
