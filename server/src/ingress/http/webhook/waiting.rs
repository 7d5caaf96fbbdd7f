//! Senders that wait for a function's answer: so many at a time on this server, and so many for one function, so that a
//! webhook which proves nothing cannot take the places of the others.

use std::collections::HashMap;

use domain::function;
use parking_lot::Mutex;

/// Senders that wait at a time.
const MAX_SENDERS: usize = 1000;

/// Senders that wait for one function at a time.
const MAX_SENDERS_OF_FUNCTION: usize = 200;

static WAITING: Mutex<Option<HashMap<function::Id, usize>>> = Mutex::new(None);

/// A place among those that wait; free again when dropped.
pub(super) struct Place(function::Id);

/// A place for a sender that waits for this function, if there is one.
pub(super) fn place(function: function::Id) -> Option<Place> {
    let mut waiting = WAITING.lock();
    let waiting = waiting.get_or_insert_default();
    let all: usize = waiting.values().sum();
    let own = waiting.get(&function).copied().unwrap_or_default();
    if all >= MAX_SENDERS || own >= MAX_SENDERS_OF_FUNCTION {
        return None;
    }
    waiting.insert(function, own + 1);
    Some(Place(function))
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = WAITING.lock();
        let waiting = waiting.get_or_insert_default();
        if let Some(count) = waiting.get_mut(&self.0) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(&self.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_function_does_not_take_all_places() {
        let function = |name| function::id("waiting", name, 1);
        let places: Vec<_> = (0..MAX_SENDERS).map_while(|_| place(function("busy"))).collect();
        assert_eq!(places.len(), MAX_SENDERS_OF_FUNCTION);
        assert!(place(function("other")).is_some());
        drop(places);
        assert!(place(function("busy")).is_some());
        assert!(!WAITING.lock().as_ref().unwrap().contains_key(&function("busy")));
    }
}
