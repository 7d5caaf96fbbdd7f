//! Statistics of the store.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus::{Histogram, HistogramOpts};

/// Counters of a log since the start.
#[derive(Debug)]
pub struct Stats {
    /// `eventflow_append_seconds`: from the call to the answer. Register a clone where metrics are collected.
    pub append_seconds: Histogram,
    position: AtomicU64,
    line: AtomicU64,
    gaps: AtomicU64,
    commits: AtomicU64,
    moved: AtomicU64,
    audited: AtomicU64,
    fault: parking_lot::Mutex<Option<String>>,
    seal_fault: parking_lot::Mutex<Option<String>>,
    unreadable: parking_lot::Mutex<Option<String>>,
}

impl Default for Stats {
    fn default() -> Self {
        let buckets = vec![0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0];
        let options =
            HistogramOpts::new("eventflow_append_seconds", "Time from an append to its commit").buckets(buckets);
        Self {
            append_seconds: Histogram::with_opts(options).expect("the name and the buckets are fixed and valid"),
            position: AtomicU64::new(0),
            line: AtomicU64::new(0),
            gaps: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            audited: AtomicU64::new(0),
            fault: parking_lot::Mutex::new(None),
            seal_fault: parking_lot::Mutex::new(None),
            unreadable: parking_lot::Mutex::new(None),
        }
    }
}

impl Stats {
    /// The newest position of the log that this server knows (`eventflow_event_log_position`).
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// The newest position of the lines that this server knows.
    pub fn line(&self) -> u64 {
        self.line.load(Ordering::Relaxed)
    }

    /// Gaps that followers have met; must stay 0.
    pub fn gaps(&self) -> u64 {
        self.gaps.load(Ordering::Relaxed)
    }

    /// Commits that were made.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How often another server moved the head of the log first.
    pub fn moved(&self) -> u64 {
        self.moved.load(Ordering::Relaxed)
    }

    /// The number of records that a check or rebuild has read so far; shared with whoever watches it.
    pub fn audited(&self) -> &AtomicU64 {
        &self.audited
    }

    /// Why the log accepts no appends, according to the last one.
    pub fn fault(&self) -> Option<String> {
        self.fault.lock().clone()
    }

    /// Set once the log has records that this server cannot read: a description of the first.
    pub fn unreadable(&self) -> Option<String> {
        self.unreadable.lock().clone()
    }

    /// Notes such a record.
    pub fn note_unreadable(&self, recorded: &domain::Recorded, error: &domain::upcast::Error) {
        self.unreadable.lock().get_or_insert_with(|| {
            let what = if error.is_of_the_future() { ": a newer EventFlow wrote it, upgrade this server" } else { "" };
            format!("the record at position {} of the log cannot be read ({error}){what}", recorded.position)
        });
    }

    /// Why the last attempt to seal the log failed.
    pub fn seal_fault(&self) -> Option<String> {
        self.seal_fault.lock().clone()
    }

    /// Stores or clears that reason.
    pub fn set_seal_fault(&self, fault: Option<String>) {
        *self.seal_fault.lock() = fault;
    }

    pub(super) fn set_fault(&self, fault: Option<String>) {
        *self.fault.lock() = fault;
    }

    pub(super) fn set_position(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
    }

    pub(super) fn set_line(&self, line: u64) {
        self.line.store(line, Ordering::Relaxed);
    }

    pub(super) fn add_gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_moved(&self) {
        self.moved.fetch_add(1, Ordering::Relaxed);
    }
}
