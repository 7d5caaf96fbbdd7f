//! Jobs: one process for each run, as many at a time as the function's scaling allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::run;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::{Error, Inner, Route, lines, secrets};
use crate::executor::{self, JobCall, JobOutcome, Spec};

/// What a job left behind, and where it ran.
#[derive(Debug)]
pub struct JobRun {
    /// Names the process.
    pub instance: String,
    /// What it left behind.
    pub outcome: JobOutcome,
}

/// The right to run one job; given back when dropped.
#[derive(Debug)]
pub struct JobPlace {
    _permit: OwnedSemaphorePermit,
}

/// The places of one function's jobs, and who waits for one.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// One who waits; no longer when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn places(fleet: &Inner, route: &Route) -> Arc<Places> {
    let limit = route.manifest.scaling.max.max(1) as usize;
    let places = || Arc::new(Places { free: Arc::new(Semaphore::new(limit)), waiting: AtomicUsize::new(0) });
    fleet.jobs.lock().entry(route.function).or_insert_with(places).clone()
}

/// A place for a call, at once where there is one; otherwise the call waits for it until `deadline`.
///
/// # Errors
/// When too many wait, or when it takes too long.
pub(super) async fn place(fleet: &Inner, route: &Route, deadline: Instant) -> Result<JobPlace, Error> {
    let places = places(fleet, route);
    if let Ok(place) = places.free.clone().try_acquire_owned() {
        return Ok(JobPlace { _permit: place });
    }
    // It counts before it is compared: those that come at once are all counted.
    let before = places.waiting.fetch_add(1, Ordering::AcqRel);
    let _waiting = Waiting(&places.waiting);
    if before >= fleet.settings.waiting {
        return Err(Error::Overloaded { waiting: before });
    }
    let place = timeout_at(deadline, places.free.clone().acquire_owned()).await.map_err(|_| Error::TimedOut)?;
    Ok(JobPlace { _permit: place.expect("nobody closes the semaphore") })
}

/// A place, however long it takes.
///
/// # Errors
/// When something that the job needs for its start is missing.
pub(super) async fn next_place(fleet: &Inner, route: &Route) -> Result<JobPlace, executor::Error> {
    let free = places(fleet, route).free.clone();
    let place = JobPlace { _permit: free.acquire_owned().await.expect("nobody closes the semaphore") };
    let mut spec = fleet.spec(route).await?;
    secrets::put_into(&mut spec, fleet, &route.manifest).await?;
    Ok(place)
}

/// Runs a job; waits for a place, however long, unless there is one already.
pub(super) async fn run(
    fleet: &Inner,
    route: &Route,
    call: JobCall,
    place: Option<JobPlace>,
) -> Result<JobRun, executor::Error> {
    let _place = match place {
        Some(place) => place,
        None => next_place(fleet, route).await?,
    };
    let instance = format!("{}-v{}-{}", route.name, route.version, call.run.simple());
    let mut spec = Spec { instance: instance.clone(), ..fleet.spec(route).await? };
    secrets::put_into(&mut spec, fleet, &route.manifest).await?;
    let run = run::Id::new(call.run);
    let (sender, _) = lines::forward(fleet, route.function, &route.namespace, Some(instance.clone()), Some(run));
    let outcome = fleet.executor.job(spec, call, sender).await?;
    Ok(JobRun { instance, outcome })
}
