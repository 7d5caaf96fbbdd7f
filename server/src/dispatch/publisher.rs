//! Records and publishes run requests, retrying while the log or the queue is not available.

use std::sync::Arc;
use std::time::Duration;

use domain::run::RunRequest;
use domain::run::event::{Failure, Outcome, Redriven};
use domain::{Cause, Stream, function, run};
use futures::future;
use uuid::Uuid;

use super::tools::Tools;
use super::worker::Workers;
use crate::backoff::Backoff;
use crate::store::{PageRequest, RunFilter};
use crate::{actors, clock, queue, store};

/// Runs of a deregistered function that are ended at a time.
const GONE_PAGE: u32 = 100;

/// Records and publishes run requests. Cheap to clone.
#[derive(Clone)]
pub(super) struct Publisher {
    pub(super) tools: Tools,
    workers: Workers,
}

impl Publisher {
    pub(super) fn new(tools: Tools, workers: Workers) -> Self {
        Self { tools, workers }
    }

    /// Records and publishes requests. Small ones are published concurrently: a worker that is faster than the log
    /// records the request itself. Large inputs stay in the log, so their runs are published after they are recorded.
    pub(super) async fn send_part(&self, part: &[queue::Request]) {
        let (small, large): (Vec<_>, Vec<_>) =
            part.iter().cloned().partition(|request| request.input_bytes() <= queue::MAX_INLINE);
        let large = large.into_iter().map(|request| queue::Request::recorded(request.function, request.run)).collect();
        let record = async {
            self.record(part).await;
            self.publish(large).await;
        };
        future::join(record, self.publish(small)).await;
    }

    /// Publishes requests, retrying while the queue is not available.
    pub(super) async fn publish(&self, requests: Vec<queue::Request>) {
        future::join_all(requests.into_iter().map(|request| self.workers.publish(request))).await;
    }

    /// Records requests, retrying while the log is not available. Existing ones count as success.
    async fn record(&self, requests: &[queue::Request]) {
        let mut left: Vec<_> = requests.iter().filter_map(|request| request.asked.clone()).collect();
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        while !left.is_empty() {
            let recorded = self.tools.commands.request_runs(left.iter().map(|asked| (**asked).clone())).await;
            let results = left.into_iter().zip(recorded);
            left = results
                .filter_map(|(asked, recorded)| recorded.is_err_and(|error| is_ours(&asked, &error)).then_some(asked))
                .collect();
            if !left.is_empty() {
                backoff.pause().await;
            }
        }
    }

    /// Requests the run that follows a dead one, retrying while the log is not available.
    pub(super) async fn redrive(&self, dead: run::Id, redriven: &Redriven, record: Uuid, cause: &Cause) {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            match self.tools.commands.writer().load::<run::Aggregate>(&Stream::run(dead)).await {
                Ok(loaded) => {
                    let Some(old) = loaded.state else { return };
                    let (function, run) = (old.request.function, redriven.run);
                    let asked = Some(Arc::new(RunRequest::again(&old, redriven, record, cause)));
                    // Its record will be relayed, and the run is published then.
                    return self.record(&[queue::Request { function, run, asked }]).await;
                }
                Err(error) => tracing::warn!(run = %dead, %error, "dead run not redriven yet; retrying"),
            }
            backoff.pause().await;
        }
    }

    /// Ends the waiting runs of a deregistered function, then deletes its queue.
    pub(super) async fn clear(&self, function: function::Id) {
        self.fail_waiting(function).await;
        if let Err(error) = self.tools.queue.forget(function).await {
            tracing::warn!(%function, %error, "queue of a deregistered function not deleted");
        }
    }

    /// Ends the waiting runs of a deregistered function.
    pub(super) async fn fail_waiting(&self, function: function::Id) {
        for state in run::Status::ALL.iter().copied().filter(|state| state.is_waiting()) {
            if let Err(error) = self.fail_all(function, state).await {
                tracing::warn!(%function, %error, "waiting runs of a deregistered function not ended; they will fail when taken");
            }
        }
    }

    async fn fail_all(&self, function: function::Id, state: run::Status) -> Result<(), store::Error> {
        let filter = RunFilter { function: Some(function), state: Some(state), ..RunFilter::default() };
        let mut page = PageRequest::first(GONE_PAGE);
        loop {
            let found = self.tools.store.runs(&filter, &page).await?;
            let failures = found.rows.iter().map(|(_, row)| {
                let failure = Failure {
                    error: "the function was deregistered before the run began".to_owned(),
                    timed_out: false,
                    outcome: Outcome::default(),
                };
                let attempt = row.attempts + 1;
                let command = run::Command::Fail {
                    attempt,
                    begun: false,
                    failure,
                    retryable: false,
                    retry_after_s: None,
                    jitter: 0.0,
                    at: clock::now(),
                };
                self.tools.commands.run(row.id, command, self.tools.own_cause())
            });
            // A run that began in the meantime ends by itself.
            future::join_all(failures).await;
            match found.rows.last() {
                Some((cursor, _)) if found.has_next => page.after = Some(cursor.clone()),
                _ => return Ok(()),
            }
        }
    }
}

/// Whether recording a request should be retried, because the failure is not the request's fault.
fn is_ours(asked: &RunRequest, error: &actors::Error<run::Error>) -> bool {
    let run = asked.requested.request.run;
    match error {
        actors::Error::Refused(error) => {
            tracing::error!(%run, %error, "run refused");
            false
        }
        // What the log never accepts must not hold up what comes after it.
        actors::Error::Store(error) if error.is_final() => {
            tracing::error!(%run, %error, "run refused");
            false
        }
        error => {
            tracing::warn!(%run, %error, "run not requested yet");
            true
        }
    }
}
