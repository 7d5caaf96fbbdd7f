//! What a function is, after all that happened to it.

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
    /// Names it.
    pub id: Id,
    /// Where it belongs.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// The how-manieth of this name, from 1.
    pub generation: u32,
    /// Where the next build takes its code from.
    pub source: Source,
    /// The manifest that beats the file in the source, in the next build.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// Where in its life it stands.
    pub life: Life,
    /// Why it is broken, when it is.
    pub reason: Option<String>,
    /// The instance that failed last: it fails only once, however often that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_instance: Option<String>,
    /// All builds, oldest first.
    pub builds: Vec<Build>,
    /// All versions: number 1 first, without a gap.
    pub versions: Vec<Version>,
    /// How calls are divided; empty: all to the current version.
    pub traffic: Vec<Share>,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// When something last happened to it.
    pub updated_at: DateTime<Utc>,
}

named! {
    /// Where in its life a function stands, without what belongs to it.
    pub enum Status {
        /// Nothing is built.
        Registered = "REGISTERED",
        /// There is a version, and it never ran.
        Built = "BUILT",
        /// It answers.
        Running = "RUNNING",
        /// It answered once.
        Stopped = "STOPPED",
        /// It is gone, for good.
        Deregistered = "DEREGISTERED",
    }
}

/// Where in its life a function stands. What is certain in a state stands in its variant: nothing runs without a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Life {
    /// Nothing is built.
    Registered,
    /// There is a version, and it never ran.
    Built {
        /// The current version.
        version: u32,
    },
    /// It answers.
    Running {
        /// The current version.
        version: u32,
        /// Since when.
        since: DateTime<Utc>,
    },
    /// It answered once.
    Stopped {
        /// The current version.
        version: u32,
    },
    /// It is gone, for good.
    Deregistered {
        /// The version that was current, if there was any.
        version: Option<u32>,
    },
}

impl Life {
    /// The same, without what belongs to it.
    pub fn status(&self) -> Status {
        match self {
            Self::Registered => Status::Registered,
            Self::Built { .. } => Status::Built,
            Self::Running { .. } => Status::Running,
            Self::Stopped { .. } => Status::Stopped,
            Self::Deregistered { .. } => Status::Deregistered,
        }
    }

    /// The name of the state, as the outside knows it.
    pub fn name(&self) -> &'static str {
        self.status().name()
    }

    /// The current version, if there is any.
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
    /// Names it.
    pub id: BuildId,
    /// What it builds.
    pub source: Source,
    /// The manifest that beats the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// How far it is.
    pub state: BuildState,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
}

named! {
    /// How far a build is, without what belongs to it.
    pub enum BuildStatus {
        /// Nobody has taken it yet.
        Queued = "QUEUED",
        /// A server works on it.
        Running = "RUNNING",
        /// It made a version.
        Succeeded = "SUCCEEDED",
        /// It made none.
        Failed = "FAILED",
        /// It was called off.
        Cancelled = "CANCELLED",
    }
}

impl BuildStatus {
    /// Whether something more happens to the build.
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running => true,
            Self::Succeeded | Self::Failed | Self::Cancelled => false,
        }
    }
}

/// How far a build is.
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
    /// The same, without what belongs to it.
    pub fn status(&self) -> BuildStatus {
        match self {
            Self::Queued => BuildStatus::Queued,
            Self::Running { .. } => BuildStatus::Running,
            Self::Succeeded { .. } => BuildStatus::Succeeded,
            Self::Failed { .. } => BuildStatus::Failed,
            Self::Cancelled { .. } => BuildStatus::Cancelled,
        }
    }

    /// The name of the state, as the outside knows it.
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

    /// When it was over.
    pub fn finished_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Queued | Self::Running { .. } => None,
            Self::Succeeded { at, .. } | Self::Failed { at, .. } | Self::Cancelled { at, .. } => Some(*at),
        }
    }

    /// Whether nothing more happens to it.
    pub fn is_over(&self) -> bool {
        self.finished_at().is_some()
    }
}

/// What a build made; it never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Version {
    /// 1, 2, 3 …
    pub number: u32,
    /// The build that made it.
    pub build: BuildId,
    /// What it is.
    pub made: Made,
    /// The manifest with every default filled in.
    pub manifest: Box<Manifest>,
    /// The commit, for a Git source.
    pub commit: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Bytes that a build or a version takes beside its texts.
const ENTRY: usize = 256;

/// Bytes of what is written as JSON.
fn written(value: &impl Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

impl Function {
    /// Bytes that its builds and versions take together, as text. All of them are kept for as long as it is registered: by
    /// whoever decides on it, routes to it, or plans its schedules.
    pub fn kept(&self) -> usize {
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

    /// The version that is current, if there is any.
    pub fn current(&self) -> Option<&Version> {
        self.version(self.life.version()?)
    }

    /// A version by number.
    pub fn version(&self, number: u32) -> Option<&Version> {
        self.versions.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// A build by id; the newest is found first.
    pub fn build(&self, id: BuildId) -> Option<&Build> {
        self.builds.iter().rev().find(|build| build.id == id)
    }
}
