//! What is built, and what comes of it.

use domain::function::{Made, event::Source};
use domain::manifest::Manifest;

use super::Credentials;

/// What to build.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Whose version it becomes.
    pub function: domain::function::Id,
    /// Where the function belongs, for the log.
    pub namespace: String,
    /// The function's name, for the log.
    pub name: String,
    /// Names the build.
    pub build: domain::function::BuildId,
    /// Where the code is.
    pub source: Source,
    /// What a Git repository is fetched with, when that was given with its address.
    pub credentials: Option<Credentials>,
    /// The manifest that beats the file in the source, as a whole.
    pub manifest: Option<domain::Json>,
}

/// What a build came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Built {
    /// What it made; [`Artifacts::get`](crate::artifacts::Artifacts::get) has the files.
    pub made: Made,
    /// With every default filled in, the handler included.
    pub manifest: Manifest,
    /// The full id of the commit, for a Git source.
    pub commit: Option<String>,
}
