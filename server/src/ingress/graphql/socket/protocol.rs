//! The messages of both sub-protocols: `graphql-transport-ws`, and the older `graphql-ws`, which names them
//! differently.
//!
//! Knows the format of messages, not how they are handled.

use std::borrow::Cow;

use async_graphql::{Request, ServerError};
use serde::Serialize;
use serde_json::{Value, json};

use crate::edge::json;
use crate::ingress::graphql::execution::Answer;
use crate::ingress::graphql::request;

/// Bytes of the id that a client gives an operation: it is repeated in every message about it.
pub(super) const MAX_ID: usize = 256;

/// Bytes of a message's type: a refusal repeats it.
const MAX_TYPE: usize = 40;

/// How messages are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `graphql-transport-ws`.
    Transport,
    /// `graphql-ws`, of the library `subscriptions-transport-ws`.
    Legacy,
}

impl Dialect {
    /// The dialect of a sub-protocol.
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            name if name.eq_ignore_ascii_case(Self::Transport.name()) => Some(Self::Transport),
            name if name.eq_ignore_ascii_case(Self::Legacy.name()) => Some(Self::Legacy),
            _ => None,
        }
    }

    /// The sub-protocol's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Transport => "graphql-transport-ws",
            Self::Legacy => "graphql-ws",
        }
    }
}

/// What a client says.
#[derive(Debug)]
pub(super) enum Message {
    Init(Value),
    Ping(Option<Value>),
    Pong,
    Subscribe { id: String, request: Box<Request> },
    Complete { id: String },
    Terminate,
}

impl Message {
    /// The message of a text.
    ///
    /// # Errors
    /// Why it is none, in words.
    pub(super) fn read(text: &[u8], dialect: Dialect) -> Result<Self, Cow<'static, str>> {
        let message: Value = json::read(text).map_err(|error| format!("The message is not JSON: {error}"))?;
        let Value::Object(mut message) = message else { return Err("A message is a JSON object".into()) };
        let kind = match message.remove("type") {
            Some(Value::String(kind)) => kind,
            _ => return Err("The message has no type".into()),
        };
        if kind.len() > MAX_TYPE {
            return Err(format!("A type has {MAX_TYPE} bytes at most").into());
        }
        let mut payload = message.remove("payload").filter(|payload| !payload.is_null());
        let mut id = || match message.remove("id") {
            Some(Value::String(id)) if id.is_empty() => Err(format!("The id of `{kind}` is empty")),
            Some(Value::String(id)) if id.len() > MAX_ID => {
                Err(format!("The id of `{kind}` has more than {MAX_ID} bytes"))
            }
            Some(Value::String(id)) => Ok(id),
            _ => Err(format!("`{kind}` needs an id, which is a string")),
        };
        Ok(match (dialect, kind.as_str()) {
            (Dialect::Transport, "connection_init" | "ping" | "pong")
                if payload.as_ref().is_some_and(|payload| !payload.is_object()) =>
            {
                return Err(format!("The payload of `{kind}` must be an object").into());
            }
            (_, "connection_init") => Self::Init(payload.take().unwrap_or_default()),
            (Dialect::Transport, "ping") => Self::Ping(payload.take()),
            (Dialect::Transport, "pong") => Self::Pong,
            (Dialect::Transport, "subscribe") | (Dialect::Legacy, "start") => {
                let id = id()?;
                let request = request::read(payload.take().unwrap_or_default())
                    .map_err(|error| format!("The payload of `{kind}` does not fit: {error}"))?;
                Self::Subscribe { id, request: Box::new(request) }
            }
            (Dialect::Transport, "complete") | (Dialect::Legacy, "stop") => Self::Complete { id: id()? },
            (Dialect::Legacy, "connection_terminate") => Self::Terminate,
            (dialect, kind) => return Err(format!("{} has no message `{kind}`", dialect.name()).into()),
        })
    }
}

/// That the client is known.
pub(super) fn ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// That the client is there, as it asked.
pub(super) fn pong(payload: Option<Value>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

/// That the client is not let in, in the dialect that has a message for that.
pub(super) fn connection_error(message: &str) -> String {
    json!({ "type": "connection_error", "payload": { "message": message } }).to_string()
}

/// A message about an operation.
#[derive(Serialize)]
struct About<'a, T: Serialize> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<T>,
}

