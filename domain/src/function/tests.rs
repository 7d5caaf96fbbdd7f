//! The lifecycle of a function, transition by transition, with every refusal.

use super::event::{
    BuildCancelled, BuildFailed, BuildRequested, BuildStarted, BuildSucceeded, Deregistered, InstanceFailed,
    Registered, Share, Source, Started, Stopped, TrafficShifted, Updated, VersionPromoted,
};
use super::{Aggregate, BuildId, BuildState, Command, Error, Event, Id, Life, Made, OfferedFolder, Override, texts};
use crate::aggregate::Payload;
use crate::json::Json;
use crate::manifest::{Manifest, Runtime};
use crate::testing::{Given, at};

// ---- what has happened ----

fn given(events: impl IntoIterator<Item = Event>) -> Given<Aggregate> {
    crate::testing::given(events)
}

fn function() -> Id {
    super::id("default", "hello", 1)
}

fn build(n: u128) -> BuildId {
    uuid::Uuid::from_u128(n).into()
}

fn git(git_ref: Option<&str>) -> Source {
    Source::Git { url: "https://example.com/hello.git".into(), git_ref: git_ref.map(Into::into), path: None }
}

fn bundle() -> Source {
    Source::Bundle { digest: "sha256:ab".into() }
}

fn registered() -> Event {
    Event::Registered(Registered {
        id: function(),
        namespace: "default".into(),
        name: "hello".into(),
        generation: 1,
        source: git(None),
        manifest: None,
        at: at(0),
    })
}

fn requested(n: u128) -> Event {
    Event::BuildRequested(BuildRequested { build: build(n), source: git(None), manifest: None, at: at(1) })
}

fn build_started(n: u128) -> Event {
    Event::BuildStarted(BuildStarted { build: build(n), node: "a".into(), at: at(2) })
}

fn succeeded(n: u128, version: u32) -> Event {
    Event::BuildSucceeded(BuildSucceeded {
        build: build(n),
        version,
        made: Made::artifact(format!("sha256:{version}"), 100),
        manifest: Box::new(Manifest::of(Runtime::Node)),
        commit: Some("c0ffee".into()),
        at: at(3),
    })
}

fn build_failed(n: u128) -> Event {
    Event::BuildFailed(BuildFailed {
        build: build(n),
        error: "npm ci: exit code 1".into(),
        offered: Vec::new(),
        at: at(3),
    })
}

fn build_cancelled(n: u128, seconds: i64) -> Event {
    Event::BuildCancelled(BuildCancelled { build: build(n), at: at(seconds) })
}

fn promoted(version: u32, previous: u32, reason: Option<&str>, seconds: i64) -> Event {
    Event::VersionPromoted(VersionPromoted { version, previous, reason: reason.map(Into::into), at: at(seconds) })
}

fn started(version: u32) -> Event {
    Event::Started(Started { version, at: at(4) })
}

fn stopped() -> Event {
    Event::Stopped(Stopped { reason: None, at: at(5) })
}

fn instance_failed(instance: &str) -> Event {
    let error = "exited with code 1".into();
    Event::InstanceFailed(InstanceFailed { version: 1, instance: instance.into(), error, at: at(6) })
}

fn shifted(split: &[(u32, u32)]) -> Event {
    Event::TrafficShifted(TrafficShifted { split: shares(split), at: at(7) })
}

fn deregistered() -> Event {
    Event::Deregistered(Deregistered { at: at(9) })
}

fn shares(split: &[(u32, u32)]) -> Vec<Share> {
    split.iter().map(|&(version, percent)| Share { version, percent }).collect()
}

// The lifecycle states, each by the shortest history.

fn just_registered() -> Vec<Event> {
    vec![registered()]
}

fn building() -> Vec<Event> {
    vec![registered(), requested(1), build_started(1)]
}

fn built() -> Vec<Event> {
    vec![registered(), requested(1), build_started(1), succeeded(1, 1)]
}

fn running() -> Vec<Event> {
    [built(), vec![started(1)]].concat()
}

fn stopped_() -> Vec<Event> {
    [running(), vec![stopped()]].concat()
}

fn gone() -> Vec<Event> {
    [running(), vec![deregistered()]].concat()
}

/// Running version 1 while version 2 waits to be promoted.
fn two_versions() -> Vec<Event> {
    [running(), vec![requested(2), build_started(2), succeeded(2, 2)]].concat()
}

/// Every state in which the function exists and is not deregistered.
fn alive() -> [Vec<Event>; 5] {
    [just_registered(), building(), built(), running(), stopped_()]
}

