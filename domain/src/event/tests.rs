//! A trigger event is received once, and never changed.

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
        callback: None,
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
fn an_event_is_known_by_its_namespace_source_and_id() {
    let id = super::id("default", "/shop", "1");
    assert_eq!(id, super::id("default", "/shop", "1"));
    for other in [("other", "/shop", "1"), ("default", "/blog", "1"), ("default", "/shop", "2")] {
        assert_ne!(id, super::id(other.0, other.1, other.2), "{other:?}");
    }
}
