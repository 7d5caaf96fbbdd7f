//! CloudEvents 1.0: from the three content modes of its HTTP binding to one JSON event, with all that is wrong at once.
//!
//! Knows the specification (attributes, their names and types); knows nothing of what events are for.

use std::fmt;

use actix_web::http::header::{self, HeaderMap};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::DateTime;
use domain::Json;
use domain::event::source;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::Problem;

/// The longest id, source, type or subject, in bytes.
const MAX_ATTRIBUTE: usize = 1024;

/// Extensions of one event.
const MAX_ATTRIBUTES: usize = 64;

/// Events of one batch.
pub(super) const MAX_BATCH: usize = 10_000;

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

/// What an event is made of: its attributes, each once, and its data.
#[derive(Default)]
struct Draft {
    attributes: Vec<(String, Value)>,
    data: Option<Data>,
    problems: Vec<Problem>,
}

/// The data of an event. JSON stays the text that came: its numbers keep their digits, its keys their order.
enum Data {
    Json(Json),
    Text(String),
    Base64(String),
}

/// The event of a request in the binary mode.
///
/// # Errors
/// All faults, at least one.
pub(super) fn binary(headers: &HeaderMap, body: &[u8]) -> Result<CloudEvent, Vec<Problem>> {
    let mut draft = Draft::default();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        match header_value(value.as_bytes()) {
            Some(text) => draft.add(attribute, json!(text), "header"),
            None => draft
                .problems
                .push(bad(attribute, "the header's value is not UTF-8, percent-encoded where it is not ASCII")),
        }
    }
    // The order of headers means nothing: the same event is the same text.
    draft.attributes.sort_by(|(a, _), (b, _)| a.cmp(b));
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    draft.with_data(kind, body).finish(Origin::Sender)
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
    let mut draft = Draft::default();
    for (name, text) in attributes {
        draft.add(&name, json!(text), "attribute");
    }
    draft.with_data(kind, body).finish(origin)
}

/// The event that a JSON text is.
///
/// # Errors
/// All faults, at least one.
pub(super) fn structured(text: &str) -> Result<CloudEvent, Vec<Problem>> {
    let Ok(Members(members)) = serde_json::from_str(text) else {
        return Err(vec![bad("", "the event must be a JSON object")]);
    };
    let (mut draft, mut encoded) = (Draft::default(), None);
    for (name, value) in members {
        match name.as_str() {
            "data" if draft.data.is_some() => draft.problems.push(twice("data", "member")),
            "data" => match super::json::carried(value.get().as_bytes()) {
                Ok(json) => draft.data = Some(Data::Json(json)),
                Err(error) => draft.problems.push(bad("data", format!("it cannot be read: {error}"))),
            },
            "data_base64" if encoded.is_some() => draft.problems.push(twice("data_base64", "member")),
            "data_base64" => encoded = Some(value),
            // No attribute is a list or an object, and none is read as one.
            _ if value.get().starts_with(['[', '{']) => draft.add(&name, json!([]), "attribute"),
            _ => match serde_json::from_str(value.get()) {
                // In the JSON format, null is absent.
                Ok(Value::Null) => {}
                Ok(value) => draft.add(&name, value, "attribute"),
                Err(error) => draft.problems.push(bad(&name, format!("`{name}` cannot be read: {error}"))),
            },
        }
    }
    match encoded.map(|encoded| serde_json::from_str(encoded.get()).unwrap_or(Value::Bool(false))) {
        None | Some(Value::Null) => {}
        Some(_) if draft.data.is_some() => {
            draft.problems.push(bad("data_base64", "there is `data` as well; only one of the two may be there"));
        }
        Some(Value::String(text)) if STANDARD.decode(&text).is_ok() => draft.data = Some(Data::Base64(text)),
        Some(_) => draft.problems.push(bad("data_base64", "this is not base64 text")),
    }
    draft.finish(Origin::Sender)
}

