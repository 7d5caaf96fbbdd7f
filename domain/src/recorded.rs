//! A record of the log: an event with its stream, position, time and cause.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::aggregate::Payload;
use crate::stream::{Stream, Subject};
use crate::{event, function, namespace, run, upcast};

/// Who caused an event, and the event it follows from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The actor: `user:admin`, `token:…`, `server:{node}`.
    pub actor: Option<Arc<str>>,
    /// The id of the record that this one follows from.
    pub causation: Option<Uuid>,
    /// Shared by everything that follows from one original cause.
    pub correlation: Option<Uuid>,
}

impl Cause {
    /// The cause for whatever follows from the record with the id `record` and this cause. The actor stays the same,
    /// whichever server performs the reaction.
    pub fn of_what_follows(&self, record: Uuid) -> Self {
        let correlation = Some(self.correlation.unwrap_or(record));
        Self { actor: self.actor.clone(), causation: Some(record), correlation }
    }
}

/// A record of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its position in the log, from 1 without gaps.
    pub position: u64,
    /// Its stream.
    pub stream: Stream,
    /// Its version, which is the position in its stream, from 1 without gaps.
    pub version: u64,
    /// The event's own id; unique.
    pub id: Uuid,
    /// The event's type, such as `BuildStarted`.
    pub kind: Arc<str>,
    /// The payload: JSON as bytes.
    pub data: Arc<[u8]>,
    /// When it happened, with microsecond precision.
    pub at: DateTime<Utc>,
    /// Who caused it, and what it follows from.
    pub cause: Cause,
    /// The hash over this record and the hash of its predecessor in the stream; see [`crate::hash`].
    pub hash: [u8; 32],
}

/// A decoded record.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// An event of a function.
    Function(function::Id, function::Event),
    /// An event of a run.
    Run(run::Id, run::Event),
    /// A trigger event.
    Event(event::Id, event::Event),
    /// An event of a namespace.
    Namespace(String, namespace::Event),
}

impl Recorded {
    /// Decodes the event.
    ///
    /// # Errors
    /// If this version of EventFlow does not know its stream, type or schema.
    pub fn fact(&self) -> Result<Fact, upcast::Error> {
        let subject = self.stream.subject().map_err(|e| upcast::Error::Unknown { kind: e.to_string() })?;
        Ok(match subject {
            Subject::Function(id) => Fact::Function(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Run(id) => Fact::Run(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Event(id) => Fact::Event(id, Payload::decode(&self.kind, &self.data)?),
            Subject::Namespace(name) => Fact::Namespace(name, Payload::decode(&self.kind, &self.data)?),
        })
    }

    /// The cause for whatever `actor` does because of this record.
    pub fn as_cause(&self, actor: Option<Arc<str>>) -> Cause {
        Cause { actor, ..self.cause.of_what_follows(self.id) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use crate::testing::at;

    fn record(stream: Stream, kind: &str, data: Vec<u8>) -> Recorded {
        Recorded {
            position: 9,
            stream,
            version: 1,
            id: Uuid::from_u128(1),
            kind: kind.into(),
            data: data.into(),
            at: at(0),
            cause: Cause::default(),
            hash: [0; 32],
        }
    }

    #[test]
    fn the_stream_says_whose_event_it_is() {
        let id = Uuid::from_u128(7);
        for event in golden::functions() {
            let recorded = record(Stream::function(id.into()), event.kind(), event.encode());
            assert_eq!(recorded.fact(), Ok(Fact::Function(id.into(), event)));
        }
        for event in golden::runs() {
            let recorded = record(Stream::run(id.into()), event.kind(), event.encode());
            assert_eq!(recorded.fact(), Ok(Fact::Run(id.into(), event)));
        }
        for event in golden::events() {
            let recorded = record(Stream::event(id.into()), event.kind(), event.encode());
            assert_eq!(recorded.fact(), Ok(Fact::Event(id.into(), event)));
        }
        for event in golden::namespaces() {
            let recorded = record(Stream::namespace("team"), event.kind(), event.encode());
            assert_eq!(recorded.fact(), Ok(Fact::Namespace("team".into(), event)));
        }
    }

    #[test]
    fn an_event_in_the_wrong_stream_is_not_known() {
        let received = golden::events().remove(0);
        let recorded = record(Stream::namespace("team"), received.kind(), received.encode());
        assert_eq!(recorded.fact(), Err(upcast::Error::Unknown { kind: "Received".into() }));
    }

    #[test]
    fn what_follows_names_its_cause_and_keeps_the_first_one() {
        let first = record(Stream::namespace("team"), "Created", Vec::new());
        let cause = first.as_cause(Some("server:a".into()));
        let expected = Cause { actor: Some("server:a".into()), causation: Some(first.id), correlation: Some(first.id) };
        assert_eq!(cause, expected);

        let second = Recorded { id: Uuid::from_u128(2), cause, ..first.clone() };
        let cause = second.as_cause(None);
        assert_eq!(cause, Cause { actor: None, causation: Some(second.id), correlation: Some(first.id) });
    }
}
