//! What can be asked of a function.

use chrono::{DateTime, Utc};

use super::event::{Share, Source};
use super::{BuildId, Id, Made, OfferedFolder};
use crate::json::Json;
use crate::manifest::Manifest;

/// A wish. Time and ids come in with it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are those of the event that follows
pub enum Command {
    /// Let there be a function.
    Register {
        id: Id,
        namespace: String,
        name: String,
        generation: u32,
        source: Source,
        manifest: Option<Json>,
        at: DateTime<Utc>,
    },
    /// Take its code from elsewhere, or read it by another manifest, from the next build on. What is not named stays as it is.
    Update { source: Option<Source>, manifest: Override, at: DateTime<Utc> },
    /// Make a version. A `git_ref` beats that of the source.
    RequestBuild { build: BuildId, git_ref: Option<String>, at: DateTime<Utc> },
    /// `node` takes the build.
    StartBuild { build: BuildId, node: String, at: DateTime<Utc> },
    /// The build has made a version.
    SucceedBuild { build: BuildId, made: Made, manifest: Box<Manifest>, commit: Option<String>, at: DateTime<Utc> },
    /// The build cannot make a version. What it offers is kept as far as it is within its limits.
    FailBuild { build: BuildId, error: String, offered: Vec<OfferedFolder>, at: DateTime<Utc> },
    /// Call the build off.
    CancelBuild { build: BuildId, at: DateTime<Utc> },
    /// Run the current version.
    Start { at: DateTime<Utc> },
    /// Run nothing.
    Stop { reason: Option<String>, at: DateTime<Utc> },
    /// Make a version the current one: a newer one that is healthy, or an older one to roll back to.
    Promote { version: u32, reason: Option<String>, at: DateTime<Utc> },
    /// Divide the calls between versions.
    ShiftTraffic { split: Vec<Share>, at: DateTime<Utc> },
    /// An instance died or never became healthy.
    ReportInstanceFailure { version: u32, instance: String, error: String, at: DateTime<Utc> },
    /// An instance answers since one has failed.
    ReportInstanceRecovery { version: u32, instance: String, at: DateTime<Utc> },
    /// Let it be gone, for good.
    Deregister { at: DateTime<Utc> },
}

/// What becomes of the manifest that beats the file in the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Override {
    /// It stays as it is.
    #[default]
    Keep,
    /// This one does, from the next build on.
    Set(Json),
    /// None does: the file in the source counts again.
    Drop,
}
