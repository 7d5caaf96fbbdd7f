//! Reads payloads with any schema that was ever stored, and writes the current one.
//!
//! A payload's first member is `"v"`, the version of its schema. A payload in the current schema is parsed directly; an
//! older one is first upgraded step by step as a JSON value.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Why a recorded payload cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The type is unknown: the log was written by a newer EventFlow, or the row was tampered with.
    #[error("unknown event type `{kind}`: was the log written by a newer version of EventFlow?")]
    Unknown {
        /// The unknown type.
        kind: String,
    },
    /// The payload's schema is known only to a newer EventFlow.
    #[error("the payload of `{kind}` cannot be read: its version is {version}, this EventFlow knows 1 to {today}")]
    Newer {
        /// The type of the event.
        kind: String,
        /// The version of its schema.
        version: usize,
        /// The newest version known here.
        today: usize,
    },
    /// The payload does not conform to the schema of its version.
    #[error("the payload of `{kind}` cannot be read: {message}")]
    Malformed {
        /// The type of the event.
        kind: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// Whether a newer EventFlow may be able to read it.
    pub fn is_of_the_future(&self) -> bool {
        matches!(self, Self::Unknown { .. } | Self::Newer { .. })
    }
}

/// Upgrades a payload from one schema version to the next.
pub type Step = fn(&mut Value);

/// Encodes a payload with `"v"` in front. With `steps` older schemas, the current version is `steps + 1`.
pub fn encode<T: Serialize>(payload: &T, steps: &[Step]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(b"{\"v\":");
    out.extend_from_slice((steps.len() + 1).to_string().as_bytes());
    let start = out.len();
    serde_json::to_writer(&mut out, payload).expect("an event's payload always serialises");
    match out.get(start + 1) {
        Some(b'}') => {
            out.remove(start);
        }
        _ => out[start] = b',',
    }
    out
}

/// Decodes a payload of any version up to the current one.
///
/// # Errors
/// [`Error::Malformed`] if it conforms neither to the current schema nor to one that `steps` can upgrade.
pub fn decode<T: DeserializeOwned>(kind: &str, data: &[u8], steps: &[Step]) -> Result<T, Error> {
    let malformed = |e: &dyn std::fmt::Display| Error::Malformed { kind: kind.to_owned(), message: e.to_string() };
    let version = version(data).ok_or_else(|| malformed(&"it does not begin with its version `v`"))?;
    let today = steps.len() + 1;
    if version == today {
        return serde_json::from_slice(data).map_err(|e| malformed(&e));
    }
    if version > today {
        return Err(Error::Newer { kind: kind.to_owned(), version, today });
    }
    if version == 0 {
        return Err(malformed(&"its version is 0"));
    }
    let mut value: Value = serde_json::from_slice(data).map_err(|e| malformed(&e))?;
    for step in &steps[version - 1..] {
        step(&mut value);
    }
    let text = value.to_string();
    serde_json::from_str(&text).map_err(|e| malformed(&e))
}

/// The number in `{"v":1,…`, read without parsing the rest.
fn version(data: &[u8]) -> Option<usize> {
    let rest = data.strip_prefix(b"{\"v\":")?;
    let end = rest.iter().position(|b| !b.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Renamed {
        reason: String,
    }

    const STEPS: &[Step] = &[|value| {
        let why = value["why"].take();
        value["reason"] = why;
    }];

    #[test]
    fn an_older_shape_is_read_as_todays() {
        let read: Renamed = decode("Stopped", br#"{"v":1,"why":"asked"}"#, STEPS).unwrap();
        assert_eq!(read, Renamed { reason: "asked".into() });
    }

    #[test]
    fn what_is_written_is_read_back() {
        let written = encode(&Renamed { reason: "asked".into() }, STEPS);
        assert_eq!(written, br#"{"v":2,"reason":"asked"}"#);
        assert_eq!(decode::<Renamed>("Stopped", &written, STEPS).unwrap().reason, "asked");
    }

    #[test]
    fn an_empty_payload_is_still_an_object() {
        #[derive(Serialize)]
        struct Nothing {}
        assert_eq!(encode(&Nothing {}, &[]), br#"{"v":1}"#);
    }

    #[test]
    fn a_shape_from_the_future_is_refused() {
        let error = decode::<Renamed>("Stopped", br#"{"v":3,"reason":"asked"}"#, STEPS).unwrap_err();
        assert!(error.to_string().contains("version is 3") && error.is_of_the_future(), "{error}");
        let error = decode::<Renamed>("Stopped", br#"{"v":0,"reason":"asked"}"#, STEPS).unwrap_err();
        assert!(!error.is_of_the_future(), "{error}");
    }
}
