//! What can be asked of a run.

use chrono::{DateTime, Utc};

use super::event::{Answered, Delivery, Failure, Outcome, Request};

/// A wish. Time, ids and chance come in with it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are those of the event that follows
pub enum Command {
    /// Let there be a run.
    Request { request: Request, delivery: Delivery, at: DateTime<Utc> },
    /// `node` begins the next attempt.
    Start { version: u32, node: String, at: DateTime<Utc> },
    /// The attempt is done.
    Succeed { outcome: Outcome, at: DateTime<Utc> },
    /// The attempt failed. `retryable`: another one may help. `jitter` is a random number in 0..1.
    Fail { failure: Failure, retryable: bool, retry_after_s: Option<f64>, jitter: f64, at: DateTime<Utc> },
    /// Call it off.
    Cancel { at: DateTime<Utc> },
    /// Tell of a synchronous call.
    Answer(Box<Answered>),
}
