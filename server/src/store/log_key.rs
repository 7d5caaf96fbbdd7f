//! Storage of the key of the log's seals, which is itself sealed under the servers' key and stays the same if that
//! changes.

use chrono::{DateTime, Utc};

use super::error::Error;
use super::sql::{Row, Value};
use super::tables::Sealed;

/// The stored key of the seals, sealed under the servers' key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogKeyRow {
    /// The key, sealed.
    pub sealed: Sealed,
    /// The log's position when the key was created.
    pub since: u64,
    /// When the key was created.
    pub made_at: DateTime<Utc>,
}

impl LogKeyRow {
    pub(super) const SELECT: &str = "SELECT key_id, nonce, sealed, since, made_at FROM log_key WHERE one = 1";

    pub(super) fn read(row: &Row) -> Result<Self, Error> {
        let mut cells = row.cells();
        let sealed = Sealed { key_id: cells.text()?, nonce: cells.bytes()?.to_vec(), bytes: cells.bytes()?.to_vec() };
        Ok(Self { sealed, since: cells.number()?, made_at: cells.time()? })
    }

    pub(super) fn insert(self) -> (&'static str, Vec<Value>) {
        let text = "INSERT INTO log_key (one, key_id, nonce, sealed, since, made_at) VALUES (1, $1, $2, $3, $4, $5)
                    ON CONFLICT (one) DO NOTHING";
        let values = vec![
            Value::Text(self.sealed.key_id),
            Value::Bytes(self.sealed.nonce),
            Value::Bytes(self.sealed.bytes),
            Value::Int(self.since.cast_signed()),
            Value::Int(self.made_at.timestamp_micros()),
        ];
        (text, values)
    }
}
