//! Properties of all histories of a function.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::aggregate::Payload;
use domain::event::Received;
use domain::function::event::Share;
use domain::function::{Aggregate, BuildId, Command, Event, Function, Life, Made, Override, State};
use domain::manifest::{Manifest, Trigger};
use domain::{Json, function, routing};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use crate::any;
use crate::history::{self, History};

fn at(seconds: u32) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + i64::from(seconds), 0).expect("a time of our days")
}

/// From few builds, so that commands refer to the same ones.
fn build() -> impl Strategy<Value = BuildId> {
    (1u128..8).prop_map(|n| Uuid::from_u128(n).into())
}

fn node() -> impl Strategy<Value = String> {
    proptest::sample::select(&["a", "b"][..]).prop_map(String::from)
}

/// With a trigger that matches every event, so that routing shows which functions run.
fn manifest() -> impl Strategy<Value = Box<Manifest>> {
    any::manifest().prop_map(|mut manifest| {
        manifest.triggers.push(Trigger::Event { pattern: "**".into(), filter: Default::default() });
        Box::new(manifest)
    })
}

fn split() -> impl Strategy<Value = Vec<Share>> {
    let whole = (0u32..4, 0u32..4, 0u32..=100).prop_map(|(one, other, percent)| {
        vec![Share { version: one, percent }, Share { version: other, percent: 100 - percent }]
    });
    let one = (0u32..4).prop_map(|version| vec![Share { version, percent: 100 }]);
    let odd = vec((0u32..4, any::<u32>()).prop_map(|(version, percent)| Share { version, percent }), 0..4);
    prop_oneof![2 => whole, 2 => one, 1 => odd]
}

fn register() -> impl Strategy<Value = Command> {
    let named = |namespace: String, name: String, source, manifest, seconds| Command::Register {
        id: function::id(&namespace, &name, 1),
        namespace,
        name,
        generation: 1,
        source,
        manifest,
        at: at(seconds),
    };
    let good = (any::source(), option::of(any::json()), any::<u32>()).prop_map(move |(source, manifest, seconds)| {
        named("default".into(), "hello".into(), source, manifest, seconds)
    });
    let odd = (any::text(), any::text(), any::source(), any::<u32>())
        .prop_map(move |(namespace, name, source, seconds)| named(namespace, name, source, None, seconds));
    let bad = any::source().prop_map(move |source| named("default".into(), "Hello".into(), source, None, 0));
    prop_oneof![8 => good, 1 => odd, 1 => bad]
}

fn overriding() -> impl Strategy<Value = Override> {
    prop_oneof![Just(Override::Keep), any::json().prop_map(Override::Set), Just(Override::Drop)]
}

fn command() -> impl Strategy<Value = Command> {
    let time = || any::<u32>().prop_map(at);
    prop_oneof![
        1 => register(),
        2 => (option::of(any::source()), overriding(), time())
            .prop_map(|(source, manifest, at)| Command::Update { source, manifest, at }),
        6 => (build(), option::of(any::text()), time())
            .prop_map(|(build, git_ref, at)| Command::RequestBuild { build, git_ref, at }),
        6 => (build(), node(), time()).prop_map(|(build, node, at)| Command::StartBuild { build, node, at }),
        6 => (build(), any::made(), manifest(), option::of(any::text()), time()).prop_map(
            |(build, made, manifest, commit, at)| Command::SucceedBuild { build, made, manifest, commit, at }
        ),
        1 => (build(), any::text(), vec(any::offered(), 0..3), time())
            .prop_map(|(build, error, offered, at)| Command::FailBuild { build, error, offered, at }),
        1 => (build(), time()).prop_map(|(build, at)| Command::CancelBuild { build, at }),
        4 => time().prop_map(|at| Command::Start { at }),
        3 => (option::of(any::text()), time()).prop_map(|(reason, at)| Command::Stop { reason, at }),
        4 => (0u32..5, option::of(any::text()), time())
            .prop_map(|(version, reason, at)| Command::Promote { version, reason, at }),
        4 => (split(), time()).prop_map(|(split, at)| Command::ShiftTraffic { split, at }),
        2 => (0u32..4, node(), any::text(), time()).prop_map(|(version, instance, error, at)| {
            Command::ReportInstanceFailure { version, instance, error, at }
        }),
        2 => (0u32..4, node(), time())
            .prop_map(|(version, instance, at)| Command::ReportInstanceRecovery { version, instance, at }),
        1 => (prop::bool::weighted(0.3), time()).prop_map(|(end, at)| {
            if end { Command::Deregister { at } } else { Command::Start { at } }
        }),
    ]
}

/// A build from its request to its version. By chance alone, these three commands would hardly ever occur together.
fn whole_build() -> impl Strategy<Value = Vec<Command>> {
    (build(), manifest(), any::<u32>()).prop_map(|(build, manifest, seconds)| {
        let (at, made) = (at(seconds), Made::artifact(format!("sha256:{seconds}"), 1));
        vec![
            Command::RequestBuild { build, git_ref: None, at },
            Command::StartBuild { build, node: "a".into(), at },
            Command::SucceedBuild { build, made, manifest, commit: None, at },
        ]
    })
}

