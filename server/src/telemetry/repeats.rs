//! Deduplicates log messages: a fault that repeats is logged once and then counted. Otherwise, retries while something
//! is not available would bury everything else.
//!
//! Warnings and errors from the same place in the code with the same fields are the same fault, whichever run, request
//! or record they concern. The first one is logged unchanged. Those that follow are counted, and the count is logged
//! once in every [`PERIOD`] while they continue.

use std::collections::HashMap;
use std::fmt::{Debug, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// How often the count is logged. A fault that did not repeat for this long is logged as a new one.
const PERIOD: Duration = Duration::from_secs(60);

/// Maximum number of distinct faults from one place in the code within a period; further ones are counted together.
const MAX_APART: usize = 10;

/// Maximum length of a fault's description, in bytes.
const MAX_DETAIL: usize = 512;

/// Fields that differ each time although the fault is the same: which piece of work, how much, how long.
const EACH_TIME: &[&str] = &[
    "run",
    "build",
    "request",
    "event",
    "position",
    "stream",
    "appends",
    "lines",
    "attempt",
    "retry_in",
    "held_s",
    "taken",
    "after",
    "found",
    "routing_key",
    "duration_ms",
    "instance",
];

/// Counts repetitions. Clones share their counts.
#[derive(Clone, Default)]
pub(super) struct Repeats {
    callsites: Arc<Mutex<HashMap<Identifier, Callsite>>>,
}

/// A place in the code that logs faults.
#[derive(Default)]
struct Callsite {
    faults: HashMap<u64, Fault>,
}

/// A fault that was logged.
struct Fault {
    metadata: &'static Metadata<'static>,
    message: String,
    detail: String,
    since: Instant,
    repeated: u64,
}

/// The number of repetitions of a fault, to be logged.
#[derive(Debug, PartialEq, Eq)]
struct Count {
    level: Level,
    place: &'static str,
    message: String,
    detail: String,
    repeated: u64,
    seconds: u64,
}

/// The key for all faults beyond [`MAX_APART`].
const THE_REST: u64 = 0;

impl Repeats {
    /// Whether an event should be logged, because it does not repeat another one.
    fn is_new(&self, event: &Event<'_>, now: Instant) -> bool {
        let metadata = event.metadata();
        let mut seen = Seen::default();
        event.record(&mut seen);
        let mut callsites = self.callsites.lock();
        let callsite = callsites.entry(metadata.callsite()).or_default();
        if let Some(fault) = callsite.faults.get_mut(&seen.key()) {
            fault.repeated += 1;
            return false;
        }
        let key = match callsite.faults.len() < MAX_APART {
            true => seen.key(),
            false => THE_REST,
        };
        let is_new = key != THE_REST;
        let fault = callsite.faults.entry(key).or_insert_with(|| Fault {
            metadata,
            message: seen.message,
            detail: if is_new { seen.detail } else { "of several kinds".to_owned() },
            since: now,
            repeated: 0,
        });
        if !is_new {
            fault.repeated += 1;
        }
        is_new
    }

    /// Takes the counts whose period is over, and forgets faults that did not repeat in theirs.
    fn due(&self, now: Instant, period: Duration) -> Vec<Count> {
        let mut due = Vec::new();
        self.callsites.lock().retain(|_, callsite| {
            callsite.faults.retain(|_, fault| {
                let passed = now.saturating_duration_since(fault.since);
                if passed < period {
                    return true;
                }
                let repeated = std::mem::take(&mut fault.repeated);
                fault.since = now;
                if repeated > 0 {
                    due.push(Count {
                        level: *fault.metadata.level(),
                        place: fault.metadata.target(),
                        message: fault.message.clone(),
                        detail: fault.detail.clone(),
                        repeated,
                        seconds: passed.as_secs(),
                    });
                }
                repeated > 0
            });
            !callsite.faults.is_empty()
        });
        due
    }

    /// Logs counts when they are due, for the lifetime of the process.
    pub(super) fn count_in_background(&self) -> std::io::Result<()> {
        let repeats = self.clone();
        let count = move || loop {
            std::thread::sleep(Duration::from_secs(1));
            repeats.log_due(PERIOD);
        };
        std::thread::Builder::new().name("log".to_owned()).spawn(count).map(|_| ())
    }

    /// Logs the counts that were last logged at least a period ago.
    pub(super) fn log_due(&self, period: Duration) {
        for Count { level, place, message, detail, repeated, seconds } in self.due(Instant::now(), period) {
            let seconds = seconds.max(1);
            match level {
                Level::ERROR => {
                    tracing::error!(target: TARGET, fault = message, module = place, detail, repeated, seconds, "repeated");
                }
                _ => {
                    tracing::warn!(target: TARGET, fault = message, module = place, detail, repeated, seconds, "repeated")
                }
            }
        }
    }
}

/// The target of counts, which are not faults themselves.
const TARGET: &str = "eventflow::repeated";

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::WARN || metadata.target() == TARGET || self.is_new(event, Instant::now())
    }
}

