//! What all aggregates have in common: a state, commands, events, and the two pure functions `decide` and `evolve`.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::upcast;

/// An entity whose state is the fold of its own events, and which accepts or refuses commands by that state alone.
///
/// Two rules hold for every aggregate. A command whose effect is already in place returns `Ok(vec![])`; one that is
/// impossible returns an `Err` that names the current state. Time and ids are part of the command.
pub trait Aggregate {
    /// The fold of all events so far. `Default` is the state before the first event.
    type State: Default + Clone + Debug + PartialEq + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// The commands it accepts.
    type Command: Clone + Debug + Send + 'static;
    /// The events it records.
    type Event: Clone + Debug + PartialEq + Send + Sync + Payload + 'static;
    /// The reasons for refusing a command.
    type Error: std::error::Error + Clone + PartialEq + Send + Sync + 'static;

    /// The prefix of its stream names: `function` in `function-{id}`.
    const KIND: &'static str;
    /// Must be increased whenever the shape of `State` changes, so that older snapshots are ignored.
    const STATE_SHAPE: u32;

    /// The events that a command leads to in a state.
    ///
    /// # Errors
    /// If the command is not possible in this state; nothing has happened then.
    fn decide(state: &Self::State, command: Self::Command) -> Result<Vec<Self::Event>, Self::Error>;

    /// The state after an event. Never panics, whatever the order of the events.
    fn evolve(state: Self::State, event: &Self::Event) -> Self::State;
}

/// Encoding and decoding of an event's payload.
pub trait Payload: Sized {
    /// The event's type name in the log, such as `BuildStarted`.
    fn kind(&self) -> &'static str;
    /// When it happened.
    fn at(&self) -> chrono::DateTime<chrono::Utc>;
    /// The payload as JSON. Its first member is `"v"`, the version of its schema.
    fn encode(&self) -> Vec<u8>;
    /// Decodes a recorded event. Payloads with an older schema are upcast.
    ///
    /// # Errors
    /// If the type or the schema version is unknown.
    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error>;
}