/// The members of an object in their order, not looked into.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Draft {
    fn add(&mut self, name: &str, value: Value, what: &str) {
        if self.attributes.len() > MAX_ATTRIBUTES {
            return;
        }
        match self.attributes.iter().any(|(known, _)| known == name) {
            true => self.problems.push(twice(name, what)),
            false => self.attributes.push((name.to_owned(), value)),
        }
    }

    /// Adds data of a media type, or of none, to the attributes.
    fn with_data(mut self, kind: Option<&str>, body: &[u8]) -> Self {
        // What stands for data stands in the body, and its type in the protocol's own place.
        for name in ["data", "data_base64"] {
            if self.remove(name).is_some() {
                self.problems.push(bad(name, format!("`{name}` is no attribute: data belongs into the body")));
            }
        }
        let named = self.remove("datacontenttype");
        if let (Some(named), Some(kind)) = (&named, kind)
            && named != kind
        {
            let message =
                format!("datacontenttype is `{named}`, and the content type is `{kind}`: send the latter alone");
            self.problems.push(bad("datacontenttype", message));
        }
        let kind = kind.map(str::to_owned).or_else(|| named?.as_str().map(str::to_owned));
        if let Some(kind) = &kind {
            self.attributes.push(("datacontenttype".to_owned(), json!(kind)));
        }
        if body.is_empty() {
            return self;
        }
        let bytes = || Data::Base64(STANDARD.encode(body));
        self.data = match (kind.as_deref(), std::str::from_utf8(body)) {
            // Of what it is nothing is said: JSON where it is, and else bytes.
            (None, _) => Some(super::json::carried(body).map_or_else(|_| bytes(), Data::Json)),
            (kind, _) if is_json(kind) => match super::json::carried(body) {
                Ok(json) => Some(Data::Json(json)),
                Err(error) => {
                    self.problems.push(bad("data", format!("the body is not JSON: {error}")));
                    None
                }
            },
            (Some(kind), Ok(text)) if kind.trim().to_ascii_lowercase().starts_with("text/") => {
                Some(Data::Text(text.to_owned()))
            }
            _ => Some(bytes()),
        };
        self
    }

    fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.attributes.iter().position(|(known, _)| known == name)?;
        Some(self.attributes.remove(index).1)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    fn finish(mut self, origin: Origin) -> Result<CloudEvent, Vec<Problem>> {
        let mut problems = std::mem::take(&mut self.problems);
        problems.extend(self.attributes.iter().filter_map(|(name, value)| attribute_fault(name, value)));
        if let (Origin::Sender, Some(Value::String(text))) = (origin, self.get("source"))
            && source::is_reserved(text)
        {
            let message =
                format!("source `{text}` is one that only EventFlow names; name your own, such as /shop/orders");
            problems.push(bad("source", message));
        }
        for name in ["specversion", "id", "source", "type"] {
            if self.get(name).is_none() && !problems.iter().any(|problem| is_at(problem, name)) {
                problems.push(bad(name, format!("the attribute `{name}` is missing")));
            }
        }
        if self.attributes.len() > MAX_ATTRIBUTES {
            let message = format!("the event has more than {MAX_ATTRIBUTES} attributes, the most that is taken");
            problems.push(bad("", message));
        }
        if !problems.is_empty() {
            problems.sort_by(|a, b| a.field.cmp(&b.field));
            return Err(problems);
        }
        let text = |name: &str| self.get(name).and_then(Value::as_str).map(str::to_owned);
        Ok(CloudEvent {
            id: text("id").unwrap_or_default(),
            source: text("source").unwrap_or_default(),
            kind: text("type").unwrap_or_default(),
            subject: text("subject"),
            json: Json::of(&self).expect("attributes and data always serialise"),
        })
    }
}

impl Serialize for Draft {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            event.serialize_entry(name, value)?;
        }
        match &self.data {
            Some(Data::Json(json)) => event.serialize_entry("data", json)?,
            Some(Data::Text(text)) => event.serialize_entry("data", text)?,
            Some(Data::Base64(text)) => event.serialize_entry("data_base64", text)?,
            None => {}
        }
        event.end()
    }
}

fn is_at(problem: &Problem, name: &str) -> bool {
    problem.field.as_deref().is_some_and(|field| field == [name])
}

