//! Commands to a function.

use chrono::{DateTime, Utc};

use super::event::{Share, Source};
use super::{BuildId, Id, Made, OfferedFolder};
use crate::json::Json;
use crate::manifest::Manifest;

/// A command. It carries the time and ids it needs.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are those of the event that follows
pub enum Command {
    /// Create a function.
    Register {
        id: Id,
        namespace: String,
        name: String,
        generation: u32,
        source: Source,
        manifest: Option<Json>,
        at: DateTime<Utc>,
    },
    /// Change the source or the manifest, from the next build on. Whatever is not given stays as it is.
    Update { source: Option<Source>, manifest: Override, at: DateTime<Utc> },
    /// Request a build. A `git_ref` takes precedence over the source's own.
    RequestBuild { build: BuildId, git_ref: Option<String>, at: DateTime<Utc> },
    /// Record that `node` has taken the build.
    StartBuild { build: BuildId, node: String, at: DateTime<Utc> },
    /// Record that the build made a version.
    SucceedBuild { build: BuildId, made: Made, manifest: Box<Manifest>, commit: Option<String>, at: DateTime<Utc> },
    /// Record that the build failed. The folders it offers are kept within their limits.
    FailBuild { build: BuildId, error: String, offered: Vec<OfferedFolder>, at: DateTime<Utc> },
    /// Cancel the build.
    CancelBuild { build: BuildId, at: DateTime<Utc> },
    /// Run the current version.
    Start { at: DateTime<Utc> },
    /// Stop running.
    Stop { reason: Option<String>, at: DateTime<Utc> },
    /// Make a version the current one: a newer one that proved healthy, or an older one to roll back to.
    Promote { version: u32, reason: Option<String>, at: DateTime<Utc> },
    /// Divide the calls between versions.
    ShiftTraffic { split: Vec<Share>, at: DateTime<Utc> },
    /// Report that an instance died or never became healthy.
    ReportInstanceFailure { version: u32, instance: String, error: String, at: DateTime<Utc> },
    /// Report that an instance answers again after a failure.
    ReportInstanceRecovery { version: u32, instance: String, at: DateTime<Utc> },
    /// Deregister the function, permanently.
    Deregister { at: DateTime<Utc> },
}

/// What to do with the manifest that overrides the file in the source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Override {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Override the file with this manifest, from the next build on.
    Set(Json),
    /// Remove the override: the file in the source applies again.
    Drop,
}