fn about<T: Serialize>(id: &str, kind: &'static str, payload: Option<T>) -> String {
    // Answers are made of strings, numbers, lists and maps with keys of text: there is nothing that JSON does not have.
    serde_json::to_string(&About { id, kind, payload }).unwrap_or_default()
}

/// One answer of an operation.
pub(super) fn next(dialect: Dialect, id: &str, answer: &Answer) -> String {
    let kind = match dialect {
        Dialect::Transport => "next",
        Dialect::Legacy => "data",
    };
    about(id, kind, Some(answer))
}

/// That an operation was not begun; it is over.
pub(super) fn error(id: &str, errors: &[ServerError]) -> String {
    about(id, "error", Some(errors))
}

/// That an operation is over.
pub(super) fn complete(id: &str) -> String {
    about::<()>(id, "complete", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `graphql-transport-ws` calls an invalid message.
    #[test]
    fn what_is_no_message_is_refused() {
        let long = "x".repeat(MAX_ID + 1);
        let long = format!("{{\"type\":\"complete\",\"id\":\"{long}\"}}");
        let query = "\"payload\":{\"query\":\"{a}\"}";
        let bad = [
            "".to_owned(),
            "nonsense".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            "{\"type\":1}".to_owned(),
            "{\"type\":\"nonsense\"}".to_owned(),
            // Those of the older protocol.
            format!("{{\"type\":\"start\",\"id\":\"1\",{query}}}"),
            "{\"type\":\"stop\",\"id\":\"1\"}".to_owned(),
            "{\"type\":\"connection_terminate\"}".to_owned(),
            "{\"type\":\"subscribe\"}".to_owned(),
            format!("{{\"type\":\"subscribe\",{query}}}"),
            format!("{{\"type\":\"subscribe\",\"id\":1,{query}}}"),
            format!("{{\"type\":\"subscribe\",\"id\":\"\",{query}}}"),
            "{\"type\":\"subscribe\",\"id\":\"1\"}".to_owned(),
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{}}".to_owned(),
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":1}}".to_owned(),
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{a}\",\"variables\":[]}}".to_owned(),
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{a}\",\"extensions\":1}}".to_owned(),
            "{\"type\":\"subscribe\",\"id\":\"1\",\"payload\":{\"query\":\"{a}\",\"operationName\":1}}".to_owned(),
            "{\"type\":\"complete\"}".to_owned(),
            "{\"type\":\"ping\",\"payload\":1}".to_owned(),
            "{\"type\":\"connection_init\",\"payload\":[]}".to_owned(),
            long,
        ];
        for text in bad {
            assert!(Message::read(text.as_bytes(), Dialect::Transport).is_err(), "{text}");
        }
    }

    #[test]
    fn each_dialect_has_its_own_names() {
        let read = |text: &str, dialect| Message::read(text.as_bytes(), dialect);
        let subscribe =
            |kind: &str| format!("{{\"type\":\"{kind}\",\"id\":\"1\",\"payload\":{{\"query\":\"{{a}}\"}}}}");
        for (dialect, start, stop) in
            [(Dialect::Transport, "subscribe", "complete"), (Dialect::Legacy, "start", "stop")]
        {
            assert!(matches!(read(&subscribe(start), dialect), Ok(Message::Subscribe { id, .. }) if id == "1"));
            let stop = format!("{{\"type\":\"{stop}\",\"id\":\"1\"}}");
            assert!(matches!(read(&stop, dialect), Ok(Message::Complete { id }) if id == "1"));
            assert!(matches!(read("{\"type\":\"connection_init\"}", dialect), Ok(Message::Init(Value::Null))));
        }
        assert!(read(&subscribe("subscribe"), Dialect::Legacy).is_err());
        let terminate = read("{\"type\":\"connection_terminate\"}", Dialect::Legacy);
        assert!(matches!(terminate, Ok(Message::Terminate)));
        let ping = read("{\"type\":\"ping\",\"payload\":{\"n\":1}}", Dialect::Transport);
        assert!(matches!(ping, Ok(Message::Ping(Some(payload))) if payload == json!({ "n": 1 })));
    }
}
