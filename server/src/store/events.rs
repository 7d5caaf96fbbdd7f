//! Trigger events, as they are found.

/// Which trigger events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Only in these namespaces; `None`: in all.
    pub namespaces: Option<Vec<String>>,
    /// Only of this type, or of those that this pattern matches (see [`domain::trigger::matches`]).
    pub kind: Option<String>,
}
