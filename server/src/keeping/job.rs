//! Jobs: one process for each run, as many at a time as the function's scaling allows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::run;
use parking_lot::Mutex;
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
    permit: Option<OwnedSemaphorePermit>,
    places: Arc<Places>,
}

impl Drop for JobPlace {
    fn drop(&mut self) {
        self.places.put_back(self.permit.take());
    }
}

/// The places of one function's jobs, and who waits for one.
#[derive(Debug)]
pub(super) struct Places {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    limit: usize,
    /// Places in use that are more than the limit: they go when they are given back.
    excess: usize,
}

impl Places {
    fn new(limit: usize) -> Arc<Self> {
        let size = Mutex::new(Size { limit, excess: 0 });
        Arc::new(Self { free: Arc::new(Semaphore::new(limit)), waiting: AtomicUsize::new(0), size })
    }

    /// So many places from now on. Jobs that run go on.
    fn resize(&self, limit: usize) {
        let mut size = self.size.lock();
        if limit > size.limit {
            let more = limit - size.limit;
            let kept = more.min(size.excess);
            size.excess -= kept;
            self.free.add_permits(more - kept);
        } else {
            let fewer = size.limit - limit;
            size.excess += fewer - self.free.forget_permits(fewer);
        }
        size.limit = limit;
    }

    fn put_back(&self, permit: Option<OwnedSemaphorePermit>) {
        let mut size = self.size.lock();
        if let Some(permit) = permit
            && size.excess > 0
        {
            size.excess -= 1;
            permit.forget();
        }
    }

    fn try_take(self: &Arc<Self>) -> Option<JobPlace> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        Some(JobPlace { permit: Some(permit), places: self.clone() })
    }

    async fn take(self: &Arc<Self>) -> JobPlace {
        let permit = self.free.clone().acquire_owned().await.expect("nobody closes the semaphore");
        JobPlace { permit: Some(permit), places: self.clone() }
    }
}

/// One who waits; no longer when dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn limit(route: &Route) -> usize {
    route.manifest.scaling.max.max(1) as usize
}

fn places(fleet: &Inner, route: &Route) -> Arc<Places> {
    fleet.jobs.lock().entry(route.function).or_insert_with(|| Places::new(limit(route))).clone()
}

/// A version became the current one: its scaling counts, for all jobs of the function.
pub(super) fn resize(fleet: &Inner, route: &Route) {
    if let Some(places) = fleet.jobs.lock().get(&route.function) {
        places.resize(limit(route));
    }
}

/// A place for a call, at once where there is one; otherwise the call waits for it until `deadline`.
///
/// # Errors
/// When too many wait, or when it takes too long.
pub(super) async fn place(fleet: &Inner, route: &Route, deadline: Instant) -> Result<JobPlace, Error> {
    let places = places(fleet, route);
    if let Some(place) = places.try_take() {
        return Ok(place);
    }
    // It counts before it is compared: those that come at once are all counted.
    let before = places.waiting.fetch_add(1, Ordering::AcqRel);
    let _waiting = Waiting(&places.waiting);
    if before >= fleet.settings.waiting {
        return Err(Error::Overloaded { waiting: before });
    }
    timeout_at(deadline, places.take()).await.map_err(|_| Error::TimedOut)
}

/// A place, however long it takes.
///
/// # Errors
/// When something that the job needs for its start is missing.
pub(super) async fn next_place(fleet: &Inner, route: &Route) -> Result<JobPlace, executor::Error> {
    let place = places(fleet, route).take().await;
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

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_new_limit_counts_for_jobs_that_run_already() {
        let places = Places::new(2);
        let mut held: Vec<_> = std::iter::from_fn(|| places.try_take()).collect();
        assert_eq!(held.len(), 2);
        // More: who waits has a place at once.
        let mut waits = Box::pin(places.take());
        assert!(waits.as_mut().now_or_never().is_none());
        places.resize(4);
        held.push(waits.now_or_never().expect("there is room"));
        held.extend(std::iter::from_fn(|| places.try_take()));
        assert_eq!(held.len(), 4);
        // Fewer: those that are too many end first.
        places.resize(1);
        held.truncate(1);
        assert!(places.try_take().is_none(), "one runs");
        drop(held);
        assert_eq!(std::iter::from_fn(|| places.try_take()).collect::<Vec<_>>().len(), 1);
        // Fewer and more again, while all are in use.
        places.resize(3);
        let held: Vec<_> = std::iter::from_fn(|| places.try_take()).collect();
        places.resize(1);
        places.resize(2);
        drop(held);
        assert_eq!(std::iter::from_fn(|| places.try_take()).collect::<Vec<_>>().len(), 2);
    }
}
