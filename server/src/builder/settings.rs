//! The limits and places of builds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use domain::capacity::Capacity;

use crate::artifacts::Room;
use crate::outbound::Outward;

/// The images that functions are put on that come as files and become images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bases {
    /// For `node`, with npm: `EVENTFLOW_IMAGE_NODE`.
    pub node: String,
    /// For `python` and `python-flask`, with pip: `EVENTFLOW_IMAGE_PYTHON`.
    pub python: String,
}

/// Limits and places of a [`Builder`].
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Builds at a time; the others wait.
    pub parallel: usize,
    /// Fetching a repository may take this long.
    pub git_timeout: Duration,
    /// Installing dependencies and the build script may take this long, together.
    pub install_timeout: Duration,
    /// Bytes that tools may print to a build's log; the rest is left out.
    pub max_log_bytes: u64,
    /// Bytes of a source: of what is fetched, and of the function's own files.
    pub max_source_bytes: u64,
    /// Bytes of a function with all that it depends on.
    pub max_artifact_bytes: u64,
    /// Files, folders and links of a function with all that it depends on.
    pub max_files: usize,
    /// Mebibytes of memory for each command that is run.
    pub memory_mb: u64,
    /// Bytes of the package caches of all functions together.
    pub max_cache_bytes: u64,
    /// Bytes of the function's folder while it is built.
    pub max_disk_bytes: u64,
    /// Bytes of the files that an image is built from.
    pub max_context_bytes: u64,
    /// What functions of files become images on; when absent, they stay files.
    pub bases: Option<Bases>,
    /// Bytes of all bundles, and of all artifacts.
    pub room: Room,
    /// What a manifest may ask for; anything when absent.
    pub capacity: Option<Capacity>,
    /// Where caches are kept; `cache` in the data folder when absent.
    pub cache_dir: Option<PathBuf>,
    /// Bytes of artifacts that are copied to the data folder and used there; when absent, they are used where they are kept.
    pub artifact_cache: Option<u64>,
    /// Where artifacts and bundles are kept; the data folder when absent. Servers on one database share it.
    pub artifacts_dir: Option<PathBuf>,
    /// Whether a source may be a repository on the server's own disk.
    pub local_repositories: bool,
    /// Which addresses repositories may be fetched from beside the public ones.
    pub git_allow: Outward,
    /// Variables for the commands that install: a registry (`npm_config_registry`, `PIP_INDEX_URL`), a proxy. Functions'
    /// own install scripts can read them.
    pub install_env: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            parallel: 2,
            git_timeout: Duration::from_secs(300),
            install_timeout: Duration::from_secs(900),
            max_log_bytes: 10 << 20,
            max_source_bytes: 512 << 20,
            max_artifact_bytes: 1 << 30,
            max_files: 200_000,
            memory_mb: 2048,
            max_cache_bytes: 10 << 30,
            max_disk_bytes: 2 << 30,
            max_context_bytes: 200 << 20,
            bases: None,
            room: Room::default(),
            capacity: None,
            cache_dir: None,
            artifact_cache: None,
            artifacts_dir: None,
            local_repositories: true,
            git_allow: Outward::default(),
            install_env: BTreeMap::new(),
        }
    }
}
