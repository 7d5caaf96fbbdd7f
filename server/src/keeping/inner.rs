//! The state behind [`Keeping`](super::Keeping).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::function;
use parking_lot::Mutex;

use super::broken::Broken;
use super::crew::Crew;
use super::keeper::Keeper;
use super::means::Means;
use super::order::Key;
use crate::leasing::Leasing;

/// The number of locks that functions share for reconciliation.
const TURNS: usize = 64;

/// How often instances and the demand for them are checked.
pub(super) const TICK: Duration = Duration::from_millis(500);

pub(super) struct Inner {
    pub means: Arc<Means>,
    /// Receives the routes and endpoints.
    pub leasing: Leasing,
    /// Keeps instances that belong to no server.
    pub keeper: Option<Arc<dyn Keeper>>,
    pub crews: Mutex<HashMap<Key, Arc<dyn Crew>>>,
    pub broken: Broken,
    /// Locks by function, see [`Inner::turn`].
    turns: [tokio::sync::Mutex<()>; TURNS],
}

impl Inner {
    pub(super) fn new(means: Arc<Means>, leasing: Leasing, keeper: Option<Arc<dyn Keeper>>) -> Self {
        Self {
            means,
            leasing,
            keeper,
            crews: Mutex::default(),
            broken: Broken::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
        }
    }

    /// Serializes the work on a function, so that the latest state read is also the last one applied.
    pub(super) async fn turn(&self, function: function::Id) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = usize::try_from(function.uuid().as_u128() % self.turns.len() as u128).unwrap_or(0);
        self.turns[turn].lock().await
    }

    /// The keeper of a version's instances, if there is one.
    pub(super) fn crew(&self, function: function::Id, version: u32) -> Option<Arc<dyn Crew>> {
        self.crews.lock().get(&(function, version)).cloned()
    }

    /// The keepers of all versions.
    pub(super) fn all_crews(&self) -> Vec<Arc<dyn Crew>> {
        self.crews.lock().values().cloned().collect()
    }
}
