//! JSON that is passed through without being parsed, kept as the original text.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

mod carried;

pub use carried::{carried, check, without_mark};

/// A JSON value as text. Cheap to clone.
///
/// Deserializes only from JSON itself, not through `serde_json::Value` nor inside flattened or untagged types.
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// Serializes any value to JSON.
    ///
    /// # Errors
    /// If the value's `Serialize` fails or a map has keys that are not strings.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        to_raw_value(value).map(|raw| Self(raw.into()))
    }

    /// Validates that a text is one JSON value.
    ///
    /// # Errors
    /// If it is not.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<Box<RawValue>>(text).map(|raw| Self(raw.into()))
    }

    /// Length of a text as a JSON string, in bytes: control characters take six, quotation marks and the like two.
    pub fn string_len(text: &str) -> usize {
        let escaped = text.bytes().map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0..0x20 => 6,
            _ => 1,
        });
        escaped.sum::<usize>() + 2
    }

    /// Whether bytes are at most `limit` long and at most twice that as a JSON string. Text that is JSON, or Base64,
    /// always meets the second condition.
    pub fn fits(bytes: &[u8], limit: usize) -> bool {
        let most = limit.saturating_mul(2).saturating_add(2);
        bytes.len() <= limit && std::str::from_utf8(bytes).map_or(true, |text| Self::string_len(text) <= most)
    }

    /// The beginning of a text: at most `limit` bytes, or fewer if they would take more than twice as much as a JSON
    /// string.
    pub fn beginning(text: &[u8], limit: usize) -> Self {
        let upto = |most: usize| String::from_utf8_lossy(&text[..text.len().min(most)]);
        let mut beginning = upto(limit);
        if Self::string_len(&beginning) > limit.saturating_mul(2).saturating_add(2) {
            beginning = upto(limit / 3);
        }
        Self::text(&beginning)
    }

    /// A text as a JSON string.
    pub fn text(text: &str) -> Self {
        Self::of(text).expect("a text always serialises")
    }

    /// `null`.
    pub fn null() -> Self {
        Self(RawValue::NULL.to_owned().into())
    }

    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Parses the value. JSON allows more than a `Value` can hold (numbers beyond an `f64`, half of a surrogate pair,
    /// unlimited nesting). Such a value becomes a string with its own text, so that input which was accepted can never
    /// fail later.
    pub fn value(&self) -> serde_json::Value {
        serde_json::from_str(self.get()).unwrap_or_else(|_| serde_json::Value::String(self.get().to_owned()))
    }
}

/// Deserializes an optional member so that `null` is `Some(null)` and only an absent member is `None`
/// (`#[serde(default, deserialize_with = "json::present")]`): a function that answers `null` has answered.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}
impl Eq for Json {}
impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}
impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        Self::of(value).expect("a Value always serialises")
    }
}
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(|raw| Self(raw.into()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_length_of_a_string_is_known_before_it_is_written() {
        let every: String = (0..0x300).filter_map(char::from_u32).collect();
        for text in ["", "a", "\u{1}\u{1f}\u{7f}", "\"\\\n\r\t\u{8}\u{c}", &every] {
            assert_eq!(Json::string_len(text), serde_json::to_string(text).unwrap().len(), "{text:?}");
        }
    }

    #[test]
    fn what_is_kept_of_bytes_takes_no_more_than_twice_the_limit() {
        const LIMIT: usize = 3000;
        for byte in [b'a', b'"', 1, 0xff] {
            let bytes = [byte; 10 * LIMIT];
            assert!(Json::beginning(&bytes, LIMIT).get().len() <= 2 * LIMIT + 2, "{byte}");
            assert!(!Json::fits(&bytes, LIMIT));
            assert_eq!(Json::fits(&bytes[..LIMIT], LIMIT), byte != 1, "{byte}");
        }
    }

    #[test]
    fn json_is_kept_as_it_came() {
        let text = r#"{ "b":1.0,  "a":[1e2,"\u00e9"] }"#;
        let json = Json::parse(text).unwrap();
        assert_eq!(json.get(), text);
        assert_eq!(serde_json::to_string(&json).unwrap(), text);
        assert_eq!(json.value(), json!({"a": [100.0, "é"], "b": 1.0}));
    }

    #[test]
    fn text_that_is_not_one_json_value_is_refused() {
        for text in ["", "{", "1 2", "nul", "{a:1}"] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn looking_into_json_that_no_value_can_hold_does_not_panic() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let private = r#"{"$serde_json::private::RawValue":"no JSON"}"#;
        for text in ["1e999", r#"{"data":-1e999}"#, r#""\ud800""#, deep.as_str(), private] {
            let json = Json::parse(text).expect("valid JSON");
            assert_eq!(json.value(), Value::String(text.to_owned()));
        }
    }

    #[test]
    fn null_is_told_from_absent() {
        #[derive(Debug, PartialEq, Serialize, Deserialize)]
        struct Answer {
            #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
            output: Option<Json>,
        }
        for answer in [Answer { output: None }, Answer { output: Some(Json::null()) }] {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer>(&text).unwrap(), answer, "{text}");
        }
    }
}
