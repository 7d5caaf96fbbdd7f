//! Converts a request into the CloudEvent that a handler sees and a replay repeats.

use actix_web::HttpRequest;
use actix_web::http::header;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use domain::Json;
use domain::cloudevent::{Data, Event, Http, Sender};
use domain::trace::Context;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::address::Address;
use super::passing::Named;
use crate::edge::capture::{is_captured, query};

/// The head of a request.
pub(super) struct RequestHead {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
}

/// The other data of the event.
pub(super) struct EventContext<'a> {
    pub id: &'a str,
    pub source: &'a str,
    pub time: DateTime<Utc>,
    pub trace: &'a Context,
    /// The digest that a second request with the same idempotency key is compared with.
    pub digest: Option<&'a str>,
    /// A body that is declared as JSON but is not is kept as bytes, so that the call can be repeated exactly.
    pub exact: bool,
    /// Whether the body is complete; of a truncated one only the beginning is kept.
    pub whole: bool,
}

impl RequestHead {
    /// The function's address and the trace are recorded as the function sees them, not as the caller sent them.
    pub(super) fn of(request: &HttpRequest, address: &Address<'_>, trace: &Context) -> Self {
        let named = Named::of(request.headers().get_all(header::CONNECTION).map(|value| value.as_bytes()));
        let kept = |name: &str| is_captured(name) && !domain::trace::HEADERS.contains(&name) && !named.contain(name);
        let headers = request.headers().iter().filter(|(name, _)| kept(name.as_str()));
        let headers = headers
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
        let state = trace.state().map(|state| ("tracestate".to_owned(), state.to_owned()));
        let forwarded = address.forwarded().map(|(name, text)| (name.to_owned(), text.to_owned()));
        let headers = headers.chain(forwarded).chain([("traceparent".to_owned(), trace.parent())]).chain(state);
        Self {
            method: request.method().as_str().to_owned(),
            path: address.path().to_owned(),
            query: request.query_string().to_owned(),
            headers: headers.collect(),
        }
    }

    pub(super) fn event(&self, context: &EventContext<'_>, body: &Bytes) -> Json {
        let kind = self.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
        let data = Data::of(Sender::Caller { exact: context.exact }, kind, body).unwrap_or_default();
        // An event without a data content type contains JSON.
        let kind = kind.or_else(|| matches!(data, Some(Data::Text(_))).then_some("text/plain"));
        // Whether the event represents the body exactly (runtimes/README.md).
        let is_restorable = data.as_ref().is_none_or(|data| *data.body(kind) == **body);
        let raw_body = (context.whole && !is_restorable).then(|| STANDARD.encode(body));
        let http = Http {
            method: &self.method,
            path: &self.path,
            query: query(&self.query),
            headers: Headers(&self.headers),
            raw_body,
        };
        let event = Event {
            time: Some(context.time),
            datacontenttype: kind,
            data,
            traceparent: Some(context.trace.parent()),
            tracestate: context.trace.state(),
            requestdigest: context.digest,
            http: Some(http),
            ..Event::new("http.invoke", context.id, context.source)
        };
        event.json()
    }
}

/// Headers as an object; repeated ones are joined (RFC 9110, section 5.3).
struct Headers<'a>(&'a [(String, String)]);

impl Serialize for Headers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let first = |index: usize, name: &str| self.0[..index].iter().all(|(earlier, _)| earlier != name);
        let mut map = serializer.serialize_map(None)?;
        for (index, (name, value)) in self.0.iter().enumerate().filter(|(index, (name, _))| first(*index, name)) {
            let mut later = self.0[index + 1..].iter().filter(|(other, _)| other == name).peekable();
            if later.peek().is_none() {
                map.serialize_entry(name, value)?;
                continue;
            }
            let all: Vec<_> = std::iter::once(value).chain(later.map(|(_, value)| value)).map(String::as_str).collect();
            map.serialize_entry(name, &all.join(", "))?;
        }
        map.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn http(kind: Option<&str>, body: &'static [u8], whole: bool) -> Value {
        let headers = kind.map(|kind| ("content-type".to_owned(), kind.to_owned())).into_iter().collect();
        let request_head = RequestHead { method: "POST".into(), path: "/".into(), query: String::new(), headers };
        let context = EventContext {
            id: "1",
            source: "s",
            time: crate::clock::now(),
            trace: &Context::begin(1, 1, false),
            digest: None,
            exact: false,
            whole,
        };
        request_head.event(&context, &Bytes::from_static(body)).value()["http"].clone()
    }

    #[test]
    fn a_body_that_its_data_does_not_say_byte_by_byte_is_carried() {
        let json = Some("application/json");
        for (kind, body) in
            [(json, b"[1]" as &[u8]), (Some("text/plain"), b" a "), (None, b"a"), (json, &[255]), (json, b"")]
        {
            assert_eq!(http(kind, body, true).get("rawBody"), None, "{kind:?} {body:?}");
        }
        for body in [b"[1]\n" as &[u8], b"[1", b"\xef\xbb\xbf[1]"] {
            assert_eq!(http(json, body, true)["rawBody"], STANDARD.encode(body));
        }
        assert_eq!(http(None, b"\xef\xbb\xbfa", true)["rawBody"], STANDARD.encode(b"\xef\xbb\xbfa"));
        assert_eq!(http(json, b"[1", false).get("rawBody"), None);
    }
}
