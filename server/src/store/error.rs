//! Errors of the store.

use domain::Stream;

/// An error of the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// Somebody else has appended to the stream meanwhile: read it again and decide anew.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// Which stream.
        stream: Stream,
        /// The version that the caller expected.
        expected: u64,
        /// The actual version.
        actual: u64,
    },
    /// The database is unreachable or cannot write (disk full, read-only): retry later. Nothing was accepted.
    #[error("the event log is not available: {0}")]
    Unavailable(String),
    /// Stored data cannot be read.
    #[error("the event log is damaged: {0}")]
    Damaged(String),
    /// A newer EventFlow wrote something that this one cannot read. Whatever needs it waits until this server is
    /// upgraded.
    #[error("{0}")]
    Newer(String),
    /// The request can never succeed: the caller's fault.
    #[error("{0}")]
    Refused(String),
    /// The database cannot search for a value in the request: also the caller's fault.
    #[error("what was asked for cannot be looked for: {0}")]
    Unfit(String),
}

impl Error {
    /// Whether a retry would fail the same way, however late: the database is there and refuses.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Unfit(_))
    }
}
