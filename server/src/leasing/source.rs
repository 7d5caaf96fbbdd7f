//! The source of routes that this server does not know yet.

use std::sync::Arc;

use async_trait::async_trait;
use domain::function;

use super::error::Error;
use super::route::{Arm, Route};

/// Knows which functions are running, and builds their routes.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The route to a running function by name; `None` if there is no such function.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or if the log is not available.
    async fn named(self: Arc<Self>, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error>;

    /// The route to a running function; `None` if there is no such function.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or if the log is not available.
    async fn route(self: Arc<Self>, function: function::Id) -> Result<Option<Arc<Route>>, Error>;

    /// A given version of a registered function, whether it takes ordinary calls or not; `None` if there is no such
    /// function.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], or if the log is not available.
    async fn version(self: Arc<Self>, function: function::Id, version: u32) -> Result<Option<Arc<Arm>>, Error>;
}
