//! Keeps instances running: what is wanted against what is there.
//!
//! Knows versions, instances and their health; knows neither HTTP's front door nor queues. A service has a [`pool`] for
//! each version that is called; a call takes a [`Lease`] on an instance and gives it back. [`reconcile`] takes no input
//! but a function's id: it reads what should be and closes the gap.

mod alone;
mod answers;
mod backoff;
mod broken;
mod health;
mod instance;
mod job;
mod lines;
mod meter;
mod pool;
mod reconcile;
mod secrets;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::function::{self, BuildStatus, Status};
use domain::manifest::Manifest;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use crate::actors::Commands;
use crate::executor::{self, Executor};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::Vault;

pub use crate::leasing::{
    Answer, CallError, Input, LATE_LINES, RequestBody, Room, SMALL, Socket, Upgraded, claim, in_place,
};
pub use answers::Whole;
pub use health::PostMortem;
pub use job::{JobPlace, JobRun};
pub use meter::LineLimits;
pub use pool::{Lease, Pool, describe_exit, with_last_lines};

/// Functions that can be reconciled at the same time.
const TURNS: usize = 64;

/// Finds an artifact's folder by its digest.
pub type ArtifactPath = Arc<dyn Fn(&str) -> Option<PathBuf> + Send + Sync>;

/// How instances are kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// An instance must answer for the first time within this.
    pub ready_within: Duration,
    /// An instance that should end gets this long.
    pub stop_grace: Duration,
    /// Calls of one version that may wait for an instance.
    pub waiting: usize,
    /// What is stored of functions' lines.
    pub lines: LineLimits,
}

/// Why there is no instance for a call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The function does not run.
    #[error("{}", not_running(*state, build.as_deref()))]
    NotRunning {
        /// The state that it is in.
        state: Status,
        /// Why its newest build failed, where that is why it does not run.
        build: Option<String>,
    },
    /// The function has no such version.
    #[error("the function has no version {0}")]
    NoSuchVersion(u32),
    /// Too many calls wait already.
    #[error("all instances are busy and {waiting} calls wait already; try again in a moment")]
    Overloaded {
        /// How many wait.
        waiting: usize,
    },
    /// No instance was free in time.
    #[error("no instance was free in time")]
    TimedOut,
    /// Instances do not become healthy.
    #[error("{message}")]
    Unhealthy {
        /// What happened to the last one.
        message: String,
        /// The last lines of its standard error, oldest first.
        stderr_tail: Vec<String>,
        /// When the next one may be started.
        retry_in: Duration,
    },
    /// The log is away.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// The function does not run.
    fn stopped(state: Status) -> Self {
        Self::NotRunning { state, build: None }
    }
}

/// Bytes of a build's error that are repeated where a function is called.
const MAX_BUILD_ERROR: usize = 500;

fn not_running(state: Status, build: Option<&str>) -> String {
    match build {
        Some(error) => {
            format!(
                "the function is {state} and does not run, because its newest build failed: {error}; mend that and build it again"
            )
        }
        None => format!("the function is {state} and does not run; start it, once it is built"),
    }
}

/// A running function as calls see it.
#[derive(Debug)]
pub struct Route {
    /// Which function.
    pub function: function::Id,
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// The version that takes the calls.
    pub version: u32,
    /// That version's manifest.
    pub manifest: Arc<Manifest>,
    /// What takes the calls.
    pub taker: Taker,
}

/// What takes a function's calls.
#[derive(Debug)]
pub enum Taker {
    /// Instances, which live on between calls.
    Service(Arc<Pool>),
    /// A process for each call.
    Job,
}

impl Route {
    /// The instances of a service; a job has none.
    pub fn pool(&self) -> Option<&Arc<Pool>> {
        match &self.taker {
            Taker::Service(pool) => Some(pool),
            Taker::Job => None,
        }
    }

    /// Calls that one process of it takes at a time.
    pub fn calls_at_once(&self) -> u32 {
        match &self.taker {
            Taker::Service(_) => self.manifest.scaling.concurrency.max(1),
            Taker::Job => 1,
        }
    }
}

/// An instance as people see it.
#[derive(Debug, Clone)]
pub struct InstanceInfo {
    /// Names it.
    pub id: String,
    /// The version that it runs.
    pub version: u32,
    /// `starting`, `ready` or `draining`.
    pub state: &'static str,
    /// Calls that it works on.
    pub in_flight: u32,
    /// When it was started.
    pub started_at: chrono::DateTime<chrono::Utc>,
}

