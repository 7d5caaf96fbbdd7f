//! What follows from a recorded event. Whoever follows the log does it; nothing is done inside a command.
//!
//! A [`Reaction`] carries all that is needed to do it. Doing it twice is harmless: what is asked for is derived from the cause,
//! or looks at the state first.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::function::BuildId;
use crate::recorded::{Cause, Fact, Recorded};
use crate::run::Asked;
use crate::run::event::Redriven;
use crate::{event, function, run, upcast};

/// Something that has to be done because of what was recorded.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// By every server.
    Everywhere(Everywhere),
    /// Once: where servers share a queue, by the one that relays for all of them.
    Once(Once),
}

/// What every server has to do by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Everywhere {
    /// Build it, unless another server does.
    Build {
        /// Whose build it is.
        function: function::Id,
        /// Which.
        build: BuildId,
        /// What the build follows from.
        cause: Cause,
    },
    /// Stop building it.
    CancelBuild(BuildId),
    /// What should run has changed: look at it.
    Reconcile {
        /// Of which function.
        function: function::Id,
        /// When it was started, if that is what happened.
        started: Option<DateTime<Utc>>,
    },
    /// Another version is the current one: take as many runs at a time as that one can.
    Resize(function::Id),
    /// End what runs for it.
    Abort(run::Id),
    /// The function is gone: its numbers are shown no longer.
    ForgetNumbers(function::Id),
}

/// What is done once.
#[derive(Debug, Clone, PartialEq)]
pub enum Once {
    /// A running function has a newer version: start it, and promote it when it is healthy.
    RollOut {
        /// Which function.
        function: function::Id,
        /// The newer version.
        version: u32,
    },
    /// Hand a run to a worker at a time.
    DeliverAt {
        /// Which run.
        run: run::Id,
        /// When.
        due: DateTime<Utc>,
    },
    /// A dead run is tried again: ask for the run that follows it.
    Redrive {
        /// The dead run.
        dead: run::Id,
        /// What was said of it …
        redriven: Redriven,
        /// … in the record with this id …
        record: Uuid,
        /// … and this cause.
        cause: Cause,
    },
    /// In the order of the log, within a namespace.
    InOrder(InOrder),
}

/// What is done in the order of the log: which functions an event reaches depends on what happened before it.
#[derive(Debug, Clone, PartialEq)]
pub enum InOrder {
    /// Whoever folds which functions there are, and what triggers them, takes this in. Of a function that is gone, what waits
    /// for it is ended.
    Change(function::Id, function::Event),
    /// Ask for the runs of the functions that the event reaches.
    Route {
        /// The event.
        received: Box<event::Received>,
        /// The id of its record.
        record: Uuid,
        /// The cause of its record.
        cause: Cause,
    },
    /// Hand a run to a worker.
    Deliver(Box<Asked>),
}

/// Whether anything of a scope can follow from a record, told by its type alone. Most records are of runs, and nothing follows
/// from most of these: a follower need not even decode them. What newer servers wrote is looked at.
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

/// What every server has to do because of a record.
///
/// # Errors
/// When the record cannot be read by this version of EventFlow.
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

/// What is to be done once because of a record.
///
/// # Errors
/// When the record cannot be read by this version of EventFlow.
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

/// All that follows from a record.
///
/// # Errors
/// When the record cannot be read by this version of EventFlow.
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
                vec![in_order(InOrder::Deliver(Box::new(Asked { requested, cause: cause.clone() })))]
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
        // What is left of an event that was erased is for nobody.
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
