//! Follows the log from a checkpoint, requests the runs that events ask for, and hands runs to the queue.
//!
//! Where the queue is shared by several servers, one of them relays for all; otherwise each relays to itself. Many
//! requests are on their way at once, and the checkpoint moves over a record only when what follows from it is recorded
//! and the queue answers for it; a roll-out holds it back until it is through.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use domain::react::has_consequences;
use domain::recorded::{Fact, Recorded};
use domain::run::event::{Delivery, Failure, Outcome, Request, Requested};
use domain::{Cause, Stream, event, function, routing, run};
use futures::{StreamExt, future};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::timers::Timers;
use super::worker::Workers;
use super::{Tools, parts};
use crate::queue::Asked;
use crate::store::{PageRequest, RunFilter};
use crate::{actors, clock, queue, store};

/// The name of the checkpoint: what it has not passed is not removed from the log.
const FOLLOWER: &str = store::RELAY;

/// The checkpoint is a hint that spares work after a restart: it need not be written for each record.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// Records of functions read at a time while the routing table is made.
const PAGE: u32 = 4096;

/// Runs of a function that is gone, ended at a time.
const GONE_PAGE: u32 = 100;

/// Runs that are on their way to the log and the queue at a time.
const WINDOW: usize = 4096;

/// Bytes of runs that are being recorded at a time, in units of `BYTES_UNIT`.
const WINDOW_BYTES: usize = 2 * parts::MAX_BYTES;
const BYTES_UNIT: usize = 1 << 10;

/// Runs that were published before the record of their request came by. Those beyond are published twice.
const MAX_ASKED: usize = 100_000;

/// The server that relays.
pub(super) struct Relay {
    hands: Hands,
    table: routing::Table,
    checkpoint: u64,
    held: Held,
    /// Runs that were published when their event came by: the record of their request comes later.
    asked: HashSet<run::Id>,
    window: Arc<Semaphore>,
    /// The part of the window that is weighed.
    bytes: Arc<Semaphore>,
    /// What is on its way; it ends with the relay.
    tasks: JoinSet<()>,
}

/// What the relay does its work with.
#[derive(Clone)]
struct Hands {
    tools: Tools,
    workers: Workers,
    timers: Arc<Timers>,
}

impl Relay {
    /// The relay as it was at its checkpoint.
    pub(super) async fn load(tools: Tools, workers: Workers, timers: Arc<Timers>) -> Result<Self, store::Error> {
        let checkpoint = tools.store.checkpoint(FOLLOWER).await?;
        let mut table = routing::Table::default();
        let mut after = 0;
        loop {
            let page = tools.store.function_log(after, checkpoint, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.position;
            for recorded in &page {
                if let Ok(Fact::Function(id, event)) = recorded.fact() {
                    table.evolve(id, &event);
                }
            }
        }
        Ok(Self {
            hands: Hands { tools, workers, timers },
            table,
            checkpoint,
            held: Held::default(),
            asked: HashSet::new(),
            window: Arc::new(Semaphore::new(WINDOW)),
            bytes: Arc::new(Semaphore::new(WINDOW_BYTES / BYTES_UNIT)),
            tasks: JoinSet::new(),
        })
    }

    /// Follows the log, for ever.
    pub(super) async fn follow(mut self) {
        let mut feed = self.hands.tools.store.follow(self.checkpoint);
        let mut seen = self.checkpoint;
        let mut written = Instant::now();
        let mut tick = tokio::time::interval(CHECKPOINT_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                batch = feed.next() => match batch {
                    Some(Ok(records)) => {
                        self.take(&records).await;
                        seen = records.last().map_or(seen, |last| last.position);
                    }
                    Some(Err(error)) => tracing::warn!(%error, "the relay cannot read the log; it goes on trying"),
                    None => return,
                },
                _ = tick.tick() => {}
            }
            while self.tasks.try_join_next().is_some() {}
            if written.elapsed() >= CHECKPOINT_EVERY {
                self.write_checkpoint(seen).await;
                written = Instant::now();
            }
        }
    }

    async fn write_checkpoint(&mut self, seen: u64) {
        let store = &self.hands.tools.store;
        let through = self.held.first().map_or(seen, |first| first - 1).min(seen);
        if through <= self.checkpoint {
            return;
        }
        match store.move_checkpoint(FOLLOWER, self.checkpoint, through).await {
            Ok(true) => self.checkpoint = through,
            // Another server moved it: from where it is now, this one goes on, too.
            Ok(false) => match store.checkpoint(FOLLOWER).await {
                Ok(now) => self.checkpoint = now,
                Err(error) => tracing::warn!(%error, "checkpoint not read"),
            },
            Err(error) => tracing::warn!(%error, "checkpoint not moved"),
        }
    }

