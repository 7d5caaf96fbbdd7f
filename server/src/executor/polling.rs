//! The polling intervals for whether a process listens, since there is no notification.

use std::time::Duration;

/// The first pause: a process that is ready soon waits no longer.
const FIRST: Duration = Duration::from_millis(1);

/// The longest pause: hundreds of processes that never listen cost next to nothing.
const LONGEST: Duration = Duration::from_millis(100);

/// A start is noticed late by at most this fraction of its duration.
const PART: u32 = 8;

/// The pause before the next check of a process that has been waited for this long.
pub(super) fn pause_after(waited: Duration) -> Duration {
    (waited / PART).clamp(FIRST, LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_listens_is_looked_at_ever_more_rarely() {
        let (mut waited, mut looks) = (Duration::ZERO, 0);
        while waited < Duration::from_secs(30) {
            waited += pause_after(waited);
            looks += 1;
        }
        // Once a millisecond, it would be 30,000.
        assert!(looks < 400, "{looks}");
        // What is ready soon is found soon.
        assert_eq!(pause_after(Duration::from_millis(8)), Duration::from_millis(1));
        assert!(pause_after(Duration::from_millis(200)) <= Duration::from_millis(25));
    }
}
