//! The delay before a version gets another instance after one has failed.

use std::time::Duration;

/// The delay after the first failure; each further one in a row doubles it.
const FIRST: Duration = Duration::from_millis(200);

/// The maximum delay for a version that has had a ready instance before.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// The maximum delay for a version that never had a ready instance: nothing that works is waiting for it.
pub(super) const LONGEST_UNREADY: Duration = Duration::from_secs(180);

/// The maximum number of doublings.
const MAX_DOUBLINGS: u32 = 16;

/// The delay after this many failures in a row. `held` is how long the last instance was waited for in vain, if it
/// neither became ready nor ended: something that occupies the host for half a minute must not be retried after a
/// fraction of a second.
pub(super) fn pause(failures: u32, held: Option<Duration>, ever_ready: bool) -> Duration {
    let doubled = 1_u32 << failures.saturating_sub(1).min(MAX_DOUBLINGS);
    let longest = if ever_ready { LONGEST } else { LONGEST_UNREADY };
    FIRST.max(held.unwrap_or_default() / 2).saturating_mul(doubled).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_became_ready_waits_for_minutes_in_the_end() {
        let seconds = |failures, held: Option<u64>, ever_ready| {
            pause(failures, held.map(Duration::from_secs), ever_ready).as_secs_f64()
        };
        let crashes = [(1, 0.2), (2, 0.4), (8, 25.6), (9, 51.2), (10, 102.4), (11, 180.0), (u32::MAX, 180.0)];
        for (failures, expected) in crashes {
            assert!((seconds(failures, None, false) - expected).abs() < 0.01, "{failures}");
        }
        let hangs = [(1, 15.0), (2, 30.0), (3, 60.0), (4, 120.0), (5, 180.0), (u32::MAX, 180.0)];
        for (failures, expected) in hangs {
            assert!((seconds(failures, Some(30), false) - expected).abs() < 0.01, "{failures}");
        }
        assert!((seconds(40, None, true) - 30.0).abs() < 0.01, "it was ready once");
    }
}
