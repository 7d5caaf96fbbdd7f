//! What the hash chain of a stream covers, as bytes; whoever hashes them adds SHA-256 (FIPS 180-4).
//!
//! Every record carries `hash = SHA-256(previous hash ‖ content)`, where the first record's previous hash is 32 zero
//! bytes. Each part of the content is preceded by its length, so that no two different records have the same bytes.
//! The position is left out: it says where the record stands in the whole log, the chain says where in its stream.

use crate::recorded::Cause;
use crate::stream::Stream;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The bytes of a record that its hash covers, appended to `out`.
#[allow(clippy::too_many_arguments)] // one argument for each column that is covered
pub fn content(
    out: &mut Vec<u8>,
    stream: &Stream,
    version: u64,
    id: Uuid,
    kind: &str,
    data: &[u8],
    at: DateTime<Utc>,
    cause: &Cause,
) {
    let mut part = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        out.extend_from_slice(bytes);
    };
    part(stream.as_str().as_bytes());
    part(&version.to_be_bytes());
    part(id.as_bytes());
    part(kind.as_bytes());
    part(data);
    part(&at.timestamp_micros().to_be_bytes());
    part(cause.actor.as_deref().unwrap_or_default().as_bytes());
    part(cause.causation.unwrap_or_default().as_bytes());
    part(cause.correlation.unwrap_or_default().as_bytes());
}