// ---- what is asked ----

fn register() -> Command {
    register_from(git(None))
}

fn register_from(source: Source) -> Command {
    Command::Register {
        id: function(),
        namespace: "default".into(),
        name: "hello".into(),
        generation: 1,
        source,
        manifest: None,
        at: at(0),
    }
}

fn register_as(namespace: &str, name: &str) -> Command {
    Command::Register {
        id: super::id(namespace, name, 1),
        namespace: namespace.into(),
        name: name.into(),
        generation: 1,
        source: git(None),
        manifest: None,
        at: at(0),
    }
}

fn request(n: u128) -> Command {
    Command::RequestBuild { build: build(n), git_ref: None, at: at(1) }
}

fn start_build(n: u128, node: &str) -> Command {
    Command::StartBuild { build: build(n), node: node.into(), at: at(2) }
}

fn succeed(n: u128) -> Command {
    succeed_as(n, 1)
}

/// The digest is that of `succeeded(n, version)`; the version number is decided by the aggregate.
fn succeed_as(n: u128, version: u32) -> Command {
    let made = Made::artifact(format!("sha256:{version}"), 100);
    let manifest = Box::new(Manifest::of(Runtime::Node));
    Command::SucceedBuild { build: build(n), made, manifest, commit: Some("c0ffee".into()), at: at(3) }
}

fn fail(n: u128) -> Command {
    Command::FailBuild { build: build(n), error: "npm ci: exit code 1".into(), offered: Vec::new(), at: at(3) }
}

fn cancel(n: u128) -> Command {
    Command::CancelBuild { build: build(n), at: at(3) }
}

fn start() -> Command {
    Command::Start { at: at(4) }
}

fn stop() -> Command {
    Command::Stop { reason: None, at: at(5) }
}

fn report(instance: &str) -> Command {
    let error = "exited with code 1".into();
    Command::ReportInstanceFailure { version: 1, instance: instance.into(), error, at: at(6) }
}

fn shift(split: &[(u32, u32)]) -> Command {
    Command::ShiftTraffic { split: shares(split), at: at(7) }
}

fn promote(version: u32) -> Command {
    Command::Promote { version, reason: Some("it was better".into()), at: at(8) }
}

fn deregister() -> Command {
    Command::Deregister { at: at(9) }
}

/// One of each command except `Register` and `Deregister`, valid for a function with one version.
fn all_others() -> Vec<Command> {
    vec![
        Command::Update { source: Some(bundle()), manifest: Override::Keep, at: at(10) },
        request(7),
        start_build(1, "a"),
        succeed(1),
        fail(1),
        cancel(1),
        start(),
        stop(),
        promote(1),
        shift(&[(1, 100)]),
        report("i"),
    ]
}

// ---- registration ----

#[test]
fn a_function_is_registered() {
    let after = given([]).when(register()).then([registered()]);
    let function = after.state.expect("it is there");
    assert_eq!(function.life, Life::Registered);
    assert_eq!((function.created_at, function.updated_at), (at(0), at(0)));
    assert_eq!(function.current(), None);
}

#[test]
fn a_function_that_is_registered_twice_alike_is_registered_once() {
    given([registered()]).when(register()).then_nothing();
}

#[test]
fn a_name_is_taken_by_a_function_of_another_source() {
    let taken = Error::NameTaken { namespace: "default".into(), name: "hello".into() };
    given([registered()]).when(register_from(bundle())).then_refused(taken);
}

#[test]
fn a_name_is_taken_once_something_was_built() {
    let taken = Error::NameTaken { namespace: "default".into(), name: "hello".into() };
    for life in [building(), built(), running(), stopped_()] {
        given(life).when(register()).then_refused(taken.clone());
    }
}

