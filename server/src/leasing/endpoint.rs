//! One endpoint: where an instance answers, its connections, and who uses it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::run;
use tokio::time::Instant;

use super::connection::Connections;
use super::runs::Runs;
use crate::clock;
use crate::executor;

/// What stands behind an endpoint, as far as whoever calls it has to know. It may be a process of this server, or of another
/// one, or none that any server has started.
#[async_trait]
pub trait Life: Send + Sync + std::fmt::Debug {
    /// Whether it has ended; never blocks.
    fn is_over(&self) -> bool;

    /// Waits until it has ended. How, for people.
    async fn over(&self) -> String;

    /// The last lines of its standard error, oldest first; none where nobody here reads them.
    fn last_lines(&self) -> Vec<String>;
}

/// An address that takes calls. What it belongs to goes on when this is dropped, unless that is who keeps it alive.
#[derive(Debug)]
pub struct Endpoint {
    id: String,
    life: Arc<dyn Life>,
    pub(super) connections: Connections,
    started_at: DateTime<Utc>,
    in_flight: AtomicU32,
    draining: AtomicBool,
    /// Milliseconds after `born`.
    last_used: AtomicU64,
    /// When this server learned of it.
    born: Instant,
    /// What its lines belong to.
    runs: Arc<Runs>,
    /// It has answered a call.
    answered: AtomicBool,
    /// Calls that it had when it ended.
    at_end: OnceLock<u32>,
    /// Why it is replaced, for people, when it is.
    condemned: OnceLock<String>,
    /// Somebody asks it whether it still answers.
    probed: AtomicBool,
}

impl Endpoint {
    /// An endpoint that this server has just learned of; `id` names the instance behind it.
    pub fn new(id: String, address: executor::Address, life: Arc<dyn Life>) -> Self {
        Self {
            id,
            connections: Connections::new(address),
            life,
            started_at: clock::now(),
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

    /// Names the instance behind it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When this server learned of it, for people.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// When this server learned of it.
    pub fn born(&self) -> Instant {
        self.born
    }

    /// The runs that it has worked on.
    pub fn runs(&self) -> &Arc<Runs> {
        &self.runs
    }

    /// The last lines of its standard error, oldest first.
    pub fn last_lines(&self) -> Vec<String> {
        self.life.last_lines()
    }

    /// Whether what stands behind it has ended.
    pub fn is_over(&self) -> bool {
        self.life.is_over()
    }

    /// Takes one of its `concurrency` places; false when it has none.
    pub fn enter(&self, concurrency: u32) -> bool {
        if self.draining.load(Ordering::Acquire) || self.life.is_over() {
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

    /// Calls that it works on.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Waits until it has ended; how, for people. Whoever is first counts the calls that it had: none of them is given back
    /// before it has been here.
    pub async fn ended(&self) -> String {
        let how = self.life.over().await;
        self.calls_at_end();
        how
    }

    /// Calls that it had when it ended.
    pub fn calls_at_end(&self) -> u32 {
        *self.at_end.get_or_init(|| self.in_flight())
    }

    /// It has answered a call.
    pub fn has_answered(&self) -> bool {
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
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether it takes no more calls.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Since when it works on nothing; `None` while it does.
    pub fn idle_since(&self) -> Option<Instant> {
        let last = self.last_used.load(Ordering::Relaxed);
        (self.in_flight() == 0).then(|| self.born + std::time::Duration::from_millis(last))
    }
}
