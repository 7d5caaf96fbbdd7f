//! The CloudEvent that an HTTP request becomes, in the JSON format: that of a call, of a delivery to a webhook, of an
//! invocation.

use chrono::{DateTime, Utc};
use domain::Json;
use serde::Serialize;
use serde_json::{Map, Value};

/// The event. `H` is what it says of the request: [`Http`], or the same as a value.
#[derive(Serialize)]
pub(super) struct HttpEvent<'a, H> {
    pub specversion: &'static str,
    pub id: &'a str,
    pub source: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub time: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datacontenttype: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracestate: Option<&'a str>,
    /// What a second request under the same idempotency key is compared with, see `verbs::idempotency`.
    #[serde(rename = "requestdigest", skip_serializing_if = "Option::is_none")]
    pub digest: Option<&'a str>,
    pub http: H,
}

/// The request. `H` is an object of its headers.
#[derive(Serialize)]
pub(super) struct Http<'a, H> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: Map<String, Value>,
    pub headers: H,
    /// The body in base64, where the data does not say what it was (runtimes/README.md, "The raw body").
    #[serde(rename = "rawBody", skip_serializing_if = "Option::is_none")]
    pub raw_body: Option<String>,
}

impl<'a, H: Serialize> HttpEvent<'a, H> {
    /// An event without data.
    pub fn new(kind: &'static str, id: &'a str, source: &'a str, time: DateTime<Utc>, http: H) -> Self {
        let (datacontenttype, data, data_base64) = (None, None, None);
        let (traceparent, tracestate, digest) = (None, None, None);
        Self {
            specversion: "1.0",
            id,
            source,
            kind,
            time,
            datacontenttype,
            data,
            data_base64,
            traceparent,
            tracestate,
            digest,
            http,
        }
    }

    /// The whole of it.
    pub fn json(&self) -> Json {
        Json::of(self).expect("an event of text always serialises")
    }
}
