//! Workers: take runs from the queue, execute them, record the outcome, then acknowledge.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::run::event::{Failure, Outcome};
use domain::run::{self, Command, Phase, Run};
use domain::{Cause, Json, Stream, function};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::{self, Called, Ended};
use super::membership::Membership;
use super::offer::{self, NotOffered, Offer, Patience};
use super::tools::Tools;
use crate::actors::{self, Done, Loaded};
use crate::backoff::Backoff;
use crate::leasing::{Arm, Input};
use crate::queue::{self, Consumer, Delivery, Request};
use crate::turns::Permit;
use crate::{clock, store};

/// The delay before the queue is tried again if it is not available.
const AGAIN: Duration = Duration::from_millis(500);

/// A consumer that has been idle for this long ends; the next request starts it again.
const IDLE: Duration = Duration::from_secs(30);

/// The prefetch count for a function whose scaling is not known yet.
const DEFAULT_PREFETCH: usize = 10;

/// Maximum number of runs read from the log at a time: each may have a large input, and thousands may have to be read
/// at once.
const READS: usize = 8;

/// Starts consumers and knows the runs in progress. Cheap to clone.
#[derive(Clone)]
pub(super) struct Workers {
    inner: Arc<Inner>,
}

struct Inner {
    tools: Tools,
    membership: Membership,
    /// Functions that this server consumes, with the tokens that end their consumers.
    consumers: Mutex<HashMap<function::Id, CancellationToken>>,
    running: Mutex<HashMap<run::Id, AbortHandle>>,
    /// Cancelled when the server ends: nothing more is taken.
    stopping: CancellationToken,
    finished: Notify,
    /// Notified when a function may have started, so that waiting runs are offered again.
    woken: Notify,
    reads: Semaphore,
}

/// A run, from its request or from the log.
struct Found {
    loaded: Loaded<run::Aggregate>,
    /// The size of its input, if that is large and was left in the log, so that a waiting run does not hold it in
    /// memory.
    left: Option<usize>,
}

/// What was done with a delivered run.
enum Taken {
    /// Everything there was to do.
    Done,
    /// Nothing more, because this server is ending.
    Left,
}

/// A run being executed.
#[derive(Clone, Copy)]
struct Work<'a> {
    stream: &'a Stream,
    asked: &'a Request,
    cause: &'a Cause,
}

/// The result of an attempt.
enum Attempted {
    Succeeded(Outcome),
    Failed { failure: Failure, retryable: bool, retry_after_s: Option<f64> },
}

