//! Reactions: what has to be done because of a recorded event. Followers of the log perform them; a command never has
//! side effects of its own.
//!
//! A [`Reaction`] carries everything needed to perform it. Performing it twice is harmless: whatever it creates has an
//! id derived from the cause, or it checks the current state first.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::function::BuildId;
use crate::recorded::{Cause, Fact, Recorded};
use crate::run::RunRequest;
use crate::run::event::Redriven;
use crate::{event, function, run, upcast};

/// A task that follows from a recorded event.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// Performed by every server.
    Everywhere(Everywhere),
    /// Performed once: if servers share a queue, by the leader on behalf of all.
    Once(Once),
}

/// A task that every server performs for itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Everywhere {
    /// Build a version, unless another server does.
    Build {
        /// The function.
        function: function::Id,
        /// The build.
        build: BuildId,
        /// The cause to record for the build.
        cause: Cause,
    },
    /// Stop a build.
    CancelBuild(BuildId),
    /// The desired state of a function changed: compare it with the actual one.
    Reconcile {
        /// The function.
        function: function::Id,
        /// When it was started, if the event is a start.
        started: Option<DateTime<Utc>>,
    },
    /// The current version changed: adjust the number of concurrent runs to it.
    Resize(function::Id),
    /// Abort the execution of a run.
    Abort(run::Id),
    /// The function was deregistered: drop its metrics.
    ForgetNumbers(function::Id),
}

/// A task that is performed once.
#[derive(Debug, Clone, PartialEq)]
pub enum Once {
    /// A running function has a newer version: start it, and promote it once it is healthy.
    RollOut {
        /// The function.
        function: function::Id,
        /// The newer version.
        version: u32,
    },
    /// Publish a run's request at a given time.
    DeliverAt {
        /// The run.
        run: run::Id,
        /// The due time.
        due: DateTime<Utc>,
    },
    /// A dead run is redriven: request the run that follows it.
    Redrive {
        /// The dead run.
        dead: run::Id,
        /// The event.
        redriven: Redriven,
        /// The id of its record.
        record: Uuid,
        /// The cause of its record.
        cause: Cause,
    },
    /// Performed in log order within a namespace.
    InOrder(InOrder),
}

/// A task that depends on earlier records: which functions an event reaches depends on what happened before it.
#[derive(Debug, Clone, PartialEq)]
pub enum InOrder {
    /// A function changed: update everything folded from functions and their triggers. If the function is gone, its
    /// waiting runs end.
    Change(function::Id, function::Event),
    /// Request the runs of the functions that the event reaches.
    Route {
        /// The event.
        received: Box<event::Received>,
        /// The id of its record.
        record: Uuid,
        /// The cause of its record.
        cause: Cause,
    },
    /// Publish a run's request.
    Deliver(Box<RunRequest>),
}

/// Whether a record can lead to a reaction of a scope, judged by its type alone. Most records concern runs and lead to
/// none, so followers need not decode them. Types written by newer servers are always examined.
fn may_follow(recorded: &Recorded, once: bool) -> bool {
    match recorded.stream.kind() {
        "function" => true,
        "event" => once,
        "run" => match &*recorded.kind {
            "Requested" | "AttemptFailed" | "Redriven" => once,
            "Cancelled" => !once,
            _ => false,
        },
        _ => false,
    }
}

/// The tasks that every server performs because of a record.
///
/// # Errors
/// If this version of EventFlow cannot read the record.
pub fn everywhere(recorded: &Recorded) -> Result<Vec<Everywhere>, upcast::Error> {
    let only = |reaction| match reaction {
        Reaction::Everywhere(reaction) => Some(reaction),
        Reaction::Once(_) => None,
    };
    if !may_follow(recorded, false) {
        return Ok(Vec::new());
    }
    Ok(react(recorded)?.into_iter().filter_map(only).collect())
}

