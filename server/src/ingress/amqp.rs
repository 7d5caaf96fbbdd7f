//! The entrance for messages: what other programs publish to RabbitMQ's exchange `eventflow.ingress` becomes events.
//!
//! Every server consumes; each message goes to one of them. It is acknowledged when its events are in the log. While
//! the log is unavailable it is held and retried; what can never be accepted goes to the dead-letter queue.

use std::time::Duration;

use domain::access::{Grants, Role};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::config::{Limits, Settings};
use crate::edge::Services;
use crate::ingress::cloudevent::{self, CloudEvent, MAX_BATCH, Origin};
use crate::operations::{self, Caller, Problem, Publication, Refusal, Viewer};
use crate::queue::rabbit::{InboxMessage, Message, Rabbit, too_large};

/// Prefixes of headers that hold CloudEvents attributes; the rest of the header's name is the attribute's.
const PREFIXES: &[&str] = &["cloudEvents:", "cloudEvents_", "ce-"];

/// Headers that name the namespace; the first one present counts.
const NAMESPACES: [&str; 2] = ["namespace", "x-namespace"];

/// The type of an event whose message does not name one.
const QUEUED: &str = "message.queued";

/// The pause after the log was unavailable for the first time; it doubles …
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// … up to this.
const LAST_PAUSE: Duration = Duration::from_secs(5);

/// Takes messages as long as the runtime lives. Must be called within a runtime.
pub fn start(services: Services, rabbit: Rabbit) {
    tokio::spawn(async move {
        loop {
            let limits = &services.settings.limits;
            let mut inbox = rabbit.inbox(limits.body.max(limits.event));
            // As many at once as the inbox delivers without acknowledgement.
            while let Ok(letter) = inbox.next().await {
                tokio::spawn(take(services.clone(), letter));
            }
            tracing::warn!("the queue eventflow.ingress was deleted; it is made again");
            tokio::time::sleep(LAST_PAUSE).await;
        }
    });
}

async fn take(services: Services, letter: InboxMessage) {
    let message = &letter.message;
    let caller = Caller::new(publisher(&services.settings, message.user.as_deref()));
    let publications = match read(message, &services.settings.namespace, &services.settings.limits) {
        Ok(publications) => publications,
        Err(problems) => return refuse(letter, &problems),
    };
    for publication in publications {
        let mut backoff = Backoff::new(FIRST_PAUSE, LAST_PAUSE);
        loop {
            match operations::publish_from_broker(&services, &caller, publication.clone()).await {
                Ok(_) => break,
                Err(Refusal::Refused(problems)) => return refuse(letter, &problems),
                Err(Refusal::Failed(fault)) => {
                    tracing::warn!(
                        event = publication.event.id,
                        error = fault.message(),
                        "a message waits for the log"
                    );
                    backoff.pause().await;
                }
            }
        }
    }
    letter.acknowledge();
}

/// Who published a message: the user whom the broker vouches for (`user-id`), or the broker itself. They may publish into the
/// namespaces that the settings name, and do nothing else.
fn publisher(settings: &Settings, user: Option<&str>) -> Viewer {
    let mut grants = Grants::default();
    match settings.edge.amqp_namespaces.names() {
        None => grants = Grants::everywhere(Role::Operator),
        Some(names) => names.iter().for_each(|name| grants.set(name, Some(Role::Operator))),
    }
    Viewer::of_installation(&format!("amqp:{}", user.unwrap_or("broker")), &grants)
}

fn refuse(letter: InboxMessage, problems: &[Problem]) {
    let message = &letter.message;
    let error = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    tracing::warn!(
        event = message.id,
        routing_key = message.routing_key,
        error,
        "message refused: it is in the dead queue"
    );
    letter.refuse();
}

