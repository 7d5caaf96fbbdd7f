//! CloudEvents 1.0: from the three content modes of its HTTP binding to one JSON event, with all that is wrong at once.
//!
//! Knows the specification (attributes, their names and types); knows nothing of what events are for.

use actix_web::http::header::{self, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use domain::Json;
use domain::event::source;
use serde_json::{Map, Value, json};

use super::error::Problem;

/// The longest id, source, type or subject, in bytes.
const MAX_ATTRIBUTE: usize = 1024;

/// Extensions of one event.
const MAX_ATTRIBUTES: usize = 64;

/// An event that fits the specification.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudEvent {
    /// Its `id`.
    pub id: String,
    /// Its `source`.
    pub source: String,
    /// Its `type`.
    pub kind: String,
    /// Its `subject`.
    pub subject: Option<String>,
    /// The whole of it in the JSON format.
    pub json: Json,
}

/// How events are put into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Attributes in headers, data in the body.
    Binary,
    /// One event in the JSON format.
    Structured,
    /// Several.
    Batch,
}

/// Who gave an event its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Its sender, who may not name what only EventFlow names.
    Sender,
    /// The door that it came in by.
    Door,
}

/// The mode that a request's headers speak of.
pub(super) fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/cloudevents+json" => Ok(Mode::Structured),
        "application/cloudevents-batch+json" => Ok(Mode::Batch),
        other if other.starts_with("application/cloudevents") => Err(bad(
            "",
            format!(
                "the format `{other}` is not known: send application/cloudevents+json or application/cloudevents-batch+json"
            ),
        )),
        _ if headers.contains_key("ce-specversion")
            || headers.contains_key("ce-type")
            || headers.contains_key("ce-id") =>
        {
            Ok(Mode::Binary)
        }
        _ => Err(bad(
            "",
            "this is no CloudEvent: send the header Content-Type: application/cloudevents+json with the event as JSON, \
             or the headers ce-specversion, ce-id, ce-source and ce-type with the data as body",
        )),
    }
}

/// The event of a request in the binary mode.
///
/// # Errors
/// All faults, at least one.
pub(super) fn binary(headers: &HeaderMap, body: &[u8]) -> Result<CloudEvent, Vec<Problem>> {
    let mut event = Map::new();
    let mut problems = Vec::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        match std::str::from_utf8(value.as_bytes()).ok().and_then(percent_decoded) {
            Some(text) if event.insert(attribute.to_owned(), json!(text)).is_some() => {
                problems.push(bad(attribute, "the header is there twice"));
            }
            Some(_) => {}
            None => {
                problems.push(bad(attribute, "the header's value is not UTF-8, percent-encoded where it is not ASCII"))
            }
        }
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    with_data(event, problems, Origin::Sender, kind, body)
}

/// The event whose attributes another protocol brings as they are, beside its data.
///
/// # Errors
/// All faults, at least one.
pub(super) fn attributed(
    origin: Origin,
    attributes: impl IntoIterator<Item = (String, String)>,
    kind: Option<&str>,
    body: &[u8],
) -> Result<CloudEvent, Vec<Problem>> {
    let mut event = Map::new();
    let mut problems = Vec::new();
    for (name, text) in attributes {
        if event.insert(name.clone(), json!(text)).is_some() {
            problems.push(bad(&name, "the attribute is there twice"));
        }
    }
    with_data(event, problems, origin, kind, body)
}

/// Adds data of a media type, or of none, to the attributes.
fn with_data(
    mut event: Map<String, Value>,
    mut problems: Vec<Problem>,
    origin: Origin,
    kind: Option<&str>,
    body: &[u8],
) -> Result<CloudEvent, Vec<Problem>> {
    if let Some(kind) = kind {
        event.insert("datacontenttype".to_owned(), json!(kind));
    }
    if !body.is_empty() {
        match (is_json(kind), std::str::from_utf8(body)) {
            (true, _) => match super::json::read::<Value>(body) {
                Ok(data) => _ = event.insert("data".to_owned(), data),
                Err(error) => problems.push(bad("data", format!("the body is not JSON: {error}"))),
            },
            (false, Ok(text)) if kind.is_some_and(|kind| kind.trim().to_ascii_lowercase().starts_with("text/")) => {
                event.insert("data".to_owned(), json!(text));
            }
            _ => _ = event.insert("data_base64".to_owned(), json!(STANDARD.encode(body))),
        }
    }
    finish(event, problems, origin)
}

