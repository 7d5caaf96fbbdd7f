//! What a request is let in by.

use std::sync::Arc;

use super::host::Names;
use super::limits::Limits;
use crate::config::Settings;

/// What each request passes.
pub(super) struct Door {
    pub(super) names: Names,
    pub(super) settings: Arc<Settings>,
    pub(super) limits: Limits,
}