/// The events of a message: in structured or batch mode by its content type, in binary mode by its headers, otherwise
/// one
/// event of the type `message.queued`.
pub(super) fn read(message: &Message, namespace: &str, limits: &Limits) -> Result<Vec<Publication>, Vec<Problem>> {
    let namespace = named(message).unwrap_or(namespace);
    let kind = message.content_type.as_deref();
    let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase();
    // As over HTTP, and before it is parsed: a batch may be as large as a body, a single event only as large as an
    // event.
    let is_batch = essence == "application/cloudevents-batch+json";
    let most = if is_batch { limits.body } else { limits.event };
    if message.body.len() > most {
        return Err(vec![Problem::new("payload_too_large", too_large(message.body.len(), most))]);
    }
    let not_json = |error| vec![Problem::new("bad_event", format!("the body is not JSON: {error}"))];
    let events = match essence.as_str() {
        "application/cloudevents+json" => {
            vec![cloudevent::structured(crate::edge::json::carried(&message.body).map_err(not_json)?.get())?]
        }
        "application/cloudevents-batch+json" => {
            let batch = crate::edge::json::carried(&message.body).map_err(not_json)?;
            let values: Vec<&RawValue> = serde_json::from_str(batch.get())
                .map_err(|_| vec![Problem::new("bad_event", "the body must be a JSON array of events")])?;
            if values.len() > MAX_BATCH {
                let message = format!("the batch has {} events, the most that is taken is {MAX_BATCH}", values.len());
                return Err(vec![Problem::new("payload_too_large", message)]);
            }
            values.into_iter().map(|value| cloudevent::structured(value.get())).collect::<Result<_, _>>()?
        }
        _ => vec![single(message, kind)?],
    };
    let namespace = namespace.to_owned();
    Ok(events.into_iter().map(|event| Publication { namespace: namespace.clone(), event }).collect())
}

/// The namespace in the headers, whose names may have any case.
fn named(message: &Message) -> Option<&str> {
    let is = |name: &str, wanted: &str| name.eq_ignore_ascii_case(wanted);
    let found = NAMESPACES.iter().find_map(|wanted| message.headers.iter().find(|(name, _)| is(name, wanted)));
    found.map(|(_, value)| value.as_str())
}

fn single(message: &Message, kind: Option<&str>) -> Result<CloudEvent, Vec<Problem>> {
    let attribute = |name: &str| PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)).map(str::to_owned);
    let mut attributes: Vec<(String, String)> =
        message.headers.iter().filter_map(|(name, value)| Some((attribute(name)?, value.clone()))).collect();
    if !attributes.is_empty() {
        return cloudevent::attributed(Origin::Sender, attributes, kind, &message.body);
    }
    let id = message.id.clone().unwrap_or_else(|| Uuid::now_v7().to_string());
    let source = format!("/amqp/{}/{}", escaped(&message.exchange), escaped(&message.routing_key));
    for (name, value) in [("specversion", "1.0"), ("id", &id), ("source", &source), ("type", QUEUED)] {
        attributes.push((name.to_owned(), value.to_owned()));
    }
    cloudevent::attributed(Origin::EntryPoint, attributes, kind.or_else(|| guessed(&message.body)), &message.body)
}

/// The media type of a body whose message names none.
fn guessed(body: &[u8]) -> Option<&'static str> {
    Some(match std::str::from_utf8(body) {
        _ if crate::edge::json::carried(body).is_ok() => "application/json",
        Ok(_) => "text/plain",
        Err(_) => "application/octet-stream",
    })
}

