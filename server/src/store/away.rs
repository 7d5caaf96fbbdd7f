//! Remembers that the database is unavailable. A query to PostgreSQL finds that out only after seconds, each time anew;
//! with this, callers are refused at once. SQLite is always available.

use std::sync::Arc;

use parking_lot::RwLock;

use super::error::Error;

/// Why the database is unavailable, if it is. Cheap to clone; clones share their state.
#[derive(Debug, Clone, Default)]
pub(super) struct Away {
    why: Arc<RwLock<Option<String>>>,
    /// Records and fails queries, for tests.
    #[cfg(test)]
    pub(super) watched: Arc<super::watched::Watched>,
}

impl Away {
    /// Notes that the database answers.
    pub(super) fn is_back(&self) {
        if self.why.read().is_some() && self.why.write().take().is_some() {
            tracing::info!("the database is back");
        }
    }

    /// Notes that it does not.
    pub(super) fn is_away(&self, why: &str) {
        let mut known = self.why.write();
        if known.is_none() {
            tracing::warn!(error = why, "the database is away: what needs it is refused at once until it is back");
        }
        *known = Some(why.to_owned());
    }

    /// # Errors
    /// [`Error::Unavailable`] when the database is known to be unavailable.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &*self.why.read() {
            Some(why) => Err(Error::Unavailable(format!("the database is away: {why}"))),
            None => Ok(()),
        }
    }
}
