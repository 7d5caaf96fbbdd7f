//! What instances are kept with.

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

/// A condemned instance that has no calls any more gets this long between SIGTERM and SIGKILL.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// What all versions are kept with.
pub(super) struct Means {
    pub store: Store,
    pub commands: Commands,
    pub vault: Vault,
    pub executors: Executors,
    pub artifacts: Artifacts,
    pub metrics: Metrics,
    pub meters: Meters,
    pub settings: Settings,
    /// Names this server in the log.
    pub node: String,
    /// The server ends then.
    pub ends_at: OnceLock<Instant>,
    /// Where instances live, whichever thread a call comes in on.
    pub runtime: Handle,
}

impl Means {
    /// What an instance gets between SIGTERM and SIGKILL: what is left of it when the server ends.
    pub(super) fn stop_grace(&self) -> Duration {
        let grace = self.settings.stop_grace;
        let left = |end: &Instant| end.saturating_duration_since(Instant::now()).max(LAST_WORDS);
        self.ends_at.get().map_or(grace, |end| left(end).min(grace))
    }

    /// The cause of what this server does by itself.
    pub(super) fn own_cause(&self) -> Cause {
        Cause { actor: Some(format!("server:{}", self.node).into()), ..Cause::default() }
    }

    /// Tells a function's log how its instances are.
    pub(super) async fn tell(&self, function: function::Id, command: function::Command) {
        if let Err(error) = self.commands.function(function, command, self.own_cause()).await {
            tracing::warn!(%function, %error, "not told how its instances are");
        }
    }
}
