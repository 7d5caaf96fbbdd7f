//! Who may start a process now: a bounded number at a time, and functions take turns.
//!
//! Starting a process costs this host far more than answering a call. Without a limit, functions that crash in a loop would
//! keep every processor busy with starts; and without turns, one function with many starts would hold up those of all others.
//!
//! Knows names and numbers; knows nothing of processes.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::weights::Owner;

/// Processes that are starting at a time, for each processor of this host.
const STARTS_PER_PROCESSOR: usize = 2;

/// The fewest starts at a time, however few processors there are.
const MIN_STARTS: usize = 4;

/// A start that takes longer than this does so outside its turn: a process that never becomes ready holds up nobody else.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(1);

/// A job has no moment at which it is ready. Its interpreter has usually started after this.
pub(super) const JOB_TURN: Duration = Duration::from_millis(150);

/// Names of functions that are remembered before those that wait no longer are looked for.
const MIN_REMEMBERED: usize = 64;

/// Hands out turns. Whoever waits is served in the order of arrival; but one function has at most half of the places,
/// waiting or taken, so a new function waits behind a bounded number of starts.
#[derive(Debug)]
pub(super) struct Turns {
    places: Arc<Semaphore>,
    each: usize,
    functions: Mutex<Functions>,
}

#[derive(Debug, Default)]
struct Functions {
    by_owner: HashMap<Owner, Weak<Semaphore>>,
    clean_at: usize,
}

/// The right to start one process; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    // The shared place goes first, so that the next of the same function cannot overtake others for it.
    _place: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl Turns {
    /// As many places as this host has processors for.
    pub(super) fn of_host() -> Turns {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Turns::new((processors * STARTS_PER_PROCESSOR).max(MIN_STARTS))
    }

    fn new(places: usize) -> Turns {
        Turns {
            places: Arc::new(Semaphore::new(places)),
            each: (places / 2).max(1),
            functions: Mutex::new(Functions { by_owner: HashMap::new(), clean_at: MIN_REMEMBERED }),
        }
    }

    /// Waits for a turn of this function.
    pub(super) async fn take(&self, function: &Owner) -> Turn {
        let own = self.own(function).acquire_owned().await.expect("nobody closes the semaphore");
        let place = self.places.clone().acquire_owned().await.expect("nobody closes the semaphore");
        Turn { _place: place, _own: own }
    }

    /// The function's own places. They are forgotten when nobody holds or wants one.
    fn own(&self, function: &Owner) -> Arc<Semaphore> {
        let mut functions = self.functions.lock();
        if let Some(own) = functions.by_owner.get(function).and_then(Weak::upgrade) {
            return own;
        }
        if functions.by_owner.len() >= functions.clean_at {
            functions.by_owner.retain(|_, own| own.strong_count() > 0);
            functions.clean_at = (functions.by_owner.len() * 2).max(MIN_REMEMBERED);
        }
        let own = Arc::new(Semaphore::new(self.each));
        functions.by_owner.insert(function.clone(), Arc::downgrade(&own));
        own
    }
}

impl Turn {
    /// Does something in this turn, which ends with it, or after `at_most`: then the rest is done outside it.
    pub(super) async fn during<T>(self, at_most: Duration, what: impl Future<Output = T>) -> T {
        let mut what = std::pin::pin!(what);
        match timeout(at_most, &mut what).await {
            Ok(done) => done,
            Err(_) => {
                drop(self);
                what.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use futures::FutureExt;
    use tokio::time::Instant;

    fn named(name: &str) -> Owner {
        Owner::Function("default".into(), name.into())
    }

    #[tokio::test]
    async fn one_function_takes_at_most_half_of_the_places() {
        let turns = Turns::new(4);
        let held = [turns.take(&named("crash")).await, turns.take(&named("crash")).await];
        let crash = named("crash");
        let third = turns.take(&crash);
        tokio::pin!(third);
        assert!(third.as_mut().now_or_never().is_none());
        // Another function does not wait behind it.
        let other = turns.take(&named("good")).now_or_never();
        assert!(other.is_some());
        drop(held);
        third.await;
    }

    #[tokio::test]
    async fn a_new_function_waits_behind_few_starts_of_each_other() {
        let turns = Arc::new(Turns::new(4));
        let order = Arc::new(Mutex::new(Vec::new()));
        let (a, b) = (named("a"), named("b"));
        let first = [turns.take(&a).await, turns.take(&a).await, turns.take(&b).await, turns.take(&b).await];
        let mut tasks = tokio::task::JoinSet::new();
        let mut start = |function: &'static str| {
            let (turns, order) = (turns.clone(), order.clone());
            tasks.spawn(async move {
                let turn = turns.take(&named(function)).await;
                order.lock().push(function);
                drop(turn);
            });
        };
        (0..100).for_each(|_| start("a"));
        start("good");
        // All of them wait.
        tokio::task::yield_now().await;
        drop(first);
        tasks.join_all().await;
        let place = order.lock().iter().position(|function| *function == "good");
        assert!(place.is_some_and(|place| place <= 4), "{place:?}");
    }

    #[tokio::test]
    async fn what_never_becomes_ready_gives_its_place_back() {
        let turns = Arc::new(Turns::new(1));
        let turn = turns.take(&named("never")).await;
        let turn_ends = Duration::from_millis(20);
        let before = Instant::now();
        let never = tokio::spawn(turn.during(turn_ends, std::future::pending::<()>()));
        turns.take(&named("good")).await;
        assert!(before.elapsed() >= turn_ends);
        never.abort();
    }

    #[tokio::test]
    async fn functions_that_wait_no_longer_are_forgotten() {
        let turns = Turns::new(4);
        for number in 0..10 * MIN_REMEMBERED {
            turns.take(&named(&number.to_string())).await;
        }
        assert!(turns.functions.lock().by_owner.len() <= MIN_REMEMBERED);
    }
}
