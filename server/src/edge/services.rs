//! The dependencies of all entrances, in addition to those of operations.

use std::ops::Deref;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::auth::Auth;
use super::bodies::{BodyBudget, MAX_KNOWN};
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
    /// What the operations need.
    pub operations: operations::Services,
    /// Delivers runs.
    pub queue: Arc<dyn Queue>,
    /// The metrics.
    pub metrics: Metrics,
    /// Authenticates callers.
    pub auth: Arc<Auth>,
    /// What the server runs on.
    pub about: Arc<About>,
    /// Cancelled when the server is asked to stop: it still takes everything, but its readiness fails.
    pub draining: CancellationToken,
    /// Notified when the server stops: endless streams then end, so that the stop does not wait for them.
    pub stopping: CancellationToken,
    /// Detects threads that are held up.
    pub watchdog: Watchdog,
    /// Counts the subscriptions.
    pub subscribers: Subscribers,
    /// The WebSockets whose callers are not authenticated yet.
    pub strangers: Arc<Strangers>,
    /// The memory for bodies whose senders are not proved yet.
    pub unproved: Arc<BodyBudget>,
    /// The memory for the bodies of all other requests.
    pub bodies: Arc<BodyBudget>,
}

impl Services {
    /// Puts them together, with the limits of the settings.
    pub fn new(
        operations: operations::Services,
        queue: Arc<dyn Queue>,
        metrics: Metrics,
        auth: Arc<Auth>,
        about: About,
    ) -> Self {
        let limits = &operations.settings.limits;
        Self {
            subscribers: Subscribers::new(limits),
            unproved: BodyBudget::new(limits.unproved),
            bodies: BodyBudget::new(MAX_KNOWN),
            strangers: Arc::default(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
            watchdog: Watchdog::default(),
            operations,
            queue,
            metrics,
            auth,
            about: Arc::new(about),
        }
    }
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
    /// The log's database.
    pub store: String,
    /// The queue that delivers runs.
    pub queue: String,
    /// The executor of the functions.
    pub executor: String,
    /// Warnings for the operator, such as missing isolation.
    pub warnings: Vec<String>,
}
