//! What follows from a recorded event. Whoever follows the log does it; nothing is done inside a command.

use chrono::{DateTime, Utc};

use crate::recorded::{Fact, Recorded};
use crate::{event, function, run};

/// Something that has to be done because of what was recorded.
/// Doing it twice is harmless: what is asked for is derived from the cause, or looks at the state first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// Build it.
    Build(function::Id, function::BuildId),
    /// Stop building it.
    CancelBuild(function::BuildId),
    /// A running function has a newer version: start it, and promote it when it is healthy.
    RollOut(function::Id, u32),
    /// What should run has changed: look at it.
    Reconcile(function::Id),
    /// Ask for the runs of the functions that the event reaches.
    Route(event::Id),
    /// Hand it to a worker.
    Deliver(run::Id, function::Id),
    /// Hand it to a worker at that time.
    DeliverAt(run::Id, DateTime<Utc>),
    /// End what runs for it.
    Abort(run::Id),
    /// A dead run is tried again: ask for the run of this id.
    Redrive(run::Id, run::Id),
}

/// Whether anything can follow from a record, told by its type alone. Most records are ends of runs, from which nothing
/// follows: a follower need not even decode them.
pub fn has_consequences(recorded: &Recorded) -> bool {
    recorded.stream.kind() != "run"
        || matches!(&*recorded.kind, "Requested" | "AttemptFailed" | "Cancelled" | "Redriven")
}

/// What follows from a fact.
pub fn react(fact: &Fact) -> Vec<Reaction> {
    match fact {
        Fact::Function(id, event) => {
            let id = *id;
            match event {
                function::Event::BuildRequested(e) => vec![Reaction::Build(id, e.build)],
                function::Event::BuildCancelled(e) => vec![Reaction::CancelBuild(e.build)],
                function::Event::BuildSucceeded(e) => vec![Reaction::RollOut(id, e.version)],
                function::Event::Started(_)
                | function::Event::Stopped(_)
                | function::Event::VersionPromoted(_)
                | function::Event::TrafficShifted(_)
                | function::Event::Deregistered(_) => vec![Reaction::Reconcile(id)],
                function::Event::Registered(_)
                | function::Event::Updated(_)
                | function::Event::BuildStarted(_)
                | function::Event::BuildFailed(_)
                | function::Event::InstanceFailed(_)
                | function::Event::InstanceRecovered(_) => Vec::new(),
            }
        }
        Fact::Run(id, event) => match event {
            run::Event::Requested(e) => vec![Reaction::Deliver(*id, e.request.function)],
            run::Event::AttemptFailed(e) => vec![Reaction::DeliverAt(*id, e.due)],
            run::Event::Cancelled(_) => vec![Reaction::Abort(*id)],
            run::Event::Redriven(e) => vec![Reaction::Redrive(*id, e.run)],
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
        // What is left of an event that was erased is for nobody.
        Fact::Event(_, event::Event::Received(received)) if received.erased_at.is_some() => Vec::new(),
        Fact::Event(id, event::Event::Received(_)) => vec![Reaction::Route(*id)],
        Fact::Event(_, event::Event::Erased(_)) => Vec::new(),
        Fact::Namespace(..) => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
