//! What is known of instances that failed: when the next one may be started, and when that is told.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff;
use crate::leasing::Error;

/// A broken function says so in the log at most this often.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// How an instance failed that nobody had use of.
pub(super) enum Unready {
    /// It became ready, and ended.
    Ended,
    /// It did not become ready; `held` is for how long it was waited for, when it did not end by itself.
    Start { held: Option<Duration> },
}

/// The failures of one version.
#[derive(Default)]
pub(super) struct Trouble {
    failures: u32,
    /// An instance has become ready before.
    ever_ready: bool,
    retry_at: Option<Instant>,
    failure: Option<(String, Vec<String>)>,
    reported_at: Option<Instant>,
}

impl Trouble {
    /// Whether another one may be started, while so many are being started.
    pub(super) fn allows_another(&self, starting: u32) -> bool {
        // Of what has failed and never became ready, one shows whether it does now.
        !self.is_waited_for() && (self.failures == 0 || self.ever_ready || starting == 0)
    }

    /// Whether none may be started yet.
    pub(super) fn is_waited_for(&self) -> bool {
        self.retry_at.is_some_and(|at| Instant::now() < at)
    }

    /// An instance became ready.
    pub(super) fn became_ready(&mut self) {
        self.ever_ready = true;
        self.retry_at = None;
        self.failure = None;
    }

    /// An instance ended of which somebody had use.
    pub(super) fn served(&mut self) {
        self.failures = 0;
    }

    /// Something has changed that may have been why they failed.
    pub(super) fn try_again(&mut self) {
        self.retry_at = None;
        self.failures = 0;
    }

    /// An instance did not start, or ended before anybody had use of it: the next one is started later.
    pub(super) fn failed(&mut self, message: String, tail: Vec<String>, how: Unready) {
        self.failures = self.failures.saturating_add(1);
        let pause = match how {
            // An instance that died once is replaced at once; what fails again and again waits.
            Unready::Ended if self.failures <= 1 => Duration::ZERO,
            Unready::Ended => backoff::pause(self.failures, None, self.ever_ready),
            Unready::Start { held } => backoff::pause(self.failures, held, self.ever_ready),
        };
        self.retry_at = Some(Instant::now() + pause);
        self.failure = Some((message, tail));
    }

    /// Whether a failure is to be told now; those that follow soon are not.
    pub(super) fn report_is_due(&mut self) -> bool {
        let due = self.reported_at.is_none_or(|at| at.elapsed() >= REPORT_EVERY);
        if due {
            self.reported_at = Some(Instant::now());
        }
        due
    }

    /// Why there is no instance.
    pub(super) fn unhealthy(&self) -> Error {
        let (message, stderr_tail) =
            self.failure.clone().unwrap_or_else(|| ("no instance could be started".to_owned(), Vec::new()));
        let retry_in = self.retry_at.map(|at| at.saturating_duration_since(Instant::now())).unwrap_or_default();
        Error::Unhealthy { message, stderr_tail, retry_in }
    }
}
