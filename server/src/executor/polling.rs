//! The polling intervals for whether a process listens, since there is no notification.

use std::time::Duration;

/// What a process that is ready soon waits for at most.
const FIRST: Duration = Duration::from_millis(1);

/// A process that never listens is looked at this often in the end: hundreds of them cost next to nothing.
const LONGEST: Duration = Duration::from_millis(100);

/// A start is found out late by this part of itself at most.
const PART: u32 = 8;

/// The pause before the next look at a process that has been waited for so long already.
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
