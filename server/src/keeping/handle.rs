//! The handle to this room, [`Keeping`].

use std::sync::{Arc, OnceLock};

use domain::function;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::context::Context;
use super::info::InstanceInfo;
use super::inner::Inner;
use super::keeper::Keeper;
use super::meter::Meters;
use super::settings::Settings;
use super::work::{self, JobRun};
use super::{lead, reconcile};
use crate::actors::Commands;
use crate::artifacts::Artifacts;
use crate::executor::{self, Executors, JobCall};
use crate::leasing::{Arm, Error, JobPermit, Leasing, Source};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// The parts of other rooms that keeping uses.
pub struct Parts {
    /// Hands instances to calls.
    pub leasing: Leasing,
    /// The desired state.
    pub store: Store,
    /// Records failures and recoveries of instances.
    pub commands: Commands,
    /// Decrypts the secrets of instances.
    pub vault: Vault,
    /// Run processes on this server.
    pub executors: Executors,
    /// Keeps instances that belong to no server; `None` if all instances are processes of their server.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// What is run.
    pub artifacts: Artifacts,
    /// Counters.
    pub metrics: Metrics,
    /// How instances are kept.
    pub settings: Settings,
    /// The name of this server in the log.
    pub node: String,
}

/// Keeps instances. Cheap to clone.
#[derive(Clone)]
pub struct Keeping {
    inner: Arc<Inner>,
}

impl Keeping {
    /// Starts keeping instances; none is started yet. Must be called within a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts { leasing, store, commands, vault, executors, keeper, artifacts, metrics, settings, node } = parts;
        let context = Context {
            store,
            commands,
            vault,
            executors,
            artifacts,
            metrics,
            meters: Meters::new(settings.lines),
            settings,
            node,
            ends_at: OnceLock::new(),
            runtime: Handle::current(),
        };
        let inner = Arc::new(Inner::new(Arc::new(context), leasing, keeper));
        let source: Arc<dyn Source> = inner.clone();
        inner.leasing.learn_from(Arc::downgrade(&source));
        tokio::spawn(reconcile::maintain(Arc::downgrade(&inner)));
        tokio::spawn(reconcile::renew_secrets(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Manages the instances that belong to no server, until the future is dropped. Must run on the leading server
    /// only; it is safe to drop it at any point.
    pub async fn lead(&self) {
        lead::forever(self.inner.clone()).await;
    }

    /// Compares the desired state of a function with its instances, and closes the gap.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn reconcile(&self, id: function::Id) -> Result<(), Error> {
        self.inner.reconcile(id).await.map(|_| ())
    }

    /// Starts an instance of a newer version of a running function, and promotes the version once it is healthy.
    ///
    /// # Errors
    /// If the log is not available. An unhealthy version is reported in the function's log instead.
    pub async fn roll_out(&self, id: function::Id, version: u32) -> Result<(), Error> {
        self.inner.roll_out(id, version).await
    }

    /// Starts one instance of each version that takes calls before the first call arrives, so that a version which
    /// cannot start is noticed at once.
    ///
    /// # Errors
    /// If the log is not available. An instance that does not become healthy is reported in the function's log instead.
    pub async fn warm_up(&self, id: function::Id) -> Result<(), Error> {
        let Some(route) = self.inner.reconcile(id).await? else { return Ok(()) };
        for (arm, _) in route.shares().filter(|(_, share)| *share > 0) {
            if let Some(pool) = self.inner.pool(id, arm.version) {
                pool.ensure(1);
            }
        }
        Ok(())
    }

    /// Starts instances of a running function for queued runs, within its scaling.
    pub fn expect(&self, id: function::Id, waiting: u64) {
        let Some(route) = self.inner.leasing.known(id) else { return };
        for (arm, share) in route.shares() {
            let mine = (waiting.saturating_mul(share.into())).div_ceil(100);
            if mine > 0
                && let Some(pool) = self.inner.pool(id, arm.version)
            {
                pool.expect(mine);
            }
        }
    }

    /// The instances of a function that this server's calls may reach, oldest first.
    pub fn instances(&self, id: function::Id) -> Vec<InstanceInfo> {
        let pools: Vec<_> = {
            let pools = self.inner.pools.lock();
            pools.iter().filter(|((function, _), _)| *function == id).map(|(_, pool)| pool.clone()).collect()
        };
        let mut all: Vec<_> = pools.iter().flat_map(|pool| pool.instances()).collect();
        all.sort_by(|a, b| a.started_at.cmp(&b.started_at).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// The error for a function that does not run, with the reason. If nothing was ever built, the latest build
    /// provides it.
    pub async fn not_running(&self, row: &store::FunctionRow) -> Error {
        self.inner.not_running(row).await
    }

    /// Starts the instances that must exist without calls. A function that cannot be started does not hold up the
    /// others.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn start_wanted(&self) -> Result<(), Error> {
        self.inner.start_wanted().await
    }

    /// Checks whether a job could be started now.
    ///
    /// # Errors
    /// If something that its version needs is missing.
    pub async fn can_run(&self, arm: &Arm) -> Result<(), executor::Error> {
        work::can_run(&self.inner.context, arm).await
    }

    /// Runs a job to its end, using its slot.
    ///
    /// # Errors
    /// If the executor cannot run it.
    pub async fn run_job(&self, arm: &Arm, call: JobCall, permit: JobPermit) -> Result<JobRun, executor::Error> {
        work::run(&self.inner.context, arm, call, permit).await
    }

    /// Why a function that should run cannot run on this server, if that is so.
    pub async fn fault_of(&self, row: &store::FunctionRow) -> Option<String> {
        self.inner.broken.of(&self.inner.context.artifacts, row).await
    }

    /// How many functions cannot run on this server, and which, for people; `None` when all can.
    pub async fn faults(&self) -> Option<String> {
        self.inner.broken.all(&self.inner.context.artifacts).await
    }

    /// Why some functions cannot be started at present: their executor is away.
    pub fn executor_fault(&self) -> Option<String> {
        self.inner.context.executors.fault()
    }

    /// Checks whether this host can start instances, and restores what is missing if possible.
    ///
    /// # Errors
    /// What is missing.
    pub async fn prepare_host(&self) -> Result<(), String> {
        let executors = self.inner.context.executors.clone();
        tokio::task::spawn_blocking(move || executors.prepare_host())
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Ends all instances of this server, the last of them soon after `deadline`.
    pub async fn stop(&self, deadline: Instant) {
        let _ = self.inner.context.ends_at.set(deadline);
        let pools: Vec<_> = self.inner.pools.lock().drain().map(|(_, pool)| pool).collect();
        futures::future::join_all(pools.into_iter().map(|pool| pool.close(Instant::now()))).await;
    }
}