/// The event that a JSON value is.
///
/// # Errors
/// All faults, at least one.
pub(super) fn structured(value: Value) -> Result<CloudEvent, Vec<Problem>> {
    match value {
        Value::Object(event) => finish(event, Vec::new(), Origin::Sender),
        _ => Err(vec![bad("", "the event must be a JSON object")]),
    }
}

fn finish(
    mut event: Map<String, Value>,
    mut problems: Vec<Problem>,
    origin: Origin,
) -> Result<CloudEvent, Vec<Problem>> {
    // In the JSON format, null is absent.
    event.retain(|name, value| name == "data" || !value.is_null());
    for (name, value) in &event {
        match name.as_str() {
            "data" | "data_base64" => {}
            name => problems.extend(attribute_fault(name, value)),
        }
    }
    if let (Origin::Sender, Some(Value::String(text))) = (origin, event.get("source"))
        && source::is_reserved(text)
    {
        let message = format!("source `{text}` is one that only EventFlow names; name your own, such as /shop/orders");
        problems.push(bad("source", message));
    }
    for name in ["specversion", "id", "source", "type"] {
        if !event.contains_key(name) {
            problems.push(bad(name, format!("the attribute `{name}` is missing")));
        }
    }
    if event.len() > MAX_ATTRIBUTES {
        problems.push(bad(
            "",
            format!("the event has {} attributes, the most that is taken is {MAX_ATTRIBUTES}", event.len()),
        ));
    }
    match event.get("data_base64") {
        Some(_) if event.contains_key("data") => {
            problems.push(bad("data_base64", "there is `data` as well; only one of the two may be there"))
        }
        Some(Value::String(text)) if STANDARD.decode(text).is_ok() => {}
        Some(_) => problems.push(bad("data_base64", "this is not base64 text")),
        None => {}
    }
    if !problems.is_empty() {
        problems.sort_by(|a, b| a.field.cmp(&b.field));
        return Err(problems);
    }
    let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
    let (id, source, kind, subject) = (text("id"), text("source"), text("type"), text("subject"));
    let json = Json::from(&Value::Object(event));
    Ok(CloudEvent {
        id: id.unwrap_or_default(),
        source: source.unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        subject,
        json,
    })
}

fn attribute_fault(name: &str, value: &Value) -> Option<Problem> {
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Some(bad(name, format!("`{name}` cannot be an attribute: names are lower-case letters and digits")));
    }
    let standard =
        ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"].contains(&name);
    let text = match value {
        Value::String(text) => text,
        Value::Bool(_) if !standard => return None,
        Value::Number(number) if !standard && number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => return None,
        _ if standard => return Some(bad(name, format!("`{name}` must be text"))),
        _ => {
            return Some(bad(
                name,
                format!("the extension `{name}` must be text, a boolean, or a whole number of 32 bits"),
            ));
        }
    };
    if text.chars().any(char::is_control) {
        return Some(bad(name, format!("`{name}` holds control characters")));
    }
    let message = match name {
        "specversion" if text != "1.0" => format!("specversion is `{text}`; 1.0 is the one that is taken"),
        "id" | "source" | "type" | "subject" if text.is_empty() => format!("`{name}` is empty"),
        "id" | "source" | "type" | "subject" if text.len() > MAX_ATTRIBUTE => {
            format!("`{name}` has {} bytes, the most that is taken is {MAX_ATTRIBUTE}", text.len())
        }
        "source" if text.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}']) => {
            format!("source `{text}` is not a URI reference (RFC 3986)")
        }
        "time" if DateTime::parse_from_rfc3339(text).is_err() => {
            format!("time `{text}` is not a time such as 2026-01-31T12:00:00Z (RFC 3339)")
        }
        "datacontenttype" if !is_media_type(text) => {
            format!("datacontenttype `{text}` is not a media type such as application/json")
        }
        "dataschema" if !text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) => {
            format!("dataschema `{text}` is not an absolute URI")
        }
        _ => return None,
    };
    Some(bad(name, message))
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}

