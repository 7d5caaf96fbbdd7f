//! What all versions share: the connections to other rooms, and settings.

use std::sync::OnceLock;
use std::time::Duration;

use domain::{Cause, function};
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::meter::Meters;
use super::settings::Settings;
use crate::actors::Commands;
use crate::artifacts::Artifacts;
use crate::executor::Executors;
use crate::store::Store;
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// Time between SIGTERM and SIGKILL for an instance that is being replaced and has no calls left.
pub(super) const LAST_GRACE: Duration = Duration::from_secs(1);

/// The dependencies shared by the keepers of all versions.
pub(super) struct Context {
    pub store: Store,
    pub commands: Commands,
    pub vault: Vault,
    pub executors: Executors,
    pub artifacts: Artifacts,
    pub metrics: Metrics,
    pub meters: Meters,
    pub settings: Settings,
    /// The name of this server in the log.
    pub node: String,
    /// When the server will end, once that is known.
    pub ends_at: OnceLock<Instant>,
    /// The runtime that instances belong to, whatever thread a call comes in on.
    pub runtime: Handle,
}

impl Context {
    /// Time between SIGTERM and SIGKILL for an instance; shortened when the server is about to end.
    pub(super) fn stop_grace(&self) -> Duration {
        let grace = self.settings.stop_grace;
        let left = |end: &Instant| end.saturating_duration_since(Instant::now()).max(LAST_GRACE);
        self.ends_at.get().map_or(grace, |end| left(end).min(grace))
    }

    /// The cause to record for this server's own actions.
    pub(super) fn own_cause(&self) -> Cause {
        Cause { actor: Some(format!("server:{}", self.node).into()), ..Cause::default() }
    }

    /// Sends a command about its instances to a function.
    pub(super) async fn report_to_log(&self, function: function::Id, command: function::Command) {
        if let Err(error) = self.commands.function(function, command, self.own_cause()).await {
            tracing::warn!(%function, %error, "state of instances not reported to the function");
        }
    }
}
