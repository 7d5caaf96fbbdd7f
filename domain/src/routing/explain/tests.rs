//! The reasons agree with the routing table, and each says why an event did not arrive.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Why, explain};
use crate::event::{self, Received};
use crate::function::{self, Event, Made, event::*};
use crate::json::Json;
use crate::manifest::{HttpTrigger, Manifest, Runtime, Trigger};
use crate::routing::Table;
use crate::testing::at;

fn id() -> function::Id {
    function::id("default", "hello", 1)
}

fn on(pattern: &str, filter: &Value) -> Trigger {
    Trigger::Event { pattern: pattern.into(), filter: filter.as_object().cloned().unwrap_or_default() }
}

/// The history of a running function whose only version has these triggers.
fn life(triggers: Vec<Trigger>) -> Vec<Event> {
    let registered = Registered {
        id: id(),
        namespace: "default".into(),
        name: "hello".into(),
        generation: 1,
        source: Source::Bundle { digest: "sha256:00".into() },
        manifest: None,
        at: at(0),
    };
    let built = BuildSucceeded {
        build: uuid::Uuid::from_u128(1).into(),
        version: 1,
        made: Made::artifact("sha256:00", 1),
        manifest: Box::new(Manifest { triggers, ..Manifest::of(Runtime::Node) }),
        commit: None,
        at: at(1),
    };
    let asked = BuildRequested { build: built.build, source: registered.source.clone(), manifest: None, at: at(1) };
    let begun = BuildStarted { build: built.build, node: "node-1".into(), at: at(1) };
    vec![
        Event::Registered(registered),
        Event::BuildRequested(asked),
        Event::BuildStarted(begun),
        Event::BuildSucceeded(built),
        Event::Started(Started { version: 1, at: at(2) }),
    ]
}

fn event(kind: &str) -> Received {
    Received {
        id: event::id("default", "/shop", "1"),
        namespace: "default".into(),
        kind: kind.into(),
        source: "/shop".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::parse(r#"{"data":{"kind":"image","size":3}}"#).unwrap(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(9),
    }
}

fn why(events: &[Event], event: &Received) -> Why {
    let fold = |state, event| <function::Aggregate as crate::Aggregate>::evolve(state, event);
    explain(&events.iter().fold(None, fold).unwrap(), event)
}

#[test]
fn each_reason_says_what_stood_in_the_way() {
    let none = json!({});
    let videos = json!({"data.kind": "video"});
    let table = [
        (vec![on("file.*", &none)], "file.uploaded", "Its trigger `file.*` matches the type."),
        (
            vec![on("file.*", &json!({"data.kind": "image"}))],
            "file.uploaded",
            "Its trigger `file.*` matches the type, and the content meets its filter.",
        ),
        (vec![Trigger::Http(HttpTrigger::default())], "file.uploaded", "It has no event trigger."),
        (
            vec![on("user.*", &none), on("shop.**", &none)],
            "file.uploaded",
            "It listens to `user.*`, `shop.**`, which does not match the type.",
        ),
        (
            vec![on("file.*", &videos)],
            "file.uploaded",
            "Its trigger `file.*` matches the type, but its filter asks for \"video\" at `data.kind`: there was \"image\".",
        ),
        (
            vec![on("file.*", &json!({"data.owner": 7}))],
            "file.uploaded",
            "Its trigger `file.*` matches the type, but its filter asks for 7 at `data.owner`: there was nothing.",
        ),
    ];
    for (triggers, kind, sentence) in table {
        assert_eq!(why(&life(triggers), &event(kind)).to_string(), sentence);
    }
}

#[test]
fn a_function_that_did_not_run_is_told_with_its_state() {
    let mut events = life(vec![on("**", &json!({}))]);
    events.push(Event::Stopped(Stopped { reason: None, at: at(3) }));
    assert_eq!(why(&events, &event("x")), Why::NotRunning { state: "STOPPED" });
    assert_eq!(why(&events[..1], &event("x")), Why::NotRunning { state: "REGISTERED" });
}

#[test]
fn an_event_for_one_function_is_for_no_other() {
    let events = life(vec![on("**", &json!({}))]);
    let addressed = |target| Received { target: Some(target), ..event("x") };
    assert_eq!(why(&events, &addressed(id())), Why::Target);
    assert_eq!(why(&events, &addressed(function::id("default", "other", 1))), Why::OtherTarget);
    assert_eq!(why(&events, &Received { namespace: "other".into(), ..event("x") }), Why::OtherNamespace);
}

#[test]
fn a_long_value_is_cut_in_the_sentence() {
    let wanted = "é".repeat(500);
    let sentence = why(&life(vec![on("**", &json!({ "data.kind": wanted }))]), &event("x")).to_string();
    assert!(sentence.chars().count() < 200, "{sentence}");
}

proptest! {
    #[test]
    fn the_reason_agrees_with_where_the_event_goes(
        patterns in proptest::collection::vec((
            prop_oneof![Just("**"), Just("file.*"), Just("file.uploaded"), Just("user.registered")],
            prop_oneof![Just(json!({})), Just(json!({"data.kind": "image"})), Just(json!({"data.size": 4}))],
        ), 0..4),
        steps in 1..6_usize,
        stopped in any::<bool>(),
        kind in prop_oneof![Just("file.uploaded"), Just("user.registered"), Just("x")],
        namespace in prop_oneof![4 => Just("default"), 1 => Just("other")],
    ) {
        let mut events = life(patterns.iter().map(|(pattern, filter)| on(pattern, filter)).collect());
        events.truncate(steps);
        if stopped && steps == 5 {
            events.push(Event::Stopped(Stopped { reason: None, at: at(3) }));
        }
        let event = Received { namespace: namespace.into(), ..event(kind) };
        let mut table = Table::default();
        for happened in &events {
            table.evolve(id(), happened);
        }
        prop_assert_eq!(why(&events, &event).reached(), !table.targets(&event).is_empty());
    }
}
