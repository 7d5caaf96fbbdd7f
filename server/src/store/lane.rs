//! Fair access to the database: a caller with many queries waits behind its own ones, and nobody else does.
//!
//! There are few connections for reading, granted in order of request. A single API query may cause hundreds of reads,
//! each of which scans the log. In a lane, only a few of them compete for a connection at a time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Weak};

use futures::stream::{BoxStream, StreamExt, unfold};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Concurrent reads of one lane.
const WIDTH: usize = 2;

/// Lanes by owner; a lane lives as long as somebody uses it.
static LANES: LazyLock<Mutex<HashMap<String, Weak<Semaphore>>>> = LazyLock::new(Mutex::default);

/// Unused lanes are dropped once there are more than this.
const TIDY_FROM: usize = 1_000;

tokio::task_local! {
    static LANE: Arc<Semaphore>;
}

/// Runs `work`, all of whose reads go through the lane of `whose`, which is shared by everything done for them.
pub async fn within<T>(whose: &str, work: impl Future<Output = T>) -> T {
    LANE.scope(lane(whose), work).await
}

/// A stream all of whose reads go through the lane of `whose`.
pub fn stream_within<T: Send + 'static>(whose: &str, stream: BoxStream<'static, T>) -> BoxStream<'static, T> {
    let lane = lane(whose);
    unfold((lane, stream), |(lane, mut stream)| async move {
        let next = LANE.scope(lane.clone(), stream.next()).await?;
        Some((next, (lane, stream)))
    })
    .boxed()
}

fn lane(whose: &str) -> Arc<Semaphore> {
    let mut lanes = LANES.lock();
    if let Some(lane) = lanes.get(whose).and_then(Weak::upgrade) {
        return lane;
    }
    if lanes.len() >= TIDY_FROM {
        lanes.retain(|_, lane| lane.strong_count() > 0);
    }
    let lane = Arc::new(Semaphore::new(WIDTH));
    lanes.insert(whose.to_owned(), Arc::downgrade(&lane));
    lane
}

/// A permit of the task's lane; `None` outside of lanes. It is held for one read and returned before the next: a task
/// that waited for a second one could wait forever.
pub(super) async fn place() -> Option<OwnedSemaphorePermit> {
    let lane = LANE.try_with(Arc::clone).ok()?;
    lane.acquire_owned().await.ok()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_that_is_done_for_one_has_a_few_places_and_others_have_theirs() {
        let counts = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let read = || {
            let counts = counts.clone();
            async move {
                let (now, most) = &*counts;
                let _place = place().await;
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
            }
        };
        let most = &counts.1;
        let many = || futures::future::join_all((0..50).map(|_| read()));
        tokio::join!(within("loud", many()), within("loud", many()));
        assert_eq!(most.swap(0, Ordering::SeqCst), WIDTH);
        tokio::join!(within("loud", many()), within("quiet", many()));
        assert_eq!(most.swap(0, Ordering::SeqCst), 2 * WIDTH);
        let streams = (0..50).map(|_| stream_within("loud", futures::stream::once(read()).boxed()).collect::<Vec<_>>());
        tokio::join!(futures::future::join_all(streams), within("loud", many()));
        assert_eq!(most.swap(0, Ordering::SeqCst), WIDTH);
        many().await;
        assert_eq!(most.load(Ordering::SeqCst), 50);
    }
}