/// The contents of an event.
#[derive(Default)]
struct Seen {
    message: String,
    detail: String,
    hasher: DefaultHasher,
}

impl Seen {
    fn key(&self) -> u64 {
        self.hasher.finish().max(THE_REST + 1)
    }

    fn add(&mut self, field: &Field, value: std::fmt::Arguments<'_>) {
        if EACH_TIME.contains(&field.name()) {
            return;
        }
        let text = value.to_string();
        (field.name(), &text).hash(&mut self.hasher);
        if field.name() == "message" {
            self.message = text;
            return;
        }
        let gap = if self.detail.is_empty() { "" } else { " " };
        if self.detail.len() + text.len() < MAX_DETAIL {
            let _ = write!(self.detail, "{gap}{}={text}", field.name());
        }
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, format_args!("{value}"));
    }
}

/// The instance for this process.
pub(super) static REPEATS: LazyLock<Repeats> = LazyLock::new(Repeats::default);

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Counts the events that pass.
    #[derive(Clone, Default)]
    struct Through(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Through {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut seen = Seen::default();
            event.record(&mut seen);
            self.0.lock().push(format!("{} {}", seen.message, seen.detail));
        }
    }

    fn logged(events: impl FnOnce(&Repeats)) -> Vec<String> {
        let (repeats, through) = (Repeats::default(), Through::default());
        let subscriber = tracing_subscriber::registry().with(through.clone()).with(repeats.clone());
        tracing::subscriber::with_default(subscriber, || events(&repeats));
        std::mem::take(&mut *through.0.lock())
    }

    #[test]
    fn a_fault_that_repeats_is_logged_once_and_counted() {
        let lines = logged(|repeats| {
            let later = Instant::now() + PERIOD * 2;
            for run in 0..3000 {
                tracing::warn!(run, error = "away", "not published");
                tracing::info!(run, "published");
            }
            tracing::warn!(run = 1, error = "refused", "not published");
            let due = repeats.due(later, PERIOD);
            assert_eq!(due.len(), 1, "{due:?}");
            assert_eq!(
                (due[0].repeated, due[0].message.as_str(), due[0].detail.as_str()),
                (2999, "not published", "error=away")
            );
            // One fault continues and is still counted; the other was over, and is new when it comes again.
            for error in ["away", "refused"] {
                // In a loop, so that both come from the same place in the code.
                for _ in 0..2 {
                    fail(error);
                }
            }
            assert!(repeats.due(later + PERIOD / 2, PERIOD).iter().all(|count| count.repeated == 1));
        });
        let faults: Vec<_> = lines.iter().filter(|line| line.starts_with("not published")).collect();
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(lines.iter().filter(|line| line.starts_with("published")).count(), 3000);
    }

    fn fail(error: &str) {
        tracing::warn!(error, "not published");
    }

    #[test]
    fn a_fault_that_is_over_is_new_when_it_comes_again() {
        let lines = logged(|repeats| {
            let now = Instant::now();
            fail("away");
            fail("away");
            assert_eq!(repeats.due(now + PERIOD * 2, PERIOD).len(), 1);
            assert_eq!(repeats.due(now + PERIOD * 4, PERIOD), Vec::new());
            fail("away");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
    }

    #[test]
    fn faults_that_strangers_make_up_do_not_fill_the_log() {
        let lines = logged(|repeats| {
            for number in 0..10_000 {
                fail(&format!("error {number}"));
            }
            let counts = repeats.due(Instant::now() + PERIOD * 2, PERIOD);
            assert_eq!(counts.iter().map(|count| count.repeated).sum::<u64>(), 10_000 - MAX_APART as u64);
        });
        assert_eq!(lines.len(), MAX_APART);
    }
}
