//! The dependencies of all entrances, in addition to those of operations.

use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::auth::Auth;
use super::bodies::BodyBudget;
use super::strangers::Strangers;
use super::subscribers::Subscribers;
use crate::operations;
use crate::queue::Queue;
use crate::telemetry::Metrics;
use crate::telemetry::watchdog::Watchdog;

/// What the doors need of the rooms below. Cloning it is cheap.
///
/// A door can be asked for what operations have: `services.view(&viewer)`, `operations::start(&services, …)`.
#[derive(Clone)]
pub struct Services {
    /// What operations need.
    pub operations: operations::Services,
    /// Delivers runs.
    pub queue: Arc<dyn Queue>,
    /// Counts.
    pub metrics: Metrics,
    /// Knows who is who.
    pub auth: Arc<Auth>,
    /// What the server runs on.
    pub about: Arc<About>,
    /// Cancelled when the server was asked to end: it takes everything still, and its readiness says that it will not for
    /// long.
    pub draining: CancellationToken,
    /// Told when the server is to end: what would be followed for ever ends then, so that nobody is waited for in vain.
    pub stopping: CancellationToken,
    /// Knows which threads are held up.
    pub watchdog: Watchdog,
    /// Who follows something.
    pub subscribers: Subscribers,
    /// The WebSockets whose callers are not known yet.
    pub strangers: Arc<Strangers>,
    /// The memory for bodies whose senders are not known yet.
    pub unproved: Arc<BodyBudget>,
    /// The memory for the bodies of all other requests.
    pub bodies: Arc<BodyBudget>,
}

impl Deref for Services {
    type Target = operations::Services;

    fn deref(&self) -> &operations::Services {
        &self.operations
    }
}

/// Information about the server, for display.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// The log.
    pub store: String,
    /// How runs are delivered.
    pub queue: String,
    /// Where functions run.
    pub executor: String,
    /// What a reader should be warned of, such as missing isolation.
    pub warnings: Vec<String>,
}
