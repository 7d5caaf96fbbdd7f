//! What a run is, after all that happened to it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::event::{Crash, Delivery, Failure, Outcome, Request};
use crate::erasure;
use crate::names::named;

/// After so many crashes of its instance a run is given to an instance of its own.
pub const ISOLATED_AFTER: u32 = 2;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// What was asked for.
    pub request: Request,
    /// How often it is tried.
    pub delivery: Delivery,
    /// When it was asked for.
    pub queued_at: DateTime<Utc>,
    /// Attempts so far, with those that could not begin and were to be tried again.
    pub attempts: u32,
    /// Attempts that had begun without the function getting the input: they do not count.
    #[serde(default)]
    pub withdrawn: u32,
    /// Crashes of instances that had it.
    #[serde(default)]
    pub crashes: Crashes,
    /// Why it cannot be offered to the function, since an attempt failed or it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deferred: Option<Deferral>,
    /// How far it is.
    pub phase: Phase,
    /// Whether who asked for the outcome was told; absent when nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<Callback>,
    /// When what it was asked with, and what it led to, was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// How often an instance that had a run ended by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crashes {
    /// While the run was its only call.
    pub alone: u32,
    /// While it had other calls, too.
    pub shared: u32,
}

impl Crashes {
    /// All of them.
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

/// A run that cannot be offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// Why, for people.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

impl Run {
    /// Whether it gets an instance of its own: it may be what makes instances crash.
    pub fn is_isolated(&self) -> bool {
        self.crashes.all() >= ISOLATED_AFTER
    }

    /// Erases what it was asked with and what it led to.
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

    /// Why it waits, when it does because it cannot be offered.
    pub fn waits_for(&self) -> Option<&str> {
        let waits = matches!(self.phase, Phase::Queued | Phase::Retrying { .. });
        self.deferred.as_ref().filter(|_| waits).map(|deferred| deferred.reason.as_str())
    }

    /// Attempts that count against the policy, the one with this number included, should it end with this crash. A crash
    /// that was shared counts as soon as the run has crashed an instance alone: then it was the cause.
    pub(super) fn counted(&self, attempt: u32, crash: Option<Crash>) -> u32 {
        let crashes = self.crashes_with(crash);
        let spared = if crashes.alone > 0 { 0 } else { crashes.shared.min(ISOLATED_AFTER) };
        attempt.saturating_sub(self.withdrawn).saturating_sub(spared)
    }

    /// Whether another attempt follows a crash whatever the policy says: it is not known what the cause was.
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

/// How far it is with telling the outcome to who asked for it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Callback {
    /// There is no outcome yet.
    Waiting,
    /// It is to be told at a time.
    Due {
        /// Attempts that failed.
        attempts: u32,
        /// When the next one is due.
        due: DateTime<Utc>,
    },
    /// It was told.
    Delivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// It could not be told, and is not tried any more.
    GivenUp {
        /// What went wrong in the last attempt.
        error: String,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What became of a run that is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Letter {
    /// It waits for somebody to look at it.
    #[default]
    Waiting,
    /// It was tried again, as another run.
    Redriven(super::Id),
    /// Nobody wants to look at it.
    Purged,
}

named! {
    /// What became of a dead letter, without what belongs to it.
    pub enum LetterStatus {
        /// It waits for somebody to look at it.
        Waiting = "WAITING",
        /// It was tried again, as another run.
        Redriven = "REDRIVEN",
        /// Nobody wants to look at it.
        Purged = "PURGED",
    }
}

impl Letter {
    /// The same, without what belongs to it.
    pub fn status(self) -> LetterStatus {
        match self {
            Self::Waiting => LetterStatus::Waiting,
            Self::Redriven(_) => LetterStatus::Redriven,
            Self::Purged => LetterStatus::Purged,
        }
    }
}

named! {
    /// How far a run is, without what belongs to it.
    pub enum Status {
        /// It waits for a worker.
        Queued = "QUEUED",
        /// An attempt runs.
        Running = "RUNNING",
        /// It waits for its next attempt.
        Retrying = "RETRYING",
        /// It did what it should.
        Succeeded = "SUCCEEDED",
        /// It did not.
        Failed = "FAILED",
        /// It took too long.
        TimedOut = "TIMED_OUT",
        /// It was called off.
        Cancelled = "CANCELLED",
        /// Its last attempt failed.
        Dead = "DEAD",
    }
}

impl Status {
    /// Whether something more happens to the run.
    pub fn is_open(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Retrying => true,
            Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Dead => false,
        }
    }

    /// Whether it waits: for a worker, or for its next attempt.
    pub fn is_waiting(self) -> bool {
        match self {
            Self::Queued | Self::Retrying => true,
            Self::Running | Self::Succeeded | Self::Failed | Self::TimedOut | Self::Cancelled | Self::Dead => false,
        }
    }
}

/// How far a run is.
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

/// The attempt that a run ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The version that ran.
    pub version: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
}

impl Phase {
    /// The same, without what belongs to it.
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

    /// The name of the state, as the outside knows it.
    pub fn name(&self) -> &'static str {
        self.status().name()
    }

    /// Whether nothing more happens to the run.
    pub fn is_over(&self) -> bool {
        self.finished_at().is_some()
    }

    /// When it was over.
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

    /// The newest attempt.
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

    /// What went wrong in the newest attempt, if it did.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Retrying { failure, .. }
            | Self::Failed { failure, .. }
            | Self::TimedOut { failure, .. }
            | Self::Dead { failure, .. } => Some(failure),
            Self::Queued | Self::Running { .. } | Self::Succeeded { .. } | Self::Cancelled { .. } => None,
        }
    }

    /// What the newest attempt left behind.
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

    /// What became of it as a dead letter, when it is one.
    pub fn letter(&self) -> Option<Letter> {
        match self {
            Self::Dead { letter, .. } => Some(*letter),
            _ => None,
        }
    }

    /// When the attempt that runs began.
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
