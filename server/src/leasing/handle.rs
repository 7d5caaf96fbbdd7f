//! The handle to this room, [`Leasing`].

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use domain::function::{self, Status};
use domain::run;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::answers::{Answers, WholeAnswer};
use super::error::Error;
use super::job_permits::{JobPermit, JobPermits};
use super::memory::MemoryBudget;
use super::route::{Arm, Route};
use super::routes::Routes;
use super::source::Source;

/// Gives calls their endpoints and jobs their slots. Cheap to clone.
#[derive(Clone)]
pub struct Leasing {
    inner: Arc<Inner>,
}

struct Inner {
    /// Maximum number of waiting calls of a version, and of waiting jobs of a function.
    waiting: usize,
    routes: RwLock<Routes>,
    jobs: Mutex<HashMap<function::Id, Arc<JobPermits>>>,
    source: OnceLock<Weak<dyn Source>>,
    answers: Answers,
    inputs: MemoryBudget,
    large_answers: MemoryBudget,
}

impl Leasing {
    /// Without any known function. `waiting`: the maximum number of waiting calls of a version.
    pub fn new(waiting: usize) -> Self {
        let inner = Inner {
            waiting,
            routes: RwLock::default(),
            jobs: Mutex::default(),
            source: OnceLock::new(),
            answers: Answers::default(),
            inputs: MemoryBudget::default(),
            large_answers: MemoryBudget::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Sets the source of unknown routes. Only the first call has an effect.
    pub fn learn_from(&self, source: Weak<dyn Source>) {
        let _ = self.inner.source.set(source);
    }

    fn source(&self) -> Result<Arc<dyn Source>, Error> {
        let source = self.inner.source.get().and_then(Weak::upgrade);
        // The server is ending, or has not started yet.
        source.ok_or_else(|| Error::stopped(Status::Stopped))
    }

    /// The maximum number of waiting calls of a version.
    pub fn waiting(&self) -> usize {
        self.inner.waiting
    }

    /// The route to a running function.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it is not running; `Ok(None)` if there is no such function.
    pub async fn route(&self, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error> {
        if let Some(route) = self.inner.routes.read().named(namespace, name) {
            return Ok(Some(route.clone()));
        }
        self.source()?.named(namespace, name).await
    }

    /// The route to a running function by id.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it is not running; `Ok(None)` if there is no such function.
    pub async fn route_to(&self, function: function::Id) -> Result<Option<Arc<Route>>, Error> {
        match self.known(function) {
            Some(route) => Ok(Some(route)),
            None => self.source()?.route(function).await,
        }
    }

    /// A given version of a registered function, whether it takes ordinary calls or not.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`]; `Ok(None)` if there is no such function.
    pub async fn version(&self, function: function::Id, version: u32) -> Result<Option<Arc<Arm>>, Error> {
        if let Some(route) = self.known(function) {
            let current = Some(route.current()).filter(|current| current.version == version);
            if let Some(arm) = current.or_else(|| route.arm(version)) {
                return Ok(Some(arm.clone()));
            }
        }
        self.source()?.version(function, version).await
    }

    /// The route to a function, if this server knows it.
    pub fn known(&self, function: function::Id) -> Option<Arc<Route>> {
        self.inner.routes.read().of(function).cloned()
    }

    /// Sets or replaces the route of a running function. The current version's limit applies to all of its jobs,
    /// including those already running.
    pub fn set(&self, route: Arc<Route>) {
        let (function, limit) = (route.function, limit(route.current()));
        // Under one lock, so that slots created meanwhile do not have the previous version's limit.
        let mut routes = self.inner.routes.write();
        routes.insert(route);
        if let Some(permits) = self.inner.jobs.lock().get(&function) {
            permits.resize(limit);
        }
    }

    /// Forgets the route of a function that no longer runs.
    pub fn forget(&self, function: function::Id) {
        self.inner.routes.write().remove(function);
    }

    /// Forgets a deregistered function.
    pub fn forget_for_good(&self, function: function::Id) {
        self.forget(function);
        self.inner.jobs.lock().remove(&function);
    }

    /// A slot for a job: immediately if one is free, otherwise after waiting until `deadline` at most.
    ///
    /// # Errors
    /// If too many jobs are waiting, or it takes too long.
    pub async fn job_permit(&self, arm: &Arm, deadline: Instant) -> Result<JobPermit, Error> {
        self.permits(arm).take(deadline, self.inner.waiting).await
    }

    /// Jobs of a function that are waiting for a slot.
    pub fn jobs_waiting(&self, function: function::Id) -> usize {
        self.inner.jobs.lock().get(&function).map_or(0, |permits| permits.waiting())
    }

    /// The slots of a function's jobs, limited by its current version, or by this one if the function does not run.
    fn permits(&self, arm: &Arm) -> Arc<JobPermits> {
        let routes = self.inner.routes.read();
        let current = routes.of(arm.function).map(|route| &**route.current());
        let mut jobs = self.inner.jobs.lock();
        jobs.entry(arm.function).or_insert_with(|| JobPermits::new(limit(current.unwrap_or(arm)))).clone()
    }

    /// Keeps a complete answer for a short time.
    pub fn keep_answer(&self, run: run::Id, whole: WholeAnswer) {
        self.inner.answers.keep(run, whole);
    }

    /// The complete answer of a run, if this server produced it just now and it was kept.
    pub fn whole_answer(&self, run: run::Id) -> Option<WholeAnswer> {
        self.inner.answers.whole(run)
    }

    /// Executes a recorded run on this server unless another one has begun it, because its caller waits here for the
    /// complete answer.
    pub fn run_here(&self, function: function::Id, run: run::Id) {
        self.inner.answers.run_here(function, run);
    }

    /// The receiver of those runs; for the worker, once.
    pub fn runs_here(&self) -> Option<mpsc::Receiver<(function::Id, run::Id)>> {
        self.inner.answers.runs_here()
    }

    /// Memory for the inputs of functions.
    pub fn inputs(&self) -> &MemoryBudget {
        &self.inner.inputs
    }

    /// Memory for complete answers that callers wait for.
    pub fn large_answers(&self) -> &MemoryBudget {
        &self.inner.large_answers
    }
}

/// The maximum number of concurrent jobs.
fn limit(arm: &Arm) -> usize {
    arm.manifest.scaling.max.max(1) as usize
}
