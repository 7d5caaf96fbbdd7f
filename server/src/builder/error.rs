//! Why a build failed.

use std::io;

use domain::address::masked;
use domain::function::OfferedFolder;

use super::journal;
use super::manifest::Fault;
use crate::artifacts::{self, Failure};
use crate::executor;

/// Why a build failed. The message is meant for whoever requested the build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source, or what it depends on, cannot be built as it is: its author can change that.
    #[error("{0}")]
    Refused(String),
    /// The manifest does not fit.
    #[error("{}", faults_text(.origin, .faults))]
    Manifest {
        /// Where the manifest was: `function.json`, `the manifest given at registration`.
        origin: String,
        /// All that is wrong with it.
        faults: Vec<Fault>,
    },
    /// The source is no function itself, and folders in it could be.
    #[error("{message}")]
    Offered {
        /// Why it is none, and which folders could be.
        message: String,
        /// These folders.
        folders: Vec<OfferedFolder>,
    },
    /// This host failed.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Error {
    /// Whether the author of the source has to change something; otherwise the fault is this host's.
    pub fn is_refused(&self) -> bool {
        !matches!(self, Self::Failed(_))
    }

    /// Folders of the source that could be functions.
    pub fn offered(&self) -> &[OfferedFolder] {
        match self {
            Self::Offered { folders, .. } => folders,
            Self::Refused(_) | Self::Manifest { .. } | Self::Failed(_) => &[],
        }
    }

    /// The same, fit to be stored and shown: its words may be those of a tool that a stranger made speak.
    pub(super) fn plain(self) -> Self {
        let plain = |text: String| journal::plain(&masked(&text)).into_owned();
        match self {
            Self::Refused(message) => Self::Refused(plain(message)),
            Self::Offered { message, folders } => {
                // One whose path cannot be shown as it is cannot be chosen by what is shown.
                let folders = folders.into_iter().filter(|folder| plain(folder.path.clone()) == folder.path);
                let folders = folders
                    .map(|folder| OfferedFolder { recognized_as: plain(folder.recognized_as), ..folder })
                    .collect();
                Self::Offered { message: plain(message), folders }
            }
            Self::Manifest { origin, faults } => {
                let fault = |fault: Fault| Fault { pointer: plain(fault.pointer), message: plain(fault.message) };
                Self::Manifest { origin, faults: faults.into_iter().map(fault).collect() }
            }
            Self::Failed(Failure { what, source }) => {
                let source = match source.raw_os_error() {
                    Some(_) => source,
                    None => io::Error::new(source.kind(), plain(source.to_string())),
                };
                Self::Failed(Failure { what: plain(what), source })
            }
        }
    }

    /// For `map_err`: what was tried when the host failed. A folder that is out of bounds is its author's fault.
    pub(super) fn failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let failed = artifacts::Error::failed(what);
        move |source| failed(source).into()
    }
}

impl From<artifacts::Error> for Error {
    fn from(error: artifacts::Error) -> Self {
        match error {
            artifacts::Error::Refused(message) => Self::Refused(message),
            artifacts::Error::Failed(failure) => Self::Failed(failure),
        }
    }
}

impl From<executor::Error> for Error {
    fn from(error: executor::Error) -> Self {
        match error {
            executor::Error::Refused(message) | executor::Error::Result(message) => Self::Refused(message),
            executor::Error::Unhealthy { message, .. } => Self::Refused(message),
            executor::Error::Unsupported { .. } => Self::Refused(error.to_string()),
            executor::Error::Io { what, source } => Self::Failed(Failure { what, source }),
        }
    }
}

fn faults_text(origin: &str, faults: &[Fault]) -> String {
    let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
    format!("{origin} does not fit: {}", faults.join("; "))
}
