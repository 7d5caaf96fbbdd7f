//! Event triggers: patterns on event types, and filters on event content.

pub mod index;

use serde_json::Value;

/// Whether a type matches a pattern: exactly, or with `*` for one segment and `**` for the rest (possibly empty).
/// Segments are separated by dots.
pub fn matches(pattern: &str, kind: &str) -> bool {
    let mut kinds = kind.split('.');
    for segment in pattern.split('.') {
        if segment == "**" {
            return true;
        }
        match kinds.next() {
            Some(found) if segment == "*" || segment == found => {}
            _ => return false,
        }
    }
    kinds.next().is_none()
}

/// The same pattern as a regular expression, for database queries; `None` for a pattern without wildcards, which is
/// simply a type.
pub fn regex(pattern: &str) -> Option<String> {
    if !pattern.split('.').any(|segment| matches!(segment, "*" | "**")) {
        return None;
    }
    let mut regex = "^".to_owned();
    for (index, segment) in pattern.split('.').enumerate() {
        let dot = if index == 0 { "" } else { "\\." };
        match segment {
            "**" if index == 0 => return Some(regex),
            "**" => return Some(regex + "(\\.|$)"),
            "*" => regex.push_str(&format!("{dot}[^.]*")),
            literal => regex.extend([dot, &escaped(literal)]),
        }
    }
    Some(regex + "$")
}

/// Escapes a text so that, as a regular expression, it matches only itself.
fn escaped(literal: &str) -> String {
    let mut regex = String::with_capacity(literal.len());
    for letter in literal.chars() {
        // Only special characters are escaped: some engines reject an escape before any other letter.
        if "\\.+*?()|[]{}^$".contains(letter) {
            regex.push('\\');
        }
        regex.push(letter);
    }
    regex
}

/// Why a pattern can never match as intended, if so.
pub fn fault(pattern: &str) -> Option<&'static str> {
    let segments: Vec<_> = pattern.split('.').collect();
    if segments.iter().any(|s| s.is_empty()) {
        return Some("a segment is empty: write `file.uploaded`, without dots at the ends or beside each other");
    }
    if segments[..segments.len() - 1].contains(&"**") {
        return Some("`**` stands for the rest and must come last");
    }
    if segments.iter().any(|s| s.contains('*') && *s != "*" && *s != "**") {
        return Some("`*` stands for one whole segment: write `file.*`, not `file.up*`");
    }
    None
}

/// Whether an event meets a filter: each key is a dotted path into the event, each value what must be found there. A
/// number in a path is an index into an array.
pub fn passes(filter: &serde_json::Map<String, Value>, event: &Value) -> bool {
    filter.iter().all(|(path, wanted)| lookup(event, path) == Some(wanted))
}

/// A filter with parsed paths: equivalent to [`passes`], but cheaper.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    conditions: Vec<(Vec<Step>, Value)>,
}

/// One step of a path: an object key, and the same as an array index if it is a number.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Step {
    key: Box<str>,
    index: Option<usize>,
}

impl Filter {
    /// Parses a manifest's filter.
    pub fn of(filter: &serde_json::Map<String, Value>) -> Self {
        let step = |key: &str| Step { key: key.into(), index: key.parse().ok() };
        let conditions = filter.iter().map(|(path, wanted)| (path.split('.').map(step).collect(), wanted.clone()));
        Self { conditions: conditions.collect() }
    }

    /// Whether it has no conditions, so that every event passes.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Whether an event meets the filter.
    pub fn passes(&self, event: &Value) -> bool {
        self.conditions.iter().all(|(path, wanted)| {
            let found = path.iter().try_fold(event, |value, step| match value {
                Value::Array(items) => items.get(step.index?),
                other => other.get(&*step.key),
            });
            found == Some(wanted)
        })
    }
}

