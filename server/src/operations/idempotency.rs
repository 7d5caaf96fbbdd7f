//! Idempotency keys: the first request with a key is executed, and all others get the same answer.
//!
//! The log ensures this: the id of the event is derived from the key, so there can be only one. Later requests are
//! compared with an attribute of that event.

use domain::event::{self, Received};
use domain::{Stream, function};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Problem, Refusal, Services, Viewer};

/// The header of a replayed answer.
pub const REPLAYED: &str = "idempotency-replayed";

/// The attribute of an event with the digest of its request.
pub(super) const DIGEST: &str = "requestdigest";

/// A key, as used by one caller for one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The event of the first request with the key.
    pub event: event::Id,
    /// The digest of this request.
    pub digest: String,
}

impl Claim {
    /// A key is scoped to its user: two callers may use the same one.
    pub fn new(function: function::Id, viewer: &Viewer, key: &str, digest: String) -> Self {
        Self { event: event::claimed(function, &viewer.subject, key), digest }
    }

    /// Whether there was a first request already.
    pub(super) async fn is_made(&self, services: &Services) -> Result<bool, Refusal> {
        let stream = Stream::event(self.event);
        Ok(services.guarded.commands.writer().load::<event::Aggregate>(&stream).await?.state.is_some())
    }

    /// # Errors
    /// `idempotency_key_reused` if the first request was different.
    pub(super) fn fits(&self, first: &Received) -> Result<(), Refusal> {
        match first.event.value().get(DIGEST).and_then(Value::as_str) {
            Some(digest) if digest == self.digest => Ok(()),
            _ => {
                let message = "this Idempotency-Key came with another request before (method, path, query, body and \
                     callback count); use a new key for a new request";
                Err(Problem::new("idempotency_key_reused", message).into())
            }
        }
    }
}

/// The digest of a request.
pub fn digest(method: &str, path: &str, query: &str, callback: Option<&str>, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [method.as_bytes(), path.as_bytes(), query.as_bytes(), callback.unwrap_or_default().as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("sha256:{}", hex::encode(hash.finalize()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_part_of_a_request_counts() {
        let all = [
            digest("POST", "/", "", None, b"1"),
            digest("PUT", "/", "", None, b"1"),
            digest("POST", "/a", "", None, b"1"),
            digest("POST", "/", "a", None, b"1"),
            digest("POST", "/", "", Some("https://example.com/"), b"1"),
            digest("POST", "/", "", None, b"2"),
            digest("POST", "/", "1", None, b""),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
        assert_eq!(all[0], digest("POST", "/", "", None, b"1"));
    }
}
