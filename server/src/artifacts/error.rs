//! Why something is not kept, or not there.

use std::io;

use super::stock::Full;

/// Why something is not kept, or not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be kept as it is: whoever made it can change that.
    #[error("{0}")]
    Refused(String),
    /// This host failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// A failure of this host. The same may succeed later.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what}: {source}{}", hint(.source))]
pub struct Failure {
    /// What was tried.
    pub what: String,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

impl Failure {
    /// What was tried, and an error that is not the system's own.
    pub fn other(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what: what.to_owned(), source: io::Error::other(source) }
    }
}

impl Error {
    /// Whether whoever made it has to change something; otherwise the fault is this host's.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }

    /// Whether there was no room for what was to be kept.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Failed(Failure { source, .. }) if source.get_ref().is_some_and(|inner| inner.is::<Full>()))
    }

    /// For `map_err`: what was tried when the host failed. A folder that is out of bounds is its author's fault.
    pub fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| match crate::tree::refusal(&source) {
            Some(refusal) => Self::Refused(refusal),
            None => Self::Failed(Failure { what, source }),
        }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::Failed(Failure { what: "do what waits for the disk".into(), source })
    }
}

/// What an operator can do about a disk that failed.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ". Free some space on the disk of the data folder, and build again"
        }
        io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
            ". The server must be able to write its data folder"
        }
        _ => "",
    }
}
