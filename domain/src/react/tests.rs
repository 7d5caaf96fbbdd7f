//! What follows from each event, all types of them.

use super::{Reaction, has_consequences, react};
use crate::aggregate::Payload;
use crate::recorded::{Fact, Recorded};
use crate::{Cause, Stream, event, function, golden, run};

#[test]
fn what_follows_from_each_event_of_a_function() {
    let id = function::id("default", "thumbnails", 1);
    for event in golden::functions() {
        let expected = match &event {
            function::Event::BuildRequested(e) => vec![Reaction::Build(id, e.build)],
            function::Event::BuildSucceeded(e) => vec![Reaction::RollOut(id, e.version)],
            function::Event::BuildCancelled(e) => vec![Reaction::CancelBuild(e.build)],
            other => match other.kind() {
                "Started" | "Stopped" | "VersionPromoted" | "TrafficShifted" | "Deregistered" => {
                    vec![Reaction::Reconcile(id)]
                }
                "Registered" | "Updated" | "BuildStarted" | "BuildFailed" | "InstanceFailed" | "InstanceRecovered" => {
                    vec![]
                }
                kind => panic!("nobody said what follows from {kind}"),
            },
        };
        let kind = event.kind();
        assert_eq!(react(&Fact::Function(id, event)), expected, "{kind}");
    }
}

#[test]
fn what_follows_from_each_event_of_a_run() {
    let function = function::id("default", "thumbnails", 1);
    let id = run::id(event::id("default", "/shop", "order-7"), function);
    for event in golden::runs() {
        let expected = match &event {
            run::Event::Requested(_) => vec![Reaction::Deliver(id, function)],
            run::Event::AttemptFailed(e) => vec![Reaction::DeliverAt(id, e.due)],
            run::Event::Cancelled(_) => vec![Reaction::Abort(id)],
            run::Event::Redriven(e) => vec![Reaction::Redrive(id, e.run)],
            other => match other.kind() {
                "Started" | "Succeeded" | "Failed" | "TimedOut" | "DeadLettered" | "Deferred" | "Answered"
                | "Purged" | "CallbackFailed" | "CallbackDelivered" | "Erased" => vec![],
                kind => panic!("nobody said what follows from {kind}"),
            },
        };
        let kind = event.kind();
        assert_eq!(react(&Fact::Run(id, event)), expected, "{kind}");
    }
}

#[test]
fn a_received_event_is_routed() {
    let id = event::id("default", "/shop", "order-7");
    for event in golden::events() {
        let expected = if event.kind() == "Received" { vec![Reaction::Route(id)] } else { vec![] };
        assert_eq!(react(&Fact::Event(id, event)), expected);
    }
}

#[test]
fn nothing_follows_from_the_events_of_a_namespace() {
    for event in golden::namespaces() {
        assert_eq!(react(&Fact::Namespace("default".into(), event)), []);
    }
}

#[test]
fn a_record_that_is_passed_over_undecoded_has_no_consequences() {
    let id = run::id(event::id("default", "/shop", "order-7"), function::id("default", "thumbnails", 1));
    for event in golden::runs() {
        let recorded = Recorded {
            position: 1,
            stream: Stream::run(id),
            version: 1,
            id: id.uuid(),
            kind: event.kind().into(),
            data: event.encode().into(),
            at: event.at(),
            cause: Cause::default(),
            hash: [0; 32],
        };
        let follows = !react(&recorded.fact().unwrap()).is_empty();
        assert_eq!(has_consequences(&recorded), follows, "{}", event.kind());
    }
}
