//! Where endpoints come from. Leasing asks for them and learns of them; it makes none.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::error::Error;

/// What calls of a version lack on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Calls that wait for a place, the one that asks included.
    pub waiting: usize,
    /// There is not one endpoint.
    pub none: bool,
}

/// Sees to it that one version has endpoints, as far as there may be any. Who does may be on this server or not.
#[async_trait]
pub trait Supply: Send + Sync + 'static {
    /// Calls have no place. Returns at once, without an endpoint: if one comes, it is added. The endpoints are locked
    /// meanwhile, and must not be asked.
    ///
    /// # Errors
    /// Why none will come soon, where that is known: then no call waits.
    fn call_for(self: Arc<Self>, call: Call) -> Result<(), Error>;

    /// An endpoint that takes the call of one run and no other; `None` where there are none of that kind.
    ///
    /// # Errors
    /// When there is none in time, or none at all.
    async fn alone(self: Arc<Self>, deadline: Instant) -> Result<Option<Alone>, Error>;

    /// An endpoint does not answer, and takes no more calls: another one is to take its place. `why` is for people.
    fn replace(self: Arc<Self>, endpoint: &Arc<Endpoint>, why: String);
}

/// An endpoint for one run.
pub struct Alone {
    /// Where it is.
    pub endpoint: Arc<Endpoint>,
    /// Dropped after the call.
    pub until: Box<dyn Send + Sync>,
}
