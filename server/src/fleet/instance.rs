//! One running instance: the process, its connections, and who uses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use domain::run;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::connection::Connections;
use super::secrets::Revision;
use crate::executor::Instance;

#[derive(Debug)]
pub(super) struct Running {
    pub id: String,
    pub process: Arc<dyn Instance>,
    /// What it was given of secrets.
    pub secrets: Revision,
    pub connections: Connections,
    pub started_at: DateTime<Utc>,
    in_flight: AtomicU32,
    draining: AtomicBool,
    /// Milliseconds after `born`.
    last_used: AtomicU64,
    pub born: Instant,
    /// Runs that it works on: a line that names no run belongs to the only one.
    runs: Mutex<Vec<run::Id>>,
}

impl Running {
    pub(super) fn new(id: String, process: Arc<dyn Instance>, secrets: Revision) -> Self {
        Self {
            id,
            connections: Connections::new(process.endpoint().clone()),
            process,
            secrets,
            started_at: crate::clock::now(),
            in_flight: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            last_used: AtomicU64::new(0),
            born: Instant::now(),
            runs: Mutex::default(),
        }
    }

    /// Takes one of its `concurrency` places; false when it has none.
    pub(super) fn enter(&self, concurrency: u32) -> bool {
        if self.draining.load(Ordering::Acquire) || self.process.exited().is_some() {
            return false;
        }
        let entered =
            self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| (n < concurrency).then_some(n + 1));
        entered.is_ok()
    }

    pub(super) fn begin(&self, run: run::Id) {
        self.runs.lock().push(run);
    }

    pub(super) fn leave(&self, run: Option<run::Id>) {
        if let Some(run) = run {
            let mut runs = self.runs.lock();
            if let Some(index) = runs.iter().position(|other| *other == run) {
                runs.swap_remove(index);
            }
        }
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// The only run that it works on, if it is one.
    pub(super) fn only_run(&self) -> Option<run::Id> {
        match self.runs.lock().as_slice() {
            [run] => Some(*run),
            _ => None,
        }
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// It takes no more calls.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Since when it works on nothing; `None` while it does.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let last = self.last_used.load(Ordering::Relaxed);
        (self.in_flight() == 0).then(|| self.born + std::time::Duration::from_millis(last))
    }
}
