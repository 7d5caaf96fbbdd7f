//! Memory for the inputs of the runs that functions are given: one event may be large, and may be given to every function
//! of its namespace at once.
//!
//! A large input stays in the log until there is room for it here, and takes its room until the last byte of it is handed
//! over or given up.

use std::sync::Arc;

use bytes::Bytes;
use domain::Json;
use domain::run::event::Request;

use crate::turns::{Place, Turns};

/// Bytes of large inputs in memory at a time.
const MAX_BYTES: usize = 64 << 20;

/// Of them, those of one namespace, and of one function: functions that take their input slowly, or never, leave room for
/// others.
const OF_NAMESPACE: usize = MAX_BYTES / 4 * 3;
const OF_FUNCTION: usize = MAX_BYTES / 2;

/// Room is counted in units of so many bytes.
const UNIT: usize = 16 << 10;

/// Room for large inputs. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Room(Turns);

impl Room {
    pub(super) fn new() -> Self {
        Self(Turns::with_shares(MAX_BYTES / UNIT, OF_NAMESPACE / UNIT, OF_FUNCTION / UNIT))
    }

    /// Waits for room for an input of so many bytes; of a larger one than there ever is room for, it takes all of it.
    pub(super) async fn take(&self, request: &Request, bytes: usize) -> Place {
        self.0.take_many(&request.namespace, &request.function.to_string(), bytes.div_ceil(UNIT)).await
    }
}

/// An input and the room that it takes.
pub(super) struct Input {
    json: Json,
    /// `None` for a small one.
    place: Option<Arc<Place>>,
}

impl Input {
    pub(super) fn new(json: Json, place: Option<Place>) -> Self {
        Self { json, place: place.map(Arc::new) }
    }

    pub(super) fn get(&self) -> &str {
        self.json.get()
    }

    /// Its text, not copied. It keeps its room until these bytes are gone.
    pub(super) fn into_bytes(self) -> Bytes {
        Bytes::from_owner(self)
    }

    /// What was made of it takes its room instead of the input.
    pub(super) fn become_bytes(self, bytes: Bytes) -> Bytes {
        match self.place {
            Some(place) => Bytes::from_owner(Made { bytes, _place: place }),
            None => bytes,
        }
    }
}

impl AsRef<[u8]> for Input {
    fn as_ref(&self) -> &[u8] {
        self.json.get().as_bytes()
    }
}

struct Made {
    bytes: Bytes,
    _place: Arc<Place>,
}

impl AsRef<[u8]> for Made {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::clock;

    fn request(namespace: &str) -> Request {
        Request {
            run: clock::new_id(),
            function: clock::new_id(),
            namespace: namespace.to_owned(),
            trigger: "a.b".to_owned(),
            event: None,
            input: Json::null(),
            input_cut: false,
            version: None,
            replayed_from: None,
            callback: None,
        }
    }

    #[tokio::test]
    async fn large_inputs_wait_for_room_and_others_have_theirs() {
        const EACH: usize = 1 << 20;
        let room = Room::new();
        let mut given = Vec::new();
        // Every one of them is for another function.
        while let Some(place) = room.take(&request("loud"), EACH).now_or_never() {
            given.push(Input::new(Json::null(), Some(place)).into_bytes());
        }
        assert_eq!(given.len() * EACH, OF_NAMESPACE);
        let quiet = room.take(&request("quiet"), EACH).now_or_never().expect("it has its own");
        let made = Input::new(Json::null(), Some(quiet)).become_bytes(Bytes::from_static(b"made"));
        let one_more = request("loud");
        let mut again = std::pin::pin!(room.take(&one_more, EACH));
        assert!(again.as_mut().now_or_never().is_none());
        let part = given[0].slice(0..2);
        given.swap_remove(0);
        assert!(again.as_mut().now_or_never().is_none(), "a part of it is still there");
        drop(part);
        assert!(again.now_or_never().is_some());
        assert_eq!(made, "made");
        drop((made, given));
        assert!(room.take(&request("quiet"), 2 * MAX_BYTES).now_or_never().is_some(), "all is given back");
    }
}
