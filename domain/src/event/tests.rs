//! A trigger event is received once and never changed.

use super::{Aggregate, Command, Event, Received};
use crate::json::Json;
use crate::testing::{Given, at};

fn given(events: impl IntoIterator<Item = Event>) -> Given<Aggregate> {
    crate::testing::given(events)
}

fn received(data: &str) -> Box<Received> {
    Box::new(Received {
        id: super::id("default", "/shop", "1"),
        namespace: "default".into(),
        kind: "file.uploaded".into(),
        source: "/shop".into(),
        event_id: "1".into(),
        subject: None,
        event: Json::parse(data).unwrap(),
        target: None,
        asynchronous: false,
        retry: None,
        callback: None,
        erased_at: None,
        at: at(0),
    })
}

#[test]
fn an_event_is_received() {
    let after = given([]).when(Command::Receive(received("{}"))).then([Event::Received(received("{}"))]);
    assert_eq!(after.state, Some(*received("{}")));
}

#[test]
fn an_event_sent_twice_is_received_once() {
    given([Event::Received(received("{}"))]).when(Command::Receive(received("{}"))).then_nothing();
}

#[test]
fn the_first_answer_counts_when_the_same_id_comes_with_other_content() {
    let after = given([Event::Received(received("{}"))]).when(Command::Receive(received("[1]"))).then_nothing();
    assert_eq!(after.state, Some(*received("{}")));
    let after = given([Event::Received(received("{}")), Event::Received(received("[1]"))]);
    assert_eq!(after.state, Some(*received("{}")));
}

#[test]
fn an_event_that_is_erased_keeps_what_it_is_known_by() {
    let content = r#"{"specversion":"1.0","id":"1","data":{"name":"Ada"}}"#;
    let before = Received { subject: Some("Ada".into()), ..*received(content) };
    let erase = |at| Command::Erase { payloads: Vec::new(), at };
    let event = Event::Received(Box::new(before));
    let after = given([event.clone()])
        .when(erase(at(5)))
        .then([Event::Erased(super::Erased { payloads: Vec::new(), at: at(5) })]);
    let left = after.state.clone().unwrap();
    assert_eq!((left.event_id.as_str(), left.source.as_str(), left.erased_at), ("1", "/shop", Some(at(5))));
    assert!(left.subject.is_none() && !left.event.get().contains("Ada"), "{left:?}");
    // The overwritten record agrees with the erasure event.
    let written = crate::erasure::of_event(&event, at(5)).unwrap();
    assert_eq!(written, Event::Received(Box::new(left)));
    assert_eq!(crate::erasure::of_event(&written, at(6)), None);
    given([written.clone()]).when(erase(at(6))).then_nothing();
    let recorded = crate::Recorded {
        position: 1,
        stream: crate::Stream::event(super::id("default", "/shop", "1")),
        version: 1,
        id: uuid::Uuid::nil(),
        kind: crate::aggregate::Payload::kind(&written).into(),
        data: crate::aggregate::Payload::encode(&written).into(),
        at: at(0),
        cause: crate::Cause::default(),
        hash: [0; 32],
    };
    assert_eq!(crate::react::react(&recorded), Ok(Vec::new()));
}

#[test]
fn an_event_is_known_by_its_namespace_source_and_id() {
    let id = super::id("default", "/shop", "1");
    assert_eq!(id, super::id("default", "/shop", "1"));
    for other in [("other", "/shop", "1"), ("default", "/blog", "1"), ("default", "/shop", "2")] {
        assert_ne!(id, super::id(other.0, other.1, other.2), "{other:?}");
    }
}
