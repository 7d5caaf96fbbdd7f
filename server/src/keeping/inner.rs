//! The state behind [`Keeping`](super::Keeping).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use domain::function;
use parking_lot::Mutex;

use super::broken::Broken;
use super::context::Context;
use super::keeper::Keeper;
use super::order::Key;
use super::pool::Pool;
use crate::leasing::Leasing;

/// The number of locks that functions share for reconciliation.
const TURNS: usize = 64;

/// How often instances and the demand for them are checked.
pub(super) const TICK: Duration = Duration::from_millis(500);

pub(super) struct Inner {
    pub context: Arc<Context>,
    /// Receives the routes and endpoints.
    pub leasing: Leasing,
    /// Keeps instances that belong to no server.
    pub keeper: Option<Arc<dyn Keeper>>,
    pub pools: Mutex<HashMap<Key, Arc<dyn Pool>>>,
    pub broken: Broken,
    /// Locks by function, see [`Inner::turn`].
    turns: [tokio::sync::Mutex<()>; TURNS],
}

impl Inner {
    pub(super) fn new(context: Arc<Context>, leasing: Leasing, keeper: Option<Arc<dyn Keeper>>) -> Self {
        Self {
            context,
            leasing,
            keeper,
            pools: Mutex::default(),
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
    pub(super) fn pool(&self, function: function::Id, version: u32) -> Option<Arc<dyn Pool>> {
        self.pools.lock().get(&(function, version)).cloned()
    }

    /// The keepers of all versions.
    pub(super) fn all_pools(&self) -> Vec<Arc<dyn Pool>> {
        self.pools.lock().values().cloned().collect()
    }
}
