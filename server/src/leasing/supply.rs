//! The source of endpoints. Leasing asks for them and is given them; it creates none.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::endpoint::Endpoint;
use super::error::Error;

/// The unmet demand of a version's calls on this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// Calls waiting for a slot, including the one that asks.
    pub waiting: usize,
    /// Whether there is no endpoint at all.
    pub none: bool,
}

/// Provides endpoints for one version, within its limits. May be implemented on this server or elsewhere.
#[async_trait]
pub trait Supply: Send + Sync + 'static {
    /// Called when calls find no slot. Returns immediately, without an endpoint: one that becomes available is added
    /// later. The endpoints are locked during the call and must not be used in it.
    ///
    /// # Errors
    /// Why there will be none soon, if that is known: then calls do not wait.
    fn call_for(self: Arc<Self>, call: Call) -> Result<(), Error>;

    /// An endpoint reserved for one run; `None` if such endpoints do not exist for this version.
    ///
    /// # Errors
    /// If there is none in time, or none at all.
    async fn alone(self: Arc<Self>, deadline: Instant) -> Result<Option<Alone>, Error>;

    /// Replaces an endpoint that does not answer and gets no more calls. `why` is for people.
    fn replace(self: Arc<Self>, endpoint: &Arc<Endpoint>, why: String);
}

/// An endpoint reserved for one run.
pub struct Alone {
    /// The endpoint.
    pub endpoint: Arc<Endpoint>,
    /// Ends the reservation when dropped.
    pub until: Box<dyn Send + Sync>,
}
