//! Memory for what is large and in the hands of functions: the inputs that they are given, and the answers that somebody
//! waits for. One event may be large, and may be given to every function of its namespace at once; a function may take its
//! input slowly, or never, and may answer without end.
//!
//! What is large takes room here by turns, and gives it back when the last byte of it is gone.

use bytes::Bytes;
use domain::{Json, function};
use futures::FutureExt;

use crate::turns::{Place, Turns};

/// Bytes at a time.
const MAX_BYTES: usize = 64 << 20;

/// Of them, those of one namespace, and of one function: whoever keeps its share leaves the rest to others.
const OF_NAMESPACE: usize = MAX_BYTES / 4 * 3;
const OF_FUNCTION: usize = MAX_BYTES / 2;

/// Room is counted in units of so many bytes.
const UNIT: usize = 16 << 10;

/// Bytes that take no room.
pub const SMALL: usize = 16 << 10;

/// Room for one kind of what is large. Cloning it is cheap.
#[derive(Debug, Clone)]
pub struct Room(Turns);

impl Default for Room {
    fn default() -> Self {
        Self(Turns::with_shares(MAX_BYTES / UNIT, OF_NAMESPACE / UNIT, OF_FUNCTION / UNIT))
    }
}

impl Room {
    /// Waits for room for so many bytes of a function; of more than its share, for its share.
    pub async fn take(&self, namespace: &str, function: function::Id, bytes: usize) -> Place {
        self.0.take_many(namespace, &function.to_string(), bytes.div_ceil(UNIT).max(1)).await
    }

    /// The same without waiting; `None` when there is none now.
    pub fn try_take(&self, namespace: &str, function: function::Id, bytes: usize) -> Option<Place> {
        self.take(namespace, function, bytes).now_or_never()
    }
}

/// An input and the room that it takes.
pub struct Input {
    json: Json,
    /// `None` for a small one.
    place: Option<Place>,
}

impl Input {
    /// An input, and the room that it has; a small one needs none.
    pub fn new(json: Json, place: Option<Place>) -> Self {
        Self { json, place }
    }

    /// Its text.
    pub fn get(&self) -> &str {
        self.json.get()
    }

    /// Its text, not copied. It keeps its room until these bytes are gone.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// What was made of it takes its room instead of the input.
    pub fn become_bytes(self, bytes: Bytes) -> Bytes {
        in_place(bytes, self.place)
    }
}

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        self.json.get().as_bytes()
    }
}

/// Bytes that keep the room that they take until they are gone.
pub fn in_place(bytes: Bytes, place: Option<Place>) -> Bytes {
    match place {
        Some(place) => Bytes::from_owner(Made { bytes, _place: place }),
        None => bytes,
    }
}

struct Made {
    bytes: Bytes,
    _place: Place,
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
        let room = Room::default();
        let function = clock::new_id;
        let mut given = Vec::new();
        // Every one of them is for another function.
        while let Some(place) = room.try_take("loud", function(), EACH) {
            given.push(Input::new(Json::null(), Some(place)).into_bytes());
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
