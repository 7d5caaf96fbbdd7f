//! Retry delays: exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture
//! Blog, 2015).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// The maximum delay in seconds, whatever a policy says: a year. Later due times would not fit the calendar.
const MAX_WAIT_S: f64 = 365.0 * 24.0 * 3600.0;

/// How often, and after what delays, a run is tried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// Maximum number of attempts, including the first.
    pub max_attempts: u32,
    /// Maximum delay before the second attempt, in seconds; doubles with each further one.
    pub backoff_s: f64,
    /// Upper limit of every delay, in seconds.
    pub backoff_max_s: f64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_attempts: 5, backoff_s: 1.0, backoff_max_s: 300.0 }
    }
}

impl Policy {
    /// When to try again after attempt number `attempt` (from 1) failed at `at`; `None` after the last attempt.
    /// `jitter` is a random number in 0..1. A `Retry-After` of the function is a lower bound, itself limited by the
    /// maximum delay.
    pub fn next(
        &self,
        attempt: u32,
        at: DateTime<Utc>,
        jitter: f64,
        retry_after_s: Option<f64>,
    ) -> Option<DateTime<Utc>> {
        (attempt < self.max_attempts).then(|| self.due(attempt, at, jitter, retry_after_s))
    }

    /// Like [`Self::next`], but also after the last attempt.
    pub fn due(&self, attempt: u32, at: DateTime<Utc>, jitter: f64, retry_after_s: Option<f64>) -> DateTime<Utc> {
        let doublings = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX).min(64);
        let ceiling = (self.backoff_s * 2f64.powi(doublings)).min(self.backoff_max_s);
        let wait = ceiling * jitter.clamp(0.0, 1.0);
        let wait = wait.max(retry_after_s.unwrap_or(0.0).min(self.backoff_max_s)).max(0.0);
        let wait = TimeDelta::milliseconds((wait.min(MAX_WAIT_S) * 1000.0) as i64);
        at.checked_add_signed(wait).unwrap_or(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let policy = Policy { max_attempts: 20, backoff_s: 1.0, backoff_max_s: 10.0 };
        let waits: Vec<i64> =
            (1..7).map(|attempt| (policy.next(attempt, at(), 1.0, None).unwrap() - at()).num_seconds()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 10, 10]);
    }

    #[test]
    fn the_last_attempt_has_no_next() {
        assert_eq!(Policy::default().next(5, at(), 0.5, None), None);
    }

    #[test]
    fn retry_after_is_a_lower_bound_within_the_cap() {
        let policy = Policy { max_attempts: 3, backoff_s: 1.0, backoff_max_s: 60.0 };
        assert_eq!(policy.next(1, at(), 0.0, Some(30.0)), Some(at() + TimeDelta::seconds(30)));
        assert_eq!(policy.next(1, at(), 0.0, Some(3600.0)), Some(at() + TimeDelta::seconds(60)));
    }

    #[test]
    fn a_policy_without_measure_waits_a_year_at_most() {
        let policy = Policy { max_attempts: u32::MAX, backoff_s: 1e300, backoff_max_s: 1e300 };
        let year = at() + TimeDelta::days(365);
        assert_eq!(policy.next(1, at(), 1.0, None), Some(year));
        assert_eq!(policy.next(u32::MAX - 1, at(), 0.0, Some(f64::INFINITY)), Some(year));
    }

    #[test]
    fn a_wait_is_never_negative() {
        let policy = Policy { max_attempts: 3, backoff_s: -5.0, backoff_max_s: -1.0 };
        assert_eq!(policy.next(1, at(), 1.0, Some(-9.0)), Some(at()));
        assert_eq!(policy.next(1, at(), f64::NAN, None), Some(at()));
    }
}
