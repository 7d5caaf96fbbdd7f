//! Limits on the log lines that are stored: a rate per function, and totals per run and per function. Lines over a
//! limit are counted instead.
//!
//! Knows numbers, not what the lines say. Each server counts for itself, beginning at its start.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use domain::{function, run};
use lru::LruCache;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::executor::{Rate, Stream};

/// The period of a function's total.
const PERIOD: Duration = Duration::from_secs(24 * 3600);

/// Runs of a function whose lines are counted; the least recently active one is forgotten first.
const MAX_RUNS: NonZeroUsize = NonZeroUsize::new(1024).expect("it is above 0");

/// How much is stored.
#[derive(Debug, Clone, Copy)]
pub struct LineLimits {
    /// Maximum lines of a function per second.
    pub per_second: u32,
    /// Maximum bytes of a run's lines.
    pub run_bytes: u64,
    /// Maximum bytes of a function's lines per day.
    pub function_bytes: u64,
}

impl Default for LineLimits {
    fn default() -> Self {
        Self { per_second: 1000, run_bytes: 10 << 20, function_bytes: 1 << 30 }
    }
}

/// The shared rate of all functions, as a multiple of the rate of one; in addition to each function's
/// [`OWN_PER_SECOND`].
const ALL_FUNCTIONS: u32 = 2;

/// Lines per second that a function may always store, however much the others write.
const OWN_PER_SECOND: u32 = 50;

/// The meters of all functions that have written lines. A few bytes for each function that has run here, until it is
/// deregistered.
pub(super) struct Meters {
    limits: LineLimits,
    all: Arc<Rate>,
    meters: Mutex<HashMap<function::Id, Arc<Meter>>>,
}

impl Meters {
    pub(super) fn new(limits: LineLimits) -> Self {
        let all = Arc::new(Rate::new(limits.per_second.saturating_mul(ALL_FUNCTIONS)));
        Self { limits, all, meters: Mutex::default() }
    }

    pub(super) fn of(&self, function: function::Id) -> Arc<Meter> {
        let meter = || Arc::new(Meter::new(self.limits, self.all.clone()));
        self.meters.lock().entry(function).or_insert_with(meter).clone()
    }

    /// Forgets a deregistered function.
    pub(super) fn forget(&self, function: function::Id) {
        self.meters.lock().remove(&function);
    }
}

/// The decision about a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineDecision {
    Store,
    LeaveOut,
    /// Store this message instead.
    Report(String),
}

pub(super) struct Meter {
    limits: LineLimits,
    rate: Rate,
    own: Rate,
    all: Arc<Rate>,
    /// Lines dropped because all functions together exceeded the shared rate.
    crowded_out: Rate,
    totals: Mutex<Totals>,
}

struct Totals {
    since: Instant,
    function: Total,
    runs: LruCache<run::Id, Total>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Total {
    bytes: u64,
    is_reported: bool,
}

impl Total {
    fn add(&mut self, bytes: u64, limit: u64, what: impl FnOnce() -> String) -> LineDecision {
        if !self.is_reported && self.bytes.saturating_add(bytes) <= limit {
            self.bytes += bytes;
            return LineDecision::Store;
        }
        match std::mem::replace(&mut self.is_reported, true) {
            true => LineDecision::LeaveOut,
            false => LineDecision::Report(what()),
        }
    }
}

impl Meter {
    fn new(limits: LineLimits, all: Arc<Rate>) -> Self {
        let totals = Totals { since: Instant::now(), function: Total::default(), runs: LruCache::new(MAX_RUNS) };
        Self {
            limits,
            rate: Rate::new(limits.per_second),
            own: Rate::new(OWN_PER_SECOND),
            crowded_out: Rate::shared(limits.per_second.saturating_mul(ALL_FUNCTIONS)),
            all,
            totals: Mutex::new(totals),
        }
    }

    /// Takes a line from the function's own rate or from the shared one; false if both are used up.
    fn take(&self, length: usize, now: Instant) -> bool {
        let part = [&self.own, &*self.all].into_iter().find(|part| part.is_open(now));
        part.map(|part| part.take(length)).is_some()
    }

    /// Decides about a line. EventFlow's own lines about a process are rare, and always stored.
    pub(super) fn decide(&self, run: Option<run::Id>, stream: Stream, length: usize, now: Instant) -> LineDecision {
        if stream == Stream::System {
            return LineDecision::Store;
        }
        if !self.rate.is_open(now) {
            self.rate.leave_out(1, now);
            return LineDecision::LeaveOut;
        }
        if !self.take(length, now) {
            self.crowded_out.leave_out(1, now);
            return LineDecision::LeaveOut;
        }
        self.rate.take(length);
        // The estimated cost of a row in addition to its text, in bytes.
        const ROW_BYTES: u64 = 100;
        let bytes = length as u64 + ROW_BYTES;
        let mut totals = self.totals.lock();
        if now.saturating_duration_since(totals.since) >= PERIOD {
            totals.since = now;
            totals.function = Total::default();
        }
        if let Some(run) = run {
            let limit = self.limits.run_bytes;
            let total = totals.runs.get_or_insert_mut(run, Total::default);
            let verdict = total.add(bytes, limit, || {
                format!("The lines of this run have reached their limit of {}: the rest is left out.", mebibytes(limit))
            });
            if verdict != LineDecision::Store {
                return verdict;
            }
        }
        let limit = self.limits.function_bytes;
        totals.function.add(bytes, limit, || {
            format!(
                "The lines of this function have reached their limit of {} in a day: the rest is left out.",
                mebibytes(limit)
            )
        })
    }

