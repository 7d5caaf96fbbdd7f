//! Executes random commands on an aggregate, and checks what must hold for every resulting history.

use std::collections::BTreeMap;

use domain::Aggregate;
use domain::aggregate::Payload;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

/// The result of a sequence of commands.
pub struct History<A: Aggregate> {
    pub events: Vec<A::Event>,
    /// The state after each event; `states[0]` is the initial one.
    pub states: Vec<A::State>,
    pub refusals: Vec<A::Error>,
}

impl<A: Aggregate> History<A> {
    /// Executes the commands, each of them twice in a row; `repeats` says which may have an effect the second time.
    pub fn of(commands: Vec<A::Command>, repeats: impl Fn(&A::Command) -> bool) -> Result<Self, TestCaseError> {
        let mut history = Self { events: Vec::new(), states: vec![A::State::default()], refusals: Vec::new() };
        for command in commands {
            let events = match A::decide(history.state(), command.clone()) {
                Ok(events) => events,
                Err(refusal) => {
                    prop_assert!(!refusal.to_string().is_empty());
                    history.refusals.push(refusal);
                    continue;
                }
            };
            for event in events {
                let after = A::evolve(history.state().clone(), &event);
                prop_assert_ne!(&after, history.state(), "{:?} was decided and changed nothing", event);
                history.states.push(after);
                history.events.push(event);
            }
            if !repeats(&command) {
                prop_assert_eq!(
                    A::decide(history.state(), command.clone()),
                    Ok(vec![]),
                    "executed twice: {:?}",
                    command
                );
            }
        }
        Ok(history)
    }

    pub fn state(&self) -> &A::State {
        self.states.last().expect("there is a state before the first event")
    }

    /// Each event with the states before and after it.
    pub fn steps(&self) -> impl Iterator<Item = (&A::State, &A::Event, &A::State)> {
        self.events.iter().zip(self.states.windows(2)).map(|(event, pair)| (&pair[0], event, &pair[1]))
    }

    /// Reading back gives the same state: from the log alone, and from each snapshot plus the rest of the log.
    pub fn survives_a_restart(&self) -> Result<(), TestCaseError> {
        let read =
            |event: &A::Event| A::Event::decode(event.kind(), &event.encode()).expect("what was written is read");
        for (version, state) in self.states.iter().enumerate() {
            let bytes = serde_json::to_vec(state).expect("a state is written");
            let snapshot: A::State = serde_json::from_slice(&bytes).expect("a snapshot is read");
            prop_assert_eq!(&snapshot, state);
            let rest = self.events[version..].iter().map(read);
            let end = rest.fold(snapshot, |state, event| A::evolve(state, &event));
            prop_assert_eq!(&end, self.state(), "from the snapshot of version {}", version);
        }
        Ok(())
    }
}

/// The state after events in any order.
pub fn fold<A: Aggregate>(events: &[A::Event]) -> A::State {
    events.iter().fold(A::State::default(), |state, event| A::evolve(state, event))
}

/// How often each of `names` occurred; asserts that each did.
#[track_caller]
pub fn assert_all_met(met: &BTreeMap<&'static str, u32>, names: &[&str]) {
    let missing: Vec<_> = names.iter().filter(|name| !met.contains_key(*name)).collect();
    assert!(missing.is_empty(), "the generator never reaches {missing:?}; it reaches {met:?}");
    eprintln!("{met:?}");
    let unknown: Vec<_> = met.keys().filter(|name| !names.contains(name)).collect();
    assert!(unknown.is_empty(), "nobody expected {unknown:?}");
}

/// Counts the `names` of `rounds` values generated from a fixed seed.
pub fn count<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    rounds: u32,
    names: impl Fn(T) -> Vec<&'static str>,
) -> BTreeMap<&'static str, u32> {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut met = BTreeMap::new();
    for _ in 0..rounds {
        let value = strategy.new_tree(&mut runner).expect("a value can be made").current();
        for name in names(value) {
            *met.entry(name).or_default() += 1;
        }
    }
    met
}
