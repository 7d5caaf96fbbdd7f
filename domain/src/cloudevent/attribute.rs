//! Attributes of a CloudEvent: names, types, and the constraints on each (CloudEvents 1.0, section 3).

use chrono::DateTime;
use serde::{Serialize, Serializer};

/// The maximum length of an id, source, type or subject, in bytes.
const MAX_LENGTH: usize = 1024;

const STANDARD: [&str; 8] = ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"];

/// The value of an attribute. Timestamps, URIs and binary values are strings in the JSON format and are kept as
/// written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A string.
    Text(String),
    /// `true` or `false`; allowed for extensions only.
    Boolean(bool),
    /// An integer; allowed for extensions only.
    Integer(i32),
    /// A JSON value that is not valid as an attribute.
    Other,
}

impl Attribute {
    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Boolean(_) | Self::Integer(_) | Self::Other => None,
        }
    }

    /// What is wrong with this value for the attribute called `name`, if anything.
    pub(super) fn fault(&self, name: &str) -> Option<String> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
            return Some(format!("`{name}` cannot be an attribute: names are lower-case letters and digits"));
        }
        match self {
            Self::Text(text) => text_fault(name, text),
            _ if STANDARD.contains(&name) => Some(format!("`{name}` must be text")),
            Self::Boolean(_) | Self::Integer(_) => None,
            Self::Other => {
                Some(format!("the extension `{name}` must be text, a boolean, or a whole number of 32 bits"))
            }
        }
    }
}

impl From<serde_json::Value> for Attribute {
    fn from(value: serde_json::Value) -> Self {
        match value {
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Bool(value) => Self::Boolean(value),
            serde_json::Value::Number(number) => {
                number.as_i64().and_then(|number| i32::try_from(number).ok()).map_or(Self::Other, Self::Integer)
            }
            _ => Self::Other,
        }
    }
}

impl Serialize for Attribute {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i32(*number),
            Self::Other => serializer.serialize_unit(),
        }
    }
}

fn text_fault(name: &str, text: &str) -> Option<String> {
    if text.chars().any(char::is_control) {
        return Some(format!("`{name}` holds control characters"));
    }
    Some(match name {
        "specversion" if text != "1.0" => format!("specversion is `{text}`; 1.0 is the one that is taken"),
        "id" | "source" | "type" | "subject" if text.is_empty() => format!("`{name}` is empty"),
        "id" | "source" | "type" | "subject" if text.len() > MAX_LENGTH => {
            format!("`{name}` has {} bytes, the most that is taken is {MAX_LENGTH}", text.len())
        }
        "source" if text.contains([' ', '<', '>', '"', '\\', '^', '`', '{', '|', '}']) => {
            format!("source `{text}` is not a URI reference (RFC 3986)")
        }
        "time" if DateTime::parse_from_rfc3339(text).is_err() => {
            format!("time `{text}` is not a time such as 2026-01-31T12:00:00Z (RFC 3339)")
        }
        "datacontenttype" if !is_media_type(text) => {
            format!("datacontenttype `{text}` is not a media type such as application/json")
        }
        "dataschema" if !text.split_once(':').is_some_and(|(scheme, _)| is_scheme(scheme)) => {
            format!("dataschema `{text}` is not an absolute URI")
        }
        _ => return None,
    })
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
}
