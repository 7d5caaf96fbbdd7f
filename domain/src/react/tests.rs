//! The reactions to every type of event.

use super::{Everywhere, InOrder, Once, Reaction, everywhere, once, react};
use crate::aggregate::Payload;
use crate::recorded::{Cause, Recorded};
use crate::{Stream, event, function, golden, run};

fn recorded<E: Payload>(stream: Stream, event: &E) -> Recorded {
    Recorded {
        position: 1,
        stream,
        version: 1,
        id: uuid::Uuid::from_u128(1),
        kind: event.kind().into(),
        data: event.encode().into(),
        at: event.at(),
        cause: Cause { actor: Some("user:ada".into()), ..Cause::default() },
        hash: [0; 32],
    }
}

/// Short names of the reactions.
fn names(recorded: &Recorded) -> String {
    let name = |reaction: &Reaction| match reaction {
        Reaction::Everywhere(Everywhere::Build { .. }) => "build",
        Reaction::Everywhere(Everywhere::CancelBuild(_)) => "cancel build",
        Reaction::Everywhere(Everywhere::Reconcile { started: Some(_), .. }) => "reconcile (started)",
        Reaction::Everywhere(Everywhere::Reconcile { started: None, .. }) => "reconcile",
        Reaction::Everywhere(Everywhere::Resize(_)) => "resize",
        Reaction::Everywhere(Everywhere::Abort(_)) => "abort",
        Reaction::Everywhere(Everywhere::ForgetNumbers(_)) => "forget numbers",
        Reaction::Once(Once::RollOut { .. }) => "roll out",
        Reaction::Once(Once::DeliverAt { .. }) => "deliver later",
        Reaction::Once(Once::Redrive { .. }) => "redrive",
        Reaction::Once(Once::InOrder(InOrder::Change(..))) => "change",
        Reaction::Once(Once::InOrder(InOrder::Route { .. })) => "route",
        Reaction::Once(Once::InOrder(InOrder::Deliver(_))) => "deliver",
    };
    react(recorded).unwrap().iter().map(name).collect::<Vec<_>>().join(", ")
}

fn of_runs() -> impl Iterator<Item = Recorded> {
    let id = run::id(event::id("default", "/shop", "order-7"), function::id("default", "thumbnails", 1));
    golden::runs().into_iter().map(move |event| recorded(Stream::run(id), &event))
}

fn of_functions() -> impl Iterator<Item = Recorded> {
    let id = function::id("default", "thumbnails", 1);
    golden::functions().into_iter().map(move |event| recorded(Stream::function(id), &event))
}

fn of_events() -> impl Iterator<Item = Recorded> {
    let id = event::id("default", "/shop", "order-7");
    golden::events().into_iter().map(move |event| recorded(Stream::event(id), &event))
}

#[test]
fn what_follows_from_each_event_of_a_function() {
    for recorded in of_functions() {
        let expected = match &*recorded.kind {
            "Registered" => "change",
            "BuildRequested" => "build",
            "BuildCancelled" => "cancel build",
            "BuildSucceeded" => "roll out, change",
            "Started" => "reconcile (started), resize, change",
            "VersionPromoted" => "reconcile, resize, change",
            "Stopped" => "reconcile, change",
            "Deregistered" => "reconcile, forget numbers, change",
            "TrafficShifted" => "reconcile, resize",
            "Updated" | "BuildStarted" | "BuildFailed" | "InstanceFailed" | "InstanceRecovered" => "",
            kind => panic!("no test has what follows from {kind}"),
        };
        assert_eq!(names(&recorded), expected, "{}", recorded.kind);
    }
}

#[test]
fn what_follows_from_each_event_of_a_run() {
    for recorded in of_runs() {
        let expected = match &*recorded.kind {
            "Requested" => "deliver",
            "AttemptFailed" => "deliver later",
            "Cancelled" => "abort",
            "Redriven" => "redrive",
            "Started" | "Succeeded" | "Failed" | "TimedOut" | "DeadLettered" | "Deferred" | "Answered" | "Purged"
            | "CallbackFailed" | "CallbackDelivered" | "Erased" => "",
            kind => panic!("no test has what follows from {kind}"),
        };
        assert_eq!(names(&recorded), expected, "{}", recorded.kind);
    }
}

#[test]
fn a_received_event_is_routed() {
    for recorded in of_events() {
        assert_eq!(names(&recorded), if &*recorded.kind == "Received" { "route" } else { "" });
    }
}

#[test]
fn nothing_follows_from_the_events_of_a_namespace() {
    for event in golden::namespaces() {
        assert_eq!(names(&recorded(Stream::namespace("default"), &event)), "");
    }
}

#[test]
fn a_reaction_carries_what_it_takes_to_do_it() {
    let received = of_events().next().unwrap();
    let Reaction::Once(Once::InOrder(InOrder::Route { received: of, record, cause })) =
        react(&received).unwrap().remove(0)
    else {
        panic!("it is routed")
    };
    assert_eq!((of.event_id.as_str(), record, cause), ("order-7", received.id, received.cause.clone()));
    let requested = of_runs().next().unwrap();
    let Reaction::Once(Once::InOrder(InOrder::Deliver(asked))) = react(&requested).unwrap().remove(0) else {
        panic!("it is delivered")
    };
    assert_eq!(asked.cause, requested.cause);
}

#[test]
fn what_is_passed_over_undecoded_has_no_consequences() {
    let namespaces = golden::namespaces().into_iter().map(|event| recorded(Stream::namespace("default"), &event));
    for recorded in of_functions().chain(of_runs()).chain(of_events()).chain(namespaces) {
        let each = everywhere(&recorded).unwrap().into_iter().map(Reaction::Everywhere);
        let found: Vec<_> = each.chain(once(&recorded).unwrap().into_iter().map(Reaction::Once)).collect();
        assert_eq!(found, react(&recorded).unwrap(), "{}", recorded.kind);
    }
}

#[test]
fn what_a_newer_server_wrote_of_a_function_is_noticed_and_most_of_a_run_is_not_even_read() {
    let mut newer = of_functions().next().unwrap();
    newer.kind = "Exploded".into();
    assert!(everywhere(&newer).is_err() && once(&newer).is_err());
    let mut over = of_runs().find(|recorded| &*recorded.kind == "Succeeded").unwrap();
    over.data = b"nonsense".as_slice().into();
    assert_eq!((everywhere(&over), once(&over)), (Ok(Vec::new()), Ok(Vec::new())));
}
