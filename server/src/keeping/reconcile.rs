//! Reads what should be, looks at what is, closes the gap.

use std::sync::{Arc, Weak};
use std::time::Duration;

use domain::Cause;
use domain::function::{self, Status};
use domain::manifest::Mode;
use tokio::time::Instant;

use super::{Error, Fleet, Inner, Pool, Route, Taker, job};
use crate::executor::{self, Spec};
use crate::store::{FunctionRow, VersionRow};

/// How often instances are looked at.
const TICK: Duration = Duration::from_millis(500);

/// Looks at all pools again and again, until the fleet is gone.
pub(super) async fn tick(fleet: Weak<Inner>) {
    let mut timer = tokio::time::interval(TICK);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        timer.tick().await;
        let Some(fleet) = fleet.upgrade() else { return };
        let pools: Vec<_> = fleet.pools.lock().values().cloned().collect();
        for pool in &pools {
            pool.tend();
        }
        drop(pools);
        fleet.pools.lock().retain(|_, pool| pool.is_current() || !pool.is_empty() || Arc::strong_count(pool) > 1);
    }
}

impl Inner {
    /// What an instance gets between SIGTERM and SIGKILL: what is left of it when the server ends.
    pub(super) fn stop_grace(&self) -> Duration {
        let grace = self.settings.stop_grace;
        let left = |end: &Instant| end.saturating_duration_since(Instant::now()).max(super::health::LAST_WORDS);
        self.ends_at.get().map_or(grace, |end| left(end).min(grace))
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }

    /// The route of a function that runs, with its instances as they should be; `None` when it does not run.
    pub(super) async fn reconcile(self: &Arc<Self>, id: function::Id) -> Result<Option<Arc<Route>>, Error> {
        // One at a time for a function, so that what was read last is done last.
        let turn = usize::try_from(id.uuid().as_u128() % self.turns.len() as u128).unwrap_or(0);
        let _turn = self.turns[turn].lock().await;
        let Some(row) = self.store.function(id).await? else { return Ok(None) };
        let version = match (row.state, row.current_version) {
            (Status::Running, Some(version)) => version,
            _ => {
                self.routes.write().remove(id);
                self.is_whole(id);
                self.retire(id, None);
                if row.state == Status::Deregistered {
                    self.meters.forget(id);
                    self.jobs.lock().remove(&id);
                }
                return Ok(None);
            }
        };
        let known = self.routes.read().by_function.get(&id).cloned();
        let route = match known {
            Some(route) if route.version == version => route,
            _ => {
                let route = self.make_route(&row, version).await?;
                self.routes.write().insert(route.clone());
                job::resize(self, &route);
                route
            }
        };
        if let Some(pool) = route.pool() {
            pool.set_current(true);
            pool.ensure(route.manifest.scaling.min);
        }
        self.retire(id, Some(version));
        Ok(Some(route))
    }

    /// Takes the ordinary calls from all versions of a function but one. Where one is kept, the others go on with what
    /// they have begun and end when they are idle; where none is, all are closed.
    fn retire(self: &Arc<Self>, id: function::Id, keep: Option<u32>) {
        let mut pools = self.pools.lock();
        let others: Vec<_> =
            pools.keys().filter(|(function, version)| *function == id && Some(*version) != keep).copied().collect();
        for key in others {
            if keep.is_some() {
                pools[&key].set_current(false);
                continue;
            }
            let Some(pool) = pools.remove(&key) else { continue };
            pool.set_current(false);
            let drain = pool.timeout();
            self.runtime.spawn(async move { pool.close(Instant::now() + drain).await });
        }
    }

