//! Lets tests of other rooms observe queries to the store, and make some of them fail.

use parking_lot::Mutex;

use super::error::Error;

/// The observed queries, and one that fails. Shared by all handles to one log.
#[derive(Debug, Default)]
pub struct Watched {
    /// The SQL of each query; `None` until somebody starts to watch.
    asked: Mutex<Option<Vec<String>>>,
    failing: Mutex<Option<&'static str>>,
}

impl Watched {
    /// Returns the queries so far, and clears them.
    pub fn take(&self) -> Vec<String> {
        self.asked.lock().replace(Vec::new()).unwrap_or_default()
    }

    /// The number of queries since then that have this in their SQL.
    pub fn count(&self, part: &str) -> usize {
        self.asked.lock().iter().flatten().filter(|sql| sql.contains(part)).count()
    }

    /// Makes queries with this in their SQL fail, or none.
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
