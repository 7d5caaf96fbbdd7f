//! The runs of an instance, which are the only ones that its lines can belong to.

use std::collections::VecDeque;

use domain::run;
use parking_lot::Mutex;

/// Runs that end while their last lines are still on their way are remembered, so many of an instance.
const LATE_RUNS: usize = 1024;

/// The runs of an instance: its lines belong to these, whatever it writes.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// It works on them.
    current: Vec<run::Id>,
    /// It worked on them lately; the last one at the end.
    late: VecDeque<run::Id>,
}

impl Runs {
    pub(super) fn begin(&self, run: run::Id) {
        self.0.lock().current.push(run);
    }

    pub(super) fn end(&self, run: run::Id) {
        let mut state = self.0.lock();
        if let Some(index) = state.current.iter().position(|other| *other == run) {
            state.current.swap_remove(index);
            if state.late.len() == LATE_RUNS {
                state.late.pop_front();
            }
            state.late.push_back(run);
        }
    }

    /// The run that a line belongs to: the one that it names, if it is one of this instance's; otherwise the only one that
    /// the instance works on.
    pub(super) fn of_line(&self, named: Option<run::Id>) -> Option<run::Id> {
        let state = self.0.lock();
        let named = named.filter(|run| state.current.contains(run) || state.late.contains(run));
        named.or(match state.current.as_slice() {
            [run] => Some(*run),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u128) -> run::Id {
        run::Id::new(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn a_line_belongs_to_a_run_of_its_instance_whatever_it_names() {
        let runs = Runs::default();
        assert_eq!(runs.of_line(Some(run(1))), None);
        runs.begin(run(1));
        assert_eq!([None, Some(run(1)), Some(run(9))].map(|named| runs.of_line(named)), [Some(run(1)); 3]);
        runs.begin(run(2));
        let named = [None, Some(run(2)), Some(run(9))];
        assert_eq!(named.map(|named| runs.of_line(named)), [None, Some(run(2)), None]);
    }

    #[test]
    fn last_lines_of_a_run_come_after_its_end() {
        let runs = Runs::default();
        runs.begin(run(1));
        runs.end(run(1));
        runs.begin(run(2));
        assert_eq!(runs.of_line(Some(run(1))), Some(run(1)));
        for number in 10..10 + LATE_RUNS as u128 {
            runs.begin(run(number));
            runs.end(run(number));
        }
        // Too late: it is taken for one of the run that is there.
        assert_eq!(runs.of_line(Some(run(1))), Some(run(2)));
    }
}
