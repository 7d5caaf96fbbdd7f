//! Maintains what all instances depend on: the run folder, the control groups, the wrappers and the filters. They may
//! be removed while the server is running (by a cleaner of `/tmp`, a restored backup, `systemctl reset-failed`): this
//! is detected, and they are recreated.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::super::wrappers;
use super::home::Home;
use super::together::Together;
use super::{network, seccomp};

/// How often it is checked.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Home {
    /// The part that is missing.
    fn missing(&self) -> Option<PathBuf> {
        let run = self.run.missing();
        let file = || {
            let resolver = network::resolver_of(&self.run.path);
            let files = self.filters.iter().chain([&self.wrappers, &resolver]);
            files.into_iter().find(|path| !path.exists()).cloned()
        };
        run.or_else(|| self.cgroups.missing_base()).or_else(file)
    }

    fn restore(&self) -> io::Result<()> {
        self.run.restore()?;
        self.cgroups.restore()?;
        if let Err(error) = self.cgroups.limit_together(Together::of_host()) {
            tracing::warn!(%error, "functions are limited each by itself, and not all of them together");
        }
        self.run.remember(&self.cgroups.folders())?;
        seccomp::write(&self.run.path)?;
        network::write_resolver(&self.run.path)?;
        if let Some(data_dir) = self.wrappers.parent().and_then(std::path::Path::parent) {
            wrappers::write(data_dir)?;
        }
        Ok(())
    }

    /// Restores missing parts.
    ///
    /// # Errors
    /// What is missing, and why it cannot be restored.
    pub(super) fn keep(&self) -> Result<(), String> {
        let _turn = self.upkeep.lock();
        let Some(gone) = self.missing() else { return Ok(()) };
        let gone = gone.display();
        match self.restore().map(|()| self.missing()) {
            Ok(None) => {
                tracing::error!(folder = %gone, "what instances need was removed by somebody else; it was made again, and instances that had it are replaced");
                Ok(())
            }
            Ok(Some(still)) => {
                Err(format!("instances need {}, which is gone and cannot be made again", still.display()))
            }
            Err(error) => Err(format!("instances need {gone}, which is gone and cannot be made again: {error}")),
        }
    }

    /// Checks regularly, as long as the executor exists.
    pub(super) fn look_after(self: &Arc<Self>) {
        let home = Arc::downgrade(self);
        self.ground.later(async move {
            let mut known = None;
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(home) = home.upgrade() else { return };
                let fault = tokio::task::spawn_blocking(move || home.keep()).await.unwrap_or(Ok(())).err();
                if fault != known {
                    if let Some(fault) = &fault {
                        tracing::error!(%fault, "functions cannot be started");
                    }
                    known = fault;
                }
            }
        });
    }
}
