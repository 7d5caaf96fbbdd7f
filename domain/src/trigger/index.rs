//! The triggers of a version as one text, which a database can search without reading its manifest.
//!
//! Each trigger is a line: `http`, `schedule`, `webhook`, or `event` and its pattern. Line breaks stand around every line.

use super::escaped;
use crate::manifest::{Manifest, Trigger};

/// Segments of a type that is looked for: each is a bracket within the brackets of those before it.
pub const MAX_SEGMENTS: usize = 32;

/// What starts a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A call.
    Http,
    /// An event.
    Event,
    /// The clock.
    Schedule,
    /// A delivery of another service.
    Webhook,
}

/// The text of a manifest's triggers.
pub fn of(manifest: &Manifest) -> String {
    let mut text = "\n".to_owned();
    for trigger in &manifest.triggers {
        match trigger {
            Trigger::Http(_) => text.push_str("http"),
            Trigger::Schedule(_) => text.push_str("schedule"),
            Trigger::Webhook(_) => text.push_str("webhook"),
            Trigger::Event { pattern, .. } => {
                text.push_str("event ");
                text.push_str(&on_one_line(pattern));
            }
        }
        text.push('\n');
    }
    text
}

/// What the text contains where there is a trigger of this kind, and nowhere else.
pub fn mark(kind: Kind) -> &'static str {
    match kind {
        Kind::Http => "\nhttp\n",
        Kind::Event => "\nevent ",
        Kind::Schedule => "\nschedule\n",
        Kind::Webhook => "\nwebhook\n",
    }
}

/// A regular expression that matches the text where an event trigger's pattern matches a type, as [`super::matches`] says.
/// `None` for a type of more than [`MAX_SEGMENTS`] segments.
pub fn listening(kind: &str) -> Option<String> {
    let kind = on_one_line(kind);
    let segments: Vec<_> = kind.split('.').collect();
    if segments.len() > MAX_SEGMENTS {
        return None;
    }
    // From the last segment to the first: what a pattern may say from there on.
    let rest = segments.iter().rev().fold(None, |after: Option<String>, segment| {
        let after = after.map_or_else(|| "(?:\\.\\*\\*(?:\\.[^\n]*)?)?".to_owned(), |after| format!("\\.{after}"));
        Some(format!("(?:\\*\\*(?:\\.[^\n]*)?|(?:\\*|{}){after})", escaped(segment)))
    });
    Some(format!("\nevent {}\n", rest.unwrap_or_default()))
}

/// A line break cannot be part of a line, and a zero byte not of a text that every database takes.
fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\0'], "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::trigger::matches;

    fn text(triggers: &serde_json::Value) -> String {
        of(&serde_json::from_value(json!({"runtime": "node", "triggers": triggers})).unwrap())
    }

    #[test]
    fn each_trigger_is_a_line_that_is_found() {
        let all = text(&json!([
            {"type": "http"}, {"type": "event", "pattern": "file.*"}, {"type": "schedule", "cron": "@daily"},
            {"type": "webhook", "name": "github", "scheme": "none"}, {"type": "event", "pattern": "a\nhttp"},
        ]));
        assert_eq!(all, "\nhttp\nevent file.*\nschedule\nwebhook\nevent a\u{fffd}http\n");
        let event = text(&json!([{"type": "event", "pattern": "http"}]));
        for kind in [Kind::Http, Kind::Event, Kind::Schedule, Kind::Webhook] {
            assert!(all.contains(mark(kind)), "{kind:?}");
            assert_eq!(event.contains(mark(kind)), kind == Kind::Event, "{kind:?}");
        }
    }

    #[test]
    fn a_type_without_end_is_not_looked_for() {
        assert!(listening(&vec!["a"; MAX_SEGMENTS].join(".")).is_some());
        assert_eq!(listening(&vec!["a"; MAX_SEGMENTS + 1].join(".")), None);
        regex::Regex::new(&listening(&vec!["*"; MAX_SEGMENTS].join(".")).unwrap()).unwrap();
    }

    proptest::proptest! {
        #[test]
        fn a_type_finds_the_patterns_that_match_it(
            pattern in proptest::collection::vec(proptest::sample::select(vec!["a", "b-c", "x+", "<(?i", "a{2}\\", "[#&~", "*", "**"]), 1..4),
            kind in proptest::collection::vec(proptest::sample::select(vec!["a", "b-c", "x+", "xx", "<(?i", "a{2}\\", "[#&~", "*", ""]), 1..5),
        ) {
            let (pattern, kind) = (pattern.join("."), kind.join("."));
            let lines = text(&json!([{"type": "http"}, {"type": "event", "pattern": pattern}, {"type": "event", "pattern": "z"}]));
            let found = regex::Regex::new(&listening(&kind).unwrap()).unwrap().is_match(&lines);
            proptest::prop_assert_eq!(found, matches(&pattern, &kind), "{} against {}", pattern, kind);
        }
    }
}
