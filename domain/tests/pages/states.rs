//! Explores every state that commands lead to, and lists the transitions.

use std::collections::BTreeSet;
use std::fmt::Write;

use chrono::{DateTime, TimeDelta, Utc};
use domain::aggregate::Payload;
use domain::function::event::Source;
use domain::function::{self, BuildId};
use domain::manifest::{Manifest, Runtime};
use domain::run::event::{Delivery, Failure, Outcome, Request};
use domain::run::{self, Callback};
use domain::{Aggregate, Json, retry};
use uuid::Uuid;

use crate::made;

/// Longer paths lead to no further states.
const STEPS: usize = 9;

/// From, event, to. `None`: it did not exist yet.
type Edge = (Option<&'static str>, &'static str, Option<&'static str>);

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a valid time")
}

fn build() -> BuildId {
    Uuid::from_u128(1).into()
}

/// Every transition between the states distinguished by `name`.
fn edges<A: Aggregate>(
    commands: impl Fn(&A::State) -> Vec<A::Command>,
    name: impl Fn(&A::State) -> Option<&'static str>,
    about: impl Fn(&A::Event) -> bool,
    same: impl Fn(&A::State) -> String,
) -> Vec<Edge> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    let mut states = vec![A::State::default()];
    for _ in 0..STEPS {
        let mut next = Vec::new();
        for state in &states {
            for command in commands(state) {
                let Ok(events) = A::decide(state, command) else { continue };
                let mut after = state.clone();
                for event in &events {
                    let before = name(&after);
                    after = A::evolve(after, event);
                    let edge = (before, event.kind(), name(&after));
                    if about(event) && !found.contains(&edge) {
                        found.push(edge);
                    }
                }
                if !events.is_empty() && seen.insert(same(&after)) {
                    next.push(after);
                }
            }
        }
        states = next;
    }
    found
}

fn table(edges: &[Edge], order: &[&str], means: &[(&str, &str)]) -> String {
    let rank = |state: Option<&str>| state.map_or(0, |state| 1 + order.iter().position(|s| *s == state).unwrap());
    let mut edges = edges.to_vec();
    edges.sort_by_key(|(from, event, to)| (rank(*from), rank(*to), *event));
    let shown = |state: Option<&str>| state.map_or("not there".to_owned(), |state| format!("`{state}`"));
    let mut text = "| in | this event | leads to | when |\n| --- | --- | --- | --- |\n".to_owned();
    for (from, event, to) in edges {
        let means = means.iter().find(|(name, _)| *name == event).unwrap_or_else(|| panic!("say what `{event}` means"));
        writeln!(text, "| {} | `{event}` | {} | {} |", shown(from), shown(to), means.1).unwrap();
    }
    let last: Vec<_> = order.iter().map(|state| format!("`{state}`")).collect();
    format!("States: {}.\n\n{text}", last.join(", "))
}

fn function_commands(_: &function::State) -> Vec<function::Command> {
    use function::{Command, Override};
    let source = || Source::Bundle { digest: format!("sha256:{}", "00".repeat(32)) };
    let id = function::id("default", "shop", 1);
    let (build, another, at) = (build(), BuildId::from(Uuid::from_u128(9)), at());
    let manifest = || Box::new(Manifest::of(Runtime::Node));
    let made = || function::Made::artifact("d", 1);
    vec![
        Command::Register {
            id,
            namespace: "default".into(),
            name: "shop".into(),
            generation: 1,
            source: source(),
            manifest: None,
            at,
        },
        Command::Update { source: None, manifest: Override::Set(Json::parse("{}").unwrap()), at },
        Command::RequestBuild { build, git_ref: None, at },
        Command::StartBuild { build, node: "a".into(), at },
        Command::SucceedBuild { build, made: made(), manifest: manifest(), commit: None, at },
        Command::FailBuild { build, error: "e".into(), offered: Vec::new(), at },
        Command::CancelBuild { build, at },
        Command::RequestBuild { build: another, git_ref: None, at },
        Command::StartBuild { build: another, node: "a".into(), at },
        Command::SucceedBuild { build: another, made: made(), manifest: manifest(), commit: None, at },
        Command::Promote { version: 2, reason: None, at },
        Command::Start { at },
        Command::Stop { reason: None, at },
        Command::ReportInstanceFailure { version: 1, instance: "i".into(), error: "e".into(), at },
        Command::ReportInstanceRecovery { version: 1, instance: "i".into(), at },
        Command::Deregister { at },
    ]
}

