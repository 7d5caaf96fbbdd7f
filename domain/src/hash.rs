//! The bytes that a stream's hash chain covers. The caller applies SHA-256 (FIPS 180-4).
//!
//! Every record carries `hash = SHA-256(previous hash ‖ content)`, where the previous hash of the first record is 32
//! zero bytes. Each part of the content is preceded by its length (eight bytes, big-endian; all ones for an absent
//! part), so that different records never have the same bytes. The position is not included: it orders the whole log,
//! while the chain orders a single stream.

use crate::recorded::Cause;
use crate::stream::Stream;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Appends to `out` the bytes of a record that its hash covers.
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
    let mut part = |bytes: Option<&[u8]>| {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(bytes.unwrap_or_default());
    };
    part(Some(stream.as_str().as_bytes()));
    part(Some(&version.to_be_bytes()));
    part(Some(id.as_bytes()));
    part(Some(kind.as_bytes()));
    part(Some(data));
    part(Some(&at.timestamp_micros().to_be_bytes()));
    part(cause.actor.as_deref().map(str::as_bytes));
    part(cause.causation.as_ref().map(|id| id.as_bytes().as_slice()));
    part(cause.correlation.as_ref().map(|id| id.as_bytes().as_slice()));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sha2::{Digest, Sha256};

    use super::*;
    use crate::testing::at;

    struct Record {
        stream: Stream,
        version: u64,
        id: Uuid,
        kind: &'static str,
        data: &'static [u8],
        at: DateTime<Utc>,
        cause: Cause,
    }

    fn record() -> Record {
        Record {
            stream: Stream::namespace("default"),
            version: 7,
            id: Uuid::from_u128(1),
            kind: "QuotaSet",
            data: br#"{"v":1}"#,
            at: at(0) + chrono::TimeDelta::microseconds(5),
            cause: Cause {
                actor: Some("user:admin".into()),
                causation: Some(Uuid::from_u128(2)),
                correlation: Some(Uuid::from_u128(3)),
            },
        }
    }

    fn bytes(r: &Record) -> Vec<u8> {
        let mut out = Vec::new();
        content(&mut out, &r.stream, r.version, r.id, r.kind, r.data, r.at, &r.cause);
        out
    }

    fn sha256(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn a_known_record_has_a_known_hash() {
        // Computed independently of this code: a different value would break the chain of every existing log.
        assert_eq!(sha256(&bytes(&record())), "e11a1e7e058d255720a5b8a1e0a561fec0760dd598cc167a4f928d8e2b8ae0cf");
        assert_eq!(
            sha256(&bytes(&Record { cause: Cause::default(), ..record() })),
            "fd5184cbf53e8af272154a073716aa8cc8ca8ad8a25a223223d47de0ff8915c5"
        );
    }

    #[test]
    fn the_content_is_appended_to_what_is_there() {
        let mut out = vec![0; 32];
        let r = record();
        content(&mut out, &r.stream, r.version, r.id, r.kind, r.data, r.at, &r.cause);
        assert_eq!(out[32..], bytes(&r));
        assert_eq!(out[..32], [0; 32]);
    }

    #[test]
    fn every_changed_column_changes_the_content() {
        let cause = record().cause;
        let changed = [
            record(),
            Record { stream: Stream::namespace("defaul"), ..record() },
            Record { version: 8, ..record() },
            Record { id: Uuid::from_u128(9), ..record() },
            Record { kind: "QuotaSe", ..record() },
            Record { kind: "QuotaSet{", data: br#""v":1}"#, ..record() },
            Record { data: br#"{"v":1 }"#, ..record() },
            Record { at: record().at + chrono::TimeDelta::microseconds(1), ..record() },
            Record { cause: Cause { actor: None, ..cause.clone() }, ..record() },
            Record { cause: Cause { actor: Some("".into()), ..cause.clone() }, ..record() },
            Record { cause: Cause { causation: None, ..cause.clone() }, ..record() },
            Record { cause: Cause { causation: Some(Uuid::nil()), ..cause.clone() }, ..record() },
            Record { cause: Cause { correlation: None, ..cause.clone() }, ..record() },
            Record { cause: Cause { correlation: Some(Uuid::nil()), ..cause.clone() }, ..record() },
            Record { cause: Cause { causation: cause.correlation, correlation: cause.causation, ..cause }, ..record() },
        ];
        let contents: HashSet<_> = changed.iter().map(bytes).collect();
        assert_eq!(contents.len(), changed.len());
    }
}
