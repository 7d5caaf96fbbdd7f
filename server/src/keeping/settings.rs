//! The settings of this room.

use std::time::Duration;

use super::meter::LineLimits;

/// How instances are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Time for an instance to become ready.
    pub ready_within: Duration,
    /// Time for an instance to end after SIGTERM.
    pub stop_grace: Duration,
    /// Limits on log lines.
    pub lines: LineLimits,
}
