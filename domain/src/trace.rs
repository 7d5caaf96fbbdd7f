//! W3C Trace Context, level 2: reading a caller's `traceparent` and `tracestate`, and what is passed on.
//!
//! An invalid `traceparent` counts as absent, together with its `tracestate`: a new trace begins. An invalid
//! `tracestate` is dropped, and the trace continues.

use std::fmt;

/// The two headers of a trace. They are rewritten at every hop and never passed on unchanged.
pub const HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// Maximum number of members of a `tracestate` (section 3.3.1.1).
pub const MAX_MEMBERS: usize = 32;

/// Maximum number of characters of a key or a value in a `tracestate` (section 3.3.1.3).
pub const MAX_PART: usize = 256;

/// Maximum number of items in a list. Empty items are allowed and ignored, but a header of nothing but commas is not
/// read to its end.
const MAX_ITEMS: usize = 1024;

/// The flags defined by level 2; all others are cleared when a context is passed on (section 3.2.2.5).
const SAMPLED: u8 = 1;
const RANDOM: u8 = 2;

/// The length of a version 00 `traceparent`, and of the part of later versions that is understood.
const LENGTH: usize = 55;

/// The trace that a request or an event belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    trace: u128,
    parent: u64,
    flags: u8,
    state: Option<String>,
}

impl Context {
    /// Begins a trace. `random`: whether the last seven bytes of its id are random.
    ///
    /// Neither id may be zero; a zero becomes 1.
    pub fn begin(trace: u128, span: u64, random: bool) -> Self {
        let flags = if random { SAMPLED | RANDOM } else { SAMPLED };
        Self { trace: trace.max(1), parent: span.max(1), flags, state: None }
    }

    /// Parses the header fields; `None` unless there is exactly one valid `traceparent`.
    pub fn read<'v>(
        parents: impl IntoIterator<Item = &'v [u8]>,
        states: impl IntoIterator<Item = &'v [u8]>,
    ) -> Option<Self> {
        let mut parents = parents.into_iter();
        let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
        let mut context = Self::parse(parent.trim_ascii())?;
        context.state = state(states);
        Some(context)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let version = number::<2>(&known[..2])?;
        let dashes = [2, 35, 52].into_iter().all(|at| known[at] == b'-');
        // A later version may add more after another dash; version 00 ends here.
        let ends_well = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.first().is_none_or(|byte| *byte == b'-'),
        };
        if !dashes || !ends_well {
            return None;
        }
        let trace = number::<32>(&known[3..35]).filter(|trace| *trace != 0)?;
        let parent = number::<16>(&known[36..52]).filter(|parent| *parent != 0)?;
        let flags = number::<2>(&known[53..55])?;
        Some(Self {
            trace,
            parent: u64::try_from(parent).ok()?,
            flags: u8::try_from(flags).ok()? & (SAMPLED | RANDOM),
            state: None,
        })
    }

    /// The same trace with `span` as the parent of what follows.
    #[must_use]
    pub fn child(self, span: u64) -> Self {
        Self { parent: span.max(1), ..self }
    }

    /// The id of the trace.
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// The `traceparent` to pass on.
    pub fn parent(&self) -> String {
        self.to_string()
    }

    /// The `tracestate` to pass on.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, self.flags)
    }
}

/// Parses lower-case hexadecimal digits.
fn number<const DIGITS: usize>(text: &[u8]) -> Option<u128> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    (text.len() == DIGITS).then_some(())?;
    text.iter().try_fold(0, |sum, byte| Some(sum << 4 | u128::from(digit(*byte)?)))
}

/// The members of all header fields in order, without whitespace and empty ones; of several with the same key the
/// first, which is the newest. `None` if one is invalid or there are too many.
fn state<'v>(fields: impl IntoIterator<Item = &'v [u8]>) -> Option<String> {
    let mut members: Vec<(&str, &str)> = Vec::new();
    let mut count = 0;
    let items = fields.into_iter().flat_map(|field| field.split(|byte| *byte == b','));
    for (index, item) in items.enumerate() {
        if index == MAX_ITEMS {
            return None;
        }
        let item = trimmed(std::str::from_utf8(item).ok()?);
        if item.is_empty() {
            continue;
        }
        let (key, value) = item.split_once('=')?;
        count += 1;
        if count > MAX_MEMBERS || !is_key(key) || !is_value(value) {
            return None;
        }
        if members.iter().all(|(other, _)| *other != key) {
            members.push((key, value));
        }
    }
    let members: Vec<_> = members.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    (!members.is_empty()).then(|| members.join(","))
}

/// Trims the whitespace that is allowed around list items in a header field.
fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_key(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_PART).contains(&key.len())
        && key.bytes().next().is_some_and(fits)
        && key.bytes().all(|byte| fits(byte) || b"_-*/@".contains(&byte))
}

fn is_value(value: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=MAX_PART).contains(&value.len()) && value.bytes().all(fits) && !value.ends_with(' ')
}

#[cfg(test)]
mod tests;
