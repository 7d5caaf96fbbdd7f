//! The in-process queue: a FIFO for each function. Its contents are lost with the process and published again from the
//! log.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use domain::{function, run};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Consumer, Delivery, Error, MAX_INLINE, Queue, Receipt, Request};

/// Maximum bytes of inputs held by queued and delivered requests of all functions together. Requests beyond that are
/// queued without their input, which the worker then reads from the log.
const MAX_HELD: usize = 64 << 20;

/// The approximate size of a request without its input, in bytes.
const OVERHEAD: usize = 1 << 10;

/// Bytes that a request holds; zero without its input.
fn weight(request: &Request) -> usize {
    request.asked.as_ref().map_or(0, |_| request.input_bytes() + OVERHEAD)
}

/// The in-process queue. Cheap to clone.
#[derive(Clone, Default)]
pub struct Local {
    queues: Arc<Mutex<HashMap<function::Id, Arc<FunctionQueue>>>>,
    held: Arc<HeldBytes>,
}

/// Bytes of the inputs of queued and delivered requests.
#[derive(Default)]
struct HeldBytes(AtomicUsize);

impl HeldBytes {
    /// The request as it is queued: without its input if others use up the memory. The only request of its function
    /// keeps a small input, since its run may not be in the log yet.
    fn put(&self, mut request: Request, is_only: bool) -> Request {
        let bytes = weight(&request);
        let is_kept = is_only && request.input_bytes() <= MAX_INLINE;
        let fits = |held: usize| held.checked_add(bytes).filter(|held| is_kept || *held <= MAX_HELD);
        if self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            request.asked = None;
        }
        request
    }

    fn take(&self, request: &Request) {
        self.0.fetch_sub(weight(request), Ordering::Relaxed);
    }
}

/// The requests of one function.
struct FunctionQueue {
    state: Mutex<State>,
    arrived: Notify,
    held: Arc<HeldBytes>,
}

impl Drop for FunctionQueue {
    fn drop(&mut self) {
        self.state.get_mut().waiting.iter().for_each(|request| self.held.take(request));
    }
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Request>,
    /// Queued or delivered.
    known: HashSet<run::Id>,
}

impl Local {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    fn queue(&self, function: function::Id) -> Arc<FunctionQueue> {
        let held = || self.held.clone();
        let new = || Arc::new(FunctionQueue { state: Mutex::default(), arrived: Notify::new(), held: held() });
        self.queues.lock().entry(function).or_insert_with(new).clone()
    }
}

#[async_trait]
impl Queue for Local {
    fn describe(&self) -> String {
        "in process, refilled from the log".to_owned()
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn fault(&self) -> Option<String> {
        None
    }

    async fn publish(&self, request: Request) -> Result<(), Error> {
        let queue = self.queue(request.function);
        let mut state = queue.state.lock();
        if state.known.insert(request.run) {
            let request = queue.held.put(request, state.known.len() == 1);
            state.waiting.push_back(request);
            queue.arrived.notify_one();
        }
        Ok(())
    }

    async fn consume(&self, function: function::Id, prefetch: usize) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(LocalConsumer { queue: self.queue(function), permits: Arc::new(Semaphore::new(prefetch.max(1))) }))
    }

    async fn depth(&self, function: function::Id) -> Result<u64, Error> {
        let queue = self.queues.lock().get(&function).cloned();
        Ok(queue.map_or(0, |queue| queue.state.lock().waiting.len() as u64))
    }

    async fn forget(&self, function: function::Id) -> Result<(), Error> {
        self.queues.lock().remove(&function);
        Ok(())
    }
}

struct LocalConsumer {
    queue: Arc<FunctionQueue>,
    /// One permit for each unacknowledged delivery.
    permits: Arc<Semaphore>,
}

#[async_trait]
impl Consumer for LocalConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        let permit = self.permits.clone().acquire_owned().await.expect("nobody closes the semaphore");
        loop {
            let arrived = self.queue.arrived.notified();
            let next = {
                let mut state = self.queue.state.lock();
                let next = state.waiting.pop_front();
                if !state.waiting.is_empty() {
                    // There is another request for the next consumer.
                    self.queue.arrived.notify_one();
                }
                next
            };
            if let Some(request) = next {
                let receipt =
                    LocalReceipt { request: Some(request.clone()), queue: self.queue.clone(), _permit: permit };
                return Ok(Delivery::new(request, Box::new(receipt)));
            }
            arrived.await;
        }
    }
}

struct LocalReceipt {
    /// The request to redeliver unless it is acknowledged.
    request: Option<Request>,
    queue: Arc<FunctionQueue>,
    _permit: OwnedSemaphorePermit,
}

impl Receipt for LocalReceipt {
    fn acknowledge(mut self: Box<Self>) {
        if let Some(request) = self.request.take() {
            self.queue.held.take(&request);
            self.queue.state.lock().known.remove(&request.run);
        }
    }
}

