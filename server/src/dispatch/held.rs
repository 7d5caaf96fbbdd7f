//! Positions that the relay's checkpoint must not pass yet.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Positions that are not through yet, and how often each is held. Cloning it is cheap.
#[derive(Clone, Default)]
pub(super) struct Held(Arc<Mutex<BTreeMap<u64, u32>>>);

/// Keeps the checkpoint from moving over a position.
pub(super) struct Hold {
    held: Held,
    position: u64,
}

impl Held {
    /// Keeps the checkpoint from moving over a position, until the hold is dropped.
    pub(super) fn hold(&self, position: u64) -> Hold {
        *self.0.lock().entry(position).or_default() += 1;
        Hold { held: self.clone(), position }
    }

    /// The first position that is not through.
    pub(super) fn first(&self) -> Option<u64> {
        self.0.lock().keys().next().copied()
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut positions = self.held.0.lock();
        if let Some(count) = positions.get_mut(&self.position) {
            *count -= 1;
            if *count == 0 {
                positions.remove(&self.position);
            }
        }
    }
}
