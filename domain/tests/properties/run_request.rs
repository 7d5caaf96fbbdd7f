//! Runs are requested in more than one place; whoever is first, the log gets the same record.

use domain::aggregate::Payload;
use domain::function::Made;
use domain::function::event::{BuildSucceeded, Registered, Source};
use domain::manifest::{Manifest, Runtime};
use domain::recorded::Fact;
use domain::run::event::Redriven;
use domain::run::{Phase, Run, RunRequest};
use domain::{Cause, Recorded, Stream, event, function, retry, routing, run};
use proptest::prelude::*;
use uuid::Uuid;

use crate::any;

fn recorded<E: Payload>(stream: Stream, id: Uuid, cause: &Cause, event: &E) -> Recorded {
    Recorded {
        position: 1,
        stream,
        version: 1,
        id,
        kind: event.kind().into(),
        data: event.encode().into(),
        at: event.at(),
        cause: cause.clone(),
        hash: [0; 32],
    }
}

/// The routing table if a function's current version has this policy.
fn table(id: function::Id, retry: retry::Policy) -> routing::Table {
    let at = chrono::DateTime::UNIX_EPOCH;
    let source = Source::Bundle { digest: "sha256:00".into() };
    let registered =
        Registered { id, namespace: "default".into(), name: "f".into(), generation: 1, source, manifest: None, at };
    let built = BuildSucceeded {
        build: Uuid::nil().into(),
        version: 1,
        made: Made::artifact("sha256:00", 1),
        manifest: Box::new(Manifest { retry, ..Manifest::of(Runtime::Node) }),
        commit: None,
        at,
    };
    let mut table = routing::Table::default();
    table.evolve(id, &function::Event::Registered(registered));
    table.evolve(id, &function::Event::BuildSucceeded(built));
    table
}

/// The bytes stored in the log.
fn bytes(asked: RunRequest) -> (Vec<u8>, Cause) {
    (run::Event::Requested(asked.requested).encode(), asked.cause)
}

proptest! {
    /// The ingress uses the version that is current when a call comes in; the relay the one at the event's log
    /// position.
    #[test]
    fn the_run_of_a_call_is_the_same_from_the_door_and_from_the_relay(
        taken in any::received(),
        function in any::id(),
        record in any::<u128>().prop_map(Uuid::from_u128),
        cause in any::cause(),
        at_the_door in any::policy(),
        in_the_log in any::policy(),
    ) {
        let retry = taken.asynchronous.then_some(at_the_door);
        let taken = event::Received { target: Some(function), retry, ..taken };
        let by_door = RunRequest::by_event(&taken, record, &cause, function, at_the_door);

        let event = event::Event::Received(Box::new(taken));
        let recorded = recorded(Stream::event(Uuid::nil().into()), record, &cause, &event);
        let Ok(Fact::Event(_, event::Event::Received(read))) = recorded.fact() else { panic!("it is an event") };
        let targets = table(function, in_the_log).targets(&read);
        prop_assert_eq!(targets.len(), 1);
        let target = targets[0].clone();
        let by_relay = RunRequest::by_event(&read, recorded.id, &recorded.cause, target.function, target.retry);
        prop_assert_eq!(bytes(by_door), bytes(by_relay));
    }

    #[test]
    fn the_run_that_follows_a_dead_one_is_the_same_from_the_door_and_from_the_relay(
        request in any::request(),
        delivery in any::delivery(),
        redriven in (any::id(), proptest::option::of(any::policy()), any::time())
            .prop_map(|(run, retry, at)| Redriven { run, retry, at }),
        record in any::<u128>().prop_map(Uuid::from_u128),
        cause in any::cause(),
    ) {
        let event = run::Event::Requested(run::event::Requested { request, delivery, at: redriven.at });
        let dead: Run = <run::Aggregate as domain::Aggregate>::evolve(None, &event).expect("it was asked for");
        prop_assert_eq!(&dead.phase, &Phase::Queued);
        let by_door = RunRequest::again(&dead, &redriven, record, &cause);

        let recorded = recorded(Stream::run(Uuid::nil().into()), record, &cause, &run::Event::Redriven(redriven));
        let Ok(Fact::Run(_, run::Event::Redriven(read))) = recorded.fact() else { panic!("it is a redrive") };
        let by_relay = RunRequest::again(&dead, &read, recorded.id, &recorded.cause);
        prop_assert_eq!(bytes(by_door), bytes(by_relay));
    }
}
