//! What tests of other rooms see of the store, and decide: which queries it makes, and which of them fail.

use parking_lot::Mutex;

use super::error::Error;

/// Queries that were made, and one that fails. All handles to one log share it.
#[derive(Debug, Default)]
pub struct Watched {
    /// The SQL of each; `None` until somebody wants to know.
    asked: Mutex<Option<Vec<String>>>,
    failing: Mutex<Option<&'static str>>,
}

impl Watched {
    /// Forgets what was asked until now, and returns it.
    pub fn take(&self) -> Vec<String> {
        self.asked.lock().replace(Vec::new()).unwrap_or_default()
    }

    /// How many queries with this in their SQL there were since.
    pub fn count(&self, part: &str) -> usize {
        self.asked.lock().iter().flatten().filter(|sql| sql.contains(part)).count()
    }

    /// Lets queries with this in their SQL fail, or none.
    pub fn set_failing(&self, part: Option<&'static str>) {
        *self.failing.lock() = part;
    }

    pub(super) fn asked(&self, sql: &str) -> Result<(), Error> {
        if let Some(asked) = &mut *self.asked.lock() {
            asked.push(sql.to_owned());
        }
        match *self.failing.lock() {
            Some(part) if sql.contains(part) => Err(Error::Unavailable("the database cannot be read".into())),
            _ => Ok(()),
        }
    }
}
