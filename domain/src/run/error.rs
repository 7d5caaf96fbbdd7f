//! Refusals of commands to a run.

/// Why a command was refused; names the state that forbids it.
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
    #[error("attempt {attempt} is not the one that counts: the run is at attempt {newest}")]
    Superseded { attempt: u32, newest: u32 },
    #[error("the run is {state} and not DEAD: there is nothing to redrive or purge")]
    NotDead { state: &'static str },
    #[error("the dead run was purged")]
    Purged,
    #[error("the run has no callback that is due")]
    NoCallback,
    #[error("another run has this id already")]
    IdTaken,
    #[error("the run is {state}, and its payloads can be erased only when it is over; cancel it first")]
    NotOver { state: &'static str },
    #[error("the callback of the run is still to be delivered: erase the run when that is settled")]
    CallbackOpen,
}

impl Error {
    /// A stable error code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "run_not_found",
            Self::Over { .. } => "run_over",
            Self::NotRunning { .. } => "run_not_running",
            Self::Taken { .. } => "run_taken",
            Self::Superseded { .. } => "attempt_superseded",
            Self::NotDead { .. } => "run_not_dead",
            Self::Purged => "run_purged",
            Self::NoCallback => "no_callback",
            Self::IdTaken => "run_id_taken",
            Self::NotOver { .. } => "run_not_over",
            Self::CallbackOpen => "callback_open",
        }
    }
}
