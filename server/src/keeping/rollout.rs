//! Rollout: a newer version takes over once it is healthy.

use std::sync::Arc;

use domain::function::{self, Status};
use tokio::time::Instant;

use super::inner::Inner;
use crate::leasing::Error;

impl Inner {
    /// Starts an instance of a newer version of a running function, and promotes the version once it is healthy.
    ///
    /// # Errors
    /// If the log is not available.
    pub(super) async fn roll_out(self: &Arc<Self>, id: function::Id, version: u32) -> Result<(), Error> {
        let Some(row) = self.context.store.function(id).await? else { return Ok(()) };
        if row.state != Status::Running || row.current_version.is_none_or(|current| current >= version) {
            return Ok(());
        }
        let arm = self.make_arm(&row, version).await?;
        let deadline = Instant::now() + self.context.settings.ready_within;
        if let Some(endpoints) = arm.endpoints()
            && let Err(error) = endpoints.lease(None, deadline).await
        {
            // The failure has been reported to the function already; the previous version continues.
            tracing::warn!(function = %id, version, %error, "version not promoted");
            return Ok(());
        }
        let reason = Some("it is healthy".to_owned());
        let command = function::Command::Promote { version, reason, at: crate::clock::now() };
        if let Err(error) = self.context.commands.function(id, command, self.context.own_cause()).await {
            tracing::warn!(function = %id, version, %error, "version not promoted");
        }
        self.reconcile(id).await.map(|_| ())
    }
}
