//! The runs of an instance. Its log lines can belong to no others.

use std::collections::VecDeque;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use domain::run;
use parking_lot::Mutex;

/// Ended runs of an instance that are remembered for lines still on their way.
const LATE_RUNS: usize = 1024;

/// How long after its end a run still gets log lines. Without this limit, erasing a finished run would never be
/// complete.
pub const LATE_LINES: Duration = Duration::from_secs(5);

/// The runs of an instance, to which its log lines belong whatever it writes.
#[derive(Debug, Default)]
pub struct Runs(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Runs in progress.
    current: Vec<run::Id>,
    /// Recently ended runs and their end times; the latest last.
    late: VecDeque<(run::Id, DateTime<Utc>)>,
}

impl Runs {
    pub(super) fn begin(&self, run: run::Id) {
        self.0.lock().current.push(run);
    }

    pub(super) fn end(&self, run: run::Id, at: DateTime<Utc>) {
        let mut state = self.0.lock();
        if let Some(index) = state.current.iter().position(|other| *other == run) {
            state.current.swap_remove(index);
            if state.late.len() == LATE_RUNS {
                state.late.pop_front();
            }
            state.late.push_back((run, at));
        }
    }

    /// The run that a log line belongs to: the one it names, if this instance works on it or has just ended it;
    /// otherwise the only run in progress. `at` is when the line was read.
    pub fn of_line(&self, named: Option<run::Id>, at: DateTime<Utc>) -> Option<run::Id> {
        let state = self.0.lock();
        if let Some(named) = named {
            if state.current.contains(&named) {
                return Some(named);
            }
            if let Some((_, ended)) = state.late.iter().rev().find(|(run, _)| *run == named) {
                let is_late = at - ended > TimeDelta::from_std(LATE_LINES).unwrap_or(TimeDelta::MAX);
                return (!is_late).then_some(named);
            }
        }
        match state.current.as_slice() {
            [run] => Some(*run),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u128) -> run::Id {
        run::Id::new(uuid::Uuid::from_u128(number))
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn a_line_belongs_to_a_run_of_its_instance_whatever_it_names() {
        let runs = Runs::default();
        assert_eq!(runs.of_line(Some(run(1)), at(0)), None);
        runs.begin(run(1));
        assert_eq!([None, Some(run(1)), Some(run(9))].map(|named| runs.of_line(named, at(0))), [Some(run(1)); 3]);
        runs.begin(run(2));
        let named = [None, Some(run(2)), Some(run(9))];
        assert_eq!(named.map(|named| runs.of_line(named, at(0))), [None, Some(run(2)), None]);
    }

    #[test]
    fn last_lines_of_a_run_come_after_its_end() {
        let runs = Runs::default();
        runs.begin(run(1));
        runs.end(run(1), at(0));
        runs.begin(run(2));
        assert_eq!(runs.of_line(Some(run(1)), at(1)), Some(run(1)));
        for number in 10..10 + LATE_RUNS as u128 {
            runs.begin(run(number));
            runs.end(run(number), at(0));
        }
        // The named run is forgotten, so the line counts for the current one.
        assert_eq!(runs.of_line(Some(run(1)), at(1)), Some(run(2)));
    }

    #[test]
    fn a_line_that_names_a_run_long_over_belongs_to_none() {
        let runs = Runs::default();
        runs.begin(run(1));
        runs.end(run(1), at(10));
        runs.begin(run(2));
        let late = i64::try_from(LATE_LINES.as_secs()).unwrap();
        assert_eq!(runs.of_line(Some(run(1)), at(10 + late)), Some(run(1)));
        assert_eq!(runs.of_line(Some(run(1)), at(11 + late)), None);
    }
}
