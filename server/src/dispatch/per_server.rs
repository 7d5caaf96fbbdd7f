//! Performs the reactions that every server performs for itself: reconciles its instances, aborts cancelled runs,
//! builds. Follows the log from now on; whatever was open before is picked up at the start.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::function;
use domain::react::Everywhere;
use futures::StreamExt;

use super::builds::Builds;
use super::follow;
use super::tools::Tools;
use super::worker::Workers;
use crate::clock;
use crate::store::Feed;

/// Metrics are scraped more often than this.
const LAST_NUMBERS: Duration = Duration::from_secs(300);

/// A function started less than this long ago is warmed up to show whether it can run. After a restart of the server,
/// functions wait for their first call instead.
const FRESH_S: i64 = 5;

pub(super) struct PerServer {
    pub(super) tools: Tools,
    pub(super) workers: Workers,
    pub(super) builds: Builds,
}

impl PerServer {
    /// Follows the log until it is dropped.
    pub(super) async fn follow(self, mut feed: Feed) {
        while let Some(batch) = feed.next().await {
            match batch {
                Ok(records) => follow::everywhere(&records, &self.tools.store.stats()).for_each(|it| self.take(it)),
                Err(error) => tracing::warn!(%error, "log not followed; retrying"),
            }
        }
    }

    fn take(&self, reaction: Everywhere) {
        match reaction {
            Everywhere::Build { function, build, cause } => self.builds.start(function, build, cause),
            Everywhere::CancelBuild(build) => self.builds.cancel(build),
            Everywhere::Reconcile { function, started } => self.reconcile(function, started),
            Everywhere::Resize(function) => self.resize(function),
            Everywhere::Abort(run) => self.workers.abort(run),
            Everywhere::ForgetNumbers(function) => self.forget_numbers(function),
        }
    }

    /// Drops a function's metrics, after enough time for a last scrape.
    fn forget_numbers(&self, function: function::Id) {
        let tools = self.tools.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_NUMBERS).await;
            match tools.store.function(function).await {
                Ok(Some(row)) => tools.metrics.forget(&row.namespace, &row.name),
                Ok(None) => {}
                Err(error) => tracing::debug!(%function, %error, "metrics of a deregistered function not removed"),
            }
        });
    }

    /// Adjusts the number of concurrent runs to the versions that now take calls, once these are known on this server.
    fn resize(&self, function: function::Id) {
        let (keeping, workers) = (self.tools.keeping.clone(), self.workers.clone());
        tokio::spawn(async move {
            if let Err(error) = keeping.reconcile(function).await {
                tracing::debug!(%function, %error, "concurrency of runs not updated");
            }
            workers.resize(function);
            workers.wake();
        });
    }

    fn reconcile(&self, function: function::Id, started: Option<DateTime<Utc>>) {
        let keeping = self.tools.keeping.clone();
        let fresh = started.is_some_and(|at| (clock::now() - at).num_seconds() < FRESH_S);
        tokio::spawn(async move {
            let done = if fresh { keeping.warm_up(function).await } else { keeping.reconcile(function).await };
            if let Err(error) = done {
                tracing::warn!(%function, %error, "not reconciled");
            }
        });
    }
}
