//! What instances are kept by.

use std::sync::{Arc, OnceLock};

use domain::function;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::info::InstanceInfo;
use super::inner::Inner;
use super::keeper::Keeper;
use super::means::Means;
use super::meter::Meters;
use super::settings::Settings;
use super::work::{self, JobRun};
use super::{lead, reconcile};
use crate::actors::Commands;
use crate::artifacts::Artifacts;
use crate::executor::{self, Executors, JobCall};
use crate::leasing::{Arm, Error, JobPlace, Leasing, Source};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::Vault;

/// What keeping needs of the other rooms.
pub struct Parts {
    /// Gives calls what is kept here.
    pub leasing: Leasing,
    /// Says what should be.
    pub store: Store,
    /// Tells functions how their instances are.
    pub commands: Commands,
    /// Opens what instances are given.
    pub vault: Vault,
    /// Run processes of this server.
    pub executors: Executors,
    /// Keeps what belongs to no server; `None`: everything is a process of each server.
    pub keeper: Option<Arc<dyn Keeper>>,
    /// What is run.
    pub artifacts: Artifacts,
    /// Counters.
    pub metrics: Metrics,
    /// How instances are kept.
    pub settings: Settings,
    /// Names this server in the log.
    pub node: String,
}

/// Keeps instances. Cloning it is cheap.
#[derive(Clone)]
pub struct Keeping {
    inner: Arc<Inner>,
}

impl Keeping {
    /// Begins to keep instances; none is started yet. Must be called within a tokio runtime.
    pub fn start(parts: Parts) -> Self {
        let Parts { leasing, store, commands, vault, executors, keeper, artifacts, metrics, settings, node } = parts;
        let means = Means {
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
        let inner = Arc::new(Inner::new(Arc::new(means), leasing, keeper));
        let source: Arc<dyn Source> = inner.clone();
        inner.leasing.learn_from(Arc::downgrade(&source));
        tokio::spawn(reconcile::tend(Arc::downgrade(&inner)));
        tokio::spawn(reconcile::renew_secrets(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Keeps what belongs to no server, for ever: to be done by the server that leads, and by it alone. It is dropped where it
    /// stands when another one leads.
    pub async fn lead(&self) {
        lead::forever(self.inner.clone()).await;
    }

    /// Reads what should be of a function, and closes the gap.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn reconcile(&self, id: function::Id) -> Result<(), Error> {
        self.inner.reconcile(id).await.map(|_| ())
    }

    /// Starts an instance of a newer version of a running function, and promotes the version when it is healthy.
    ///
    /// # Errors
    /// When the log is away. An unhealthy version is reported to the function, not here.
    pub async fn roll_out(&self, id: function::Id, version: u32) -> Result<(), Error> {
        self.inner.roll_out(id, version).await
    }

    /// Starts one instance of each version that takes calls ahead of the first one, so that what cannot start is known at
    /// once.
    ///
    /// # Errors
    /// When the log is away. An instance that does not become healthy is reported to the function, not here.
    pub async fn warm_up(&self, id: function::Id) -> Result<(), Error> {
        let Some(route) = self.inner.reconcile(id).await? else { return Ok(()) };
        for (arm, _) in route.shares().filter(|(_, share)| *share > 0) {
            if let Some(crew) = self.inner.crew(id, arm.version) {
                crew.ensure(1);
            }
        }
        Ok(())
    }

    /// Starts instances of a running function for runs that wait in the queue, as far as its scaling allows.
    pub fn expect(&self, id: function::Id, waiting: u64) {
        let Some(route) = self.inner.leasing.known(id) else { return };
        for (arm, share) in route.shares() {
            let mine = (waiting.saturating_mul(share.into())).div_ceil(100);
            if mine > 0
                && let Some(crew) = self.inner.crew(id, arm.version)
            {
                crew.expect(mine);
            }
        }
    }

    /// The instances of a function that calls on this server may reach, oldest first.
    pub fn instances(&self, id: function::Id) -> Vec<InstanceInfo> {
        let crews: Vec<_> = {
            let crews = self.inner.crews.lock();
            crews.iter().filter(|((function, _), _)| *function == id).map(|(_, crew)| crew.clone()).collect()
        };
        let mut all: Vec<_> = crews.iter().flat_map(|crew| crew.instances()).collect();
        all.sort_by(|a, b| a.started_at.cmp(&b.started_at).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// That a function does not run, and why. Where nothing of it was ever built, the newest build says that.
    pub async fn not_running(&self, row: &store::FunctionRow) -> Error {
        self.inner.not_running(row).await
    }

    /// Starts what must have instances without being called. A function that cannot be started holds up no other.
    ///
    /// # Errors
    /// When the log is away.
    pub async fn start_wanted(&self) -> Result<(), Error> {
        self.inner.start_wanted().await
    }

    /// Whether a job could be started now.
    ///
    /// # Errors
    /// When something that its version needs is missing.
    pub async fn can_run(&self, arm: &Arm) -> Result<(), executor::Error> {
        work::can_run(&self.inner.means, arm).await
    }

    /// Runs a job to its end, in its place.
    ///
    /// # Errors
    /// When the executor cannot run it.
    pub async fn run_job(&self, arm: &Arm, call: JobCall, place: JobPlace) -> Result<JobRun, executor::Error> {
        work::run(&self.inner.means, arm, call, place).await
    }

    /// Why a function that should run cannot run on this server, if that is so.
    pub async fn fault_of(&self, row: &store::FunctionRow) -> Option<String> {
        self.inner.broken.of(&self.inner.means.artifacts, row).await
    }

    /// How many functions cannot run on this server, and which, for people; `None` when all can.
    pub async fn faults(&self) -> Option<String> {
        self.inner.broken.all(&self.inner.means.artifacts).await
    }

    /// Whether instances can be started here, as far as the host is concerned. What is gone is made again first.
    ///
    /// # Errors
    /// What is missing.
    pub async fn keep_ground(&self) -> Result<(), String> {
        let executors = self.inner.means.executors.clone();
        tokio::task::spawn_blocking(move || executors.keep_ground())
            .await
            .unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Ends all instances of this server, the last of them soon after `deadline`.
    pub async fn stop(&self, deadline: Instant) {
        let _ = self.inner.means.ends_at.set(deadline);
        let crews: Vec<_> = self.inner.crews.lock().drain().map(|(_, crew)| crew).collect();
        futures::future::join_all(crews.into_iter().map(|crew| crew.close(Instant::now()))).await;
    }
}
