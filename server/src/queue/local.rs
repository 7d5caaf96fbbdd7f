//! The queue in this process: a line for each function. What it holds is gone with the process and put there again from
//! the log.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use domain::{function, run};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Consumer, Delivery, Error, Queue, Receipt, Request};

/// The queue in this process. Cloning it is cheap.
#[derive(Clone, Default)]
pub struct Local {
    lines: Arc<Mutex<HashMap<function::Id, Arc<Line>>>>,
}

/// The requests of one function.
#[derive(Default)]
struct Line {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<run::Id>,
    /// Waiting or in a worker's hands.
    known: HashSet<run::Id>,
}

impl Local {
    /// An empty queue.
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&self, function: function::Id) -> Arc<Line> {
        self.lines.lock().entry(function).or_default().clone()
    }
}

#[async_trait]
impl Queue for Local {
    fn describe(&self) -> String {
        "in process, refilled from the log".to_owned()
    }

    async fn publish(&self, request: Request) -> Result<(), Error> {
        let line = self.line(request.function);
        let mut state = line.state.lock();
        if state.known.insert(request.run) {
            state.waiting.push_back(request.run);
            line.arrived.notify_one();
        }
        Ok(())
    }

    async fn consume(&self, function: function::Id) -> Result<Box<dyn Consumer>, Error> {
        Ok(Box::new(LocalConsumer { function, line: self.line(function) }))
    }

    fn depth(&self, function: function::Id) -> u64 {
        let line = self.lines.lock().get(&function).cloned();
        line.map_or(0, |line| line.state.lock().waiting.len() as u64)
    }

    fn depths(&self) -> Vec<(function::Id, u64)> {
        let lines = self.lines.lock();
        lines.iter().map(|(id, line)| (*id, line.state.lock().waiting.len() as u64)).collect()
    }
}

struct LocalConsumer {
    function: function::Id,
    line: Arc<Line>,
}

#[async_trait]
impl Consumer for LocalConsumer {
    async fn next(&mut self) -> Result<Delivery, Error> {
        loop {
            let arrived = self.line.arrived.notified();
            let next = {
                let mut state = self.line.state.lock();
                let next = state.waiting.pop_front();
                if !state.waiting.is_empty() {
                    // There is one for the next consumer, too.
                    self.line.arrived.notify_one();
                }
                next
            };
            if let Some(run) = next {
                let request = Request { function: self.function, run };
                let receipt = LocalReceipt { run, line: self.line.clone(), acknowledged: false };
                return Ok(Delivery::new(request, Box::new(receipt)));
            }
            arrived.await;
        }
    }
}

struct LocalReceipt {
    run: run::Id,
    line: Arc<Line>,
    acknowledged: bool,
}

impl Receipt for LocalReceipt {
    fn acknowledge(mut self: Box<Self>) {
        self.acknowledged = true;
    }
}

impl Drop for LocalReceipt {
    fn drop(&mut self) {
        let mut state = self.line.state.lock();
        if self.acknowledged {
            state.known.remove(&self.run);
        } else {
            state.waiting.push_front(self.run);
            self.line.arrived.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    async fn next(consumer: &mut Box<dyn Consumer>) -> Delivery {
        tokio::time::timeout(Duration::from_secs(5), consumer.next()).await.expect("a delivery within 5 s").unwrap()
    }

    #[tokio::test]
    async fn requests_of_a_function_come_in_order() {
        let queue = Local::new();
        let function = clock::new_id();
        let runs: Vec<run::Id> = (0..10).map(|_| clock::new_id()).collect();
        for run in &runs {
            queue.publish(Request { function, run: *run }).await.unwrap();
        }
        assert_eq!(queue.depth(function), 10);
        let mut consumer = queue.consume(function).await.unwrap();
        for run in &runs {
            let delivery = next(&mut consumer).await;
            assert_eq!(delivery.request.run, *run);
            delivery.acknowledge();
        }
        assert_eq!(queue.depth(function), 0);
    }

    #[tokio::test]
    async fn what_is_not_acknowledged_comes_again_before_the_others() {
        let queue = Local::new();
        let function = clock::new_id();
        let (first, second) = (clock::new_id(), clock::new_id());
        queue.publish(Request { function, run: first }).await.unwrap();
        queue.publish(Request { function, run: second }).await.unwrap();
        let mut consumer = queue.consume(function).await.unwrap();
        drop(next(&mut consumer).await);
        assert_eq!(next(&mut consumer).await.request.run, first);
    }

    #[tokio::test]
    async fn a_request_that_waits_or_is_worked_on_is_not_put_there_again() {
        let queue = Local::new();
        let request = Request { function: clock::new_id(), run: clock::new_id() };
        queue.publish(request).await.unwrap();
        queue.publish(request).await.unwrap();
        let mut consumer = queue.consume(request.function).await.unwrap();
        let delivery = next(&mut consumer).await;
        queue.publish(request).await.unwrap();
        assert_eq!(queue.depth(request.function), 0);
        delivery.acknowledge();
        queue.publish(request).await.unwrap();
        assert_eq!(queue.depth(request.function), 1);
    }

    #[tokio::test]
    async fn functions_do_not_wait_for_each_other() {
        let queue = Local::new();
        let (slow, quick) = (clock::new_id(), clock::new_id());
        for _ in 0..100 {
            queue.publish(Request { function: slow, run: clock::new_id() }).await.unwrap();
        }
        let run = clock::new_id();
        queue.publish(Request { function: quick, run }).await.unwrap();
        let mut consumer = queue.consume(quick).await.unwrap();
        assert_eq!(next(&mut consumer).await.request.run, run);
    }
}
