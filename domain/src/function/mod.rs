//! The lifecycle of a function: `REGISTERED → BUILT → RUNNING ⇄ STOPPED`, and `DEREGISTERED` from any of them,
//! permanently.
//!
//! [`command`] is what can be asked, [`event`] what can happen, [`state`] the result of the events. [`decide`] and
//! [`evolve`] read as the table of that lifecycle.

pub mod command;
mod decide;
mod error;
pub mod event;
mod evolve;
pub mod made;
pub mod offer;
pub mod state;
#[cfg(test)]
mod tests;
pub mod texts;

pub use command::{Command, Override};
pub use error::Error;
pub use event::Event;
pub use made::Made;
pub use offer::OfferedFolder;
pub use state::{Build, BuildState, BuildStatus, Function, Life, Status, Version};

/// The id of a function.
pub type Id = crate::Id<Function>;

/// The id of a build.
pub type BuildId = crate::Id<Build>;

/// The function, or `None` before it was registered.
pub type State = Option<Function>;

/// The id of the `generation`-th function (from 1) with this name in this namespace. Deriving it makes names unique:
/// two registrations of one name append to the same stream, and only one can be first.
pub fn id(namespace: &str, name: &str, generation: u32) -> Id {
    Id::derive("function", &[namespace, name, &generation.to_string()])
}

/// Prefix of secrets that the platform manages; no function and no webhook can refer to them.
const RESERVED: &str = "EVENTFLOW_GIT_";

/// The name of the secret that holds the address of a function's repository including its credentials.
pub fn credentials_secret(id: Id) -> String {
    format!("{RESERVED}{}", id.uuid().simple())
}

/// The function that owns a secret, if it is one named by [`credentials_secret`].
pub fn credentials_owner(name: &str) -> Option<Id> {
    uuid::Uuid::try_parse(name.strip_prefix(RESERVED)?).ok().map(Id::from)
}

/// Whether a secret's name is one of those made by [`credentials_secret`].
pub fn is_reserved_secret(name: &str) -> bool {
    name.starts_with(RESERVED)
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Aggregate;

impl crate::Aggregate for Aggregate {
    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    const KIND: &'static str = "function";
    const STATE_SHAPE: u32 = 4;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        decide::decide(state, command)
    }

    fn evolve(state: State, event: &Event) -> State {
        evolve::evolve(state, event)
    }
}
