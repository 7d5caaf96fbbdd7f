//! Time limits of connections.

use std::time::Duration;

use crate::config::Edge;

/// The least bytes a second, on average, that a caller must send of a body or take of an answer while the server waits
/// for it.
pub(super) const MIN_RATE: u64 = 1024;

/// The library answers a first request whose head is late with 408; this much later the connection is closed anyhow.
const SLACK: Duration = Duration::from_secs(1);

/// How often a connection is looked at, at most and at least.
const OFTEN: Duration = Duration::from_millis(100);
const SELDOM: Duration = Duration::from_secs(5);

/// The time limits of every connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// Between two parts of a body, and on top of what the least rate allows for all of it.
    pub read: Duration,
    /// As `read`, for an answer that is not taken.
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

    /// The time between two looks at a connection.
    pub(super) fn period(&self) -> Duration {
        let shortest = self.head.min(self.write).min(self.idle);
        (shortest / 2).clamp(OFTEN, SELDOM)
    }
}
