//! The caller of an operation.

use std::sync::Arc;

use domain::Cause;
use uuid::Uuid;

use super::viewer::Viewer;

/// The viewer, and the request that the call belongs to.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The viewer.
    pub viewer: Viewer,
    /// The correlation id given by the caller, which is shared by everything that follows from the request.
    pub correlation: Option<Uuid>,
}

impl Caller {
    /// A caller without a correlation id.
    pub fn new(viewer: Viewer) -> Self {
        Self { viewer, correlation: None }
    }

    pub(crate) fn cause(&self) -> Cause {
        Cause { actor: Some(Arc::clone(&self.viewer.subject)), causation: None, correlation: self.correlation }
    }
}
