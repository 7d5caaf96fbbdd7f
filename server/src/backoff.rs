//! Increasing delays between retries of an operation that is repeated until it succeeds, such as a write while the log
//! is not available.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

/// Delays that double from the first to the longest, each extended by up to half at random: servers that lost the same
/// database or broker must not all return at once.
#[derive(Debug)]
pub struct Backoff {
    pauses: <ExponentialBuilder as BackoffBuilder>::Backoff,
    longest: Duration,
}

impl Backoff {
    /// Without failures so far.
    pub fn new(first: Duration, longest: Duration) -> Self {
        let builder = ExponentialBuilder::new().with_min_delay(first).with_max_delay(longest).without_max_times();
        Self { pauses: builder.build(), longest }
    }

    /// Returns the next delay.
    pub fn next_pause(&mut self) -> Duration {
        let pause = self.pauses.next().unwrap_or(self.longest);
        pause.mul_f32(rand::random_range(1.0..1.5))
    }

    /// Sleeps for the next delay.
    pub async fn pause(&mut self) {
        tokio::time::sleep(self.next_pause()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_go_on_for_ever() {
        let (first, longest) = (Duration::from_millis(50), Duration::from_millis(300));
        let mut backoff = Backoff::new(first, longest);
        for expected in [50, 100, 200, 300, 300, 300].map(Duration::from_millis) {
            let pause = backoff.next_pause();
            assert!((expected..expected.mul_f32(1.51)).contains(&pause), "{pause:?} for {expected:?}");
        }
        assert!((0..100_000).all(|_| backoff.next_pause() >= longest));
    }
}
