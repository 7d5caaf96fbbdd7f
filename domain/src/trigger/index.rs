//! A version's triggers as one text that a database can search without reading manifests.
//!
//! Each trigger is a line: `http`, `schedule`, `webhook`, or `event` and its pattern. Every line is enclosed in line
//! breaks.

use super::escaped;
use crate::manifest::{Manifest, Trigger};

/// Maximum number of segments of a type to search for: each nests one more group in the regular expression.
pub const MAX_SEGMENTS: usize = 32;

/// The kinds of trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An HTTP call.
    Http,
    /// An event.
    Event,
    /// A schedule.
    Schedule,
    /// A webhook delivery.
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

/// The text that occurs exactly if there is a trigger of this kind.
pub fn mark(kind: Kind) -> &'static str {
    match kind {
        Kind::Http => "\nhttp\n",
        Kind::Event => "\nevent ",
        Kind::Schedule => "\nschedule\n",
        Kind::Webhook => "\nwebhook\n",
    }
}

/// A regular expression that matches if an event trigger's pattern matches a type, by the rules of [`super::matches`].
/// `None` for a type of more than [`MAX_SEGMENTS`] segments.
pub fn listening(kind: &str) -> Option<String> {
    let kind = on_one_line(kind);
    let segments: Vec<_> = kind.split('.').collect();
    if segments.len() > MAX_SEGMENTS {
        return None;
    }
    // From the last segment to the first: `after` matches what a pattern may contain from there on.
    let rest = segments.iter().rev().fold(None, |after: Option<String>, segment| {
        let after = after.map_or_else(|| "(?:\\.\\*\\*(?:\\.[^\n]*)?)?".to_owned(), |after| format!("\\.{after}"));
        Some(format!("(?:\\*\\*(?:\\.[^\n]*)?|(?:\\*|{}){after})", escaped(segment)))
    });
    Some(format!("\nevent {}\n", rest.unwrap_or_default()))
}

/// Removes line breaks, which would end the line, and zero bytes, which not every database accepts in text.
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
