//! Why a run refuses.

/// A refusal. It names the state that forbids what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error("there is no such run")]
    NotFound,
    #[error("the run is {state} already")]
    Over { state: &'static str },
    #[error("the run is {state} and not RUNNING")]
    NotRunning { state: &'static str },
    #[error("the run is RUNNING on node {node}")]
    Taken { node: String },
}

impl Error {
    /// A short name that programs can rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "run_not_found",
            Self::Over { .. } => "run_over",
            Self::NotRunning { .. } => "run_not_running",
            Self::Taken { .. } => "run_taken",
        }
    }
}
