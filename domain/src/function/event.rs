//! Events in the life of a function, as the log stores them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BuildId, Id, Made, OfferedFolder, made};
use crate::aggregate::Payload;
use crate::json::{self, Json};
use crate::manifest::Manifest;
use crate::upcast;

/// An event in the life of a function.
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
        /// `https://`, `ssh://`, `git@host:path`, or a path on the server. Credentials are neither written nor read.
        #[serde(with = "crate::address")]
        url: String,
        /// Branch, tag or commit; the default branch if absent.
        #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
        git_ref: Option<String>,
        /// The folder in the repository; the root if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
    /// An uploaded archive.
    Bundle {
        /// `sha256:…` of the archive.
        digest: String,
    },
    /// A container image.
    Image {
        /// The image reference. Credentials are neither written nor read.
        #[serde(with = "crate::address")]
        image: String,
        /// The command to run instead of the image's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        command: Option<Vec<String>>,
    },
}

/// The function was registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// Derived from namespace, name and generation.
    pub id: Id,
    /// The function's namespace.
    pub namespace: String,
    /// Unique in its namespace.
    pub name: String,
    /// How often this name has been registered in the namespace, counting from 1.
    pub generation: u32,
    /// Where its code comes from.
    pub source: Source,
    /// A manifest that overrides the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The source or manifest changed; the next build uses the new ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Updated {
    /// The new source.
    pub source: Source,
    /// A manifest that overrides the file in the source.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A build was requested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildRequested {
    /// The id of the build.
    pub build: BuildId,
    /// The source at the time of the request, with the requested ref.
    pub source: Source,
    /// The overriding manifest at the time of the request.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "json::present")]
    pub manifest: Option<Json>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A server took the build.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildStarted {
    /// The id of the build.
    pub build: BuildId,
    /// The server that took it.
    pub node: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A build made a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildSucceeded {
    /// The id of the build.
    pub build: BuildId,
    /// The number of the new version.
    pub version: u32,
    /// The build's result.
    pub made: Made,
    /// The manifest with every default filled in.
    pub manifest: Box<Manifest>,
    /// The commit that was built, for a Git source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Upcasts from older schemas of [`BuildSucceeded`].
const BUILD_SUCCEEDED: &[upcast::Step] = &[made::files_are_an_artifact];

/// A build failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildFailed {
    /// The id of the build.
    pub build: BuildId,
    /// The reason, as a message.
    pub error: String,
    /// Folders of the source that could be functions, if the source itself is not one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offered: Vec<OfferedFolder>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// A build was cancelled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BuildCancelled {
    /// The id of the build.
    pub build: BuildId,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The function was started.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Started {
    /// The version that runs.
    pub version: u32,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The function was stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stopped {
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Another version became the current one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionPromoted {
    /// The new current version.
    pub version: u32,
    /// The previous one.
    pub previous: u32,
    /// The reason, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The share of calls that a version takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The version.
    pub version: u32,
    /// The percentage of calls.
    pub percent: u32,
}

/// The division of calls between versions changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficShifted {
    /// The shares; they add up to 100.
    pub split: Vec<Share>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// An instance died or never became healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceFailed {
    /// The version of the instance.
    pub version: u32,
    /// The id of the instance.
    pub instance: String,
    /// What happened, as a message.
    pub error: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// An instance answered after an earlier failure: its cause is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceRecovered {
    /// The version of the instance.
    pub version: u32,
    /// The id of the instance that answers.
    pub instance: String,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// The function was deregistered, permanently.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deregistered {
    /// When it happened.
    pub at: DateTime<Utc>,
}

impl Event {
    /// Whether the event changes which functions exist, whether they run, or what triggers them. Routing tables and the
    /// plan of schedules are folded from these events.
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