/// Keeps instances. Cloning it is cheap.
#[derive(Clone)]
pub struct Fleet {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    commands: Commands,
    vault: Vault,
    executor: Arc<dyn Executor>,
    artifacts: ArtifactPath,
    metrics: Metrics,
    settings: Settings,
    answers: answers::Answers,
    inputs: Room,
    large_answers: Room,
    broken: broken::Broken,
    /// The server ends then.
    ends_at: OnceLock<Instant>,
    node: String,
    /// Functions that were called or must have instances. A function that is not here may still run: it was not called yet.
    routes: RwLock<Routes>,
    pools: Mutex<HashMap<(function::Id, u32), Arc<Pool>>>,
    jobs: Mutex<HashMap<function::Id, Arc<job::Places>>>,
    meters: meter::Meters,
    /// Functions take turns in being reconciled.
    turns: [tokio::sync::Mutex<()>; TURNS],
    /// Where instances live, whichever thread a call comes in on.
    runtime: tokio::runtime::Handle,
}

/// Routes by namespace and name, and by function.
#[derive(Default)]
struct Routes {
    by_name: HashMap<Arc<str>, HashMap<Arc<str>, Arc<Route>>>,
    by_function: HashMap<function::Id, Arc<Route>>,
}

impl Routes {
    fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Route>> {
        self.by_name.get(namespace)?.get(name)
    }

    fn insert(&mut self, route: Arc<Route>) {
        self.by_function.insert(route.function, route.clone());
        self.by_name.entry(route.namespace.clone()).or_default().insert(route.name.clone(), route);
    }

    fn remove(&mut self, function: function::Id) {
        let Some(route) = self.by_function.remove(&function) else { return };
        if let Some(names) = self.by_name.get_mut(&route.namespace)
            && names.get(&route.name).is_some_and(|other| other.function == function)
        {
            names.remove(&route.name);
        }
    }
}

impl Fleet {
    /// Begins to keep instances; none is started yet. Must be called within a tokio runtime.
    #[allow(clippy::too_many_arguments)] // each is another room's handle
    pub fn start(
        store: Store,
        commands: Commands,
        vault: Vault,
        executor: Arc<dyn Executor>,
        artifacts: ArtifactPath,
        metrics: Metrics,
        settings: Settings,
        node: String,
    ) -> Self {
        let inner = Arc::new(Inner {
            store,
            commands,
            vault,
            executor,
            artifacts,
            metrics,
            meters: meter::Meters::new(settings.lines),
            settings,
            answers: answers::Answers::default(),
            inputs: Room::default(),
            large_answers: Room::default(),
            broken: broken::Broken::default(),
            ends_at: OnceLock::new(),
            node,
            routes: RwLock::default(),
            pools: Mutex::default(),
            jobs: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            runtime: tokio::runtime::Handle::current(),
        });
        let fleet = Self { inner };
        tokio::spawn(reconcile::tick(Arc::downgrade(&fleet.inner)));
        tokio::spawn(secrets::tick(Arc::downgrade(&fleet.inner)));
        fleet
    }

