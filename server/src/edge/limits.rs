//! Time limits of connections.

use std::time::Duration;

use crate::config::Edge;

/// The lowest average rate, in bytes a second, at which a caller must send a body or take an answer while the server
/// waits for it.
pub(super) const MIN_RATE: u64 = 1024;

/// The library answers 408 if the head of a first request is late; the connection is closed this much later in any
/// case.
const SLACK: Duration = Duration::from_secs(1);

/// How often a connection is checked, at most and at least.
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(5);

/// The time limits of every connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between two parts of a body; also the grace on top of the time that the lowest rate allows for all of it.
    pub read: Duration,
    /// As `read`, for an answer that the caller does not take.
    pub write: Duration,
    /// Between two requests.
    pub idle: Duration,
}

impl Limits {
    pub(super) fn of(edge: &Edge) -> Self {
        Self { head: edge.head_timeout, read: edge.read_timeout, write: edge.write_timeout, idle: edge.idle_timeout }
    }

    /// How long a head may take before the connection is closed.
    pub(super) fn head_and_slack(&self) -> Duration {
        self.head + SLACK
    }

    /// The time between two checks of a connection.
    pub(super) fn period(&self) -> Duration {
        let shortest = self.head.min(self.write).min(self.idle);
        (shortest / 2).clamp(OFTEN, SELDOM)
    }
}
