//! Agreement with other implementations of CloudEvents: the SDK, and the function wrappers.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cloudevents::{AttributesReader, EventBuilder, EventBuilderV10};
use domain::cloudevent::{Attribute, Data, Draft, Event, Origin, Sender, body_of, is_json, structured};
use domain::{Json, event};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use crate::any;

const KINDS: [&str; 6] =
    ["application/json", "application/vnd.thing+json", "text/plain; charset=utf-8", "text/csv", "image/png", "a/b"];

fn kind() -> impl Strategy<Value = Option<&'static str>> {
    option::weighted(0.8, proptest::sample::select(KINDS.to_vec()))
}

/// JSON, text, bytes, or nothing.
fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::value().prop_map(|value| value.to_string().into_bytes()),
        any::text().prop_map(String::into_bytes),
        vec(any::<u8>(), 0..6),
    ]
}

/// The SDK's data, converted.
fn theirs(data: Option<&cloudevents::Data>) -> Option<Value> {
    Some(match data? {
        cloudevents::Data::Json(value) => value.clone(),
        cloudevents::Data::String(text) => Value::from(text.as_str()),
        cloudevents::Data::Binary(bytes) => Value::from(STANDARD.encode(bytes)),
    })
}

fn ours(data: Option<Data>) -> Option<Value> {
    Some(match data? {
        Data::Json(json) => json.value(),
        Data::Text(text) => Value::from(text),
        Data::Bytes(bytes) => Value::from(STANDARD.encode(bytes)),
    })
}

/// Data, where null is absent.
fn something(data: Option<Value>) -> Option<Value> {
    data.filter(|data| !data.is_null())
}

proptest! {
    #[test]
    fn what_is_taken_is_the_same_event_to_the_sdk(
        (id, source, type_) in ("[a-z0-9]{1,8}", "/[a-z]{1,8}", "[a-z]{1,5}[.][a-z]{1,5}"),
        subject in option::of("[a-z\u{e4} ]{1,8}"),
        shard in option::of(any::<i32>()),
        kind in kind(),
        body in body(),
    ) {
        let mut draft = Draft::default();
        let all = [("specversion", "1.0"), ("id", &id), ("source", &source), ("type", &type_)];
        let all = all.into_iter().chain(subject.as_deref().map(|subject| ("subject", subject)));
        all.for_each(|(name, text)| draft.add(name, Attribute::Text(text.to_owned()), "attribute"));
        if let Some(shard) = shard {
            draft.add("shard", Attribute::Integer(shard), "attribute");
        }
        // A body declared as JSON that is not JSON is not an event.
        let Ok(data) = Data::of(Sender::Publisher, kind, &body) else {
            prop_assert!(draft.with_body(kind, &body).finish(Origin::Sender).is_err());
            return Ok(());
        };
        let taken = draft.with_body(kind, &body).finish(Origin::Sender).expect("it fits the specification");
        let read: cloudevents::Event = serde_json::from_str(taken.json.get()).expect("the SDK reads it");
        prop_assert_eq!((read.id(), read.ty()), (taken.id.as_str(), taken.kind.as_str()));
        prop_assert_eq!(read.source().to_string(), taken.source.clone());
        prop_assert_eq!((read.subject(), read.datacontenttype()), (subject.as_deref(), kind));
        prop_assert_eq!(read.extension("shard").map(ToString::to_string), shard.map(|shard| shard.to_string()));
        prop_assert_eq!(something(theirs(read.data())), something(ours(data)));
        prop_assert_eq!(structured(taken.json.get()), Ok(taken));
    }

    #[test]
    fn what_the_sdk_writes_is_taken(
        (id, type_) in ("[a-z0-9]{1,8}", "[a-z]{1,5}[.][a-z]{1,5}"),
        value in any::value().prop_filter("something", |value| !value.is_null()),
        bytes in option::of(vec(any::<u8>(), 1..6)),
    ) {
        let builder = EventBuilderV10::new().id(&id).ty(&type_).source("https://example.com/shop");
        let written = match &bytes {
            Some(bytes) => builder.data("image/png", bytes.clone()),
            None => builder.data("application/json", value),
        };
        let written = written.build().expect("an event");
        let taken = structured(&serde_json::to_string(&written).expect("it is written")).expect("it is taken");
        prop_assert_eq!((taken.id, taken.kind, taken.source.as_str()), (id, type_, "https://example.com/shop"));
        let json = taken.json.value();
        let member = if bytes.is_some() { "data_base64" } else { "data" };
        prop_assert_eq!(json.get(member).cloned(), theirs(written.data()));
    }

    #[test]
    fn an_event_of_our_own_is_one_to_the_sdk(
        (id, source) in ("[a-z0-9]{1,8}", "/[a-z]{1,8}"),
        kind in proptest::sample::select(KINDS.to_vec()),
        body in body(),
        sender in proptest::sample::select(vec![Sender::Caller { exact: false }, Sender::Caller { exact: true }, Sender::Provider]),
    ) {
        let data = Data::of(sender, Some(kind), &body).expect("only a publisher's body is refused");
        let of = |data| Event { datacontenttype: Some(kind), data, ..Event::<()>::new("a.b", &id, &source) }.json();
        let read: cloudevents::Event = serde_json::from_str(of(data.clone()).get()).expect("the SDK reads it");
        prop_assert_eq!((read.id(), read.source().to_string()), (id.as_str(), source.clone()));
        prop_assert_eq!(something(theirs(read.data())), something(ours(data)));
    }

    /// An erased event is still an event.
    #[test]
    fn what_is_left_of_an_event_is_one_to_the_sdk(received in any::received(), at in any::time()) {
        let named = event::Received { event_id: "1".into(), source: "/shop".into(), kind: "a.b".into(), ..received };
        let left = domain::erasure::of_event(&event::Event::Received(Box::new(named)), at);
        let Some(event::Event::Received(left)) = left else { panic!("something is left") };
        prop_assert!(serde_json::from_str::<cloudevents::Event>(left.event.get()).is_ok());
    }
}

