//! An event with its place in the log: which stream, which position, when, by whom and because of what.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::Payload;
use crate::stream::{Stream, Subject};
use crate::{event, function, namespace, run, upcast};

/// Who asked, and what it follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Who: `user:admin`, `token:…`, `server:{node}`.
    pub actor: Option<Arc<str>>,
    /// The id of the recorded event that this one follows from.
    pub causation: Option<Uuid>,
    /// The same for all that follows from one first cause.
    pub correlation: Option<Uuid>,
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The place in the log: 1, 2, 3 … without a gap.
    pub position: u64,
    /// The stream it belongs to.
    pub stream: Stream,
    /// The place in its stream: 1, 2, 3 … without a gap.
    pub version: u64,
    /// The event's own id; unique.
    pub id: Uuid,
    /// The event's type: `BuildStarted`.
    pub kind: Arc<str>,
    /// The payload: JSON as bytes.
    pub data: Arc<[u8]>,
    /// When it happened, to the microsecond.
    pub at: DateTime<Utc>,
    /// Who asked, and what it follows from.
    pub cause: Cause,
    /// The hash over this record and its predecessor's hash in the stream, see [`crate::hash`].
    pub hash: [u8; 32],
}

/// A recorded event, decoded.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Something happened to a function.
    Function(function::Id, function::Event),
    /// Something happened to a run.
    Run(run::Id, run::Event),
    /// A trigger event came in.
    Event(event::Id, event::Event),
    /// Something happened to a namespace.
    Namespace(String, namespace::Event),
}

impl Recorded {
    /// The event that was recorded.
    ///
    /// # Errors
    /// When its stream, type or shape is not known to this version of EventFlow.
    pub fn fact(&self) -> Result<Fact, upcast::Error> {
        let subject = self.stream.subject().map_err(|e| upcast::Error::Unknown { kind: e.to_string() })?;
        Ok(match subject {
            Subject::Function(id) => Fact::Function(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Run(id) => Fact::Run(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Event(id) => Fact::Event(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Namespace(name) => Fact::Namespace(name, Payload::decode(&self.kind, &self.data)?),
        })
    }

    /// The cause that an event which follows from this one carries.
    pub fn as_cause(&self, actor: Option<Arc<str>>) -> Cause {
        Cause { actor, causation: Some(self.id), correlation: Some(self.cause.correlation.unwrap_or(self.id)) }
    }
}
