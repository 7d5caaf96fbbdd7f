//! A trigger event: received once and never changed, except by erasure.
//!
//! Its id is derived from (namespace, source, id), so the log itself refuses duplicates.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::Payload;
use crate::json::Json;
use crate::{erasure, retry, upcast};

pub mod source;
#[cfg(test)]
mod tests;

/// The id of a trigger event.
pub type Id = crate::Id<Received>;

/// The event, or `None` before it was received.
pub type State = Option<Received>;

/// The id of a CloudEvent. By CloudEvents 1.0, the same (source, id) in a namespace denotes the same event.
pub fn id(namespace: &str, source: &str, event_id: &str) -> Id {
    Id::derive("event", &[namespace, source, event_id])
}

/// The id of the event for the first request with an idempotency key. A key is scoped to one user (`who`) and one
/// function. No published event can have such an id.
pub fn claimed(function: crate::function::Id, who: &str, key: &str) -> Id {
    Id::derive("claim", &[&function.to_string(), who, key])
}

/// The id of the event for a webhook delivery; `source` is the webhook's path. No published event can have such an id,
/// whatever source and id it names.
pub fn delivered(namespace: &str, source: &str, delivery: &str) -> Id {
    Id::chosen("delivery", &[namespace, source, delivery])
}

/// The id of the event for a call of one function; `call` is unique to the call.
pub fn invoked(function: crate::function::Id, call: &str) -> Id {
    Id::derive("invocation", &[&function.to_string(), call])
}

/// Event types that only the platform creates, for calls, schedules and webhook deliveries. A function may trust these
/// types.
pub const PLATFORM_TYPES: [&str; 3] = ["http.invoke", "schedule.triggered", "webhook.received"];

/// Whether an event type is reserved for the platform.
pub fn is_platforms(kind: &str) -> bool {
    PLATFORM_TYPES.contains(&kind)
}

/// The event was received.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// The event's id in EventFlow.
    pub id: Id,
    /// The namespace it was sent to.
    pub namespace: String,
    /// The CloudEvent's `type`.
    pub kind: String,
    /// The CloudEvent's `source`.
    pub source: String,
    /// The CloudEvent's `id`.
    pub event_id: String,
    /// The CloudEvent's `subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The whole CloudEvent in its JSON format.
    pub event: Json,
    /// The only function to receive it, if it is an invocation and not a publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<crate::function::Id>,
    /// The caller does not wait for the answer, so the run is retried by the function's policy instead of being tried
    /// once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asynchronous: bool,
    /// The retry policy at the time of the call. If absent, the function's policy at the event's position in the log
    /// applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<retry::Policy>,
    /// The URL that is notified of the run's outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// When it was received.
    pub at: DateTime<Utc>,
    /// When its content was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// The event's content was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The overwritten records.
    pub payloads: Vec<erasure::Payload>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// An event in the life of a trigger event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It was received.
    Received(Box<Received>),
    /// Its content was erased.
    Erased(Erased),
}

/// A command to a trigger event.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Record it.
    Receive(Box<Received>),
    /// Erase its content, together with the payloads of these records.
    Erase {
        /// The overwritten records and the digests of their new payloads.
        payloads: Vec<erasure::Payload>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// Why a command is refused. A duplicate is not an error: receiving an event again does nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error("there is no such event")]
    NotFound,
}

impl Error {
    /// A stable error code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "event_not_found",
        }
    }
}

/// The aggregate.
#[derive(Debug, Clone, Copy)]
pub struct Aggregate;

impl crate::Aggregate for Aggregate {
    type State = State;
    type Command = Command;
    type Event = Event;
    type Error = Error;

    const KIND: &'static str = "event";
    const STATE_SHAPE: u32 = 1;

    fn decide(state: &State, command: Command) -> Result<Vec<Event>, Error> {
        match (state, command) {
            (None, Command::Receive(received)) => Ok(vec![Event::Received(received)]),
            (Some(_), Command::Receive(_)) => Ok(Vec::new()),
            (None, Command::Erase { .. }) => Err(Error::NotFound),
            (Some(received), Command::Erase { .. }) if received.erased_at.is_some() => Ok(Vec::new()),
            (Some(_), Command::Erase { payloads, at }) => Ok(vec![Event::Erased(Erased { payloads, at })]),
        }
    }

    fn evolve(state: State, event: &Event) -> State {
        match event {
            Event::Received(received) => state.or_else(|| Some((**received).clone())),
            Event::Erased(erased) => state.map(|mut received| {
                erasure::received_event(&mut received, erased.at);
                received
            }),
        }
    }
}

impl Payload for Event {
    fn kind(&self) -> &'static str {
        match self {
            Self::Received(_) => "Received",
            Self::Erased(_) => "Erased",
        }
    }

    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Received(e) => e.at,
            Self::Erased(e) => e.at,
        }
    }

    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Received(e) => upcast::encode(e, &[]),
            Self::Erased(e) => upcast::encode(e, &[]),
        }
    }

    fn decode(kind: &str, data: &[u8]) -> Result<Self, upcast::Error> {
        match kind {
            "Received" => upcast::decode(kind, data, &[]).map(Self::Received),
            "Erased" => upcast::decode(kind, data, &[]).map(Self::Erased),
            _ => Err(upcast::Error::Unknown { kind: kind.to_owned() }),
        }
    }
}
