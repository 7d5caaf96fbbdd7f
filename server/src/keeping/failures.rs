//! The failures of a version's instances: when the next one may be started, and when to report.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff;
use crate::leasing::Error;

/// The minimum interval between reports of a broken function in the log.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// How an instance failed without having been of use.
pub(super) enum Unready {
    /// It became ready, and then ended.
    Ended,
    /// It did not become ready. `held` is how long it was waited for, if it did not exit by itself.
    Start { held: Option<Duration> },
}

/// The failures of one version.
#[derive(Default)]
pub(super) struct Failures {
    failures: u32,
    /// Whether an instance has ever become ready.
    ever_ready: bool,
    retry_at: Option<Instant>,
    failure: Option<(String, Vec<String>)>,
    reported_at: Option<Instant>,
}

impl Failures {
    /// Whether another instance may be started while `starting` are starting.
    pub(super) fn allows_another(&self, starting: u32) -> bool {
        // After failures and without ever a ready instance, a single one is tried at a time.
        !self.is_waited_for() && (self.failures == 0 || self.ever_ready || starting == 0)
    }

    /// Whether the delay before the next start is not over.
    pub(super) fn is_waited_for(&self) -> bool {
        self.retry_at.is_some_and(|at| Instant::now() < at)
    }

    /// An instance became ready.
    pub(super) fn became_ready(&mut self) {
        self.ever_ready = true;
        self.retry_at = None;
        self.failure = None;
    }

    /// An instance ended after it was of use.
    pub(super) fn served(&mut self) {
        self.failures = 0;
    }

    /// Something changed that may have been the cause of the failures.
    pub(super) fn try_again(&mut self) {
        self.retry_at = None;
        self.failures = 0;
    }

    /// An instance did not start, or ended before it was of use: the next one is started later.
    pub(super) fn failed(&mut self, message: String, tail: Vec<String>, how: Unready) {
        self.failures = self.failures.saturating_add(1);
        let pause = match how {
            // The first death is followed by an immediate restart; repeated ones by a delay.
            Unready::Ended if self.failures <= 1 => Duration::ZERO,
            Unready::Ended => backoff::pause(self.failures, None, self.ever_ready),
            Unready::Start { held } => backoff::pause(self.failures, held, self.ever_ready),
        };
        self.retry_at = Some(Instant::now() + pause);
        self.failure = Some((message, tail));
    }

    /// Whether a failure is to be reported now. Failures shortly after a report are not.
    pub(super) fn report_is_due(&mut self) -> bool {
        let due = self.reported_at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if due {
            self.reported_at = Some(Instant::now());
        }
        due
    }

    /// The error for calls: why there is no instance.
    pub(super) fn unhealthy(&self) -> Error {
        let (message, stderr_tail) =
            self.failure.clone().unwrap_or_else(|| ("no instance could be started".to_owned(), Vec::new()));
        let retry_in = self.retry_at.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default();
        Error::Unhealthy { message, stderr_tail, retry_in }
    }
}