/// Most histories begin with a registration, or nothing would happen in them.
fn commands() -> impl Strategy<Value = Vec<Command>> {
    let step = prop_oneof![6 => command().prop_map(|command| vec![command]), 1 => whole_build()];
    (option::weighted(0.95, register()), vec(step, 0..40))
        .prop_map(|(first, rest)| first.into_iter().chain(rest.into_iter().flatten()).collect())
}

fn shuffled() -> impl Strategy<Value = Vec<Event>> {
    commands().prop_map(|commands| execute(commands).expect("commands are executed").events).prop_shuffle()
}

fn execute(commands: Vec<Command>) -> Result<History<Aggregate>, TestCaseError> {
    History::of(commands, |_| false)
}

/// Invariants of every function, whatever its events.
fn check(function: &Function) -> Result<(), TestCaseError> {
    let numbers: Vec<u32> = function.versions.iter().map(|version| version.number).collect();
    prop_assert_eq!(&numbers, &(1..=numbers.len() as u32).collect::<Vec<_>>(), "versions are 1, 2, 3 …");
    match function.life {
        Life::Registered => prop_assert!(function.versions.is_empty()),
        Life::Built { version } | Life::Running { version, .. } | Life::Stopped { version } => {
            prop_assert_eq!(function.current().map(|current| current.number), Some(version));
        }
        Life::Deregistered { version } => {
            prop_assert_eq!(function.current().map(|current| current.number), version);
        }
    }
    for version in &function.versions {
        let state = function.build(version.build).map(|build| build.state.name());
        prop_assert_eq!(state, Some("SUCCEEDED"), "a version has a build that made it");
    }
    for share in &function.traffic {
        prop_assert!(function.version(share.version).is_some(), "no call goes to a version that is not there");
    }
    Ok(())
}

fn life(state: &State) -> Option<&Life> {
    state.as_ref().map(|function| &function.life)
}

/// Whether one event can lead from one lifecycle state to another.
fn follows(before: Option<&Life>, after: Option<&Life>) -> bool {
    let name = |life: Option<&Life>| life.map_or("", Life::name);
    let edge = (name(before), name(after));
    edge.0 == edge.1
        || matches!(
            edge,
            ("", "REGISTERED")
                | ("REGISTERED", "BUILT")
                | ("BUILT" | "STOPPED", "RUNNING")
                | ("RUNNING", "STOPPED")
                | ("REGISTERED" | "BUILT" | "RUNNING" | "STOPPED", "DEREGISTERED")
        )
}

proptest! {
    #[test]
    fn every_state_on_the_way_is_sound(commands in commands()) {
        let history = execute(commands)?;
        for state in history.states.iter().flatten() {
            check(state)?;
        }
        for (before, event, after) in history.steps() {
            prop_assert!(follows(life(before), life(after)), "{before:?} became {after:?} by {event:?}");
            if let Some(after) = after {
                prop_assert_eq!(after.updated_at, event.at());
            }
        }
    }

    #[test]
    fn running_is_never_reached_without_a_successful_build(commands in commands()) {
        let history = execute(commands)?;
        let mut made = HashSet::new();
        for (_, event, after) in history.steps() {
            if let Event::BuildSucceeded(e) = event {
                made.insert(e.version);
            }
            if let Some(Life::Running { version, .. }) = life(after) {
                prop_assert!(made.contains(version), "version {version} runs, and {made:?} were made");
            }
        }
    }

    #[test]
    fn each_build_ends_at_most_once(commands in commands()) {
        let history = execute(commands)?;
        let mut over = HashSet::new();
        for event in &history.events {
            let build = match event {
                Event::BuildSucceeded(e) => e.build,
                Event::BuildFailed(e) => e.build,
                Event::BuildCancelled(e) => e.build,
                Event::BuildStarted(e) => {
                    prop_assert!(!over.contains(&e.build), "{event:?} after its end");
                    continue;
                }
                _ => continue,
            };
            prop_assert!(over.insert(build), "{event:?} is a second end");
        }
    }

    #[test]
    fn a_promotion_names_the_version_before_it(commands in commands()) {
        for (before, event, _) in execute(commands)?.steps() {
            if let Event::VersionPromoted(e) = event {
                prop_assert_eq!(life(before).and_then(Life::version), Some(e.previous));
                prop_assert_ne!(e.version, e.previous);
            }
        }
    }

    #[test]
    fn calls_are_divided_into_a_whole_or_not_at_all(commands in commands()) {
        for function in execute(commands)?.states.iter().flatten() {
            let sum: u64 = function.traffic.iter().map(|share| u64::from(share.percent)).sum();
            prop_assert!(function.traffic.is_empty() || sum == 100, "{:?}", function.traffic);
        }
    }

    #[test]
    fn deregistered_is_final(commands in commands(), more in vec(command(), 1..20)) {
        let end = Command::Deregister { at: at(0) };
        let before = commands.clone().into_iter().chain([end.clone()]).collect();
        let gone = execute(before)?;
        let after = execute(commands.into_iter().chain([end]).chain(more.clone()).collect())?;
        if let Some(function) = gone.state() {
            let is_deregistered = matches!(function.life, Life::Deregistered { .. });
            prop_assert!(is_deregistered);
            prop_assert!(function.builds.iter().all(|build| build.state.is_over()), "no build is left open");
            prop_assert_eq!(after.state(), gone.state());
            prop_assert_eq!(after.events.len(), gone.events.len());
        }
    }

    #[test]
    fn a_function_survives_a_restart(commands in commands()) {
        execute(commands)?.survives_a_restart()?;
    }

    #[test]
    fn events_in_any_order_make_a_sound_function_or_none(events in shuffled()) {
        let mut state = State::default();
        for event in &events {
            let after = function_evolve(state.clone(), event);
            prop_assert!(follows(life(&state), life(&after)), "{state:?} became {after:?} by {event:?}");
            if let Some(function) = &after {
                check(function)?;
            }
            state = after;
        }
    }

    #[test]
    fn events_of_anybody_in_any_order_make_a_sound_function_or_none(events in vec(any::function_event(), 0..30)) {
        if let Some(function) = history::fold::<Aggregate>(&events) {
            check(&function)?;
        }
    }

    #[test]
    fn the_routing_reaches_exactly_what_runs(commands in commands()) {
        let history = execute(commands)?;
        let mut table = routing::Table::default();
        for (_, event, after) in history.steps() {
            let Some(function) = after else { continue };
            table.evolve(function.id, event);
            let targets = table.targets(&Received { namespace: function.namespace.clone(), ..received() });
            match (&function.life, function.current()) {
                (Life::Running { .. }, Some(current)) => {
                    prop_assert_eq!(targets.len(), 1);
                    prop_assert_eq!(targets[0].function, function.id);
                    prop_assert_eq!(targets[0].retry, current.manifest.retry);
                }
                _ => prop_assert_eq!(targets, vec![]),
            }
        }
    }

    #[test]
    fn the_routing_takes_events_in_any_order(events in shuffled(), wanted in any::received()) {
        let mut table = routing::Table::default();
        for event in &events {
            table.evolve(function::id("default", "hello", 1), event);
        }
        table.targets(&wanted);
    }
}

