//! Does what the log asks for: the [`relay`] follows it and hands the runs that follow to the queue, the [`worker`] runs
//! them, [`timers`] wait between attempts, [`callback`] tells outcomes, the [`schedule`] keeps the clock, [`retention`]
//! removes what is past its time, [`sealing`] seals the log, the [`attendant`] does what each server has to do by itself, [`builds`] builds, the
//! [`sweep`] finds work that was lost. [`membership`] says which servers there are, and which of them leads: that one
//! does what must be done once in the cluster.
//!
//! Everything here may happen twice: what is asked for has an id that is derived from its cause, and what is done looks
//! at the state first.

mod attendant;
mod begun;
mod builds;
mod call;
pub mod callback;
mod callbacks;
mod depth;
mod follow;
mod held;
mod lanes;
mod membership;
mod offer;
mod parts;
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

use attendant::Attendant;
use builds::Builds;
use membership::Membership;
use relay::Relay;
use timers::Timers;
use worker::Workers;

use crate::store;

pub use builds::places as places_for_builds;
pub use callbacks::{Callbacks, Secret as CallbackSecret};
pub use tools::Tools;

/// When the log is away at the start of a duty, it is begun again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes up what was left open and begins to follow the log. Must be called within a tokio runtime.
///
/// # Errors
/// When the log cannot be read.
pub async fn start(tools: Tools) -> Result<Dispatch, store::Error> {
    let membership =
        Membership::join(tools.store.clone(), tools.node.clone(), tools.having.clone(), tools.metrics.clone()).await;
    let workers = Workers::new(tools.clone(), membership.clone());
    let builds = Builds::new(tools.clone());
    let duty = Duty { tools: tools.clone(), workers: workers.clone(), membership: membership.clone() };
    // From here on each server follows the log; what was open before is looked for.
    let feed = tools.store.follow(tools.store.head().await?);
    sweep::builds(&tools, &builds).await?;
    let attendant = Attendant { tools: tools.clone(), workers: workers.clone(), builds: builds.clone() };
    let mut tasks = JoinSet::new();
    tasks.spawn(attendant.follow(feed));
    tasks.spawn(sweep::own(tools.clone(), workers.clone()));
    tasks.spawn(depth::tell(tools.clone(), workers.clone()));
    tasks.spawn(sealing::forever(tools.clone(), membership.clone()));
    tasks.spawn(workers.clone().do_what_is_awaited());
    if tools.queue.is_shared() {
        let membership = membership.clone();
        tasks.spawn(membership.while_leading(move || duty.clone().deliver()));
    } else {
        // Each server delivers to itself.
        tasks.spawn(async move {
            loop {
                duty.clone().deliver().await;
            }
        });
    }
    // What must be done once in the cluster.
    let (clock, teller, keeping, cleaner) = (tools.clone(), tools.clone(), tools.keeping.clone(), tools);
    tasks.spawn(membership.clone().while_leading(move || schedule::forever(clock.clone())));
    tasks.spawn(membership.clone().while_leading(move || callback::forever(teller.clone())));
    tasks.spawn(membership.clone().while_leading(move || {
        let keeping = keeping.clone();
        async move { keeping.lead().await }
    }));
    tasks.spawn(membership.clone().while_leading(move || retention::forever(cleaner.clone())));
    Ok(Dispatch { membership, workers, builds, _tasks: tasks })
}

/// What one server does for all that take from a queue.
#[derive(Clone)]
struct Duty {
    tools: Tools,
    workers: Workers,
    membership: Membership,
}

impl Duty {
    /// Delivers runs to the queue; ends when the log cannot be read.
    async fn deliver(self) {
        let Self { tools, workers, membership } = &self;
        let timers = Arc::new(Timers::default());
        let lost = sweep::Lost { tools, workers, membership, timers: &timers };
        let relay = async {
            let relay = Relay::load(tools.clone(), workers.clone(), timers.clone()).await?;
            lost.take_up().await?;
            Ok::<_, store::Error>(relay)
        };
        match relay.await {
            Ok(relay) => {
                tokio::join!(relay.follow(), timers.keep_time(tools, workers), lost.find());
            }
            Err(error) => {
                tracing::warn!(%error, "the relay cannot begin yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// What is being done.
pub struct Dispatch {
    membership: Membership,
    workers: Workers,
    builds: Builds,
    /// They end with it.
    _tasks: JoinSet<()>,
}

impl Dispatch {
    /// Begins nothing more, and waits for what runs, at most until `deadline`. What is not done by then stays open in the log.
    pub async fn stop(&self, deadline: Instant) {
        self.membership.resign().await;
        tokio::join!(self.builds.stop(deadline), self.workers.stop(deadline));
        self.membership.leave().await;
    }
}