/// JSON when it says so, or says nothing.
fn is_json(kind: Option<&str>) -> bool {
    let essence = kind.unwrap_or("application/json").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn bad(attribute: &str, message: impl Into<String>) -> Problem {
    let problem = Problem::new("bad_event", message);
    match attribute {
        "" => problem,
        attribute => problem.at([attribute]),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&str, &str)| {
            (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            map.append(name, value);
        }
        map
    }

    const BINARY: [(&str, &str); 4] =
        [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/shop"), ("ce-type", "order.placed")];

    #[test]
    fn an_event_is_the_same_in_every_mode() {
        let mut pairs = BINARY.to_vec();
        pairs.extend([("content-type", "application/json"), ("ce-subject", "caf%C3%A9"), ("ce-shard", "7")]);
        let binary = binary(&headers(&pairs), br#"{"n":1}"#).unwrap();
        let structured = structured(json!({
            "specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", "subject": "café", "shard": "7",
            "datacontenttype": "application/json", "data": {"n": 1}, "time": null,
        }))
        .unwrap();
        assert_eq!(binary.json.value(), structured.json.value());
        assert_eq!(
            (binary.id, binary.source, binary.kind, binary.subject),
            (structured.id, structured.source, structured.kind, structured.subject)
        );
    }

    #[test]
    fn data_that_is_not_text_is_kept_as_base64() {
        let mut pairs = BINARY.to_vec();
        pairs.push(("content-type", "image/png"));
        let event = binary(&headers(&pairs), &[0, 255]).unwrap();
        assert_eq!(event.json.value()["data_base64"], "AP8=");
        pairs[4].1 = "text/plain";
        assert_eq!(binary(&headers(&pairs), b"hi").unwrap().json.value()["data"], "hi");
        assert_eq!(binary(&headers(&pairs), b"").unwrap().json.value().get("data"), None);
    }

    #[test]
    fn every_fault_is_told_at_once_with_its_attribute() {
        let problems = structured(json!({
            "specversion": "0.3", "id": "", "source": "no uri", "time": "yesterday", "dataschema": "x", "myExtension": "x",
            "other": {"a": 1}, "data": 1, "data_base64": "?", "datacontenttype": "json",
        }))
        .unwrap_err();
        let fields: Vec<_> = problems.iter().map(|problem| problem.field.clone().unwrap().join("/")).collect();
        let expected = [
            "data_base64",
            "datacontenttype",
            "dataschema",
            "id",
            "myExtension",
            "other",
            "source",
            "specversion",
            "time",
            "type",
        ];
        assert_eq!(fields, expected);
        assert!(problems.iter().all(|problem| problem.code == "bad_event"));
    }

    #[test]
    fn bad_events_are_refused() {
        for value in [json!([]), json!("x"), json!({}), json!({"specversion": 1, "id": 1, "source": true, "type": []})]
        {
            assert!(structured(value.clone()).is_err(), "{value}");
        }
        for (name, value) in [("ce-id", "%zz"), ("ce-id", "%"), ("ce-time", "1"), ("ce-id", "%00")] {
            let mut pairs: Vec<_> = BINARY.iter().filter(|(known, _)| *known != name).copied().collect();
            pairs.push((name, value));
            assert!(binary(&headers(&pairs), b"").is_err(), "{name}: {value}");
        }
        let mut pairs = BINARY.to_vec();
        pairs.push(("ce-id", "2"));
        assert!(binary(&headers(&pairs), b"").is_err());
        assert!(binary(&headers(&BINARY), b"{").unwrap_err()[0].message.contains("not JSON"));
    }

    #[test]
    fn a_sender_names_no_source_of_eventflows_own_and_a_door_does() {
        for name in ["/hooks/default/shop/github", "eventflow/function/shop", "/amqp/eventflow.ingress/orders"] {
            let mut pairs = BINARY.to_vec();
            pairs[2].1 = name;
            let event = json!({ "specversion": "1.0", "id": "1", "source": name, "type": "a.b" });
            for refused in [binary(&headers(&pairs), b""), structured(event)] {
                let problems = refused.unwrap_err();
                assert_eq!(problems[0].field, Some(vec!["source".to_owned()]), "{name}");
                assert!(problems[0].message.contains("only EventFlow names"), "{name}");
            }
            let attributes = || {
                let all = [("specversion", "1.0"), ("id", "1"), ("source", name), ("type", "a.b")];
                all.map(|(name, value)| (name.to_owned(), value.to_owned()))
            };
            assert!(attributed(Origin::Sender, attributes(), None, b"").is_err(), "{name}");
            assert_eq!(attributed(Origin::Door, attributes(), None, b"").unwrap().source, name);
        }
    }

    #[test]
    fn the_mode_is_told_by_the_headers() {
        let of = |kind| mode(&headers(&[("content-type", kind)]));
        assert_eq!(of("application/cloudevents+json; charset=utf-8"), Ok(Mode::Structured));
        assert_eq!(of("application/CloudEvents-batch+JSON"), Ok(Mode::Batch));
        assert_eq!(mode(&headers(&BINARY)), Ok(Mode::Binary));
        assert!(of("application/cloudevents+avro").unwrap_err().message.contains("avro"));
        assert!(of("application/json").unwrap_err().message.contains("no CloudEvent"));
    }
}
