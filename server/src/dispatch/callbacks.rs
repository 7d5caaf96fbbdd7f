//! What calling back is done with.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::config::Outward;

/// The key that calls back of a namespace are signed with, as bytes; why there is none, for people.
pub type Secret = Arc<dyn Fn(&str) -> BoxFuture<'static, Result<Vec<u8>, String>> + Send + Sync>;

/// What calling back is done with. Cloning it is cheap.
#[derive(Clone)]
pub struct Callbacks {
    /// Which addresses may be called.
    pub outward: Outward,
    /// What calls are signed with.
    pub secret: Secret,
}
