//! Every history of a run.

use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregate::Payload;
use domain::retry::Policy;
use domain::run;
use domain::run::event::Delivery;
use domain::run::{Aggregate, Command, Event, Phase, State};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::any;
use crate::history::{self, History};

fn delivery() -> impl Strategy<Value = Delivery> {
    let policy = (0u32..5, 0.0..20.0f64, 0.0..60.0f64).prop_map(|(max_attempts, backoff_s, backoff_max_s)| {
        Delivery::Retried(Policy { max_attempts, backoff_s, backoff_max_s })
    });
    prop_oneof![1 => Just(Delivery::Once), 4 => policy, 1 => any::delivery()]
}

fn request() -> impl Strategy<Value = Vec<Command>> {
    let request = (any::request(), delivery(), any::time()).prop_map(|(request, delivery, at)| Command::Request {
        request,
        delivery,
        at,
    });
    let answer = any::answered().prop_map(|answered| Command::Answer(Box::new(answered)));
    prop_oneof![12 => request.prop_map(|c| vec![c]), 2 => answer.prop_map(|c| vec![c]), 1 => Just(vec![])]
}

/// A command, before it is known when it is told.
#[derive(Debug, Clone)]
enum Kind {
    Again(Box<Command>),
    Start(u32, &'static str),
    Succeed(u32, domain::run::event::Outcome),
    Fail {
        attempt: u32,
        failure: domain::run::event::Failure,
        retryable: bool,
        retry_after_s: Option<f64>,
        jitter: f64,
    },
    Cancel,
}

impl Kind {
    fn at(self, at: DateTime<Utc>) -> Command {
        match self {
            Self::Again(command) => *command,
            Self::Start(version, node) => Command::Start { version, node: node.into(), lost: None, at },
            Self::Succeed(attempt, outcome) => Command::Succeed { attempt, outcome, at },
            Self::Fail { attempt, failure, retryable, retry_after_s, jitter } => {
                Command::Fail { attempt, failure, retryable, retry_after_s, jitter, at }
            }
            Self::Cancel => Command::Cancel { at },
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let again = request().prop_filter_map("a command", |commands| commands.into_iter().next());
    let fail = (1u32..5, any::failure(), prop::bool::weighted(0.85), option::of(any::number()), -0.5..1.5f64);
    prop_oneof![
        1 => again.prop_map(|command| Kind::Again(Box::new(command))),
        10 => (1u32..4, proptest::sample::select(vec!["a", "a", "a", "b"]))
            .prop_map(|(version, node)| Kind::Start(version, node)),
        4 => (1u32..4, any::outcome()).prop_map(|(attempt, outcome)| Kind::Succeed(attempt, outcome)),
        16 => fail.prop_map(|(attempt, failure, retryable, retry_after_s, jitter)| {
            Kind::Fail { attempt, failure, retryable, retry_after_s, jitter }
        }),
        1 => Just(Kind::Cancel),
    ]
}

/// A request, and what is told afterwards, each a while later than the one before.
fn commands() -> impl Strategy<Value = Vec<Command>> {
    let later = vec((prop_oneof![Just(0i64), 0i64..100_000], kind()), 0..25);
    (request(), later).prop_map(|(first, later)| {
        let mut now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time of our days");
        let later = later.into_iter().map(|(wait, kind)| {
            now += TimeDelta::milliseconds(wait);
            kind.at(now)
        });
        first.into_iter().chain(later).collect()
    })
}

fn shuffled() -> impl Strategy<Value = Vec<Event>> {
    commands().prop_map(|commands| tell(commands).expect("commands are told").events).prop_shuffle()
}

fn tell(commands: Vec<Command>) -> Result<History<Aggregate>, TestCaseError> {
    History::of(commands, |_| false)
}

fn is_end(event: &Event) -> bool {
    match event {
        Event::Requested(_)
        | Event::Started(_)
        | Event::AttemptFailed(_)
        | Event::Redriven(_)
        | Event::Purged(_)
        | Event::CallbackFailed(_)
        | Event::CallbackDelivered(_) => false,
        Event::Succeeded(_)
        | Event::Failed(_)
        | Event::TimedOut(_)
        | Event::Cancelled(_)
        | Event::DeadLettered(_)
        | Event::Answered(_) => true,
    }
}

fn phase(state: &State) -> Option<&Phase> {
    state.as_ref().map(|run| &run.phase)
}

proptest! {
    #[test]
    fn a_run_ends_at_most_once_and_then_nothing_happens(commands in commands()) {
        let history = tell(commands)?;
        let end = history.events.iter().position(is_end);
        let over = phase(history.state()).is_some_and(Phase::is_over);
        prop_assert_eq!(over, end.is_some());
        if let Some(end) = end {
            prop_assert_eq!(end + 1, history.events.len(), "{:?}", history.events);
        }
    }

    #[test]
    fn a_run_succeeds_only_while_it_runs(commands in commands()) {
        for (before, event, _) in tell(commands)?.steps() {
            if let Event::Succeeded(_) = event {
                prop_assert_eq!(phase(before).map(Phase::name), Some("RUNNING"));
            }
        }
    }

    #[test]
    fn attempts_are_counted_and_never_more_than_the_policy_allows(commands in commands()) {
        let history = tell(commands)?;
        let mut last = 0;
        for (before, event, after) in history.steps() {
            let Some(run) = after else { continue };
            let most = match run.delivery {
                Delivery::Once => 1,
                Delivery::Retried(policy) => policy.max_attempts.max(1),
            };
            match event {
                Event::Started(e) => prop_assert_eq!(e.attempt, last + 1),
                Event::AttemptFailed(e) => {
                    let begun = phase(before).map(Phase::name) == Some("RUNNING");
                    prop_assert_eq!(e.attempt, if begun { last } else { last + 1 });
                    prop_assert!(e.attempt < most, "attempt {} of {most} cannot have a next", e.attempt);
                    prop_assert_ne!(run.delivery, Delivery::Once);
                }
                Event::DeadLettered(_) => prop_assert_ne!(run.delivery, Delivery::Once),
                _ => {}
            }
            prop_assert!(run.attempts <= most, "attempt {} of {most}", run.attempts);
            last = run.attempts;
        }
    }

    #[test]
    fn a_wait_is_never_longer_than_its_policy_allows(commands in commands()) {
        for (_, event, after) in tell(commands)?.steps() {
            let (Event::AttemptFailed(e), Some(run)) = (event, after) else { continue };
            let Delivery::Retried(policy) = run.delivery else { panic!("{:?} was tried again", run.delivery) };
            let wait = (e.due - e.at).num_milliseconds();
            prop_assert!(wait >= 0);
            prop_assert!(wait as f64 <= policy.backoff_max_s.max(0.0) * 1000.0, "{wait} ms with {policy:?}");
        }
    }

    #[test]
    fn a_run_survives_a_restart(commands in commands()) {
        tell(commands)?.survives_a_restart()?;
    }

    #[test]
    fn events_in_any_order_end_a_run_at_most_once(events in shuffled()) {
        let mut state = State::default();
        for event in &events {
            let after = <Aggregate as domain::Aggregate>::evolve(state.clone(), event);
            if phase(&state).is_some_and(Phase::is_over) {
                prop_assert_eq!(&after, &state);
            }
            state = after;
        }
    }

    #[test]
    fn events_of_anybody_in_any_order_do_no_harm(events in vec(any::run_event(), 0..30)) {
        history::fold::<Aggregate>(&events);
    }
}

#[test]
fn the_histories_reach_every_state_every_event_and_every_refusal() {
    let states = history::count(commands(), 600, |commands| {
        let history = tell(commands).expect("commands are told");
        history.states.iter().map(|state| phase(state).map_or("nothing", Phase::name)).collect()
    });
    history::assert_all_met(
        &states,
        &["nothing", "QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "DEAD"],
    );

    let events = history::count(commands(), 600, |commands| {
        tell(commands).expect("commands are told").events.iter().map(Payload::kind).collect()
    });
    history::assert_all_met(
        &events,
        &[
            "Requested",
            "Started",
            "AttemptFailed",
            "Succeeded",
            "Failed",
            "TimedOut",
            "Cancelled",
            "DeadLettered",
            "Answered",
        ],
    );

    let refusals = history::count(commands(), 600, |commands| {
        tell(commands).expect("commands are told").refusals.iter().map(run::Error::code).collect()
    });
    history::assert_all_met(&refusals, &["run_not_found", "run_over", "run_not_running", "run_taken"]);
}
