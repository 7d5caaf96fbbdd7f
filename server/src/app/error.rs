//! Why the server cannot start.

use crate::store;

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be opened.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Any other reason.
    #[error("{0}")]
    Start(String),
}

impl Error {
    pub(super) fn start(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Start(format!("{what}: {why}"))
    }
}
