//! Follows the log from a checkpoint, requests the runs that events ask for, and hands runs to the queue.
//!
//! Where the queue is shared by several servers, one of them relays for all; otherwise each relays to itself. Many
//! requests are on their way at once, each namespace's in its [lane](super::lanes), and the checkpoint moves over a record
//! only when what follows from it is recorded and the queue answers for it; a roll-out holds it back until it is through.

use std::sync::Arc;
use std::time::Duration;

use domain::react::Once;
use domain::run::Asked;
use domain::run::event::{Failure, Outcome, Redriven};
use domain::{Cause, Recorded, Stream, function, run};
use futures::{StreamExt, future};
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::held::Held;
use super::lanes::{Lanes, Tables};
use super::timers::Timers;
use super::worker::Workers;
use super::{Tools, follow};
use crate::backoff::Backoff;
use crate::store::{PageRequest, Relayed, RunFilter};
use crate::{actors, clock, queue, store};

/// The name of the checkpoint: what it has not passed is not removed from the log.
const FOLLOWER: &str = store::RELAY;

/// The checkpoint is a hint that spares work after a restart: it need not be written for each record.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// How often is written down which namespaces are behind, while some are.
const BEHIND_EVERY: Duration = Duration::from_secs(1);

/// Runs of a function that is gone, ended at a time.
const GONE_PAGE: u32 = 100;

/// The server that relays.
pub(super) struct Relay {
    hands: Hands,
    lanes: Lanes,
    checkpoint: u64,
    held: Held,
    /// What was done before it began.
    done: Relayed,
    /// What was read when it was last looked at which namespaces are behind, and when that was.
    looked: (u64, Instant),
    /// What else is on its way; it ends with the relay.
    tasks: JoinSet<()>,
}

/// What the relay does its work with.
#[derive(Clone)]
pub(super) struct Hands {
    pub(super) tools: Tools,
    workers: Workers,
    timers: Arc<Timers>,
}

impl Relay {
    /// The relay as it was at its checkpoint.
    pub(super) async fn load(tools: Tools, workers: Workers, timers: Arc<Timers>) -> Result<Self, store::Error> {
        let done = tools.store.relayed().await?;
        let checkpoint = done.through;
        let (hands, held) = (Hands { tools, workers, timers }, Held::default());
        let mut lanes = Lanes::new(hands.clone(), held.clone(), done.clone());
        let mut tables = Tables::new();
        follow::changes(&hands.tools.store, checkpoint, |id, event| lanes.fold(&mut tables, id, event)).await?;
        lanes.open(tables);
        let looked = (checkpoint, Instant::now());
        Ok(Self { hands, lanes, checkpoint, held, looked, done, tasks: JoinSet::new() })
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
                self.lanes.tidy();
                self.write_checkpoint(seen).await;
                written = Instant::now();
            }
        }
    }

    async fn write_checkpoint(&mut self, seen: u64) {
        let relayed = self.held.relayed(seen);
        self.write_behind(&relayed, seen).await;
        let store = &self.hands.tools.store;
        let through = relayed.through;
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

    /// Writes down which namespaces are behind, where they have been for a while: what is only just on its way will be through
    /// before anybody asks.
    async fn write_behind(&mut self, relayed: &Relayed, seen: u64) {
        let (seen_then, then) = self.looked;
        if then.elapsed() < BEHIND_EVERY {
            return;
        }
        self.looked = (seen, Instant::now());
        // While what was done before it began is read again, less is known than is written down.
        if relayed.through >= seen_then || relayed.seen < self.done.seen {
            return;
        }
        if let Err(error) = self.hands.tools.store.write_relayed(relayed.seen, &relayed.behind).await {
            tracing::warn!(%error, "how far the relay has come in each namespace is not written down");
        }
    }

    /// Begins what follows from records, and puts what has an order into its lane.
    async fn take(&mut self, records: &[Recorded]) {
        let stats = self.hands.tools.store.stats();
        for (recorded, reaction) in follow::once(records, &stats) {
            match reaction {
                Once::InOrder(reaction) => self.lanes.push(recorded, reaction).await,
                // It was done before this server began to relay.
                _ if recorded.position <= self.done.seen => {}
                Once::RollOut { function, version } => self.roll_out(recorded.position, function, version),
                Once::DeliverAt { run, due } => self.hands.timers.set(run, due),
                Once::Redrive { dead, redriven, record, cause } => {
                    let (hands, hold) = (self.hands.clone(), self.held.hold(recorded.position));
                    self.tasks.spawn(async move {
                        hands.redrive(dead, &redriven, record, &cause).await;
                        drop(hold);
                    });
                }
            }
        }
    }

    fn roll_out(&mut self, position: u64, function: function::Id, version: u32) {
        let (hands, hold) = (self.hands.clone(), self.held.hold(position));
        self.tasks.spawn(async move {
            if let Err(error) = hands.tools.keeping.roll_out(function, version).await {
                tracing::warn!(%function, version, %error, "not rolled out");
            }
            drop(hold);
        });
    }
}

impl Hands {
    /// Records requests and publishes them. Small ones are published meanwhile: a worker that is quicker than the log
    /// records the request itself. Large inputs stay in the log, and their runs are published when they are there.
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

    /// Puts requests in their queues, however long these are away.
    pub(super) async fn publish(&self, requests: Vec<queue::Request>) {
        future::join_all(requests.into_iter().map(|request| self.workers.publish(request))).await;
    }

    /// Records requests, however long the log is away. One that is there already is done.
    async fn record(&self, requests: &[queue::Request]) {
        let mut left: Vec<_> = requests.iter().filter_map(|request| request.asked.clone()).collect();
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        while !left.is_empty() {
            let told = self.tools.commands.request_runs(left.iter().map(|asked| (**asked).clone())).await;
            let results = left.into_iter().zip(told);
            left = results
                .filter_map(|(asked, told)| told.is_err_and(|error| is_ours(&asked, &error)).then_some(asked))
                .collect();
            if !left.is_empty() {
                backoff.pause().await;
            }
        }
    }

    /// Asks for the run that follows a dead one, however long the log is away.
    async fn redrive(&self, dead: run::Id, redriven: &Redriven, record: Uuid, cause: &Cause) {
        let mut backoff = Backoff::new(Duration::from_millis(20), Duration::from_secs(2));
        loop {
            match self.tools.commands.writer().load::<run::Aggregate>(&Stream::run(dead)).await {
                Ok(loaded) => {
                    let Some(old) = loaded.state else { return };
                    let (function, run) = (old.request.function, redriven.run);
                    let asked = Some(Arc::new(Asked::again(&old, redriven, record, cause)));
                    // The record of it comes by, and is published then.
                    return self.record(&[queue::Request { function, run, asked }]).await;
                }
                Err(error) => tracing::warn!(run = %dead, %error, "a dead run is not redriven yet"),
            }
            backoff.pause().await;
        }
    }

    /// Ends what waits for a function that is gone, then its queue.
    pub(super) async fn clear(&self, function: function::Id) {
        self.fail_waiting(function).await;
        if let Err(error) = self.tools.queue.forget(function).await {
            tracing::warn!(%function, %error, "the queue of a function that is gone is not deleted");
        }
    }
}

impl Hands {
    /// Ends what waits for a function that is gone.
    pub(super) async fn fail_waiting(&self, function: function::Id) {
        for state in run::Status::ALL.iter().copied().filter(|state| state.is_waiting()) {
            if let Err(error) = self.fail_all(function, state).await {
                tracing::warn!(%function, %error, "runs of a function that is gone are left to fail when they are taken");
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
