//! Converts request bodies into event data, and event data back into bodies.

use std::borrow::Cow;

use base64::engine::general_purpose::STANDARD;
use serde::Serializer;
use serde::ser::SerializeMap;

use crate::json::{self, Json};

/// The data of an event. JSON is kept as text, so that numbers keep their digits and objects their key order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// JSON.
    Json(Json),
    /// Text that is not JSON.
    Text(String),
    /// Neither JSON nor text; Base64 in the JSON format.
    Bytes(Vec<u8>),
}

/// The kind of sender of a body, which decides how the body is interpreted. A publisher of events declares what its
/// data is. Callers of functions and senders of webhooks know nothing of events: whatever they send becomes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A program that publishes events.
    Publisher,
    /// A caller of a function.
    Caller {
        /// The call must be repeatable exactly: a body that is declared as JSON but is not is kept as bytes.
        exact: bool,
    },
    /// A service that delivers to a webhook.
    Provider,
    /// A function. Its answer is not an event, but is kept in the same form as event data.
    Function,
}

impl Data {
    /// Converts a body with an optional media type into data:
    ///
    /// | media type | body       | publisher | caller                | provider, function |
    /// | ---------- | ---------- | --------- | --------------------- | ------------------ |
    /// | any        | empty      | nothing   | nothing               | nothing            |
    /// | JSON       | JSON       | JSON      | JSON                  | JSON               |
    /// | JSON       | other text | refused   | text, or exact: bytes | text               |
    /// | JSON       | no UTF-8   | refused   | bytes                 | bytes              |
    /// | none       | JSON       | JSON      | text                  | JSON               |
    /// | none       | other text | bytes     | text                  | text               |
    /// | `text/*`   | text       | text      | text                  | text               |
    /// | any other  | text       | bytes     | text                  | text               |
    /// | any        | no UTF-8   | bytes     | bytes                 | bytes              |
    ///
    /// Bytes from a publisher stay bytes even if they could be text, as CloudEvents requires: nothing is known about
    /// their charset. A caller's body without a media type is what the wrappers take it for (runtimes/README.md), and a
    /// leading byte order mark is not part of a caller's text.
    ///
    /// # Errors
    /// What is wrong with a body that is declared as JSON.
    pub fn of(sender: Sender, kind: Option<&str>, body: &[u8]) -> Result<Option<Self>, String> {
        if body.is_empty() {
            return Ok(None);
        }
        let bytes = || Self::Bytes(body.to_vec());
        let text = std::str::from_utf8(body).ok();
        let is_json = match kind {
            Some(kind) => is_json(kind),
            None => !matches!(sender, Sender::Caller { .. }),
        };
        let json = match sender {
            _ if !is_json => Err(String::new()),
            // Nothing looks into the JSON on the way to the function.
            Sender::Caller { .. } | Sender::Function => text.map_or_else(
                || Err("it is not UTF-8".to_owned()),
                |text| Json::parse(without_mark(text)).map_err(|error| error.to_string()),
            ),
            Sender::Publisher | Sender::Provider => json::carried(body),
        };
        Ok(Some(match (sender, json, text) {
            (_, Ok(json), _) => Self::Json(json),
            (Sender::Publisher, Err(error), _) if is_json && kind.is_some() => return Err(error),
            (Sender::Publisher, _, Some(text)) if kind.is_some_and(is_text) => Self::Text(text.to_owned()),
            (Sender::Publisher, ..) => bytes(),
            (Sender::Caller { exact: true }, ..) if is_json => bytes(),
            (Sender::Caller { .. }, _, Some(text)) => Self::Text(without_mark(text).to_owned()),
            (Sender::Provider | Sender::Function, _, Some(text)) => Self::Text(text.to_owned()),
            (_, _, None) => bytes(),
        }))
    }

    /// The body that this data represents for a recipient without further information; see runtimes/README.md, "The raw
    /// body".
    pub fn body(&self, kind: Option<&str>) -> Cow<'_, [u8]> {
        match self {
            Self::Json(json) => body_of(json.get(), kind),
            Self::Text(text) if kind.is_some_and(|kind| !kind.contains("json")) => Cow::Borrowed(text.as_bytes()),
            Self::Text(text) => Cow::Owned(Json::text(text).get().as_bytes().to_vec()),
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
        }
    }

    pub(super) fn serialize<M: SerializeMap>(&self, event: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Json(json) => event.serialize_entry("data", json),
            Self::Text(text) => event.serialize_entry("data", text),
            Self::Bytes(bytes) => event.serialize_entry("data_base64", &Encoded(bytes)),
        }
    }
}

/// The body that the JSON text of `data` represents. A JSON string that is not declared as JSON represents its own
/// contents.
pub fn body_of<'a>(data: &'a str, kind: Option<&str>) -> Cow<'a, [u8]> {
    match kind {
        Some(kind) if !kind.contains("json") => match serde_json::from_str::<String>(data) {
            Ok(text) => Cow::Owned(text.into_bytes()),
            Err(_) => Cow::Borrowed(data.as_bytes()),
        },
        _ => Cow::Borrowed(data.as_bytes()),
    }
}