    /// Sets what follows from records that were committed together on its way.
    async fn take(&mut self, records: &[Recorded]) {
        // Requests that the log does not have yet, and runs that it has; each to be published.
        let (mut new, mut old) = (Vec::new(), Vec::new());
        let mut first = None;
        for recorded in records.iter().filter(|recorded| has_consequences(recorded)) {
            let fact = match recorded.fact() {
                Ok(fact) => fact,
                Err(error) => {
                    tracing::error!(position = recorded.position, %error, "a record cannot be read; it is passed over");
                    continue;
                }
            };
            let before = new.len() + old.len();
            match fact {
                Fact::Function(id, event) => {
                    self.table.evolve(id, &event);
                    self.function_changed(recorded, id, &event);
                }
                // What is left of an event that was erased is for nobody.
                Fact::Event(_, event::Event::Received(received)) if received.erased_at.is_none() => {
                    new.extend(self.requests(recorded, &received));
                }
                Fact::Event(..) => {}
                Fact::Run(id, event) => old.extend(self.run_changed(recorded, id, event)),
                Fact::Namespace(..) => {}
            }
            if new.len() + old.len() > before {
                first.get_or_insert(recorded.position);
            }
            // Events that were committed together may reach thousands of functions each.
            if new.len() + old.len() >= parts::MAX_RUNS
                && let Some(position) = first.take()
            {
                self.send(position, std::mem::take(&mut new), std::mem::take(&mut old)).await;
            }
        }
        if let Some(position) = first {
            self.send(position, new, old).await;
        }
    }

    fn function_changed(&mut self, recorded: &Recorded, function: function::Id, event: &function::Event) {
        let hands = self.hands.clone();
        match event {
            function::Event::BuildSucceeded(e) => {
                let (hold, version) = (self.held.hold(recorded.position), e.version);
                self.tasks.spawn(async move {
                    if let Err(error) = hands.tools.fleet.roll_out(function, version).await {
                        tracing::warn!(%function, version, %error, "not rolled out");
                    }
                    drop(hold);
                });
            }
            function::Event::Deregistered(_) => {
                let hold = self.held.hold(recorded.position);
                self.tasks.spawn(async move {
                    hands.clear(function).await;
                    drop(hold);
                });
            }
            _ => {}
        }
    }

    /// The run that is to be published because of what happened to it.
    fn run_changed(&mut self, recorded: &Recorded, id: run::Id, event: run::Event) -> Option<queue::Request> {
        match event {
            // Published already, when its event came by.
            run::Event::Requested(_) if self.asked.remove(&id) => None,
            run::Event::Requested(requested) => {
                let function = requested.request.function;
                if requested.request.input.get().len() > queue::MAX_INLINE {
                    return Some(queue::Request::recorded(function, id));
                }
                let asked = Asked { requested, cause: recorded.cause.clone() };
                Some(queue::Request { function, run: id, asked: Some(Arc::new(asked)) })
            }
            run::Event::AttemptFailed(e) => {
                self.hands.timers.set(id, e.due);
                None
            }
            run::Event::Redriven(e) => {
                let (hands, hold) = (self.hands.clone(), self.held.hold(recorded.position));
                let cause = recorded.as_cause(Some(self.hands.tools.actor()));
                self.tasks.spawn(async move {
                    hands.redrive(id, e.run, cause).await;
                    drop(hold);
                });
                None
            }
            _ => None,
        }
    }

    /// The runs that an event asks for.
    fn requests(&mut self, recorded: &Recorded, received: &event::Received) -> Vec<queue::Request> {
        let actor = self.hands.tools.actor();
        let targets = self.table.targets(received);
        if self.asked.len() > MAX_ASKED {
            self.asked.clear();
        }
        let request = |target: routing::Target| {
            let run = run::id(received.id, target.function);
            self.asked.insert(run);
            let request = Request {
                run,
                function: target.function,
                namespace: received.namespace.clone(),
                trigger: received.kind.clone(),
                event: Some(received.id),
                input: received.event.clone(),
                input_cut: false,
                version: None,
                replayed_from: None,
                callback: received.callback.clone(),
            };
            // Who waits for the answer gets that of one attempt; everything else is tried until it is done.
            let delivery = match received.target {
                Some(_) if !received.asynchronous => Delivery::Once,
                _ => Delivery::Retried(target.retry),
            };
            // As of the event, whoever asks and however often: a worker believes the message, and decides by it.
            let requested = Requested { request, delivery, at: recorded.at };
            let asked = Asked { requested, cause: recorded.as_cause(Some(actor.clone())) };
            queue::Request { function: target.function, run, asked: Some(Arc::new(asked)) }
        };
        targets.into_iter().map(request).collect()
    }

    /// Records new requests and publishes all; the checkpoint waits at `position`. New requests go in parts, one after the
    /// other: a restart between two of them records the first again, which changes nothing, and goes on with the others.
    async fn send(&mut self, position: u64, new: Vec<queue::Request>, old: Vec<queue::Request>) {
        let hold = self.held.hold(position);
        let permits = u32::try_from((new.len() + old.len()).min(WINDOW)).unwrap_or(1);
        let window = self.window.clone();
        let place = window.acquire_many_owned(permits).await.expect("nobody closes the semaphore");
        let (hands, bytes) = (self.hands.clone(), self.bytes.clone());
        self.tasks.spawn(async move {
            hands.publish(old).await;
            for part in parts::split(new) {
                let units = parts::weight_of(&part).div_ceil(BYTES_UNIT).min(WINDOW_BYTES / BYTES_UNIT);
                let units = u32::try_from(units).unwrap_or(1);
                let _place = bytes.acquire_many(units).await.expect("nobody closes the semaphore");
                hands.send_part(&part).await;
            }
            drop((hold, place));
        });
    }
}