fn function_key(state: &function::State) -> String {
    let Some(function) = state else { return String::new() };
    let versions = function.versions.len();
    let builds: Vec<_> = function.builds.iter().map(|build| build.state.name()).collect();
    format!(
        "{} {:?} {builds:?} {versions} {:?}",
        function.life.name(),
        function.build(build()).map(|b| b.state.name()),
        function.failed_instance
    )
}

const FUNCTION_EVENTS: &[(&str, &str)] = &[
    ("Registered", "somebody registers it"),
    ("Updated", "somebody changes its source or manifest; the next build uses them"),
    ("BuildRequested", "somebody asks for a build, or registers it"),
    ("BuildStarted", "a server begins the build"),
    ("BuildSucceeded", "the build made a version"),
    ("BuildFailed", "the build failed, or its server died"),
    ("BuildCancelled", "somebody cancels the build, or deregisters the function"),
    ("Started", "somebody starts it, or registered it with `replicas`"),
    ("Stopped", "somebody stops it"),
    ("VersionPromoted", "another version becomes the current one: a healthy new one, or by rollback"),
    ("InstanceFailed", "an instance ended by itself, or did not start"),
    ("InstanceRecovered", "an instance serves again; the reason goes"),
    ("Deregistered", "somebody deregisters it, for good"),
];

#[test]
fn the_states_of_a_function() {
    let life = |event: &function::Event| !event.kind().starts_with("Build") || event.kind() == "BuildSucceeded";
    let name = |state: &function::State| state.as_ref().map(|function| function.life.name());
    let edges = edges::<function::Aggregate>(function_commands, name, life, function_key);
    // Traffic is divided in every state with versions, and changes no state.
    let missing = FUNCTION_EVENTS
        .iter()
        .filter(|(event, _)| !event.starts_with("Build") && !edges.iter().any(|(_, found, _)| found == event));
    assert_eq!(missing.count(), 0, "the walk comes past every event: {edges:?}");
    assert!(edges.contains(&(Some("RUNNING"), "Stopped", Some("STOPPED"))), "{edges:?}");
    let order = ["REGISTERED", "BUILT", "RUNNING", "STOPPED", "DEREGISTERED"];
    made("states.md", "function", &table(&edges, &order, FUNCTION_EVENTS));
}

#[test]
fn the_states_of_a_build() {
    let of_builds = |event: &function::Event| event.kind().starts_with("Build");
    let name = |state: &function::State| Some(state.as_ref()?.build(build())?.state.name());
    let edges = edges::<function::Aggregate>(function_commands, name, of_builds, function_key);
    assert!(edges.contains(&(Some("RUNNING"), "BuildSucceeded", Some("SUCCEEDED"))), "{edges:?}");
    // Builds other than the first do not change the state.
    let edges: Vec<_> = edges.into_iter().filter(|(from, _, to)| from != to).collect();
    let order = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"];
    made("states.md", "build", &table(&edges, &order, FUNCTION_EVENTS));
}

fn request(callback: bool) -> Request {
    Request {
        run: Uuid::from_u128(2).into(),
        function: function::id("default", "shop", 1),
        namespace: "default".into(),
        trigger: "t".into(),
        event: None,
        input: Json::parse("1").unwrap(),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: callback.then(|| "https://example.com".to_owned()),
    }
}

