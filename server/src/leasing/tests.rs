//! Slots for calls, with endpoints that nobody starts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::function;
use futures::FutureExt;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::{Alone, Call, Endpoint, Endpoints, Error, Liveness, Supply, Terms};
use crate::executor;

/// Never ends.
#[derive(Debug)]
struct Immortal;

#[async_trait]
impl Liveness for Immortal {
    fn is_over(&self) -> bool {
        false
    }

    async fn over(&self) -> String {
        std::future::pending().await
    }

    fn last_lines(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Counts requests for endpoints; refuses everything after a number of them.
struct CountingSupply {
    calls: AtomicUsize,
    most: usize,
}

#[async_trait]
impl Supply for CountingSupply {
    fn call_for(self: Arc<Self>, _: Call) -> Result<(), Error> {
        let calls = self.calls.fetch_add(1, Ordering::SeqCst);
        let retry_in = Duration::from_secs(7);
        let refused = Error::Unhealthy { message: "it crashes".into(), stderr_tail: Vec::new(), retry_in };
        if calls < self.most { Ok(()) } else { Err(refused) }
    }

    async fn alone(self: Arc<Self>, _: Instant) -> Result<Option<Alone>, Error> {
        Ok(None)
    }

    fn replace(self: Arc<Self>, _: &Arc<Endpoint>, _: String) {}
}

fn endpoint(id: &str) -> Arc<Endpoint> {
    Arc::new(Endpoint::new(id.into(), executor::Address::Unix("/nowhere".into()), Arc::new(Immortal)))
}

fn endpoints(concurrency: u32, supply: &Arc<CountingSupply>) -> Arc<Endpoints> {
    let terms = Terms {
        function: function::id("default", "hello", 1),
        version: 1,
        concurrency,
        timeout: Duration::from_secs(30),
        waiting: 2,
        runtime: Handle::current(),
    };
    let supply: Arc<dyn Supply> = supply.clone();
    Arc::new(Endpoints::new(terms, Arc::downgrade(&supply)))
}

fn counting_supply(most: usize) -> Arc<CountingSupply> {
    Arc::new(CountingSupply { calls: AtomicUsize::new(0), most })
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

#[tokio::test]
async fn calls_that_wait_are_given_what_is_added() {
    let supply = counting_supply(9);
    let endpoints = endpoints(1, &supply);
    let mut waits: Vec<_> = (0..2).map(|_| Box::pin(endpoints.lease(None, soon()))).collect();
    assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
    assert_eq!((endpoints.waiting(), supply.calls.load(Ordering::SeqCst)), (2, 2));
    let refused = endpoints.lease(None, soon()).await.map(drop);
    assert!(matches!(refused, Err(Error::Overloaded { waiting: 2 })), "{refused:?}");
    // First the earlier waiter, then the other one.
    endpoints.add(endpoint("a"));
    let second = waits.pop().unwrap();
    let first = waits.pop().unwrap().await.unwrap();
    assert!(first.cold_start);
    let (second, ()) = tokio::join!(second, async {
        tokio::task::yield_now().await;
        drop(first);
    });
    assert_eq!((second.unwrap().instance(), endpoints.waiting()), ("a", 0));
    assert!(!endpoints.lease(None, soon()).await.unwrap().cold_start);
}

#[tokio::test]
async fn no_call_waits_for_what_will_not_come() {
    let supply = counting_supply(0);
    let endpoints = endpoints(1, &supply);
    let refused = endpoints.lease(None, soon()).await.map(drop);
    assert!(matches!(refused, Err(Error::Unhealthy { .. })), "{refused:?}");
    assert_eq!(endpoints.waiting(), 0);
}

#[tokio::test]
async fn what_is_there_takes_calls_when_whoever_supplied_it_is_gone() {
    let supply = counting_supply(9);
    let endpoints = endpoints(2, &supply);
    endpoints.add(endpoint("a"));
    drop(supply);
    let held: Vec<_> = [endpoints.lease(None, soon()).await, endpoints.lease(None, soon()).await].into();
    assert!(held.iter().all(|lease| lease.is_ok()));
    // Nobody would supply another one.
    let refused = endpoints.lease(None, soon()).await.map(drop);
    assert!(matches!(refused, Err(Error::NotRunning { .. })), "{refused:?}");
    drop(held);
    assert!(endpoints.lease(None, soon()).await.is_ok());
}

#[tokio::test]
async fn what_has_a_call_is_not_idle() {
    let supply = counting_supply(9);
    let endpoints = endpoints(1, &supply);
    assert_eq!(["a", "b", "c"].map(|id| endpoints.add(endpoint(id))), [true; 3]);
    let lease = endpoints.lease(None, soon()).await.unwrap();
    let taken = endpoints.take_idle(Duration::ZERO, 0);
    assert_eq!(taken.len(), 2);
    assert!(taken.iter().all(|endpoint| endpoint.is_draining() && endpoint.id() != lease.instance()));
    drop(lease);
    assert!(endpoints.take_idle(Duration::ZERO, 1).is_empty(), "one is to be left");
    assert!(endpoints.take_idle(Duration::from_secs(60), 0).is_empty(), "it had a call just now");
    assert_eq!(endpoints.take_idle(Duration::ZERO, 0).len(), 1);
}

#[tokio::test]
async fn what_is_closed_refuses_those_that_wait() {
    let supply = counting_supply(9);
    let endpoints = endpoints(1, &supply);
    let mut wait = Box::pin(endpoints.lease(None, soon()));
    assert!(wait.as_mut().now_or_never().is_none());
    endpoints.close();
    assert!(matches!(wait.await.map(drop), Err(Error::NotRunning { .. })));
    assert!(!endpoints.add(endpoint("a")));
    let terms = endpoints.terms().clone();
    let never = Arc::new(Endpoints::never(terms, Error::NoSuchVersion(3)));
    assert!(matches!(never.lease(None, soon()).await.map(drop), Err(Error::NoSuchVersion(3))));
}
