//! An instance for one run alone: for what may be the cause of crashes, so that nobody else has to suffer for it.

use std::sync::Arc;

use domain::function::Status;
use domain::run;
use tokio::time::Instant;

use super::Error;
use super::instance::Running;
use super::pool::{Lease, Pool, Progress, describe_exit};

impl Pool {
    /// As [`Pool::lease`], on an instance that is started for this call and ends with it. Where an instance takes one call at
    /// a time, any will do.
    ///
    /// # Errors
    /// As [`Pool::lease`].
    pub async fn lease_alone(self: &Arc<Self>, run: run::Id, deadline: Instant) -> Result<Lease, Error> {
        if self.manifest.scaling.concurrency <= 1 {
            return self.lease(Some(run), deadline).await;
        }
        let turn = tokio::time::timeout_at(deadline, self.turns_alone.clone().acquire_owned());
        let turn = turn.await.map_err(|_| Error::TimedOut)?.expect("nobody closes the semaphore");
        let stopped = || Error::stopped(Status::Stopped);
        let fleet = self.fleet.upgrade().ok_or_else(stopped)?;
        {
            let state = self.state.lock();
            if state.closed {
                return Err(stopped());
            }
            if state.retry_at.is_some_and(|at| Instant::now() < at) {
                return Err(state.unhealthy());
            }
        }
        let began = Instant::now();
        let running = match self.start(&fleet).await {
            Ok(running) => running,
            Err(error) => {
                self.did_not_start(error, began.elapsed()).await;
                return Err(self.state.lock().unhealthy());
            }
        };
        self.count_start(&fleet, &running, began);
        let closed = {
            let mut state = self.state.lock();
            if !state.closed {
                state.alone.push(running.clone());
            }
            state.closed
        };
        if closed || !running.enter(1) {
            self.forget(&running);
            self.let_go(running, Instant::now());
            return Err(stopped());
        }
        running.begin(run);
        let pool = self.clone();
        let watched = running.clone();
        fleet.runtime().spawn(async move { pool.watch_alone(&watched).await });
        let (turn, progress) = (Some(turn), Progress::default());
        Ok(Lease { pool: self.clone(), instance: running, run: Some(run), turn, progress, cold_start: true })
    }

    async fn watch_alone(&self, running: &Arc<Running>) {
        let exit = running.ended().await;
        self.forget(running);
        if !running.is_draining() {
            self.report(&running.id, describe_exit(&exit)).await;
        }
    }

    fn forget(&self, running: &Arc<Running>) {
        self.state.lock().alone.retain(|other| !Arc::ptr_eq(other, running));
    }
}