#[test]
fn texts_that_would_fill_the_log_are_refused() {
    use super::texts::{MAX_COMMAND_PARTS, MAX_IMAGE, MAX_PATH, MAX_REASON, MAX_REF, MAX_URL};
    let long = |most: usize| "x".repeat(most + 1);
    let git = |url: String, git_ref: Option<String>, path: Option<String>| Source::Git { url, git_ref, path };
    let some = || "https://example.com/a.git".to_owned();
    for (source, most) in [
        (git(long(MAX_URL), None, None), MAX_URL),
        (git(some(), Some(long(MAX_REF)), None), MAX_REF),
        (git(some(), None, Some(long(MAX_PATH))), MAX_PATH),
        (Source::Image { image: long(MAX_IMAGE), command: None }, MAX_IMAGE),
        (
            Source::Image { image: "a".into(), command: Some(vec![String::new(); MAX_COMMAND_PARTS + 1]) },
            MAX_COMMAND_PARTS,
        ),
    ] {
        for command in [
            Command::Update { source: Some(source.clone()), manifest: Override::Keep, at: at(9) },
            Command::Stop { reason: Some(long(MAX_REASON)), at: at(9) },
            Command::Promote { version: 1, reason: Some(long(MAX_REASON)), at: at(9) },
        ] {
            let error = super::decide::decide(&None, command).unwrap_err();
            assert_eq!(error.code(), "too_long", "{most}: {error}");
        }
    }
}

#[test]
fn what_a_failed_build_says_is_cut_to_what_the_log_keeps() {
    let state = building().iter().fold(None, super::evolve::evolve);
    let command = Command::FailBuild { build: build(1), error: "x".repeat(1 << 20), offered: Vec::new(), at: at(9) };
    let events = super::decide::decide(&state, command).unwrap();
    let [Event::BuildFailed(failed)] = events.as_slice() else { panic!("it failed") };
    assert!(failed.error.len() <= crate::text::MAX_ERROR, "{}", failed.error.len());
}

#[test]
fn a_name_that_is_no_dns_label_is_refused() {
    for name in ["", "Hello", "1st", "a_b", "-a", "a-", "a.b", "a/../b", &"a".repeat(64)] {
        given([]).when(register_as("default", name)).then_refused(Error::BadName { name: name.into() });
    }
}

#[test]
fn a_namespace_that_is_no_dns_label_is_refused() {
    for namespace in ["", "Team", "a/b", "a\0b"] {
        let refused = Error::BadNamespace { namespace: namespace.into() };
        given([]).when(register_as(namespace, "hello")).then_refused(refused);
    }
}

#[test]
fn nothing_can_be_asked_of_a_function_that_is_not_there() {
    for command in all_others().into_iter().chain([deregister()]) {
        given([]).when(command).then_refused(Error::NotFound);
    }
}

// ---- update ----

