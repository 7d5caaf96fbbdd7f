//! The lifecycle of a run, transition by transition, with every refusal.

use super::event::{
    Answered, AttemptFailed, CallbackDelivered, CallbackFailed, Cancelled, Crash, DeadLettered, Deferred, Delivery,
    Ending, Failed, Failure, Outcome, Purged, Redriven, Request, Requested, Started, Succeeded, TimedOut,
};
use super::state::Attempt;
use super::{Aggregate, Callback, Command, Error, Event, Id, Letter, Phase, Run, RunRequest, State};
use crate::json::Json;
use crate::retry::Policy;
use crate::testing::{Given, at};

/// Two attempts, ten seconds apart.
const TWICE: Delivery = Delivery::Retried(Policy { max_attempts: 2, backoff_s: 10.0, backoff_max_s: 60.0 });

// ---- what has happened ----

fn given(events: impl IntoIterator<Item = Event>) -> Given<Aggregate> {
    crate::testing::given(events)
}

fn run() -> Id {
    super::id(crate::event::id("default", "/shop", "1"), crate::function::id("default", "hello", 1))
}

fn request() -> Request {
    Request {
        run: run(),
        function: crate::function::id("default", "hello", 1),
        namespace: "default".into(),
        trigger: "file.uploaded".into(),
        event: Some(crate::event::id("default", "/shop", "1")),
        input: Json::parse(r#"{"id":"1"}"#).unwrap(),
        input_cut: false,
        version: None,
        replayed_from: None,
        callback: None,
    }
}

fn outcome(status: u16) -> Outcome {
    Outcome { http_status: Some(status), instance: Some("i".into()), ..Outcome::default() }
}

fn failure(timed_out: bool) -> Failure {
    Failure { error: "it broke".into(), timed_out, outcome: outcome(500) }
}

fn requested(delivery: Delivery) -> Event {
    Event::Requested(Requested { request: request(), delivery, at: at(0) })
}

fn started(attempt: u32, seconds: i64) -> Event {
    Event::Started(Started { attempt, version: 3, node: "a".into(), at: at(seconds) })
}

fn attempt_failed(attempt: u32, due: i64, seconds: i64) -> Event {
    Event::AttemptFailed(AttemptFailed { attempt, failure: failure(false), due: at(due), at: at(seconds) })
}

fn succeeded() -> Event {
    Event::Succeeded(Succeeded { outcome: outcome(200), at: at(5) })
}

fn failed() -> Event {
    Event::Failed(Failed { failure: failure(false), at: at(5) })
}

fn timed_out() -> Event {
    Event::TimedOut(TimedOut { failure: failure(true), at: at(5) })
}

fn cancelled() -> Event {
    Event::Cancelled(Cancelled { at: at(5) })
}

fn dead(seconds: i64) -> Event {
    Event::DeadLettered(DeadLettered { failure: failure(false), at: at(seconds) })
}

fn answered(ending: Ending) -> Answered {
    Answered {
        request: Request { event: None, trigger: "http.invoke".into(), ..request() },
        ran: 3,
        ending,
        error: (ending != Ending::Succeeded).then(|| "it broke".into()),
        outcome: outcome(200),
        queued_at: at(0),
        started_at: Some(at(1)),
        at: at(2),
    }
}

// The lifecycle states, each by the shortest history.

fn queued() -> Vec<Event> {
    vec![requested(TWICE)]
}

fn running() -> Vec<Event> {
    vec![requested(TWICE), started(1, 1)]
}

/// The second attempt is due at 12.
fn retrying() -> Vec<Event> {
    vec![requested(TWICE), started(1, 1), attempt_failed(1, 12, 2)]
}

fn over() -> [(&'static str, Vec<Event>); 5] {
    let after = |delivery, end| vec![requested(delivery), started(1, 1), end];
    [
        ("SUCCEEDED", after(TWICE, succeeded())),
        ("FAILED", after(Delivery::Once, failed())),
        ("TIMED_OUT", after(Delivery::Once, timed_out())),
        ("CANCELLED", after(TWICE, cancelled())),
        ("DEAD", after(TWICE, dead(5))),
    ]
}

// ---- what is asked ----

fn start(node: &str, seconds: i64) -> Command {
    Command::Start { version: 3, node: node.into(), lost: None, at: at(seconds) }
}

/// Another server takes over, because the one with the attempt is lost.
fn take_over(node: &str, lost: u32, seconds: i64) -> Command {
    Command::Start { version: 3, node: node.into(), lost: Some(lost), at: at(seconds) }
}

fn succeed() -> Command {
    Command::Succeed { attempt: 1, outcome: outcome(200), at: at(5) }
}

/// Another attempt may help.
fn fail(seconds: i64) -> Command {
    fail_attempt(1, seconds)
}

fn fail_attempt(attempt: u32, seconds: i64) -> Command {
    let failure = failure(false);
    Command::Fail { begun: true, attempt, failure, retryable: true, retry_after_s: None, jitter: 1.0, at: at(seconds) }
}

/// No other attempt will help.
fn fail_for_good(timed_out: bool) -> Command {
    let failure = failure(timed_out);
    Command::Fail { begun: true, attempt: 1, failure, retryable: false, retry_after_s: None, jitter: 1.0, at: at(5) }
}

fn cancel() -> Command {
    Command::Cancel { at: at(5) }
}

fn ask() -> Command {
    Command::Request { request: request(), delivery: TWICE, at: at(0) }
}

#[track_caller]
fn phase(given: Given<Aggregate>) -> Phase {
    given.state.expect("the run is there").phase
}

// ---- the request ----

#[test]
fn a_run_is_requested() {
    let after = given([]).when(ask()).then([requested(TWICE)]);
    let run = after.state.expect("the run is there");
    assert_eq!((run.phase, run.attempts, run.queued_at), (Phase::Queued, 0, at(0)));
}

#[test]
fn a_run_that_is_requested_twice_is_requested_once() {
    let lives = [queued(), running(), retrying()].into_iter().chain(over().map(|(_, life)| life));
    for life in lives {
        given(life).when(ask()).then_nothing();
    }
}

#[test]
fn a_run_that_somebody_else_asked_for_is_never_taken_for_ones_own() {
    let another = || Request { function: crate::Id::new(uuid::Uuid::from_u128(99)), ..request() };
    for life in [queued(), running(), retrying()].into_iter().chain(over().map(|(_, life)| life)) {
        let command = Command::Request { request: another(), delivery: TWICE, at: at(0) };
        given(life.clone()).when(command).then_refused(Error::IdTaken);
        let call = Answered { request: another(), ..answered(Ending::Succeeded) };
        given(life).when(Command::Answer(Box::new(call))).then_refused(Error::IdTaken);
    }
    // Two calls that differ only in their time are two calls.
    let called = |second| Request { input: Json::of(&second).expect("a number"), event: None, ..request() };
    let first = Event::Answered(Box::new(Answered { request: called(1), ..answered(Ending::Succeeded) }));
    let call = Answered { request: called(2), ..answered(Ending::Succeeded) };
    given([first]).when(Command::Answer(Box::new(call))).then_refused(Error::IdTaken);
}

#[test]
fn nothing_can_be_asked_of_a_run_that_is_not_there() {
    for command in [start("a", 1), succeed(), fail(5), fail_for_good(false), cancel()] {
        given([]).when(command).then_refused(Error::NotFound);
    }
}

// ---- attempts ----

#[test]
fn a_queued_run_starts() {
    let after = given(queued()).when(start("a", 1)).then([started(1, 1)]);
    let phase = phase(after);
    assert_eq!(phase, Phase::Running { version: 3, node: "a".into(), since: at(1) });
    assert_eq!(phase.attempt(), Some(Attempt { version: 3, started_at: at(1) }));
    assert_eq!(phase.node(), Some("a"));
}

#[test]
fn a_running_run_belongs_to_the_node_that_took_it() {
    given(running()).when(start("b", 9)).then_refused(Error::Taken { node: "a".into() });
}

#[test]
fn a_running_run_succeeds() {
    let phase = phase(given(running()).when(succeed()).then([succeeded()]));
    assert_eq!((phase.name(), phase.finished_at(), phase.is_over()), ("SUCCEEDED", Some(at(5)), true));
    assert_eq!(phase.outcome(), Some(&outcome(200)));
    assert_eq!(phase.failure(), None);
}

#[test]
fn a_queued_run_does_not_finish() {
    given(queued()).when(succeed()).then_refused(Error::NotRunning { state: "QUEUED" });
}

#[test]
fn a_run_between_attempts_does_not_finish() {
    given(retrying()).when(succeed()).then_refused(Error::NotRunning { state: "RETRYING" });
}

#[test]
fn a_run_that_a_person_waits_for_is_tried_once() {
    let life = [requested(Delivery::Once), started(1, 1)];
    let phase = phase(given(life).when(fail(5)).then([failed()]));
    assert_eq!((phase.name(), phase.failure()), ("FAILED", Some(&failure(false))));
}

#[test]
fn a_run_that_a_person_waits_for_times_out_even_if_another_attempt_might_help() {
    let command = Command::Fail {
        begun: true,
        attempt: 1,
        failure: failure(true),
        retryable: true,
        retry_after_s: None,
        jitter: 1.0,
        at: at(5),
    };
    given([requested(Delivery::Once), started(1, 1)]).when(command).then([timed_out()]);
}

#[test]
fn a_failed_attempt_is_tried_again_after_its_backoff() {
    let after = given(running()).when(fail(2)).then([attempt_failed(1, 12, 2)]);
    let run = after.state.expect("the run is there");
    assert_eq!((run.phase.name(), run.phase.due(), run.attempts), ("RETRYING", Some(at(12)), 1));
    assert!(!run.phase.is_over());
    assert_eq!(run.phase.attempt(), Some(Attempt { version: 3, started_at: at(1) }));
}

#[test]
fn a_functions_retry_after_is_waited_for() {
    let failure = failure(false);
    let command = Command::Fail {
        begun: true,
        attempt: 1,
        failure,
        retryable: true,
        retry_after_s: Some(30.0),
        jitter: 0.0,
        at: at(2),
    };
    given(running()).when(command).then([attempt_failed(1, 32, 2)]);
}

#[test]
fn a_timeout_that_may_pass_is_tried_again() {
    let failure = failure(true);
    let command = Command::Fail {
        begun: true,
        attempt: 1,
        failure: failure.clone(),
        retryable: true,
        retry_after_s: None,
        jitter: 1.0,
        at: at(2),
    };
    let again = Event::AttemptFailed(AttemptFailed { attempt: 1, failure, due: at(12), at: at(2) });
    given(running()).when(command).then([again]);
}

#[test]
fn a_retrying_run_starts_its_next_attempt() {
    let after = given(retrying()).when(start("a", 12)).then([started(2, 12)]);
    assert_eq!(after.state.expect("the run is there").attempts, 2);
}

#[test]
fn a_run_is_dead_after_its_last_attempt() {
    let life = [retrying(), vec![started(2, 12)]].concat();
    let phase = phase(given(life).when(fail_attempt(2, 13)).then([dead(13)]));
    assert_eq!((phase.name(), phase.finished_at()), ("DEAD", Some(at(13))));
    assert_eq!(phase.attempt(), Some(Attempt { version: 3, started_at: at(12) }));
}

#[test]
fn a_failure_that_no_attempt_can_mend_ends_the_run_at_once() {
    for delivery in [TWICE, Delivery::Once] {
        given([requested(delivery), started(1, 1)]).when(fail_for_good(false)).then([failed()]);
        let ended = given([requested(delivery), started(1, 1)]).when(fail_for_good(true)).then([timed_out()]);
        assert_eq!(phase(ended).name(), "TIMED_OUT");
    }
}

#[test]
fn only_the_next_attempt_fails_without_having_begun() {
    for (state, life, beyond) in [("QUEUED", queued(), 2), ("RETRYING", retrying(), 3)] {
        let failure = failure(false);
        let (retry_after_s, jitter) = (None, 0.5);
        let command =
            Command::Fail { begun: true, attempt: beyond, failure, retryable: true, retry_after_s, jitter, at: at(20) };
        given(life).when(command).then_refused(Error::NotRunning { state });
    }
}

#[test]
fn an_attempt_that_cannot_begin_counts() {
    let after = given(queued()).when(fail(2)).then([attempt_failed(1, 12, 2)]);
    let after = after.when(fail_attempt(2, 13)).then([dead(13)]);
    assert_eq!(phase(after).name(), "DEAD");
}

#[test]
fn a_queued_run_fails_for_good_when_its_function_is_gone() {
    let phase = phase(given(queued()).when(fail_for_good(false)).then([failed()]));
    assert_eq!((phase.name(), phase.attempt()), ("FAILED", None));
}

#[test]
fn a_retrying_run_fails_for_good_when_its_function_is_gone() {
    let failure = failure(false);
    let command = Command::Fail {
        begun: true,
        attempt: 2,
        failure: failure.clone(),
        retryable: false,
        retry_after_s: None,
        jitter: 0.0,
        at: at(13),
    };
    given(retrying()).when(command).then([Event::Failed(Failed { failure, at: at(13) })]);
}

#[test]
fn a_failure_told_again_before_the_next_attempt_is_due_is_told_once() {
    for seconds in [2, 5, 12] {
        given(retrying()).when(fail(seconds)).then_nothing();
    }
}

#[test]
fn a_failure_told_again_is_told_once_even_without_a_wait() {
    let failure = failure(false);
    let at_once = Command::Fail {
        begun: true,
        attempt: 1,
        failure: failure.clone(),
        retryable: true,
        retry_after_s: None,
        jitter: 0.0,
        at: at(2),
    };
    let after = given(running()).when(at_once.clone()).then([attempt_failed(1, 2, 2)]);
    after.when(at_once).then_nothing();
}

// ---- what cannot be offered ----

fn defer(attempt: Option<u32>, seconds: i64) -> Command {
    Command::Defer { attempt, reason: "no instance starts".into(), at: at(seconds) }
}

fn deferred(attempt: Option<u32>, seconds: i64) -> Event {
    Event::Deferred(Deferred { attempt, reason: "no instance starts".into(), at: at(seconds) })
}

fn expire(seconds: i64) -> Command {
    Command::Expire { error: "it broke".into(), at: at(seconds) }
}

#[test]
fn a_run_that_cannot_be_offered_waits_says_so_once_and_uses_up_no_attempt() {
    let mut life = given(queued()).when(defer(None, 2)).then([deferred(None, 2)]);
    for seconds in 3..20 {
        life = life.when(defer(None, seconds)).then_nothing();
    }
    let run = life.state.clone().expect("the run is there");
    assert_eq!((run.phase.name(), run.attempts, run.waits_for()), ("QUEUED", 0, Some("no instance starts")));
    let life = life.when(start("a", 30)).then([started(1, 30)]);
    assert_eq!(life.state.clone().expect("the run is there").waits_for(), None);
    // Both attempts of the policy are left.
    let life = life.when(fail_attempt(1, 31)).then([attempt_failed(1, 41, 31)]);
    life.when(defer(None, 42)).then([deferred(None, 42)]).when(start("a", 43)).then([started(2, 43)]);
}

#[test]
fn an_attempt_of_which_the_function_learns_nothing_does_not_count() {
    let mut life = given(running());
    for attempt in 1..9 {
        let seconds = i64::from(attempt) * 10;
        life = life.when(defer(Some(attempt), seconds)).then([deferred(Some(attempt), seconds)]);
        life = life.when(start("a", seconds + 1)).then([started(attempt + 1, seconds + 1)]);
    }
    let run = life.state.clone().expect("the run is there");
    assert_eq!((run.attempts, run.withdrawn, run.deferred.as_ref().map(|d| d.since)), (9, 8, Some(at(10))));
    // The ninth attempt is the first of two that count.
    let life = life.when(fail_attempt(9, 90)).then([attempt_failed(9, 100, 90)]);
    life.when(start("a", 100)).then([started(10, 100)]).when(fail_attempt(10, 101)).then([dead(101)]);
}

#[test]
fn what_one_server_cannot_offer_is_no_end_of_what_another_has_begun() {
    let taken = Error::Taken { node: "a".into() };
    given(running()).when(defer(None, 2)).then_refused(taken.clone());
    given(running()).when(expire(2)).then_refused(taken);
    given(running()).when(defer(Some(7), 2)).then_refused(Error::Superseded { attempt: 7, newest: 1 });
    for (state, life) in over() {
        given(life).when(defer(None, 20)).then_refused(Error::Over { state });
    }
}

#[test]
fn a_run_that_waited_too_long_is_dead_or_failed_where_somebody_waits() {
    let failure = Failure { error: "it broke".into(), timed_out: false, outcome: Outcome::default() };
    let dead = Event::DeadLettered(DeadLettered { failure: failure.clone(), at: at(5) });
    given(queued()).when(expire(5)).then([dead.clone()]).when(expire(6)).then_nothing();
    given(retrying()).when(expire(5)).then([dead]);
    let failed = Event::Failed(Failed { failure, at: at(5) });
    given([requested(Delivery::Once)]).when(expire(5)).then([failed]);
}

// ---- crashes ----

fn crash(attempt: u32, crash: Crash, seconds: i64) -> Command {
    let Command::Fail { begun, mut failure, retryable, retry_after_s, jitter, at, .. } = fail_attempt(attempt, seconds)
    else {
        panic!("it is a failure")
    };
    failure.outcome.crash = Some(crash);
    Command::Fail { begun, attempt, failure, retryable, retry_after_s, jitter, at }
}

/// The kinds of events that follow when each attempt ends with the next of these crashes, until the run is over.
fn after_crashes(crashes: &[Crash]) -> (Vec<&'static str>, Run) {
    let mut state: State = None;
    let mut kinds = Vec::new();
    for event in queued() {
        state = <Aggregate as crate::Aggregate>::evolve(state, &event);
    }
    for (attempt, kind) in (1..).zip(crashes) {
        let seconds = i64::from(attempt) * 100;
        for command in [start("a", seconds), crash(attempt, *kind, seconds + 1)] {
            for event in <Aggregate as crate::Aggregate>::decide(&state, command).expect("it is no refusal") {
                state = <Aggregate as crate::Aggregate>::evolve(state, &event);
                kinds.push(crate::aggregate::Payload::kind(&event));
            }
        }
    }
    kinds.retain(|kind| *kind != "Started");
    (kinds, state.expect("the run is there"))
}

#[test]
fn a_crash_that_was_shared_counts_only_for_a_run_that_crashes_alone_as_well() {
    let (failed, dead) = ("AttemptFailed", "DeadLettered");
    // The policy allows two attempts.
    let table: [(&[Crash], &[&str], bool); 4] = [
        (&[Crash::Alone, Crash::Alone], &[failed, dead], false),
        (&[Crash::Shared, Crash::Shared], &[failed, failed], true),
        (&[Crash::Shared, Crash::Shared, Crash::Alone], &[failed, failed, dead], true),
        (&[Crash::Alone, Crash::Shared], &[failed, dead], false),
    ];
    for (crashes, expected, isolated) in table {
        let (kinds, run) = after_crashes(crashes);
        assert_eq!(kinds, expected, "{crashes:?}");
        assert_eq!(run.is_isolated(), isolated, "{crashes:?}");
    }
    // Alone, it failed for another reason: the shared crashes were not its fault, and both attempts are left.
    let (_, run) = after_crashes(&[Crash::Shared, Crash::Shared]);
    let mut state = Some(run);
    for (attempt, expected) in [(3, failed), (4, dead)] {
        let seconds = i64::from(attempt) * 100;
        for command in [start("a", seconds), fail_attempt(attempt, seconds + 1)] {
            let events = <Aggregate as crate::Aggregate>::decide(&state, command).expect("it is no refusal");
            let last = crate::aggregate::Payload::kind(&events[0]);
            state = events.iter().fold(state, <Aggregate as crate::Aggregate>::evolve);
            assert!(last == "Started" || last == expected, "{last} instead of {expected}");
        }
    }
}

#[test]
fn crashes_that_are_shared_for_ever_are_not_spared_for_ever() {
    let (kinds, _) = after_crashes(&[Crash::Shared; 4]);
    assert_eq!(kinds, ["AttemptFailed", "AttemptFailed", "AttemptFailed", "DeadLettered"]);
}

// ---- servers that are lost ----

#[test]
fn another_server_goes_on_when_the_one_that_had_the_attempt_is_lost() {
    let next = Event::Started(Started { attempt: 2, version: 3, node: "b".into(), at: at(9) });
    let after = given(running()).when(take_over("b", 1, 9)).then([next]);
    let run = after.state.expect("the run is there");
    assert_eq!((run.phase.node(), run.attempts), (Some("b"), 2));
}

#[test]
fn a_server_that_was_restarted_goes_on_with_the_next_attempt() {
    let next = Event::Started(Started { attempt: 2, version: 3, node: "a".into(), at: at(9) });
    let after = given(running()).when(start("a", 9)).then([next]);
    assert_eq!(after.state.expect("the run is there").attempts, 2);
    // The same start, sent twice because its reply was lost, counts once.
    given(running()).when(start("a", 1)).then_nothing();
}

#[test]
fn only_the_attempt_that_is_known_to_be_lost_is_taken_over() {
    let life = [retrying(), vec![started(2, 12)]].concat();
    given(life).when(take_over("b", 1, 13)).then_refused(Error::Taken { node: "a".into() });
}

#[test]
fn a_server_that_comes_back_does_not_end_the_attempt_of_another() {
    let next = Event::Started(Started { attempt: 2, version: 3, node: "b".into(), at: at(4) });
    let superseded = Error::Superseded { attempt: 1, newest: 2 };
    let life = [running(), vec![next]].concat();
    given(life.clone()).when(succeed()).then_refused(superseded.clone());
    given(life).when(fail(5)).then_refused(superseded.clone());
}

#[test]
fn what_one_server_could_not_begin_is_no_failure_of_what_another_has_begun() {
    let Command::Fail { attempt, failure, at, .. } = fail(2) else { panic!("it is a failure") };
    let command =
        Command::Fail { begun: false, attempt, failure, retryable: true, retry_after_s: None, jitter: 1.0, at };
    given(running()).when(command.clone()).then_refused(Error::Taken { node: "a".into() });
    given(queued()).when(command).then([attempt_failed(1, 12, 2)]);
}

// ---- dead letters ----

fn redrive() -> Command {
    Command::Redrive { run: super::redriven(run()), retry: Some(Policy::default()), at: at(20) }
}

fn dead_run() -> Vec<Event> {
    [retrying(), vec![started(2, 12), dead(13)]].concat()
}

#[test]
fn a_dead_run_is_redriven_once() {
    let again = Event::Redriven(Redriven { run: super::redriven(run()), retry: Some(Policy::default()), at: at(20) });
    let after = given(dead_run()).when(redrive()).then([again]);
    let after = after.when(redrive()).then_nothing();
    assert_eq!(phase(after).letter(), Some(Letter::Redriven(super::redriven(run()))));
}

#[test]
fn a_dead_run_is_purged_once_and_not_redriven_then() {
    let purge = || Command::Purge { at: at(20) };
    let after = given(dead_run()).when(purge()).then([Event::Purged(Purged { at: at(20) })]);
    let after = after.when(purge()).then_nothing();
    after.when(redrive()).then_refused(Error::Purged);
}

#[test]
fn only_a_dead_run_is_redriven_or_purged() {
    for (state, life) in [("QUEUED", queued()), ("RUNNING", running()), ("SUCCEEDED", over()[0].1.clone())] {
        given(life.clone()).when(redrive()).then_refused(Error::NotDead { state });
        given(life).when(Command::Purge { at: at(20) }).then_refused(Error::NotDead { state });
    }
}

// ---- callbacks ----

fn with_callback() -> Vec<Event> {
    let request = Request { callback: Some("https://example.org/done".into()), ..request() };
    vec![Event::Requested(Requested { request, delivery: TWICE, at: at(0) }), started(1, 1)]
}

fn callback_failed(attempt: u32, due: Option<i64>) -> Event {
    Event::CallbackFailed(CallbackFailed { attempt, error: "refused".into(), due: due.map(at), at: at(9) })
}

fn fail_callback(attempt: u32, due: Option<i64>) -> Command {
    Command::FailCallback { attempt, error: "refused".into(), due: due.map(at), at: at(9) }
}

#[test]
fn the_outcome_is_to_be_told_when_there_is_one() {
    let waiting = given(with_callback()).state.expect("the run is there").callback;
    assert_eq!(waiting, Some(Callback::Waiting));
    let ended = given(with_callback()).when(succeed()).then([succeeded()]).state.expect("the run is there");
    assert_eq!(ended.callback, Some(Callback::Due { attempts: 0, due: at(5) }));
}

#[test]
fn an_outcome_that_could_not_be_told_is_told_later_and_once() {
    let life = [with_callback(), vec![succeeded()]].concat();
    let after = given(life).when(fail_callback(1, Some(30))).then([callback_failed(1, Some(30))]);
    let after = after.when(fail_callback(1, Some(40))).then_nothing();
    let delivered = CallbackDelivered { attempt: 2, at: at(31) };
    let after = after.when(Command::CallBack { attempt: 2, at: at(31) }).then([Event::CallbackDelivered(delivered)]);
    after.when(Command::CallBack { attempt: 3, at: at(32) }).then_nothing();
}

#[test]
fn an_outcome_that_cannot_be_told_is_given_up() {
    let life = [with_callback(), vec![succeeded()]].concat();
    let after = given(life).when(fail_callback(1, None)).then([callback_failed(1, None)]);
    let given_up = Callback::GivenUp { error: "refused".into(), at: at(9) };
    assert_eq!(after.state.expect("the run is there").callback, Some(given_up));
}

#[test]
fn nobody_is_told_who_did_not_ask_or_before_the_end() {
    let call_back = || Command::CallBack { attempt: 1, at: at(9) };
    given([requested(TWICE), started(1, 1), succeeded()]).when(call_back()).then_refused(Error::NoCallback);
    given(with_callback()).when(call_back()).then_refused(Error::NoCallback);
}

// ---- the end ----

#[test]
fn a_run_that_is_not_over_is_cancelled() {
    for life in [queued(), running(), retrying()] {
        let attempt = given(life.clone()).state.and_then(|run| run.phase.attempt());
        let phase = phase(given(life).when(cancel()).then([cancelled()]));
        assert_eq!((phase.name(), phase.attempt()), ("CANCELLED", attempt));
    }
}

#[test]
fn an_end_told_twice_is_told_once() {
    let ends = [succeed(), fail(99), fail(99), cancel(), fail(99)];
    for ((state, life), again) in over().into_iter().zip(ends) {
        assert_eq!(phase(given(life.clone())).name(), state);
        given(life).when(again).then_nothing();
    }
}

#[test]
fn a_run_that_is_over_does_not_start() {
    for (state, life) in over() {
        given(life).when(start("a", 9)).then_refused(Error::Over { state });
    }
}

#[test]
fn a_run_that_is_over_does_not_succeed() {
    for (state, life) in over().into_iter().filter(|(state, _)| *state != "SUCCEEDED") {
        given(life).when(succeed()).then_refused(Error::Over { state });
    }
}

#[test]
fn a_run_that_succeeded_or_was_cancelled_does_not_fail() {
    for (state, life) in over().into_iter().filter(|(state, _)| ["SUCCEEDED", "CANCELLED"].contains(state)) {
        given(life.clone()).when(fail(9)).then_refused(Error::Over { state });
        given(life).when(fail_for_good(true)).then_refused(Error::Over { state });
    }
}

#[test]
fn a_run_that_is_over_is_not_cancelled() {
    for (state, life) in over().into_iter().filter(|(state, _)| *state != "CANCELLED") {
        given(life).when(cancel()).then_refused(Error::Over { state });
    }
}

// ---- synchronous calls ----

#[test]
fn a_synchronous_call_is_over_when_it_is_recorded() {
    let endings = [
        (Ending::Succeeded, "SUCCEEDED"),
        (Ending::Failed, "FAILED"),
        (Ending::TimedOut, "TIMED_OUT"),
        (Ending::Cancelled, "CANCELLED"),
    ];
    for (ending, name) in endings {
        let call = Box::new(answered(ending));
        let after = given([]).when(Command::Answer(call.clone())).then([Event::Answered(call.clone())]);
        let run = after.state.clone().expect("the run is there");
        assert_eq!((run.queued_at, run.attempts, run.delivery), (at(0), 1, Delivery::Once));
        assert_eq!((run.phase.name(), run.phase.finished_at()), (name, Some(at(2))));
        assert_eq!(run.phase.attempt(), Some(Attempt { version: 3, started_at: at(1) }));
        let failed = matches!(ending, Ending::Failed | Ending::TimedOut);
        assert_eq!(run.phase.failure().map(|failure| &*failure.error), failed.then_some("it broke"));
        assert_eq!(run.phase.failure().map(|f| f.timed_out), failed.then_some(ending == Ending::TimedOut));
        after.when(Command::Answer(call)).then_nothing();
    }
}

#[test]
fn a_synchronous_call_that_no_instance_took_has_no_attempt() {
    for ending in [Ending::Failed, Ending::TimedOut, Ending::Cancelled] {
        let call = Box::new(Answered { started_at: None, ..answered(ending) });
        let run = given([]).when(Command::Answer(call.clone())).then([Event::Answered(call)]).state;
        let run = run.expect("the run is there");
        assert_eq!((run.attempts, run.phase.attempt()), (0, None));
    }
}

// ---- events that do not fit ----

#[test]
fn events_that_do_not_fit_change_nothing() {
    let answer = Event::Answered(Box::new(answered(Ending::Failed)));
    let all = [
        requested(Delivery::Once),
        answer.clone(),
        started(7, 9),
        attempt_failed(7, 99, 9),
        succeeded(),
        failed(),
        timed_out(),
        cancelled(),
        dead(9),
    ];
    let mut table = vec![
        (vec![], all[2..].to_vec()),
        (queued(), vec![all[0].clone(), answer.clone(), succeeded()]),
        (running(), vec![all[0].clone(), answer.clone(), started(1, 9)]),
        (retrying(), vec![all[0].clone(), answer, succeeded()]),
    ];
    table.extend(over().map(|(_, life)| (life, all.to_vec())));
    for (life, strangers) in table {
        for stranger in strangers {
            let before = given(life.clone()).state;
            let after = given(life.iter().cloned().chain([stranger.clone()])).state;
            assert_eq!(after, before, "{stranger:?}");
        }
    }
}

// ---- what people read ----

#[test]
fn every_refusal_has_its_own_code_and_names_the_state() {
    let refusals = [
        Error::NotFound,
        Error::Over { state: "DEAD" },
        Error::Superseded { attempt: 1, newest: 2 },
        Error::NotDead { state: "FAILED" },
        Error::Purged,
        Error::NoCallback,
        Error::NotRunning { state: "QUEUED" },
        Error::Taken { node: "b".into() },
    ];
    let codes: std::collections::BTreeSet<_> = refusals.iter().map(Error::code).collect();
    assert_eq!(codes.len(), refusals.len());
    for (refusal, word) in
        refusals.iter().zip(["no such run", "DEAD", "attempt 2", "FAILED", "purged", "no callback", "QUEUED", "node b"])
    {
        assert!(refusal.to_string().contains(word), "{refusal}");
    }
}

// ---- what an event asks for ----

fn received(target: Option<crate::function::Id>, asynchronous: bool) -> crate::event::Received {
    crate::event::Received {
        id: crate::event::id("default", "/shop", "1"),
        namespace: "default".into(),
        kind: "file.uploaded".into(),
        source: "/shop".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::parse(r#"{"id":"1"}"#).unwrap(),
        target,
        asynchronous,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(0),
    }
}

#[test]
fn an_event_asks_for_one_attempt_where_somebody_waits_and_for_the_functions_policy_otherwise() {
    let function = crate::function::id("default", "hello", 1);
    let Delivery::Retried(policy) = TWICE else { unreachable!("it is") };
    for (target, asynchronous, delivery) in
        [(None, false, TWICE), (Some(function), true, TWICE), (Some(function), false, Delivery::Once)]
    {
        let (record, cause) = (uuid::Uuid::from_u128(1), crate::Cause::default());
        let asked = RunRequest::by_event(&received(target, asynchronous), record, &cause, function, policy);
        let cause = crate::Cause { actor: None, causation: Some(record), correlation: Some(record) };
        assert_eq!(asked, RunRequest { requested: Requested { request: request(), delivery, at: at(0) }, cause });
    }
}

#[test]
fn what_a_failure_says_is_cut_to_what_the_log_keeps() {
    let long = "x".repeat(1 << 20);
    let fail = Command::Fail {
        attempt: 1,
        begun: true,
        failure: Failure { error: long.clone(), ..failure(false) },
        retryable: false,
        retry_after_s: None,
        jitter: 0.0,
        at: at(2),
    };
    let expire = Command::Expire { error: long, at: at(2) };
    for (given, command) in
        [(vec![requested(Delivery::Once), started(1, 1)], fail), (vec![requested(Delivery::Once)], expire)]
    {
        let state = given.iter().fold(State::default(), <Aggregate as crate::aggregate::Aggregate>::evolve);
        let events = <Aggregate as crate::aggregate::Aggregate>::decide(&state, command).unwrap();
        let [Event::Failed(failed)] = events.as_slice() else { panic!("it failed") };
        assert!(failed.failure.error.len() <= crate::text::MAX_ERROR, "{}", failed.failure.error.len());
    }
}
