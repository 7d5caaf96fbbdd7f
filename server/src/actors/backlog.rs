//! Limits the number of waiting runs in each namespace, so that one namespace's events cannot fill the log and the
//! queues.
//!
//! Above the limit, callers are refused new events. Events accepted before become runs up to twice the limit; the rest
//! stays in the log, where it takes no additional space. Since callers are refused first, the backlog in the log is
//! worked off before they are admitted again.
//!
//! The numbers come from the database now and then, so that all servers agree. What this server has asked for and the newest
//! count cannot have seen yet is added to them: however slowly the log takes records, no more becomes runs than may.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::Notify;

/// The number of waiting runs by namespace, and the limit for each.
#[derive(Debug)]
pub struct Backlog {
    most: u64,
    waiting: RwLock<HashMap<String, Waiting>>,
    counted: Notify,
}

/// The runs of a namespace that wait, by who knows of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Waiting {
    /// As they were counted in the database last.
    counted: u64,
    /// Those that this server is recording.
    arriving: u64,
    /// Those that it has recorded since the last count began: the count may have them, or not.
    recorded: u64,
    /// Those that it had recorded before the count began that goes on now: that one has them.
    being_counted: u64,
}

impl Waiting {
    fn all(self) -> u64 {
        self.counted + self.arriving + self.recorded + self.being_counted
    }
}

/// Runs that are being recorded. They count as waiting, and when this is dropped as recorded.
#[derive(Debug)]
pub struct Arriving {
    backlog: Arc<Backlog>,
    namespace: String,
    runs: u64,
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.backlog.change(&self.namespace, |waiting| {
            waiting.arriving -= self.runs;
            waiting.recorded += self.runs;
        });
    }
}

/// Too many runs of a namespace wait.
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

    /// The database is about to be asked how many wait.
    pub fn begin_count(&self) {
        for waiting in self.waiting.write().values_mut() {
            waiting.being_counted += std::mem::take(&mut waiting.recorded);
        }
    }

    /// Takes over what was counted since [`Self::begin_count`]: the namespaces that are not in it have none there.
    pub fn counted(&self, counted: HashMap<String, u64>) {
        let mut all = self.waiting.write();
        all.retain(|_, waiting| {
            *waiting = Waiting { counted: 0, being_counted: 0, ..*waiting };
            waiting.all() > 0
        });
        for (namespace, count) in counted {
            all.entry(namespace).or_default().counted = count;
        }
        drop(all);
        self.counted.notify_waiters();
    }

    /// So many more runs are about to be recorded.
    pub fn arrive(self: &Arc<Self>, namespace: &str, runs: u64) -> Arriving {
        self.change(namespace, |waiting| waiting.arriving += runs);
        Arriving { backlog: Arc::clone(self), namespace: namespace.to_owned(), runs }
    }

    fn change(&self, namespace: &str, change: impl FnOnce(&mut Waiting)) {
        let mut all = self.waiting.write();
        match all.get_mut(namespace) {
            Some(waiting) => change(waiting),
            None => change(all.entry(namespace.to_owned()).or_default()),
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
        self.waiting.read().get(namespace).map_or(0, |waiting| waiting.all())
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn backlog() -> Arc<Backlog> {
        Arc::new(Backlog::new(10))
    }

    fn count(backlog: &Backlog, waiting: u64) {
        backlog.begin_count();
        backlog.counted([("loud".to_owned(), waiting)].into());
    }

    #[test]
    fn callers_are_refused_at_the_limit_and_events_stay_in_the_log_at_twice_the_limit() {
        let backlog = backlog();
        let _nine = backlog.arrive("loud", 9);
        assert_eq!(backlog.admit("loud"), Ok(()));
        let _one = backlog.arrive("loud", 1);
        let full = backlog.admit("loud").unwrap_err().to_string();
        assert!(full.starts_with("10 runs wait in the namespace `loud`"), "{full}");
        assert!(!backlog.is_held("loud"));
        let _ten = backlog.arrive("loud", 10);
        assert!(backlog.is_held("loud"));
        assert_eq!((backlog.admit("quiet"), backlog.is_held("quiet")), (Ok(()), false));
    }

    #[test]
    fn a_count_forgets_nothing_that_it_cannot_have_seen() {
        let backlog = backlog();
        let before = backlog.arrive("loud", 4);
        let slow = backlog.arrive("loud", 6);
        drop(before);
        backlog.begin_count();
        // Recorded while it was counted: whether the count has it nobody can say.
        drop(backlog.arrive("loud", 10));
        backlog.counted([("loud".to_owned(), 4)].into());
        assert_eq!(backlog.waiting("loud"), 4 + 6 + 10);
        assert!(backlog.is_held("loud"));
        drop(slow);
        count(&backlog, 20);
        assert_eq!(backlog.waiting("loud"), 20);
        backlog.begin_count();
        backlog.counted(HashMap::new());
        assert!(backlog.waiting.read().is_empty(), "a namespace without any takes no memory");
    }

    #[test]
    fn a_count_that_failed_forgets_nothing_either() {
        let backlog = backlog();
        drop(backlog.arrive("loud", 10));
        backlog.begin_count();
        assert!(backlog.admit("loud").is_err());
        backlog.begin_count();
        assert!(backlog.admit("loud").is_err());
        backlog.counted(HashMap::new());
        assert!(backlog.admit("loud").is_ok());
    }

    #[test]
    fn room_is_waited_for_until_the_next_count() {
        let backlog = backlog();
        drop(backlog.arrive("loud", 20));
        for (waiting, has_room) in [(20, false), (19, true)] {
            let mut room = Box::pin(backlog.has_room("loud"));
            assert_eq!(room.as_mut().now_or_never(), None);
            count(&backlog, waiting);
            assert_eq!(room.as_mut().now_or_never(), Some(has_room));
        }
        assert_eq!(backlog.has_room("loud").now_or_never(), Some(true));
        count(&backlog, 0);
        assert_eq!(backlog.admit("loud"), Ok(()));
    }
}