/// The tasks that are performed once because of a record.
///
/// # Errors
/// If this version of EventFlow cannot read the record.
pub fn once(recorded: &Recorded) -> Result<Vec<Once>, upcast::Error> {
    let only = |reaction| match reaction {
        Reaction::Once(reaction) => Some(reaction),
        Reaction::Everywhere(_) => None,
    };
    if !may_follow(recorded, true) {
        return Ok(Vec::new());
    }
    Ok(react(recorded)?.into_iter().filter_map(only).collect())
}

/// All reactions to a record.
///
/// # Errors
/// If this version of EventFlow cannot read the record.
pub fn react(recorded: &Recorded) -> Result<Vec<Reaction>, upcast::Error> {
    use Everywhere::{Abort, Build, CancelBuild, ForgetNumbers, Reconcile, Resize};
    use Once::{DeliverAt, Redrive, RollOut};

    let here = Reaction::Everywhere;
    let once = Reaction::Once;
    let in_order = |reaction| Reaction::Once(Once::InOrder(reaction));
    let (record, cause) = (recorded.id, &recorded.cause);
    Ok(match recorded.fact()? {
        Fact::Function(id, event) => {
            let function = id;
            let mut all = match &event {
                function::Event::BuildRequested(e) => {
                    vec![here(Build { function, build: e.build, cause: recorded.as_cause(None) })]
                }
                function::Event::BuildCancelled(e) => vec![here(CancelBuild(e.build))],
                function::Event::BuildSucceeded(e) => vec![once(RollOut { function, version: e.version })],
                function::Event::Started(e) => {
                    vec![here(Reconcile { function, started: Some(e.at) }), here(Resize(function))]
                }
                function::Event::VersionPromoted(_) | function::Event::TrafficShifted(_) => {
                    vec![here(Reconcile { function, started: None }), here(Resize(function))]
                }
                function::Event::Deregistered(_) => {
                    vec![here(Reconcile { function, started: None }), here(ForgetNumbers(function))]
                }
                function::Event::Stopped(_) => vec![here(Reconcile { function, started: None })],
                function::Event::Registered(_)
                | function::Event::Updated(_)
                | function::Event::BuildStarted(_)
                | function::Event::BuildFailed(_)
                | function::Event::InstanceFailed(_)
                | function::Event::InstanceRecovered(_) => Vec::new(),
            };
            if event.changes_who_is_reached() {
                all.push(in_order(InOrder::Change(function, event)));
            }
            all
        }
        Fact::Run(id, event) => match event {
            run::Event::Requested(requested) => {
                vec![in_order(InOrder::Deliver(Box::new(RunRequest { requested, cause: cause.clone() })))]
            }
            run::Event::AttemptFailed(e) => vec![once(DeliverAt { run: id, due: e.due })],
            run::Event::Cancelled(_) => vec![here(Abort(id))],
            run::Event::Redriven(redriven) => vec![once(Redrive { dead: id, redriven, record, cause: cause.clone() })],
            run::Event::Started(_)
            | run::Event::Succeeded(_)
            | run::Event::Failed(_)
            | run::Event::TimedOut(_)
            | run::Event::DeadLettered(_)
            | run::Event::Deferred(_)
            | run::Event::Answered(_)
            | run::Event::Purged(_)
            | run::Event::CallbackFailed(_)
            | run::Event::CallbackDelivered(_)
            | run::Event::Erased(_) => Vec::new(),
        },
        // An erased event reaches nobody.
        Fact::Event(_, event::Event::Received(received)) if received.erased_at.is_some() => Vec::new(),
        Fact::Event(_, event::Event::Received(received)) => {
            vec![in_order(InOrder::Route { received, record, cause: cause.clone() })]
        }
        Fact::Event(_, event::Event::Erased(_)) => Vec::new(),
        Fact::Namespace(..) => Vec::new(),
    })
}

#[cfg(test)]
mod tests;
