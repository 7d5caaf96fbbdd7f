//! How instances are kept.

use std::time::Duration;

use super::meter::LineLimits;

/// How instances are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// An instance must answer for the first time within this.
    pub ready_within: Duration,
    /// An instance that should end gets this long.
    pub stop_grace: Duration,
    /// What is stored of functions' lines.
    pub lines: LineLimits,
}
