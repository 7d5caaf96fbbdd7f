//! Follows the log from a checkpoint and does what follows from each record.
//!
//! The checkpoint moves over a record only when what follows from it is recorded, handed over, or open in a table that
//! the sweep reads; a roll-out holds it back until it is through.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::react::{Reaction, has_consequences, react};
use domain::recorded::{Fact, Recorded};
use domain::run::event::{Delivery, Request};
use domain::{event, function, routing, run};
use futures::{StreamExt, future};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Tools;
use super::builds::Builds;
use super::worker::Workers;
use crate::{actors, clock, queue, store};

/// The name of the checkpoint: what it has not passed is not removed from the log.
const FOLLOWER: &str = store::RELAY;

/// The checkpoint is a hint that spares work after a restart: it need not be written for each record.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// Records of functions read at a time while the routing table is made.
const PAGE: u32 = 4096;

pub(super) struct Relay {
    tools: Tools,
    workers: Workers,
    builds: Builds,
    table: routing::Table,
    checkpoint: u64,
    /// Positions that are not through yet, and how often each is held.
    held: Arc<Mutex<BTreeMap<u64, u32>>>,
}

impl Relay {
    /// The relay as it was at its checkpoint.
    pub(super) async fn load(tools: Tools, workers: Workers, builds: Builds) -> Result<Self, store::Error> {
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
        Ok(Self { tools, workers, builds, table, checkpoint, held: Arc::default() })
    }

    pub(super) async fn follow(mut self) {
        let mut feed = self.tools.store.follow(self.checkpoint);
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
            if written.elapsed() >= CHECKPOINT_EVERY {
                self.write_checkpoint(seen).await;
                written = Instant::now();
            }
        }
    }

    async fn write_checkpoint(&mut self, seen: u64) {
        let through = self.held.lock().keys().next().map_or(seen, |first| first - 1).min(seen);
        if through <= self.checkpoint {
            return;
        }
        match self.tools.store.move_checkpoint(FOLLOWER, self.checkpoint, through).await {
            Ok(true) => self.checkpoint = through,
            // Another server moved it: from where it is now, this one goes on, too.
            Ok(false) => match self.tools.store.checkpoint(FOLLOWER).await {
                Ok(now) => self.checkpoint = now,
                Err(error) => tracing::warn!(%error, "checkpoint not read"),
            },
            Err(error) => tracing::warn!(%error, "checkpoint not moved"),
        }
    }

    /// Does what follows from records that were committed together. Runs that events ask for are requested together,
    /// so that they are committed together, too.
    async fn take(&mut self, records: &[Recorded]) {
        let mut requests = Vec::new();
        for recorded in records.iter().filter(|recorded| has_consequences(recorded)) {
            let fact = match recorded.fact() {
                Ok(fact) => fact,
                Err(error) => {
                    tracing::error!(position = recorded.position, %error, "a record cannot be read; it is passed over");
                    continue;
                }
            };
            if let Fact::Function(id, event) = &fact {
                self.table.evolve(*id, event);
            }
            if let Fact::Event(_, event::Event::Received(received)) = &fact {
                requests.extend(self.requests(recorded, received));
            }
            for reaction in react(&fact) {
                self.act(recorded, reaction).await;
            }
        }
        future::join_all(requests.into_iter().map(|request| self.request(request))).await;
    }

    async fn act(&self, recorded: &Recorded, reaction: Reaction) {
        match reaction {
            // Requested together, see `take`.
            Reaction::Route(_) => {}
            Reaction::Deliver(run, function) => self.workers.deliver(queue::Request::recorded(function, run)).await,
            Reaction::DeliverAt(run, due) => self.workers.deliver_at(run, due),
            Reaction::Abort(run) => self.workers.abort(run),
            Reaction::Redrive(..) => {}
            Reaction::Build(function, build) => self.builds.start(function, build, recorded.as_cause(None)),
            Reaction::CancelBuild(build) => self.builds.cancel(build),
            Reaction::Reconcile(function) => self.reconcile(recorded, function),
            Reaction::RollOut(function, version) => self.roll_out(recorded.position, function, version),
        }
    }

    fn reconcile(&self, recorded: &Recorded, function: function::Id) {
        let fleet = self.tools.fleet.clone();
        // What was started just now shows at once whether it can run; after a restart it waits for its first call.
        let fresh = &*recorded.kind == "Started" && (clock::now() - recorded.at).num_seconds() < 5;
        tokio::spawn(async move {
            let done = if fresh { fleet.warm_up(function).await } else { fleet.reconcile(function).await };
            if let Err(error) = done {
                tracing::warn!(%function, %error, "not reconciled");
            }
        });
    }

    fn roll_out(&self, position: u64, function: function::Id, version: u32) {
        let hold = Hold::new(&self.held, position);
        let fleet = self.tools.fleet.clone();
        tokio::spawn(async move {
            if let Err(error) = fleet.roll_out(function, version).await {
                tracing::warn!(%function, version, %error, "not rolled out");
            }
            drop(hold);
        });
    }

    /// The runs that an event asks for.
    fn requests(&self, recorded: &Recorded, received: &event::Received) -> Vec<(run::Id, run::Command, domain::Cause)> {
        let targets = self.table.targets(received);
        let request = |target: routing::Target| {
            let run = run::id(received.id, target.function);
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
            let command = run::Command::Request { request, delivery, at: clock::now() };
            (run, command, recorded.as_cause(Some(self.tools.actor())))
        };
        targets.into_iter().map(request).collect()
    }

    /// Requests a run, however long the log is away.
    async fn request(&self, (id, command, cause): (run::Id, run::Command, domain::Cause)) {
        let mut pause = Duration::from_millis(20);
        loop {
            match self.tools.commands.new_run(id, command.clone(), cause.clone()).await {
                // The record of it comes by the feed, too: who has it already does not take it again.
                Ok(done) => return self.workers.deliver_fresh(done).await,
                Err(actors::Error::Refused(error)) => {
                    tracing::error!(run = %id, %error, "a run was refused");
                    return;
                }
                Err(error) => tracing::warn!(run = %id, %error, "run not requested yet"),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}

/// Keeps the checkpoint from moving over a position.
struct Hold {
    held: Arc<Mutex<BTreeMap<u64, u32>>>,
    position: u64,
}

impl Hold {
    fn new(held: &Arc<Mutex<BTreeMap<u64, u32>>>, position: u64) -> Self {
        *held.lock().entry(position).or_default() += 1;
        Self { held: held.clone(), position }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.held.lock();
        if let Some(count) = held.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.position);
            }
        }
    }
}