impl Hands {
    /// Records requests and publishes them. Small ones are published meanwhile: a worker that is quicker than the log
    /// records the request itself. Large inputs stay in the log, and their runs are published when they are there.
    async fn send_part(&self, part: &[queue::Request]) {
        let (small, large): (Vec<_>, Vec<_>) =
            part.iter().cloned().partition(|request| request.input_bytes() <= queue::MAX_INLINE);
        let large = large.into_iter().map(|request| queue::Request::recorded(request.function, request.run)).collect();
        let record = async {
            self.record(part).await;
            self.publish(large).await;
        };
        future::join(record, self.publish(small)).await;
    }

    /// Puts requests in their queues, however long these are away.
    async fn publish(&self, requests: Vec<queue::Request>) {
        future::join_all(requests.into_iter().map(|request| self.workers.publish(request))).await;
    }

    /// Records requests, however long the log is away. One that is there already is done.
    async fn record(&self, requests: &[queue::Request]) {
        let mut left: Vec<_> = requests.iter().filter_map(|request| request.asked.clone()).collect();
        let mut pause = Duration::from_millis(20);
        while !left.is_empty() {
            let asked: Vec<_> = left.iter().map(|asked| (asked.requested.clone(), asked.cause.clone())).collect();
            let told = self.tools.commands.new_runs(asked).await;
            let results = left.into_iter().zip(told);
            left = results
                .filter_map(|(asked, told)| told.is_err_and(|error| is_ours(&asked, &error)).then_some(asked))
                .collect();
            if !left.is_empty() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
        }
    }

    /// Asks for the run that follows a dead one, however long the log is away.
    async fn redrive(&self, dead: run::Id, again: run::Id, cause: Cause) {
        let mut pause = Duration::from_millis(20);
        loop {
            match self.tools.commands.writer().load::<run::Aggregate>(&Stream::run(dead)).await {
                Ok(loaded) => {
                    let Some(old) = loaded.state else { return };
                    let request = old.request.again(again);
                    let requested = Requested { request, delivery: old.delivery, at: clock::now() };
                    // The record of it comes by, and is published then.
                    return self
                        .record(&[queue::Request {
                            function: requested.request.function,
                            run: again,
                            asked: Some(Arc::new(Asked { requested, cause })),
                        }])
                        .await;
                }
                Err(error) => tracing::warn!(run = %dead, %error, "a dead run is not redriven yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    /// Ends what waits for a function that is gone, then its queue.
    async fn clear(&self, function: function::Id) {
        for state in ["QUEUED", "RETRYING"] {
            if let Err(error) = self.fail_all(function, state).await {
                tracing::warn!(%function, %error, "runs of a function that is gone are left to fail when they are taken");
            }
        }
        if let Err(error) = self.tools.queue.forget(function).await {
            tracing::warn!(%function, %error, "the queue of a function that is gone is not deleted");
        }
    }
}

impl Hands {
    async fn fail_all(&self, function: function::Id, state: &str) -> Result<(), store::Error> {
        let filter = RunFilter { function: Some(function), state: Some(state.to_owned()), ..RunFilter::default() };
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
            // One that began meanwhile ends by itself.
            future::join_all(failures).await;
            match found.rows.last() {
                Some((cursor, _)) if found.has_next => page.after = Some(cursor.clone()),
                _ => return Ok(()),
            }
        }
    }
}

/// Whether a request that was refused is to be told again: when the fault is ours.
fn is_ours(asked: &Asked, error: &actors::Error<run::Error>) -> bool {
    let run = asked.requested.request.run;
    match error {
        actors::Error::Refused(error) => {
            tracing::error!(%run, %error, "a run was refused");
            false
        }
        // What the log never takes must not hold up what comes after it.
        actors::Error::Store(error) if error.is_final() => {
            tracing::error!(%run, %error, "a run was refused");
            false
        }
        error => {
            tracing::warn!(%run, %error, "run not requested yet");
            true
        }
    }
}

/// Positions that are not through yet, and how often each is held.
#[derive(Default)]
struct Held {
    positions: Arc<Mutex<BTreeMap<u64, u32>>>,
}

/// Keeps the checkpoint from moving over a position.
struct Hold {
    positions: Arc<Mutex<BTreeMap<u64, u32>>>,
    position: u64,
}

impl Held {
    fn hold(&self, position: u64) -> Hold {
        *self.positions.lock().entry(position).or_default() += 1;
        Hold { positions: self.positions.clone(), position }
    }

    /// The first position that is not through.
    fn first(&self) -> Option<u64> {
        self.positions.lock().keys().next().copied()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut positions = self.positions.lock();
        if let Some(count) = positions.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                positions.remove(&self.position);
            }
        }
    }
}