    /// Waits until a report of dropped lines is due.
    pub(super) async fn report_due(&self) {
        match self.rate.report_at().into_iter().chain(self.crowded_out.report_at()).min() {
            Some(at) => tokio::time::sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    /// See [`Rate::report`].
    pub(super) fn reports(&self, last: bool, now: Instant) -> impl Iterator<Item = String> {
        [&self.rate, &self.crowded_out].map(|rate| rate.report(last, now)).into_iter().flatten()
    }
}

fn mebibytes(bytes: u64) -> String {
    match bytes >> 20 {
        0 => format!("{bytes} bytes"),
        mebibytes => format!("{mebibytes} MiB"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn meter(per_second: u32, run_bytes: u64, function_bytes: u64) -> Meter {
        let all = Arc::new(Rate::new(per_second * ALL_FUNCTIONS));
        Meter::new(LineLimits { per_second, run_bytes, function_bytes }, all)
    }

    fn decide(meter: &Meter, run: u128, now: Instant) -> LineDecision {
        meter.decide(Some(run::Id::new(uuid::Uuid::from_u128(run))), Stream::Stdout, 100, now)
    }

    #[test]
    fn a_run_that_wrote_too_much_is_cut_and_another_is_not() {
        let (meter, now) = (meter(1000, 500, 1 << 20), Instant::now());
        assert_eq!([decide(&meter, 1, now), decide(&meter, 1, now)], [LineDecision::Store, LineDecision::Store]);
        assert!(matches!(decide(&meter, 1, now), LineDecision::Report(text) if text.contains("limit of 500 bytes")));
        assert_eq!([decide(&meter, 1, now), decide(&meter, 1, now)], [LineDecision::LeaveOut, LineDecision::LeaveOut]);
        assert_eq!(decide(&meter, 2, now), LineDecision::Store);
    }

    #[test]
    fn a_function_that_wrote_too_much_is_cut_until_the_next_day() {
        let (meter, now) = (meter(1000, 1 << 20, 500), Instant::now());
        assert_eq!([decide(&meter, 1, now), decide(&meter, 2, now)], [LineDecision::Store, LineDecision::Store]);
        assert!(matches!(decide(&meter, 3, now), LineDecision::Report(text) if text.contains("this function")));
        assert_eq!(decide(&meter, 4, now), LineDecision::LeaveOut);
        assert_eq!(meter.decide(None, Stream::System, 100, now), LineDecision::Store);
        assert_eq!(decide(&meter, 4, now + PERIOD), LineDecision::Store);
    }

    #[test]
    fn instances_of_a_function_share_its_rate() {
        let meters = Meters::new(LineLimits { per_second: 10, run_bytes: 1 << 30, function_bytes: 1 << 30 });
        let function = domain::function::id("default", "hello", 1);
        let (one, other) = (meters.of(function), meters.of(function));
        let now = Instant::now();
        let stored = |n: &u32| decide(if n.is_multiple_of(2) { &one } else { &other }, 1, now) == LineDecision::Store;
        assert_eq!((0..100).filter(stored).count(), 50);
        let later = now + Duration::from_secs(1);
        let texts: Vec<_> = one.reports(false, later).collect();
        assert_eq!(texts, ["50 lines were left out: more than 10 lines a second"]);
        assert_eq!(other.reports(false, later).count(), 0);
    }

    #[test]
    fn many_floods_store_no_more_than_two_and_leave_others_their_own_part() {
        let meters = Meters::new(LineLimits { per_second: 1000, run_bytes: 1 << 30, function_bytes: 1 << 30 });
        let function = |number: u32| domain::function::id("default", "flood", number);
        let floods: Vec<_> = (0..100).map(|number| meters.of(function(number))).collect();
        let mut now = Instant::now();
        let flood = |now| {
            floods
                .iter()
                .map(|meter| (0..100).filter(|_| decide(meter, 1, now) == LineDecision::Store).count())
                .sum::<usize>()
        };
        for _ in 0..100 {
            now += Duration::from_millis(100);
            flood(now);
        }
        // Each function has its own rate, and all together the shared one, which is that of two.
        let stored: usize = (0..10).map(|step| flood(now + Duration::from_millis(100 * (step + 1)))).sum();
        assert!(stored <= 100 * 50 + 2000 + 200, "{stored}");
        let later = now + Duration::from_secs(1);
        let quiet = meters.of(function(1000));
        assert!((0..50).all(|_| decide(&quiet, 1, later) == LineDecision::Store));
        // The last one to ask has to do with its own rate.
        let texts: Vec<_> = floods[99].reports(true, later).collect();
        let notice = "left out: all functions together wrote more than 2,000 lines a second";
        assert!(texts.iter().any(|text| text.ends_with(notice)), "{texts:?}");
    }

    #[test]
    fn a_function_that_is_no_more_is_forgotten() {
        let meters = Meters::new(LineLimits::default());
        let function = domain::function::id("default", "hello", 1);
        meters.of(function);
        meters.forget(function);
        assert!(meters.meters.lock().is_empty());
    }
}