    pub(super) async fn roll_out(self: &Arc<Self>, id: function::Id, version: u32) -> Result<(), Error> {
        let Some(row) = self.store.function(id).await? else { return Ok(()) };
        if row.state != Status::Running || row.current_version.is_none_or(|current| current >= version) {
            return Ok(());
        }
        let route = self.side_route(&row, version).await?;
        let deadline = Instant::now() + self.settings.ready_within;
        if let Some(pool) = route.pool()
            && let Err(error) = pool.healthy(deadline).await
        {
            // The pool has told the function what is wrong; the version before goes on.
            tracing::warn!(function = %id, version, %error, "version not promoted");
            return Ok(());
        }
        let reason = Some("it is healthy".to_owned());
        let command = function::Command::Promote { version, reason, at: crate::clock::now() };
        let cause = Cause { actor: Some(format!("server:{}", self.node).into()), ..Cause::default() };
        if let Err(error) = self.commands.function(id, command, cause).await {
            tracing::warn!(function = %id, version, %error, "version not promoted");
        }
        self.reconcile(id).await.map(|_| ())
    }

    /// A route to a version that is not the current one.
    pub(super) async fn side_route(self: &Arc<Self>, row: &FunctionRow, version: u32) -> Result<Arc<Route>, Error> {
        self.make_route(row, version).await
    }

    async fn make_route(self: &Arc<Self>, row: &FunctionRow, version: u32) -> Result<Arc<Route>, Error> {
        let made = self.store.version(row.id, version).await?.ok_or(Error::NoSuchVersion(version))?;
        let manifest = Arc::new(made.manifest()?);
        if row.state == Status::Running && row.current_version == Some(version) {
            self.look_for_artifact(&row.namespace, &row.name, &made);
        }
        let taker = match manifest.mode {
            Mode::Job => Taker::Job,
            Mode::Service => {
                let spec = self.spec_of(&row.namespace, &row.name, &made).map_err(|error| Error::Unhealthy {
                    message: error.to_string(),
                    stderr_tail: Vec::new(),
                    retry_in: super::backoff::LONGEST,
                })?;
                let mut pools = self.pools.lock();
                let pool = pools
                    .entry((row.id, version))
                    .or_insert_with(|| Arc::new(Pool::new(self, row.id, version, spec, manifest.clone())));
                if row.reason.is_some() {
                    pool.is_ailing();
                }
                Taker::Service(pool.clone())
            }
        };
        Ok(Arc::new(Route {
            function: row.id,
            namespace: row.namespace.as_str().into(),
            name: row.name.as_str().into(),
            version,
            manifest,
            taker,
        }))
    }

    /// What the executor needs to run a route's version.
    pub(super) async fn spec(&self, route: &Route) -> Result<Spec, executor::Error> {
        let refused = |message: String| executor::Error::Refused(message);
        let made = self.store.version(route.function, route.version).await.map_err(|e| refused(e.to_string()))?;
        let made = made.ok_or_else(|| refused(format!("the function has no version {}", route.version)))?;
        self.spec_of(&route.namespace, &route.name, &made)
    }

    fn spec_of(&self, namespace: &str, name: &str, made: &VersionRow) -> Result<Spec, executor::Error> {
        let artifact = (self.artifacts)(&made.digest)
            .ok_or_else(|| executor::Error::Refused(super::broken::missing(&made.digest, made.number)))?;
        let manifest = made.manifest().map_err(|error| executor::Error::Refused(error.to_string()))?;
        Spec::of(namespace, name, made.number, artifact, manifest)
    }
}

impl Fleet {
    /// Starts what must have instances without being called. A function that cannot be started holds up no other.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn start_wanted(&self) -> Result<(), Error> {
        let running = self.inner.store.running_functions().await?;
        self.inner.metrics.active_functions.set(i64::try_from(running.len()).unwrap_or(i64::MAX));
        for row in running {
            let Some(version) = row.current_version else { continue };
            let Some(made) = self.inner.store.version(row.id, version).await? else { continue };
            self.inner.look_for_artifact(&row.namespace, &row.name, &made);
            let started = async {
                let manifest = made.manifest()?;
                if manifest.mode == Mode::Service && manifest.scaling.min > 0 {
                    self.inner.reconcile(row.id).await?;
                }
                Ok::<_, Error>(())
            };
            match started.await {
                Ok(()) => {}
                Err(Error::Store(error)) if !error.is_final() => return Err(error.into()),
                Err(error) => {
                    tracing::error!(function = %row.id, name = row.name, %error, "a function cannot be started")
                }
            }
        }
        Ok(())
    }
}