fn run_commands(state: &run::State) -> Vec<run::Command> {
    use run::Command;
    let at = at();
    let policy = retry::Policy { max_attempts: 2, ..retry::Policy::default() };
    let Some(run) = state else {
        let of = |delivery| Command::Request { request: request(true), delivery, at };
        return vec![of(Delivery::Once), of(Delivery::Retried(policy))];
    };
    let attempt = run.attempts;
    let failure = |timed_out| Failure { error: "e".into(), timed_out, outcome: Outcome::default() };
    let fail = |timed_out, retryable| Command::Fail {
        begun: true,
        attempt,
        failure: failure(timed_out),
        retryable,
        retry_after_s: None,
        jitter: 0.5,
        at,
    };
    let tried = match run.callback {
        Some(Callback::Due { attempts, .. }) => attempts + 1,
        _ => 1,
    };
    let later = |due| Command::FailCallback { attempt: tried, error: "e".into(), due, at };
    vec![
        Command::Start { version: 1, node: "a".into(), lost: None, at },
        Command::Start { version: 1, node: "b".into(), lost: Some(attempt), at },
        Command::Succeed { attempt, outcome: Outcome::default(), at },
        fail(false, true),
        fail(false, false),
        fail(true, false),
        Command::Defer { attempt: None, reason: "r".into(), at },
        Command::Defer { attempt: Some(attempt), reason: "r".into(), at },
        Command::Expire { error: "e".into(), at },
        Command::Cancel { at },
        Command::Redrive { run: Uuid::from_u128(3).into(), retry: None, at },
        Command::Purge { at },
        Command::CallBack { attempt: tried, at },
        later(Some(at + TimeDelta::seconds(1))),
        later(None),
    ]
}

fn callback_name(state: &run::State) -> Option<&'static str> {
    Some(match state.as_ref()?.callback.as_ref()? {
        Callback::Waiting => "waiting",
        Callback::Due { .. } => "due",
        Callback::Delivered { .. } => "delivered",
        Callback::GivenUp { .. } => "given up",
    })
}

fn run_key(state: &run::State) -> String {
    let Some(run) = state else { return String::new() };
    let deferred = run.deferred.is_some();
    let attempts = run.attempts.min(3);
    let once = matches!(run.delivery, Delivery::Once);
    format!("{} {attempts} {deferred} {once} {:?} {:?}", run.phase.name(), run.phase.letter(), callback_name(state))
}

const RUN_EVENTS: &[(&str, &str)] = &[
    ("Requested", "an event reaches the function, or somebody asks for the run"),
    ("Started", "a server begins an attempt; from `RUNNING`: another server takes over after the first one died"),
    ("AttemptFailed", "the attempt failed, and the policy leaves another one"),
    ("Succeeded", "the function did it"),
    ("Failed", "the attempt failed in a way that is not tried again"),
    ("TimedOut", "a run that is tried once took longer than `timeout_s`"),
    ("Cancelled", "somebody cancels it, or its caller went away"),
    ("DeadLettered", "the last attempt failed, or it could not be offered for `EVENTFLOW_OFFER_TIMEOUT`"),
    ("Deferred", "it cannot be offered to the function; the record says why"),
    ("Redriven", "somebody redrives the dead letter: a new run begins"),
    ("Purged", "somebody takes the dead letter off the list"),
    ("CallbackFailed", "the address did not take the outcome"),
    ("CallbackDelivered", "the address took the outcome"),
];

#[test]
fn the_states_of_a_run() {
    let name = |state: &run::State| state.as_ref().map(|run| run.phase.name());
    let phase = |event: &run::Event| !event.kind().starts_with("Callback");
    let edges = edges::<run::Aggregate>(run_commands, name, phase, run_key);
    assert!(edges.contains(&(Some("RETRYING"), "Started", Some("RUNNING"))), "{edges:?}");
    let order = ["QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELLED", "DEAD"];
    made("states.md", "run", &table(&edges, &order, RUN_EVENTS));
}

#[test]
fn the_states_of_a_callback() {
    let ends = ["Succeeded", "Failed", "TimedOut", "Cancelled", "DeadLettered"];
    let about = |event: &run::Event| {
        event.kind().starts_with("Callback") || ends.contains(&event.kind()) || event.kind() == "Requested"
    };
    let edges = edges::<run::Aggregate>(run_commands, callback_name, about, run_key);
    assert!(edges.contains(&(Some("due"), "CallbackFailed", Some("given up"))), "{edges:?}");
    let edges: Vec<_> = edges.into_iter().filter(|(from, _, to)| from != to || *from == Some("due")).collect();
    made("states.md", "callback", &table(&edges, &["waiting", "due", "delivered", "given up"], RUN_EVENTS));
}
