//! CloudEvents 1.0 over HTTP: parses the three content modes of the binding, reporting all faults at once. The parts of
//! an event are defined in [`domain::cloudevent`].

use actix_web::http::header::{self, HeaderMap};
use domain::cloudevent::{Attribute, Draft, Fault};
pub(super) use domain::cloudevent::{CloudEvent, Origin};

use crate::operations::Problem;

/// The most events in one batch.
pub(super) const MAX_BATCH: usize = 10_000;

/// The content mode of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Attributes in headers, data in the body.
    Binary,
    /// One event in the JSON format.
    Structured,
    /// Several events.
    Batch,
}

/// The mode that a request's headers indicate.
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

/// Reads the event of a request in binary mode.
///
/// # Errors
/// All faults, at least one.
pub(super) fn binary(headers: &HeaderMap, body: &[u8]) -> Result<CloudEvent, Vec<Problem>> {
    let mut draft = Draft::default();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else { continue };
        match header_value(value.as_bytes()) {
            Some(text) => draft.add(attribute, Attribute::Text(text), "header"),
            None => draft
                .fault(Fault::new(attribute, "the header's value is not UTF-8, percent-encoded where it is not ASCII")),
        }
    }
    draft.sort();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    draft.with_body(kind, body).finish(Origin::Sender).map_err(problems)
}

/// Makes an event from attributes that another protocol carries separately from the data.
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
        draft.add(&name, Attribute::Text(text), "attribute");
    }
    draft.with_body(kind, body).finish(origin).map_err(problems)
}

/// Parses a JSON text as an event.
///
/// # Errors
/// All faults, at least one.
pub(super) fn structured(text: &str) -> Result<CloudEvent, Vec<Problem>> {
    domain::cloudevent::structured(text).map_err(problems)
}

fn problems(faults: Vec<Fault>) -> Vec<Problem> {
    faults.into_iter().map(|fault| bad(&fault.attribute, fault.message)).collect()
}

/// Decodes a header's value as an attribute (HTTP binding 1.0.2, section 3.1.3.2): quotes are removed, then one round
/// of
/// percent-decoding. Today's senders quote nothing; older ones did.
fn header_value(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    match unquoted(text) {
        Some(text) => percent_decoded(&text),
        None => percent_decoded(text),
    }
}

/// The content of a quoted string (RFC 9110, section 5.6.4); `None` if the text is none.
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
    use serde_json::json;

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
            assert_eq!(attributed(Origin::EntryPoint, attributes(), None, b"").unwrap().source, name);
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
