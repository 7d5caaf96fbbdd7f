//! What is planned, and when it fires.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::*;
use crate::function::{Made, event::*};
use crate::manifest::{CatchUp, Manifest, Runtime};

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().expect("a time")
}

/// Noon plus a number of seconds.
fn at(seconds: i64) -> DateTime<Utc> {
    utc("2026-01-01T12:00:00Z") + TimeDelta::seconds(seconds)
}

fn id(name: &str) -> function::Id {
    function::id("default", name, 1)
}

fn minutely() -> Schedule {
    Schedule::new("* * * * *", "UTC")
}

fn register(plan: &mut Plan, name: &str) {
    let source = Source::Bundle { digest: "sha256:00".into() };
    let (namespace, name_text) = ("default".to_owned(), name.to_owned());
    let event =
        Registered { id: id(name), namespace, name: name_text, generation: 1, source, manifest: None, at: at(0) };
    plan.evolve(id(name), &Event::Registered(event));
}

fn build(plan: &mut Plan, name: &str, version: u32, schedules: &[Schedule]) {
    let triggers = schedules.iter().cloned().map(Trigger::Schedule).collect();
    let event = BuildSucceeded {
        build: uuid::Uuid::from_u128(version.into()).into(),
        version,
        made: Made::artifact("sha256:00", 1),
        manifest: Box::new(Manifest { triggers, ..Manifest::of(Runtime::Node) }),
        commit: None,
        at: at(0),
    };
    plan.evolve(id(name), &Event::BuildSucceeded(event));
}

fn start(plan: &mut Plan, name: &str, version: u32, seconds: i64) {
    plan.evolve(id(name), &Event::Started(Started { version, at: at(seconds) }));
}

fn stop(plan: &mut Plan, name: &str, seconds: i64) {
    plan.evolve(id(name), &Event::Stopped(Stopped { reason: None, at: at(seconds) }));
}

fn promote(plan: &mut Plan, name: &str, version: u32, previous: u32, seconds: i64) {
    let event = VersionPromoted { version, previous, reason: None, at: at(seconds) };
    plan.evolve(id(name), &Event::VersionPromoted(event));
}

/// Plans the new schedules as if nothing had ever fired. Returns their number.
fn resume(plan: &mut Plan) -> usize {
    let fresh = plan.take_fresh();
    fresh.iter().for_each(|key| plan.resume(*key, None).unwrap());
    fresh.len()
}

/// What fires at a time; settles it.
fn fire(plan: &mut Plan, seconds: i64) -> Vec<DateTime<Utc>> {
    let due = plan.due(at(seconds));
    due.iter().for_each(|due| plan.settle(due.timer.key, due.firing.through));
    due.into_iter().flat_map(|due| due.firing.times).collect()
}

fn running(schedules: &[Schedule]) -> Plan {
    let mut plan = Plan::default();
    register(&mut plan, "f");
    build(&mut plan, "f", 1, schedules);
    start(&mut plan, "f", 1, 30);
    resume(&mut plan);
    plan
}

#[test]
fn a_schedule_fires_at_each_of_its_times_once() {
    let mut plan = running(&[minutely()]);
    assert_eq!(plan.next(), Some(at(60)));
    assert!(fire(&mut plan, 59).is_empty());
    assert_eq!(fire(&mut plan, 60), [at(60)]);
    assert!(fire(&mut plan, 61).is_empty());
    assert_eq!(plan.next(), Some(at(120)));
    assert_eq!(fire(&mut plan, 130), [at(120)]);
}

#[test]
fn a_function_fires_from_its_start_to_its_stop() {
    let mut plan = Plan::default();
    register(&mut plan, "f");
    build(&mut plan, "f", 1, &[minutely()]);
    assert_eq!((resume(&mut plan), plan.next()), (0, None));
    start(&mut plan, "f", 1, 90);
    assert_eq!((resume(&mut plan), plan.next()), (1, Some(at(120))));
    stop(&mut plan, "f", 100);
    assert_eq!(plan.next(), None);
    plan.evolve(id("f"), &Event::Deregistered(Deregistered { at: at(110) }));
    start(&mut plan, "f", 1, 120);
    assert_eq!((resume(&mut plan), plan.next()), (0, None));
}

#[test]
fn the_time_that_a_function_was_stopped_is_not_caught_up() {
    let mut plan = running(&[Schedule { catch_up: CatchUp::All, ..minutely() }]);
    assert_eq!(fire(&mut plan, 60), [at(60)]);
    stop(&mut plan, "f", 70);
    start(&mut plan, "f", 1, 1000);
    let fresh = plan.take_fresh();
    plan.resume(fresh[0], Some(at(60))).unwrap();
    assert_eq!(fire(&mut plan, 1030), [at(1020)]);
}

