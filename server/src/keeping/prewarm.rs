//! Starts the instances of a version that stand by, and looks after them.

use std::sync::Arc;

use tokio::time::Instant;

use super::failures::Unready;
use super::member::Member;
use super::pool::Pool;
use super::processes::{Processes, State};
use crate::executor;

impl Processes {
    /// Starts the instances that stand by, as far as the scaling leaves room for them.
    pub(super) fn prepare(self: &Arc<Self>, state: &mut State) {
        let scaling = &self.manifest.scaling;
        while self.is_ordinary()
            && !state.closed
            && state.standby.count() < scaling.prewarm
            && state.all() < scaling.max
            && state.failures.allows_another(state.starting + state.standby.preparing())
        {
            state.standby.begins();
            let this = self.clone();
            self.context.runtime.spawn(async move {
                let began = Instant::now();
                let started = this.start().await;
                this.prepared(started, began).await;
            });
        }
    }

    /// Lets an instance stand by, unless calls have come for it meanwhile.
    async fn prepared(self: &Arc<Self>, started: Result<Arc<Member>, executor::Error>, began: Instant) {
        let place = {
            let mut state = self.state.lock();
            state.standby.is_claimed().then(|| state.take_place())
        };
        if let Some(restarts) = place {
            return self.started(started, restarts, began).await;
        }
        match started {
            Ok(member) => {
                let closed = {
                    let mut state = self.state.lock();
                    state.failures.became_ready();
                    if !state.closed {
                        state.standby.put(member.clone());
                    }
                    state.closed
                };
                if closed {
                    member.process.stop(self.context.stop_grace()).await;
                }
            }
            Err(error) => self.did_not_start(error, began.elapsed()).await,
        }
    }

    /// Ends what must not stand by any more, and reports what has ended by itself.
    pub(super) fn look_after_standby(self: &Arc<Self>) {
        let (ended, unneeded) = {
            let mut state = self.state.lock();
            let ended = state.standby.take_ended();
            let unneeded = if self.is_ordinary() { Vec::new() } else { state.standby.take_all() };
            self.prepare(&mut state);
            (ended, unneeded)
        };
        for member in unneeded {
            self.let_go(member, Instant::now());
        }
        for member in ended {
            let this = self.clone();
            self.context.runtime.spawn(async move {
                let endpoint = &member.endpoint;
                let message = endpoint.ended().await;
                this.failed(endpoint.id(), message, endpoint.last_lines(), Unready::Ended).await;
            });
        }
    }
}
