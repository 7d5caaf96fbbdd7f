//! What can happen to a function.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BuildId, Id, Made, OfferedFolder, made};
use crate::aggregate::Payload;
use crate::json::{self, Json};
use crate::manifest::Manifest;
use crate::upcast;

/// Something that happened to a function.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // each payload says it
pub enum Event {
    Registered(Registered),
    Updated(Updated),
    BuildRequested(BuildRequested),
    BuildStarted(BuildStarted),
    BuildSucceeded(BuildSucceeded),
    BuildFailed(BuildFailed),
    BuildCancelled(BuildCancelled),
    Started(Started),
    Stopped(Stopped),
    VersionPromoted(VersionPromoted),
    TrafficShifted(TrafficShifted),
    InstanceFailed(InstanceFailed),
    InstanceRecovered(InstanceRecovered),
    Deregistered(Deregistered),
}

/// Where a function's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Source {
    /// A Git repository.
    Git {
        /// `https://`, `ssh://`, `git@host:path` or a path on the server's disk. Credentials are neither written nor read.
        #[serde(with = "crate::address")]
        url: String,
        /// Branch, tag or commit; the default branch when absent.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        git_ref: Option<String>,
        /// The folder in the repository; its root when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// An archive that was uploaded.
    Bundle {
        /// `sha256:…` of the archive.
        digest: String,
    },
    /// A container image.
    Image {
        /// Its reference. Credentials are neither written nor read.
        #[serde(with = "crate::address")]
        image: String,
        /// Its command, when not its own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<Vec<String>>,
    },
}

/// The function exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// Derived from namespace, name and generation.
    pub id: Id,
    /// Where it belongs.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// The how-manieth of this name, from 1.
    pub generation: u32,
    /// Where its code comes from.
    pub source: Source,
    /// A manifest that beats the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Its source or manifest changed; the next build uses them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Updated {
    /// Where its code comes from now.
    pub source: Source,
    /// A manifest that beats the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A build was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRequested {
    /// Names the build.
    pub build: BuildId,
    /// The source as it was then, with the ref that was asked for.
    pub source: Source,
    /// The manifest that beats the file in the source, as it was then.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A server took the build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildStarted {
    /// Which build.
    pub build: BuildId,
    /// Which server.
    pub node: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// The build made a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildSucceeded {
    /// Which build.
    pub build: BuildId,
    /// The number of the version that it made.
    pub version: u32,
    /// What it made.
    pub made: Made,
    /// The manifest with every default filled in.
    pub manifest: Box<Manifest>,
    /// The commit, for a Git source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The older shapes of [`BuildSucceeded`].
const BUILD_SUCCEEDED: &[upcast::Step] = &[made::files_are_an_artifact];

/// The build made nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildFailed {
    /// Which build.
    pub build: BuildId,
    /// Why, for people.
    pub error: String,
    /// Folders of its source that could be functions, when the source is none itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<OfferedFolder>,
    /// When.
    pub at: DateTime<Utc>,
}

/// The build was called off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildCancelled {
    /// Which build.
    pub build: BuildId,
    /// When.
    pub at: DateTime<Utc>,
}

/// It runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// Which version.
    pub version: u32,
    /// When.
    pub at: DateTime<Utc>,
}

/// It does not run any more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// Why, when somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Another version is the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionPromoted {
    /// The current version from now on.
    pub version: u32,
    /// The one before.
    pub previous: u32,
    /// Why, when somebody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A version's part of the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Which version.
    pub version: u32,
    /// Of a hundred calls.
    pub percent: u32,
}

/// The calls are divided anew.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficShifted {
    /// Adds up to 100.
    pub split: Vec<Share>,
    /// When.
    pub at: DateTime<Utc>,
}

/// An instance died or never became healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceFailed {
    /// The version that it ran.
    pub version: u32,
    /// Names the instance.
    pub instance: String,
    /// What happened, for people.
    pub error: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// What made an instance fail is over: another one has answered since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceRecovered {
    /// The version that it runs.
    pub version: u32,
    /// Names the instance that answers.
    pub instance: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// It is gone, for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deregistered {
    /// When.
    pub at: DateTime<Utc>,
}

