//! What can be asked of a run.

use chrono::{DateTime, Utc};

use super::Id;
use super::event::{Answered, Delivery, Failure, Outcome, Request};
use crate::{erasure, retry};

/// A wish. Time, ids and chance come in with it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // the fields are those of the event that follows
pub enum Command {
    /// Let there be a run.
    Request { request: Request, delivery: Delivery, at: DateTime<Utc> },
    /// `node` begins the next attempt. `lost`: an attempt of which it is known that its server is gone. Where `node` runs it
    /// already, `at` tells the same start sent twice from the start after a restart of that server.
    Start { version: u32, node: String, lost: Option<u32>, at: DateTime<Utc> },
    /// The attempt with this number is done.
    Succeed { attempt: u32, outcome: Outcome, at: DateTime<Utc> },
    /// The attempt with this number failed, or, where it is not `begun`, could not begin. `retryable`: another one may help. `jitter` is a random
    /// number in 0..1.
    Fail {
        begun: bool,
        attempt: u32,
        failure: Failure,
        retryable: bool,
        retry_after_s: Option<f64>,
        jitter: f64,
        at: DateTime<Utc>,
    },
    /// The function could not be given the input. `attempt`: the one that has begun, if one has.
    Defer { attempt: Option<u32>, reason: String, at: DateTime<Utc> },
    /// It has waited too long for being offered.
    Expire { error: String, at: DateTime<Utc> },
    /// Call it off.
    Cancel { at: DateTime<Utc> },
    /// Let a dead run be tried again, as the run of this id.
    Redrive { run: Id, retry: Option<retry::Policy>, at: DateTime<Utc> },
    /// Let a dead run be: nobody looks at it any more.
    Purge { at: DateTime<Utc> },
    /// The outcome was told to who asked for it; `attempt` from 1.
    CallBack { attempt: u32, at: DateTime<Utc> },
    /// The outcome could not be told. `due`: when to try again; not at all when absent.
    FailCallback { attempt: u32, error: String, due: Option<DateTime<Utc>>, at: DateTime<Utc> },
    /// Erase what it was asked with and what it led to; the records of these versions are written over with it.
    Erase { payloads: Vec<erasure::Payload>, at: DateTime<Utc> },
    /// Tell of a synchronous call.
    Answer(Box<Answered>),
}
