//! Slots that are limited in total and per owner, so that no owner can take those of others. Taking one is atomic:
//! however many ask at once, no more are granted than exist.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;

/// A limited number of slots for long-lived things.
pub(crate) struct Slots<K> {
    most: usize,
    most_each: usize,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    all: usize,
    by_owner: HashMap<K, usize>,
}

/// Why there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The owner has as many as one owner may have.
    Owner,
    /// All are taken.
    Everywhere,
}

/// One slot, given back when dropped.
pub(crate) struct Slot<K: Eq + Hash> {
    slots: Arc<Slots<K>>,
    owner: K,
}

impl<K: Eq + Hash + Clone> Slots<K> {
    pub(crate) fn new(most: usize, most_each: usize) -> Arc<Self> {
        Arc::new(Self { most, most_each, taken: Mutex::new(Taken { all: 0, by_owner: HashMap::new() }) })
    }

    pub(crate) fn take(self: &Arc<Self>, owner: K) -> Result<Slot<K>, Full> {
        let mut taken = self.taken.lock();
        if taken.by_owner.get(&owner).is_some_and(|count| *count >= self.most_each) {
            return Err(Full::Owner);
        }
        if taken.all >= self.most {
            return Err(Full::Everywhere);
        }
        taken.all += 1;
        *taken.by_owner.entry(owner.clone()).or_default() += 1;
        Ok(Slot { slots: self.clone(), owner })
    }
}

impl<K: Eq + Hash> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.taken.lock();
        taken.all -= 1;
        if let Some(count) = taken.by_owner.get_mut(&self.owner) {
            *count -= 1;
            if *count == 0 {
                taken.by_owner.remove(&self.owner);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_does_not_take_all_slots() {
        let slots = Slots::new(10, 4);
        let taken_slots: Vec<_> = (0..20).map_while(|_| slots.take("busy").ok()).collect();
        assert_eq!((taken_slots.len(), slots.take("busy").err()), (4, Some(Full::Owner)));
        assert!(slots.take("other").is_ok());
        drop(taken_slots);
        assert!(slots.take("busy").is_ok());
        assert!(slots.taken.lock().by_owner.is_empty());
    }

    #[test]
    fn all_owners_together_have_a_limit() {
        let slots = Slots::new(10, 4);
        let taken_slots: Vec<_> = (0..20).filter_map(|owner| slots.take(owner % 5).ok()).collect();
        assert_eq!((taken_slots.len(), slots.take(7).err()), (10, Some(Full::Everywhere)));
        drop(taken_slots);
        assert_eq!(slots.taken.lock().all, 0);
    }
}
