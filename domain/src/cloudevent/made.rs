//! Events that EventFlow itself creates, for calls, webhook deliveries and schedules. Their `http` member describes the
//! original request; it is not an attribute, but known to the function wrappers (runtimes/README.md).

use chrono::{DateTime, Utc};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::data::Data;
use crate::json::Json;

/// An event created by EventFlow. `H` describes the original request: [`Http`], or the same as a JSON value.
#[derive(Debug, Clone)]
pub struct Event<'a, H = ()> {
    /// The CloudEvent's `type`.
    pub kind: &'a str,
    /// The CloudEvent's `id`.
    pub id: &'a str,
    /// The CloudEvent's `source`.
    pub source: &'a str,
    /// The CloudEvent's `time`.
    pub time: Option<DateTime<Utc>>,
    /// The media type of the data.
    pub datacontenttype: Option<&'a str>,
    /// The data.
    pub data: Option<Data>,
    /// The `traceparent` of the Distributed Tracing extension.
    pub traceparent: Option<String>,
    /// The `tracestate` of the Distributed Tracing extension.
    pub tracestate: Option<&'a str>,
    /// Extension: the digest that a second request with the same idempotency key is compared with.
    pub requestdigest: Option<&'a str>,
    /// The original request.
    pub http: Option<H>,
}

/// The request that led to an event. `H` is a map of its headers.
#[derive(Debug, Clone, Serialize)]
pub struct Http<'a, H> {
    /// The request's method.
    pub method: &'a str,
    /// The request's path.
    pub path: &'a str,
    /// The query parameters.
    pub query: Map<String, Value>,
    /// The headers.
    pub headers: H,
    /// The body in Base64, if it cannot be restored from the data (runtimes/README.md, "The raw body").
    #[serde(rename = "rawBody", skip_serializing_if = "Option::is_none")]
    pub raw_body: Option<String>,
}

impl<'a, H: Serialize> Event<'a, H> {
    /// An event with only the mandatory attributes.
    pub fn new(kind: &'a str, id: &'a str, source: &'a str) -> Self {
        Self {
            kind,
            id,
            source,
            time: None,
            datacontenttype: None,
            data: None,
            traceparent: None,
            tracestate: None,
            requestdigest: None,
            http: None,
        }
    }

    /// The whole event in the JSON format.
    pub fn json(&self) -> Json {
        Json::of(self).expect("an event of text always serialises")
    }
}

impl<H: Serialize> Serialize for Event<'_, H> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut event = serializer.serialize_map(None)?;
        for (name, text) in [("specversion", "1.0"), ("id", self.id), ("source", self.source), ("type", self.kind)] {
            event.serialize_entry(name, text)?;
        }
        if let Some(time) = &self.time {
            event.serialize_entry("time", time)?;
        }
        if let Some(kind) = self.datacontenttype {
            event.serialize_entry("datacontenttype", kind)?;
        }
        if let Some(data) = &self.data {
            data.serialize(&mut event)?;
        }
        let extensions = [
            ("traceparent", self.traceparent.as_deref()),
            ("tracestate", self.tracestate),
            ("requestdigest", self.requestdigest),
        ];
        for (name, text) in extensions {
            if let Some(text) = text {
                event.serialize_entry(name, text)?;
            }
        }
        if let Some(http) = &self.http {
            event.serialize_entry("http", http)?;
        }
        event.end()
    }
}

/// The same event with other data, always as JSON, and without the original body; `None` if `event` is not an event.
pub fn with_other_data(event: &Json, data: Value) -> Option<Json> {
    let Value::Object(mut event) = event.value() else { return None };
    event.remove("data_base64");
    event.insert("data".to_owned(), data);
    event.insert("datacontenttype".to_owned(), Value::from("application/json"));
    if let Some(Value::Object(http)) = event.get_mut("http") {
        http.remove("rawBody");
        if let Some(Value::Object(headers)) = http.get_mut("headers")
            && let Some(kind) = headers.get_mut("content-type")
        {
            *kind = Value::from("application/json");
        }
    }
    Some(Json::from(&Value::Object(event)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_says_what_is_there_and_nothing_else() {
        let bare = Event::<()>::new("a.b", "1", "/s").json();
        assert_eq!(bare.get(), r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b"}"#);
        let http = Http { method: "POST", path: "/", query: Map::new(), headers: json!({}), raw_body: None };
        let event = Event {
            time: DateTime::from_timestamp(0, 0),
            datacontenttype: Some("image/png"),
            data: Some(Data::Bytes(vec![0, 255])),
            traceparent: Some("00-1-2-01".to_owned()),
            tracestate: Some("a=b"),
            requestdigest: Some("sha256:00"),
            http: Some(http),
            ..Event::new("http.invoke", "1", "/s")
        };
        let expected = json!({
            "specversion": "1.0", "id": "1", "source": "/s", "type": "http.invoke", "time": "1970-01-01T00:00:00Z",
            "datacontenttype": "image/png", "data_base64": "AP8=", "traceparent": "00-1-2-01", "tracestate": "a=b",
            "requestdigest": "sha256:00", "http": { "method": "POST", "path": "/", "query": {}, "headers": {} },
        });
        assert_eq!(event.json().value(), expected);
    }

    #[test]
    fn other_data_takes_the_place_of_the_body_in_every_form() {
        let before = json!({
            "id": "1", "data_base64": "AA==", "datacontenttype": "image/png",
            "http": { "path": "/x", "headers": { "content-type": "image/png", "a": "b" }, "rawBody": "AA==" },
        });
        let after = with_other_data(&Json::from(&before), json!({ "n": 1 })).unwrap();
        let expected = json!({
            "id": "1", "data": { "n": 1 }, "datacontenttype": "application/json",
            "http": { "path": "/x", "headers": { "content-type": "application/json", "a": "b" } },
        });
        assert_eq!(after.value(), expected);
        assert_eq!(with_other_data(&Json::text("cut"), json!(1)), None);
    }
}
