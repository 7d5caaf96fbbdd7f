//! Public access to functions ([`domain::doors`]): custom paths, anonymous callers, cross-origin pages. The table is
//! kept in memory and follows the log, so that requests from strangers cause no queries.
//!
//! [`Admission`] decides whether a version may have the paths that it claims.

mod admission;

use domain::doors::{Found, Table};
use domain::recorded::Fact;

use crate::store::{self, Fold, Projection, Store};
pub use admission::{Admission, Decision};

/// The current table. Cheap to clone. The default is empty and follows nothing.
#[derive(Clone, Default)]
pub struct Doors(Projection<Table>);

impl Fold for Table {
    const KIND: &'static str = "function";

    fn evolve(&mut self, fact: &Fact) {
        if let Fact::Function(id, event) = fact {
            Self::evolve(self, *id, event);
        }
    }
}

impl Doors {
    /// Loads the table, and follows the log from then on. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If the log is not available.
    pub async fn open(store: Store) -> Result<Self, store::Error> {
        Projection::open(store).await.map(Self)
    }

    /// The function that serves a path now.
    pub fn at(&self, path: &str) -> Option<Found> {
        self.0.read().at(path)
    }

    /// Whether a function allows anonymous callers or cross-origin pages.
    pub fn is_open(&self, namespace: &str, name: &str) -> bool {
        self.0.read().is_open(namespace, name)
    }

    /// Whether a function that has not run yet was registered to allow anonymous callers.
    pub fn is_awaited(&self, namespace: &str, name: &str) -> bool {
        self.0.read().is_awaited(namespace, name)
    }
}