/// Escapes a name as a segment of a URI's path.
fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(byte)),
            byte => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(message: &Message, namespace: &str) -> Result<Vec<Publication>, Vec<Problem>> {
        super::read(message, namespace, &Limits::default())
    }

    fn message(headers: &[(&str, &str)], kind: Option<&str>, body: &str) -> Message {
        Message {
            exchange: "eventflow.ingress".into(),
            routing_key: "orders.eu".into(),
            content_type: kind.map(str::to_owned),
            headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
            ..Message::default()
        }
    }

    fn one(message: &Message) -> (String, serde_json::Value) {
        let mut publications = read(message, "default").unwrap();
        assert_eq!(publications.len(), 1);
        let Publication { namespace, event } = publications.remove(0);
        (namespace, event.json.value())
    }

    #[test]
    fn an_event_is_the_same_in_every_mode_and_under_every_prefix() {
        let structured = message(
            &[],
            Some("application/cloudevents+json; charset=utf-8"),
            r#"{"specversion":"1.0","id":"1","source":"/shop","type":"order.placed","subject":"café 50%","datacontenttype":"application/json","data":{"n":1}}"#,
        );
        let expected = one(&structured);
        assert_eq!(expected.0, "default");
        for prefix in PREFIXES {
            let headers = [
                ("specversion", "1.0"),
                ("id", "1"),
                ("source", "/shop"),
                ("type", "order.placed"),
                ("subject", "café 50%"),
            ]
            .map(|(name, value)| (format!("{prefix}{name}"), value));
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            assert_eq!(one(&message(&headers, Some("application/json"), r#"{"n":1}"#)), expected, "{prefix}");
        }
    }

    #[test]
    fn a_batch_is_as_many_events() {
        let event = |id: &str| json!({"specversion": "1.0", "id": id, "source": "/shop", "type": "order.placed"});
        let body = json!([event("1"), event("2")]).to_string();
        let read = read(&message(&[], Some("application/cloudevents-batch+json"), &body), "default").unwrap();
        let ids: Vec<_> = read.iter().map(|publication| publication.event.id.as_str()).collect();
        assert_eq!(ids, ["1", "2"]);
    }

    #[test]
    fn what_is_no_event_becomes_one() {
        let mut plain = message(&[("namespace", "shop"), ("x", "y")], None, r#"{"n":1}"#);
        plain.id = Some("m-1".into());
        plain.routing_key = "orders/eu 1".into();
        let (namespace, event) = one(&plain);
        assert_eq!(namespace, "shop");
        assert_eq!(
            event,
            json!({
                "specversion": "1.0", "id": "m-1", "source": "/amqp/eventflow.ingress/orders%2Feu%201",
                "type": "message.queued", "datacontenttype": "application/json", "data": {"n": 1},
            })
        );
        let text = one(&message(&[], None, "hello")).1;
        assert_eq!((&text["data"], &text["datacontenttype"]), (&json!("hello"), &json!("text/plain")));
        assert!(text["id"].as_str().is_some_and(|id| id.len() == 36), "{text}");
        let mut bytes = message(&[], None, "");
        bytes.body = vec![0, 255];
        assert_eq!(one(&bytes).1["data_base64"], "AP8=");
    }

    #[test]
    fn a_message_names_no_source_that_only_eventflow_names() {
        let hook = "/hooks/default/shop/github";
        let headers = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "a.b"), ("ce-source", hook)];
        let body = json!({"specversion": "1.0", "id": "1", "source": hook, "type": "a.b"});
        for refused in [
            message(&headers, None, ""),
            message(&[], Some("application/cloudevents+json"), &body.to_string()),
            message(&[], Some("application/cloudevents-batch+json"), &json!([body]).to_string()),
        ] {
            let problems = read(&refused, "default").unwrap_err();
            assert!(problems[0].message.contains("only EventFlow names"), "{problems:?}");
        }
        // The door's own source says how the message came, whatever its key looks like.
        let mut plain = message(&[], None, "x");
        plain.routing_key = "../../hooks/default/shop/github".into();
        assert_eq!(one(&plain).1["source"], "/amqp/eventflow.ingress/..%2F..%2Fhooks%2Fdefault%2Fshop%2Fgithub");
    }

    #[test]
    fn what_is_too_large_is_refused_before_it_is_read() {
        let limits = Limits { event: 100, body: 1000, ..Limits::default() };
        let refused =
            |kind, body: &str| super::read(&message(&[], kind, body), "default", &limits).unwrap_err()[0].code;
        let long = "x".repeat(101);
        // It is no JSON either, which nobody has looked at.
        for kind in [None, Some("text/plain"), Some("application/cloudevents+json")] {
            assert_eq!(refused(kind, &long), "payload_too_large");
        }
        let batch = Some("application/cloudevents-batch+json");
        assert_eq!(refused(batch, &"x".repeat(1001)), "payload_too_large");
        assert_eq!(refused(batch, &long), "bad_event");
        let many = format!("[{}]", vec!["{}"; MAX_BATCH + 1].join(","));
        let error = super::read(&message(&[], batch, &many), "default", &Limits::default()).unwrap_err();
        assert_eq!(error[0].code, "payload_too_large");
    }

    #[test]
    fn what_can_never_be_taken_is_recognized() {
        let refused = |message: &Message| read(message, "default").unwrap_err()[0].message.clone();
        assert!(refused(&message(&[], Some("application/cloudevents+json"), "{")).contains("not JSON"));
        assert!(refused(&message(&[("ce-type", "a.b")], None, "")).contains("`id` is missing"));
        assert!(refused(&message(&[], Some("application/json"), "{")).contains("not JSON"));
        assert!(refused(&message(&[], Some("application/cloudevents-batch+json"), "{}")).contains("array"));
    }
}
