//! The state of a run, folded from its events.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Crash, Delivery, Failure, Outcome, Request};
use crate::erasure;
use crate::names::named;

/// After this many crashes of its instance, a run gets an instance of its own.
pub const ISOLATED_AFTER: u32 = 2;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The request.
    pub request: Request,
    /// How often it is tried.
    pub delivery: Delivery,
    /// When it was requested.
    pub queued_at: DateTime<Utc>,
    /// Attempts so far, including those that could not begin and were to be retried.
    pub attempts: u32,
    /// Attempts that began without the function getting the input; they do not count.
    #[serde(default)]
    pub withdrawn: u32,
    /// Crashes of instances that had this run.
    #[serde(default)]
    pub crashes: Crashes,
    /// Why the run currently cannot be offered to the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferral>,
    /// The current phase.
    pub phase: Phase,
    /// The state of the callback; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// When its input and outcome were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// How often an instance crashed while it had a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crashes {
    /// While the run was its only call.
    pub alone: u32,
    /// While it had other calls as well.
    pub shared: u32,
}

impl Crashes {
    /// Crashes of both kinds.
    pub fn all(self) -> u32 {
        self.alone.saturating_add(self.shared)
    }

    pub(super) fn add(&mut self, crash: Option<Crash>) {
        match crash {
            Some(Crash::Alone) => self.alone = self.alone.saturating_add(1),
            Some(Crash::Shared) => self.shared = self.shared.saturating_add(1),
            None => {}
        }
    }
}

/// A run that cannot be offered to its function at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// The reason, as a message.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Run {
    /// Whether it gets an instance of its own, because it may be what makes instances crash.
    pub fn is_isolated(&self) -> bool {
        self.crashes.all() >= ISOLATED_AFTER
    }

    /// Erases its input and outcome.
    pub(super) fn erase(&mut self, at: DateTime<Utc>) {
        erasure::request(&mut self.request);
        match &mut self.phase {
            Phase::Succeeded { outcome, .. } => erasure::outcome(outcome),
            Phase::Retrying { failure, .. }
            | Phase::Failed { failure, .. }
            | Phase::TimedOut { failure, .. }
            | Phase::Dead { failure, .. } => erasure::failure(failure),
            Phase::Queued | Phase::Running { .. } | Phase::Cancelled { .. } => {}
        }
        if let Some(Callback::GivenUp { error, .. }) = &mut self.callback {
            *error = erasure::ERASED.to_owned();
        }
        self.erased_at = Some(at);
    }

    /// Why it cannot be offered to its function, if that is why it waits.
    pub fn waits_for(&self) -> Option<&str> {
        let waits = matches!(self.phase, Phase::Queued | Phase::Retrying { .. });
        self.deferred.as_ref().filter(|_| waits).map(|deferred| deferred.reason.as_str())
    }

    /// The number of attempts that count against the policy, including the attempt with this number if it ends with
    /// this crash. Shared crashes count as soon as the run has crashed an instance alone: it was the cause then.
    pub(super) fn counted(&self, attempt: u32, crash: Option<Crash>) -> u32 {
        let crashes = self.crashes_with(crash);
        let spared = if crashes.alone > 0 { 0 } else { crashes.shared.min(ISOLATED_AFTER) };
        attempt.saturating_sub(self.withdrawn).saturating_sub(spared)
    }

    /// Whether another attempt follows a crash regardless of the policy, because the cause is unknown.
    pub(super) fn spares(&self, crash: Option<Crash>) -> bool {
        let crashes = self.crashes_with(crash);
        crash == Some(Crash::Shared) && crashes.alone == 0 && crashes.shared <= ISOLATED_AFTER
    }

    fn crashes_with(&self, crash: Option<Crash>) -> Crashes {
        let mut crashes = self.crashes;
        crashes.add(crash);
        crashes
    }
}

