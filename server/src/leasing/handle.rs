//! What calls are given their places by.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, Weak};

use domain::function::{self, Status};
use domain::run;
use parking_lot::{Mutex, RwLock};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::answers::{Answers, Whole};
use super::error::Error;
use super::places::{JobPlace, Places};
use super::room::Room;
use super::route::{Arm, Route};
use super::routes::Routes;
use super::source::Source;

/// Gives calls their places. Cloning it is cheap.
#[derive(Clone)]
pub struct Leasing {
    inner: Arc<Inner>,
}

struct Inner {
    /// Calls of one version that may wait for a place, and jobs of one function.
    waiting: usize,
    routes: RwLock<Routes>,
    jobs: Mutex<HashMap<function::Id, Arc<Places>>>,
    source: OnceLock<Weak<dyn Source>>,
    answers: Answers,
    inputs: Room,
    large_answers: Room,
}

impl Leasing {
    /// Knows no function yet. `waiting`: calls of one version that may wait for a place.
    pub fn new(waiting: usize) -> Self {
        let inner = Inner {
            waiting,
            routes: RwLock::default(),
            jobs: Mutex::default(),
            source: OnceLock::new(),
            answers: Answers::default(),
            inputs: Room::default(),
            large_answers: Room::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Where routes come from that are not known yet; the first one stays.
    pub fn learn_from(&self, source: Weak<dyn Source>) {
        let _ = self.inner.source.set(source);
    }

    fn source(&self) -> Result<Arc<dyn Source>, Error> {
        let source = self.inner.source.get().and_then(Weak::upgrade);
        // The server ends, or has not begun.
        source.ok_or_else(|| Error::stopped(Status::Stopped))
    }

    /// Calls of one version that may wait for a place.
    pub fn waiting(&self) -> usize {
        self.inner.waiting
    }

    /// The route to a running function.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when it does not run; `Ok(None)` when there is no such function.
    pub async fn route(&self, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error> {
        if let Some(route) = self.inner.routes.read().named(namespace, name) {
            return Ok(Some(route.clone()));
        }
        self.source()?.named(namespace, name).await
    }

    /// The route to a running function by its id.
    ///
    /// # Errors
    /// [`Error::NotRunning`] when it does not run; `Ok(None)` when there is no such function.
    pub async fn route_to(&self, function: function::Id) -> Result<Option<Arc<Route>>, Error> {
        match self.known(function) {
            Some(route) => Ok(Some(route)),
            None => self.source()?.route(function).await,
        }
    }

    /// A certain version of a function that is registered, whether it takes ordinary calls or not.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`]; `Ok(None)` when there is no such function.
    pub async fn version(&self, function: function::Id, version: u32) -> Result<Option<Arc<Arm>>, Error> {
        if let Some(route) = self.known(function) {
            let current = Some(route.current()).filter(|current| current.version == version);
            if let Some(arm) = current.or_else(|| route.arm(version)) {
                return Ok(Some(arm.clone()));
            }
        }
        self.source()?.version(function, version).await
    }

    /// The route to a function, if it is known here.
    pub fn known(&self, function: function::Id) -> Option<Arc<Route>> {
        self.inner.routes.read().of(function).cloned()
    }

    /// A function runs, or runs otherwise. Its jobs, those that run included, are as many from now on as its current version
    /// allows.
    pub fn set(&self, route: Arc<Route>) {
        let (function, limit) = (route.function, limit(route.current()));
        // Together, so that places which are made meanwhile are not of the version before.
        let mut routes = self.inner.routes.write();
        routes.insert(route);
        if let Some(places) = self.inner.jobs.lock().get(&function) {
            places.resize(limit);
        }
    }

    /// A function does not run any more.
    pub fn forget(&self, function: function::Id) {
        self.inner.routes.write().remove(function);
    }

    /// A function is gone, for good.
    pub fn forget_for_good(&self, function: function::Id) {
        self.forget(function);
        self.inner.jobs.lock().remove(&function);
    }

    /// A place for a job, at once where there is one; otherwise it is waited for until `deadline`.
    ///
    /// # Errors
    /// When too many wait, or when it takes too long.
    pub async fn job_place(&self, arm: &Arm, deadline: Instant) -> Result<JobPlace, Error> {
        self.places(arm).take(deadline, self.inner.waiting).await
    }

    /// Jobs of a function that wait for a place.
    pub fn jobs_waiting(&self, function: function::Id) -> usize {
        self.inner.jobs.lock().get(&function).map_or(0, |places| places.waiting())
    }

    /// The places of a function's jobs: as many as its current version allows, or where it does not run, this one.
    fn places(&self, arm: &Arm) -> Arc<Places> {
        let routes = self.inner.routes.read();
        let current = routes.of(arm.function).map(|route| &**route.current());
        let mut jobs = self.inner.jobs.lock();
        jobs.entry(arm.function).or_insert_with(|| Places::new(limit(current.unwrap_or(arm)))).clone()
    }

    /// Keeps an answer for a moment.
    pub fn keep_answer(&self, run: run::Id, whole: Whole) {
        self.inner.answers.keep(run, whole);
    }

    /// The answer of a run, if this server has done it just now, and all of it was kept.
    pub fn whole_answer(&self, run: run::Id) -> Option<Whole> {
        self.inner.answers.whole(run)
    }

    /// Has this server do a run that is in the log, if none has begun it yet: somebody waits here for the whole of its answer.
    pub fn run_here(&self, function: function::Id, run: run::Id) {
        self.inner.answers.run_here(function, run);
    }

    /// Those runs; for who does them.
    pub fn runs_here(&self) -> Option<mpsc::Receiver<(function::Id, run::Id)>> {
        self.inner.answers.runs_here()
    }

    /// Room for inputs that functions are given.
    pub fn inputs(&self) -> &Room {
        &self.inner.inputs
    }

    /// Room for answers that are kept whole, because somebody waits for them.
    pub fn large_answers(&self) -> &Room {
        &self.inner.large_answers
    }
}

/// Jobs at a time.
fn limit(arm: &Arm) -> usize {
    arm.manifest.scaling.max.max(1) as usize
}
