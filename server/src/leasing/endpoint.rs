//! An endpoint: the address of an instance, its connections, and its calls in progress.

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

/// The life of whatever is behind an endpoint, as far as callers need to know. It may be a process of this server or of
/// another one, or something that no server started.
#[async_trait]
pub trait Liveness: Send + Sync + std::fmt::Debug {
    /// Whether it has ended. Never blocks.
    fn is_over(&self) -> bool;

    /// Waits for its end. Returns how it ended, as a message.
    async fn over(&self) -> String;

    /// The last lines of its standard error, oldest first; empty if this server does not read them.
    fn last_lines(&self) -> Vec<String>;
}

/// An address that takes calls. Dropping it does not end the instance behind it, unless `life` does.
#[derive(Debug)]
pub struct Endpoint {
    id: String,
    life: Arc<dyn Liveness>,
    pub(super) connections: Connections,
    started_at: DateTime<Utc>,
    in_flight: AtomicU32,
    draining: AtomicBool,
    /// Time of the last use, in milliseconds after `born`.
    last_used: AtomicU64,
    /// When this server learned of it.
    born: Instant,
    /// The runs that its log lines may belong to.
    runs: Arc<Runs>,
    /// Whether it has answered a call.
    answered: AtomicBool,
    /// Calls in progress when it ended.
    at_end: OnceLock<u32>,
    /// Why it is being replaced, as a message, if it is.
    condemned: OnceLock<String>,
    /// Whether a probe is in progress.
    probed: AtomicBool,
}

impl Endpoint {
    /// An endpoint that this server has just learned of; `id` is the instance's.
    pub fn new(id: String, address: executor::Address, life: Arc<dyn Liveness>) -> Self {
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

    /// The id of the instance.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it accepts connections.
    pub fn address(&self) -> &executor::Address {
        self.connections.address()
    }

    /// When this server learned of it, as wall clock time.
    pub fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// When this server learned of it.
    pub fn born(&self) -> Instant {
        self.born
    }

    /// The runs that it works on or has worked on.
    pub fn runs(&self) -> &Arc<Runs> {
        &self.runs
    }

    /// The last lines of its standard error, oldest first.
    pub fn last_lines(&self) -> Vec<String> {
        self.life.last_lines()
    }

    /// Whether the instance has ended.
    pub fn is_over(&self) -> bool {
        self.life.is_over()
    }

    /// Takes one of its `concurrency` slots; false if none is free.
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

    /// Calls in progress.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Waits for the instance's end. Returns how it ended, as a message. The first caller counts the calls in progress,
    /// before any of them can be given back.
    pub async fn ended(&self) -> String {
        let how = self.life.over().await;
        self.calls_at_end();
        how
    }

    /// Calls in progress when it ended.
    pub fn calls_at_end(&self) -> u32 {
        *self.at_end.get_or_init(|| self.in_flight())
    }

    /// Whether it has answered a call.
    pub fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn set_answered(&self) {
        // Nearly always set already, so the write is avoided.
        if !self.has_answered() {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// Marks it for replacement; false if it already was.
    pub(super) fn condemn(&self, why: &str) -> bool {
        let first = self.condemned.set(why.to_owned()).is_ok();
        self.drain();
        first
    }

    /// Why it is being replaced, if it is.
    pub(super) fn condemned(&self) -> Option<&str> {
        self.condemned.get().map(String::as_str)
    }

    /// Begins a probe; false if one is in progress.
    pub(super) fn begin_probe(&self) -> bool {
        !self.probed.swap(true, Ordering::AcqRel)
    }

    pub(super) fn end_probe(&self) {
        self.probed.store(false, Ordering::Release);
    }

    /// Stops it from taking calls.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether it takes no more calls.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Since when it has been idle; `None` while it has calls.
    pub fn idle_since(&self) -> Option<Instant> {
        let last = self.last_used.load(Ordering::Relaxed);
        (self.in_flight() == 0).then(|| self.born + std::time::Duration::from_millis(last))
    }
}
