//! Where routes come from that are not known on this server yet.

use std::sync::Arc;

use async_trait::async_trait;
use domain::function;

use super::error::Error;
use super::route::{Arm, Route};

/// Knows which functions run, and makes their routes.
#[async_trait]
pub trait Source: Send + Sync + 'static {
    /// The route to a running function of that name; `None` when there is no such function.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or when the log is away.
    async fn named(self: Arc<Self>, namespace: &str, name: &str) -> Result<Option<Arc<Route>>, Error>;

    /// The route to a running function; `None` when there is no such function.
    ///
    /// # Errors
    /// [`Error::NotRunning`], or when the log is away.
    async fn route(self: Arc<Self>, function: function::Id) -> Result<Option<Arc<Route>>, Error>;

    /// A certain version of a function that is registered, whether it takes ordinary calls or not; `None` when there is no
    /// such function.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], or when the log is away.
    async fn version(self: Arc<Self>, function: function::Id, version: u32) -> Result<Option<Arc<Arm>>, Error>;
}
