//! Parses incoming JSON, after checking it (see [`domain::json::carried`]).

use domain::json;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

pub(crate) use domain::json::carried;

/// Parses JSON.
///
/// # Errors
/// What is wrong with it, for people.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let bytes = json::without_mark(bytes);
    json::check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// An optional whole number in any notation: 2.0 is one in JSON Schema, and in languages with one number type.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let fits = |float: &f64| float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(float);
    let whole = number.as_u64().or_else(|| number.as_f64().filter(fits).map(|float| float as u64));
    let whole = whole.and_then(|whole| u32::try_from(whole).ok());
    whole.map(Some).ok_or_else(|| D::Error::custom(format!("`{number}` is not a whole number from 0 to {}", u32::MAX)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_it() {
        assert_eq!(read::<Value>("\u{feff}[1]".as_bytes()), Ok(serde_json::json!([1])));
        assert!(read::<Value>("\u{feff}\u{feff}[1]".as_bytes()).is_err());
    }

    #[test]
    fn what_would_fill_the_memory_is_not_parsed() {
        let error = read::<Value>(format!("[{}]", "{},".repeat(60_000)).as_bytes()).unwrap_err();
        assert!(error.contains("objects"), "{error}");
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        #[derive(Debug, serde::Deserialize)]
        struct Counted {
            #[serde(default, deserialize_with = "whole")]
            count: Option<u32>,
        }
        let count = |text: &str| read::<Counted>(text.as_bytes()).map(|counted| counted.count);
        for (text, expected) in [("2", Some(2)), ("2.0", Some(2)), ("0.0", Some(0)), ("2e1", Some(20)), ("null", None)]
        {
            assert_eq!(count(&format!("{{\"count\":{text}}}")), Ok(expected), "{text}");
        }
        assert_eq!(count("{}"), Ok(None));
        for text in ["-1", "0.5", "4294967296", "1e99", "\"2\"", "true"] {
            assert!(count(&format!("{{\"count\":{text}}}")).is_err(), "{text}");
        }
    }
}