impl Drop for LocalReceipt {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            self.queue.state.lock().waiting.push_front(request);
            self.queue.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    /// A request with an input of this many bytes.
    fn asked(function: function::Id, bytes: usize) -> Request {
        let mut request = crate::queue::contract::promises::asked(function);
        if let Some(asked) = request.asked.as_mut() {
            let input = format!("\"{}\"", "x".repeat(bytes));
            Arc::make_mut(asked).requested.request.input = domain::Json::parse(&input).unwrap();
        }
        request
    }

    async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
        tokio::time::timeout(Duration::from_secs(5), consumer.next()).await.expect("a delivery within 5 s").unwrap()
    }

    #[tokio::test]
    async fn requests_of_a_function_come_in_order() {
        let queue = Local::new();
        let function = clock::new_id();
        let runs: Vec<run::Id> = (0..10).map(|_| clock::new_id()).collect();
        for run in &runs {
            queue.publish(Request::recorded(function, *run)).await.unwrap();
        }
        assert_eq!(queue.depth(function).await.unwrap(), 10);
        let mut consumer = queue.consume(function, 10).await.unwrap();
        for run in &runs {
            let delivery = next(&mut consumer).await;
            assert_eq!(delivery.request.run, *run);
            delivery.acknowledge();
        }
        assert_eq!(queue.depth(function).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn what_is_not_acknowledged_comes_again_before_the_others() {
        let queue = Local::new();
        let function = clock::new_id();
        let (first, second) = (clock::new_id(), clock::new_id());
        queue.publish(Request::recorded(function, first)).await.unwrap();
        queue.publish(Request::recorded(function, second)).await.unwrap();
        let mut consumer = queue.consume(function, 10).await.unwrap();
        drop(next(&mut consumer).await);
        assert_eq!(next(&mut consumer).await.request.run, first);
    }

    #[tokio::test]
    async fn a_request_that_waits_or_is_worked_on_is_not_put_there_again() {
        let queue = Local::new();
        let request = Request::recorded(clock::new_id(), clock::new_id());
        queue.publish(request.clone()).await.unwrap();
        queue.publish(request.clone()).await.unwrap();
        let mut consumer = queue.consume(request.function, 10).await.unwrap();
        let delivery = next(&mut consumer).await;
        queue.publish(request.clone()).await.unwrap();
        assert_eq!(queue.depth(request.function).await.unwrap(), 0);
        delivery.acknowledge();
        queue.publish(request.clone()).await.unwrap();
        assert_eq!(queue.depth(request.function).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn what_waits_in_a_long_line_holds_no_more_than_its_share_of_memory() {
        const EACH: usize = 1 << 20;
        let queue = Local::new();
        let function = clock::new_id();
        let count = MAX_HELD / EACH + 20;
        for _ in 0..count {
            queue.publish(asked(function, EACH)).await.unwrap();
        }
        assert!(queue.held.0.load(Ordering::Relaxed) <= MAX_HELD);
        // The only run of another function keeps a small input all the same, but not a large one.
        let (other, large) = (clock::new_id(), clock::new_id());
        queue.publish(asked(other, MAX_INLINE - 2)).await.unwrap();
        assert!(next(&mut queue.consume(other, 1).await.unwrap()).await.request.asked.is_some());
        for _ in 0..100 {
            let function = clock::new_id();
            queue.publish(asked(function, EACH)).await.unwrap();
            queue.publish(Request::recorded(function, clock::new_id())).await.unwrap();
        }
        queue.publish(asked(large, EACH)).await.unwrap();
        assert!(next(&mut queue.consume(large, 1).await.unwrap()).await.request.asked.is_none());
        assert!(queue.held.0.load(Ordering::Relaxed) <= MAX_HELD + MAX_INLINE + OVERHEAD);
        let mut consumer = queue.consume(function, count).await.unwrap();
        let mut without = 0;
        for _ in 0..count {
            let delivery = next(&mut consumer).await;
            without += usize::from(delivery.request.asked.is_none());
            delivery.acknowledge();
        }
        assert!((20..=22).contains(&without), "{without}");
        queue.forget(other).await.unwrap();
        assert_eq!(queue.held.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_workers_have_in_hand_counts_until_it_is_acknowledged() {
        const EACH: usize = 1 << 20;
        let queue = Local::new();
        let mut in_hand = Vec::new();
        for _ in 0..MAX_HELD / EACH + 20 {
            let function = clock::new_id();
            queue.publish(asked(function, EACH)).await.unwrap();
            in_hand.push(next(&mut queue.consume(function, 1).await.unwrap()).await);
        }
        assert!(queue.held.0.load(Ordering::Relaxed) <= MAX_HELD);
        assert!(in_hand.iter().filter(|delivery| delivery.request.asked.is_none()).count() >= 20);
        in_hand.into_iter().for_each(Delivery::acknowledge);
        assert_eq!(queue.held.0.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn functions_do_not_wait_for_each_other() {
        let queue = Local::new();
        let (slow, quick) = (clock::new_id(), clock::new_id());
        for _ in 0..100 {
            queue.publish(Request::recorded(slow, clock::new_id())).await.unwrap();
        }
        let run = clock::new_id();
        queue.publish(Request::recorded(quick, run)).await.unwrap();
        let mut consumer = queue.consume(quick, 10).await.unwrap();
        assert_eq!(next(&mut consumer).await.request.run, run);
    }
}