/// The cost of a filter per event: the steps of its paths plus the values compared.
pub fn cost(filter: &serde_json::Map<String, Value>) -> usize {
    filter.iter().map(|(path, wanted)| path.split('.').count() + values(wanted)).sum()
}

fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(values).sum(),
        Value::Object(members) => members.values().map(values).sum(),
        _ => 0,
    }
}

/// The value at a dotted path.
pub fn lookup<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(event, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        other => other.get(key),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patterns_match_by_segment() {
        let table = [
            ("file.uploaded", "file.uploaded", true),
            ("file.uploaded", "file.deleted", false),
            ("file.*", "file.uploaded", true),
            ("file.*", "file.uploaded.again", false),
            ("file.*", "file", false),
            ("file.**", "file.uploaded.again", true),
            ("file.**", "file", true),
            ("**", "anything.at.all", true),
            ("*.uploaded", "file.uploaded", true),
            ("*", "file.uploaded", false),
        ];
        for (pattern, kind, expected) in table {
            assert_eq!(matches(pattern, kind), expected, "{pattern} against {kind}");
        }
    }

    proptest::proptest! {
        #[test]
        fn the_regular_expression_matches_what_the_pattern_matches(
            pattern in proptest::collection::vec(proptest::sample::select(vec!["a", "b-c", "x+", "<(?i", "\0\u{1f600}", "a{2}\\", "[#&~", "*", "**"]), 1..4),
            kind in proptest::collection::vec(proptest::sample::select(vec!["a", "b-c", "x+", "xx", "<(?i", "\0\u{1f600}", "a{2}\\", "[#&~", "aa", ""]), 1..5),
        ) {
            let (pattern, kind) = (pattern.join("."), kind.join("."));
            let matched = match regex(&pattern) {
                Some(regex) => regex::Regex::new(&regex).unwrap().is_match(&kind),
                None => pattern == kind,
            };
            proptest::prop_assert_eq!(matched, matches(&pattern, &kind), "{} against {}", pattern, kind);
        }
    }

    #[test]
    fn patterns_that_cannot_be_meant_are_named() {
        for pattern in ["", "a..b", "**.a", "file.up*"] {
            assert!(fault(pattern).is_some(), "{pattern}");
        }
        assert_eq!(fault("a.*.b.**"), None);
    }

    #[test]
    fn filters_look_into_the_event() {
        let event = json!({"type": "t", "data": {"kind": "image", "tags": ["a", "b"], "size": 3}});
        let passes = |filter: Value| super::passes(filter.as_object().unwrap(), &event);
        assert!(passes(json!({})));
        assert!(passes(json!({"data.kind": "image", "data.tags.1": "b", "data.size": 3})));
        assert!(!passes(json!({"data.kind": "video"})));
        assert!(!passes(json!({"data.missing": null})));
    }

    #[test]
    fn a_filter_that_is_taken_apart_passes_the_same() {
        let events = [json!({"data": {"1": "b", "tags": ["a", "b", {"c": [1]}]}}), json!(["x", {"": 1}]), json!(3)];
        let paths =
            ["data", "data.1", "data.tags.1", "data.tags.01", "data.tags.+1", "data.tags.2.c.0", "1", "1.", "", "."];
        for event in &events {
            for path in paths {
                for wanted in [lookup(event, path).cloned().unwrap_or(json!(null)), json!(null), json!("b")] {
                    let filter = serde_json::Map::from_iter([(path.to_owned(), wanted)]);
                    assert_eq!(Filter::of(&filter).passes(event), super::passes(&filter, event), "{filter:?} {event}");
                }
            }
        }
    }

    #[test]
    fn deep_paths_and_large_values_cost_more() {
        let cost = |filter: Value| super::cost(filter.as_object().unwrap());
        assert_eq!(cost(json!({})), 0);
        assert_eq!(cost(json!({"a": 1})), 2);
        assert_eq!(cost(json!({"a.b.c": [1, {"x": 2}], "d": null})), 3 + 4 + 2);
    }
}