struct Encoded<'a>(&'a [u8]);

impl serde::Serialize for Encoded<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&base64::display::Base64Display::new(self.0, &STANDARD))
    }
}

fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type denotes JSON (CloudEvents, JSON event format 1.0, section 3.1).
pub fn is_json(kind: &str) -> bool {
    let essence = essence(kind);
    essence.ends_with("/json") || essence.ends_with("+json")
}

fn is_text(kind: &str) -> bool {
    essence(kind).starts_with("text/")
}

/// The text without a leading byte order mark.
fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Sender; 5] = [
        Sender::Publisher,
        Sender::Caller { exact: false },
        Sender::Caller { exact: true },
        Sender::Provider,
        Sender::Function,
    ];

    fn form(data: Result<Option<Data>, String>) -> &'static str {
        match data {
            Ok(None) => "nothing",
            Ok(Some(Data::Json(_))) => "JSON",
            Ok(Some(Data::Text(_))) => "text",
            Ok(Some(Data::Bytes(_))) => "bytes",
            Err(_) => "refused",
        }
    }

    #[test]
    fn the_table() {
        let (json, other): (&[u8], &[u8]) = (b"[1]", b"[1");
        for (kind, body, expected) in [
            (Some("application/json"), b"" as &[u8], ["nothing"; 5]),
            (Some("application/json; charset=utf-8"), json, ["JSON"; 5]),
            (Some("application/vnd.thing+json"), json, ["JSON"; 5]),
            (Some("text/json"), json, ["JSON"; 5]),
            (Some("application/json"), other, ["refused", "text", "bytes", "text", "text"]),
            (Some("application/json"), &[0xff], ["refused", "bytes", "bytes", "bytes", "bytes"]),
            (None, b"", ["nothing"; 5]),
            (None, json, ["JSON", "text", "text", "JSON", "JSON"]),
            (None, other, ["bytes", "text", "text", "text", "text"]),
            (None, &[0xff], ["bytes"; 5]),
            (Some("text/plain"), json, ["text"; 5]),
            (Some(" Text/CSV"), other, ["text"; 5]),
            (Some("text/plain"), &[0xff], ["bytes"; 5]),
            (Some("application/x-ndjson"), json, ["bytes", "text", "text", "text", "text"]),
            (Some("image/png"), json, ["bytes", "text", "text", "text", "text"]),
            (Some("image/png"), &[0xff], ["bytes"; 5]),
        ] {
            assert_eq!(ALL.map(|sender| form(Data::of(sender, kind, body))), expected, "{kind:?} {body:?}");
        }
    }

    #[test]
    fn json_stays_as_it_came() {
        let odd = r#"{"z":12345678901234567890123,"a":1.0,"b":{"y":1,"x":2}}"#;
        for sender in ALL {
            let data = Data::of(sender, Some("application/json"), odd.as_bytes());
            assert_eq!(data, Ok(Some(Data::Json(Json::parse(odd).unwrap()))));
        }
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_json_nor_of_a_callers_text() {
        for sender in ALL {
            let data = Data::of(sender, Some("application/json"), "\u{feff}[1]".as_bytes());
            assert_eq!(data, Ok(Some(Data::Json(Json::parse("[1]").unwrap()))), "{sender:?}");
        }
        let text = Data::of(ALL[1], None, "\u{feff}a".as_bytes());
        assert_eq!(text, Ok(Some(Data::Text("a".to_owned()))));
    }

    #[test]
    fn what_data_stands_for_is_what_was_sent_where_that_is_known() {
        for (kind, body, is_known) in [
            (Some("application/json"), r#"{"z":1.0}"#, true),
            (Some("application/json"), "\"text\"", true),
            (Some("text/plain"), "text", true),
            (Some("application/x-www-form-urlencoded"), "a=1&b=%20", true),
            (Some("image/svg+xml"), "<svg/>", true),
            // Their data alone does not distinguish these.
            (Some("application/json"), " {} ", false),
            (Some("application/json"), "{", false),
            (Some("application/x-ndjson"), "{}", false),
            (None, "text", false),
        ] {
            let data = Data::of(Sender::Provider, kind, body.as_bytes()).unwrap().unwrap();
            assert_eq!(data.body(kind) == body.as_bytes(), is_known, "{kind:?} {body}");
        }
        let bytes = Data::of(Sender::Provider, Some("image/png"), &[0, 255]).unwrap().unwrap();
        assert_eq!(*bytes.body(Some("image/png")), [0, 255]);
    }

    #[test]
    fn text_that_is_not_declared_as_json_stands_for_itself() {
        assert_eq!(*body_of(r#""a\nb""#, Some("text/plain")), *b"a\nb");
        assert_eq!(*body_of(r#""a\nb""#, None), *br#""a\nb""#);
        assert_eq!(*body_of(r#""a\nb""#, Some("application/json")), *br#""a\nb""#);
        assert_eq!(*body_of("[ 1]", Some("text/plain")), *b"[ 1]");
    }
}
