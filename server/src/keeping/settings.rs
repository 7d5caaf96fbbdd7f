//! How instances are kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::meter::LineLimits;

/// Finds an artifact's folder by its digest.
pub type ArtifactPath = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

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
