//! What this server keeps.

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

/// Functions that can be reconciled at the same time.
const TURNS: usize = 64;

/// How often instances, and what is wanted of them, are looked at.
pub(super) const TICK: Duration = Duration::from_millis(500);

pub(super) struct Inner {
    pub means: Arc<Means>,
    /// Who is told what takes calls.
    pub leasing: Leasing,
    /// Keeps what belongs to no server.
    pub keeper: Option<Arc<dyn Keeper>>,
    pub crews: Mutex<HashMap<Key, Arc<dyn Crew>>>,
    pub broken: Broken,
    /// Functions take turns in being reconciled.
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

    /// One at a time for a function, so that what was read last is done last.
    pub(super) async fn turn(&self, function: function::Id) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = usize::try_from(function.uuid().as_u128() % self.turns.len() as u128).unwrap_or(0);
        self.turns[turn].lock().await
    }

    /// Who keeps a version's instances, if anybody does.
    pub(super) fn crew(&self, function: function::Id, version: u32) -> Option<Arc<dyn Crew>> {
        self.crews.lock().get(&(function, version)).cloned()
    }

    /// All who keep instances.
    pub(super) fn all_crews(&self) -> Vec<Arc<dyn Crew>> {
        self.crews.lock().values().cloned().collect()
    }
}