impl Event {
    /// Whether it changes which functions there are, whether they run, or what triggers them: what is folded into routing
    /// tables and the plan of schedules.
    pub fn changes_who_is_reached(&self) -> bool {
        match self {
            Self::Registered(_)
            | Self::BuildSucceeded(_)
            | Self::Started(_)
            | Self::Stopped(_)
            | Self::VersionPromoted(_)
            | Self::Deregistered(_) => true,
            Self::Updated(_)
            | Self::BuildRequested(_)
            | Self::BuildStarted(_)
            | Self::BuildFailed(_)
            | Self::BuildCancelled(_)
            | Self::TrafficShifted(_)
            | Self::InstanceFailed(_)
            | Self::InstanceRecovered(_) => false,
        }
    }
}

impl Payload for Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Registered(_) => "Registered",
            Self::Updated(_) => "Updated",
            Self::BuildRequested(_) => "BuildRequested",
            Self::BuildStarted(_) => "BuildStarted",
            Self::BuildSucceeded(_) => "BuildSucceeded",
            Self::BuildFailed(_) => "BuildFailed",
            Self::BuildCancelled(_) => "BuildCancelled",
            Self::Started(_) => "Started",
            Self::Stopped(_) => "Stopped",
            Self::VersionPromoted(_) => "VersionPromoted",
            Self::TrafficShifted(_) => "TrafficShifted",
            Self::InstanceFailed(_) => "InstanceFailed",
            Self::InstanceRecovered(_) => "InstanceRecovered",
            Self::Deregistered(_) => "Deregistered",
        }
    }

    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Registered(e) => e.at,
            Self::Updated(e) => e.at,
            Self::BuildRequested(e) => e.at,
            Self::BuildStarted(e) => e.at,
            Self::BuildSucceeded(e) => e.at,
            Self::BuildFailed(e) => e.at,
            Self::BuildCancelled(e) => e.at,
            Self::Started(e) => e.at,
            Self::Stopped(e) => e.at,
            Self::VersionPromoted(e) => e.at,
            Self::TrafficShifted(e) => e.at,
            Self::InstanceFailed(e) => e.at,
            Self::InstanceRecovered(e) => e.at,
            Self::Deregistered(e) => e.at,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Registered(e) => upcast::encode(e, &[]),
            Self::Updated(e) => upcast::encode(e, &[]),
            Self::BuildRequested(e) => upcast::encode(e, &[]),
            Self::BuildStarted(e) => upcast::encode(e, &[]),
            Self::BuildSucceeded(e) => upcast::encode(e, BUILD_SUCCEEDED),
            Self::BuildFailed(e) => upcast::encode(e, &[]),
            Self::BuildCancelled(e) => upcast::encode(e, &[]),
            Self::Started(e) => upcast::encode(e, &[]),
            Self::Stopped(e) => upcast::encode(e, &[]),
            Self::VersionPromoted(e) => upcast::encode(e, &[]),
            Self::TrafficShifted(e) => upcast::encode(e, &[]),
            Self::InstanceFailed(e) => upcast::encode(e, &[]),
            Self::InstanceRecovered(e) => upcast::encode(e, &[]),
            Self::Deregistered(e) => upcast::encode(e, &[]),
        }
    }

    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error> {
        Ok(match kind {
            "Registered" => Self::Registered(upcast::decode(kind, data, &[])?),
            "Updated" => Self::Updated(upcast::decode(kind, data, &[])?),
            "BuildRequested" => Self::BuildRequested(upcast::decode(kind, data, &[])?),
            "BuildStarted" => Self::BuildStarted(upcast::decode(kind, data, &[])?),
            "BuildSucceeded" => Self::BuildSucceeded(upcast::decode(kind, data, BUILD_SUCCEEDED)?),
            "BuildFailed" => Self::BuildFailed(upcast::decode(kind, data, &[])?),
            "BuildCancelled" => Self::BuildCancelled(upcast::decode(kind, data, &[])?),
            "Started" => Self::Started(upcast::decode(kind, data, &[])?),
            "Stopped" => Self::Stopped(upcast::decode(kind, data, &[])?),
            "VersionPromoted" => Self::VersionPromoted(upcast::decode(kind, data, &[])?),
            "TrafficShifted" => Self::TrafficShifted(upcast::decode(kind, data, &[])?),
            "InstanceFailed" => Self::InstanceFailed(upcast::decode(kind, data, &[])?),
            "InstanceRecovered" => Self::InstanceRecovered(upcast::decode(kind, data, &[])?),
            "Deregistered" => Self::Deregistered(upcast::decode(kind, data, &[])?),
            _ => return Err(upcast::Error::Unknown { kind: kind.to_owned() }),
        })
    }
}
