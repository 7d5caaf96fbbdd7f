//! Rate limiting of the lines of a process or a function; lines over the limit are counted.
//!
//! Knows time and numbers, not what is written.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Seconds' worth of lines that may come at once after a silence.
const BURST_SECONDS: f64 = 5.0;

/// A long line counts as one for every so many bytes.
const BYTES_OF_A_LINE: usize = 1024;

/// Left-out lines are reported after this, and not more often.
const REPORT_AFTER: Duration = Duration::from_secs(1);

/// A rate limiter for lines.
#[derive(Debug)]
pub struct Rate {
    per_second: u32,
    /// Whether all functions share it.
    shared: bool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Lines that may pass now.
    tokens: f64,
    since: Instant,
    left_out: u64,
    /// When the first line since the last report was left out.
    left_since: Option<Instant>,
}

impl Rate {
    /// Lets so many lines a second pass.
    pub fn new(per_second: u32) -> Self {
        let tokens = f64::from(per_second) * BURST_SECONDS;
        let state = State { tokens, since: Instant::now(), left_out: 0, left_since: None };
        Self { per_second, shared: false, state: Mutex::new(state) }
    }

    /// Lets so many lines a second pass, for all functions together.
    pub fn shared(per_second: u32) -> Self {
        Self { shared: true, ..Self::new(per_second) }
    }

    /// Whether another line may pass.
    pub fn is_open(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let rate = f64::from(self.per_second);
        let passed = now.saturating_duration_since(state.since).as_secs_f64();
        state.tokens = (state.tokens + passed * rate).min(rate * BURST_SECONDS);
        state.since = now;
        state.tokens >= 1.0
    }

    /// Counts a line of this size that passed.
    pub fn take(&self, bytes: usize) {
        self.state.lock().tokens -= 1.0 + (bytes / BYTES_OF_A_LINE) as f64;
    }

    /// Counts lines that were left out.
    pub fn leave_out(&self, lines: u64, now: Instant) {
        if lines == 0 {
            return;
        }
        let mut state = self.state.lock();
        state.left_out = state.left_out.saturating_add(lines);
        state.left_since.get_or_insert(now);
    }

    /// When to report left-out lines; `None` if there are none.
    pub fn report_at(&self) -> Option<Instant> {
        self.state.lock().left_since.map(|since| since + REPORT_AFTER)
    }

    /// A sentence about left-out lines, if a report is due or `last` is set.
    pub fn report(&self, last: bool, now: Instant) -> Option<String> {
        let mut state = self.state.lock();
        let due = state.left_since.is_some_and(|since| last || now.saturating_duration_since(since) >= REPORT_AFTER);
        if !due {
            return None;
        }
        state.left_since = None;
        let left_out = std::mem::take(&mut state.left_out);
        let (lines, were) = if left_out == 1 { ("line", "was") } else { ("lines", "were") };
        let rate = grouped(self.per_second.into());
        let whose = if self.shared { "all functions together wrote " } else { "" };
        Some(format!("{} {lines} {were} left out: {whose}more than {rate} lines a second", grouped(left_out)))
    }
}

/// With separators: `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let rate = Rate::new(10);
        let now = Instant::now();
        let taken = |now| (0..1000).take_while(|_| rate.is_open(now)).map(|_| rate.take(1)).count();
        assert_eq!(taken(now), 50);
        rate.leave_out(950, now);
        assert_eq!(rate.report(false, now), None);
        let later = now + Duration::from_secs(1);
        assert!((9..=10).contains(&taken(later)));
        let text = rate.report(false, later);
        assert_eq!(text.as_deref(), Some("950 lines were left out: more than 10 lines a second"));
        assert_eq!((rate.report(true, later), rate.report_at()), (None, None));
        rate.leave_out(1, later);
        let text = rate.report(true, later);
        assert_eq!(text.as_deref(), Some("1 line was left out: more than 10 lines a second"));
    }

    #[test]
    fn long_lines_count_for_several() {
        let rate = Rate::new(10);
        let now = Instant::now();
        for _ in 0..3 {
            assert!(rate.is_open(now));
            rate.take(16 * BYTES_OF_A_LINE);
        }
        assert!(!rate.is_open(now));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([1, 999, 1000, 1_234_567].map(grouped), ["1", "999", "1,000", "1,234,567"]);
    }
}
