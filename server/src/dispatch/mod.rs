//! Does what the log asks for: the [`relay`] follows it and asks `domain::react` what follows from each fact, the
//! [`worker`] runs runs, [`builds`] builds, the [`sweep`] finds work that was lost, [`retention`] removes what is past its
//! time.
//!
//! Everything here may happen twice: what is asked for has an id that is derived from its cause, and what is done looks
//! at the state first.

mod builds;
mod call;
mod depth;
mod relay;
mod retention;
mod sweep;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use domain::Cause;
use tokio::time::Instant;

use crate::actors::Commands;
use crate::builder::Workshop;
use crate::config::Retention;
use crate::fleet::Fleet;
use crate::queue::Queue;
use crate::store::{self, Store};
use crate::telemetry::Metrics;

/// What the work is done with. Cloning it is cheap.
#[derive(Clone)]
pub struct Tools {
    /// The log.
    pub store: Store,
    /// The writers.
    pub commands: Commands,
    /// Delivery.
    pub queue: Arc<dyn Queue>,
    /// Instances.
    pub fleet: Fleet,
    /// Builds.
    pub workshop: Workshop,
    /// Counters.
    pub metrics: Metrics,
    /// Builds at a time.
    pub builds: usize,
    /// Bytes of a result that a run keeps.
    pub recorded: usize,
    /// How long what is done with is kept.
    pub retention: Retention,
    /// Names this server in the log; the same after a restart.
    pub node: Arc<str>,
}

impl Tools {
    /// The cause of what this server does by itself.
    fn own_cause(&self) -> Cause {
        Cause { actor: Some(self.actor()), ..Cause::default() }
    }

    fn actor(&self) -> Arc<str> {
        format!("server:{}", self.node).into()
    }
}

/// Takes up what was left open and begins to follow the log. Must be called within a tokio runtime.
///
/// # Errors
/// When the log cannot be read.
pub async fn start(tools: Tools) -> Result<Dispatch, store::Error> {
    let workers = worker::Workers::new(tools.clone());
    let builds = builds::Builds::new(tools.clone());
    let relay = relay::Relay::load(tools.clone(), workers.clone(), builds.clone()).await?;
    sweep::builds(&tools, &builds).await?;
    sweep::runs(&tools, &workers).await?;
    tokio::spawn(relay.follow());
    tokio::spawn(depth::tell(tools.clone()));
    tokio::spawn(retention::forever(tools.clone()));
    tokio::spawn(sweep::forever(tools, workers.clone()));
    Ok(Dispatch { workers, builds })
}

/// What is being done.
pub struct Dispatch {
    workers: worker::Workers,
    builds: builds::Builds,
}

impl Dispatch {
    /// Begins nothing more, and waits for what runs, at most for `grace`. What is not done by then stays open in the log.
    pub async fn stop(&self, grace: Duration) {
        self.builds.stop();
        self.workers.stop(Instant::now() + grace).await;
    }
}
