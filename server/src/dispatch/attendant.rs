//! Does on each server what each has to do by itself when the log says so: keep its instances as they should be, end
//! what was cancelled, build. Follows the log from now on: what was before is looked for at the start.

use std::time::Duration;

use domain::recorded::{Fact, Recorded};
use domain::{function, react::Reaction, react::has_consequences, react::react};
use futures::StreamExt;

use super::Tools;
use super::builds::Builds;
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
                Ok(records) => {
                    records.iter().filter(|recorded| concerns(recorded)).for_each(|record| self.take(record))
                }
                Err(error) => tracing::warn!(%error, "the log is not followed; it is tried again"),
            }
        }
    }

    fn take(&self, recorded: &Recorded) {
        let fact = match recorded.fact() {
            Ok(fact) => fact,
            Err(error) => {
                tracing::error!(position = recorded.position, %error, "a record cannot be read");
                return self.tools.store.stats().note_unreadable(recorded, &error);
            }
        };
        for reaction in react(&fact) {
            match reaction {
                Reaction::Build(function, build) => self.builds.start(function, build, recorded.as_cause(None)),
                Reaction::CancelBuild(build) => self.builds.cancel(build),
                Reaction::Reconcile(function) => self.reconcile(recorded, function),
                Reaction::Abort(run) => self.workers.abort(run),
                Reaction::RollOut(..)
                | Reaction::Route(_)
                | Reaction::Deliver(..)
                | Reaction::DeliverAt(..)
                | Reaction::Redrive(..) => {}
            }
        }
        if let Fact::Function(id, function::Event::Deregistered(_)) = fact {
            self.forget_metrics(id);
        }
        if let Fact::Function(id, function::Event::VersionPromoted(_) | function::Event::Started(_)) = fact {
            self.workers.resize(id);
            self.workers.wake();
        }
    }

    /// Leaves a function out of the metrics, once whoever reads them has seen its last numbers.
    fn forget_metrics(&self, function: function::Id) {
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

    fn reconcile(&self, recorded: &Recorded, function: function::Id) {
        let fleet = self.tools.fleet.clone();
        let fresh = &*recorded.kind == "Started" && (clock::now() - recorded.at).num_seconds() < FRESH_S;
        tokio::spawn(async move {
            let done = if fresh { fleet.warm_up(function).await } else { fleet.reconcile(function).await };
            if let Err(error) = done {
                tracing::warn!(%function, %error, "not reconciled");
            }
        });
    }
}

/// Whether a record may ask something of each server; most are of runs and do not.
fn concerns(recorded: &Recorded) -> bool {
    has_consequences(recorded)
        && match recorded.stream.kind() {
            "function" => true,
            "run" => &*recorded.kind == "Cancelled",
            _ => false,
        }
}
