//! Converts a delivery into the event for its function.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use domain::Json;
use domain::cloudevent::{Data, Event, Http, Sender};
use domain::trace::Context;
use serde_json::{Map, json};
use url::form_urlencoded;

use super::hook::{Hook, KIND};
use crate::edge::capture::{is_captured, query};
use crate::edge::{json, trace};

/// The field of a form in which senders put their JSON.
const PAYLOAD: &str = "payload";

/// The event, and how many of its bytes repeat the body.
pub(super) struct Delivered {
    pub event: Json,
    pub repeated: usize,
}

/// Makes the event of a delivery.
pub(super) fn event(request: &HttpRequest, hook: &Hook, delivery: &str, at: DateTime<Utc>, body: &[u8]) -> Delivered {
    let kept =
        request.headers().iter().filter(|(name, _)| is_captured(name.as_str()) && !hook.demand.proves(name.as_str()));
    let headers: Map<_, _> =
        kept.filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?)))).collect();
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (kind, data) = content(kind, body);
    let is_in_data = data.as_ref().is_none_or(|data| *data.body(kind) == *body);
    let raw_body = (!is_in_data).then(|| STANDARD.encode(body));
    let repeated = raw_body.as_ref().map_or(0, String::len);
    let trace = trace::read(request.headers());
    let http = Http {
        method: request.method().as_str(),
        path: request.path(),
        query: query(request.query_string()),
        headers,
        raw_body,
    };
    let event = Event {
        time: Some(at),
        datacontenttype: kind,
        data,
        traceparent: trace.as_ref().map(Context::parent),
        tracestate: trace.as_ref().and_then(Context::state),
        http: Some(http),
        ..Event::new(KIND, delivery, &hook.source)
    };
    Delivered { event: event.json(), repeated }
}

/// A body as an event's data, with its media type. JSON in a form becomes JSON.
fn content<'a>(kind: Option<&'a str>, body: &[u8]) -> (Option<&'a str>, Option<Data>) {
    let essence = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        && let Some(json) = payload(body)
    {
        return (Some("application/json"), Some(Data::Json(json)));
    }
    (kind, Data::of(Sender::Provider, kind, body).unwrap_or_default())
}

/// The JSON in the field `payload` of a form, as GitHub and Slack send it.
fn payload(body: &[u8]) -> Option<Json> {
    let (_, value) = form_urlencoded::parse(body).find(|(name, _)| name == PAYLOAD)?;
    json::carried(value.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_bring_json_and_everything_else_is_what_it_is() {
        let form = Some("application/x-www-form-urlencoded");
        let json = |text: &str| Some(Data::Json(Json::parse(text).unwrap()));
        let text = |text: &str| Some(Data::Text(text.to_owned()));
        let json_type = Some("application/json");
        for (kind, body, expected) in [
            (form, "payload=%7B%22a%22%3A1%7D", (json_type, json(r#"{"a":1}"#))),
            (form, "payload=none", (form, text("payload=none"))),
            (form, "a=1", (form, text("a=1"))),
            (json_type, "[1]", (json_type, json("[1]"))),
            (json_type, "{", (json_type, text("{"))),
            (None, "[]", (None, json("[]"))),
            (None, "Hello, World!", (None, text("Hello, World!"))),
            (json_type, "", (json_type, None)),
        ] {
            assert_eq!(content(kind, body.as_bytes()), expected, "{kind:?} {body}");
        }
    }

    #[test]
    fn a_form_that_brings_json_does_not_say_what_it_was() {
        let (kind, data) = content(Some("application/x-www-form-urlencoded"), b"payload=%7B%7D");
        assert_eq!(*data.unwrap().body(kind), *b"{}");
    }
}
