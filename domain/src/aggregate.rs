//! What every aggregate has: a state, commands that ask, events that happened, and two pure functions.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::upcast;

/// An aggregate decides about commands by what has happened to it, and by nothing else.
///
/// Two rules hold for all: a command that is already done is `Ok(vec![])`; one that cannot be is `Err`
/// and the error names the state. Time and ids come in with the command.
pub trait Aggregate {
    /// What has happened so far, folded. `Default` is "nothing".
    type State: Default + Clone + Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What can be asked for.
    type Command: Clone + Debug + Send + 'static;
    /// What can happen.
    type Event: Clone + Debug + PartialEq + Send + Sync + Payload + 'static;
    /// Why a command is refused.
    type Error: std::error::Error + Clone + PartialEq + Send + Sync + 'static;

    /// What its streams are called: `function` in `function-{id}`.
    const KIND: &'static str;
    /// Counts up whenever the shape of `State` changes, so that older snapshots are ignored.
    const STATE_SHAPE: u32;

    /// What follows from a command in a state.
    ///
    /// # Errors
    /// When the command cannot be in this state; nothing has happened then.
    fn decide(state: &Self::State, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after an event. Never panics, whatever the order.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// An event's way to bytes and back.
pub trait Payload: Sized {
    /// The event's type as the log has it: `BuildStarted`.
    fn kind(&self) -> &'static str;
    /// When it happened.
    fn at(&self) -> chrono::DateTime<chrono::Utc>;
    /// The payload as JSON, its first member `"v"` being the version of its shape.
    fn encode(&self) -> Vec<u8>;
    /// The event of a recorded type and payload; older shapes are upcast.
    ///
    /// # Errors
    /// When the type or the shape is not known.
    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error>;
}
