//! Instances as the API shows them.

use chrono::{DateTime, Utc};

use crate::leasing::Endpoint;

/// An instance as the API shows it.
#[derive(Debug, Clone)]
pub struct InstanceInfo {
    /// The instance's id.
    pub id: String,
    /// The version that it runs.
    pub version: u32,
    /// `starting`, `standby`, `ready` or `draining`.
    pub state: &'static str,
    /// Calls in progress.
    pub in_flight: u32,
    /// When it was started.
    pub started_at: DateTime<Utc>,
}

impl InstanceInfo {
    /// The same, while no call leads to it.
    pub(super) fn standing_by(self) -> Self {
        Self { state: "standby", ..self }
    }

    /// The instance behind an endpoint.
    pub(super) fn of(endpoint: &Endpoint, version: u32) -> Self {
        Self {
            id: endpoint.id().to_owned(),
            version,
            state: if endpoint.is_draining() { "draining" } else { "ready" },
            in_flight: endpoint.in_flight(),
            started_at: endpoint.started_at(),
        }
    }
}
