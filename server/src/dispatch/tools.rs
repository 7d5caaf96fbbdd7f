//! What the work is done with.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use domain::Cause;

use super::callbacks::Callbacks;
use crate::actors::Commands;
use crate::builder::Workshop;
use crate::config::Retention;
use crate::doors::Judge;
use crate::keeping::Keeping;
use crate::leasing::Leasing;
use crate::queue::Queue;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// What the work is done with. Cloning it is cheap.
#[derive(Clone)]
pub struct Tools {
    /// The log.
    pub store: Store,
    /// The writers.
    pub commands: Commands,
    /// Delivery.
    pub queue: Arc<dyn Queue>,
    /// Who takes a call.
    pub leasing: Leasing,
    /// Instances.
    pub keeping: Keeping,
    /// Builds.
    pub workshop: Workshop,
    /// Opens what repositories are fetched with.
    pub vault: Vault,
    /// Counters.
    pub metrics: Metrics,
    /// Builds at a time.
    pub builds: usize,
    /// Says whether versions may have the callers and the paths that they ask for.
    pub judge: Judge,
    /// Bytes of a result that a run keeps.
    pub recorded: usize,
    /// How long a run waits that cannot be offered to its function.
    pub offer_timeout: Duration,
    /// How outcomes are told to who asked for them.
    pub callbacks: Callbacks,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// The data folder.
    pub data_dir: Arc<Path>,
    /// Names this server in the log; the same after a restart.
    pub node: Arc<str>,
    /// What this server has that all servers on its database must have, as [`crate::store::agreement::Having`] writes it.
    pub having: Arc<str>,
}

impl Tools {
    /// The cause of what this server does by itself.
    pub(super) fn own_cause(&self) -> Cause {
        Cause { actor: Some(self.actor()), ..Cause::default() }
    }

    pub(super) fn actor(&self) -> Arc<str> {
        format!("server:{}", self.node).into()
    }
}
