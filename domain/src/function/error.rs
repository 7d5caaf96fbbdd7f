//! Refusals of commands to a function.

use super::BuildId;

/// Why a command was refused; names the state that forbids it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error("there is no such function")]
    NotFound,
    #[error(
        "a function named `{name}` exists already in namespace `{namespace}`; deregister it first or choose another name"
    )]
    NameTaken { namespace: String, name: String },
    #[error(
        "the name `{name}` does not fit: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen"
    )]
    BadName { name: String },
    #[error(
        "the namespace `{namespace}` does not fit: 1 to 63 lower-case letters, digits and hyphens, beginning with a letter and not ending with a hyphen"
    )]
    BadNamespace { namespace: String },
    #[error("the function is DEREGISTERED, which is permanent; register it again under its name")]
    Deregistered,
    #[error("the function is REGISTERED and has no version yet; build it first")]
    NotBuilt,
    #[error("the function is {state} and does not run")]
    NotRunning { state: &'static str },
    #[error("the function has no build {build}")]
    NoSuchBuild { build: BuildId },
    #[error("the build is {state} already")]
    BuildOver { state: &'static str },
    #[error("the build has not started yet")]
    BuildNotStarted,
    #[error("the build is RUNNING on node {node}")]
    BuildTaken { node: String },
    #[error("{most} builds of the function wait or run already; cancel one, or request another when one is over")]
    TooManyBuilds { most: usize },
    #[error(
        "the builds and versions of the function take {bytes} bytes together, the most that is kept is {most}: deregister it and register it again under its name"
    )]
    HistoryFull { bytes: usize, most: usize },
    #[error("the function has no version {version}; it has {available}")]
    NoSuchVersion { version: u32, available: String },
    #[error("the shares do not add up: each version at most once, percentages from 1 to 100, 100 together")]
    BadSplit,
    #[error("{what} has {bytes} bytes, the most that is taken is {most}")]
    TooLong { what: &'static str, bytes: usize, most: usize },
    #[error("its path `{path}` is taken: {whose}; choose another path, or deregister that function")]
    PathTaken { path: String, whose: String },
    #[error(
        "the functions of a namespace have at most {most} paths of their own together; take paths out of the http triggers, or deregister functions that have some"
    )]
    TooManyPaths { most: usize },
    #[error("the command has {parts} parts, the most that is taken is {most}")]
    TooManyParts { parts: usize, most: usize },
}

impl Error {
    /// A stable error code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "function_not_found",
            Self::NameTaken { .. } => "name_taken",
            Self::BadName { .. } => "bad_name",
            Self::BadNamespace { .. } => "bad_namespace",
            Self::Deregistered => "function_deregistered",
            Self::NotBuilt => "function_not_built",
            Self::NotRunning { .. } => "function_not_running",
            Self::NoSuchBuild { .. } => "build_not_found",
            Self::BuildOver { .. } => "build_over",
            Self::BuildNotStarted => "build_not_started",
            Self::BuildTaken { .. } => "build_taken",
            Self::TooManyBuilds { .. } => "too_many_builds",
            Self::HistoryFull { .. } => "history_full",
            Self::NoSuchVersion { .. } => "version_not_found",
            Self::BadSplit => "bad_split",
            Self::PathTaken { .. } => "path_taken",
            Self::TooManyPaths { .. } => "too_many_paths",
            Self::TooLong { .. } | Self::TooManyParts { .. } => "too_long",
        }
    }
}
