//! Limits the senders that wait for a function's answer: in total, per function and per namespace, so that an
//! unauthenticated webhook cannot take the slots of others.

use std::sync::{Arc, LazyLock};

use domain::function;

use crate::edge::slots::{Slot, Slots};

/// The most senders that wait at a time.
const MAX_SENDERS: usize = 1000;

/// The most senders that wait for functions of one namespace.
const MAX_SENDERS_OF_NAMESPACE: usize = 500;

/// The most senders that wait for one function.
const MAX_SENDERS_OF_FUNCTION: usize = 200;

static OF_FUNCTIONS: LazyLock<Arc<Slots<function::Id>>> =
    LazyLock::new(|| Slots::new(MAX_SENDERS, MAX_SENDERS_OF_FUNCTION));

static OF_NAMESPACES: LazyLock<Arc<Slots<String>>> =
    LazyLock::new(|| Slots::new(MAX_SENDERS, MAX_SENDERS_OF_NAMESPACE));

/// A place among those that wait; free again when dropped.
#[allow(dead_code, reason = "it is held for its drop")]
pub(super) struct SenderSlot(Slot<function::Id>, Slot<String>);

/// A slot for a sender that waits for this function, if one is free.
pub(super) fn slot(namespace: &str, function: function::Id) -> Option<SenderSlot> {
    let of_function = OF_FUNCTIONS.take(function).ok()?;
    let of_namespace = OF_NAMESPACES.take(namespace.to_owned()).ok()?;
    Some(SenderSlot(of_function, of_namespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_function_nor_a_namespace_takes_all_places() {
        let function = |name: &str| function::id("waiting", name, 1);
        let taken = |name: &str| (0..MAX_SENDERS).map_while(|_| slot("waiting", function(name))).collect::<Vec<_>>();
        let (first, second, third) = (taken("busy"), taken("busier"), taken("busiest"));
        assert_eq!([first.len(), second.len(), third.len()], [MAX_SENDERS_OF_FUNCTION, MAX_SENDERS_OF_FUNCTION, 100]);
        assert!(slot("waiting", function("late")).is_none());
        assert!(slot("other", function("other")).is_some());
        drop(first);
        assert!(slot("waiting", function("late")).is_some());
    }
}