#[test]
fn a_trigger_that_a_promotion_keeps_loses_no_time_by_it() {
    let mut plan = running(&[Schedule::new("@hourly", "UTC"), minutely()]);
    build(&mut plan, "f", 2, &[minutely(), Schedule::new("*/2 * * * *", "UTC")]);
    assert_eq!(resume(&mut plan), 0);
    // It was due before the promotion, and is handled after it.
    promote(&mut plan, "f", 2, 1, 61);
    assert_eq!(resume(&mut plan), 1);
    assert_eq!(fire(&mut plan, 62), [at(60)]);
    // The new trigger began with the promotion; the hourly one is gone.
    assert_eq!(fire(&mut plan, 120), [at(120), at(120)]);
    assert_eq!(fire(&mut plan, 3600).len(), 2);
}

#[test]
fn a_trigger_whose_settings_change_is_planned_anew_from_where_it_was() {
    let mut plan = running(&[minutely()]);
    build(&mut plan, "f", 2, &[Schedule { catch_up: CatchUp::All, ..minutely() }]);
    promote(&mut plan, "f", 2, 1, 200);
    let fresh = plan.take_fresh();
    assert_eq!((fresh.len(), plan.next()), (1, None));
    plan.resume(fresh[0], Some(at(60))).unwrap();
    assert_eq!(fire(&mut plan, 200), [at(120), at(180)]);
}

#[test]
fn what_was_dealt_with_before_a_restart_does_not_fire_again() {
    let mut plan = Plan::default();
    register(&mut plan, "f");
    build(&mut plan, "f", 1, &[minutely()]);
    start(&mut plan, "f", 1, 30);
    let fresh = plan.take_fresh();
    plan.resume(fresh[0], Some(at(120))).unwrap();
    assert_eq!(plan.next(), Some(at(180)));
}

#[test]
fn what_could_not_be_dealt_with_comes_again_with_all_that_is_due_by_then() {
    let mut plan = running(&[minutely()]);
    let due = plan.due(at(60));
    plan.later(due[0].timer.key, at(61));
    assert_eq!(plan.next(), Some(at(61)));
    assert_eq!(fire(&mut plan, 120), [at(120)], "and what is older than the grace by then was missed");
    let due = plan.due(at(180));
    plan.later(due[0].timer.key, at(181));
    assert_eq!(fire(&mut plan, 181), [at(180)]);
}

#[test]
fn what_is_dealt_with_after_a_stop_plans_nothing() {
    let mut plan = running(&[minutely()]);
    let due = plan.due(at(60));
    stop(&mut plan, "f", 60);
    plan.settle(due[0].timer.key, at(60));
    plan.later(due[0].timer.key, at(60));
    assert_eq!(plan.next(), None);
}

#[test]
fn a_pattern_that_was_stored_before_it_was_checked_plans_nothing() {
    let mut plan = Plan::default();
    register(&mut plan, "f");
    build(&mut plan, "f", 1, &[Schedule::new("99 * * * *", "UTC"), minutely()]);
    start(&mut plan, "f", 1, 30);
    let results: Vec<_> = plan.take_fresh().into_iter().map(|key| plan.resume(key, None).is_ok()).collect();
    assert_eq!(results.iter().filter(|fine| **fine).count(), 1);
    assert_eq!(fire(&mut plan, 60), [at(60)]);
}

#[test]
fn an_event_says_what_fired_or_what_the_manifest_says() {
    let mut plan = running(&[minutely()]);
    let timer = plan.due(at(60)).remove(0).timer;
    let received = timer.received(at(60), at(61));
    let trigger = timer.key.trigger.to_string();
    assert_eq!(
        received.event.value(),
        json!({
            "specversion": "1.0", "type": "schedule.triggered", "id": "2026-01-01T12:01:00Z", "time": "2026-01-01T12:01:00Z",
            "source": format!("/functions/default/f/schedules/{trigger}"), "datacontenttype": "application/json",
            "data": { "cron": "* * * * *", "timezone": "UTC", "due": "2026-01-01T12:01:00Z", "trigger": trigger },
        })
    );
    assert_eq!((received.target, received.asynchronous, received.at), (Some(id("f")), true, at(61)));
    assert_eq!(received.id, timer.received(at(60), at(99)).id);
    assert_ne!(received.id, timer.received(at(120), at(120)).id);
    let mut plan = running(&[Schedule { data: Some(json!({ "job": "nightly" })), ..minutely() }]);
    let timer = plan.due(at(60)).remove(0).timer;
    assert_eq!(timer.received(at(60), at(60)).event.value()["data"], json!({ "job": "nightly" }));
}

#[test]
fn ten_thousand_schedules_are_looked_at_only_when_they_are_due() {
    let mut plan = Plan::default();
    for n in 0..10_000u32 {
        let name = format!("f{n}");
        register(&mut plan, &name);
        build(&mut plan, &name, 1, &[Schedule::new(format!("{} * * * *", n % 60), "UTC")]);
        start(&mut plan, &name, 1, 0);
    }
    assert_eq!(resume(&mut plan), 10_000);
    let mut fired = 0;
    for minute in 1..=60 {
        let due = fire(&mut plan, minute * 60);
        assert!(due.iter().all(|time| *time == at(minute * 60)));
        fired += due.len();
    }
    assert_eq!(fired, 10_000);
}
