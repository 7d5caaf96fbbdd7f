//! The dependencies of this room.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::Cause;

use super::callbacks::Callbacks;
use crate::actors::Commands;
use crate::builder::Builder;
use crate::config::Retention;
use crate::doors::Admission;
use crate::keeping::Keeping;
use crate::leasing::Leasing;
use crate::queue::Queue;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// The dependencies of this room. Cheap to clone.
#[derive(Clone)]
pub struct Tools {
    /// The log.
    pub store: Store,
    /// Executes commands.
    pub commands: Commands,
    /// Delivers runs.
    pub queue: Arc<dyn Queue>,
    /// Hands instances to calls.
    pub leasing: Leasing,
    /// Keeps instances.
    pub keeping: Keeping,
    /// Builds versions.
    pub builder: Builder,
    /// Decrypts the credentials of repositories.
    pub vault: Vault,
    /// Counters.
    pub metrics: Metrics,
    /// The number of concurrent builds of a namespace.
    pub builds: usize,
    /// Checks whether versions may have the anonymous callers and paths that they ask for.
    pub admission: Admission,
    /// Maximum bytes of a result that are recorded.
    pub recorded: usize,
    /// How long a run may wait to be offered to its function.
    pub offer_timeout: Duration,
    /// The dependencies of callbacks.
    pub callbacks: Callbacks,
    /// How long data is kept.
    pub retention: Retention,
    /// The data folder.
    pub data_dir: Arc<Path>,
    /// The name of this server in the log, which is the same after a restart.
    pub node: Arc<str>,
    /// What this server has that all servers on its database must have, as [`crate::store::agreement::Having`] encodes
    /// it.
    pub having: Arc<str>,
}

impl Tools {
    /// The cause to record for this server's own actions.
    pub(super) fn own_cause(&self) -> Cause {
        Cause { actor: Some(self.actor()), ..Cause::default() }
    }

    pub(super) fn actor(&self) -> Arc<str> {
        format!("server:{}", self.node).into()
    }
}
