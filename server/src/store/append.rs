//! Appends to the log, and the snapshots stored beside it.

use chrono::{DateTime, Utc};
use domain::{Cause, Stream};
use uuid::Uuid;

use super::tables::Row;

/// An event that is not recorded yet.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its id; a repeated append is recognized by the ids of its events.
    pub id: Uuid,
    /// Its type.
    pub kind: &'static str,
    /// Its payload: JSON as bytes.
    pub data: Vec<u8>,
    /// When it happened.
    pub at: DateTime<Utc>,
}

/// Events for one stream, with the rows of the read tables that follow from them; written atomically.
#[derive(Debug, Clone, PartialEq)]
pub struct Append {
    /// The stream.
    pub stream: Stream,
    /// The stream's version before it; 0 if the stream does not exist yet.
    pub expected: u64,
    /// At least one.
    pub events: Vec<NewEvent>,
    /// Who asked for it, and what caused the events.
    pub cause: Cause,
    /// Written in the same transaction. The store sets their `position` to that of the append's last event.
    pub rows: Vec<Row>,
}

/// The result of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The position of its last event.
    pub position: u64,
    /// The stream's version after it.
    pub version: u64,
}

/// A stored state of an aggregate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The stream's version up to which events are included in the state.
    pub version: u64,
    /// The format of the state; a snapshot in another format is ignored.
    pub shape: u32,
    /// The state as JSON.
    pub state: Vec<u8>,
}
