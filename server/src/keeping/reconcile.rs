//! Reconciles: reads the desired state, looks at the actual one, and closes the gap.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use domain::function::{self, BuildStatus, Status};
use domain::manifest::Mode;
use tokio::time::Instant;

use super::inner::{Inner, TICK};
use super::secrets;
use crate::leasing::{Arm, Error, Route, Source};
use crate::store::{FunctionRow, RunningFunction};

/// Bytes of a build's error that are repeated to callers of the function.
const MAX_BUILD_ERROR: usize = 500;

/// Maintains all instances periodically, until `inner` is dropped.
pub(super) async fn maintain(inner: Weak<Inner>) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        for pool in inner.all_pools() {
            pool.maintain();
        }
        // A holder of its endpoints may still bring a call to them.
        inner.pools.lock().retain(|_, pool| {
            pool.is_ordinary()
                || !pool.is_empty()
                || Arc::strong_count(pool) > 1
                || Arc::strong_count(pool.endpoints()) > 1
        });
    }
}

/// Checks the secrets of all versions periodically, until `inner` is dropped.
pub(super) async fn renew_secrets(inner: Weak<Inner>) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        let pools = inner.all_pools();
        secrets::renew(&inner.context, &pools).await;
    }
}

impl Inner {
    /// Reconciles a function and returns its route; `None` if it does not run.
    pub(super) async fn reconcile(self: &Arc<Self>, id: function::Id) -> Result<Option<Arc<Route>>, Error> {
        let _turn = self.turn(id).await;
        let Some(row) = self.context.store.function(id).await? else { return Ok(None) };
        let version = match (row.state, row.current_version) {
            (Status::Running, Some(version)) => version,
            _ => {
                self.leasing.forget(id);
                self.broken.keep(id, &[]);
                self.retire(id, &[]);
                if row.state == Status::Deregistered {
                    self.context.meters.forget(id);
                    self.leasing.forget_for_good(id);
                }
                return Ok(None);
            }
        };
        let known = self.leasing.known(id);
        let route = match known {
            Some(route) if route.current().version == version && route.split() == row.traffic => route,
            _ => {
                let (route, whole) = self.make_route(&row, version).await?;
                match whole {
                    true => self.leasing.set(route.clone()),
                    // The route is built again for the next call: what is missing may have appeared.
                    false => self.leasing.forget(id),
                }
                route
            }
        };
        let ordinary: Vec<_> = route.shares().filter(|(_, share)| *share > 0).map(|(arm, _)| arm.version).collect();
        for version in &ordinary {
            if let Some(pool) = self.pool(id, *version) {
                pool.set_ordinary(true);
                pool.keep_min();
            }
        }
        self.retire(id, &ordinary);
        let shares = route.split().iter().map(|share| share.version);
        self.broken.keep(id, &shares.chain([version]).collect::<Vec<_>>());
        Ok(Some(route))
    }

    /// Takes ordinary calls away from all versions of a function except these. If there are such versions, the others
    /// finish what they have begun and end when idle; otherwise all are closed.
    fn retire(self: &Arc<Self>, id: function::Id, keep: &[u32]) {
        let mut pools = self.pools.lock();
        let is_other = |(function, version): &&(function::Id, u32)| *function == id && !keep.contains(version);
        let others: Vec<_> = pools.keys().filter(is_other).copied().collect();
        for key in others {
            if !keep.is_empty() {
                pools[&key].set_ordinary(false);
                continue;
            }
            let Some(pool) = pools.remove(&key) else { continue };
            pool.set_ordinary(false);
            let drain = pool.endpoints().terms().timeout;
            self.context.runtime.spawn(async move { pool.close(Instant::now() + drain).await });
        }
    }

    /// The error for a function that does not run, with the reason. If nothing was ever built, the latest build
    /// provides it.
    pub(super) async fn not_running(&self, row: &FunctionRow) -> Error {
        let mut build = None;
        if row.state == Status::Registered {
            let newest = self.context.store.newest_builds(&[row.id]).await.unwrap_or_default().pop();
            let error = newest.filter(|newest| newest.state == BuildStatus::Failed).and_then(|newest| newest.error);
            build = error.map(|error| error[..error.floor_char_boundary(MAX_BUILD_ERROR)].to_owned());
        }
        Error::NotRunning { state: row.state, build }
    }

    /// Starts the instances that must exist without calls. A function that cannot be started does not hold up the
    /// others.
    ///
    /// # Errors
    /// If the log is not available.
    pub(super) async fn start_wanted(self: &Arc<Self>) -> Result<(), Error> {
        let running = self.context.store.running_functions().await?;
        self.context.metrics.active_functions.set(i64::try_from(running.len()).unwrap_or(i64::MAX));
        for row in running {
            match self.start_if_wanted(&row).await {
                Ok(()) => {}
                Err(Error::Store(error)) if !error.is_final() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(function = %row.id, name = row.name, %error, "function cannot be started")
                }
            }
        }
        Ok(())
    }

    async fn start_if_wanted(self: &Arc<Self>, row: &RunningFunction) -> Result<(), Error> {
        let mut wanted = false;
        for version in row.versions() {
            let Some(made) = self.context.store.version(row.id, version).await? else { continue };
            self.broken.look(&self.context.artifacts, &row.namespace, &row.name, &made).await;
            let manifest = made.manifest()?;
            wanted |=
                manifest.mode == Mode::Service && manifest.scaling.without_calls() > 0 && row.takes_calls(version);
        }
        if wanted {
            self.reconcile(row.id).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Source for Inner {
    async fn named(self: Arc<Self>, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error> {
        let Some(row) = self.context.store.function_named(namespace, name).await? else { return Ok(None) };
        match row.state {
            Status::Running => self.reconcile(row.id).await,
            Status::Deregistered => Ok(None),
            Status::Registered | Status::Built | Status::Stopped => Err(self.not_running(&row).await),
        }
    }

    async fn route(self: Arc<Self>, function: function::Id) -> Result<Option<Arc<Route>>, Error> {
        let Some(row) = self.context.store.function(function).await? else { return Ok(None) };
        match row.state {
            Status::Deregistered => Err(Error::stopped(row.state)),
            Status::Running => self.reconcile(function).await,
            Status::Registered | Status::Built | Status::Stopped => Err(self.not_running(&row).await),
        }
    }

    async fn version(self: Arc<Self>, function: function::Id, version: u32) -> Result<Option<Arc<Arm>>, Error> {
        let Some(row) = self.context.store.function(function).await? else { return Ok(None) };
        if row.state == Status::Deregistered {
            return Err(Error::stopped(row.state));
        }
        // The current version limits the jobs of all versions, so it must be known first.
        if row.state == Status::Running && self.leasing.known(function).is_none() {
            match self.reconcile(function).await {
                Ok(Some(route)) if route.current().version == version => return Ok(Some(route.current().clone())),
                Err(error @ Error::Store(_)) => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        self.make_arm(&row, version).await.map(Some)
    }
}
