//! Limits the number of waiting runs in each namespace, so that one namespace's events cannot fill the log and the
//! queues.
//!
//! Above the limit, callers are refused new events. Events accepted before become runs up to twice the limit; the rest
//! stays in the log, where it takes no additional space. Since callers are refused first, the backlog in the log is
//! worked off before they are admitted again.
//!
//! The counts are read from the database periodically, so that all servers agree; in between, each server adds the runs
//! that it requests itself.

use std::collections::HashMap;

use parking_lot::RwLock;
use tokio::sync::Notify;

/// The number of waiting runs by namespace, and the limit for each.
#[derive(Debug)]
pub struct Backlog {
    most: u64,
    waiting: RwLock<HashMap<String, u64>>,
    counted: Notify,
}

/// The error if too many runs of a namespace are waiting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{waiting} runs wait in the namespace `{namespace}`, and EVENTFLOW_MAX_WAITING_RUNS is {most}: nothing was accepted; send it again when fewer wait"
)]
pub struct Full {
    namespace: String,
    waiting: u64,
    most: u64,
}

impl Backlog {
    /// With a limit of `most` waiting runs per namespace, and no counts yet.
    pub fn new(most: u64) -> Self {
        Self { most, waiting: RwLock::default(), counted: Notify::new() }
    }

    /// Without a limit.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// Replaces all counts. Namespaces that are missing have no waiting runs.
    pub fn counted(&self, waiting: HashMap<String, u64>) {
        *self.waiting.write() = waiting;
        self.counted.notify_waiters();
    }

    /// Adds runs that are about to wait.
    pub fn add(&self, namespace: &str, runs: u64) {
        let mut waiting = self.waiting.write();
        match waiting.get_mut(namespace) {
            Some(waiting) => *waiting += runs,
            None => _ = waiting.insert(namespace.to_owned(), runs),
        }
    }

    /// Checks whether callers may request more runs.
    ///
    /// # Errors
    /// If the limit is reached.
    pub fn admit(&self, namespace: &str) -> Result<(), Full> {
        match self.waiting(namespace) {
            waiting if waiting < self.most => Ok(()),
            waiting => Err(Full { namespace: namespace.to_owned(), waiting, most: self.most }),
        }
    }

    /// Whether accepted events have to stay in the log for now.
    pub fn is_held(&self, namespace: &str) -> bool {
        self.waiting(namespace) >= self.most.saturating_mul(2)
    }

    /// Whether accepted events may become runs. If not, waits for the next count.
    pub async fn has_room(&self, namespace: &str) -> bool {
        let counted = self.counted.notified();
        tokio::pin!(counted);
        counted.as_mut().enable();
        if !self.is_held(namespace) {
            return true;
        }
        counted.await;
        !self.is_held(namespace)
    }

    fn waiting(&self, namespace: &str) -> u64 {
        self.waiting.read().get(namespace).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn callers_are_refused_at_the_limit_and_events_stay_in_the_log_at_twice_the_limit() {
        let backlog = Backlog::new(10);
        backlog.add("loud", 9);
        assert_eq!(backlog.admit("loud"), Ok(()));
        backlog.add("loud", 1);
        let full = backlog.admit("loud").unwrap_err().to_string();
        assert!(full.starts_with("10 runs wait in the namespace `loud`"), "{full}");
        assert!(!backlog.is_held("loud"));
        backlog.add("loud", 10);
        assert!(backlog.is_held("loud"));
        assert_eq!((backlog.admit("quiet"), backlog.is_held("quiet")), (Ok(()), false));
    }

    #[test]
    fn room_is_waited_for_until_the_next_count() {
        let backlog = Backlog::new(10);
        backlog.add("loud", 20);
        for (count, has_room) in [(20, false), (19, true)] {
            let mut room = Box::pin(backlog.has_room("loud"));
            assert_eq!(room.as_mut().now_or_never(), None);
            backlog.counted([("loud".to_owned(), count)].into());
            assert_eq!(room.as_mut().now_or_never(), Some(has_room));
        }
        assert_eq!(backlog.has_room("loud").now_or_never(), Some(true));
        backlog.counted(HashMap::new());
        assert_eq!(backlog.admit("loud"), Ok(()));
    }
}
