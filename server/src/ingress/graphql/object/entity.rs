//! The entities that lead to each other: what each is made from. Its fields are in the file with its name.
//!
//! A function has builds, and a build has its function: so their types stand below the files that use them.

use std::sync::{Arc, OnceLock};

use domain::function;

use crate::store::{BuildRow, EventRow, FunctionRow, RunRow, VersionRow};

/// What is shown of a manifest before the first build.
#[derive(serde::Deserialize)]
pub(in crate::ingress::graphql) struct Given {
    pub(super) mode: Option<String>,
    pub(super) runtime: Option<String>,
}

/// A function.
#[derive(Clone)]
pub(in crate::ingress::graphql) struct Function {
    pub row: FunctionRow,
    /// Set when it is shown as it was: builds and versions come from here.
    pub(super) then: Option<Arc<function::Function>>,
    /// What its own manifest says, once somebody asked: however often a query does, the text is read once.
    pub(super) given: Arc<OnceLock<Option<Given>>>,
}

impl From<FunctionRow> for Function {
    fn from(row: FunctionRow) -> Self {
        Self { row, then: None, given: Arc::default() }
    }
}

/// A build.
pub(in crate::ingress::graphql) struct Build(pub BuildRow);

impl From<BuildRow> for Build {
    fn from(row: BuildRow) -> Self {
        Self(row)
    }
}

/// The immutable result of a build.
pub(in crate::ingress::graphql) struct Version(pub(super) VersionRow);

impl From<VersionRow> for Version {
    fn from(row: VersionRow) -> Self {
        Self(row)
    }
}

/// A run: one invocation of a function.
pub(in crate::ingress::graphql) struct Run(pub RunRow);

impl From<RunRow> for Run {
    fn from(row: RunRow) -> Self {
        Self(row)
    }
}

/// A trigger event: a CloudEvent that came in.
pub(in crate::ingress::graphql) struct Event(pub EventRow);

impl From<EventRow> for Event {
    fn from(row: EventRow) -> Self {
        Self(row)
    }
}
