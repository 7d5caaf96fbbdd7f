//! Places that namespaces take in turn: one that asks for many holds up another by one turn, not by all of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

/// A number of places. Cloning it is cheap.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    namespaces: BTreeMap<String, Namespace>,
    /// Counts up with each place that is given: the namespace that had the latest comes last.
    turn: u64,
}

#[derive(Default)]
struct Namespace {
    taken: usize,
    last_turn: u64,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A place; free again when dropped.
pub(super) struct Place {
    turns: Turns,
    namespace: String,
}

impl Turns {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: places, namespaces: BTreeMap::new(), turn: 0 })))
    }

    /// Waits for a place: in one namespace in order; of several, the one with the fewest places is next, then the one whose
    /// last turn is the longest ago. Dropping the future gives up.
    pub(super) async fn take(&self, namespace: &str) -> Place {
        loop {
            let (sender, receiver) = oneshot::channel();
            self.0.lock().namespaces.entry(namespace.to_owned()).or_default().waiting.push_back(sender);
            self.give();
            // The sender goes only with the state itself, which this holds.
            if let Ok(place) = receiver.await {
                return place;
            }
        }
    }

    /// Gives free places to those who wait.
    fn give(&self) {
        loop {
            let mut state = self.0.lock();
            if state.free == 0 {
                return;
            }
            state.namespaces.values_mut().for_each(|one| one.waiting.retain(|waiting| !waiting.is_closed()));
            state.namespaces.retain(|_, one| one.taken > 0 || !one.waiting.is_empty());
            let waiting = state.namespaces.iter().filter(|(_, one)| !one.waiting.is_empty());
            let next = waiting.min_by_key(|(_, one)| (one.taken, one.last_turn)).map(|(name, _)| name.clone());
            let Some(namespace) = next else { return };
            state.turn += 1;
            let turn = state.turn;
            let Some(one) = state.namespaces.get_mut(&namespace) else { return };
            let Some(waiting) = one.waiting.pop_front() else { return };
            (one.taken, one.last_turn) = (one.taken + 1, turn);
            state.free -= 1;
            drop(state);
            // Whoever has given up meanwhile drops the place, which is free again then.
            let _ = waiting.send(Place { turns: self.clone(), namespace });
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.turns.0.lock();
            state.free += 1;
            if let Some(one) = state.namespaces.get_mut(&self.namespace) {
                one.taken = one.taken.saturating_sub(1);
            }
        }
        self.turns.give();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use futures::stream::{FuturesUnordered, StreamExt};

    use super::*;

    #[tokio::test]
    async fn many_of_one_namespace_hold_up_another_by_one_turn() {
        let turns = Turns::new(2);
        let (first, second) = (turns.take("loud").await, turns.take("loud").await);
        let mut rest: FuturesUnordered<_> = (0..50).map(|_| turns.take("loud")).collect();
        assert!(rest.next().now_or_never().is_none());
        let mut quiet = std::pin::pin!(turns.take("quiet"));
        assert!(quiet.as_mut().now_or_never().is_none());
        drop(first);
        let quiet = quiet.now_or_never().expect("it is the next");
        assert!(rest.next().now_or_never().is_none());
        drop((second, quiet));
        for _ in 0..50 {
            // Each place is given on when it is dropped.
            rest.next().now_or_never().expect("a place is free");
        }
    }

    #[tokio::test]
    async fn a_place_is_not_lost_with_whoever_gives_up() {
        let turns = Turns::new(1);
        let place = turns.take("a").await;
        let waits = Box::pin(turns.take("b"));
        let mut waits = waits;
        assert!(waits.as_mut().now_or_never().is_none());
        drop(waits);
        drop(place);
        let given = {
            let mut waits = Box::pin(turns.take("c"));
            waits.as_mut().now_or_never().expect("the place is free")
        };
        drop(given);
        assert!(Box::pin(turns.take("d")).now_or_never().is_some());
    }
}
