//! Shows the progress of a long task: a bar on a terminal, occasional lines in a file.

use std::io::{IsTerminal, Write};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A task that ends within this time gets no bar.
const SHOWN_AFTER: Duration = Duration::from_secs(2);

/// How often the bar is updated.
const STEP: Duration = Duration::from_millis(200);

/// How often a line is written if the output is not a terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows progress until dropped.
pub(super) struct Progress {
    over: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Shows how many of `total` units are done.
    pub(super) fn of(
        what: &'static str,
        unit: &'static str,
        total: u64,
        done: impl Fn() -> u64 + Send + 'static,
    ) -> Self {
        let (over, stopped) = mpsc::channel();
        let began = Instant::now();
        let show = move || {
            if !stops(&stopped, SHOWN_AFTER) {
                match std::io::stderr().is_terminal() {
                    true => bar(what, unit, total, &done, &stopped, began),
                    false => lines(what, unit, total, &done, &stopped, began),
                }
            }
        };
        // Without the thread, the task is done without showing progress.
        let thread = std::thread::Builder::new().name("progress".to_owned()).spawn(show).ok();
        Self { over: Some(over), thread }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for the end, at most this long. Returns whether it came.
fn stops(stopped: &mpsc::Receiver<()>, within: Duration) -> bool {
    stopped.recv_timeout(within) != Err(mpsc::RecvTimeoutError::Timeout)
}

/// The width of the bar, in characters.
const WIDTH: u64 = 30;

fn bar(what: &str, unit: &str, total: u64, done: &impl Fn() -> u64, stopped: &mpsc::Receiver<()>, began: Instant) {
    loop {
        let done = done().min(total);
        // Overwrites the line and clears what is left of a longer one.
        eprint!("\r\x1b[K{} {}", drawn(done, total), line(what, unit, total, done, began.elapsed()));
        let over = stops(stopped, STEP);
        if over {
            eprint!("\r\x1b[K");
        }
        let _ = std::io::stderr().flush();
        if over {
            return;
        }
    }
}

fn drawn(done: u64, total: u64) -> String {
    let full = u128::from(done) * u128::from(WIDTH) / u128::from(total.max(1));
    let full = usize::try_from(full).unwrap_or_default().min(WIDTH as usize);
    format!("[{}{}]", "#".repeat(full), "-".repeat(WIDTH as usize - full))
}

fn lines(what: &str, unit: &str, total: u64, done: &impl Fn() -> u64, stopped: &mpsc::Receiver<()>, began: Instant) {
    loop {
        eprintln!("{}", line(what, unit, total, done().min(total), began.elapsed()));
        if stops(stopped, LINE_EVERY) {
            return;
        }
    }
}

fn line(what: &str, unit: &str, total: u64, done: u64, passed: Duration) -> String {
    let rate = done as f64 / passed.as_secs_f64().max(0.001);
    let left = match rate > 0.0 {
        true => {
            humantime::format_duration(Duration::from_secs(((total - done) as f64 / rate).ceil() as u64)).to_string()
        }
        false => "an unknown time".to_owned(),
    };
    format!("{what}: {done} of {total} {unit}, {rate:.0} a second, {left} left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_from_the_left() {
        assert_eq!(drawn(0, 4), format!("[{}]", "-".repeat(30)));
        assert_eq!(drawn(2, 4), format!("[{}{}]", "#".repeat(15), "-".repeat(15)));
        assert_eq!(drawn(9, 4), format!("[{}]", "#".repeat(30)));
        assert_eq!(drawn(0, 0), drawn(0, 4));
    }

    #[test]
    fn a_line_has_the_rate_and_the_time_that_is_left() {
        let shown = line("backup", "rows", 1000, 250, Duration::from_secs(5));
        assert_eq!(shown, "backup: 250 of 1000 rows, 50 a second, 15s left");
        let shown = line("backup", "rows", 1000, 0, Duration::from_secs(2));
        assert_eq!(shown, "backup: 0 of 1000 rows, 0 a second, an unknown time left");
    }
}
