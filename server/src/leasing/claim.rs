//! Detects calls that pretend to be events. Both reach an instance as HTTP requests, and a caller must not be able to
//! send as a call what only the platform sends as an event.

use domain::event::is_platforms;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// Why a request is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Claim {
    /// It claims to be an event of a type reserved for the platform.
    #[error("the type `{0}` is the platform's own: a caller cannot send an event of that type")]
    Reserved(String),
    /// It is an event whose type cannot be determined.
    #[error("the body says that it is a CloudEvent, and cannot be read as one: {0}")]
    Unreadable(String),
}

/// The parts of a body from which a wrapper or a program may take the type of an event.
struct Event {
    kind: Option<String>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// Accepts only objects without duplicate members: of a duplicate some readers take the first value and others the
/// last.
struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Event;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Event, A::Error> {
        let mut found = None;
        while let Some(name) = members.next_key::<String>()? {
            if name != "type" {
                members.next_value::<IgnoredAny>()?;
            } else if found.replace(members.next_value::<Option<String>>()?).is_some() {
                return Err(A::Error::duplicate_field("type"));
            }
        }
        Ok(Event { kind: found.flatten() })
    }
}

/// Whether a body of this media type is one or more events (CloudEvents' structured and batch modes).
pub fn is_event(content_type: &[u8]) -> bool {
    const BEGIN: &[u8] = b"application/cloudevents";
    content_type.trim_ascii_start().get(..BEGIN.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN))
}

/// Checks the values of `ce-type` (CloudEvents' binary mode).
///
/// # Errors
/// If one is a type reserved for the platform.
pub fn check_types<'v>(values: impl Iterator<Item = &'v [u8]>) -> Result<(), Claim> {
    for value in values {
        let plain = percent_decoded(value);
        let parts = plain.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        for part in parts.chain([plain.trim_ascii()]) {
            check(&String::from_utf8_lossy(part))?;
        }
    }
    Ok(())
}

/// Checks a body that [`is_event`].
///
/// # Errors
/// If its type is reserved for the platform, or cannot be determined.
pub fn check_body(content_type: &[u8], body: &[u8]) -> Result<(), Claim> {
    let unreadable = |error: &dyn std::fmt::Display| Claim::Unreadable(error.to_string());
    // In another charset, whatever is declared, it could be read as a different event.
    let text = std::str::from_utf8(body).map_err(|error| unreadable(&error))?;
    // Wrappers, too, remove the byte order mark before they read the event.
    let body = text.strip_prefix('\u{feff}').unwrap_or(text).as_bytes();
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let events = match essence.as_slice() {
        b"application/cloudevents+json" => vec![serde_json::from_slice::<Event>(body).map_err(|e| unreadable(&e))?],
        b"application/cloudevents-batch+json" => {
            serde_json::from_slice::<Vec<Event>>(body).map_err(|e| unreadable(&e))?
        }
        _ => return Err(unreadable(&"only its JSON format is known")),
    };
    events.iter().filter_map(|event| event.kind.as_deref()).try_for_each(check)
}

fn check(kind: &str) -> Result<(), Claim> {
    match is_platforms(kind.trim()) {
        true => Err(Claim::Reserved(kind.trim().to_owned())),
        false => Ok(()),
    }
}

/// Percent-decodes the way readers of the binary mode do: invalid sequences are kept.
fn percent_decoded(value: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((byte, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .filter(|_| *byte == b'%')
            .and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code {
            Some(code) => {
                plain.push(code);
                rest = &after[2..];
            }
            None => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &[u8] = b"application/cloudevents+json; charset=utf-8";

    #[test]
    fn a_callers_own_events_pass() {
        assert_eq!(check_types([b"order.placed" as &[u8]].into_iter()), Ok(()));
        assert_eq!(check_body(JSON, br#"{"type":"order.placed","data":{"type":"webhook.received"}}"#), Ok(()));
        assert_eq!(check_body(b"application/cloudevents-batch+json", br#"[{"type":"a"},{"type":"b"}]"#), Ok(()));
        assert_eq!(check_body(JSON, "\u{feff}{\"type\":\"order.placed\"}".as_bytes()), Ok(()));
        assert!(!is_event(b"application/json") && is_event(b" Application/CloudEvents+JSON") && is_event(JSON));
    }

    #[test]
    fn the_platforms_do_not_however_they_are_written() {
        for value in [
            "webhook.received",
            "webhook%2ereceived",
            " schedule.triggered ",
            "http.invoke",
            "a, webhook.received",
            "%77ebhook.received",
        ] {
            assert!(matches!(check_types([value.as_bytes()].into_iter()), Err(Claim::Reserved(_))), "{value}");
        }
        for body in [
            r#"{"type":"webhook.received"}"#,
            "\u{feff}{\"type\":\"webhook.received\"}",
            r#"{"ty\u0070e":"webhook.\u0072eceived"}"#,
            r#"{"type":" http.invoke "}"#,
        ] {
            assert!(matches!(check_body(JSON, body.as_bytes()), Err(Claim::Reserved(_))), "{body}");
        }
        let batch =
            check_body(b"application/cloudevents-batch+json", br#"[{"type":"a"},{"type":"schedule.triggered"}]"#);
        assert!(matches!(batch, Err(Claim::Reserved(_))));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_not_passed_on() {
        let twice = r#"{"type":"a","type":"webhook.received"}"#;
        for body in [twice, "", "[]", r#"["webhook.received"]"#, "1", r#"{"type":1}"#, "{"] {
            assert!(matches!(check_body(JSON, body.as_bytes()), Err(Claim::Unreadable(_))), "{body}");
        }
        // In Shift_JIS, 0x83 swallows the following backslash, which changes the type.
        let hidden = b"{\"type\":\"a\",\"x\":\"\x83\\\",\"type\":\"webhook.received\",\"y\":\"\x83\\\"}";
        let kind = b"application/cloudevents+json; charset=shift_jis";
        assert!(matches!(check_body(kind, hidden), Err(Claim::Unreadable(_))));
        assert!(matches!(check_body(b"application/cloudevents+avro", b"x"), Err(Claim::Unreadable(_))));
    }
}
