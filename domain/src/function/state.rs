//! The state of a function, folded from its events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Share, Source};
use super::{BuildId, Id, Made, OfferedFolder};
use crate::json::{self, Json};
use crate::manifest::Manifest;
use crate::names::named;

/// A function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Function {
    /// The function's id.
    pub id: Id,
    /// The function's namespace.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// How often this name has been registered in the namespace, counting from 1.
    pub generation: u32,
    /// The source of the next build.
    pub source: Source,
    /// The manifest that overrides the file in the source, from the next build on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// The lifecycle state.
    pub life: Life,
    /// Why the function is broken, if it is.
    pub reason: Option<String>,
    /// The last failed instance. Repeated reports of the same instance count as one failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_instance: Option<String>,
    /// All builds, oldest first.
    pub builds: Vec<Build>,
    /// All versions, from number 1 without gaps.
    pub versions: Vec<Version>,
    /// How calls are divided; if empty, the current version takes all.
    pub traffic: Vec<Share>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When the latest event happened.
    pub updated_at: DateTime<Utc>,
}

named! {
    /// The lifecycle state without its data.
    pub enum Status {
        /// Nothing has been built.
        Registered = "REGISTERED",
        /// A version exists, but has never run.
        Built = "BUILT",
        /// It runs.
        Running = "RUNNING",
        /// It has run and was stopped.
        Stopped = "STOPPED",
        /// It was deregistered, permanently.
        Deregistered = "DEREGISTERED",
    }
}

/// The lifecycle state. Data that is certain in a state is part of its variant: nothing runs without a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Nothing has been built.
    Registered,
    /// A version exists, but has never run.
    Built {
        /// The current version.
        version: u32,
    },
    /// It runs.
    Running {
        /// The current version.
        version: u32,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It has run and was stopped.
    Stopped {
        /// The current version.
        version: u32,
    },
    /// It was deregistered, permanently.
    Deregistered {
        /// The last current version, if there was one.
        version: Option<u32>,
    },
}

impl Life {
    /// The state without its data.
    pub fn status(&self) -> Status {
        match self {
            Self::Registered => Status::Registered,
            Self::Built { .. } => Status::Built,
            Self::Running { .. } => Status::Running,
            Self::Stopped { .. } => Status::Stopped,
            Self::Deregistered { .. } => Status::Deregistered,
        }
    }

    /// The public name of the state.
    pub fn name(&self) -> &'static str {
        self.status().name()
    }

    /// The current version, if there is one.
    pub fn version(&self) -> Option<u32> {
        match *self {
            Self::Registered => None,
            Self::Built { version } | Self::Running { version, .. } | Self::Stopped { version } => Some(version),
            Self::Deregistered { version } => version,
        }
    }
}

/// A build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Build {
    /// The build's id.
    pub id: BuildId,
    /// The source that it builds.
    pub source: Source,
    /// The manifest that overrides the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// Its progress.
    pub state: BuildState,
    /// When it was requested.
    pub requested_at: DateTime<Utc>,
}

named! {
    /// The state of a build without its data.
    pub enum BuildStatus {
        /// No server has taken it yet.
        Queued = "QUEUED",
        /// A server works on it.
        Running = "RUNNING",
        /// It made a version.
        Succeeded = "SUCCEEDED",
        /// It failed.
        Failed = "FAILED",
        /// It was cancelled.
        Cancelled = "CANCELLED",
    }
}

impl BuildStatus {
    /// Whether the build is not over yet.
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running => true,
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// The state of a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // the fields are those of the events
pub enum BuildState {
    Queued,
    Running { node: String, since: DateTime<Utc> },
    Succeeded { version: u32, started_at: DateTime<Utc>, at: DateTime<Utc> },
    Failed { error: String, offered: Vec<OfferedFolder>, started_at: Option<DateTime<Utc>>, at: DateTime<Utc> },
    Cancelled { started_at: Option<DateTime<Utc>>, at: DateTime<Utc> },
}

impl BuildState {
    /// The state without its data.
    pub fn status(&self) -> BuildStatus {
        match self {
            Self::Queued => BuildStatus::Queued,
            Self::Running { .. } => BuildStatus::Running,
            Self::Succeeded { .. } => BuildStatus::Succeeded,
            Self::Failed { .. } => BuildStatus::Failed,
            Self::Cancelled { .. } => BuildStatus::Cancelled,
        }
    }

    /// The public name of the state.
    pub fn name(&self) -> &'static str {
        self.status().name()
    }

    /// When a server took it.
    pub fn started_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Queued => None,
            Self::Running { since, .. } => Some(*since),
            Self::Succeeded { started_at, .. } => Some(*started_at),
            Self::Failed { started_at, .. } | Self::Cancelled { started_at, .. } => *started_at,
        }
    }

    /// When it ended.
    pub fn finished_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Queued | Self::Running { .. } => None,
            Self::Succeeded { at, .. } | Self::Failed { at, .. } | Self::Cancelled { at, .. } => Some(*at),
        }
    }

    /// Whether the build is over.
    pub fn is_over(&self) -> bool {
        self.finished_at().is_some()
    }
}

/// The immutable result of a successful build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// The version number, from 1.
    pub number: u32,
    /// The build that made it.
    pub build: BuildId,
    /// The build's result.
    pub made: Made,
    /// The manifest with every default filled in.
    pub manifest: Box<Manifest>,
    /// The commit that was built, for a Git source.
    pub commit: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Estimated bytes that a build or a version takes in addition to its texts.
const ENTRY: usize = 256;

/// The size of a value as JSON, in bytes.
fn written(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

impl Function {
    /// Total bytes of its builds and versions as text. As long as the function is registered, every component that
    /// decides on it, routes to it or plans its schedules keeps them in memory.
    pub fn stored_bytes(&self) -> usize {
        let build = |build: &Build| {
            let failure = match &build.state {
                BuildState::Failed { error, offered, .. } => {
                    error.len() + offered.iter().map(OfferedFolder::bytes).sum::<usize>()
                }
                _ => 0,
            };
            ENTRY
                + written(&build.source)
                + build.manifest.as_ref().map_or(0, |manifest| manifest.get().len())
                + failure
        };
        let version = |version: &Version| ENTRY + written(&version.made) + written(&version.manifest);
        self.builds.iter().map(build).sum::<usize>() + self.versions.iter().map(version).sum::<usize>()
    }

    /// The current version, if there is one.
    pub fn current(&self) -> Option<&Version> {
        self.version(self.life.version()?)
    }

    /// A version by number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// A build by id, searched from the newest.
    pub fn build(&self, id: BuildId) -> Option<&Build> {
        self.builds.iter().rev().find(|build| build.id == id)
    }
}
