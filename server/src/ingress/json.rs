//! JSON that comes in: looked over before it is parsed, because a parsed value takes up to a hundred times the memory of
//! its text. How deep it is nested is the parser's own limit.

use serde::de::DeserializeOwned;

/// Values of one text: numbers, texts, lists, objects and what is in them.
const MAX_VALUES: usize = 500_000;

/// Objects of one text. Each takes more than half a kilobyte, however little is in it.
const MAX_OBJECTS: usize = 50_000;

/// Reads JSON.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    // A byte order mark is no part of what is written after it (RFC 8259, section 8.1).
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// # Errors
/// When there is more in it than is taken.
fn check(bytes: &[u8]) -> Result<(), String> {
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
    use serde_json::Value;

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
            let error = read::<Value>(text.as_bytes()).unwrap_err();
            assert!(error.contains(what), "{error}");
        }
        assert!(read::<Value>(list("{\"a\":1}", MAX_OBJECTS).as_bytes()).is_ok());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_it() {
        assert_eq!(read::<Value>("\u{feff}[1]".as_bytes()), Ok(serde_json::json!([1])));
        assert!(read::<Value>("\u{feff}\u{feff}[1]".as_bytes()).is_err());
    }

    #[test]
    fn what_stands_in_a_text_does_not_count() {
        let text = format!("[\"{}\", \"\\\"{}\"]", ",".repeat(MAX_VALUES), "{".repeat(MAX_OBJECTS + 1));
        assert!(read::<Value>(text.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(40_000), close.repeat(40_000));
            assert!(read::<Value>(text.as_bytes()).unwrap_err().contains("recursion"));
        }
    }
}
