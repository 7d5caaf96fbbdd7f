//! Functions, as they are found.

use domain::manifest::Mode;
use domain::{function, trigger};

/// Which functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FunctionFilter {
    /// Only in these namespaces; `None`: in all.
    pub namespaces: Option<Vec<String>>,
    /// Only in this state. `None`: in all but `Deregistered`.
    pub state: Option<function::Status>,
    /// Only names that contain this.
    pub search: Option<String>,
    /// Only those that were registered before this position of the log.
    pub registered_before: Option<u64>,
    /// Only those whose current version is this: a service, or a job.
    pub mode: Option<Mode>,
    /// Only those whose current version has this runtime (`node`).
    pub runtime: Option<String>,
    /// Only those whose current version has a trigger of this kind.
    pub trigger: Option<trigger::index::Kind>,
    /// Only those whose current version has an event trigger with a pattern that matches this type. Filters of triggers are
    /// not looked at.
    pub event_type: Option<String>,
    /// Only those whose newest build failed, or only the others.
    pub build_failed: Option<bool>,
    /// What they are in the order of.
    pub order: FunctionOrder,
    /// The other way around.
    pub descending: bool,
}

/// What a listing of functions is in the order of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FunctionOrder {
    /// Namespace and name.
    #[default]
    Name,
    /// State, then namespace and name.
    State,
    /// When something last happened to them.
    Updated,
}
