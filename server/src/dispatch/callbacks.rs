//! The dependencies of callbacks.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::outbound::Outward;

/// Returns the key for signing a namespace's callbacks, or an error message.
pub type Secret = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// The dependencies of callbacks. Cheap to clone.
#[derive(Clone)]
pub struct Callbacks {
    /// The addresses that may be called.
    pub outward: Outward,
    /// The signing keys.
    pub secret: Secret,
}
