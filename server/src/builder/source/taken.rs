//! A source that was taken, and how much of one is.

use std::path::PathBuf;
use std::time::Duration;

/// Limits of a source.
#[derive(Debug, Clone, Copy)]
pub(in crate::builder) struct Limits {
    pub(in crate::builder) max_bytes: u64,
    pub(in crate::builder) max_files: usize,
    pub(in crate::builder) git_timeout: Duration,
}

/// A function's own files.
#[derive(Debug)]
pub(in crate::builder) struct Taken {
    /// In the scratch folder; holds no `.git`.
    pub(in crate::builder) folder: PathBuf,
    /// For a Git source.
    pub(in crate::builder) commit: Option<String>,
}