    /// The route to a running function.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when it does not run; `Ok(None)` when there is no such function.
    pub async fn route(&self, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error> {
        if let Some(route) = self.inner.routes.read().get(namespace, name) {
            return Ok(Some(route.clone()));
        }
        let Some(row) = self.inner.store.function_named(namespace, name).await? else { return Ok(None) };
        match row.state {
            Status::Running => self.inner.reconcile(row.id).await,
            Status::Deregistered => Ok(None),
            Status::Registered | Status::Built | Status::Stopped => Err(self.not_running(&row).await),
        }
    }

    /// The route to a function by id; with a version, to that one instead of the current.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when it does not run (and no version was asked for), or [`Error::NoSuchVersion`].
    pub async fn route_to(&self, id: function::Id, version: Option<u32>) -> Result<Option<Arc<Route>>, Error> {
        let known = self.inner.routes.read().by_function.get(&id).cloned();
        if let Some(route) = known
            && version.is_none_or(|version| version == route.version)
        {
            return Ok(Some(route));
        }
        let Some(row) = self.inner.store.function(id).await? else { return Ok(None) };
        if row.state == Status::Deregistered {
            return Err(Error::stopped(row.state));
        }
        match version {
            Some(version) if row.current_version != Some(version) || row.state != Status::Running => {
                self.inner.side_route(&row, version).await.map(Some)
            }
            _ if row.state != Status::Running => Err(self.not_running(&row).await),
            _ => self.inner.reconcile(id).await,
        }
    }

    /// That a function does not run, and why. Where nothing of it was ever built, the newest build says that.
    pub async fn not_running(&self, row: &store::FunctionRow) -> Error {
        let mut build = None;
        if row.state == Status::Registered {
            let newest = self.inner.store.newest_builds(&[row.id]).await.unwrap_or_default().pop();
            let error = newest.filter(|newest| newest.state == BuildStatus::Failed).and_then(|newest| newest.error);
            build = error.map(|error| error[..error.floor_char_boundary(MAX_BUILD_ERROR)].to_owned());
        }
        Error::NotRunning { state: row.state, build }
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

    /// Starts one instance ahead of the first call, so that what cannot start is known at once.
    ///
    /// # Errors
    /// When the log is away. An instance that does not become healthy is reported to the function, not here.
    pub async fn warm_up(&self, id: function::Id) -> Result<(), Error> {
        if let Some(route) = self.inner.reconcile(id).await?
            && let Some(pool) = route.pool()
        {
            pool.ensure(1);
        }
        Ok(())
    }

    /// Starts instances of a running function for runs that wait in the queue, as far as its scaling allows.
    pub fn expect(&self, id: function::Id, waiting: u64) {
        let route = self.inner.routes.read().by_function.get(&id).cloned();
        if let Some(pool) = route.as_ref().and_then(|route| route.pool()) {
            pool.expect(waiting);
        }
    }

    /// The instances of a function on this server, oldest first.
    pub fn instances(&self, id: function::Id) -> Vec<InstanceInfo> {
        let pools: Vec<_> = self.inner.pools.lock().values().filter(|pool| pool.function() == id).cloned().collect();
        let mut all: Vec<_> = pools.iter().flat_map(|pool| pool.instances()).collect();
        all.sort_by(|a, b| a.started_at.cmp(&b.started_at).then_with(|| a.id.cmp(&b.id)));
        all
    }

    /// A place for a job that somebody waits for.
    ///
    /// # Errors
    /// When too many wait, or when it takes too long.
    pub async fn job_place(&self, route: &Route, deadline: Instant) -> Result<JobPlace, Error> {
        job::place(&self.inner, route, deadline).await
    }

    /// A place for a job, however long that takes.
    ///
    /// # Errors
    /// When the job could not be started in it: something that its version needs is missing.
    pub async fn next_job_place(&self, route: &Route) -> Result<JobPlace, executor::Error> {
        job::next_place(&self.inner, route).await
    }

    /// Room for inputs that functions are given.
    pub fn inputs(&self) -> &Room {
        &self.inner.inputs
    }

    /// Room for answers that are kept whole, because somebody waits for them.
    pub fn large_answers(&self) -> &Room {
        &self.inner.large_answers
    }

    /// Runs a job to its end; at most as many at a time as its scaling allows. Without a place it waits for one.
    ///
    /// # Errors
    /// When the executor cannot run it.
    pub async fn run_job(
        &self,
        route: &Route,
        call: executor::JobCall,
        place: Option<JobPlace>,
    ) -> Result<JobRun, executor::Error> {
        job::run(&self.inner, route, call, place).await
    }

    /// Whether instances can be started here, as far as the host is concerned. What is gone is made again first.
    ///
    /// # Errors
    /// What is missing.
    pub async fn keep_ground(&self) -> Result<(), String> {
        let executor = self.inner.executor.clone();
        tokio::task::spawn_blocking(move || executor.keep_ground()).await.unwrap_or_else(|error| Err(error.to_string()))
    }

    /// Ends all instances, the last of them soon after `deadline`.
    pub async fn stop(&self, deadline: Instant) {
        let _ = self.inner.ends_at.set(deadline);
        let pools: Vec<_> = self.inner.pools.lock().drain().map(|(_, pool)| pool).collect();
        futures::future::join_all(pools.iter().map(|pool| pool.close(Instant::now()))).await;
    }
}