/// The conformance table of the wrappers: their treatment of bodies equals what the platform records.
#[test]
fn the_wrappers_take_bodies_for_what_the_platform_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../runtimes/conformance.json");
    let table: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut calls, mut events) = (0, 0);
    for row in table["services"].as_array().unwrap() {
        let (request, expected) = (&row["request"], &row["expect"]["json"]);
        let headers = &request["headers"];
        let bytes = match (request["body_base64"].as_str(), request["body"].as_str()) {
            (Some(encoded), _) => STANDARD.decode(encoded).unwrap(),
            (None, Some(text)) => text.as_bytes().to_vec(),
            (None, None) => continue,
        };
        let Some(kind) = headers["content-type"].as_str().filter(|_| expected.get("data").is_some()) else { continue };
        if kind.starts_with("application/cloudevents+json") {
            let Some(raw) = expected["raw"].as_str() else { continue };
            let event: Value = serde_json::from_slice(&bytes).unwrap();
            let data = Json::from(&event["data"]);
            let body = match event["http"]["rawBody"].as_str().or(event["data_base64"].as_str()) {
                Some(encoded) => STANDARD.decode(encoded).unwrap(),
                None => body_of(data.get(), event["datacontenttype"].as_str()).into_owned(),
            };
            assert_eq!(STANDARD.encode(body), raw, "{}", row["name"]);
            events += 1;
        // Wrappers decode content encodings and charsets; the platform passes bytes on.
        } else if headers.get("ce-id").is_none()
            && headers.get("content-encoding").is_none()
            && std::str::from_utf8(&bytes).is_ok()
            && !kind.contains("charset=utf-16")
            && (is_json(kind) || kind.starts_with("text/"))
        {
            let data = ours(Data::of(Sender::Caller { exact: false }, Some(kind), &bytes).unwrap());
            assert!(contains(data.as_ref().unwrap_or(&Value::Null), &expected["data"]), "{}: {data:?}", row["name"]);
            calls += 1;
        }
    }
    assert!(calls >= 5 && events >= 2, "{calls} calls, {events} events");
}

/// Whether a value contains the expected one; additional members of objects are ignored.
fn contains(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Object(found), Value::Object(expected)) => {
            expected.iter().all(|(name, expected)| found.get(name).is_some_and(|found| contains(found, expected)))
        }
        _ => found == expected,
    }
}
