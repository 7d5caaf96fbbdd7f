//! Limits the memory for large inputs and answers while functions have them. One event may be large and go to every
//! function of its namespace at once, and a function may take its input slowly or never, or answer without end.
//!
//! Large data reserves its memory in turns by namespace and function, and releases it with its last byte.

use bytes::Bytes;
use domain::{Json, function};
use futures::FutureExt;

use crate::turns::{Permit, Turns};

/// Total bytes.
const MAX_BYTES: usize = 64 << 20;

/// Of these, the maximum for one namespace, and for one function: the rest is left to others.
const OF_NAMESPACE: usize = MAX_BYTES / 4 * 3;
const OF_FUNCTION: usize = MAX_BYTES / 2;

/// The granularity of reservations, in bytes.
const UNIT: usize = 16 << 10;

/// Data up to this size reserves nothing.
pub const SMALL: usize = 16 << 10;

/// The memory for one kind of large data. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Turns);

impl Default for MemoryBudget {
    fn default() -> Self {
        Self(Turns::with_shares(MAX_BYTES / UNIT, OF_NAMESPACE / UNIT, OF_FUNCTION / UNIT))
    }
}

impl MemoryBudget {
    /// Waits until this many bytes are reserved for a function. More than its share is treated as its share.
    pub async fn take(&self, namespace: &str, function: function::Id, bytes: usize) -> Permit {
        self.0.take_many(namespace, &function.to_string(), bytes.div_ceil(UNIT).max(1)).await
    }

    /// The same without waiting; `None` if the memory is not available now.
    pub fn try_take(&self, namespace: &str, function: function::Id, bytes: usize) -> Option<Permit> {
        self.take(namespace, function, bytes).now_or_never()
    }
}

/// An input with its reservation.
pub struct Input {
    json: Json,
    /// `None` for a small input.
    permit: Option<Permit>,
}

impl Input {
    /// An input with its reservation, if it is large.
    pub fn new(json: Json, permit: Option<Permit>) -> Self {
        Self { json, permit }
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.json.get()
    }

    /// The JSON text, without copying. The reservation lasts until the bytes are dropped.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// Transfers the reservation to bytes that were made from the input.
    pub fn become_bytes(self, bytes: Bytes) -> Bytes {
        holding(bytes, self.permit)
    }
}

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        self.json.get().as_bytes()
    }
}

/// Bytes that hold a reservation until they are dropped.
pub fn holding(bytes: Bytes, permit: Option<Permit>) -> Bytes {
    match permit {
        Some(permit) => Bytes::from_owner(Made { bytes, _permit: permit }),
        None => bytes,
    }
}

struct Made {
    bytes: Bytes,
    _permit: Permit,
}

impl AsRef<[u8]> for Made {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test]
    async fn what_is_large_waits_for_room_and_others_have_theirs() {
        const EACH: usize = 1 << 20;
        let room = MemoryBudget::default();
        let function = clock::new_id;
        let mut given = Vec::new();
        // Each reservation is for a different function.
        while let Some(permit) = room.try_take("loud", function(), EACH) {
            given.push(Input::new(Json::null(), Some(permit)).into_bytes());
        }
        assert_eq!(given.len() * EACH, OF_NAMESPACE);
        let quiet = room.try_take("quiet", function(), EACH).expect("it has its own");
        let made = Input::new(Json::null(), Some(quiet)).become_bytes(Bytes::from_static(b"made"));
        let mut again = std::pin::pin!(room.take("loud", function(), EACH));
        assert!(again.as_mut().now_or_never().is_none());
        let part = given[0].slice(0..2);
        given.swap_remove(0);
        assert!(again.as_mut().now_or_never().is_none(), "a part of it is still there");
        drop(part);
        assert!(again.now_or_never().is_some());
        assert_eq!(made, "made");
        drop((made, given));
        assert!(room.try_take("quiet", function(), 2 * MAX_BYTES).is_some(), "all is given back");
    }
}
