//! Positions that the relay's checkpoints must not pass yet, for each namespace's lane and in total.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::store::Relayed;

/// Maximum number of namespaces whose own progress is stored; further ones hold back the common one.
const MAX_BEHIND: usize = 100;

/// Unfinished positions, with the number of holds on each. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct HeldPositions {
    lanes: Arc<Mutex<Lanes>>,
    namespace: Option<Arc<str>>,
}

/// By namespace; `None` for what belongs to no lane.
type Lanes = HashMap<Option<Arc<str>>, BTreeMap<u64, u32>>;

/// Prevents a position from counting as done.
pub(super) struct Hold {
    held: HeldPositions,
    position: u64,
}

impl HeldPositions {
    /// The same, for a namespace's lane.
    pub(super) fn of(&self, namespace: &Arc<str>) -> Self {
        Self { lanes: self.lanes.clone(), namespace: Some(namespace.clone()) }
    }

    /// Prevents a position from counting as done until the hold is dropped.
    pub(super) fn hold(&self, position: u64) -> Hold {
        let mut lanes = self.lanes.lock();
        *lanes.entry(self.namespace.clone()).or_default().entry(position).or_default() += 1;
        Hold { held: self.clone(), position }
    }

    /// The progress of the relay after reading up to `seen`.
    pub(super) fn relayed(&self, seen: u64) -> Relayed {
        let mut relayed = Relayed { seen, ..Relayed::default() };
        let mut first_of_lanes = Vec::new();
        for (namespace, positions) in &*self.lanes.lock() {
            match (namespace, positions.keys().next()) {
                (_, None) => {}
                (None, Some(first)) => relayed.seen = relayed.seen.min(first - 1),
                (Some(namespace), Some(first)) => first_of_lanes.push((*first, namespace.clone())),
            }
        }
        first_of_lanes.sort_unstable();
        for (index, (first, namespace)) in first_of_lanes.into_iter().enumerate() {
            match index < MAX_BEHIND {
                true => _ = relayed.behind.insert(namespace.to_string(), first - 1),
                false => {
                    relayed.seen = relayed.seen.min(first - 1);
                    break;
                }
            }
        }
        let seen = relayed.seen;
        relayed.behind.retain(|_, behind| *behind < seen);
        relayed.through = relayed.behind.values().copied().min().unwrap_or(seen);
        relayed
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut lanes = self.held.lanes.lock();
        let Some(positions) = lanes.get_mut(&self.held.namespace) else { return };
        if let Some(count) = positions.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                positions.remove(&self.position);
            }
        }
        if positions.is_empty() {
            lanes.remove(&self.held.namespace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_waits_is_named_and_holds_up_no_other() {
        let held = HeldPositions::default();
        let (loud, quiet) = (held.of(&"loud".into()), held.of(&"quiet".into()));
        assert_eq!(held.relayed(9), Relayed { through: 9, seen: 9, ..Relayed::default() });
        let (_loud, first, later) = (loud.hold(3), quiet.hold(5), quiet.hold(6));
        let behind = |lanes: &[(&str, u64)]| lanes.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect();
        let expected = Relayed { through: 2, seen: 9, behind: behind(&[("loud", 2), ("quiet", 4)]) };
        assert_eq!(held.relayed(9), expected);
        drop((first, later));
        assert_eq!(held.relayed(9), Relayed { through: 2, seen: 9, behind: behind(&[("loud", 2)]) });
    }

    #[test]
    fn what_is_for_no_lane_holds_up_all() {
        let held = HeldPositions::default();
        let _roll_out = held.hold(7);
        let _lane = held.of(&"loud".into()).hold(8);
        assert_eq!(held.relayed(9), Relayed { through: 6, seen: 6, ..Relayed::default() });
    }

    #[test]
    fn of_too_many_lanes_the_furthest_behind_are_named() {
        let held = HeldPositions::default();
        let holds: Vec<_> = (1..=MAX_BEHIND as u64 + 2)
            .map(|position| held.of(&format!("team-{position}").as_str().into()).hold(position))
            .collect();
        let relayed = held.relayed(1000);
        assert_eq!((relayed.behind.len(), relayed.through, relayed.seen), (MAX_BEHIND, 0, MAX_BEHIND as u64));
        drop(holds);
        assert_eq!(held.relayed(1000).through, 1000);
    }
}
