//! Given/when/then helpers for tests of aggregates.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Aggregate;

/// A fixed time plus a number of seconds.
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time") + TimeDelta::seconds(seconds)
}

/// The history so far.
pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    let state = events.into_iter().fold(A::State::default(), |state, event| A::evolve(state, &event));
    Given { state }
}

/// A state with the history that led to it.
pub struct Given<A: Aggregate> {
    pub state: A::State,
}

/// The result of a command.
pub struct When<A: Aggregate> {
    before: A::State,
    result: Result<Vec<A::Event>, A::Error>,
}

impl<A: Aggregate> Given<A> {
    pub fn when(self, command: A::Command) -> When<A> {
        let result = A::decide(&self.state, command);
        When { before: self.state, result }
    }
}

impl<A: Aggregate> When<A> {
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) -> Given<A> {
        let events = self.result.expect("the command is accepted");
        assert_eq!(events, expected.into_iter().collect::<Vec<_>>());
        let state = events.iter().fold(self.before, |state, event| A::evolve(state, event));
        Given { state }
    }

    #[track_caller]
    pub fn then_nothing(self) -> Given<A> {
        self.then([])
    }

    #[track_caller]
    pub fn then_refused(self, expected: A::Error) {
        assert_eq!(self.result, Err(expected));
    }
}
