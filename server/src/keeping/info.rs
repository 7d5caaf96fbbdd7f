//! Instances as the API shows them.

use std::fs;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};

use super::usage::{Gauge, Usage};
use crate::executor::{Address, Instance};
use crate::leasing::Endpoint;

/// The name of this machine, by which engines on it call it, too.
static MACHINE: LazyLock<Option<String>> = LazyLock::new(|| {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
});

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
    /// The id of its container, if it is one.
    pub container: Option<String>,
    /// The machine that it runs on, by its own name, if that is known.
    pub node: Option<String>,
    /// `HOST:PORT`; `None` for a socket, which is in a folder that only the server reads.
    pub address: Option<String>,
    /// How many instances before it, in its place, ended unasked or did not start.
    pub restarts: u32,
    /// Reads what it uses.
    gauge: Option<Arc<Gauge>>,
}

impl InstanceInfo {
    /// The same, while no call leads to it.
    pub(super) fn standing_by(self) -> Self {
        Self { state: "standby", ..self }
    }

    /// The instance behind an endpoint, of which nothing else is known.
    pub(super) fn of(endpoint: &Endpoint, version: u32) -> Self {
        Self {
            id: endpoint.id().to_owned(),
            version,
            state: if endpoint.is_draining() { "draining" } else { "ready" },
            in_flight: endpoint.in_flight(),
            started_at: endpoint.started_at(),
            container: None,
            node: None,
            address: shown(endpoint.address()),
            restarts: 0,
            gauge: None,
        }
    }

    /// One in this state, for tests.
    #[cfg(test)]
    pub(crate) fn example(state: &'static str, in_flight: u32) -> Self {
        Self {
            id: "i".into(),
            version: 1,
            state,
            in_flight,
            started_at: crate::clock::now(),
            container: None,
            node: None,
            address: None,
            restarts: 0,
            gauge: None,
        }
    }

    /// With what is known of one that this server started.
    pub(super) fn started_as(self, process: &dyn Instance, restarts: u32, gauge: Arc<Gauge>) -> Self {
        Self {
            container: process.container().map(str::to_owned),
            node: process.node().map(str::to_owned).or_else(|| MACHINE.clone()),
            restarts,
            gauge: Some(gauge),
            ..self
        }
    }

    /// What it uses now; `None` if nobody can tell. Read for whoever asks, and only then.
    pub async fn usage(&self) -> Option<Usage> {
        self.gauge.as_ref()?.usage().await
    }
}

fn shown(address: &Address) -> Option<String> {
    match address {
        Address::Unix(_) => None,
        Address::Tcp { .. } => Some(address.to_string()),
    }
}
