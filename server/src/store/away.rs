//! Whether PostgreSQL is away. What asks it finds that out only after seconds, each time anew; here it is known already, and
//! who asks is refused at once.

use std::sync::Arc;

use parking_lot::RwLock;

use super::error::Error;

/// Why the database is away, when it is. Cloning it is cheap: clones know the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Away(Arc<RwLock<Option<String>>>);

impl Away {
    /// The database answers.
    pub(super) fn is_back(&self) {
        if self.0.read().is_some() && self.0.write().take().is_some() {
            tracing::info!("the database is back");
        }
    }

    /// It does not.
    pub(super) fn is_away(&self, why: &str) {
        let mut known = self.0.write();
        if known.is_none() {
            tracing::warn!(error = why, "the database is away: what needs it is refused at once until it is back");
        }
        *known = Some(why.to_owned());
    }

    /// # Errors
    /// [`Error::Unavailable`] when the database is known to be away.
    pub(super) fn check(&self) -> Result<(), Error> {
        match &*self.0.read() {
            Some(why) => Err(Error::Unavailable(format!("the database is away: {why}"))),
            None => Ok(()),
        }
    }
}
