//! Explains why a trigger event did or did not reach a function, from the function's state when the event was received.

use std::fmt;

use serde_json::Value;

use crate::event::Received;
use crate::function::{Function, Life};
use crate::manifest::Trigger;
use crate::trigger;

/// Why an event did or did not reach a function.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// It was sent to this function.
    Target,
    /// This pattern matched, and so did its filter, if it has one.
    Matched {
        /// The pattern.
        pattern: String,
        /// Whether there was a filter.
        filtered: bool,
    },
    /// It was sent to another function only.
    OtherTarget,
    /// It was sent to another namespace.
    OtherNamespace,
    /// The function was not running.
    NotRunning {
        /// The function's state.
        state: &'static str,
    },
    /// The function has no event trigger.
    NoTrigger,
    /// None of the function's patterns matches the event's type.
    OtherType {
        /// The patterns.
        patterns: Vec<String>,
    },
    /// A pattern matched, but its filter did not.
    Filtered {
        /// The pattern.
        pattern: String,
        /// The path of the value that differs.
        path: String,
        /// The expected value.
        wanted: Value,
        /// The actual value, if any.
        found: Option<Value>,
    },
}

impl Why {
    /// Whether the event reached the function.
    pub fn reached(&self) -> bool {
        matches!(self, Self::Target | Self::Matched { .. })
    }
}

/// Explains the routing of an event, where `function` is the state when the event was received.
pub fn explain(function: &Function, event: &Received) -> Why {
    match event.target {
        Some(target) if target == function.id => return Why::Target,
        Some(_) => return Why::OtherTarget,
        None if function.namespace != event.namespace => return Why::OtherNamespace,
        None => {}
    }
    let Some(version) = function.current() else { return Why::NotRunning { state: function.life.name() } };
    let triggers = version.manifest.triggers.iter().filter_map(|trigger| match trigger {
        Trigger::Event { pattern, filter } => Some((pattern, filter)),
        Trigger::Http(_) | Trigger::Schedule(_) | Trigger::Webhook(_) => None,
    });
    let triggers: Vec<_> = triggers.collect();
    if triggers.is_empty() {
        return Why::NoTrigger;
    }
    let matching: Vec<_> =
        triggers.iter().filter(|(pattern, _)| trigger::matches(pattern, &event.kind)).copied().collect();
    let Some((pattern, filter)) = matching.first() else {
        return Why::OtherType { patterns: triggers.into_iter().map(|(pattern, _)| pattern.clone()).collect() };
    };
    if !matches!(function.life, Life::Running { .. }) {
        return Why::NotRunning { state: function.life.name() };
    }
    let content = event.event.value();
    match matching.iter().find(|(_, filter)| trigger::passes(filter, &content)) {
        Some((pattern, filter)) => Why::Matched { pattern: (*pattern).clone(), filtered: !filter.is_empty() },
        None => filtered(pattern, filter, &content),
    }
}

/// The first condition of a filter that the content does not meet.
fn filtered(pattern: &str, filter: &serde_json::Map<String, Value>, content: &Value) -> Why {
    let unmet = filter.iter().find(|(path, wanted)| trigger::lookup(content, path) != Some(wanted));
    let (path, wanted) = unmet.map(|(path, wanted)| (path.clone(), wanted.clone())).unwrap_or_default();
    let found = trigger::lookup(content, &path).cloned();
    Why::Filtered { pattern: pattern.to_owned(), path, wanted, found }
}

/// Maximum number of characters of a value in a message.
const SHOWN: usize = 60;

/// A value for a message: its JSON, truncated if long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target => f.write_str("The event was sent to this function."),
            Self::Matched { pattern, filtered: false } => write!(f, "Its trigger `{pattern}` matches the type."),
            Self::Matched { pattern, filtered: true } => {
                write!(f, "Its trigger `{pattern}` matches the type, and the content meets its filter.")
            }
            Self::OtherTarget => f.write_str("The event was sent to one other function alone."),
            Self::OtherNamespace => f.write_str("The event was sent to another namespace."),
            Self::NotRunning { state } => write!(f, "It did not run when the event came in: it was {state}."),
            Self::NoTrigger => f.write_str("It has no event trigger."),
            Self::OtherType { patterns } => {
                write!(f, "It listens to `{}`, which does not match the type.", patterns.join("`, `"))
            }
            Self::Filtered { pattern, path, wanted, found } => {
                let wanted = shown(wanted);
                write!(f, "Its trigger `{pattern}` matches the type, but its filter asks for {wanted} at `{path}`: ")?;
                match found {
                    Some(found) => write!(f, "there was {}.", shown(found)),
                    None => f.write_str("there was nothing."),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