impl Workers {
    /// Without any consumer.
    pub(super) fn new(tools: Tools, membership: Membership) -> Self {
        let inner = Inner {
            tools,
            membership,
            consumers: Mutex::default(),
            running: Mutex::default(),
            stopping: CancellationToken::new(),
            finished: Notify::new(),
            woken: Notify::new(),
            reads: Semaphore::new(READS),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Whether this server is executing a run.
    pub(super) fn has(&self, run: run::Id) -> bool {
        self.inner.running.lock().contains_key(&run)
    }

    /// Publishes a run, retrying while the queue is not available, and ensures that it is consumed.
    pub(super) async fn publish(&self, request: Request) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while let Err(error) = self.inner.tools.queue.publish(request.clone()).await {
            tracing::warn!(run = %request.run, %error, "run not published yet");
            backoff.pause().await;
        }
        self.consume(request.function);
    }

    /// Aborts a run whose cancellation is already recorded.
    pub(super) fn abort(&self, run: run::Id) {
        if let Some(task) = self.inner.running.lock().remove(&run) {
            task.abort();
        }
    }

    /// Takes nothing more and waits for runs in progress, until `deadline` at most. The remaining ones end without an
    /// outcome: they are still open in the log, and begun again at the next start.
    pub(super) async fn stop(&self, deadline: Instant) {
        self.inner.stopping.cancel();
        let idle = async {
            loop {
                let finished = self.inner.finished.notified();
                if self.inner.running.lock().is_empty() {
                    return;
                }
                finished.await;
            }
        };
        if tokio::time::timeout_at(deadline, idle).await.is_err() {
            let left: Vec<_> = self.inner.running.lock().drain().collect();
            tracing::warn!(runs = left.len(), "unfinished runs abandoned; they restart at the next start");
            left.iter().for_each(|(_, task)| task.abort());
        }
    }

    /// Ensures that this server consumes a function's queue.
    pub(super) fn consume(&self, function: function::Id) {
        if self.inner.stopping.is_cancelled() {
            return;
        }
        let end = {
            let mut consumers = self.inner.consumers.lock();
            if consumers.contains_key(&function) {
                return;
            }
            consumers.entry(function).or_insert_with(|| self.inner.stopping.child_token()).clone()
        };
        let this = self.clone();
        tokio::spawn(async move {
            let more = this.take_all(function, &end).await;
            this.inner.consumers.lock().remove(&function);
            // A request may have arrived between the last check and the removal.
            let depth = this.inner.tools.queue.depth(function);
            if more || depth.await.is_ok_and(|depth| depth > 0) {
                this.consume(function);
            }
        });
    }

    /// Offers waiting runs again, because something has changed.
    pub(super) fn wake(&self) {
        self.inner.woken.notify_waiters();
    }

    /// Restarts the consumer of a function with the concurrency of its current version.
    pub(super) fn resize(&self, function: function::Id) {
        if let Some(end) = self.inner.consumers.lock().get(&function) {
            end.cancel();
        }
    }

    /// Consumes runs until there are none or the token is cancelled. Returns whether to restart.
    async fn take_all(&self, function: function::Id, end: &CancellationToken) -> bool {
        let prefetch = self.prefetch(function).await;
        let mut consumer = match self.inner.tools.queue.consume(function, prefetch).await {
            Ok(consumer) => consumer,
            Err(error) => {
                tracing::warn!(%function, %error, "queue not consumed");
                tokio::time::sleep(AGAIN).await;
                return true;
            }
        };
        let permits = Arc::new(Semaphore::new(prefetch));
        loop {
            // Takes only as many as can run; the others stay in the queue, where they are counted.
            let permit = permits.clone().acquire_owned().await.expect("nobody closes the semaphore");
            let taken = tokio::select! {
                biased;
                () = end.cancelled() => return true,
                taken = next(&mut consumer) => taken,
            };
            let delivery = match taken {
                Some(Ok(delivery)) => delivery,
                Some(Err(error)) => {
                    tracing::warn!(%function, %error, "queue not available");
                    tokio::time::sleep(AGAIN).await;
                    return true;
                }
                None => return false,
            };
            self.begin_task(delivery, Some(permit));
        }
    }

    /// Continues a run that this server had begun before it was killed. This bypasses the queue, by which another
    /// server might get the run and see that it belongs to this one.
    pub(super) fn resume(&self, request: Request) {
        if !self.inner.stopping.is_cancelled() {
            tracing::info!(run = %request.run, "continuing a run of this server's earlier process");
            self.begin_task(Delivery::unqueued(request), None);
        }
    }

    /// Executes the runs whose callers wait on this server, without waiting for the queue. What the queue delivers
    /// later is acknowledged, because the run is in progress or over.
    pub(super) async fn execute_awaited(self) {
        let Some(mut runs) = self.inner.tools.leasing.runs_here() else { return };
        while let Some((function, run)) = runs.recv().await {
            if !self.inner.stopping.is_cancelled() {
                self.begin_task(Delivery::unqueued(Request::recorded(function, run)), None);
            }
        }
    }

    /// Executes a delivered run unless it is in progress. `permit` is held meanwhile.
    fn begin_task(&self, delivery: Delivery, permit: Option<OwnedSemaphorePermit>) {
        let this = self.clone();
        let run = delivery.request.run;
        let mut running = self.inner.running.lock();
        if running.contains_key(&run) {
            tracing::debug!(%run, "redelivered while in progress");
            return delivery.acknowledge();
        }
        let task = tokio::spawn(async move {
            this.take(delivery).await;
            this.inner.running.lock().remove(&run);
            this.inner.finished.notify_waiters();
            drop(permit);
        });
        running.insert(run, task.abort_handle());
    }

    async fn prefetch(&self, function: function::Id) -> usize {
        let Ok(Some(route)) = self.inner.tools.leasing.route_to(function).await else { return DEFAULT_PREFETCH };
        let of_one =
            |arm: &Arm| (arm.manifest.scaling.max.max(1) as usize).saturating_mul(arm.calls_at_once() as usize);
        route.shares().map(|(arm, _)| of_one(arm)).fold(0, usize::saturating_add).max(1)
    }

    /// Executes one run, and acknowledges once its outcome, or that another server has it, is recorded.
    async fn take(&self, delivery: Delivery) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let mut tried = None;
        loop {
            match self.run(&delivery.request, &mut tried).await {
                Ok(Taken::Done) => return delivery.acknowledge(),
                // Whoever takes it next continues from the log.
                Ok(Taken::Left) => return,
                // Retrying would change nothing; if the run is open, the sweep finds it.
                Err(error) if error.is_final() => {
                    tracing::error!(run = %delivery.request.run, %error, "store refuses an event of a run");
                    return delivery.acknowledge();
                }
                Err(error) => tracing::warn!(run = %delivery.request.run, %error, "run waiting for the log"),
            }
            backoff.pause().await;
        }
    }