/// The state of a run's callback.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Callback {
    /// The run has no outcome yet.
    Waiting,
    /// To be notified.
    Due {
        /// Failed attempts.
        attempts: u32,
        /// When the next attempt is due.
        due: DateTime<Utc>,
    },
    /// Notified.
    Delivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// Not notified, and given up.
    GivenUp {
        /// The error of the last attempt.
        error: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The state of a dead letter, which is a dead run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Letter {
    /// Waiting for somebody to handle it.
    #[default]
    Waiting,
    /// Redriven, as another run.
    Redriven(super::Id),
    /// Discarded.
    Purged,
}

named! {
    /// The state of a dead letter without its data.
    pub enum LetterStatus {
        /// Waiting for somebody to handle it.
        Waiting = "WAITING",
        /// Redriven, as another run.
        Redriven = "REDRIVEN",
        /// Discarded.
        Purged = "PURGED",
    }
}

impl Letter {
    /// The state without its data.
    pub fn status(self) -> LetterStatus {
        match self {
            Self::Waiting => LetterStatus::Waiting,
            Self::Redriven(_) => LetterStatus::Redriven,
            Self::Purged => LetterStatus::Purged,
        }
    }
}

named! {
    /// The phase of a run without its data.
    pub enum Status {
        /// Waiting for a worker.
        Queued = "QUEUED",
        /// An attempt is running.
        Running = "RUNNING",
        /// Waiting for the next attempt.
        Retrying = "RETRYING",
        /// The run succeeded.
        Succeeded = "SUCCEEDED",
        /// The run failed.
        Failed = "FAILED",
        /// The run exceeded its time limit.
        TimedOut = "TIMED_OUT",
        /// The run was cancelled.
        Cancelled = "CANCELLED",
        /// The last attempt failed.
        Dead = "DEAD",
    }
}

impl Status {
    /// Whether the run is not over yet.
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Retrying => true,
            Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Dead => false,
        }
    }

    /// Whether it is waiting for a worker or for its next attempt.
    pub fn is_waiting(self) -> bool {
        match self {
            Self::Queued | Self::Retrying => true,
            Self::Running | Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Dead => false,
        }
    }
}

/// The phase of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)] // the fields are those of the events
pub enum Phase {
    Queued,
    Running { version: u32, node: String, since: DateTime<Utc> },
    Retrying { failure: Failure, last: Attempt, due: DateTime<Utc> },
    Succeeded { outcome: Outcome, last: Attempt, at: DateTime<Utc> },
    Failed { failure: Failure, last: Option<Attempt>, at: DateTime<Utc> },
    TimedOut { failure: Failure, last: Option<Attempt>, at: DateTime<Utc> },
    Cancelled { last: Option<Attempt>, at: DateTime<Utc> },
    Dead { failure: Failure, last: Option<Attempt>, letter: Letter, at: DateTime<Utc> },
}

/// The last attempt of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The version that ran.
    pub version: u32,
    /// When the attempt began.
    pub started_at: DateTime<Utc>,
}

impl Phase {
    /// The phase without its data.
    pub fn status(&self) -> Status {
        match self {
            Self::Queued => Status::Queued,
            Self::Running { .. } => Status::Running,
            Self::Retrying { .. } => Status::Retrying,
            Self::Succeeded { .. } => Status::Succeeded,
            Self::Failed { .. } => Status::Failed,
            Self::TimedOut { .. } => Status::TimedOut,
            Self::Cancelled { .. } => Status::Cancelled,
            Self::Dead { .. } => Status::Dead,
        }
    }

    /// The public name of the state.
    pub fn name(&self) -> &'static str {
        self.status().name()
    }

    /// Whether the run is over.
    pub fn is_over(&self) -> bool {
        self.finished_at().is_some()
    }

    /// When the run ended.
    pub fn finished_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Queued | Self::Running { .. } | Self::Retrying { .. } => None,
            Self::Succeeded { at, .. }
            | Self::Failed { at, .. }
            | Self::TimedOut { at, .. }
            | Self::Cancelled { at, .. }
            | Self::Dead { at, .. } => Some(*at),
        }
    }

    /// The latest attempt.
    pub fn attempt(&self) -> Option<Attempt> {
        match self {
            Self::Queued => None,
            Self::Running { version, since, .. } => Some(Attempt { version: *version, started_at: *since }),
            Self::Retrying { last, .. } | Self::Succeeded { last, .. } => Some(*last),
            Self::Failed { last, .. }
            | Self::TimedOut { last, .. }
            | Self::Cancelled { last, .. }
            | Self::Dead { last, .. } => *last,
        }
    }

    /// Why the latest attempt failed, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Retrying { failure, .. }
            | Self::Failed { failure, .. }
            | Self::TimedOut { failure, .. }
            | Self::Dead { failure, .. } => Some(failure),
            Self::Queued | Self::Running { .. } | Self::Succeeded { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// The outcome of the latest attempt.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Self::Succeeded { outcome, .. } => Some(outcome),
            other => other.failure().map(|failure| &failure.outcome),
        }
    }

    /// When the next attempt is due, between attempts.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Retrying { due, .. } => Some(*due),
            _ => None,
        }
    }

    /// The state of its dead letter, if the run is dead.
    pub fn letter(&self) -> Option<Letter> {
        match self {
            Self::Dead { letter, .. } => Some(*letter),
            _ => None,
        }
    }

    /// When the running attempt began.
    pub fn since(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Running { since, .. } => Some(*since),
            _ => None,
        }
    }

    /// The server that runs it.
    pub fn node(&self) -> Option<&str> {
        match self {
            Self::Running { node, .. } => Some(node),
            _ => None,
        }
    }
}