#[test]
fn an_update_changes_what_the_next_build_takes() {
    for life in alive() {
        let manifest = Json::parse(r#"{"runtime":"python"}"#).unwrap();
        let command = Command::Update { source: Some(bundle()), manifest: Override::Set(manifest.clone()), at: at(10) };
        let updated = Event::Updated(Updated { source: bundle(), manifest: Some(manifest.clone()), at: at(10) });
        let after = given(life).when(command).then([updated]);

        let source = bundle();
        let requested = BuildRequested { build: build(8), source, manifest: Some(manifest), at: at(1) };
        after.when(request(8)).then([Event::BuildRequested(requested)]);
    }
}

#[test]
fn an_update_leaves_alone_what_it_does_not_name() {
    let manifest = Json::parse("{}").unwrap();
    let command = Command::Update { source: None, manifest: Override::Set(manifest.clone()), at: at(10) };
    let updated = Updated { source: git(None), manifest: Some(manifest.clone()), at: at(10) };
    let after = given([registered()]).when(command).then([Event::Updated(updated)]);

    let command = Command::Update { source: Some(bundle()), manifest: Override::Keep, at: at(11) };
    let updated = Updated { source: bundle(), manifest: Some(manifest), at: at(11) };
    after.when(command).then([Event::Updated(updated)]);
}

#[test]
fn a_manifest_that_beat_the_file_can_be_dropped() {
    let set = Updated { source: git(None), manifest: Some(Json::parse("{}").unwrap()), at: at(10) };
    let drop = || Command::Update { source: None, manifest: Override::Drop, at: at(11) };
    let dropped = Updated { source: git(None), manifest: None, at: at(11) };
    let after = given([registered(), Event::Updated(set)]).when(drop()).then([Event::Updated(dropped.clone())]);
    let asked = BuildRequested { build: build(8), source: git(None), manifest: None, at: at(1) };
    after.when(request(8)).then([Event::BuildRequested(asked)]);
    given([registered(), Event::Updated(dropped)]).when(drop()).then_nothing();
}

#[test]
fn an_update_that_changes_nothing_is_nothing() {
    for life in alive() {
        given(life.clone()).when(Command::Update { source: None, manifest: Override::Keep, at: at(10) }).then_nothing();
        given(life)
            .when(Command::Update { source: Some(git(None)), manifest: Override::Keep, at: at(10) })
            .then_nothing();
    }
}

// ---- builds ----

#[test]
fn a_build_is_asked_for_in_every_state_of_a_function() {
    for life in alive() {
        let after = given(life.clone()).when(request(8)).then([requested(8)]);
        let function = after.state.expect("it is there");
        let build = function.build(build(8)).expect("the build is there");
        assert_eq!((build.state.clone(), build.requested_at), (BuildState::Queued, at(1)));
        let before = given(life).state.expect("it is there");
        assert_eq!(function.life, before.life, "a request changes nothing about what runs");
    }
}

#[test]
fn a_build_that_is_asked_for_twice_is_asked_for_once() {
    for more in [vec![], vec![build_started(1)], vec![build_started(1), succeeded(1, 1)], vec![build_failed(1)]] {
        given([vec![registered(), requested(1)], more].concat()).when(request(1)).then_nothing();
    }
}

#[test]
fn nothing_is_built_any_more_when_the_history_is_full() {
    let most = super::decide::MAX_STORED_BYTES;
    let manifest = Json::parse(&format!("\"{}\"", "x".repeat(256 << 10))).unwrap();
    let update = Event::Updated(Updated { source: bundle(), manifest: Some(manifest.clone()), at: at(10) });
    let build = |number: u128| {
        let requested =
            BuildRequested { build: build(number), source: bundle(), manifest: Some(manifest.clone()), at: at(1) };
        vec![Event::BuildRequested(requested), build_started(number), build_failed(number)]
    };
    let builds = (most / (256 << 10)) as u128;
    let almost: Vec<_> = [registered(), update].into_iter().chain((1..builds).flat_map(build)).collect();
    let state = |events: &[Event]| events.iter().fold(None, <Aggregate as crate::Aggregate>::evolve);
    let decided = |events: &[Event]| {
        <Aggregate as crate::Aggregate>::decide(&state(events), request(1_000)).map(|events| events.len())
    };
    assert_eq!(decided(&almost), Ok(1));
    let full = [almost, build(builds)].concat();
    let bytes = state(&full).unwrap().stored_bytes();
    assert_eq!(decided(&full), Err(Error::HistoryFull { bytes, most }));
    // Existing builds can continue.
    given(full).when(deregister()).then([deregistered()]);
}

#[test]
fn only_so_many_builds_wait_and_one_that_is_over_makes_room() {
    let most = super::decide::MAX_OPEN_BUILDS;
    let waiting = (1..=most as u128).map(requested);
    let full: Vec<_> = std::iter::once(registered()).chain(waiting).collect();
    let next = most as u128 + 1;
    given(full.clone()).when(request(next)).then_refused(Error::TooManyBuilds { most });
    given(full.clone()).when(request(1)).then_nothing();
    for over in [vec![build_cancelled(1, 2)], vec![build_started(1), build_failed(1)]] {
        given([full.clone(), over].concat()).when(request(next)).then([requested(next)]);
    }
}

#[test]
fn a_build_takes_the_ref_that_was_asked_for_and_the_source_keeps_its_own() {
    let command = Command::RequestBuild { build: build(1), git_ref: Some("v2".into()), at: at(1) };
    let asked = BuildRequested { build: build(1), source: git(Some("v2")), manifest: None, at: at(1) };
    let after = given([registered()]).when(command).then([Event::BuildRequested(asked)]);
    after.when(request(2)).then([requested(2)]);
}

#[test]
fn a_queued_build_starts() {
    let after = given([registered(), requested(1)]).when(start_build(1, "a")).then([build_started(1)]);
    let function = after.state.expect("it is there");
    let state = &function.build(build(1)).expect("the build is there").state;
    assert_eq!((state.name(), state.started_at(), state.is_over()), ("RUNNING", Some(at(2)), false));
}

#[test]
fn a_running_build_belongs_to_the_node_that_took_it() {
    given(building()).when(start_build(1, "a")).then_nothing();
    given(building()).when(start_build(1, "b")).then_refused(Error::BuildTaken { node: "a".into() });
}

#[test]
fn the_first_success_makes_a_registered_function_built() {
    let after = given(building()).when(succeed(1)).then([succeeded(1, 1)]);
    let function = after.state.expect("it is there");
    assert_eq!(function.life, Life::Built { version: 1 });
    let version = function.current().expect("there is a current version");
    assert_eq!((version.number, version.build, version.made.digest()), (1, build(1), "sha256:1"));
    let state = &function.build(build(1)).expect("the build is there").state;
    assert_eq!(*state, BuildState::Succeeded { version: 1, started_at: at(2), at: at(3) });
}

#[test]
fn a_further_success_is_promoted_at_once_when_nothing_runs() {
    for life in [built(), stopped_()] {
        let life = [life, vec![requested(2), build_started(2)]].concat();
        let promoted = promoted(2, 1, Some("built while nothing ran"), 3);
        let after = given(life).when(succeed_as(2, 2)).then([succeeded(2, 2), promoted]);
        assert_eq!(after.state.expect("it is there").life.version(), Some(2));
    }
}

#[test]
fn a_further_success_leaves_the_running_version_alone() {
    let after = given(two_versions());
    let function = after.state.expect("it is there");
    assert_eq!(function.life, Life::Running { version: 1, since: at(4) });
    assert_eq!(function.versions.len(), 2);
}

#[test]
fn a_build_succeeds_without_a_promotion_while_the_function_runs() {
    let life = [running(), vec![requested(2), build_started(2)]].concat();
    given(life).when(succeed_as(2, 2)).then([succeeded(2, 2)]);
}

#[test]
fn a_success_told_twice_makes_one_version() {
    given(built()).when(succeed(1)).then_nothing();
}

#[test]
fn a_build_that_has_not_started_does_not_succeed() {
    given([registered(), requested(1)]).when(succeed(1)).then_refused(Error::BuildNotStarted);
}

#[test]
fn a_build_that_fails_offers_folders_within_limits() {
    let offer = |path: &str| OfferedFolder { path: path.into(), recognized_as: "a handler".into(), name: None };
    let failed = |offered| BuildFailed { build: build(1), error: "nothing here".into(), offered, at: at(3) };
    let kept = vec![offer("functions/a")];
    let command = Command::FailBuild {
        build: build(1),
        error: "nothing here".into(),
        offered: vec![offer(""), offer("functions/a"), offer(&"x".repeat(texts::MAX_PATH + 1))],
        at: at(3),
    };
    let after = given(building()).when(command).then([Event::BuildFailed(failed(kept.clone()))]);
    let function = after.state.expect("it is there");
    let BuildState::Failed { offered, .. } = &function.build(build(1)).unwrap().state else { panic!("it failed") };
    assert_eq!(*offered, kept);
    // Its stored error counts.
    let without = given(building()).when(fail(1)).then([build_failed(1)]).state.expect("it is there");
    assert!(function.stored_bytes() + "npm ci: exit code 1".len() > without.stored_bytes() + "nothing here".len());

    // As older logs have it, and as it is written today.
    let old = br#"{"v":1,"build":"00000000-0000-0000-0000-000000000001","error":"no","at":"2026-09-21T14:13:26Z"}"#;
    let Event::BuildFailed(old) = Event::decode("BuildFailed", old).unwrap() else { panic!("it is another event") };
    assert_eq!(old.offered, []);
    for offered in [vec![], kept] {
        let event = Event::BuildFailed(failed(offered.clone()));
        let text = String::from_utf8(event.encode()).unwrap();
        assert_eq!(text.contains("offered"), !offered.is_empty(), "{text}");
        assert_eq!(Event::decode("BuildFailed", text.as_bytes()).unwrap(), event);
    }
}

#[test]
fn a_build_fails_before_and_after_its_start() {
    for life in [vec![registered(), requested(1)], building()] {
        let began = life.len() == 3;
        let after = given(life).when(fail(1)).then([build_failed(1)]);
        let function = after.state.expect("it is there");
        assert_eq!(function.life, Life::Registered);
        let state = &function.build(build(1)).expect("the build is there").state;
        assert_eq!((state.name(), state.finished_at()), ("FAILED", Some(at(3))));
        assert_eq!(state.started_at(), began.then(|| at(2)));
    }
}

#[test]
fn a_failed_build_leaves_the_running_version_alone() {
    let after = given([running(), vec![requested(2), build_started(2)]].concat()).when(fail(2)).then([build_failed(2)]);
    assert_eq!(after.state.expect("it is there").life, Life::Running { version: 1, since: at(4) });
}

#[test]
fn a_failure_told_twice_is_told_once() {
    given([building(), vec![build_failed(1)]].concat()).when(fail(1)).then_nothing();
}

#[test]
fn a_build_is_cancelled_before_and_after_its_start() {
    for life in [vec![registered(), requested(1)], building()] {
        let after = given(life).when(cancel(1)).then([build_cancelled(1, 3)]);
        let function = after.state.expect("it is there");
        assert_eq!(function.build(build(1)).expect("the build is there").state.name(), "CANCELLED");
    }
}

#[test]
fn a_build_cancelled_twice_is_cancelled_once() {
    given([building(), vec![build_cancelled(1, 3)]].concat()).when(cancel(1)).then_nothing();
}

#[test]
fn a_build_that_is_over_ends_in_no_other_way() {
    let ends = [("SUCCEEDED", succeeded(1, 1)), ("FAILED", build_failed(1)), ("CANCELLED", build_cancelled(1, 3))];
    for (state, end) in ends {
        let commands = [
            ("RUNNING", start_build(1, "a")),
            ("SUCCEEDED", succeed(1)),
            ("FAILED", fail(1)),
            ("CANCELLED", cancel(1)),
        ];
        for (_, command) in commands.into_iter().filter(|(leads_to, _)| *leads_to != state) {
            given([building(), vec![end.clone()]].concat()).when(command).then_refused(Error::BuildOver { state });
        }
    }
}

#[test]
fn a_build_that_was_never_asked_for_is_unknown() {
    for command in [start_build(9, "a"), succeed(9), fail(9), cancel(9)] {
        given(running()).when(command).then_refused(Error::NoSuchBuild { build: build(9) });
    }
}

#[test]
fn builds_of_one_function_go_on_side_by_side() {
    let life = [building(), vec![requested(2), build_started(2), build_failed(1)]].concat();
    given(life).when(succeed_as(2, 1)).then([succeeded(2, 1)]);
}

// ---- start and stop ----

#[test]
fn a_function_without_a_version_does_not_start() {
    for life in [just_registered(), building(), [building(), vec![build_failed(1)]].concat()] {
        given(life).when(start()).then_refused(Error::NotBuilt);
    }
}

#[test]
fn a_built_or_stopped_function_starts_with_its_current_version() {
    for life in [built(), stopped_()] {
        let after = given(life).when(start()).then([started(1)]);
        assert_eq!(after.state.expect("it is there").life, Life::Running { version: 1, since: at(4) });
    }
}

#[test]
fn a_running_function_is_started_already() {
    given(running()).when(start()).then_nothing();
}

#[test]
fn a_running_function_stops_and_says_why() {
    let reason = Some("for the night".to_owned());
    let stopped = Event::Stopped(Stopped { reason: reason.clone(), at: at(5) });
    let after = given(running()).when(Command::Stop { reason: reason.clone(), at: at(5) }).then([stopped]);
    let function = after.state.expect("it is there");
    assert_eq!((function.life, function.reason), (Life::Stopped { version: 1 }, reason));
}

#[test]
fn a_stopped_function_is_stopped_already() {
    given(stopped_()).when(stop()).then_nothing();
}

#[test]
fn a_function_that_never_ran_does_not_stop() {
    given(just_registered()).when(stop()).then_refused(Error::NotRunning { state: "REGISTERED" });
    given(built()).when(stop()).then_refused(Error::NotRunning { state: "BUILT" });
}

#[test]
fn a_start_forgets_why_the_function_was_stopped_or_broken() {
    let broken = [running(), vec![instance_failed("i"), stopped()]].concat();
    let after = given(broken).when(start()).then([started(1)]);
    assert_eq!(after.state.expect("it is there").reason, None);
}

// ---- versions and traffic ----

#[test]
fn a_newer_version_takes_over_without_a_stop() {
    let after = given(two_versions()).when(promote(2)).then([promoted(2, 1, Some("it was better"), 8)]);
    assert_eq!(after.state.expect("it is there").life, Life::Running { version: 2, since: at(4) });
}

#[test]
fn a_function_goes_back_to_an_older_version() {
    let life = [two_versions(), vec![promoted(2, 1, None, 8)]].concat();
    let after = given(life).when(promote(1)).then([promoted(1, 2, Some("it was better"), 8)]);
    assert_eq!(after.state.expect("it is there").life.version(), Some(1));
}

#[test]
fn a_function_that_does_not_run_changes_its_version_too() {
    let life = [two_versions(), vec![stopped()]].concat();
    let after = given(life).when(promote(2)).then([promoted(2, 1, Some("it was better"), 8)]);
    after.when(start()).then([started(2)]);
}

#[test]
fn the_current_version_is_promoted_already() {
    for life in [built(), running(), stopped_()] {
        given(life).when(promote(1)).then_nothing();
    }
}

#[test]
fn a_version_that_was_never_made_is_not_promoted() {
    for version in [0, 3, u32::MAX] {
        let refused = Error::NoSuchVersion { version, available: "1 to 2".into() };
        given(two_versions()).when(promote(version)).then_refused(refused);
    }
    given(building()).when(promote(1)).then_refused(Error::NotBuilt);
}

#[test]
fn calls_are_divided_between_versions() {
    let after = given(two_versions()).when(shift(&[(1, 90), (2, 10)])).then([shifted(&[(1, 90), (2, 10)])]);
    let function = after.state.expect("it is there");
    assert_eq!(function.traffic, shares(&[(1, 90), (2, 10)]));
    assert_eq!(function.life.version(), Some(1));
}

#[test]
fn calls_divided_twice_alike_are_divided_once() {
    let life = [two_versions(), vec![shifted(&[(1, 90), (2, 10)])]].concat();
    given(life).when(shift(&[(1, 90), (2, 10)])).then_nothing();
}

#[test]
fn an_empty_split_gives_all_calls_back_to_the_current_version() {
    let life = [two_versions(), vec![shifted(&[(1, 90), (2, 10)])]].concat();
    given(life).when(shift(&[])).then([shifted(&[])]);
    given(running()).when(shift(&[])).then_nothing();
}

#[test]
fn shares_that_do_not_make_a_whole_are_refused() {
    let most = u32::MAX - 99;
    let splits: [&[(u32, u32)]; 6] = [
        &[(1, 90)],
        &[(1, 90), (2, 11)],
        &[(1, 50), (1, 50)],
        &[(1, 100), (2, 0)],
        &[(1, 0)],
        &[(1, most), (2, 200)], // 100 together, if it wrapped around
    ];
    for split in splits {
        given(two_versions()).when(shift(split)).then_refused(Error::BadSplit);
    }
}

#[test]
fn calls_do_not_go_to_a_version_that_was_never_made() {
    let refused = Error::NoSuchVersion { version: 3, available: "1 to 2".into() };
    given(two_versions()).when(shift(&[(1, 50), (3, 50)])).then_refused(refused);
    let refused = Error::NoSuchVersion { version: 1, available: "none".into() };
    given(building()).when(shift(&[(1, 100)])).then_refused(refused);
}

#[test]
fn a_promotion_ends_the_division_of_calls() {
    let life = [two_versions(), vec![shifted(&[(1, 90), (2, 10)])]].concat();
    let after = given(life).when(promote(2)).then([promoted(2, 1, Some("it was better"), 8)]);
    assert_eq!(after.state.expect("it is there").traffic, []);
}

// ---- instances ----

#[test]
fn an_instance_that_fails_is_the_reason_and_not_the_end() {
    let after = given(running()).when(report("i")).then([instance_failed("i")]);
    let function = after.state.expect("it is there");
    assert_eq!(function.life, Life::Running { version: 1, since: at(4) });
    assert_eq!(function.reason.as_deref(), Some("exited with code 1"));
}

#[test]
fn an_instance_fails_once_and_another_one_may_follow() {
    let after = given(running()).when(report("i")).then([instance_failed("i")]);
    let after = after.when(report("i")).then_nothing();
    after.when(report("k")).then([instance_failed("k")]);
}

#[test]
fn what_does_not_run_does_not_break() {
    for life in [just_registered(), building(), built(), stopped_()] {
        given(life).when(report("i")).then_nothing();
    }
}

#[test]
fn an_instance_of_a_version_that_was_never_made_is_refused() {
    let (instance, error) = ("i".into(), "gone".into());
    let command = Command::ReportInstanceFailure { version: 2, instance, error, at: at(6) };
    given(running()).when(command).then_refused(Error::NoSuchVersion { version: 2, available: "1 to 1".into() });
}

#[test]
fn a_promotion_forgets_what_broke_the_version_before() {
    let life = [two_versions(), vec![instance_failed("i")]].concat();
    let after = given(life).when(promote(2)).then([promoted(2, 1, Some("it was better"), 8)]);
    assert_eq!(after.state.expect("it is there").reason, None);
}

// ---- the end ----

#[test]
fn a_function_is_deregistered_from_every_state() {
    let versions = [None, None, Some(1), Some(1), Some(1)];
    for (life, version) in alive().into_iter().zip(versions) {
        let open = life.len() == 3;
        let cancelled = open.then(|| build_cancelled(1, 9));
        let after = given(life).when(deregister()).then(cancelled.into_iter().chain([deregistered()]));
        assert_eq!(after.state.expect("it is remembered").life, Life::Deregistered { version });
    }
}

#[test]
fn the_end_calls_off_every_open_build_and_no_other() {
    let life = [running(), vec![requested(2), requested(3), build_started(3), requested(4), build_failed(4)]].concat();
    given(life).when(deregister()).then([build_cancelled(2, 9), build_cancelled(3, 9), deregistered()]);
}

#[test]
fn a_function_deregistered_twice_is_deregistered_once() {
    given(gone()).when(deregister()).then_nothing();
}

#[test]
fn nothing_else_can_be_asked_of_a_function_that_is_gone() {
    for command in all_others().into_iter().chain([register()]) {
        given(gone()).when(command).then_refused(Error::Deregistered);
    }
}

// ---- events that do not fit ----

#[test]
fn events_that_do_not_fit_change_nothing() {
    let table = [
        (vec![], vec![requested(1), started(1), stopped(), deregistered()]),
        (just_registered(), vec![registered(), started(1), stopped(), promoted(1, 0, None, 9), succeeded(1, 1)]),
        (vec![registered(), requested(1)], vec![succeeded(1, 1), build_started(9), build_failed(9)]),
        (building(), vec![build_started(1), succeeded(1, 2), started(1), shifted(&[(1, 100)])]),
        (built(), vec![succeeded(1, 2), build_failed(1), build_cancelled(1, 9), started(2), instance_failed("i")]),
        (running(), vec![started(1), promoted(2, 1, None, 9), shifted(&[(2, 100)])]),
        (stopped_(), vec![stopped(), instance_failed("i")]),
        (gone(), vec![registered(), started(1), stopped(), requested(3), promoted(1, 1, None, 9), deregistered()]),
    ];
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
fn every_refusal_has_its_own_code_and_a_sentence() {
    let refusals = [
        Error::NotFound,
        Error::NameTaken { namespace: "n".into(), name: "f".into() },
        Error::BadName { name: "F".into() },
        Error::BadNamespace { namespace: "N".into() },
        Error::Deregistered,
        Error::NotBuilt,
        Error::NotRunning { state: "BUILT" },
        Error::NoSuchBuild { build: build(1) },
        Error::BuildOver { state: "FAILED" },
        Error::BuildNotStarted,
        Error::BuildTaken { node: "a".into() },
        Error::NoSuchVersion { version: 2, available: "1 to 1".into() },
        Error::BadSplit,
    ];
    let codes: std::collections::BTreeSet<_> = refusals.iter().map(Error::code).collect();
    assert_eq!(codes.len(), refusals.len());
    assert!(Error::NotRunning { state: "BUILT" }.to_string().contains("BUILT"));
    assert!(Error::BuildOver { state: "FAILED" }.to_string().contains("FAILED"));
    assert!(Error::Deregistered.to_string().contains("DEREGISTERED"));
    assert!(Error::NotBuilt.to_string().contains("REGISTERED"));
}

#[test]
fn credentials_in_an_address_are_neither_written_nor_read() {
    use crate::aggregate::Payload;
    let source = |url: &str| Source::Git { url: url.into(), git_ref: None, path: None };
    let updated = |source| Event::Updated(Updated { source, manifest: None, at: at(0) });
    let written = updated(source("https://user:token@host/a")).encode();
    let text = String::from_utf8(written.clone()).unwrap();
    assert!(!text.contains("token") && text.contains("https://host/a"), "{text}");
    // As written by an older server.
    let old = text.replace("https://host/a", "https://user:token@host/a");
    assert_eq!(Event::decode("Updated", old.as_bytes()).unwrap(), updated(source("https://host/a")));
    let image = r#"{"type":"image","image":"https://user:token@registry/app:1"}"#;
    let Source::Image { image, .. } = serde_json::from_str(image).unwrap() else { panic!("it is an image") };
    assert_eq!(image, "https://registry/app:1");
}

#[test]
fn the_secret_with_a_functions_credentials_has_a_name_that_fits_and_is_reserved() {
    let name = super::credentials_secret(super::id("team", "hello", 1));
    assert!(crate::name::fits_secret(&name) && super::is_reserved_secret(&name), "{name}");
    assert_eq!(super::credentials_owner(&name), Some(super::id("team", "hello", 1)));
    assert!(!super::is_reserved_secret("GIT_TOKEN"));
    assert_eq!(super::credentials_owner("EVENTFLOW_GIT_x"), None);
}
