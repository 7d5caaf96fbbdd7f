//! Why a call gets no slot.

use std::time::Duration;

use domain::function::Status;

use crate::store;

/// Lines of a process's standard error that its failed run shows.
const LAST_LINES: usize = 10;

/// Why a call gets no instance.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The function is not running.
    #[error("{}", not_running(*state, build.as_deref()))]
    NotRunning {
        /// Its state.
        state: Status,
        /// The error of its latest build, if that is why it does not run.
        build: Option<String>,
    },
    /// The function has no such version.
    #[error("the function has no version {0}")]
    NoSuchVersion(u32),
    /// Too many calls are waiting already.
    #[error("all instances are busy and {waiting} calls wait already; try again in a moment")]
    Overloaded {
        /// The number of waiting calls.
        waiting: usize,
    },
    /// No instance was free in time.
    #[error("no instance was free in time")]
    TimedOut,
    /// Instances do not become healthy.
    #[error("{message}")]
    Unhealthy {
        /// What happened to the last one.
        message: String,
        /// The last lines of its standard error, oldest first.
        stderr_tail: Vec<String>,
        /// When the next one may be started.
        retry_in: Duration,
    },
    /// The log is not available.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The error for a function that is not running.
    pub fn stopped(state: Status) -> Self {
        Self::NotRunning { state, build: None }
    }
}

fn not_running(state: Status, build: Option<&str>) -> String {
    match build {
        Some(error) => {
            format!(
                "the function is {state} and does not run, because its newest build failed: {error}; mend that and build it again"
            )
        }
        None => format!("the function is {state} and does not run; start it, once it is built"),
    }
}

/// A message followed by the last lines that the process wrote.
pub fn with_last_lines(what: &str, stderr_tail: &[String]) -> String {
    let last = &stderr_tail[stderr_tail.len().saturating_sub(LAST_LINES)..];
    if last.is_empty() { what.to_owned() } else { format!("{what}; its last lines: {}", last.join("\n")) }
}
