//! Does on each server what each has to do by itself when the log says so: keep its instances as they should be, end
//! what was cancelled, build. Follows the log from now on: what was before is looked for at the start.

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

/// Whoever reads the metrics does so more often than this.
const LAST_NUMBERS: Duration = Duration::from_secs(300);

/// What was started this long ago shows at once whether it can run; after a restart it waits for its first call.
const FRESH_S: i64 = 5;

pub(super) struct Attendant {
    pub(super) tools: Tools,
    pub(super) workers: Workers,
    pub(super) builds: Builds,
}

impl Attendant {
    /// Follows the log, for ever.
    pub(super) async fn follow(self, mut feed: Feed) {
        while let Some(batch) = feed.next().await {
            match batch {
                Ok(records) => follow::everywhere(&records, &self.tools.store.stats()).for_each(|it| self.take(it)),
                Err(error) => tracing::warn!(%error, "the log is not followed; it is tried again"),
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

    /// Leaves a function out of the metrics, once whoever reads them has seen its last numbers.
    fn forget_numbers(&self, function: function::Id) {
        let tools = self.tools.clone();
        tokio::spawn(async move {
            tokio::time::sleep(LAST_NUMBERS).await;
            match tools.store.function(function).await {
                Ok(Some(row)) => tools.metrics.forget(&row.namespace, &row.name),
                Ok(None) => {}
                Err(error) => tracing::debug!(%function, %error, "metrics of a function that is gone stay"),
            }
        });
    }

    /// Takes as many runs at a time as the versions that take calls now allow: first these are to be known here.
    fn resize(&self, function: function::Id) {
        let (keeping, workers) = (self.tools.keeping.clone(), self.workers.clone());
        tokio::spawn(async move {
            if let Err(error) = keeping.reconcile(function).await {
                tracing::debug!(%function, %error, "runs are taken as before");
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
