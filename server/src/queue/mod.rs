//! Delivery of run requests to workers.
//!
//! Knows that there are functions and runs, not what they are. [`Queue`] is the wall: the in-process queue stands behind
//! it, RabbitMQ will. A delivery is acknowledged after the outcome is recorded; one that is not comes again. A queue may
//! lose everything: the log knows which runs are open, and the sweep publishes them again.

pub mod local;

use async_trait::async_trait;
use domain::{function, run};

/// The wish that a worker takes a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Whose queue it stands in: a slow function holds up no other.
    pub function: function::Id,
    /// The run.
    pub run: run::Id,
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

    /// Puts a request at the end of its function's queue; returns when the queue answers for it.
    /// A request that waits already or is in a worker's hands is not put there again.
    async fn publish(&self, request: Request) -> Result<(), Error>;

    /// Takes deliveries of a function.
    async fn consume(&self, function: function::Id) -> Result<Box<dyn Consumer>, Error>;

    /// Requests of a function that wait.
    fn depth(&self, function: function::Id) -> u64;

    /// Functions with requests that wait, and how many.
    fn depths(&self) -> Vec<(function::Id, u64)>;
}