fn function_evolve(state: State, event: &Event) -> State {
    <Aggregate as domain::Aggregate>::evolve(state, event)
}

fn received() -> Received {
    Received {
        id: domain::event::id("default", "/", "1"),
        namespace: "default".into(),
        kind: "file.uploaded".into(),
        source: "/".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::null(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(0),
    }
}

#[test]
fn the_histories_reach_every_state_every_event_and_every_refusal() {
    let states = history::count(commands(), 1_200, |commands| {
        let history = execute(commands).expect("commands are executed");
        let builds =
            history.state().iter().flat_map(|function| &function.builds).map(|build| match build.state.name() {
                "QUEUED" => "build QUEUED",
                "RUNNING" => "build RUNNING",
                "SUCCEEDED" => "build SUCCEEDED",
                "FAILED" => "build FAILED",
                _ => "build CANCELLED",
            });
        let lives = history.states.iter().map(|state| life(state).map_or("nothing", Life::name));
        let promotions = history.steps().filter_map(|(before, event, _)| match (life(before)?, event) {
            (Life::Running { .. }, Event::VersionPromoted(_)) => Some("promoted while RUNNING"),
            (_, Event::VersionPromoted(_)) => Some("promoted while not RUNNING"),
            _ => None,
        });
        lives.chain(builds).chain(promotions).collect()
    });
    history::assert_all_met(
        &states,
        &[
            "nothing",
            "REGISTERED",
            "BUILT",
            "RUNNING",
            "STOPPED",
            "DEREGISTERED",
            "build QUEUED",
            "build RUNNING",
            "build SUCCEEDED",
            "build FAILED",
            "build CANCELLED",
            "promoted while RUNNING",
            "promoted while not RUNNING",
        ],
    );

    let events = history::count(commands(), 1_200, |commands| {
        execute(commands).expect("commands are executed").events.iter().map(Payload::kind).collect()
    });
    history::assert_all_met(
        &events,
        &[
            "Registered",
            "Updated",
            "BuildRequested",
            "BuildStarted",
            "BuildSucceeded",
            "BuildFailed",
            "BuildCancelled",
            "Started",
            "Stopped",
            "VersionPromoted",
            "TrafficShifted",
            "InstanceFailed",
            "InstanceRecovered",
            "Deregistered",
        ],
    );

    let refusals = history::count(commands(), 1_200, |commands| {
        execute(commands).expect("commands are executed").refusals.iter().map(function::Error::code).collect()
    });
    history::assert_all_met(
        &refusals,
        &[
            "function_not_found",
            "name_taken",
            "bad_name",
            "bad_namespace",
            "function_deregistered",
            "function_not_built",
            "function_not_running",
            "build_not_found",
            "build_over",
            "build_not_started",
            "build_taken",
            "version_not_found",
            "bad_split",
        ],
    );
}
