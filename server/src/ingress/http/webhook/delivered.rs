//! A delivery as the event that its function gets.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::Json;
use domain::trace::Context;
use serde_json::{Map, json};
use url::form_urlencoded;

use super::{Hook, KIND};
use crate::ingress::gateway::{is_kept, query_of};
use crate::ingress::http_event::{Http, HttpEvent};
use crate::ingress::{json, trace};

/// The field of a form in which senders put their JSON.
const PAYLOAD: &str = "payload";

/// The event, and how many of its bytes repeat the body.
pub(super) struct Delivered {
    pub event: Json,
    pub repeated: usize,
}

/// Makes the event.
pub(super) fn event(request: &HttpRequest, hook: &Hook, delivery: &str, at: DateTime<Utc>, body: &[u8]) -> Delivered {
    let kept =
        request.headers().iter().filter(|(name, _)| is_kept(name.as_str()) && !hook.demand.proves(name.as_str()));
    let headers: Map<_, _> =
        kept.filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?)))).collect();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content = Content::of(kind, body);
    let raw_body = (content.bytes() != body).then(|| STANDARD.encode(body));
    let repeated = raw_body.as_ref().map_or(0, String::len);
    let trace = trace::read(request.headers());
    let http = Http {
        method: request.method().as_str(),
        path: request.path(),
        query: query_of(request.query_string()),
        headers,
        raw_body,
    };
    let event = HttpEvent {
        datacontenttype: content.kind,
        data: content.data,
        data_base64: content.data_base64,
        traceparent: trace.as_ref().map(Context::parent),
        tracestate: trace.as_ref().and_then(Context::state),
        ..HttpEvent::new(KIND, delivery, &hook.source, at, http)
    };
    Delivered { event: event.json(), repeated }
}

/// A body as an event's data: JSON where it is said to be, or nothing is said, and is; else text where it is; else bytes.
#[derive(Debug, PartialEq)]
struct Content<'a> {
    kind: Option<&'a str>,
    data: Option<Json>,
    data_base64: Option<String>,
}

impl<'a> Content<'a> {
    fn of(kind: Option<&'a str>, body: &[u8]) -> Self {
        let content = |data, data_base64| Self { kind, data, data_base64 };
        if body.is_empty() {
            return content(None, None);
        }
        let essence =
            kind.unwrap_or("application/json").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence == "application/x-www-form-urlencoded"
            && let Some(json) = payload(body)
        {
            return Self { kind: Some("application/json"), data: Some(json), data_base64: None };
        }
        if (essence.ends_with("/json") || essence.ends_with("+json"))
            && let Ok(json) = json::carried(body)
        {
            return content(Some(json), None);
        }
        match std::str::from_utf8(body) {
            Ok(text) => content(Json::of(text).ok(), None),
            Err(_) => content(None, Some(STANDARD.encode(body))),
        }
    }

    /// What a function takes the body for, when it is not told: see runtimes/README.md, "The raw body".
    fn bytes(&self) -> Vec<u8> {
        match (&self.data, &self.data_base64) {
            (_, Some(encoded)) => STANDARD.decode(encoded).unwrap_or_default(),
            (Some(json), None) => match (self.kind, serde_json::from_str::<String>(json.get())) {
                (Some(kind), Ok(text)) if !kind.contains("json") => text.into_bytes(),
                _ => json.get().as_bytes().to_vec(),
            },
            (None, None) => Vec::new(),
        }
    }
}

/// The JSON that a form brings in its field `payload`, as GitHub and Slack send it.
fn payload(body: &[u8]) -> Option<Json> {
    let (_, value) = form_urlencoded::parse(body).find(|(name, _)| name == PAYLOAD)?;
    json::carried(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_json_text_or_bytes() {
        let json_type = Some("application/json; charset=utf-8");
        for (kind, body, expected) in [
            (json_type, br#"{"a":1}"# as &[u8], Some(("data", json!({ "a": 1 })))),
            (Some("application/vnd.shop+json"), b"1", Some(("data", json!(1)))),
            (None, b"[]", Some(("data", json!([])))),
            (None, b"Hello, World!", Some(("data", json!("Hello, World!")))),
            (json_type, b"{", Some(("data", json!("{")))),
            (Some("text/plain"), b"1", Some(("data", json!("1")))),
            (Some("application/x-www-form-urlencoded"), b"a=1", Some(("data", json!("a=1")))),
            (
                Some("application/x-www-form-urlencoded"),
                b"payload=%7B%22a%22%3A1%7D",
                Some(("data", json!({ "a": 1 }))),
            ),
            (Some("application/x-www-form-urlencoded"), b"payload=none", Some(("data", json!("payload=none")))),
            (Some("image/png"), &[0, 255], Some(("data_base64", json!("AP8=")))),
            (json_type, b"", None),
        ] {
            let content = Content::of(kind, body);
            let found = match (&content.data, &content.data_base64) {
                (Some(data), None) => Some(("data", data.value())),
                (None, Some(text)) => Some(("data_base64", json!(text))),
                (None, None) => None,
                both => panic!("{both:?}"),
            };
            assert_eq!(found, expected, "{kind:?}");
        }
    }

    #[test]
    fn json_stays_as_it_came_and_so_does_every_body() {
        let odd = r#"{"z":12345678901234567890123,"a":1.0,"b":{"y":1,"x":2}}"#;
        assert_eq!(Content::of(None, odd.as_bytes()).data.unwrap().get(), odd);
        for (kind, body, told) in [
            (None, odd, true),
            (Some("application/json"), odd, true),
            (Some("application/json"), "\"text\"", true),
            (Some("text/plain"), "text", true),
            (Some("application/x-www-form-urlencoded"), "a=1&b=%20", true),
            (Some("image/svg+xml"), "<svg/>", true),
            // These cannot be told from their data alone.
            (Some("application/json"), " {} ", false),
            (Some("application/json"), "{", false),
            (None, "text", false),
            (Some("application/x-www-form-urlencoded"), "payload=%7B%7D", false),
        ] {
            assert_eq!(Content::of(kind, body.as_bytes()).bytes() == body.as_bytes(), told, "{kind:?} {body}");
        }
        assert_eq!(Content::of(Some("image/png"), &[0, 255]).bytes(), [0, 255]);
    }
}
