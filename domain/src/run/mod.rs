//! The lifecycle of a run, which is one invocation of a function: `QUEUED → RUNNING → SUCCEEDED | FAILED | TIMED_OUT |
//! CANCELLED`, with `RETRYING` between attempts and `DEAD` after the last one.
//!
//! A synchronous call is recorded only after its answer: as a single event, [`event::Answered`], which also ends the
//! run.

pub mod command;
mod decide;
mod error;
pub mod event;
mod evolve;
mod run_request;
pub mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use error::Error;
pub use event::Event;
pub use run_request::RunRequest;
pub use state::{Callback, Letter, LetterStatus, Phase, Run, Status};

use crate::function;

/// The id of a run.
pub type Id = crate::Id<Run>;

/// The run, or `None` before it was requested.
pub type State = Option<Run>;

/// The id of the run that an event causes at a function. Derived, so that the same event never causes a second run.
pub fn id(event: crate::event::Id, function: function::Id) -> Id {
    Id::derive("run", &[&event.to_string(), &function.to_string()])
}

/// The id of the run of a call whose caller chose an id. That id is scoped to one function: at another function it
/// gives a different run, and it never equals the id of a run caused by an event.
pub fn called(function: function::Id, call: &str) -> Id {
    Id::chosen("call", &[&function.to_string(), call])
}

/// The id of the run that follows a dead one; there is one for each dead run.
pub fn redriven(dead: Id) -> Id {
    Id::derive("redriven", &[&dead.to_string()])
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Aggregate;

impl crate::Aggregate for Aggregate {
    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    const KIND: &'static str = "run";
    const STATE_SHAPE: u32 = 4;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        decide::decide(state, command)
    }

    fn evolve(state: State, event: &Event) -> State {
        evolve::evolve(state, event)
    }
}
