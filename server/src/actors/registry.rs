//! Maps function ids to actors, which are spawned on first use and removed when they stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::SendError;
use actix::prelude::*;
use domain::{Cause, function};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::function::{Execute, FunctionActor};
use super::outcome::FunctionResult;
use super::writer::{Error, Writer};
use crate::telemetry::watchdog::Watchdog;

/// Settings of the actors.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Number of threads that actors are spread over.
    pub threads: usize,
    /// An actor that has been idle for this long is stopped.
    pub idle: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threads: 1, idle: Duration::from_secs(60) }
    }
}

#[derive(Clone)]
pub(super) struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    actors: Mutex<HashMap<function::Id, Addr<FunctionActor>>>,
    arbiters: Vec<ArbiterHandle>,
    writer: Writer,
    settings: Settings,
}

impl Registry {
    pub(super) fn start(writer: Writer, settings: Settings) -> Self {
        let arbiters = (0..settings.threads.max(1)).map(|_| Arbiter::new().handle()).collect();
        Self { inner: Arc::new(Inner { actors: Mutex::default(), arbiters, writer, settings }) }
    }

    pub(super) fn watch(&self, watchdog: &Watchdog) {
        for (index, arbiter) in self.inner.arbiters.iter().enumerate() {
            // An arbiter that has ended cannot be blocked.
            _ = arbiter.spawn(watchdog.heart(format!("actors {}", index + 1)).beat());
        }
    }

    pub(super) async fn send(&self, id: function::Id, command: function::Command, cause: Cause) -> FunctionResult {
        loop {
            let (reply, answer) = oneshot::channel();
            let message = Execute { command: command.clone(), cause: cause.clone(), reply };
            match self.actor(id).try_send(message) {
                Ok(()) => {}
                Err(SendError::Full(_)) => return Err(Error::Busy),
                Err(SendError::Closed(_)) => {
                    self.remove_closed(id);
                    continue;
                }
            }
            match answer.await {
                Ok(result) => return result,
                // The actor stopped before it processed the message: nothing was executed.
                Err(_) => self.remove_closed(id),
            }
        }
    }

    fn actor(&self, id: function::Id) -> Addr<FunctionActor> {
        let mut actors = self.inner.actors.lock();
        actors.entry(id).or_insert_with(|| self.spawn(id)).clone()
    }

    fn spawn(&self, id: function::Id) -> Addr<FunctionActor> {
        let arbiters = &self.inner.arbiters;
        let turn = usize::try_from(id.uuid().as_u128() % arbiters.len() as u128).unwrap_or(0);
        let (writer, registry, idle) = (self.inner.writer.clone(), self.clone(), self.inner.settings.idle);
        FunctionActor::start_in_arbiter(&arbiters[turn], move |_| {
            FunctionActor::new(id, writer, Box::new(move |id, address| registry.forget(id, address)), idle)
        })
    }

    fn forget(&self, id: function::Id, address: &Addr<FunctionActor>) {
        let mut actors = self.inner.actors.lock();
        if actors.get(&id) == Some(address) {
            actors.remove(&id);
        }
    }

    fn remove_closed(&self, id: function::Id) {
        let mut actors = self.inner.actors.lock();
        if actors.get(&id).is_some_and(|address| !address.connected()) {
            actors.remove(&id);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.inner.actors.lock().len()
    }
}
