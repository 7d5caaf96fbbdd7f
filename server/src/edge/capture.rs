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

/// Headers of a request that belong to one connection, or to the platform and not to the function.
pub(crate) fn is_stripped(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "host" | "content-length" | "authorization" | "expect" | "x-call-id" | "x-timeout" | "x-callback-url"
        )
        // What a caller says of proxies; the platform says it itself.
        || matches!(name, "forwarded" | "x-real-ip")
        || name.starts_with("x-forwarded-")
        || name.starts_with("x-eventflow-")
}

/// Whether a header of a request is part of what is recorded of it, by its name in lower case.
pub(crate) fn is_captured(name: &str) -> bool {
    !is_stripped(name) && !is_credential(name)
}

/// A query's parameters; one that comes more than once is a list.
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
