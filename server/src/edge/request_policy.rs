//! The checks that every request passes first.

use std::sync::Arc;

use super::host::Names;
use super::limits::Limits;
use crate::config::Settings;

/// The configuration of these checks.
pub(super) struct RequestPolicy {
    pub(super) names: Names,
    pub(super) settings: Arc<Settings>,
    pub(super) limits: Limits,
}
