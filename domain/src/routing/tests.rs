//! Which functions are reached by which events, and when.

use serde_json::{Value, json};

use super::{Table, Target};
use crate::event::{self, Received};
use crate::function::{self, Made, event::*};
use crate::json::Json;
use crate::manifest::{HttpTrigger, Manifest, Runtime, Schedule, Trigger, Webhook};
use crate::retry::Policy;
use crate::testing::at;

fn id(name: &str) -> function::Id {
    function::id("default", name, 1)
}

fn on(pattern: &str, filter: Value) -> Trigger {
    let Value::Object(filter) = filter else { panic!("a filter is an object") };
    Trigger::Event { pattern: pattern.into(), filter }
}

fn manifest(triggers: Vec<Trigger>) -> Manifest {
    Manifest { triggers, ..Manifest::of(Runtime::Node) }
}

fn register(table: &mut Table, namespace: &str, name: &str) {
    let event = Registered {
        id: id(name),
        namespace: namespace.into(),
        name: name.into(),
        generation: 1,
        source: Source::Bundle { digest: "sha256:00".into() },
        manifest: None,
        at: at(0),
    };
    table.evolve(id(name), &Event::Registered(event));
}

fn build(table: &mut Table, name: &str, version: u32, manifest: Manifest) {
    let event = BuildSucceeded {
        build: uuid::Uuid::from_u128(version.into()).into(),
        version,
        made: Made::artifact("sha256:00", 1),
        manifest: Box::new(manifest),
        commit: None,
        at: at(1),
    };
    table.evolve(id(name), &Event::BuildSucceeded(event));
}

fn start(table: &mut Table, name: &str, version: u32) {
    table.evolve(id(name), &Event::Started(Started { version, at: at(2) }));
}

fn promote(table: &mut Table, name: &str, version: u32, previous: u32) {
    let event = VersionPromoted { version, previous, reason: None, at: at(3) };
    table.evolve(id(name), &Event::VersionPromoted(event));
}

fn stop(table: &mut Table, name: &str) {
    table.evolve(id(name), &Event::Stopped(Stopped { reason: None, at: at(4) }));
}

/// Adds a running function with these triggers to the namespace `default`.
fn run(table: &mut Table, name: &str, triggers: Vec<Trigger>) {
    register(table, "default", name);
    build(table, name, 1, manifest(triggers));
    start(table, name, 1);
}

fn event_with(kind: &str, content: &str) -> Received {
    Received {
        id: event::id("default", "/shop", "1"),
        namespace: "default".into(),
        kind: kind.into(),
        source: "/shop".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::parse(content).unwrap(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(9),
    }
}

fn event(kind: &str) -> Received {
    event_with(kind, r#"{"data":{"kind":"image"}}"#)
}

fn reached(table: &Table, event: &Received) -> Vec<function::Id> {
    table.targets(event).into_iter().map(|target| target.function).collect()
}

#[test]
fn an_event_reaches_the_running_functions_whose_pattern_fits() {
    let mut table = Table::default();
    run(&mut table, "exact", vec![on("file.uploaded", json!({}))]);
    run(&mut table, "wide", vec![on("file.**", json!({}))]);
    run(&mut table, "other", vec![on("file.deleted", json!({}))]);
    run(&mut table, "http", vec![Trigger::Http(HttpTrigger::default())]);
    let mut expected = vec![id("exact"), id("wide")];
    expected.sort();
    assert_eq!(reached(&table, &event("file.uploaded")), expected);
    assert_eq!(reached(&table, &event("user.registered")), []);
}

#[test]
fn a_function_is_reached_once_however_many_triggers_fit() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![on("**", json!({})), on("file.*", json!({})), on("file.uploaded", json!({}))]);
    assert_eq!(reached(&table, &event("file.uploaded")), [id("hello")]);
}

#[test]
fn triggers_of_other_kinds_are_not_reached_by_events() {
    let mut table = Table::default();
    let schedule = Trigger::Schedule(Schedule::new("* * * * *", "UTC"));
    let webhook = Trigger::Webhook(Webhook { name: "github".into(), ..Webhook::default() });
    run(&mut table, "hello", vec![Trigger::Http(HttpTrigger::default()), schedule, webhook]);
    for kind in ["http.invoke", "schedule.triggered", "webhook.received", "github"] {
        assert_eq!(reached(&table, &event(kind)), [], "{kind}");
    }
}

#[test]
fn an_event_reaches_nobody_in_another_namespace() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![on("**", json!({}))]);
    let elsewhere = Received { namespace: "other".into(), ..event("file.uploaded") };
    assert_eq!(reached(&table, &elsewhere), []);
}