fn twice(name: &str, what: &str) -> Problem {
    bad(name, format!("the {what} `{name}` is there twice"))
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

/// The attribute that a header's value stands for (HTTP binding 1.0.2, section 3.1.3.2): a quoted string without its
/// quotes, then one round of percent-decoding. Senders of today quote nothing; older ones did.
fn header_value(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    match unquoted(text) {
        Some(text) => percent_decoded(&text),
        None => percent_decoded(text),
    }
}

/// What a quoted string (RFC 9110, section 5.6.4) holds; `None` when the text is none.
fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut letters = inner.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => out.push(letters.next()?),
            '"' => return None,
            letter => out.push(letter),
        }
    }
    Some(out)
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
        let event = json!({
            "specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed", "subject": "café", "shard": "7",
            "datacontenttype": "application/json", "data": {"n": 1}, "time": null,
        });
        let structured = structured(&event.to_string()).unwrap();
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
        let event = json!({
            "specversion": "0.3", "id": "", "source": "no uri", "time": "yesterday", "dataschema": "x", "myExtension": "x",
            "other": {"a": 1}, "data": 1, "data_base64": "?", "datacontenttype": "json",
        });
        let problems = structured(&event.to_string()).unwrap_err();
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
            assert!(structured(&value.to_string()).is_err(), "{value}");
        }
        for (name, value) in [("ce-id", "%zz"), ("ce-id", "%"), ("ce-time", "1"), ("ce-id", "%00")] {
            let mut pairs: Vec<_> = BINARY.iter().filter(|(known, _)| *known != name).copied().collect();
            pairs.push((name, value));
            assert!(binary(&headers(&pairs), b"").is_err(), "{name}: {value}");
        }
        let mut pairs = BINARY.to_vec();
        pairs.push(("ce-id", "2"));
        assert!(binary(&headers(&pairs), b"").is_err());
        let mut pairs = BINARY.to_vec();
        pairs.push(("content-type", "application/json"));
        assert!(binary(&headers(&pairs), b"{").unwrap_err()[0].message.contains("not JSON"));
    }

    #[test]
    fn a_headers_value_is_unquoted_and_then_decoded_once() {
        // The first five are the specification's own.
        for (value, expected) in [
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("%22%25%22", Some("\"%\"")),
            ("\"plain\"", Some("plain")),
            (r#""a \"b\" c""#, Some("a \"b\" c")),
            (r#""a \\ b""#, Some("a \\ b")),
            ("\"Euro %E2%82%AC\"", Some("Euro €")),
            ("%2525", Some("%25")),
            ("a b", Some("a b")),
            ("\"a\" b", Some("\"a\" b")),
            ("\"a\"b\"", Some("\"a\"b\"")),
            ("\"", Some("\"")),
            (r#""a\""#, Some(r#""a\""#)),
            ("(comment)", Some("(comment)")),
            ("%E2%82", None),
            ("%zz", None),
            ("%4", None),
        ] {
            assert_eq!(header_value(value.as_bytes()).as_deref(), expected, "{value}");
        }
        assert_eq!(header_value("é".as_bytes()).as_deref(), Some("é"));
        assert_eq!(header_value(&[0xff]), None);
    }

    #[test]
    fn data_is_never_a_header_and_its_type_is_said_once() {
        for (name, value) in [("ce-data", "1"), ("ce-data_base64", "AA=="), ("ce-datacontenttype", "text/plain")] {
            let mut pairs = BINARY.to_vec();
            pairs.extend([("content-type", "application/json"), (name, value)]);
            let problems = binary(&headers(&pairs), b"{}").unwrap_err();
            assert_eq!(problems[0].field, Some(vec![name[3..].to_owned()]), "{problems:?}");
        }
        let mut pairs = BINARY.to_vec();
        pairs.extend([("content-type", "application/json"), ("ce-datacontenttype", "application/json")]);
        assert!(binary(&headers(&pairs), b"{}").is_ok());
    }

    #[test]
    fn a_body_of_which_nothing_is_said_is_json_or_bytes() {
        let data = |body: &[u8]| {
            let event = binary(&headers(&BINARY), body).unwrap().json.value();
            assert_eq!(event.get("datacontenttype"), None);
            event
        };
        assert_eq!(data(b"[1]")["data"], json!([1]));
        assert_eq!(data(b"hello")["data_base64"], "aGVsbG8=");
        assert_eq!(data(b"{")["data_base64"], "ew==");
        assert_eq!(data(&[0xff])["data_base64"], "/w==");
    }

    #[test]
    fn numbers_and_the_order_of_keys_survive() {
        let data = r#"{"z":123456789012345678901234567890,"a":9007199254740993,"m":1.0,"e":1e2}"#;
        let event = format!(r#"{{"type":"a.b","data":{data},"source":"/s","id":"1","specversion":"1.0"}}"#);
        let taken = structured(&event).unwrap();
        assert_eq!(
            taken.json.get(),
            format!(r#"{{"type":"a.b","source":"/s","id":"1","specversion":"1.0","data":{data}}}"#)
        );
        assert!(
            binary(&headers(&BINARY), data.as_bytes()).unwrap().json.get().ends_with(&format!("\"data\":{data}}}"))
        );
    }

    #[test]
    fn what_is_there_twice_is_a_fault() {
        for member in [r#""id":"2""#, r#""data":1,"data":2"#, r#""data_base64":"","data_base64":"""#] {
            let event = format!(r#"{{"specversion":"1.0","id":"1","source":"/s","type":"a.b",{member}}}"#);
            assert!(structured(&event).unwrap_err()[0].message.contains("twice"), "{event}");
        }
    }

    #[test]
    fn a_sender_names_no_source_of_eventflows_own_and_a_door_does() {
        for name in ["/hooks/default/shop/github", "eventflow/function/shop", "/amqp/eventflow.ingress/orders"] {
            let mut pairs = BINARY.to_vec();
            pairs[2].1 = name;
            let event = json!({ "specversion": "1.0", "id": "1", "source": name, "type": "a.b" });
            for refused in [binary(&headers(&pairs), b""), structured(&event.to_string())] {
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
