//! Commands to a run.

use chrono::{DateTime, Utc};

use super::Id;
use super::event::{Answered, Delivery, Failure, Outcome, Request};
use crate::{erasure, retry};

/// A command. It carries the time, ids and random numbers it needs.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are those of the event that follows
pub enum Command {
    /// Create a run.
    Request { request: Request, delivery: Delivery, at: DateTime<Utc> },
    /// Record that `node` begins the next attempt. `lost` is an attempt whose server is known to be gone. If `node`
    /// already runs this one, `at` distinguishes a repeated command from a new start after that server's restart.
    Start { version: u32, node: String, lost: Option<u32>, at: DateTime<Utc> },
    /// Record that an attempt succeeded.
    Succeed { attempt: u32, outcome: Outcome, at: DateTime<Utc> },
    /// Record that an attempt failed, or, if not `begun`, could not begin. `retryable`: another attempt may help.
    /// `jitter` is a random number in 0..1.
    Fail {
        begun: bool,
        attempt: u32,
        failure: Failure,
        retryable: bool,
        retry_after_s: Option<f64>,
        jitter: f64,
        at: DateTime<Utc>,
    },
    /// Record that the function could not be given the input. `attempt` is the attempt that had begun, if any.
    Defer { attempt: Option<u32>, reason: String, at: DateTime<Utc> },
    /// Give up: the run has waited too long to be offered to its function.
    Expire { error: String, at: DateTime<Utc> },
    /// Cancel the run.
    Cancel { at: DateTime<Utc> },
    /// Redrive a dead run, as the run with this id.
    Redrive { run: Id, retry: Option<retry::Policy>, at: DateTime<Utc> },
    /// Discard a dead run.
    Purge { at: DateTime<Utc> },
    /// Record that the outcome was reported to the callback, in this attempt (from 1).
    CallBack { attempt: u32, at: DateTime<Utc> },
    /// Record that the callback failed. `due` is the time of the next attempt; `None` if there is no other.
    FailCallback { attempt: u32, error: String, due: Option<DateTime<Utc>>, at: DateTime<Utc> },
    /// Erase the input and the outcome, together with the payloads of these records.
    Erase { payloads: Vec<erasure::Payload>, at: DateTime<Utc> },
    /// Record a synchronous call.
    Answer(Box<Answered>),
}
