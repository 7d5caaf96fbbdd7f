//! The slots of a function's jobs: one process for each run, limited by the scaling of the current version for the runs
//! of all versions together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::error::Error;

/// The right to run one job. Dropping it gives the slot back.
#[derive(Debug)]
pub struct JobPermit {
    permit: Option<OwnedSemaphorePermit>,
    permits: Arc<JobPermits>,
}

impl Drop for JobPermit {
    fn drop(&mut self) {
        self.permits.put_back(self.permit.take());
    }
}

/// The slots of one function's jobs, and the number of waiters.
#[derive(Debug)]
pub(super) struct JobPermits {
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    limit: usize,
    /// Slots in use beyond the limit; they are removed when given back.
    excess: usize,
}

impl JobPermits {
    /// With this many slots.
    pub(super) fn new(limit: usize) -> Arc<Self> {
        let size = Mutex::new(Size { limit, excess: 0 });
        Arc::new(Self { free: Arc::new(Semaphore::new(limit)), waiting: AtomicUsize::new(0), size })
    }

    /// Changes the number of slots. Running jobs continue.
    pub(super) fn resize(&self, limit: usize) {
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

    fn try_take(self: &Arc<Self>) -> Option<JobPermit> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        Some(JobPermit { permit: Some(permit), permits: self.clone() })
    }

    /// Takes a slot: immediately if one is free, otherwise after waiting until `deadline` at most, as one of at most
    /// `most` waiters.
    ///
    /// # Errors
    /// If too many are waiting, or it takes too long.
    pub(super) async fn take(self: &Arc<Self>, deadline: Instant, most: usize) -> Result<JobPermit, Error> {
        if let Some(permit) = self.try_take() {
            return Ok(permit);
        }
        // Counts before it compares, so that simultaneous callers are all counted.
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= most {
            return Err(Error::Overloaded { waiting: before });
        }
        let permit = timeout_at(deadline, self.free.clone().acquire_owned()).await.map_err(|_| Error::TimedOut)?;
        let permit = permit.expect("nobody closes the semaphore");
        Ok(JobPermit { permit: Some(permit), permits: self.clone() })
    }

    /// The number of waiters.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

/// A waiter; counted until dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_new_limit_counts_for_jobs_that_run_already() {
        let permits = JobPermits::new(2);
        let mut held: Vec<_> = std::iter::from_fn(|| permits.try_take()).collect();
        assert_eq!(held.len(), 2);
        // A higher limit: the waiter gets a slot at once.
        let soon = Instant::now() + Duration::from_secs(60);
        let mut waits = Box::pin(permits.take(soon, 1));
        assert!(waits.as_mut().now_or_never().is_none());
        permits.resize(4);
        held.push(waits.now_or_never().expect("it waits no more").expect("there is room"));
        held.extend(std::iter::from_fn(|| permits.try_take()));
        assert_eq!(held.len(), 4);
        // A lower limit: the excess jobs end first.
        permits.resize(1);
        held.truncate(1);
        assert!(permits.try_take().is_none(), "one runs");
        drop(held);
        assert_eq!(std::iter::from_fn(|| permits.try_take()).collect::<Vec<_>>().len(), 1);
        // Lower and higher again, while all slots are in use.
        permits.resize(3);
        let held: Vec<_> = std::iter::from_fn(|| permits.try_take()).collect();
        permits.resize(1);
        permits.resize(2);
        drop(held);
        assert_eq!(std::iter::from_fn(|| permits.try_take()).collect::<Vec<_>>().len(), 2);
    }

    #[tokio::test]
    async fn whoever_waits_is_counted_and_does_not_wait_for_ever() {
        let permits = JobPermits::new(1);
        let held = permits.try_take().expect("one is free");
        let (deadline, most) = (Instant::now() + Duration::from_millis(200), 2);
        let mut waits: Vec<_> = (0..most).map(|_| Box::pin(permits.take(deadline, most))).collect();
        assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
        assert_eq!(permits.waiting(), 2);
        let refused = permits.take(deadline, most).await;
        assert!(matches!(refused, Err(Error::Overloaded { waiting: 2 })), "{refused:?}");
        // One gives up, so another may wait.
        waits.pop();
        assert_eq!(permits.waiting(), 1);
        waits.push(Box::pin(permits.take(deadline, most)));
        for waited in futures::future::join_all(waits).await {
            assert!(matches!(waited, Err(Error::TimedOut)), "{waited:?}");
        }
        assert_eq!((Instant::now() >= deadline, permits.waiting()), (true, 0));
        drop(held);
        assert!(permits.take(Instant::now(), 0).await.is_ok(), "it is free again, and nobody need wait");
    }
}
