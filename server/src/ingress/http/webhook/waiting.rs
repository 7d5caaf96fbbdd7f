//! Senders that wait for a function's answer: so many at a time on this server, and so many for one function, so that a
//! webhook which proves nothing cannot take the places of the others.

use std::sync::{Arc, LazyLock};

use domain::function;

use crate::edge::shares::{Share, Shares};

/// Senders that wait at a time.
const MAX_SENDERS: usize = 1000;

/// Senders that wait for one function at a time.
const MAX_SENDERS_OF_FUNCTION: usize = 200;

static WAITING: LazyLock<Arc<Shares<function::Id>>> =
    LazyLock::new(|| Shares::new(MAX_SENDERS, MAX_SENDERS_OF_FUNCTION));

/// A place among those that wait; free again when dropped.
pub(super) struct Place(#[allow(dead_code, reason = "it is held for its drop")] Share<function::Id>);

/// A place for a sender that waits for this function, if there is one.
pub(super) fn place(function: function::Id) -> Option<Place> {
    WAITING.take(function).ok().map(Place)
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
    }
}
