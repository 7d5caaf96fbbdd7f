//! A trigger event: received once, and never changed, but for what is erased.
//!
//! Its id is derived from (namespace, source, id), so that the log itself refuses a duplicate.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::aggregate::Payload;
use crate::json::Json;
use crate::{erasure, retry, upcast};

pub mod source;
#[cfg(test)]
mod tests;

/// Names a trigger event.
pub type Id = crate::Id<Received>;

/// Nothing, or the event.
pub type State = Option<Received>;

/// The id of a CloudEvent: the same (source, id) in a namespace is the same event, as CloudEvents 1.0 has it.
pub fn id(namespace: &str, source: &str, event_id: &str) -> Id {
    Id::derive("event", &[namespace, source, event_id])
}

/// The id of the event that the first request under an idempotency key becomes: a key counts for who uses it, and for one
/// function. No event that was published has such an id.
pub fn claimed(function: crate::function::Id, who: &str, key: &str) -> Id {
    Id::derive("claim", &[&function.to_string(), who, key])
}

/// The id of the event that a delivery to a webhook becomes; `source` is the webhook's path. What is published has no such
/// id, whatever source and id it names.
pub fn delivered(namespace: &str, source: &str, delivery: &str) -> Id {
    Id::chosen("delivery", &[namespace, source, delivery])
}

/// The id of the event that a call of one function becomes; `call` is drawn for it.
pub fn invoked(function: crate::function::Id, call: &str) -> Id {
    Id::derive("invocation", &[&function.to_string(), call])
}

/// Types of events that only the platform makes: of calls, deliveries of webhooks, and schedules. A function may trust an
/// event of such a type to be what it says.
pub const PLATFORM_TYPES: [&str; 3] = ["http.invoke", "schedule.triggered", "webhook.received"];

/// Whether only the platform makes events of a type.
pub fn is_platforms(kind: &str) -> bool {
    PLATFORM_TYPES.contains(&kind)
}

/// The event came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Received {
    /// Names it in EventFlow.
    pub id: Id,
    /// Where it was sent to.
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
    /// The only function it is for, when it was sent to one: an invocation, not a publication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<crate::function::Id>,
    /// Nobody waits for the answer: the run is tried by the function's policy, and not once.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub asynchronous: bool,
    /// That policy, as it was when the call was taken. Where there is none, it is the function's at the event's place in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<retry::Policy>,
    /// Where the outcome of its run is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback: Option<String>,
    /// When it came in.
    pub at: DateTime<Utc>,
    /// When its content was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<DateTime<Utc>>,
}

/// Its content was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The records that were written over.
    pub payloads: Vec<erasure::Payload>,
    /// When.
    pub at: DateTime<Utc>,
}

/// What can happen to a trigger event.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// It came in.
    Received(Box<Received>),
    /// Its content was erased.
    Erased(Erased),
}

/// What can be asked of a trigger event.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Take it.
    Receive(Box<Received>),
    /// Erase its content; the records of these versions are written over with it.
    Erase {
        /// What stands there afterwards.
        payloads: Vec<erasure::Payload>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// A duplicate is not refused: it is done already.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)] // the message says it
pub enum Error {
    #[error("there is no such event")]
    NotFound,
}

impl Error {
    /// A short name that programs can rely on.
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
