//! What the network process is given.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The configuration of the network access, as a JSON file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The server's `EVENTFLOW_NETWORK_ALLOW`.
    pub allow: String,
    /// The hosts that the function names; `None` is everything that is open.
    pub only: Option<Vec<String>>,
    /// Whether connections to loopback addresses that `allow` opens go to the host's: for builds, which have no
    /// services of their
    /// own there.
    pub host_loopback: bool,
    /// The program `ip`.
    pub ip: PathBuf,
    /// The program `nft`.
    pub nft: PathBuf,
}
