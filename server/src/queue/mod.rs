//! Delivery of run requests to workers.
//!
//! Knows that there are functions and runs, not what they do. [`Queue`] is the wall: the in-process queue stands behind
//! it, and RabbitMQ. A delivery is acknowledged after the outcome is recorded; one that is not comes again, and any may
//! come more than once. A queue may lose everything: the log knows which runs are open, and the sweep publishes them again.

#[cfg(test)]
mod contract;
pub mod local;
pub mod rabbit;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use async_trait::async_trait;
use domain::{function, run};

/// Bytes of an input that a request may carry. A larger one stays in the log, where the worker reads it.
pub const MAX_INLINE: usize = 16 << 10;

/// The wish that a worker takes a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Whose queue it stands in: a slow function holds up no other.
    pub function: function::Id,
    /// The run.
    pub run: run::Id,
    /// How the run was asked for, when that was just now: a worker need not read it from the log then. The log may not
    /// have it yet, either: whoever is first records it.
    pub asked: Option<Arc<run::Asked>>,
}

impl Request {
    /// The wish for a run that is in the log.
    pub fn recorded(function: function::Id, run: run::Id) -> Self {
        Self { function, run, asked: None }
    }

    /// Bytes of the input that it carries.
    pub fn input_bytes(&self) -> usize {
        self.asked.as_ref().map_or(0, |asked| asked.requested.request.input.get().len())
    }
}

/// The queue is away.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the queue is not available: {0}")]
pub struct Error(pub String);

/// A request in a worker's hands. Dropping it without an acknowledgement gives it back to the queue.
pub struct Delivery {
    /// The request.
    pub request: Request,
    receipt: Box<dyn Receipt>,
}

impl Delivery {
    /// A delivery with the way to answer for it.
    pub fn new(request: Request, receipt: Box<dyn Receipt>) -> Self {
        Self { request, receipt }
    }

    /// A request that stands in no queue, as if it had been delivered: nobody hears what becomes of it.
    pub fn unqueued(request: Request) -> Self {
        Self { request, receipt: Box::new(Nobody) }
    }

    /// The outcome is recorded: it need not come again.
    pub fn acknowledge(self) {
        self.receipt.acknowledge();
    }
}

/// How a queue learns what became of a delivery. Dropped unused, the delivery comes again.
pub trait Receipt: Send {
    /// It need not come again.
    fn acknowledge(self: Box<Self>);
}

/// Who is told of a request that stands in no queue.
struct Nobody;

impl Receipt for Nobody {
    fn acknowledge(self: Box<Self>) {}
}

/// Takes deliveries of one function.
#[async_trait]
pub trait Consumer: Send {
    /// The next delivery, oldest first; waits for it. Cancel-safe.
    async fn next(&mut self) -> Result<Delivery, Error>;
}

/// The wall between EventFlow and whatever delivers.
#[async_trait]
pub trait Queue: Send + Sync + 'static {
    /// What it is, for people.
    fn describe(&self) -> String;

    /// Whether other servers take from it, too. Then one server publishes for all of them.
    fn is_shared(&self) -> bool;

    /// Why it does not deliver now, for people; `None` when it does.
    fn fault(&self) -> Option<String>;

    /// Puts a request at the end of its function's queue; returns when the queue answers for it. Many may be on their way
    /// at once. One that waits already may be put there again.
    async fn publish(&self, request: Request) -> Result<(), Error>;

    /// Takes deliveries of a function, at most `prefetch` of them unacknowledged at a time.
    async fn consume(&self, function: function::Id, prefetch: usize) -> Result<Box<dyn Consumer>, Error>;

    /// Requests of a function that wait and are in no worker's hands.
    async fn depth(&self, function: function::Id) -> Result<u64, Error>;

    /// Messages that the broker has put aside because nobody could take them; `None` where there is no such place.
    async fn dead(&self) -> Result<Option<u64>, Error> {
        Ok(None)
    }

    /// Forgets a function: what waits for it is gone.
    async fn forget(&self, function: function::Id) -> Result<(), Error>;
}
