//! Performs what follows from the log. The [`relay`] follows it and publishes run requests, the [`worker`] executes
//! runs, [`timers`] wait between attempts, [`callback`] notifies callers of outcomes, the [`schedule`] triggers events
//! by the clock, [`retention`] removes what has expired, [`sealing`] seals the log, the [`per_server`] does what every
//! server does for itself, [`builds`] executes builds, and the [`sweep`] finds lost work. [`membership`] knows which
//! servers are alive and which one leads; the leader does what must be done once in the cluster.
//!
//! Everything here may happen twice: whatever is created has an id derived from its cause, and every action checks the
//! current state first.

mod build_attempts;
mod builds;
mod call;
pub mod callback;
mod callbacks;
mod depth;
mod follow;
mod held_positions;
mod images;
mod lanes;
mod membership;
mod offer;
mod parts;
mod per_server;
mod publisher;
mod relay;
mod retention;
mod schedule;
pub mod sealing;
mod sweep;
mod timers;
mod tools;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use builds::Builds;
use membership::Membership;
use per_server::PerServer;
use relay::Relay;
use timers::Timers;
use worker::Workers;

use crate::store;

pub use builds::slots as build_slots;
pub use callbacks::{Callbacks, Secret as CallbackSecret};
pub use tools::Tools;

/// The delay before a task that lost the log is restarted.
const AGAIN: Duration = Duration::from_secs(1);

/// Picks up what was left open and starts following the log. Must be called within a tokio runtime.
///
/// # Errors
/// If the log cannot be read.
pub async fn start(tools: Tools) -> Result<Dispatch, store::Error> {
    let membership =
        Membership::join(tools.store.clone(), tools.node.clone(), tools.having.clone(), tools.metrics.clone()).await;
    let workers = Workers::new(tools.clone(), membership.clone());
    let builds = Builds::new(tools.clone());
    let duty = Duty { tools: tools.clone(), workers: workers.clone(), membership: membership.clone() };
    // Every server follows the log from here; what was open before is searched for.
    let feed = tools.store.follow(tools.store.head().await?);
    sweep::builds(&tools, &builds).await?;
    let per_server = PerServer { tools: tools.clone(), workers: workers.clone(), builds: builds.clone() };
    let mut tasks = JoinSet::new();
    tasks.spawn(per_server.follow(feed));
    tasks.spawn(sweep::own(tools.clone(), workers.clone()));
    tasks.spawn(depth::export(tools.clone(), workers.clone()));
    tasks.spawn(sealing::forever(tools.clone(), membership.clone()));
    tasks.spawn(images::forever(tools.clone()));
    tasks.spawn(workers.clone().execute_awaited());
    if tools.queue.is_shared() {
        let membership = membership.clone();
        tasks.spawn(membership.while_leading(move || duty.clone().deliver()));
    } else {
        // Every server publishes to its own queue.
        tasks.spawn(async move {
            loop {
                duty.clone().deliver().await;
            }
        });
    }
    // Tasks that must run once in the cluster.
    let (clock, notifier, keeping, cleaner) = (tools.clone(), tools.clone(), tools.keeping.clone(), tools);
    tasks.spawn(membership.clone().while_leading(move || schedule::forever(clock.clone())));
    tasks.spawn(membership.clone().while_leading(move || callback::forever(notifier.clone())));
    tasks.spawn(membership.clone().while_leading(move || {
        let keeping = keeping.clone();
        async move { keeping.lead().await }
    }));
    tasks.spawn(membership.clone().while_leading(move || retention::forever(cleaner.clone())));
    Ok(Dispatch { membership, workers, builds, _tasks: tasks })
}

/// The work that one server does for all consumers of a queue.
#[derive(Clone)]
struct Duty {
    tools: Tools,
    workers: Workers,
    membership: Membership,
}

impl Duty {
    /// Relays to the queue until the log cannot be read.
    async fn deliver(self) {
        let Self { tools, workers, membership } = &self;
        let timers = Arc::new(Timers::default());
        let lost = sweep::Lost { tools, workers, membership, timers: &timers };
        let relay = async {
            let relay = Relay::load(tools.clone(), workers.clone(), timers.clone()).await?;
            lost.pick_up().await?;
            Ok::<_, store::Error>(relay)
        };
        match relay.await {
            Ok(relay) => {
                tokio::join!(relay.follow(), timers.keep_time(tools, workers), lost.find());
            }
            Err(error) => {
                tracing::warn!(%error, "relay not started yet; retrying");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// The running tasks.
pub struct Dispatch {
    membership: Membership,
    workers: Workers,
    builds: Builds,
    /// Aborted on drop.
    _tasks: JoinSet<()>,
}

impl Dispatch {
    /// Begins nothing more, and waits for what is in progress, until `deadline` at most. Unfinished work stays open in
    /// the log.
    pub async fn stop(&self, deadline: Instant) {
        self.membership.resign().await;
        tokio::join!(self.builds.stop(deadline), self.workers.stop(deadline));
        self.membership.leave().await;
    }
}
