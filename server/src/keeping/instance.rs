//! One running instance: the process, its connections, and who uses it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use domain::run;
use tokio::time::Instant;

use super::secrets::Revision;
use crate::clock;
use crate::executor::{Exit, Instance};
use crate::leasing::Connections;
use crate::leasing::Runs;

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
    /// What its lines belong to.
    pub runs: Arc<Runs>,
    /// It has answered a call.
    answered: AtomicBool,
    /// Calls that it had when it ended.
    at_end: OnceLock<u32>,
    /// Why it is replaced, for people, when it is.
    condemned: OnceLock<String>,
    /// Somebody asks it whether it still answers.
    probed: AtomicBool,
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
            runs: Arc::default(),
            answered: AtomicBool::new(false),
            at_end: OnceLock::new(),
            condemned: OnceLock::new(),
            probed: AtomicBool::new(false),
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
        self.runs.begin(run);
    }

    pub(super) fn leave(&self, run: Option<run::Id>) {
        if let Some(run) = run {
            self.runs.end(run, clock::now());
        }
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_used.store(now, Ordering::Relaxed);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Waits until its process has ended. Whoever is first counts the calls that it had: none of them is given back before
    /// it has been here.
    pub(super) async fn ended(&self) -> Exit {
        let exit = self.process.wait().await;
        self.calls_at_end();
        exit
    }

    /// Calls that it had when it ended.
    pub(super) fn calls_at_end(&self) -> u32 {
        *self.at_end.get_or_init(|| self.in_flight())
    }

    /// It has answered a call.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_answered(&self) {
        // Most have, long ago: nothing is written then.
        if !self.has_answered() {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// It is to be replaced; false when it was already.
    pub(super) fn condemn(&self, why: &str) -> bool {
        let first = self.condemned.set(why.to_owned()).is_ok();
        self.drain();
        first
    }

    /// Why it is replaced, when it is.
    pub(super) fn condemned(&self) -> Option<&str> {
        self.condemned.get().map(String::as_str)
    }

    /// Begins to ask whether it answers; false when somebody does already.
    pub(super) fn begin_probe(&self) -> bool {
        !self.probed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_probe(&self) {
        self.probed.store(false, Ordering::Release);
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
