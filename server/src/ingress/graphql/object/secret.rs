//! That a secret is set.

use async_graphql::SimpleObject;
use chrono::{DateTime, Utc};

use crate::store::SecretInfo;

/// A secret of a namespace. Its value is never shown.
#[derive(SimpleObject)]
pub(in crate::ingress::graphql) struct Secret {
    /// Its namespace.
    namespace: String,
    /// Unique in its namespace; the variable's name in a function that asks for it.
    name: String,
    /// When it was set last.
    set_at: DateTime<Utc>,
}

impl From<SecretInfo> for Secret {
    fn from(info: SecretInfo) -> Self {
        Self { namespace: info.namespace, name: info.name, set_at: info.set_at }
    }
}
