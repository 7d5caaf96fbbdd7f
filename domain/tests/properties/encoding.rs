//! Round trips: events, snapshots, ids, and the hash's coverage.

use std::fmt::Debug;

use chrono::{DateTime, Utc};
use domain::aggregate::Payload;
use domain::recorded::Fact;
use domain::{Cause, Id, Recorded, Stream, event, function, hash, namespace, run};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::any;

fn round_trip<E: Payload + Debug + PartialEq>(event: E) -> Result<(), TestCaseError> {
    let bytes = event.encode();
    prop_assert!(bytes.starts_with(b"{\"v\":"), "{}", String::from_utf8_lossy(&bytes));
    let read = E::decode(event.kind(), &bytes);
    prop_assert_eq!(read.as_ref(), Ok(&event), "{}", String::from_utf8_lossy(&bytes));
    prop_assert_eq!(read.map(|event| event.encode()), Ok(bytes));
    Ok(())
}

/// Arbitrary bytes are refused or decoded, without a panic.
fn survives<E: Payload>(kind: &str, bytes: &[u8]) {
    let _ = E::decode(kind, bytes).map(|event| (event.at(), event.encode()));
}

fn recorded(stream: Stream, kind: &str, data: Vec<u8>) -> Recorded {
    Recorded {
        position: 1,
        stream,
        version: 1,
        id: Uuid::nil(),
        kind: kind.into(),
        data: data.into(),
        at: DateTime::UNIX_EPOCH,
        cause: Cause::default(),
        hash: [0; 32],
    }
}

/// What a hash covers, from few texts and numbers, so that two of them are often nearly equal.
type Covered = (String, u64, u128, String, Vec<u8>, i64, Cause);

fn covered() -> impl Strategy<Value = Covered> {
    ("[ab]{0,2}", 0u64..2, 0u128..2, "[ab\0]{0,2}", vec(0u8..3, 0..3), -1i64..2, any::cause())
}

fn content((namespace, version, id, kind, data, micros, cause): &Covered) -> Vec<u8> {
    let mut out = Vec::new();
    let at = DateTime::<Utc>::from_timestamp_micros(*micros).expect("a time near the epoch");
    hash::content(&mut out, &Stream::namespace(namespace), *version, Uuid::from_u128(*id), kind, data, at, cause);
    out
}

proptest! {
    #[test]
    fn an_event_of_a_function_is_read_as_it_was_written(event in any::function_event()) {
        round_trip(event)?;
    }

    #[test]
    fn an_event_of_a_run_is_read_as_it_was_written(event in any::run_event()) {
        round_trip(event)?;
    }

    #[test]
    fn a_trigger_event_is_read_as_it_was_written(received in any::received()) {
        round_trip(event::Event::Received(Box::new(received)))?;
    }

    #[test]
    fn an_event_of_a_namespace_is_read_as_it_was_written(event in any::namespace_event()) {
        round_trip(event)?;
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written(manifest in any::manifest()) {
        let text = serde_json::to_string(&manifest).expect("it is written");
        prop_assert_eq!(serde_json::from_str::<domain::manifest::Manifest>(&text).ok(), Some(manifest), "{}", text);
    }

    #[test]
    fn a_recorded_event_is_known_by_its_stream(event in any::run_event(), id in any::<u128>()) {
        let id = Uuid::from_u128(id).into();
        let recorded = recorded(Stream::run(id), event.kind(), event.encode());
        prop_assert_eq!(recorded.fact(), Ok(Fact::Run(id, event)));
    }

    #[test]
    fn bytes_from_nowhere_are_refused_or_read(bytes in vec(any::<u8>(), 0..60), text in any::value(), pick in 0usize..32) {
        let kinds = [
            "Registered", "Updated", "BuildRequested", "BuildStarted", "BuildSucceeded", "BuildFailed",
            "BuildCancelled", "Started", "Stopped", "VersionPromoted", "TrafficShifted", "InstanceFailed",
            "InstanceRecovered", "Deregistered", "Requested", "AttemptFailed", "Succeeded", "Failed", "TimedOut", "Cancelled",
            "DeadLettered", "Deferred", "Answered", "Received", "Created", "MemberAdded", "RoleChanged", "MemberRemoved",
            "TokenCreated", "TokenRevoked", "SecretSet", "SecretRemoved", "QuotaSet", "", "Exploded",
        ];
        let members = format!("{{\"v\":1,\"at\":\"2026-01-01T00:00:00Z\",\"member\":{text}}}").into_bytes();
        for data in [bytes, members] {
            survives::<function::Event>(kinds[pick], &data);
            survives::<run::Event>(kinds[pick], &data);
            survives::<event::Event>(kinds[pick], &data);
            survives::<namespace::Event>(kinds[pick], &data);
        }
    }

    #[test]
    fn json_of_any_kind_can_be_looked_into(json in any::json()) {
        json.value();
        prop_assert_eq!(domain::Json::parse(json.get()).ok(), Some(json));
    }

    #[test]
    fn the_hash_covers_every_column(one in covered(), other in covered()) {
        prop_assert_eq!(content(&one) == content(&other), one == other);
    }

    #[test]
    fn different_parts_derive_different_ids(one in vec("[a\0]{0,2}", 0..4), other in vec("[a\0]{0,2}", 0..4)) {
        fn derive(parts: &[String]) -> Id<()> {
            Id::derive("k", &parts.iter().map(String::as_str).collect::<Vec<_>>())
        }
        prop_assert_eq!(derive(&one) == derive(&other), one == other);
    }

    #[test]
    fn a_stream_is_read_as_it_was_written(id in any::<u128>(), name in "[a-z][a-z0-9-]{0,10}[a-z0-9]") {
        let id = Uuid::from_u128(id);
        let streams =
            [Stream::function(id.into()), Stream::run(id.into()), Stream::event(id.into()), Stream::namespace(&name)];
        for stream in streams {
            prop_assert_eq!(stream.as_str().parse(), Ok(stream.clone()));
        }
    }

    #[test]
    fn any_text_is_a_stream_or_refused(text in "(function|run|event|namespace|.{0,4})-?.{0,40}") {
        if let Ok(stream) = text.parse::<Stream>() {
            prop_assert!(stream.subject().is_ok());
        }
    }
}
