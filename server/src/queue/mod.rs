//! Delivers run requests to workers.
//!
//! Knows that there are functions and runs, but not what they do. The trait [`Queue`] has two implementations: the
//! in-process queue and RabbitMQ. A worker acknowledges a delivery after recording the outcome; without an
//! acknowledgement it is redelivered, and any delivery may arrive more than once. A queue may lose everything: the log
//! knows which runs are open, and the sweep publishes them again.

#[cfg(test)]
mod contract;
pub mod local;
pub mod rabbit;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{function, run};

/// Maximum size of an input that a request may carry, in bytes. A larger one stays in the log, where the worker reads
/// it.
pub const MAX_INLINE: usize = 16 << 10;

/// A request for a worker to execute a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// The function, which has a queue of its own: a slow function does not hold up the others.
    pub function: function::Id,
    /// The run.
    pub run: run::Id,
    /// The run's request, if it was made just now: then the worker need not read it from the log. The log may not have
    /// it yet either; whoever comes first records it.
    pub asked: Option<Arc<run::RunRequest>>,
}

impl Request {
    /// A request for a run that is already recorded.
    pub fn recorded(function: function::Id, run: run::Id) -> Self {
        Self { function, run, asked: None }
    }

    /// Bytes of the input that it carries.
    pub fn input_bytes(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.requested.request.input.get().len())
    }
}

/// The queue is not available.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the queue is not available: {0}")]
pub struct Error(pub String);

/// A request delivered to a worker. Dropping it without acknowledging returns it to the queue.
pub struct Delivery {
    /// The request.
    pub request: Request,
    receipt: Box<dyn Receipt>,
}

impl Delivery {
    /// A delivery with its receipt.
    pub fn new(request: Request, receipt: Box<dyn Receipt>) -> Self {
        Self { request, receipt }
    }

    /// A request that was never queued, in the form of a delivery; its acknowledgement goes nowhere.
    pub fn unqueued(request: Request) -> Self {
        Self { request, receipt: Box::new(Nobody) }
    }

    /// Acknowledges the delivery after its outcome was recorded: it will not come again.
    pub fn acknowledge(self) {
        self.receipt.acknowledge();
    }
}

/// How a queue is notified of an acknowledgement. If dropped unused, the delivery comes again.
pub trait Receipt: Send {
    /// Acknowledges the delivery.
    fn acknowledge(self: Box<Self>);
}

/// The receipt of a request that was never queued.
struct Nobody;

impl Receipt for Nobody {
    fn acknowledge(self: Box<Self>) {}
}

/// Receives the deliveries of one function.
#[async_trait]
pub trait Consumer: Send {
    /// Waits for the next delivery, oldest first. Cancel-safe.
    async fn next(&mut self) -> Result<Delivery, Error>;
}

/// The boundary between EventFlow and message brokers.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// The name of the queue, for people.
    fn describe(&self) -> String;

    /// Whether other servers consume from it, too. If so, one server publishes on behalf of all.
    fn is_shared(&self) -> bool;

    /// Why it cannot deliver at present, as a message; `None` if it can.
    fn fault(&self) -> Option<String>;

    /// Publishes a request to its function's queue; returns once the queue has confirmed it. Many calls may be in
    /// progress at once. A request that is already queued may be published again.
    async fn publish(&self, request: Request) -> Result<(), Error>;

    /// Consumes a function's queue with at most `prefetch` unacknowledged deliveries.
    async fn consume(&self, function: function::Id, prefetch: usize) -> Result<Box<dyn Consumer>, Error>;

    /// Number of queued requests of a function, without those delivered.
    async fn depth(&self, function: function::Id) -> Result<u64, Error>;

    /// Number of messages that the broker dead-lettered; `None` if the queue has no dead-letter queue.
    async fn dead(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    /// Deletes a function's queue with everything in it.
    async fn forget(&self, function: function::Id) -> Result<(), Error>;
}
