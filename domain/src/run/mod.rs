//! One invocation: `QUEUED → RUNNING → SUCCEEDED | FAILED | TIMED_OUT | CANCELLED`, between attempts `RETRYING`,
//! after the last one `DEAD`.
//!
//! A synchronous call is known only after its answer: it is one event, [`event::Answered`], and over at once.

mod asked;
pub mod command;
mod decide;
mod error;
pub mod event;
mod evolve;
pub mod state;
#[cfg(test)]
mod tests;

pub use asked::Asked;
pub use command::Command;
pub use error::Error;
pub use event::Event;
pub use state::{Callback, Letter, LetterStatus, Phase, Run, Status};

use crate::function;

/// Names a run.
pub type Id = crate::Id<Run>;

/// Nothing, or a run.
pub type State = Option<Run>;

/// The run that an event asks of a function. The same event can never ask twice for the same run.
pub fn id(event: crate::event::Id, function: function::Id) -> Id {
    Id::derive("run", &[&event.to_string(), &function.to_string()])
}

/// The run of a call that its caller gave an id. The id counts for calls of one function: the same one at another function
/// is another run, and none is a run that an event asks for.
pub fn called(function: function::Id, call: &str) -> Id {
    Id::chosen("call", &[&function.to_string(), call])
}

/// The run that follows a dead one when that is redriven; there is one for each dead run.
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
