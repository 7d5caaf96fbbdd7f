//! Properties of all histories of a run.

use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregate::Payload;
use domain::retry::Policy;
use domain::run;
use domain::run::event::{Crash, Delivery, Failure, Outcome};
use domain::run::state::ISOLATED_AFTER;
use domain::run::{Aggregate, Callback, Command, Event, Letter, Phase, State};
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

/// The attempt that a command refers to.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// The running one, or the next one if none is running: what the worker that has the run would say.
    Newest,
    /// Any other: late or invalid reports.
    Number(u32),
}

impl Which {
    fn of(self, state: &State) -> u32 {
        match (self, state) {
            (Self::Number(number), _) => number,
            (Self::Newest, Some(run)) if run.phase.node().is_some() => run.attempts,
            (Self::Newest, run) => run.as_ref().map_or(0, |run| run.attempts) + 1,
        }
    }
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![5 => Just(Which::Newest), 1 => (0u32..6).prop_map(Which::Number)]
}

/// A command, before its time and attempt are known.
#[derive(Debug, Clone)]
enum Kind {
    Again(Box<Command>),
    Start(u32, &'static str, Option<Which>),
    Succeed(Which, Outcome),
    Fail { attempt: Which, failure: Failure, retryable: bool, retry_after_s: Option<f64>, jitter: f64 },
    Defer(Option<Which>, String),
    Expire(String),
    Cancel,
    Redrive,
    Purge,
    CallBack(u32),
    FailCallback(u32, String, Option<DateTime<Utc>>),
}

impl Kind {
    fn at(self, state: &State, at: DateTime<Utc>) -> Command {
        match self {
            Self::Again(command) => *command,
            Self::Start(version, node, lost) => {
                Command::Start { version, node: node.into(), lost: lost.map(|which| which.of(state)), at }
            }
            Self::Succeed(attempt, outcome) => Command::Succeed { attempt: attempt.of(state), outcome, at },
            Self::Fail { attempt, failure, retryable, retry_after_s, jitter } => {
                Command::Fail { begun: true, attempt: attempt.of(state), failure, retryable, retry_after_s, jitter, at }
            }
            Self::Defer(attempt, reason) => {
                Command::Defer { attempt: attempt.map(|which| which.of(state)), reason, at }
            }
            Self::Expire(error) => Command::Expire { error, at },
            Self::Cancel => Command::Cancel { at },
            Self::Redrive => {
                let dead = state.as_ref().map_or(domain::Id::from(uuid::Uuid::nil()), |run| run.request.run);
                Command::Redrive { run: run::redriven(dead), retry: None, at }
            }
            Self::Purge => Command::Purge { at },
            Self::CallBack(attempt) => Command::CallBack { attempt, at },
            Self::FailCallback(attempt, error, due) => Command::FailCallback { attempt, error, due, at },
        }
    }
}

fn kind() -> impl Strategy<Value = Kind> {
    let again = request().prop_filter_map("a command", |commands| commands.into_iter().next());
    let fail = (which(), any::failure(), prop::bool::weighted(0.85), option::of(any::number()), -0.5..1.5f64);
    let node = proptest::sample::select(vec!["a", "a", "a", "b"]);
    let lost = option::weighted(0.3, which());
    let callback_failed = (1u32..4, any::text(), option::weighted(0.8, any::time()));
    prop_oneof![
        1 => again.prop_map(|command| Kind::Again(Box::new(command))),
        10 => (1u32..4, node, lost).prop_map(|(version, node, lost)| Kind::Start(version, node, lost)),
        3 => (which(), any::outcome()).prop_map(|(attempt, outcome)| Kind::Succeed(attempt, outcome)),
        16 => fail.prop_map(|(attempt, failure, retryable, retry_after_s, jitter)| {
            Kind::Fail { attempt, failure, retryable, retry_after_s, jitter }
        }),
        3 => (option::of(which()), any::text()).prop_map(|(attempt, reason)| Kind::Defer(attempt, reason)),
        1 => any::text().prop_map(Kind::Expire),
        1 => Just(Kind::Cancel),
        1 => Just(Kind::Redrive),
        1 => Just(Kind::Purge),
        1 => (1u32..4).prop_map(Kind::CallBack),
        3 => callback_failed.prop_map(|(attempt, error, due)| Kind::FailCallback(attempt, error, due)),
    ]
}

/// A request followed by commands, each a while after the previous one.
fn commands() -> impl Strategy<Value = Vec<Command>> {
    let later = vec((prop_oneof![Just(0i64), 0i64..100_000], kind()), 0..25);
    (request(), later).prop_map(|(mut commands, later)| {
        let mut now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time of our days");
        let mut state = commands.iter().cloned().fold(State::default(), after);
        for (wait, kind) in later {
            now += TimeDelta::milliseconds(wait);
            let command = kind.at(&state, now);
            state = after(state, command.clone());
            commands.push(command);
        }
        commands
    })
}

/// The state after a command.
fn after(state: State, command: Command) -> State {
    let events = decide(&state, command).unwrap_or_default();
    events.iter().fold(state, <Aggregate as domain::Aggregate>::evolve)
}

fn decide(state: &State, command: Command) -> Result<Vec<Event>, run::Error> {
    <Aggregate as domain::Aggregate>::decide(state, command)
}

fn shuffled() -> impl Strategy<Value = Vec<Event>> {
    commands().prop_map(|commands| execute(commands).expect("commands are executed").events).prop_shuffle()
}

fn execute(commands: Vec<Command>) -> Result<History<Aggregate>, TestCaseError> {
    History::of(commands, |_| false)
}

fn is_end(event: &Event) -> bool {
    match event {
        Event::Requested(_)
        | Event::Started(_)
        | Event::AttemptFailed(_)
        | Event::Deferred(_)
        | Event::Redriven(_)
        | Event::Purged(_)
        | Event::CallbackFailed(_)
        | Event::CallbackDelivered(_)
        | Event::Erased(_) => false,
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

/// A run without what may happen to it after its end.
fn ended(state: &State) -> State {
    let mut run = state.clone()?;
    run.callback = None;
    if let Phase::Dead { letter, .. } = &mut run.phase {
        *letter = Letter::Waiting;
    }
    Some(run)
}

proptest! {
    #[test]
    fn a_run_ends_at_most_once_and_its_end_stands(commands in commands()) {
        let history = execute(commands)?;
        let end = history.events.iter().position(is_end);
        let over = phase(history.state()).is_some_and(Phase::is_over);
        prop_assert_eq!(over, end.is_some());
        if let Some(end) = end {
            prop_assert_eq!(history.events[end + 1..].iter().find(|event| is_end(event)), None);
            prop_assert_eq!(ended(history.state()), ended(&history.states[end + 1]), "{:?}", history.events);
        }
    }

    #[test]
    fn a_run_succeeds_only_while_it_runs(commands in commands()) {
        for (before, event, _) in execute(commands)?.steps() {
            if let Event::Succeeded(_) = event {
                prop_assert_eq!(phase(before).map(Phase::name), Some("RUNNING"));
            }
        }
    }

    #[test]
    fn attempts_are_counted_and_only_lost_ones_come_on_top_of_the_policy(commands in commands()) {
        let history = execute(commands)?;
        let (mut last, mut taken_over, mut spared) = (0, 0, 0);
        for (before, event, after) in history.steps() {
            let Some(run) = after else { continue };
            let most = match run.delivery {
                Delivery::Once => 1,
                Delivery::Retried(policy) => policy.max_attempts.max(1),
            };
            let begun = phase(before).map(Phase::name) == Some("RUNNING");
            match event {
                Event::Started(e) => {
                    prop_assert_eq!(e.attempt, last + 1);
                    taken_over += u32::from(begun);
                }
                Event::AttemptFailed(e) => {
                    prop_assert_eq!(e.attempt, if begun { last } else { last + 1 });
                    let shared = e.failure.outcome.crash == Some(Crash::Shared);
                    let crashes = before.as_ref().map(|run| run.crashes).unwrap_or_default();
                    let free = spared + run.crashes.shared.min(ISOLATED_AFTER);
                    prop_assert!(e.attempt < most + free || shared, "attempt {} of {most} cannot have a next", e.attempt);
                    // A run that crashes alone is the cause of the shared crashes.
                    if run.crashes.alone > 0 {
                        prop_assert!(e.attempt < most + spared, "attempt {} of {most} after a crash of its own", e.attempt);
                    }
                    prop_assert_eq!(run.crashes.all(), crashes.all() + u32::from(e.failure.outcome.crash.is_some()));
                    prop_assert_ne!(run.delivery, Delivery::Once);
                }
                Event::Deferred(e) => {
                    prop_assert_eq!(e.attempt, begun.then_some(last));
                    spared += u32::from(begun);
                    prop_assert!(e.attempt.is_some() || before.as_ref().is_some_and(|run| run.deferred.is_none()));
                }
                Event::DeadLettered(_) => prop_assert_ne!(run.delivery, Delivery::Once),
                _ => {}
            }
            prop_assert!(run.attempts <= most + taken_over + spared + ISOLATED_AFTER, "attempt {} of {most}, {taken_over} lost", run.attempts);
            last = run.attempts;
        }
    }

    #[test]
    fn only_the_attempt_that_runs_has_an_outcome(commands in commands()) {
        let at = DateTime::UNIX_EPOCH;
        for state in execute(commands)?.states {
            let Some(run) = &state else { continue };
            for attempt in (0..run.attempts + 3).filter(|attempt| *attempt != Which::Newest.of(&state)) {
                let failure = Failure { error: String::new(), timed_out: false, outcome: Outcome::default() };
                let fail = Command::Fail { begun: true, attempt, failure, retryable: true, retry_after_s: None, jitter: 0.5, at };
                let succeed = Command::Succeed { attempt, outcome: Outcome::default(), at };
                for command in [succeed, fail] {
                    let decided = decide(&state, command).map_err(|error| error.code());
                    match run.phase.node() {
                        Some(_) => prop_assert_eq!(decided, Err("attempt_superseded")),
                        None => prop_assert_eq!(decided.unwrap_or_default(), vec![]),
                    }
                }
            }
        }
    }

    #[test]
    fn an_attempt_is_taken_over_only_by_who_knows_that_it_is_lost(commands in commands()) {
        let start = |lost| Command::Start { version: 1, node: "c".into(), lost, at: DateTime::UNIX_EPOCH };
        for state in execute(commands)?.states {
            let Some(run) = state.as_ref().filter(|run| run.phase.node().is_some()) else { continue };
            let attempts = std::iter::once(None).chain((0..run.attempts + 3).map(Some));
            for lost in attempts.filter(|lost| *lost != Some(run.attempts)) {
                prop_assert_eq!(decide(&state, start(lost)).map_err(|error| error.code()), Err("run_taken"));
            }
            let after = after(state.clone(), start(Some(run.attempts)));
            prop_assert_eq!(after.as_ref().and_then(|run| run.phase.node()), Some("c"));
            prop_assert_eq!(after.map(|run| run.attempts), Some(run.attempts + 1));
        }
    }

    #[test]
    fn what_is_left_after_an_erasure_is_the_same_from_what_was_there_and_from_what_was_written_over_it(
        commands in commands()
    ) {
        let history = execute(commands)?;
        let evolve = <Aggregate as domain::Aggregate>::evolve;
        let state = history.events.iter().fold(None, evolve);
        let payloads = vec![domain::erasure::Payload { version: 1, digest: String::new() }];
        let at = history.events.last().map_or_else(Default::default, Payload::at);
        let erase = decide(&state, Command::Erase { payloads, at });
        let Some(run) = &state else {
            prop_assert_eq!(erase.map_err(|error| error.code()), Err("run_not_found"));
            return Ok(());
        };
        if !run.phase.is_over() {
            prop_assert_eq!(erase.map_err(|error| error.code()), Err("run_not_over"));
            return Ok(());
        }
        if matches!(run.callback, Some(Callback::Waiting | Callback::Due { .. })) {
            prop_assert_eq!(erase.map_err(|error| error.code()), Err("callback_open"));
            return Ok(());
        }
        let erased = erase.map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(erased.len(), 1);
        let after = erased.iter().fold(state, evolve);
        let left: Vec<_> =
            history.events.iter().map(|event| domain::erasure::of_run(event).unwrap_or_else(|| event.clone())).collect();
        prop_assert!(left.iter().all(|event| domain::erasure::of_run(event).is_none()), "it is erased once");
        prop_assert_eq!(left.iter().chain(&erased).fold(None, evolve), after.clone());
        let run = after.as_ref().expect("a run stays one");
        prop_assert_eq!((run.request.input.get(), run.request.input_cut), ("\"erased\"", true));
        prop_assert!(run.phase.outcome().is_none_or(|outcome| outcome.output.is_none()));
        prop_assert!(run.phase.failure().is_none_or(|failure| failure.error == "erased"));
        let again = decide(&after, Command::Erase { payloads: Vec::new(), at });
        prop_assert_eq!(again.map(|events| events.len()).ok(), Some(0));
    }

    #[test]
    fn a_dead_letter_is_redriven_or_purged_and_that_once(commands in commands()) {
        let history = execute(commands)?;
        let mut settled = 0;
        for (before, event, _) in history.steps() {
            if let Event::Redriven(_) | Event::Purged(_) = event {
                settled += 1;
                prop_assert_eq!(phase(before).and_then(Phase::letter), Some(Letter::Waiting));
            }
        }
        prop_assert!(settled <= 1, "{:?}", history.events);
    }

    #[test]
    fn an_outcome_is_told_after_the_end_to_who_asked_and_once(commands in commands()) {
        let history = execute(commands)?;
        let (mut tried, mut settled) = (0, false);
        for (before, event, after) in history.steps() {
            let (at, last) = match event {
                Event::CallbackFailed(e) => (e.attempt, e.due.is_none()),
                Event::CallbackDelivered(e) => (e.attempt, true),
                _ => continue,
            };
            prop_assert!(phase(before).is_some_and(Phase::is_over));
            prop_assert!(after.as_ref().is_some_and(|run| run.request.callback.is_some()));
            prop_assert!(!settled, "delivered, or given up, and tried again: {:?}", history.events);
            prop_assert!(!matches!(event, Event::CallbackFailed(_)) || at > tried, "attempt {at} after {tried}");
            (tried, settled) = (at, last);
        }
        let asked = history.state().as_ref().is_some_and(|run| run.request.callback.is_some());
        let answered = history.events.iter().any(|event| matches!(event, Event::Answered(_)));
        let callback = history.state().as_ref().and_then(|run| run.callback.as_ref());
        prop_assert_eq!(callback.is_some(), asked && !answered);
        prop_assert_eq!(matches!(callback, Some(Callback::Waiting)), callback.is_some()
            && !phase(history.state()).is_some_and(Phase::is_over));
    }

    #[test]
    fn a_wait_is_never_longer_than_its_policy_allows(commands in commands()) {
        for (_, event, after) in execute(commands)?.steps() {
            let (Event::AttemptFailed(e), Some(run)) = (event, after) else { continue };
            let Delivery::Retried(policy) = run.delivery else { panic!("{:?} was tried again", run.delivery) };
            let wait = (e.due - e.at).num_milliseconds();
            prop_assert!(wait >= 0);
            prop_assert!(wait as f64 <= policy.backoff_max_s.max(0.0) * 1000.0, "{wait} ms with {policy:?}");
        }
    }

    #[test]
    fn a_run_survives_a_restart(commands in commands()) {
        execute(commands)?.survives_a_restart()?;
    }

    #[test]
    fn events_in_any_order_end_a_run_at_most_once(events in shuffled()) {
        let mut state = State::default();
        for event in &events {
            let after = <Aggregate as domain::Aggregate>::evolve(state.clone(), event);
            if phase(&state).is_some_and(Phase::is_over) {
                prop_assert_eq!(ended(&after), ended(&state));
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
        let history = execute(commands).expect("commands are executed");
        history.states.iter().map(|state| phase(state).map_or("nothing", Phase::name)).collect()
    });
    history::assert_all_met(
        &states,
        &["nothing", "QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "DEAD"],
    );

    let events = history::count(commands(), 600, |commands| {
        execute(commands).expect("commands are executed").events.iter().map(Payload::kind).collect()
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
            "Deferred",
            "Answered",
            "Redriven",
            "Purged",
            "CallbackFailed",
            "CallbackDelivered",
        ],
    );

    let refusals = history::count(commands(), 600, |commands| {
        execute(commands).expect("commands are executed").refusals.iter().map(run::Error::code).collect()
    });
    history::assert_all_met(
        &refusals,
        &[
            "run_not_found",
            "run_over",
            "run_not_running",
            "run_taken",
            "attempt_superseded",
            "run_not_dead",
            "run_purged",
            "no_callback",
            "run_id_taken",
        ],
    );
}
