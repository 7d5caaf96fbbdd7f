//! Which parts of a request are recorded, and which belong to the connection or the platform only.

use serde_json::{Map, Value};

use super::credentials::is_credential;

/// Headers that belong to one connection (RFC 9110, section 7.6.1).
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
    )
}

/// Headers of a request that concern one connection, or the platform and not the function.
pub(crate) fn is_stripped(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "host" | "content-length" | "authorization" | "expect" | "x-call-id" | "x-timeout" | "x-callback-url"
        )
        // What a caller claims about proxies; the platform sets these itself.
        || matches!(name, "forwarded" | "x-real-ip")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-eventflow-")
}

/// Whether a header, given by its lower-case name, is recorded with the request.
pub(crate) fn is_captured(name: &str) -> bool {
    !is_stripped(name) && !is_credential(name)
}

/// The parameters of a query; a repeated one becomes a list.
pub(crate) fn query(text: &str) -> Map<String, Value> {
    let mut all = Map::new();
    if text.is_empty() {
        return all;
    }
    let pairs: Vec<(String, String)> =
        actix_web::web::Query::from_query(text).map(actix_web::web::Query::into_inner).unwrap_or_default();
    for (name, value) in pairs {
        match all.get_mut(&name) {
            None => {
                all.insert(name, Value::String(value));
            }
            Some(Value::Array(values)) => values.push(Value::String(value)),
            Some(first) => *first = Value::Array(vec![first.take(), Value::String(value)]),
        }
    }
    all
}