    /// `tried` is when this task tried to begin an attempt, whether or not it learned that the log accepted that.
    async fn run(&self, request: &Request, tried: &mut Option<DateTime<Utc>>) -> Result<Taken, store::Error> {
        let tools = &self.inner.tools;
        let stream = Stream::run(request.run);
        let Found { mut loaded, left } = self.find(&stream, request).await?;
        let cause = Cause { correlation: None, ..tools.own_cause() };
        let work = Work { stream: &stream, asked: request, cause: &cause };
        let mut patience = Patience::default();
        loop {
            let Some(run) = loaded.state.clone() else { return Ok(Taken::Done) };
            if !self.is_to_be_taken(&run) {
                tracing::debug!(run = %request.run, state = run.phase.name(), node = run.phase.node(), "not taken");
                return Ok(Taken::Done);
            }
            let found = tokio::select! {
                biased;
                () = self.inner.stopping.cancelled() => return Ok(Taken::Left),
                found = offer::find(&tools.leasing, &tools.keeping, request, &run) => found,
            };
            let (reason, wait, begun) = match found {
                Ok((arm, offer)) => {
                    let permit = tokio::select! {
                        biased;
                        () = self.inner.stopping.cancelled() => return Ok(Taken::Left),
                        permit = self.room_for(&run, left) => permit,
                    };
                    // Another server has it, or it is over.
                    let Some(done) = self.begin(work, loaded, arm.version, tried).await? else {
                        return Ok(Taken::Done);
                    };
                    let Some(mut run) = done.state.clone() else { return Ok(Taken::Done) };
                    loaded = Loaded::from(done);
                    if left.is_some() {
                        let Some(whole) = self.read(&stream).await?.state else { return Ok(Taken::Done) };
                        run.request = whole.request;
                    }
                    let input = Input::new(std::mem::replace(&mut run.request.input, Json::null()), permit);
                    match self.attempt(&run, input, &arm, offer).await {
                        Called::Ended(ended) => {
                            self.record(&stream, loaded, &run, classify(ended), &cause).await?;
                            return Ok(Taken::Done);
                        }
                        Called::NotGiven(reason) => (reason, patience.next_recorded(), Some(run.attempts)),
                    }
                }
                Err(NotOffered::Store(error)) => return Err(error),
                Err(NotOffered::Never(error)) => {
                    self.record(&stream, loaded, &run, cannot(error, false), &cause).await?;
                    return Ok(Taken::Done);
                }
                // An attempt whose process is gone may have begun: it counts although none follows it now.
                Err(NotOffered::Yet(reason, _)) if run.phase.since().is_some_and(|since| Some(since) != *tried) => {
                    self.record(&stream, loaded, &run, lost(&reason), &cause).await?;
                    return Ok(Taken::Done);
                }
                Err(NotOffered::Yet(reason, hint)) => {
                    (reason, patience.next(hint), run.phase.node().is_some().then_some(run.attempts))
                }
            };
            // A waiting caller gets its answer immediately.
            if run.delivery == domain::run::event::Delivery::Once {
                self.record(&stream, loaded, &run, cannot(reason, false), &cause).await?;
                return Ok(Taken::Done);
            }
            let Some(waiting) = self.defer(work, loaded, begun, reason).await? else { return Ok(Taken::Done) };
            loaded = waiting;
            tokio::select! {
                biased;
                () = self.inner.stopping.cancelled() => return Ok(Taken::Left),
                () = self.inner.woken.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The run of a request.
    async fn find(&self, stream: &Stream, request: &Request) -> Result<Found, store::Error> {
        if let Some(asked) = &request.asked {
            let loaded = Loaded::assumed(&[run::Event::Requested(asked.requested.clone())]);
            return Ok(Found { loaded, left: None });
        }
        let mut loaded = self.read(stream).await?;
        let mut left = None;
        if let Some(run) = &mut loaded.state
            && run.request.input.get().len() > queue::MAX_INLINE
        {
            let input = std::mem::replace(&mut run.request.input, Json::null());
            left = Some(input.get().len());
        }
        Ok(Found { loaded, left })
    }

    /// Waits for memory for an input that was left in the log.
    async fn room_for(&self, run: &Run, left: Option<usize>) -> Option<Permit> {
        match left {
            Some(bytes) => {
                let request = &run.request;
                Some(self.inner.tools.leasing.inputs().take(&request.namespace, request.function, bytes).await)
            }
            None => None,
        }
    }

    /// Reads the run from the log, limited by [`READS`].
    async fn read(&self, stream: &Stream) -> Result<Loaded<run::Aggregate>, store::Error> {
        let _place = self.inner.reads.acquire().await.expect("nobody closes the semaphore");
        self.inner.tools.commands.writer().load(stream).await
    }

    /// Whether this server should execute a delivered run.
    fn is_to_be_taken(&self, run: &Run) -> bool {
        match &run.phase {
            // Delivered twice. If the server that has it is lost, the sweep finds it.
            Phase::Running { node, .. } => *node == *self.inner.tools.node || self.inner.membership.is_gone(node),
            // Delivered twice, and failed in the meantime: it is published again when it is due.
            Phase::Retrying { due, .. } => *due <= clock::now(),
            phase => !phase.is_over(),
        }
    }

    /// Gives the function its input.
    async fn attempt(&self, run: &Run, input: Input, arm: &Arm, offer: Offer) -> Called {
        let tools = &self.inner.tools;
        let attempt = call::Attempt {
            request: &run.request,
            input,
            delivery: run.delivery,
            number: run.attempts,
            timeout: arm.manifest.resources.timeout(),
            recorded: tools.recorded,
        };
        tracing::debug!(
            run = %run.request.run, function = %arm.function, attempt = attempt.number, version = arm.version, "started"
        );
        match offer {
            Offer::Instance(lease) => call::service(&tools.leasing, attempt, lease).await,
            Offer::Job(permit) => call::job(&tools.leasing, &tools.keeping, attempt, arm, permit).await,
        }
    }

    /// Records the beginning of an attempt; `None` if this server should not execute it.
    async fn begin(
        &self,
        work: Work<'_>,
        loaded: Loaded<run::Aggregate>,
        version: u32,
        tried: &mut Option<DateTime<Utc>>,
    ) -> Result<Option<Done<run::Aggregate>>, store::Error> {
        let node = &self.inner.tools.node;
        let now = clock::now();
        let before = tried.replace(now);
        self.execute(work, loaded, |state| {
            // Takes over an attempt of a server that is gone, and only that one.
            let lost = state.as_ref().and_then(|run| {
                run.phase.node().is_some_and(|node| self.inner.membership.is_gone(node)).then_some(run.attempts)
            });
            // The log may have accepted this task's previous attempt to begin: then it is that attempt.
            let own = state.as_ref().filter(|run| run.phase.node() == Some(&**node)).and_then(|run| run.phase.since());
            let at = own.filter(|since| Some(*since) == before).unwrap_or(now);
            Command::Start { version, node: node.to_string(), lost, at }
        })
        .await
    }

    /// Records that the run cannot be offered, or that it has waited too long. `None` in the latter case, or if this
    /// server should not execute it. `begun` is the attempt that had begun nevertheless.
    async fn defer(
        &self,
        work: Work<'_>,
        mut loaded: Loaded<run::Aggregate>,
        begun: Option<u32>,
        reason: String,
    ) -> Result<Option<Loaded<run::Aggregate>>, store::Error> {
        let at = clock::now();
        let known = loaded.state.as_ref().and_then(|run| run.deferred.clone());
        if begun.is_some() || known.is_none() {
            tracing::info!(run = %work.asked.run, reason, "run cannot be offered to its function yet");
            let reason = reason.clone();
            let executed =
                self.execute(work, loaded, |_| Command::Defer { attempt: begun, reason: reason.clone(), at });
            let Some(done) = executed.await? else { return Ok(None) };
            loaded = Loaded::from(done);
        }
        let since = known.map_or(at, |deferred| deferred.since);
        let limit = self.inner.tools.offer_timeout;
        if (at - since).to_std().unwrap_or_default() < limit {
            return Ok(Some(loaded));
        }
        let error = format!("it could not be offered to the function within {} s: {reason}", limit.as_secs());
        let executed = self.execute(work, loaded, |_| Command::Expire { error: error.clone(), at: clock::now() });
        if let Some(Done { state: Some(ended), .. }) = executed.await? {
            self.count(&ended).await;
        }
        Ok(None)
    }

    /// Executes a command to the run; `None` if it is refused because another server has the run, or it is over.
    async fn execute(
        &self,
        work: Work<'_>,
        mut loaded: Loaded<run::Aggregate>,
        command: impl Fn(&run::State) -> Command,
    ) -> Result<Option<Done<run::Aggregate>>, store::Error> {
        let Work { stream, asked, cause } = work;
        let mut read = false;
        loop {
            let wish = command(&loaded.state);
            match self.inner.tools.commands.writer().execute(stream, loaded, wish, cause.clone()).await {
                Ok(done) => return Ok(Some(done)),
                // The message was faster than the log: whoever comes first records the request.
                Err(actors::Error::Refused(run::Error::NotFound)) if asked.asked.is_some() => {
                    let Some(requested) = self.request(asked).await? else { return Ok(None) };
                    loaded = requested;
                }
                // The message is outdated: a server that is gone has begun the run since.
                Err(actors::Error::Refused(run::Error::Taken { node }))
                    if !read && self.inner.membership.is_gone(&node) =>
                {
                    read = true;
                    loaded = self.inner.tools.commands.writer().load(stream).await?;
                }
                Err(actors::Error::Refused(error)) => {
                    tracing::info!(run = %asked.run, %error, "run not started");
                    return Ok(None);
                }
                Err(actors::Error::Store(error)) => return Err(error),
                Err(error @ (actors::Error::Busy | actors::Error::Full(_))) => {
                    return Err(store::Error::Unavailable(error.to_string()));
                }
            }
        }
    }

    /// Records the request contained in a message; `None` if it is refused.
    async fn request(&self, asked: &Request) -> Result<Option<Loaded<run::Aggregate>>, store::Error> {
        let Some(asked) = &asked.asked else { return Ok(Some(Loaded::unknown())) };
        let id = asked.requested.request.run;
        match self.inner.tools.commands.request_run((**asked).clone()).await {
            Ok(done) => Ok(Some(Loaded::from(done))),
            Err(actors::Error::Refused(error)) => {
                tracing::error!(run = %id, %error, "run refused");
                Ok(None)
            }
            Err(actors::Error::Store(error)) => Err(error),
            Err(error) => Err(store::Error::Unavailable(error.to_string())),
        }
    }

    async fn record(
        &self,
        stream: &Stream,
        mut loaded: Loaded<run::Aggregate>,
        run: &Run,
        attempted: Attempted,
        cause: &Cause,
    ) -> Result<(), store::Error> {
        let tools = &self.inner.tools;
        let begun = matches!(&loaded.state, Some(Run { phase: Phase::Running { .. }, .. }));
        let attempts = loaded.state.as_ref().map_or(0, |run| run.attempts);
        let attempt = if begun { attempts } else { attempts + 1 };
        let mut command = match attempted {
            Attempted::Succeeded(outcome) => Command::Succeed { attempt, outcome, at: clock::now() },
            Attempted::Failed { failure, retryable, retry_after_s } => Command::Fail {
                begun,
                attempt,
                failure,
                retryable,
                retry_after_s,
                jitter: clock::chance(),
                at: clock::now(),
            },
        };
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        let done = loop {
            match tools.commands.writer().execute(stream, loaded.clone(), command.clone(), cause.clone()).await {
                Ok(done) => break done,
                // Most likely cancelled in the meantime: that stands.
                Err(actors::Error::Refused(error)) => {
                    tracing::info!(run = %run.request.run, %error, "outcome not recorded");
                    return Ok(());
                }
                // The log will never accept it, however often it is tried.
                Err(actors::Error::Store(error)) if error.is_final() => {
                    tracing::error!(run = %run.request.run, %error, "store refuses the outcome of a run");
                    let Some(instead) = instead_of(&command, attempt, begun, &error) else { return Ok(()) };
                    command = instead;
                }
                Err(error) => tracing::warn!(run = %run.request.run, %error, "outcome waiting for the log"),
            }
            backoff.pause().await;
            loaded = Loaded::unknown();
        };
        if let Some(ended) = done.state {
            self.count(&ended).await;
        }
        Ok(())
    }

    async fn count(&self, run: &Run) {
        if matches!(run.phase, Phase::Retrying { .. }) {
            return;
        }
        let tools = &self.inner.tools;
        let name = match tools.leasing.route_to(run.request.function).await {
            Ok(Some(route)) => route.name.to_string(),
            _ => run.request.function.to_string(),
        };
        let outcome = run.phase.name().to_lowercase();
        let trigger = tools.metrics.trigger(&run.request.trigger);
        let labels = [run.request.namespace.as_str(), &name, trigger, &outcome];
        tools.metrics.invocations.with_label_values(&labels).inc();
        if let (Some(attempt), Some(at)) = (run.phase.attempt(), run.phase.finished_at()) {
            let seconds = (at - attempt.started_at).to_std().unwrap_or_default().as_secs_f64();
            tools.metrics.duration.with_label_values(&labels[..2]).observe(seconds);
        }
    }
}

/// The next delivery; `None` if there was none for a while.
async fn next(consumer: &mut Box<dyn Consumer>) -> Option<Result<Delivery, crate::queue::Error>> {
    tokio::time::timeout(IDLE, consumer.next()).await.ok()
}

/// A replacement for an outcome that the log refuses: a permanent failure, because another attempt would give the same.
/// `None` if the replacement was refused, too.
fn instead_of(refused: &Command, attempt: u32, begun: bool, error: &store::Error) -> Option<Command> {
    if matches!(refused, Command::Fail { retryable: false, failure, .. } if failure.outcome == Outcome::default()) {
        return None;
    }
    let error = format!("the outcome of the attempt could not be recorded: {error}");
    let failure = Failure { error, timed_out: false, outcome: Outcome::default() };
    let (jitter, at) = (clock::chance(), clock::now());
    Some(Command::Fail { begun, attempt, failure, retryable: false, retry_after_s: None, jitter, at })
}

/// An attempt of which nobody knows how far it got.
fn lost(reason: &str) -> Attempted {
    cannot(format!("the server that ran the attempt ended before its outcome was recorded; since then: {reason}"), true)
}

fn cannot(error: String, retryable: bool) -> Attempted {
    let failure = Failure { error, timed_out: false, outcome: Outcome::default() };
    Attempted::Failed { failure, retryable, retry_after_s: None }
}

/// Decides which endings are worth a retry: those of the CloudEvents Subscriptions API and Knative Eventing (connection
/// errors, 408, 429, 5xx, a non-zero exit code, a timeout). Other client errors would only fail again.
fn classify(ended: Ended) -> Attempted {
    let Ended { outcome, error, timed_out, retry_after_s } = ended;
    let Some(error) = error else { return Attempted::Succeeded(outcome) };
    let retryable = match outcome.http_status {
        Some(status) => status == 408 || status == 429 || status >= 500 || timed_out,
        None => true,
    };
    Attempted::Failed { failure: Failure { error, timed_out, outcome }, retryable, retry_after_s }
}

#[cfg(test)]
mod tests {
    use domain::retry;
    use domain::run::event::Delivery;

    use super::*;

    /// The label of an attempt's outcome for a retried run.
    fn outcome(http_status: Option<u16>, exit_code: Option<i32>, timed_out: bool) -> &'static str {
        let delivery = Delivery::Retried(retry::Policy::default());
        let bad = http_status.is_none_or(|status| call::is_failure("http.invoke", delivery, status));
        let error = (bad && exit_code != Some(0)).then(|| "it failed".to_owned());
        let outcome = Outcome { http_status, exit_code, ..Outcome::default() };
        match classify(Ended { outcome, error, timed_out, retry_after_s: None }) {
            Attempted::Succeeded(_) => "succeeded",
            Attempted::Failed { retryable: true, .. } => "retried",
            Attempted::Failed { retryable: false, .. } => "failed",
        }
    }

    #[test]
    fn an_outcome_that_the_log_refuses_is_a_failure_and_then_given_up() {
        let error = store::Error::Refused("too strange".to_owned());
        let outcome = Outcome { http_status: Some(200), ..Outcome::default() };
        let refused = Command::Succeed { attempt: 2, outcome, at: clock::now() };
        let instead = instead_of(&refused, 2, true, &error);
        let Some(Command::Fail { attempt: 2, begun: true, retryable: false, failure, .. }) = &instead else {
            panic!("{instead:?}");
        };
        assert!(failure.error.contains("too strange"), "{}", failure.error);
        let again = instead.and_then(|command| instead_of(&command, 2, true, &error));
        assert_eq!(again, None);
    }

    #[test]
    fn what_another_attempt_may_help_is_retried() {
        let table = [
            ("connection error", None, None, false, "retried"),
            ("timeout", None, None, true, "retried"),
            ("200", Some(200), None, false, "succeeded"),
            ("302", Some(302), None, false, "succeeded"),
            ("400", Some(400), None, false, "succeeded"),
            ("404", Some(404), None, false, "succeeded"),
            ("408", Some(408), None, false, "retried"),
            ("425", Some(425), None, false, "succeeded"),
            ("429", Some(429), None, false, "retried"),
            ("500", Some(500), None, false, "retried"),
            ("503", Some(503), None, false, "retried"),
            ("exit 0", None, Some(0), false, "succeeded"),
            ("exit 1", None, Some(1), false, "retried"),
        ];
        for (what, status, exit, timed_out, expected) in table {
            assert_eq!(outcome(status, exit, timed_out), expected, "{what}");
        }
        // Such an answer to an event means that it was not accepted, and would not be the next time.
        for status in [302, 400, 404] {
            let outcome = Outcome { http_status: Some(status), ..Outcome::default() };
            let ended = Ended { outcome, error: Some("refused".to_owned()), timed_out: false, retry_after_s: None };
            assert!(matches!(classify(ended), Attempted::Failed { retryable: false, .. }), "{status}");
        }
    }
}
