//! Artifacts for tests of others, which run nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::Files;

/// Artifacts that are not there; all others are, and have no files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pretended {
    pub missing: Arc<Mutex<BTreeSet<String>>>,
}

impl Pretended {
    pub(super) fn has(&self, digest: &str) -> bool {
        !self.missing.lock().contains(digest)
    }

    pub(super) fn get(&self, digest: &str) -> Option<Files> {
        self.has(digest).then(|| Files::in_place("/nowhere".into()))
    }
}
