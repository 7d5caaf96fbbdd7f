//! Checks incoming JSON before anything parses it, because a parsed value can take a hundred times the memory of its
//! text. The nesting depth is limited by the parser.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::Json;

/// Maximum number of values in a text: numbers, strings, arrays and objects, including nested ones.
const MAX_VALUES: usize = 500_000;

/// Maximum number of objects in a text. Each takes more than half a kilobyte once parsed, however small.
const MAX_OBJECTS: usize = 50_000;

/// Checks one JSON value and returns it as text, so that numbers keep their digits and objects their key order. Any
/// reader can parse the result.
///
/// # Errors
/// What is wrong with it, as a message.
pub fn carried(bytes: &[u8]) -> Result<Json, String> {
    let bytes = without_mark(bytes);
    check(bytes)?;
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    serde_json::from_str::<Sound>(text).and_then(|Sound| Json::parse(text)).map_err(|error| error.to_string())
}

/// Removes a leading byte order mark, which is not part of the JSON text (RFC 8259, section 8.1).
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Parses any value and discards it. Stricter than serde's `IgnoredAny`: unlimited nesting, unpaired surrogates and
/// numbers beyond IEEE 754 are refused.
struct Sound;

impl<'de> Deserialize<'de> for Sound {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SoundVisitor)
    }
}

struct SoundVisitor;

impl<'de> Visitor<'de> for SoundVisitor {
    type Value = Sound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_str<E>(self, _: &str) -> Result<Sound, E> {
        Ok(Sound)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sound, A::Error> {
        while items.next_element::<Sound>()?.is_some() {}
        Ok(Sound)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Sound, A::Error> {
        while members.next_entry::<Sound, Sound>()?.is_some() {}
        Ok(Sound)
    }
}

/// Checks the number of values in a text.
///
/// # Errors
/// If it contains too many.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let (mut values, mut objects) = (1, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b',' | b'[' => values += 1,
            b'{' => {
                values += 1;
                objects += 1;
            }
            _ => {}
        }
    }
    for (count, limit, what) in [(objects, MAX_OBJECTS, "objects"), (values, MAX_VALUES, "values")] {
        if count > limit {
            return Err(format!("it has {count} {what}, the most that is taken is {limit}; send it in parts"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_fill_the_memory_is_refused_before_it_is_parsed() {
        let list = |item: &str, times: usize| format!("[{}]", vec![item; times].join(","));
        for (text, what) in [
            (list("1", MAX_VALUES + 1), "values"),
            (list("[]", MAX_VALUES), "values"),
            (list("{\"\":0}", MAX_OBJECTS + 1), "objects"),
        ] {
            assert!(text.len() < 6 << 20);
            let error = carried(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        assert!(carried(list("{\"a\":1}", MAX_OBJECTS).as_bytes()).is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_it() {
        assert_eq!(carried("\u{feff}[1]".as_bytes()).unwrap().get(), "[1]");
        assert!(carried("\u{feff}\u{feff}[1]".as_bytes()).is_err());
    }

    #[test]
    fn what_is_carried_is_what_came() {
        for text in [
            "123456789012345678901234567890",
            "18446744073709551616",
            "9007199254740993",
            "1.0",
            "1e2",
            "-0",
            r#"{ "z": 1,  "a": [2, "\u00e9"], "m": {} }"#,
            "null",
        ] {
            assert_eq!(carried(text.as_bytes()).unwrap().get(), text);
        }
        assert_eq!(carried(b" {\"a\":1}\n").unwrap().get(), r#"{"a":1}"#);
    }

    #[test]
    fn what_nobody_can_read_is_not_carried() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        for text in ["", "{", "1 2", "1e999", r#""\ud800""#, r#"{"\udc00":1}"#, "{\"a\":nul}", &deep, "[1,]"] {
            assert!(carried(text.as_bytes()).is_err(), "{text}");
        }
        assert!(carried(b"\"\xff\"").is_err());
    }

    #[test]
    fn what_stands_in_a_text_does_not_count() {
        let text = format!("[\"{}\", \"\\\"{}\"]", ",".repeat(MAX_VALUES), "{".repeat(MAX_OBJECTS + 1));
        assert!(carried(text.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(40_000), close.repeat(40_000));
            assert!(carried(text.as_bytes()).unwrap_err().contains("recursion"));
        }
    }
}
