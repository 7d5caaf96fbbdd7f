//! Whether the database is away. What asks PostgreSQL finds that out only after seconds, each time anew; here it is known
//! already, and who asks is refused at once. SQLite is never away.

use std::sync::Arc;

use parking_lot::RwLock;

use super::error::Error;

/// Why the database is away, when it is. Cloning it is cheap: clones know the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Away {
    why: Arc<RwLock<Option<String>>>,
    /// What is asked of the database, for tests.
    #[cfg(test)]
    pub(super) watched: Arc<super::watched::Watched>,
}

impl Away {
    /// The database answers.
    pub(super) fn is_back(&self) {
        if self.why.read().is_some() && self.why.write().take().is_some() {
            tracing::info!("the database is back");
        }
    }

    /// It does not.
    pub(super) fn is_away(&self, why: &str) {
        let mut known = self.why.write();
        if known.is_none() {
            tracing::warn!(error = why, "the database is away: what needs it is refused at once until it is back");
        }
        *known = Some(why.to_owned());
    }

    /// # Errors
    /// [`Error::Unavailable`] when the database is known to be away.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &*self.why.read() {
            Some(why) => Err(Error::Unavailable(format!("the database is away: {why}"))),
            None => Ok(()),
        }
    }
}
