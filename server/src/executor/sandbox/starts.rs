//! Limits the number of concurrent process starts, in turns.
//!
//! Starting a process costs the host far more than answering a call. Without a limit, functions that crash in a loop
//! would keep every processor busy with starts; without turns, those of one team would hold up all others.

use std::time::Duration;

use super::weights::Owner;
use crate::turns::{Permit, Turns};

/// Concurrent starts per processor of this host.
const STARTS_PER_PROCESSOR: usize = 2;

/// The fewest concurrent starts, however few processors there are.
const MIN_STARTS: usize = 4;

/// Starts reserved for other namespaces, however many one has.
const LEFT_TO_OTHERS: usize = 1;

/// A start that takes longer than this gives up its turn: a process that never becomes ready holds up nobody else.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(1);

/// Jobs have no moment at which they are ready; their interpreters have usually started after this.
pub(super) const JOB_TURN: Duration = Duration::from_millis(150);

/// The turns of all process starts on this host.
#[derive(Debug)]
pub(super) struct Starts(Turns);

impl Starts {
    /// Limits for this host's processors; one function gets at most half of the starts.
    pub(super) fn of_host() -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let permits = (processors * STARTS_PER_PROCESSOR).max(MIN_STARTS);
        Self(Turns::with_shares(permits, permits - LEFT_TO_OTHERS, permits / 2))
    }

    /// Waits for a turn of this owner.
    pub(super) async fn take(&self, owner: &Owner) -> Permit {
        match owner {
            Owner::Function(namespace, name) => self.0.take(namespace, name).await,
            // No namespace has this name.
            Owner::Build => self.0.take("", "build").await,
        }
    }
}