#[test]
fn a_filter_that_is_not_met_keeps_the_event_away() {
    let mut table = Table::default();
    run(&mut table, "images", vec![on("file.*", json!({"data.kind": "image"}))]);
    run(&mut table, "videos", vec![on("file.*", json!({"data.kind": "video"}))]);
    assert_eq!(reached(&table, &event("file.uploaded")), [id("images")]);
    assert_eq!(reached(&table, &event_with("file.uploaded", r#"{"data":null}"#)), []);
}

#[test]
fn a_second_trigger_is_tried_when_the_first_ones_filter_is_not_met() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![on("**", json!({"data.kind": "video"})), on("file.*", json!({}))]);
    assert_eq!(reached(&table, &event("file.uploaded")), [id("hello")]);
}

#[test]
fn an_event_whose_content_cannot_be_looked_into_meets_no_filter_and_harms_nobody() {
    let mut table = Table::default();
    run(&mut table, "filtered", vec![on("**", json!({"data.kind": "image"}))]);
    run(&mut table, "unfiltered", vec![on("**", json!({}))]);
    let deep = format!(r#"{{"data":{}{}}}"#, "[".repeat(1_000), "]".repeat(1_000));
    for content in [deep.as_str(), r#"{"data":{"kind":"image"},"n":1e999}"#] {
        assert_eq!(reached(&table, &event_with("file.uploaded", content)), [id("unfiltered")]);
    }
}

#[test]
fn only_a_running_function_is_reached() {
    let mut table = Table::default();
    let wanted = event("file.uploaded");
    register(&mut table, "default", "hello");
    assert_eq!(reached(&table, &wanted), [], "registered");
    build(&mut table, "hello", 1, manifest(vec![on("**", json!({}))]));
    assert_eq!(reached(&table, &wanted), [], "built");
    start(&mut table, "hello", 1);
    assert_eq!(reached(&table, &wanted), [id("hello")], "running");
    stop(&mut table, "hello");
    assert_eq!(reached(&table, &wanted), [], "stopped");
    start(&mut table, "hello", 1);
    assert_eq!(reached(&table, &wanted), [id("hello")], "running again");
    table.evolve(id("hello"), &Event::Deregistered(Deregistered { at: at(8) }));
    assert_eq!(reached(&table, &wanted), [], "deregistered");
    start(&mut table, "hello", 1);
    assert_eq!(reached(&table, &wanted), [], "and it stays so");
}

#[test]
fn the_triggers_are_those_of_the_current_version() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![on("old", json!({}))]);
    build(&mut table, "hello", 2, manifest(vec![on("new", json!({}))]));
    assert_eq!(reached(&table, &event("old")), [id("hello")], "built, and not promoted");
    assert_eq!(reached(&table, &event("new")), []);
    promote(&mut table, "hello", 2, 1);
    assert_eq!(reached(&table, &event("old")), []);
    assert_eq!(reached(&table, &event("new")), [id("hello")]);
    promote(&mut table, "hello", 1, 2);
    assert_eq!(reached(&table, &event("old")), [id("hello")], "rolled back");
}

#[test]
fn a_failed_build_changes_nothing_about_who_is_reached() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![on("**", json!({}))]);
    let failed =
        BuildFailed { build: uuid::Uuid::from_u128(9).into(), error: "no".into(), offered: Vec::new(), at: at(5) };
    table.evolve(id("hello"), &Event::BuildFailed(failed));
    assert_eq!(reached(&table, &event("x")), [id("hello")]);
}

#[test]
fn a_target_brings_the_retries_of_its_current_version() {
    let mut table = Table::default();
    let patient = Policy { max_attempts: 9, backoff_s: 2.0, backoff_max_s: 20.0 };
    register(&mut table, "default", "hello");
    build(&mut table, "hello", 1, Manifest { retry: patient, ..manifest(vec![on("**", json!({}))]) });
    start(&mut table, "hello", 1);
    let target = Target { function: id("hello"), retry: patient };
    assert_eq!(table.targets(&event("x")), std::slice::from_ref(&target));
    let addressed = Received { target: Some(id("hello")), ..event("x") };
    assert_eq!(table.targets(&addressed), [target]);
}

#[test]
fn an_event_for_one_function_reaches_that_one_alone_whatever_the_triggers() {
    let mut table = Table::default();
    run(&mut table, "hello", vec![Trigger::Http(HttpTrigger::default())]);
    run(&mut table, "greedy", vec![on("**", json!({}))]);
    let addressed = Received { target: Some(id("hello")), ..event("http.invoke") };
    assert_eq!(reached(&table, &addressed), [id("hello")]);
}

#[test]
fn an_event_for_a_function_that_does_not_run_still_asks_for_its_run() {
    let mut table = Table::default();
    let addressed = Received { target: Some(id("hello")), ..event("http.invoke") };
    let target = Target { function: id("hello"), retry: Policy::default() };
    assert_eq!(table.targets(&addressed), std::slice::from_ref(&target), "never registered");
    register(&mut table, "default", "hello");
    assert_eq!(table.targets(&addressed), [target], "never built");
}

#[test]
fn targets_come_in_the_order_of_their_ids() {
    let mut table = Table::default();
    let mut expected = Vec::new();
    for n in 0..20 {
        let name = format!("f{n}");
        run(&mut table, &name, vec![on("**", json!({}))]);
        expected.push(id(&name));
    }
    expected.sort();
    assert_eq!(reached(&table, &event("x")), expected);
}

#[test]
fn events_of_a_function_that_was_never_registered_are_ignored() {
    let mut table = Table::default();
    build(&mut table, "ghost", 1, manifest(vec![on("**", json!({}))]));
    start(&mut table, "ghost", 1);
    assert_eq!(reached(&table, &event("x")), []);
}

#[test]
fn an_event_looks_at_the_functions_of_its_namespace_alone() {
    let mut table = Table::default();
    for (namespace, count) in [("quiet", 1), ("loud", 50)] {
        for index in 0..count {
            let name = format!("{namespace}-{index}");
            register(&mut table, namespace, &name);
            build(&mut table, &name, 1, manifest(vec![on("**", json!({ "data.a.b.c": 1 }))]));
            start(&mut table, &name, 1);
        }
    }
    let candidates = |table: &Table, namespace: &str| table.candidates(namespace).count();
    assert_eq!([candidates(&table, "quiet"), candidates(&table, "loud"), candidates(&table, "none")], [1, 50, 0]);
    table.evolve(id("quiet-0"), &Event::Deregistered(Deregistered { at: at(4) }));
    assert_eq!(candidates(&table, "quiet"), 0);
    assert!(!table.members.contains_key("quiet"));
}
