//! The relay: follows the log from a checkpoint, requests the runs caused by events, and publishes runs to the queue.
//!
//! If several servers share the queue, one of them relays for all; otherwise each relays to itself. Many requests are
//! in progress at once, each in its namespace's [lane](super::lanes). The checkpoint passes a record only when its
//! reactions are recorded and confirmed by the queue; a rollout holds it back until it has finished.

use std::sync::Arc;
use std::time::Duration;

use domain::react::Once;
use domain::{Recorded, function};
use futures::StreamExt;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::follow;
use super::held_positions::HeldPositions;
use super::lanes::{Lanes, Tables};
use super::publisher::Publisher;
use super::timers::Timers;
use super::tools::Tools;
use super::worker::Workers;
use crate::store::{self, Relayed};

/// The name of the checkpoint. Nothing that it has not passed is removed from the log.
const FOLLOWER: &str = store::RELAY;

/// The checkpoint only saves work after a restart, so it need not be written for each record.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(250);

/// How often it is stored which namespaces are behind, while some are.
const BEHIND_EVERY: Duration = Duration::from_secs(1);

/// The relay of this server.
pub(super) struct Relay {
    publisher: Publisher,
    timers: Arc<Timers>,
    lanes: Lanes,
    checkpoint: u64,
    held: HeldPositions,
    /// The progress before it began.
    done: Relayed,
    /// The position read when lagging namespaces were last stored, and when that was.
    looked: (u64, Instant),
    /// Rollouts in progress, aborted on drop.
    tasks: JoinSet<()>,
}

impl Relay {
    /// Loads the relay's state at its checkpoint.
    pub(super) async fn load(tools: Tools, workers: Workers, timers: Arc<Timers>) -> Result<Self, store::Error> {
        let done = tools.store.relayed().await?;
        let checkpoint = done.through;
        let (publisher, held) = (Publisher::new(tools, workers), HeldPositions::default());
        let mut lanes = Lanes::new(publisher.clone(), held.clone(), done.clone());
        let mut tables = Tables::new();
        follow::changes(&publisher.tools.store, checkpoint, |id, event| lanes.fold(&mut tables, id, event)).await?;
        lanes.open(tables);
        let looked = (checkpoint, Instant::now());
        Ok(Self { publisher, timers, lanes, checkpoint, held, looked, done, tasks: JoinSet::new() })
    }

    /// Follows the log until it is dropped.
    pub(super) async fn follow(mut self) {
        let mut feed = self.publisher.tools.store.follow(self.checkpoint);
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
                    Some(Err(error)) => tracing::warn!(%error, "relay cannot read the log; retrying"),
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
        let store = &self.publisher.tools.store;
        let through = relayed.through;
        if through <= self.checkpoint {
            return;
        }
        match store.move_checkpoint(FOLLOWER, self.checkpoint, through).await {
            Ok(true) => self.checkpoint = through,
            // Another server moved it: continue from its current value.
            Ok(false) => match store.checkpoint(FOLLOWER).await {
                Ok(now) => self.checkpoint = now,
                Err(error) => tracing::warn!(%error, "checkpoint not read"),
            },
            Err(error) => tracing::warn!(%error, "checkpoint not moved"),
        }
    }

    /// Stores which namespaces are behind, if they have been for a while: what has just begun will be done before
    /// anybody asks.
    async fn write_behind(&mut self, relayed: &Relayed, seen: u64) {
        let (seen_then, then) = self.looked;
        if then.elapsed() < BEHIND_EVERY {
            return;
        }
        self.looked = (seen, Instant::now());
        // While records from before the start are read again, less is known than what is stored.
        if relayed.through >= seen_then || relayed.seen < self.done.seen {
            return;
        }
        if let Err(error) = self.publisher.tools.store.write_relayed(relayed.seen, &relayed.behind).await {
            tracing::warn!(%error, "relay progress by namespace not stored");
        }
    }

    /// Starts the reactions to records, or queues them in their lane if they have an order.
    async fn take(&mut self, records: &[Recorded]) {
        let stats = self.publisher.tools.store.stats();
        for (recorded, reaction) in follow::once(records, &stats) {
            match reaction {
                Once::InOrder(reaction) => self.lanes.push(recorded, reaction).await,
                // It was done before this server began to relay.
                _ if recorded.position <= self.done.seen => {}
                Once::RollOut { function, version } => self.roll_out(recorded.position, function, version),
                Once::DeliverAt { run, due } => self.timers.set(run, due),
                Once::Redrive { dead, redriven, record, cause } => {
                    let (publisher, hold) = (self.publisher.clone(), self.held.hold(recorded.position));
                    self.tasks.spawn(async move {
                        publisher.redrive(dead, &redriven, record, &cause).await;
                        drop(hold);
                    });
                }
            }
        }
    }

    fn roll_out(&mut self, position: u64, function: function::Id, version: u32) {
        let (publisher, hold) = (self.publisher.clone(), self.held.hold(position));
        self.tasks.spawn(async move {
            if let Err(error) = publisher.tools.keeping.roll_out(function, version).await {
                tracing::warn!(%function, version, %error, "not rolled out");
            }
            drop(hold);
        });
    }
}
